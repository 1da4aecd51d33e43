"""Builds what reaches people without Python: a folder that runs by itself, and a Debian package of it.

    python packaging/build.py bundle      dist/maml-studio (on a Mac an .app), by PyInstaller, on the system that it is for
    python packaging/build.py deb         dist/maml-studio_VERSION_ARCH.deb, of the bundle, which is built first where it is missing
    --torch VERSION                       the torch in it (2.13.0); whether that is a CPU build is for your pip settings to say
    --fresh                               build the bundle again

All that is built with lies in build/package, its environment too; nothing is installed elsewhere. packaging/README.md tells the rest.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from bundle import NAME, TORCH, build_bundle
from checks import SetupError, say
from deb import build_deb

ROOT = Path(__file__).resolve().parent.parent


def main(words: list[str]) -> int:
    """Builds what the words ask for, and returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("bundle", "deb"))
    parser.add_argument("--torch", default=TORCH, metavar="VERSION")
    parser.add_argument("--fresh", action="store_true")
    wanted = parser.parse_args(words)
    bundle = ROOT / "dist" / NAME
    if wanted.what == "bundle" or wanted.fresh or not bundle.is_dir():
        build_bundle(ROOT, bundle, wanted.torch)
    if wanted.what == "deb":
        build_deb(ROOT, bundle)
    return 0


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except (SetupError, OSError) as error:
        say(str(error))
        code = 1
    sys.exit(code)
