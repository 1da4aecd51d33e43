"""How far training on invented characters carries over to real handwriting: Omniglot's alphabets and MNIST.

    python tests/benchmarks/glyphs_carry_over.py --omniglot DIR [--mnist] [--run RUN | --preset NAME --set FIELD=VALUE ...] --out FILE

Trains the preset (or takes a run that is there), evaluates it on 5-way 1-shot and 5-way 5-shot tasks with both norm modes, with the ink
placed as on the Draw page and as it is, and writes one JSON file: means with 95% intervals over the tasks. DIR is Omniglot's
`images_background`; MNIST is the one under MAML_STUDIO_HOME, every fifth of its training images. The generator of the characters was chosen
by looking at every third background alphabet, in order of their names, and at the first 10,000 digits of MNIST; both are kept out of what
is measured here.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from torchvision.datasets import MNIST

from maml_studio.paths import cache_dir, data_dir

SEEN_DIGITS = 10_000


def studio(*words: str) -> dict[str, Any]:
    """One command, and the JSON object that it answers with."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        subprocess.run([sys.executable, "-m", "maml_studio", *words, "--json", str(answer)], check=True)
        result: dict[str, Any] = json.loads(answer.read_text())
        return result


def unseen_alphabets(background: Path, folder: Path) -> Path:
    """A copy of the alphabets that nobody looked at; what is there already stays."""
    for number, alphabet in enumerate(sorted(path for path in background.iterdir() if path.is_dir())):
        if number % 3:
            shutil.copytree(alphabet, folder / alphabet.name, dirs_exist_ok=True)
    return folder


def unseen_digits(folder: Path) -> Path:
    """MNIST's training images but for the first ones, every fifth, as a folder of class folders."""
    digits = MNIST(data_dir(), train=True)
    for label in range(10):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
    chosen = range(SEEN_DIGITS, len(digits), 5)
    for number in chosen:
        Image.fromarray(digits.data[number].numpy()).save(folder / str(int(digits.targets[number])) / f"{number}.png")
    return folder


def scores(run: str, folder: Path, polarity: str, shapes: list[str], tasks: int) -> list[dict[str, object]]:
    """One row for each shape of task, placing and norm mode."""
    rows: list[dict[str, object]] = []
    for shape in shapes:
        way, shot = shape.split("x")
        settings = {
            "data.source": "folder",
            "data.path": str(folder),
            "data.polarity": polarity,
            "data.split": "all",
            "data.rotations": "false",
            "task.way": way,
            "task.shot": shot,
            "task.query": 15,
        }
        words = [word for field, value in settings.items() for word in ("--set", f"{field}={value}")]
        for placing in ([], ["--as-is"]):
            answer = studio("evaluate", run, *words, *placing, "--both-modes", "--tasks", str(tasks))
            for result in answer["results"]:
                last = result["steps"][-1]
                rows.append(
                    {"way": int(way), "shot": int(shot), "norm": result["norm_mode"], "placed": not placing, "tasks": tasks}
                    | {"steps": last["step"], "mean": round(last["mean"], 4), "ci95": round(last["ci95"], 4)}
                )
                print(json.dumps(rows[-1]), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--omniglot", type=Path, help="Omniglot's images_background")
    parser.add_argument("--mnist", action="store_true", help="MNIST under MAML_STUDIO_HOME too")
    parser.add_argument("--run", help="a trained run; without it the preset is trained first")
    parser.add_argument("--preset", default="glyphs-maml")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument(
        "--shapes", nargs="+", default=["5x1", "5x5"], metavar="WAYxSHOT", help="10x5 where the model takes any number of classes"
    )
    parser.add_argument("--tasks", type=int, default=600)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    run = options.run
    if run is None:
        words = [word for change in options.changes for word in ("--set", change)]
        run = str(studio("train", options.preset, *words)["run"])
    result: dict[str, object] = {"run": Path(run).name, "settings": (Path(run) / "experiment.toml").read_text()}
    # Always the same places, so that the images that the app keeps of a folder are found again.
    if options.omniglot:
        alphabets = unseen_alphabets(options.omniglot, cache_dir() / "benchmarks" / "omniglot")
        result["omniglot"] = scores(run, alphabets, "dark_on_light", options.shapes, options.tasks)
    if options.mnist:
        digits = unseen_digits(cache_dir() / "benchmarks" / "mnist")
        result["mnist"] = scores(run, digits, "light_on_dark", options.shapes, options.tasks)
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
