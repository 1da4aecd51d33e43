"""Who imports what, looked at from outside in a fresh Python."""

import subprocess
import sys
from pathlib import Path

import pytest

import maml_studio

PACKAGE = Path(maml_studio.__file__).parent
ENGINE = sorted(
    ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for file in PACKAGE.rglob("*.py")
    if "gui" not in file.relative_to(PACKAGE).parts
)


def run(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_engine_needs_no_qt() -> None:
    blocked = "import sys; sys.modules['PySide6'] = sys.modules['pyqtgraph'] = None"
    run(f"{blocked}\nimport importlib\nfor name in {ENGINE!r}: importlib.import_module(name)")


@pytest.mark.parametrize(
    "program",
    [
        "import maml_studio; maml_studio.__version__",
        "from maml_studio.cli import main; assert main(['--help']) == 0",
        "from maml_studio.cli import main; assert main(['train', '--help']) == 0",
        "from maml_studio.cli import main; assert main(['presets']) == 0; assert main(['data']) == 0",
        "from maml_studio.cli import main; assert main(['train', 'digits-maml', '--set', 'task.way=1']) == 2",
        "import maml_studio.gui.app",
    ],
)
def test_no_torch_before_it_is_needed(program: str) -> None:
    if "gui.app" in program and not (PACKAGE / "gui" / "app.py").is_file():
        pytest.skip("there is no window yet")
    run(f"{program}\nimport sys; assert not {{'torch', 'torchvision', 'sklearn'}} & sys.modules.keys()")


def test_public_names_are_there() -> None:
    for name in maml_studio.__all__:
        assert getattr(maml_studio, name) is not None
