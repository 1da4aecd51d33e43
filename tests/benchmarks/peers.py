"""The engine beside `higher` and `torchopt` on the workloads of `maml-studio bench`: same weights, same tasks, one process, in turns.

    pip install -e '.[bench]'
    python tests/benchmarks/peers.py [--workload NAME] [--seconds 60] [--device cpu] [--out RESULT.json]

The peers are used as their own examples of MAML on Omniglot use them, in float32, each with one torch thread and with as many as there are
cores, whichever serves it better; a plain loop over tasks takes part. The allocator's setting of `training/machine.py` holds for the whole
process, so the peers have it too. In float64 everybody's gradient of two tasks is compared with the plain loop's.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the app does, before torch is imported

import higher
import psutil
import torch
import torch.nn.functional as F
import torchopt
from torch import Tensor, nn

from maml_studio.bench import WORKLOADS, Workload, describe_machine
from maml_studio.bench.contest import Contestant, best, in_turns
from maml_studio.bench.measure import CHECKED_TASKS, difference, engine, loop, separate, thread_modes
from maml_studio.files import write_whole
from maml_studio.training.machine import prepare_thread, resolve_device

sys.path.insert(0, str(Path(__file__).parents[1] / "algorithms"))
from plain_loop import plain_network

RESULTS = Path(__file__).parent / "results"
BUSY = 0.3
"""Load per core, before anything here begins, above which the result says that the machine was busy."""
Gradient = dict[str, Tensor]
Maker = Callable[[Workload, torch.dtype, torch.device, int | None], Callable[[], Gradient]]


def network(workload: Workload, dtype: torch.dtype, device: torch.device) -> nn.Module:
    """The network in ordinary layers, with the workload's weights; its norms keep no running averages, which spares the peers the work."""
    net = plain_network(workload.experiment.model, workload.experiment.task.way).to(device, dtype).train()
    net.load_state_dict(workload.start(dtype))
    return net


def taken(net: nn.Module) -> Gradient:
    """The gradients that are left on a network's parameters."""
    found = {name: parameter.grad for name, parameter in net.named_parameters()}
    net.zero_grad(set_to_none=True)
    return found


def with_higher(workload: Workload, dtype: torch.dtype, device: torch.device, tasks: int | None = None) -> Callable[[], Gradient]:
    """As in its `examples/maml-omniglot.py`."""
    net = network(workload, dtype, device)
    optimizer = torch.optim.SGD(net.parameters(), lr=workload.inner_lr)
    episodes = separate(workload.episodes(dtype, tasks).to(device))

    def run() -> Gradient:
        for support_x, support_y, query_x, query_y in episodes:
            with higher.innerloop_ctx(net, optimizer, copy_initial_weights=False) as (functional, inner):
                for _ in range(workload.inner_steps):
                    inner.step(F.cross_entropy(functional(support_x), support_y))
                (F.cross_entropy(functional(query_x), query_y) / len(episodes)).backward()
        return taken(net)

    return run


def with_torchopt(workload: Workload, dtype: torch.dtype, device: torch.device, tasks: int | None = None) -> Callable[[], Gradient]:
    """As in its `examples/few-shot/maml_omniglot.py`, with each task's graph freed before the next, which takes less memory."""
    net = network(workload, dtype, device)
    inner = torchopt.MetaSGD(net, lr=workload.inner_lr)
    episodes = separate(workload.episodes(dtype, tasks).to(device))

    def run() -> Gradient:
        first = torchopt.extract_state_dict(net, by="reference", detach_buffers=True)
        first_inner = torchopt.extract_state_dict(inner, by="reference")
        for support_x, support_y, query_x, query_y in episodes:
            for _ in range(workload.inner_steps):
                inner.step(F.cross_entropy(net(support_x), support_y))
            (F.cross_entropy(net(query_x), query_y) / len(episodes)).backward()
            torchopt.recover_state_dict(net, first)
            torchopt.recover_state_dict(inner, first_inner)
        return taken(net)

    return run


PEERS: dict[str, Maker] = {"higher": with_higher, "torchopt": with_torchopt, "plain loop": loop}


def compare(workload: Workload, device: torch.device, seconds: float, rounds: int) -> dict[str, Any]:
    """One workload: everybody's gradient, then everybody's time."""
    right = loop(workload, torch.float64, device, CHECKED_TASKS)()
    errors = {
        name: difference(make(workload, torch.float64, device, CHECKED_TASKS)(), right)
        for name, make in (PEERS | {"engine": engine}).items()
    }
    modes = thread_modes(device)
    contestants = [Contestant("engine", engine(workload, torch.float32, device), modes[-1])]
    for name, make in PEERS.items():
        run = make(workload, torch.float32, device, None)
        contestants += [Contestant(f"{name}, {threads}", run, threads) for threads in modes]
    times = in_turns(contestants, seconds=seconds, rounds=rounds, device=device)
    ours = median(times["engine"])
    peers = {}
    for name in PEERS:
        fastest = best(times, [other for other in times if other.startswith(f"{name}, ")])
        # Of each round by itself, for how far the ratio can be trusted.
        low, _, high = quantiles([theirs / mine for theirs, mine in zip(times[fastest], times["engine"], strict=True)], n=4)
        peers[name] = {
            "threads": int(fastest.rpartition(" ")[2]),
            "tasks_per_s": round(workload.tasks / median(times[fastest]), 2),
            "ratio": round(median(times[fastest]) / ours, 3),
            "quartiles_of_rounds": [round(low, 3), round(high, 3)],
            "gradient_error": errors[name],
        }
    first = min(("higher", "torchopt"), key=lambda name: peers[name]["ratio"])
    return {
        "workload": workload.name,
        "about": workload.about,
        "rounds": len(times["engine"]),
        "tasks_per_s": round(workload.tasks / ours, 2),
        "threads": modes[-1],
        "gradient_error": errors["engine"],
        "best_peer": first,
        "ratio_to_best_peer": peers[first]["ratio"],
        "peers": peers,
        "seconds": {name: [round(one, 4) for one in runs] for name, runs in times.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", action="append", choices=list(WORKLOADS), help="only this one; may be given again")
    parser.add_argument("--seconds", type=float, default=60, help="of timing for each workload, about")
    parser.add_argument("--rounds", type=int, default=6, help="at least so many, an even number")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="where")
    parser.add_argument("--out", type=Path, default=RESULTS / f"{time.strftime('%Y-%m-%d')}-peers.json", help="the result")
    words = parser.parse_args()
    prepare_thread()
    device = resolve_device(words.device)
    busy = psutil.getloadavg()[0] > BUSY * psutil.cpu_count()
    found: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": describe_machine(device) | {name: version(name) for name in ("higher", "torchopt")},
        "note": "other programs kept the machine busy" if busy else "a quiet machine",
        "rows": [],
    }
    for name in words.workload or WORKLOADS:
        row = compare(WORKLOADS[name], device, words.seconds, words.rounds)
        found["rows"].append(row)
        others = ", ".join(f"{peer} {one['tasks_per_s']} ({one['threads']} threads, {one['ratio']}x)" for peer, one in row["peers"].items())
        print(f"{name}: engine {row['tasks_per_s']} tasks/s; {others}; gradient error {row['gradient_error']:.0e}", flush=True)
        write_whole(words.out, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
