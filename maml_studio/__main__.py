"""``python -m maml_studio``: no arguments opens the window, a verb runs the command line."""

import os
import sys


def main() -> None:
    """Run, and end the process."""
    # Before torch is imported: a waiting thread should not burn the core that the window needs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from .cli import main as run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
