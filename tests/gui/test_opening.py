"""What a double click or the command line names is opened, on the page that it belongs to."""

import json
import os
import subprocess
import sys

import pytest

from maml_studio.cli import main
from maml_studio.drawings import DrawnClass, DrawnTask, write_drawn
from maml_studio.spec import load_preset, to_toml

TINY_RUN = ["model.hidden=[4]", "training.meta_batch=2", "training.iterations=2", "evaluation.every=2", "evaluation.tasks=2"]

# Looks at the window until it shows what was named, then closes it as a user would.
PROGRAM = """
import json, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from maml_studio.cli import main

def look():
    windows = [one for one in QApplication.topLevelWidgets() if getattr(one, "pages", None)]
    for window in windows:
        seen = {"form": window.form.experiment().name, "run": window.session.folder and str(window.session.folder)}
        if sys.argv[2] in seen.values():
            page = next(name for name, page in window.pages.items() if page is window.tabs.currentWidget())
            print(json.dumps(seen | {"page": page}))
            window.close()
            QApplication.quit()

app = QApplication(["maml-studio"])
timer = QTimer(interval=50)
timer.timeout.connect(look)
timer.start()
sys.exit(main([sys.argv[1]]))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "two steps"
    assert main(["train", "sinusoid-maml", *(word for one in TINY_RUN for word in ("--set", one)), "--run-dir", str(folder)]) == 0
    return folder


def test_drawings_are_opened_on_the_draw_page(window, tmp_path):
    file = tmp_path / "mine.drawn.json"
    write_drawn(file, DrawnTask((DrawnClass("sun"), DrawnClass("moon"))))
    window.show_page("train")
    window.files.open(str(file))
    assert window.tabs.currentWidget() is window.draw_page
    assert window.draw_page.files.path == file
    assert window.draw_page.files.task().classes[1].name == "moon"


def test_an_experiment_is_opened_on_the_train_page(window, tmp_path):
    file = tmp_path / "mine.experiment.toml"
    file.write_text(to_toml(load_preset("sinusoid-maml")))
    window.show_page("compare")
    window.files.open(str(file))
    assert window.tabs.currentWidget() is window.train_page
    assert window.form.experiment() == load_preset("sinusoid-maml")


def test_a_run_folder_is_opened_with_its_curves(window, qtbot, run, monkeypatch):
    monkeypatch.chdir(run.parent)
    window.show_page("draw")
    with qtbot.waitSignal(window.session.opened):
        window.files.open(run.name)
    assert window.tabs.currentWidget() is window.train_page
    assert window.session.folder == run
    assert window.run.status == "finished"
    assert window.run.iteration == 2


@pytest.mark.parametrize("what", ["run folder", "experiment"])
def test_the_command_line_opens_it(run, tmp_path, what):
    named = run if what == "run folder" else tmp_path / "mine.toml"
    (tmp_path / "mine.toml").write_text(to_toml(load_preset("sinusoid-maml")).replace("sinusoid-maml", "mine"))
    words = [str(named), str(run) if what == "run folder" else "mine"]
    env = os.environ | {"MAML_STUDIO_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["page"] == "train"
    assert words[1] in (seen["run"], seen["form"])
