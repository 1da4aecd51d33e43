"""Make the model that comes with the app out of a finished run: its best weights, settings, frame and scores, without the optimizer.

    python packaging/make_pretrained.py RUN

How the run is made: `python -m maml_studio train glyphs-pretrained`. The card beside the file says what it reaches; see
tests/benchmarks/README.md for how that was measured.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from maml_studio.training.checkpoint import save_checkpoint  # noqa: E402
from maml_studio.training.run_folder import BEST, RunFolder  # noqa: E402

MOST_BYTES = 1_000_000


def main() -> None:
    """Write resources/pretrained/glyphs.safetensors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the run folder")
    run = RunFolder.open(parser.parse_args().run)
    checkpoint = run.load_checkpoint(BEST)
    target = ROOT / "resources" / "pretrained" / "glyphs.safetensors"
    target.parent.mkdir(exist_ok=True)
    save_checkpoint(target, replace(checkpoint, optimizer={}, generator=None))
    size = target.stat().st_size
    print(f"{target.relative_to(ROOT)}: {size / 1000:.0f} kB, iteration {checkpoint.iteration} of {run.path.name}")
    if size > MOST_BYTES:
        sys.exit(f"It should be below {MOST_BYTES / 1e6:g} MB")


if __name__ == "__main__":
    main()
