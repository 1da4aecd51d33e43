"""A job for a cluster: an experiment with the scripts that train it, over processes and machines, as files in one folder.

The Slurm script asks each process to stop two minutes before the time limit; the run saves its state, and submitting the script once more
goes on with it. No Slurm was at hand to try it on: its commands were stood in for, and everything else really ran.
"""

import os
import re
import shlex
from contextlib import ExitStack
from pathlib import Path

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from .files import whole_file, whole_folder
from .spec import Experiment, Problem, to_toml
from .spec.fields import Settings, setting
from .spec.sharing import unshareable

EXPERIMENT, SLURM, PLAIN = "experiment.toml", "train.sbatch", "train.sh"
FILES = (EXPERIMENT, SLURM, PLAIN)
WARNING_S = 120
"""So long before the time limit a run is asked to stop."""
_TIME = re.compile(r"(\d{1,3}-)?\d{1,3}:[0-5]\d:[0-5]\d")
_WORD = re.compile(r"[\w.,:@-]*")


class JobError(ValueError):
    """A job that can't be written; one sentence."""


class Job(Settings):
    """Where and how an experiment is to be trained on a cluster."""

    nodes: int = setting(1, title="Machines", unit="nodes", help="How many machines (Slurm's nodes) train together.", ge=1, le=4096)
    processes: int = setting(
        2,
        title="Processes",
        unit="per machine",
        help="How many processes share each machine; with GPUs one for each of them.",
        ge=1,
        le=1024,
    )
    gpus: bool = setting(
        False,
        title="A GPU for each",
        help="Ask for as many GPUs as processes. NCCL, which then carries the gradients, is written and unmeasured.",
    )
    threads: int = setting(1, title="CPU cores", unit="per process", help="Cores, and PyTorch's threads, of each process.", ge=1, le=1024)
    time: str = setting(
        "04:00:00",
        title="Time limit",
        help="Hours, minutes and seconds, days and a hyphen before them if need be. The run saves its state two minutes before.",
        max_length=20,
    )
    run: str = setting(
        "run",
        title="Run folder",
        help="Where the run is written, on a disk that all machines see; a relative one lies beside the scripts.",
        min_length=1,
        max_length=4096,
    )
    home: str = setting(
        "",
        title="Data folder",
        help="MAML_STUDIO_HOME on the cluster, with the data sets, which compute nodes often can't download. Empty: the default there.",
        max_length=4096,
    )
    setup: str = setting(
        "",
        title="Set-up line",
        help="A line that makes Python with MAML Studio ready, such as: source /shared/venv/bin/activate",
        max_length=1000,
    )
    partition: str = setting("", title="Partition", help="Slurm's partition; empty: the cluster's default.", max_length=100)
    account: str = setting("", title="Account", help="Whom the cluster charges; empty: the default.", max_length=100)

    @property
    def size(self) -> int:
        """How many processes train together."""
        return self.nodes * self.processes

    @field_validator("time")
    @classmethod
    def _is_a_time(cls, time: str) -> str:
        if not _TIME.fullmatch(time):
            raise PydanticCustomError("time", "should read as 04:00:00 or 2-12:00:00, not {time}", {"time": repr(time)})
        return time

    @field_validator("partition", "account")
    @classmethod
    def _is_a_word(cls, word: str) -> str:
        if not _WORD.fullmatch(word):
            raise PydanticCustomError("word", "should be a name of letters, digits and .,:@-, not {word}", {"word": repr(word)})
        return word

    @field_validator("run", "home", "setup")
    @classmethod
    def _is_one_line(cls, line: str) -> str:
        if not line.isprintable():
            raise PydanticCustomError("line", "should be one line of text")
        return line


def refusal(job: Job, experiment: Experiment) -> Problem | None:
    """Why the experiment can't be trained so; None where it can."""
    return unshareable(experiment, job.size)


