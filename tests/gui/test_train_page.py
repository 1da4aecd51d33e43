import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from window_cases import tiny

from maml_studio.training.events import Started

LONG = 60_000


def trained(qtbot, window):
    qtbot.mouseClick(window.train_page.train_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.run.status == "finished" and not window.session.running, timeout=LONG)


def test_inner_loops_of_training_and_validation_fade_into_the_past(window, qtbot):
    trained(qtbot, window)
    plot = window.train_page.inner_plot
    for role in ("support", "query"):
        assert len(plot._layers[f"{role} validation history"].curves) == 2
        assert plot._layers[f"{role} validation history"].dashed
        assert plot._layers[f"{role} validation"].dashed
        assert not plot._layers[f"{role} history"].dashed
    assert plot._note.text().startswith("outer iteration ")


def test_figures_without_room_are_in_the_tooltip(window, qtbot):
    trained(qtbot, window)
    readout = window.train_page.readout
    assert "gradient norm" in readout.text()
    readout.resize(60, 20)
    readout.set_text(readout.text() + "  and more")
    assert readout.toolTip() == readout.text() == readout.accessibleName()
    readout.resize(2000, 20)
    assert readout.toolTip() == ""


def test_data_that_a_run_has_fetched_is_shown(window, qtbot, tmp_path):
    folder = tmp_path / "later"
    window.form.set_experiment(tiny(data__source="folder", data__path=str(folder), data__split="images"))
    qtbot.waitUntil(lambda: window.train_page.preview.task is None and bool(window.form.problems()), timeout=LONG)
    for name in "abc":
        (folder / name).mkdir(parents=True)
        for number in range(15):
            image = Image.new("L", (28, 28), 255)
            image.paste(0, (2 + number, 4, 6 + number, 24))
            image.save(folder / name / f"{number}.png")
    window.run.set_loading()
    window.run.take([Started(0, 6, "cpu", 10, "support")])
    qtbot.waitUntil(lambda: window.train_page.preview.task is not None, timeout=LONG)
    assert not window.form.problems()
    window.run.end_replay()


@pytest.fixture
def slow_server(monkeypatch):
    """Sends a large file a little at a time until the test is over; says how many have asked and how many have gone."""
    over, asked, gone = threading.Event(), [], []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "1000000000")
            self.end_headers()
            try:
                while not over.wait(0.01):
                    self.wfile.write(bytes(4096))
            except ConnectionError:
                gone.append(self.path)

        def log_message(self, *words):
            pass

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", asked, gone
        over.set()
        server.shutdown()
        thread.join()


def test_train_takes_over_what_the_preview_was_fetching(window, qtbot, slow_server, monkeypatch):
    from torchvision.datasets import MNIST

    url, asked, gone = slow_server
    monkeypatch.setattr(MNIST, "mirrors", [url])
    page = window.train_page
    window.form.set_experiment(tiny(data__source="mnist"))
    qtbot.waitUntil(page.download_button.isVisible, timeout=LONG)
    qtbot.mouseClick(page.download_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=LONG)
    assert page.cancel_button.isVisible()
    qtbot.mouseClick(page.train_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(gone) == 1 and len(asked) == 2, timeout=LONG)
    # Which of the two it says depends on who looks at the data's lock first.
    either = ("The run fetches it", "Waiting for another download")
    qtbot.waitUntil(lambda: any(words in page.preview.accessibleDescription() for words in either), timeout=LONG)
    assert not page.cancel_button.isVisible()
    assert not page.download_button.isVisible()
    qtbot.mouseClick(page.stop_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.session.running, timeout=LONG)
    qtbot.waitUntil(page.download_button.isVisible, timeout=LONG)
