"""Make the model that comes with the app out of a finished run: its best weights, settings, frame and scores, without the optimizer.

    python packaging/make_pretrained.py RUN

The run is made in two steps, `maml-studio train glyphs-protonet` and then `maml-studio train glyphs-proto-maml --set
training.start_from=RUN`. The card beside the file, resources/pretrained/glyphs.md, says what the model in the box reaches.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from maml_studio.spec import with_changes  # noqa: E402
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
    # No way to a folder on the author's machine.
    experiment = with_changes(checkpoint.experiment, {"name": "glyphs", "training.start_from": ""})
    save_checkpoint(target, replace(checkpoint, experiment=experiment, optimizer={}, generator=None))
    size = target.stat().st_size
    print(f"{target.relative_to(ROOT)}: {size / 1000:.0f} kB, iteration {checkpoint.iteration} of {run.path.name}")
    if size > MOST_BYTES:
        sys.exit(f"It should be below {MOST_BYTES / 1e6:g} MB")


if __name__ == "__main__":
    main()
