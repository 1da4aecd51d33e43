"""The .deb, built, installed in a bare Debian (debootstrap and chroot, an empty environment) and used there.

    pytest -m slow tests/packaging/test_deb.py          as root, half an hour on two cores

``MAML_STUDIO_DEB`` names a package that is built already, ``MAML_STUDIO_BARE`` an empty folder to keep the installed system in, or one
that holds it from the last time.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from bare import TOOLS, Bare, screen
from PIL import Image

from maml_studio.drawings import DrawnClass, DrawnTask, write_drawn

ROOT = Path(__file__).resolve().parents[2]
MISSING = [tool for tool in (*TOOLS, "dpkg-deb", "dpkg-shlibdeps", "Xvfb", "xdotool", "import") if not shutil.which(tool)]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}"),
    pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may chroot"),
]


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    kept = Path(os.environ.get("MAML_STUDIO_BARE") or tmp_path_factory.mktemp("bare"))
    system = Bare(kept)
    if not (kept / "usr/bin/maml-studio").exists():
        deb = os.environ.get("MAML_STUDIO_DEB")
        if deb is None:
            subprocess.run([sys.executable, ROOT / "packaging/build.py", "deb", "--fresh"], check=True)
            deb = next((ROOT / "dist").glob("maml-studio_*.deb"))
        system = Bare.make(kept)
        system.install(Path(deb))
    for left in (kept / "root").iterdir():  # by the last time
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    yield system
    if "MAML_STUDIO_BARE" not in os.environ:
        shutil.rmtree(kept)


def works(bare, *words):
    done = bare.run(["maml-studio", *words])
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def images(bare):
    """Five classes of one image, a bar at five angles."""
    for number in range(5):
        y, x = np.mgrid[-20:20, -20:20]
        angle = number * np.pi / 5
        ink = (np.abs(x * np.sin(angle) - y * np.cos(angle)) < 2) & (np.hypot(x, y) < 15)
        folder = bare.root / f"root/images/bar {number}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.where(ink, 0, 255).astype(np.uint8)).save(folder / "one.png")
    return "/root/images"


def test_there_is_no_python_and_no_qt_but_ours(bare):
    assert bare.run(["sh", "-c", "command -v python3; ls /usr/lib/*/libQt*"]).stdout == ""


def test_help_and_presets(bare):
    assert "Usage: maml-studio" in works(bare, "--help")
    assert "digits-maml" in works(bare, "presets")


def test_it_trains(bare):
    said = works(bare, "train", "sinusoid-maml", "--set", "training.iterations=20", "--run-dir", "/root/sines")
    assert "Finished after" in said
    said = works(bare, "train", "digits-maml", "--set", "training.iterations=2", "--set", "evaluation.tasks=4", "--run-dir", "/root/digits")
    assert "Finished after" in said
    assert "± " in works(bare, "evaluate", "/root/digits", "--tasks", "4")


def test_it_adapts_and_every_export_is_written(bare, images):
    assert "bar 3" in works(bare, "adapt", "pretrained", "--support", images, "--query", images)
    for kind, name in (("safetensors", "a.safetensors"), ("onnx", "a.onnx"), ("pt2", "a.pt2"), ("prototypes", "p.safetensors")):
        works(bare, "export", "pretrained", "--format", kind, "--support", images, "--out", f"/root/{name}")
        assert (bare.root / "root" / name).stat().st_size > 100_000
    session = onnxruntime.InferenceSession(bare.root / "root/a.onnx", providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(None, {session.get_inputs()[0].name: np.zeros((3, 1, 28, 28), np.float32)})
    assert probabilities.shape == (3, 5)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)


def test_what_it_has_not_is_a_sentence(bare):
    done = bare.run(["maml-studio", "train", "omniglot-5w1s-maml", "--set", "training.iterations=1"])
    assert done.returncode == 2
    assert "needs torchvision" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_it_starts_without_a_screen(bare):
    assert "there is no display" in bare.run(["maml-studio"]).stderr
    with bare.started(["maml-studio"], QT_QPA_PLATFORM="offscreen") as window:
        with pytest.raises(subprocess.TimeoutExpired):
            window.wait(20)  # it stays
        window.terminate()
        assert window.wait(60) == 0


@pytest.fixture(scope="module")
def display():
    with screen() as name:
        yield name


def colours_on(display, picture):
    subprocess.run(["import", "-window", "root", picture], env=os.environ | {"DISPLAY": display}, check=True)
    with Image.open(picture) as image:
        return len(image.convert("RGB").getcolors(1 << 24))


@pytest.mark.parametrize("what", ["nothing", "drawings", "run"])
def test_its_window_is_on_the_screen(bare, display, tmp_path, what):
    write_drawn(bare.root / "root/mine.drawn.json", DrawnTask((DrawnClass("sun"), DrawnClass("moon"))))
    words = {"nothing": [], "drawings": ["/root/mine.drawn.json"], "run": ["/root/sines"]}[what]
    with bare.started(["maml-studio", *words], DISPLAY=display) as window:
        end, colours = time.monotonic() + 60, 0
        while colours < 100 and time.monotonic() < end:  # until it has painted itself
            colours = colours_on(display, tmp_path / "screen.png")
        assert colours >= 100
        window.terminate()
        assert window.wait(60) == 0


def test_the_desktop_finds_entry_icon_and_types(bare):
    share = bare.root / "usr/share"
    assert (share / "applications/maml-studio.desktop").is_file()
    assert (share / "metainfo/local.maml_studio.app.metainfo.xml").is_file()
    assert (share / "mime/packages/maml-studio.xml").is_file()
    assert (share / "icons/hicolor/256x256/apps/maml-studio.png").is_file()
    assert (share / "doc/maml-studio/THIRD-PARTY-NOTICES.txt.gz").is_file()


def test_it_goes_without_a_trace(bare):
    if "MAML_STUDIO_BARE" in os.environ:
        pytest.skip("the system is kept, with the app in it")
    assert bare.run(["dpkg", "--remove", "maml-studio"], PATH="/usr/sbin:/usr/bin:/sbin:/bin").returncode == 0
    assert not (bare.root / "usr/lib/maml-studio").exists()
