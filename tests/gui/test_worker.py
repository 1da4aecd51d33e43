from maml_studio.gui.run_model import RunModel
from maml_studio.gui.session import RunSession
from maml_studio.gui.worker import LatestWorker

LONG = 60_000


class NoExperiment:
    """What no user can bring about: only a defect would hand it to the session."""

    name = "broken"


def test_a_defect_in_training_ends_the_run_with_a_sentence(window, qtbot, tmp_path, capfd):
    window.session.start(NoExperiment(), tmp_path / "run")
    qtbot.waitUntil(lambda: not window.session.running, timeout=LONG)
    assert window.run.status == "failed"
    assert "defect of MAML Studio" in window.train_page.message.text()
    assert "AttributeError" in window.train_page.message.text()
    assert "Traceback" in capfd.readouterr().err
    assert window.train_page.train_button.isEnabled()


def test_a_run_that_ends_without_a_word_is_not_waited_for(qapp):
    model = RunModel()
    session = RunSession(model)
    model.set_loading()
    session._ended()
    assert model.status == "failed"


class Careless(LatestWorker):
    def work(self, request):
        return {}[request]


def test_a_defect_in_a_thread_is_told_and_the_thread_lives_on(qtbot, capfd):
    worker = Careless()
    for request in ("one", "two"):
        with qtbot.waitSignal(worker.failed, timeout=LONG) as told:
            worker.ask(request)
        assert told.args[0] == request
        assert f"KeyError: '{request}'" in told.args[1]
        assert "Traceback" in capfd.readouterr().err
    worker.end()
