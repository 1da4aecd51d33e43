"""The bundle: an environment of its own with a CPU build of torch, PyInstaller, and what the app needs of it all.

Standard library only.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from checks import SetupError, say
from environment import alone, make_venv, read_stamp, run_pip, venv_python, wanted_stamp, working_version, write_stamp

TORCH = "2.13.0"
NAME = "MAML Studio.app" if sys.platform == "darwin" else "maml-studio"
"""Of the bundle, a folder."""
EXTRAS = {"package", "optuna", "tensorboard"}
MODULES = (
    # Never imported by the app; drawn in through something that could.
    *("tkinter", "matplotlib", "IPython", "pandas", "pytest", "hypothesis", "setuptools", "pip", "mypy", "grpc", "lxml"),
    *("PySide6.QtNetwork", "PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtTest", "PySide6.QtPrintSupport", "PySide6.QtDBus"),
    *("pyqtgraph.examples", "pyqtgraph.opengl", "pyqtgraph.jupyter"),
    # Python's prompt, whose library is under the GPL.
    *("readline", "rlcompleter", "curses", "_curses"),
    *(f"torch.testing._internal.{name}" for name in ("opinfo", "common_methods_invocations", "common_modules", "distributed.rpc")),
)
FILES = (
    # Prefixes of paths in the bundle, or patterns. Of torch/bin the share manager stays: without it torch can't be imported.
    *("torch/include/", "torch/share/", "torch/test/", "torch/bin/test", "torch/bin/protoc", "torch/lib/*.a"),
    *("PySide6/Qt/translations/", "sklearn/datasets/images/", "onnx/backend/test/"),
    # The system's own go with its settings, services and drivers; every Linux with a desktop has them, the .deb asks for them.
    *("libfontconfig.so.1", "libfreetype.so.6", "libexpat.so.1", "libpng16.so.16", "libbrotlicommon.so.1", "libbrotlidec.so.1"),
    *("libdbus-1.so.3", "libsystemd.so.0", "libcap.so.2", "libgcrypt.so.20", "libgpg-error.so.0", "liblz4.so.1", "libzstd.so.1"),
    *("libglib-2.0.so.0", "libgthread-2.0.so.0", "libpcre2-8.so.0", "libX11.so.6", "libX11-xcb.so.1", "libXau.so.6", "libXdmcp.so.6"),
    *("libbsd.so.0", "libmd.so.0", "libstdc++.so.6", "libgcc_s.so.1"),
)
PLUGINS = (
    # Taken out of the environment, not of the bundle, since PyInstaller brings along whatever library a plugin names: all of GTK, say.
    *("platformthemes/*gtk3*", "imageformats/*tiff*", "imageformats/*pdf*", "platforms/*eglfs*", "platforms/*linuxfb*", "platforms/*vnc*"),
    *("platforms/*egl*", "platforms/*vkkhr*", "platforminputcontexts/*virtualkeyboard*", "egldeviceintegrations/*", "generic/*", "tls/*"),
    *("networkinformation/*", "printsupport/*", "sqldrivers/*", "qmltooling/*", "designer/*", "wayland-graphics-integration-server/*"),
)
SYMBOLS = ("libpython3*.so*", "torch/lib/libtorch_cpu.so", "torch/lib/libtorch_python.so")
"""Linux: names for debuggers take 115 MB in these."""


def build_bundle(root: Path, bundle: Path, torch: str) -> None:
    """Builds `bundle`, whole or not at all.

    Args:
        root: the folder of pyproject.toml.
        bundle: the folder to make; an older one is replaced.
        torch: which version of torch goes in.

    Raises:
        SetupError: a step failed.
    """
    work = root / "build" / "package"
    work.mkdir(parents=True, exist_ok=True)
    python = _environment(root, work / "venv", torch)
    modules = list(MODULES)
    if not _imports(python, "torchvision"):
        say("torchvision does not go with this build of torch, so the bundle can't download MNIST, Omniglot and their kin.")
        modules.append("torchvision")
    for plugins in work.glob("venv/**/site-packages/PySide6/**/plugins"):
        for plugin in (file for pattern in PLUGINS for file in plugins.glob(pattern)):
            plugin.unlink(missing_ok=True)
    # All from the build's folder: elsewhere Python would find the checkout before the package.
    _run([python, root / "packaging" / "icons.py", root / "resources" / "icons" / "app.svg", work / "icons"], work)
    environ = {"MAML_STUDIO_BUILD": str(work), "MAML_STUDIO_LEFT_OUT": json.dumps({"modules": modules, "files": FILES})}
    with tempfile.TemporaryDirectory(dir=work) as made:
        places = ["--distpath", made, "--workpath", work / "pyinstaller", "--noconfirm", "--log-level", "WARN"]
        _run([python, "-m", "PyInstaller", *places, root / "packaging" / "bundle.spec"], work, environ)
        folder = Path(made) / NAME
        if strip := shutil.which("strip") if sys.platform == "linux" else None:
            for pattern in SYMBOLS:
                for file in (folder / "_internal").glob(pattern):
                    _run([strip, "--strip-unneeded", file], work)
        texts = folder / "Contents" / "Resources" if sys.platform == "darwin" else folder
        _run([python, root / "packaging" / "notices.py", texts / "THIRD-PARTY-NOTICES.txt", work / "contents.json"], work)
        shutil.copy(root / "LICENSE", texts)
        shutil.rmtree(bundle, ignore_errors=True)
        bundle.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(bundle)
    say(f"the bundle is {bundle}, {size_of(bundle) / 1e6:.0f} MB.")


def size_of(folder: Path) -> int:
    """Returns how many bytes the files of a folder hold, links not followed."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir() or file.is_symlink())


def _environment(root: Path, venv: Path, torch: str) -> Path:
    """Brings the build's environment in step with pyproject.toml, and today's package into it; returns its interpreter."""
    with alone(venv):
        version, stamp = working_version(venv_python(venv)), read_stamp(venv)
        if version is None or stamp != wanted_stamp(root, version, EXTRAS) | {"torch": torch}:
            say(f"making the environment {venv}, with torch {torch}.")
            version = make_venv(venv)
            _ensure_pip(venv)
            target = f"{root}[{','.join(sorted(EXTRAS))}]"
            if run_pip([str(venv_python(venv)), "-m", "pip", "install", target, f"torch=={torch}"], root):
                raise SetupError("pip could not install what the bundle is made of; the lines above say why.")
            write_stamp(venv, wanted_stamp(root, version, EXTRAS) | {"torch": torch})
        # As users get it, resources inside; the environment may be of yesterday, the code is of today.
        install = ["-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", str(root)]
        if run_pip([str(venv_python(venv)), *install], root):
            raise SetupError("pip could not install MAML Studio; the lines above say why.")
    return venv_python(venv)


def _ensure_pip(venv: Path) -> None:
    if subprocess.run([venv_python(venv), "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL, check=False).returncode:
        raise SetupError(f"Python could not put pip into {venv}; the lines above say why.")


def _imports(python: Path, module: str) -> bool:
    return subprocess.run([python, "-I", "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


def _run(command: list[str | Path], folder: Path, environ: dict[str, str] | None = None) -> None:
    if subprocess.run(command, cwd=folder, env={**os.environ, **(environ or {})}, check=False).returncode:
        raise SetupError(f"{Path(command[1]).name if len(command) > 1 else command[0]} failed; the lines above say why.")
