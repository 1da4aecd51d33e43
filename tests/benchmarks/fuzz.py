"""Ten thousand spoiled files for each reader: how many it takes, how many it refuses and why, the slowest, and the memory.

    python tests/benchmarks/fuzz.py [toml checkpoint drawn] [--cases 10000] [--out FILE.json]

The same cases as `pytest -m slow tests/fuzz`; any other failure than a reader's own error in one line ends the program.
"""

import argparse
import datetime
import importlib
import json
import platform
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))

from hypothesis import given
from mutations import Refused, cases


def fuzz(reader: str, count: int) -> dict[str, Any]:
    """One reader's tally."""
    module: Any = importlib.import_module(f"{reader}_files")
    reasons: Counter[str] = Counter()
    slowest, process = [0.0, 0], psutil.Process()
    with tempfile.TemporaryDirectory() as folder:

        @cases(count)
        @given(content=module.FILES)
        def go(content: bytes) -> None:
            began = time.process_time()
            found = module.check(Path(folder), content)
            slowest[:] = max(slowest, [time.process_time() - began, len(content)])
            reasons[_kind(found) if isinstance(found, Refused) else "taken"] += 1

        assert not isinstance(module.check(Path(folder), module.WHOLE), Refused)  # and what is imported late is there now
        before = process.memory_info().rss
        go()
    return {
        "reader": reader,
        "cases": sum(reasons.values()),
        "taken": reasons.pop("taken", 0),
        "refused": sum(reasons.values()),
        "kinds_of_refusal": len(reasons),
        "most_frequent": dict(reasons.most_common(12)),
        "slowest_seconds": round(slowest[0], 4),
        "its_bytes": slowest[1],
        "resident_growth_MB": round((process.memory_info().rss - before) / 1e6, 1),
    }


def _kind(refused: Refused) -> str:
    return re.sub(r"\d+|'[^']*'|\([^)]*\)", "_", refused.sentence.partition(": ")[2])[:90]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readers", nargs="*", default=["toml", "checkpoint", "drawn"])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    cores, python = psutil.cpu_count(), platform.python_version()
    result = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{platform.system()}, {platform.machine()}, {cores} cores, Python {python}, torch {torch.__version__}",
        "readers": [fuzz(reader, arguments.cases) for reader in arguments.readers],
    }
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
