"""A file or a folder that stands alone on the command line is for the window; with no display, that is what it says."""

from pathlib import Path

import pytest

from maml_studio.cli import main
from maml_studio.drawings import DrawnClass, DrawnTask, write_drawn
from maml_studio.spec import load_preset, to_toml

NO_DISPLAY = "maml-studio: there is no display to open the window on"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with an experiment, a drawn task, a run, a folder that is none; and no display."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.toml").write_text(to_toml(load_preset("digits-maml")))
    write_drawn(tmp_path / "my.drawn.json", DrawnTask((DrawnClass("a"), DrawnClass("b"))))
    (tmp_path / "run").mkdir()
    (tmp_path / "run/experiment.toml").write_text((tmp_path / "my.toml").read_text())
    (tmp_path / "data").mkdir()
    return tmp_path


@pytest.mark.parametrize("word", ["my.toml", "my.drawn.json", "run", "run/", "run/experiment.toml"])
def test_what_is_for_the_window(here: Path, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word]) == 2
    assert capsys.readouterr().err.startswith(NO_DISPLAY)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("gone.toml", "gone.toml: there is no such file"),
        ("gone.drawn.json", "gone.drawn.json: there is no such file"),
        ("./data", "./data is no run folder: there is no experiment.toml in it"),
        ("gone", "No such command 'gone'."),
    ],
)
def test_what_is_not(here: Path, word: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word]) == 2
    assert capsys.readouterr().err == f"maml-studio: {sentence}\n"


def test_a_verb_stays_a_verb_beside_a_folder_of_its_name(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data"]) == 0
    assert "digits" in capsys.readouterr().out
