"""``python -m maml_studio``: no arguments opens the window, a verb runs the command line."""

import os
import sys
from io import TextIOWrapper


def main() -> None:
    """Run, and end the process."""
    # Before torch is imported: a waiting thread should not burn the core that the window needs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # A file's name, or a ± where the terminal has none, should not end the program.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    from .cli import main as run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
