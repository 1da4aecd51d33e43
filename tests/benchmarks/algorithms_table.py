"""The table that algorithms.py prints: what its cells hold, beside the published numbers."""

import json
from pathlib import Path
from statistics import mean
from typing import Any

from maml_studio.spec.experiment import TABLES

Cell = dict[str, Any]

PUBLISHED: dict[str, dict[str, str]] = {
    "omniglot-5w1s": {
        "maml": "98.7 ± 0.4 t",
        "fomaml": "98.3 ± 0.5 t",
        "reptile": "95.39 ± 0.09, 97.68 ± 0.04 t",
        "imaml": "99.16 ± 0.35",
        "meta_sgd": "99.53 ± 0.26",
        "mamlpp": "99.47",
        "protonet": "98.8",
    },
    "omniglot-5w5s": {
        "maml": "99.9 ± 0.1 t",
        "fomaml": "99.2 ± 0.2 t",
        "reptile": "98.90 ± 0.10, 99.48 ± 0.06 t",
        "imaml": "99.67 ± 0.12",
        "meta_sgd": "99.93 ± 0.09",
        "mamlpp": "99.93",
        "protonet": "99.7",
    },
}
"""Accuracies in percent, ``t`` where the paper says that its norm was transductive; on splits that differ from ours."""
PAPERS = (
    "Published: MAML and FOMAML from Finn 2017 (1703.03400), Reptile from Nichol 2018 (1803.02999), iMAML (with gradient descent inside) "
    "from Rajeswaran 2019 (1909.04630), Meta-SGD from Li 2017 (1707.09835), MAML++ from Antoniou 2019 (1810.09502), ProtoNet from "
    "Snell 2017 (1703.05175); their splits and training times are not ours."
)
NOT_MEASURED = "not measured"


def print_table(results: Path, workloads: list[str], algorithms: list[str]) -> None:
    """One table of all cells, then one for each workload with what stands behind its figures."""
    found = read_cells(results)
    print("| algorithm | " + " | ".join(workloads) + " |")
    print("|---" * (len(workloads) + 1) + "|")
    for algorithm in algorithms:
        print(f"| {title(algorithm)} | " + " | ".join(summary(found, workload, algorithm) for workload in workloads) + " |")
    print("\nAfter the last inner step. Accuracies in %: transductive / support statistics; sinusoid: squared error.")
    for workload in workloads:
        if any(measured == workload for measured, _ in found):
            print_workload(found, workload, algorithms)
    print(f"\n{PAPERS}")


def read_cells(results: Path) -> dict[tuple[str, str], list[Cell]]:
    """Cells by workload and algorithm, one per training seed."""
    cells: dict[tuple[str, str], list[Cell]] = {}
    for file in sorted(results.glob("*/*/cell.json")):
        cell = json.loads(file.read_text())
        cells.setdefault((cell["workload"], cell["algorithm"]), []).append(cell)
    return cells


def title(algorithm: str) -> str:
    return TABLES["algorithm"][algorithm].title


def applies(workload: str, algorithm: str) -> bool:
    return workload != "sinusoid" or not getattr(TABLES["algorithm"][algorithm], "needs_classes", False)


def summary(found: dict[tuple[str, str], list[Cell]], workload: str, algorithm: str) -> str:
    """What stands in the one table."""
    if not applies(workload, algorithm):
        return "–"
    cells = found.get((workload, algorithm))
    return " / ".join(figures(cells, "trained")) if cells else NOT_MEASURED


def figures(cells: list[Cell], start: str) -> list[str]:
    """The figure after the last inner step for each norm mode, transductive first; over several seeds their mean, lowest and highest."""
    modes = sorted({result["norm_mode"] for result in cells[0]["results"]}, reverse=True)
    texts = []
    for mode in modes:
        lasts = [
            result["steps"][-1] for cell in cells for result in cell["results"] if (result["start"], result["norm_mode"]) == (start, mode)
        ]
        percent = cells[0]["metric"] == "accuracy"
        unit, digits = (100, 1) if percent else (1, 2)
        values = [unit * last["mean"] for last in lasts]
        text = f"{mean(values):.{digits}f}"
        if len(values) > 1:
            text += f" ({min(values):.{digits}f} to {max(values):.{digits}f})"
        else:
            text += f" ± {unit * lasts[0]['ci95']:.{digits}f}"
        texts.append(text)
    return texts


def print_workload(found: dict[tuple[str, str], list[Cell]], workload: str, algorithms: list[str]) -> None:
    """Times, steps, the random start and the published number of each of a workload's cells."""
    published = PUBLISHED.get(workload, {})
    print(f"\n**{workload}**\n")
    print("| algorithm | minutes (waited) | iterations | tasks/s | inner steps tried | measured | random start | published |")
    print("|---|---|---|---|---|---|---|---|")
    for algorithm in algorithms:
        cells = found.get((workload, algorithm))
        if not cells or not applies(workload, algorithm):
            continue
        training = [cell["training"] for cell in cells]
        steps = len(cells[0]["results"][0]["steps"]) - 1
        columns = [
            title(algorithm),
            f"{cells[0]['minutes']:g} ({mean(one['seconds'] for one in training) / 60:.1f})",
            f"{round(mean(one['iterations'] for one in training)):,}",
            f"{mean(one['tasks_per_s'] for one in training):.0f}",
            str(steps),
            " / ".join(figures(cells, "trained")),
            " / ".join(figures(cells, "random start")),
            published.get(algorithm, ""),
        ]
        print("| " + " | ".join(columns) + " |")
