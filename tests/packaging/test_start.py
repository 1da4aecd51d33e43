"""The start script: what it asks of the machine, and what it says when it cannot go on."""

import ast
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
START = PACKAGING / "start.py"

_spec = importlib.util.spec_from_file_location("start", START)
start = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(start)
checks = importlib.import_module("checks")
environment = importlib.import_module("environment")

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="shared libraries and apt are Linux's")


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"QT_QPA_PLATFORM": "offscreen"}, "linux", True),
        ({"QT_QPA_PLATFORM": "vnc:size=800x600"}, "linux", True),
        ({"QT_QPA_PLATFORM": "xcb"}, "linux", False),
        ({"QT_QPA_PLATFORM": "wayland-egl;xcb"}, "linux", False),
        ({}, "win32", True),
        ({}, "darwin", True),
    ],
)
def test_display(environ, platform, expected):
    assert checks.has_display(environ, platform) is expected


@on_linux
def test_only_what_the_loader_lacks_is_missing():
    assert checks.missing_libraries(["libc.so.6", "libno-such-thing.so.7"]) == ["libno-such-thing.so.7"]


@on_linux
def test_the_libraries_that_these_tests_draw_with_are_found():
    assert checks.missing_for_tests() == {}
    assert checks.missing_for_window({"QT_QPA_PLATFORM": "offscreen", "DISPLAY": ":0"}) == {}


@on_linux
def test_what_a_window_lacks_follows_the_display(monkeypatch):
    monkeypatch.setattr(checks, "X_LIBRARIES", {"libno-x.so.1": "no-x", "libno-x.so.2": "no-x2"})
    monkeypatch.setattr(checks, "WAYLAND_LIBRARIES", {"libno-wayland.so.1": "no-wayland"})
    assert checks.missing_for_window({"DISPLAY": ":0"}) == {"libno-x.so.1": "no-x", "libno-x.so.2": "no-x2"}
    assert checks.missing_for_window({"WAYLAND_DISPLAY": "w"}) == {"libno-wayland.so.1": "no-wayland"}
    assert checks.missing_for_window({"DISPLAY": ":0", "WAYLAND_DISPLAY": "w"}) == {"libno-wayland.so.1": "no-wayland"}
    monkeypatch.setattr(checks, "WAYLAND_LIBRARIES", {})
    assert checks.missing_for_window({"DISPLAY": ":0", "WAYLAND_DISPLAY": "w"}) == {}


def test_where_apt_may_not_be_run_its_one_line_is_given(monkeypatch):
    monkeypatch.setenv("PATH", "")
    missing = {"libGL.so.1": "libgl1", "libEGL.so.1": "libegl1", "libGLX.so.0": "libgl1"}
    with pytest.raises(checks.SetupError) as error:
        checks.provide(missing, "Qt")
    assert "libGL.so.1, libEGL.so.1, libGLX.so.0" in str(error.value)
    assert "sudo apt-get install -y libgl1 libegl1 (" in str(error.value)
    checks.provide({}, "Qt")


def test_this_python_can_make_environments():
    assert checks.missing_venv() == {}


@pytest.mark.parametrize(
    ("version", "stamp", "reason"),
    [
        ("3.11", {}, None),
        ("3.13", {"state": "ready", "python": "3.13"}, None),
        (None, {"state": "ready", "python": "3.11"}, "does not run"),
        ("3.9", {}, "needs 3.11"),
        ("3.12", {"state": "ready", "python": "3.11"}, "made for Python 3.11"),
        ("3.11", {"state": "installing", "python": "3.11"}, "did not finish"),
    ],
)
def test_when_an_environment_is_made_afresh(version, stamp, reason):
    said = environment.reason_to_rebuild(version, stamp)
    assert said is None if reason is None else reason in said


def test_an_old_python_is_told_in_a_sentence():
    ast.parse(START.read_text(encoding="utf-8"), feature_version=(3, 6))
    code = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path(sys.argv[1], run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code, START], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == "MAML Studio needs Python 3.11 or newer, and this is Python 3.9."


def test_every_check_runs_and_the_failed_ones_are_named(monkeypatch, capfd):
    found = {"good": ["-c", "print('good ran')"], "bad": ["-c", "raise SystemExit(3)"]}
    pytest_words = ["-c", "import os, sys; print(os.environ['QT_QPA_PLATFORM'], *sys.argv[1:])"]
    monkeypatch.setattr(start, "CHECKS", {"bad": found["bad"], "good": found["good"], "pytest": pytest_words})
    assert start.run_checks(Path(sys.executable), ["-k", "spec"]) == 1
    said = capfd.readouterr().out
    assert "good ran" in said
    assert "offscreen -k spec" in said
    assert "failed: bad." in said
    monkeypatch.setattr(start, "CHECKS", {"good": found["good"]})
    assert start.run_checks(Path(sys.executable), []) == 0