def slurm_script(job: Job, experiment: Experiment) -> str:
    """The script that ``sbatch`` takes."""
    options = {
        "job-name": re.sub(r"[^\w.-]", "-", experiment.name, flags=re.ASCII),
        "nodes": job.nodes,
        "ntasks-per-node": 1,
        "cpus-per-task": job.processes * job.threads,
        "gpus-per-node": job.processes if job.gpus else "",
        "time": job.time,
        "signal": f"TERM@{WARNING_S}",
        "output": "slurm-%j.log",
        "partition": job.partition,
        "account": job.account,
    }
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH --{name}={value}" for name, value in options.items() if value != ""),
        "",
        f"# {_about(job, experiment)} From this folder: sbatch {SLURM}",
        f"# {WARNING_S} seconds before the time limit the run saves its state and stops, which Slurm calls failed; submit again to go on.",
        "set -euo pipefail",
        'cd "${SLURM_SUBMIT_DIR:-$(dirname "$0")}"',
        *_ready(job),
        'first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
        "port=$((29400 + SLURM_JOB_ID % 1000))  # another for each job on a machine",
        f"srun python -m torch.distributed.run --nnodes={job.nodes} --nproc-per-node={job.processes} \\",
        '  --rdzv-backend=c10d --rdzv-id="$SLURM_JOB_ID" --rdzv-endpoint="$first:$port" \\',
        '  -m maml_studio "${words[@]}"',
    ]
    return "\n".join(lines) + "\n"


def plain_script(job: Job, experiment: Experiment) -> str:
    """The script for machines without Slurm."""
    where = (
        "--standalone --nnodes=1"
        if job.nodes == 1
        else f'--nnodes={job.nodes} --rdzv-backend=c10d --rdzv-id={shlex.quote(experiment.name)} --rdzv-endpoint="$1:29400"'
    )
    how = f"bash {PLAIN}" if job.nodes == 1 else f"on each machine, with the name of one of them: bash {PLAIN} NAME"
    lines = [
        "#!/bin/bash",
        f"# {_about(job, experiment)} From this folder: {how}",
        "set -euo pipefail",
        'cd "$(dirname "$0")"',
        *_ready(job),
        f"exec python -m torch.distributed.run {where} --nproc-per-node={job.processes} \\",
        '  -m maml_studio "${words[@]}"',
    ]
    return "\n".join(lines) + "\n"


def _about(job: Job, experiment: Experiment) -> str:
    each = f"{job.nodes} machines of {job.processes} processes" if job.nodes > 1 else f"{job.processes} processes of one machine"
    return f"Trains {experiment.name!r} with MAML Studio, over {each if job.size > 1 else 'one process'}."


def _ready(job: Job) -> list[str]:
    """What comes before the processes: the environment, and whether the run is new or goes on."""
    return [
        *([job.setup] if job.setup else []),
        *([f"export MAML_STUDIO_HOME={shlex.quote(job.home)}"] if job.home else []),
        f"export OMP_NUM_THREADS={job.threads}",
        f"run={shlex.quote(job.run)}",
        f'if [ -e "$run/{EXPERIMENT}" ]; then words=(resume "$run"); else words=(train {EXPERIMENT} --run-dir "$run"); fi',
    ]


def write_job(folder: Path, job: Job, experiment: Experiment, *, overwrite: bool = False) -> list[Path]:
    """Write experiment and scripts into a folder, all of them or none.

    Args:
        folder: new, or there already.
        job: where and how it is trained.
        experiment: what is trained.
        overwrite: replace files of these names.

    Returns:
        The files.

    Raises:
        JobError: when the experiment can't be trained so, a file is there already, or they can't be written.
    """
    if problem := refusal(job, experiment):
        raise JobError(str(problem))
    texts = {EXPERIMENT: to_toml(experiment), SLURM: slurm_script(job, experiment), PLAIN: plain_script(job, experiment)}
    there = [name for name in texts if (folder / name).exists()]
    if there and not overwrite:
        raise JobError(f"{folder}: {', '.join(there)} {'is' if len(there) == 1 else 'are'} there already")
    try:
        if folder.is_dir():
            _fill(folder, texts)
        else:
            with whole_folder(folder, synced=True) as part:
                _fill(part, texts)
    except OSError as error:
        raise JobError(f"{error.filename or folder}: can't be written: {error.strerror or error}") from None
    return [folder / name for name in texts]


def _fill(folder: Path, texts: dict[str, str]) -> None:
    with ExitStack() as stack:
        for name, text in texts.items():
            file = stack.enter_context(whole_file(folder / name))
            file.write(text.encode())
            # What can fail is over before the first of them gets its name.
            file.flush()
            os.fsync(file.fileno())
