"""A job for a cluster: what its files say, and that its scripts train; Slurm's own two commands are stood in for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from run_cases import digits, lines, sines, suited

from maml_studio.job import FILES, PLAIN, SLURM, Job, JobError, slurm_script, write_job
from maml_studio.spec import load
from maml_studio.training.events import Finished
from maml_studio.training.run_folder import RunFolder

CHECKOUT = Path(__file__).parents[1]
COMMANDS = {
    "srun": '#!/bin/bash\nexec "$@"\n',
    "scontrol": "#!/bin/bash\necho localhost\n",
    "python": f'#!/bin/bash\nexec "{sys.executable}" "$@"\n',
}


@pytest.fixture
def environment(tmp_path):
    """Where a script finds what a compute node has."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, text in COMMANDS.items():
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    port = 40_000 + os.getpid() % 5_000
    slurm = {"SLURM_JOB_ID": str(port - 29_400), "SLURM_JOB_NODELIST": "here"}
    path = os.pathsep.join([str(commands), os.environ["PATH"]])
    return {**os.environ, **slurm, "PATH": path, "PYTHONPATH": str(CHECKOUT)}


def run_script(script, environment, **more):
    return subprocess.run(["bash", str(script)], env={**environment, **more}, capture_output=True, text=True, timeout=150)


@pytest.mark.parametrize("script", [SLURM, PLAIN])
def test_its_scripts_train_and_go_on(tmp_path, environment, script):
    experiment = sines(training__iterations=4)
    folder = tmp_path / "a job's folder"
    files = write_job(folder, Job(processes=2, run="the run", setup="greeting=hello"), experiment)
    assert [file.name for file in files] == list(FILES)
    assert load(folder / "experiment.toml") == experiment
    done = run_script(folder / script, environment, **({"SLURM_SUBMIT_DIR": str(folder)} if script == SLURM else {}))
    assert done.returncode == 0, done.stderr
    events = list(RunFolder.open(folder / "the run").events())
    assert isinstance(events[-1], Finished)
    assert "2 processes" in lines(folder / "the run")[0]["note"]
    again = run_script(folder / script, environment, **({"SLURM_SUBMIT_DIR": str(folder)} if script == SLURM else {}))
    assert again.returncode == 0, again.stderr
    assert "is finished already" in again.stdout


def test_what_slurm_is_asked_for():
    job = Job(nodes=4, processes=8, gpus=True, threads=6, time="1-12:00:00", home="/shared/it's here", partition="gpu", account="me")
    text = slurm_script(job, digits(name="stars & co", training__meta_batch=64))
    options = [line.removeprefix("#SBATCH --") for line in text.splitlines() if line.startswith("#SBATCH")]
    assert options == [
        "job-name=stars---co",
        "nodes=4",
        "ntasks-per-node=1",
        "cpus-per-task=48",
        "gpus-per-node=8",
        "time=1-12:00:00",
        "signal=TERM@120",
        "output=slurm-%j.log",
        "partition=gpu",
        "account=me",
    ]
    assert "--nnodes=4 --nproc-per-node=8" in text
    assert "export MAML_STUDIO_HOME='/shared/it'\"'\"'s here'" in text
    assert "partition" not in slurm_script(Job(), digits())


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize("job", [Job(), Job(nodes=3, gpus=True, home="/a b", setup="module load python")])
def test_the_scripts_are_good_bash(tmp_path, job):
    folder = tmp_path / "job"
    write_job(folder, job, digits(name="o'clock", training__meta_batch=8))
    for name in (SLURM, PLAIN):
        subprocess.run(["bash", "-n", str(folder / name)], check=True)


@pytest.mark.parametrize(
    ("job", "experiment", "sentence"),
    [
        (
            Job(nodes=2, processes=4),
            digits(training__meta_batch=4),
            "training.meta_batch should be larger: there is not one task for each of 8",
        ),
        (Job(processes=2), suited(digits(), "joint"), "model.norm should be another than batch"),
    ],
)
def test_what_cannot_be_shared_is_refused_before_anything_is_written(tmp_path, job, experiment, sentence):
    with pytest.raises(JobError, match=sentence):
        write_job(tmp_path / "job", job, experiment)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time", "4 hours"),
        ("time", "04:60:00"),
        ("setup", "one\ntwo"),
        ("run", ""),
        ("partition", "a b"),
        ("account", "$(x)"),
        ("nodes", 0),
    ],
)
def test_bad_settings_are_refused(field, value):
    with pytest.raises(ValueError, match=field):
        Job(**{field: value})


def test_nothing_is_replaced_unless_that_is_wanted(tmp_path):
    (tmp_path / "train.sh").write_text("precious")
    with pytest.raises(JobError, match=r"train\.sh is there already"):
        write_job(tmp_path, Job(), digits())
    assert [file.name for file in tmp_path.iterdir()] == ["train.sh"]
    assert (tmp_path / "train.sh").read_text() == "precious"
    write_job(tmp_path, Job(), digits(), overwrite=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(FILES)
    assert "precious" not in (tmp_path / "train.sh").read_text()


@pytest.mark.skipif(os.name == "nt", reason="a folder on Windows has no such permissions")
def test_all_of_it_or_nothing(tmp_path):
    folder = tmp_path / "job"
    folder.mkdir()
    # A folder in a file's place can't be replaced.
    (folder / "train.sbatch").mkdir()
    (folder / "train.sbatch" / "x").write_text("precious")
    with pytest.raises(JobError, match="can't be written"):
        write_job(folder, Job(), digits(), overwrite=True)
    left = sorted(file.name for file in folder.iterdir())
    assert not [name for name in left if name.endswith(".part")]
    assert (folder / "train.sbatch" / "x").read_text() == "precious"
    with pytest.raises(JobError, match="can't be written"):
        write_job(tmp_path / "nowhere" / "job", Job(), digits())
