"""The environment that the start script keeps, with a real venv and a real pip, on a project that needs no network."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_start import PACKAGING, environment

# An in-tree build backend: pip then fetches nothing. It waits at a pipe where one is put before it.
BACKEND = """
import pathlib, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    if pathlib.Path("gate").exists():
        open("gate").read()
    if pathlib.Path("fail").exists():
        raise SystemExit("told to fail")
    info = "maml_studio-0.1.dist-info"
    name = "maml_studio-0.1-py3-none-any.whl"
    metadata = "Metadata-Version: 2.1\\nName: maml-studio\\nVersion: 0.1\\nProvides-Extra: dev\\n"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        wheel.writestr("maml_studio.pth", str(pathlib.Path.cwd()))
        wheel.writestr(info + "/METADATA", metadata)
        wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "/RECORD", "")
    return name
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "maml-studio"
version = "0.1"
"""
PROGRAM = "import os, sys; print('ran', *sys.argv[1:], 'in', os.getcwd()); sys.exit(7)\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("a project")
    (root / "maml_studio").mkdir()
    (root / "maml_studio/__main__.py").write_text(PROGRAM)
    (root / "backend.py").write_text(BACKEND)
    (root / "pyproject.toml").write_text(PYPROJECT)
    shutil.copytree(PACKAGING, root / "packaging", ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        yield root


@pytest.fixture(scope="module")
def ready(project):
    environment.set_up(project, set())
    return project


def start_words(root, *words, **environ):
    kept = {name: value for name, value in os.environ.items() if not name.endswith("DISPLAY") and name[:3] != "QT_"}
    command = [sys.executable, root / "packaging/start.py", *words]
    return subprocess.run(command, env={**kept, **environ}, cwd=root.parent, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes and process groups are POSIX's")
def test_ctrl_c_in_the_middle_of_pip_is_one_sentence_and_the_next_start_begins_afresh(project, capfd):
    os.mkfifo(project / "gate")
    command = [sys.executable, project / "packaging/start.py", "presets"]
    # A shell that starts the tests in the background has them ignore SIGINT, and what they start would inherit that.
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with (project / "gate").open("w"):  # opens once pip is waiting on the other side
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate()
    (project / "gate").unlink()
    assert process.returncode == 130
    assert out.splitlines()[-1] == "MAML Studio: stopped by Ctrl+C."
    assert "Traceback" not in out + err
    assert environment.read_stamp(project / ".venv")["state"] == "installing"

    left_over = project / ".venv/left-over"
    left_over.touch()
    environment.set_up(project, set())
    assert "because the last set-up did not finish" in capfd.readouterr().out
    assert not left_over.exists()
    assert environment.read_stamp(project / ".venv")["state"] == "ready"


def test_a_second_start_does_nothing_and_passes_words_folder_and_exit_code_through(ready):
    note = (ready / ".venv" / environment.STAMP).stat().st_mtime_ns
    done = start_words(ready, "evaluate", "--set", "task.shot=5")
    assert done.stdout == f"ran evaluate --set task.shot=5 in {ready.parent}\n"
    assert done.returncode == 7
    assert (ready / ".venv" / environment.STAMP).stat().st_mtime_ns == note


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux may lack a display")
def test_without_a_display_the_default_run_goes_to_the_terminal(ready):
    done = start_words(ready)
    assert "there is no display" in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[1].startswith("ran train digits-maml in")
    assert done.returncode == 7
    assert "there is no display" not in start_words(ready, QT_QPA_PLATFORM="offscreen").stdout


def test_developers_tools_stay_and_a_changed_pyproject_is_noticed(ready, capfd):
    environment.set_up(ready, {"dev"})
    assert "pip install -e .[dev]" in capfd.readouterr().out
    environment.set_up(ready, set())
    environment.set_up(ready, {"dev"})
    assert capfd.readouterr().out == ""

    pyproject = ready / "pyproject.toml"
    pyproject.write_text(PYPROJECT + "description = 'changed'\n")
    environment.set_up(ready, set())
    assert "pip install -e .[dev]" in capfd.readouterr().out


def test_when_pip_gives_up_the_ready_environment_is_kept(ready):
    before = environment.read_stamp(ready / ".venv")
    (ready / "fail").touch()
    with contextlib.ExitStack() as stack:
        stack.callback((ready / "fail").unlink)
        with pytest.raises(environment.SetupError, match="pip could not install"):
            environment.set_up(ready, {"dev", "another"})
    assert environment.read_stamp(ready / ".venv") == before
    environment.set_up(ready, {"dev"})


@pytest.mark.parametrize("words", ["", "[]", '{"state": "re', '{"extras": 3}'])
def test_a_note_that_cannot_be_read_counts_as_none(tmp_path, words):
    (tmp_path / environment.STAMP).write_text(words)
    stamp = environment.read_stamp(tmp_path)
    assert environment.noted_extras(stamp) == set()
    assert environment.reason_to_rebuild("3.11", stamp) is None


def test_an_interpreter_that_is_missing_or_does_not_run_has_no_version(tmp_path):
    assert environment.working_version(Path(sys.executable)) == "{}.{}".format(*sys.version_info)
    assert environment.working_version(tmp_path / "python") is None
    (tmp_path / "python").write_text("no program")
    (tmp_path / "python").chmod(0o755)
    assert environment.working_version(tmp_path / "python") is None


def test_a_broken_environment_is_emptied_and_made_again(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path], check=True)
    python = environment.venv_python(tmp_path)
    python.unlink()
    python.symlink_to(tmp_path / "gone")
    (tmp_path / "lib-of-old").mkdir()
    assert environment.working_version(python) is None
    assert environment.make_venv(tmp_path) == "{}.{}".format(*sys.version_info)
    assert not (tmp_path / "lib-of-old").exists()
    assert json.loads((tmp_path / environment.STAMP).read_text())["state"] == "installing"


def test_a_second_start_waits_for_the_first(tmp_path):
    code = "import environment, pathlib, sys\nwith environment.alone(pathlib.Path(sys.argv[1])): print('in')"
    command = [sys.executable, "-c", code, tmp_path]
    with environment.alone(tmp_path):
        second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(PACKAGING)})
        assert "another start is setting up" in second.stdout.readline()
    assert second.communicate()[0] == "in\n"
