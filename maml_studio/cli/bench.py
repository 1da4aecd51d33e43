"""The verb ``bench``."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from .output import CommandError, Json, Output

SECONDS, QUICK_SECONDS = 50.0, 0.0
"""For all workloads together, about; no pair of rounds is begun later."""
ROUNDS = 2
"""At least, time or not."""
BUSY = 0.3
"""Load per core above which the times say more about the other programs."""
LARGEST_ERROR = 1e-10
"""Of a gradient in float64, as a share of its largest entry."""

Names = Annotated[
    list[str] | None,
    typer.Option(
        "--workload",
        metavar="NAME",
        help="conv4-pool, conv4-stride, tutorial-cnn or omniglot-recipe; may be given again. All of them if left out.",
    ),
]
Device = Annotated[str, typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda or mps.")]
Quick = Annotated[bool, typer.Option("--quick", help="Each is timed only twice: a first look.")]

if TYPE_CHECKING:
    from ..bench import Row


def bench(names: Names = None, device: Device = "auto", quick: Quick = False, json_file: Json = "") -> None:
    """Measure how fast this machine meta-learns, next to a plain loop over tasks.

    The exact second-order outer gradient of one meta-batch, on all cores, and the same in plain PyTorch, one task after the other, with as
    many threads as serve it best; timed in turns. The limit is what the ratio would be if the loop's convolutions were all that takes time.
    """
    output = Output(json_file)
    from ..bench import WORKLOADS, describe_machine, measure
    from ..training.machine import DeviceError, prepare_thread, resolve_device

    wanted = list(dict.fromkeys(names or WORKLOADS))
    for name in wanted:
        if name not in WORKLOADS:
            raise CommandError(f"--workload {name}: should be one of {', '.join(WORKLOADS)}")
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise CommandError(f"--device {device}: should be auto, cpu, cuda or mps")
    try:
        place = resolve_device(device)
    except DeviceError as error:
        raise CommandError(str(error).replace("training.device", "--device")) from None
    prepare_thread()
    machine = describe_machine(place)
    output.console.print(_sentence(machine))
    rows = []
    ends = time.perf_counter() + (QUICK_SECONDS if quick else SECONDS)
    for number, name in enumerate(wanted):
        with output.console.status(f"{name}: {WORKLOADS[name].about}", refresh_per_second=2):
            # What is left of the time, shared among those that are left.
            share = (ends - time.perf_counter()) / (len(wanted) - number)
            rows.append(measure(WORKLOADS[name], place, seconds=share, rounds=ROUNDS))
    output.console.print(_table(rows))
    for name in wanted:
        output.console.print(f"{name}: {WORKLOADS[name].about}")
    output.console.print(f"Medians of {min(row.rounds for row in rows)} or more runs in turns; float32, gradients compared in float64.")
    load, cores = machine["load"], machine["cores"]
    if load > BUSY * cores:
        output.console.print(f"Other programs were at work as it began (load {load} on {cores} cores): ask again when the machine rests.")
    output.result({"machine": machine, "rows": [row.to_json() for row in rows]})
    refuse_wrong(rows)


def refuse_wrong(rows: "list[Row]") -> None:
    """A fast gradient has to be the right one too.

    Raises:
        CommandError: when an engine's gradient is not the loop's.
    """
    wrong = [row.workload for row in rows if not row.gradient_error <= LARGEST_ERROR]
    if wrong:
        raise CommandError(f"the gradient of {', '.join(wrong)} is not that of the plain loop; please report it with this output", 1)


def _sentence(machine: dict[str, Any]) -> str:
    where = "" if machine["device"] == "cpu" else f", on {machine['device']}"
    return (
        f"{machine['system']}, {machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB{where}; "
        f"torch {machine['torch']}, Python {machine['python']}"
    )


def _table(rows: "list[Row]") -> Table:
    table = Table(box=None)
    table.add_column("workload", no_wrap=True)
    for head in ("tasks/s", "loop, tasks/s (threads)", "ratio to loop", "limit", "share of limit", "gradient error"):
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(
            row.workload,
            f"{row.tasks_per_s:.1f}",
            f"{row.loop_tasks_per_s:.1f} ({row.loop_threads})",
            f"{row.ratio_to_loop:.2f}",
            f"{row.limit:.2f}",
            f"{row.share_of_limit:.0%}",
            f"{row.gradient_error:.0e}",
        )
    return table
