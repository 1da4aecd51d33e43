"""Several processes that share a run, started as the user starts them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from run_cases import assert_same_runs, digits, finish, lines, resume, sines, suited

from maml_studio.algorithms import ALGORITHMS
from maml_studio.spec import Experiment, SpecError, to_toml
from maml_studio.training.checkpoint import load_checkpoint
from maml_studio.training.distributed import Ranks
from maml_studio.training.events import Failed, Finished, Stopped
from maml_studio.training.run_folder import LATEST, METRICS, RunFolder

HERE = Path(__file__).parent
SOON = 120.0


def torchrun(*words: str, size: int = 2, options: Sequence[str] = ()) -> "subprocess.Popen[str]":
    """``torchrun``, whose processes find the package and the tests' helpers in this folder."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(size), *options, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def train(experiment: Experiment, run: Path, options: Sequence[str] = (), size: int = 2) -> "subprocess.Popen[str]":
    file = run.with_suffix(".toml")
    file.write_text(to_toml(experiment))
    return torchrun("-m", "maml_studio", "train", str(file), "--run-dir", str(run), options=options, size=size)


def ended(program: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, errors = program.communicate(timeout=SOON)
    return program.returncode, out, errors


def complaints(errors: str) -> list[str]:
    """What our processes say; torchrun itself says much more."""
    return [line for line in errors.splitlines() if line.startswith("maml-studio: ")]


def assert_near(one: Path, other: Path) -> None:
    """Both runs report the same, up to rounding in single precision, and end in the same weights."""
    for mine, theirs in zip(lines(one), lines(other), strict=True):
        found, wanted = flat(mine), flat(theirs)
        assert found.keys() == wanted.keys()
        for name, value in found.items():
            assert value == (pytest.approx(wanted[name], rel=1e-4, abs=1e-5) if type(value) is float else wanted[name]), name
    mine, theirs = (load_checkpoint(RunFolder.open(path).checkpoint_path(LATEST)) for path in (one, other))
    for name, value in mine.meta.items():
        torch.testing.assert_close(value, theirs.meta[name], rtol=1e-4, atol=1e-5)
    assert mine.generator is not None
    assert theirs.generator is not None
    assert torch.equal(mine.generator, theirs.generator)


def flat(value: Any) -> dict[str, Any]:
    """A nested record as one table of names and values."""
    if not isinstance(value, dict | list):
        return {"": value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {f"{key}.{rest}": leaf for key, item in items if key != "note" for rest, leaf in flat(item).items()}


def test_the_gradient_of_two_processes_is_that_of_one_for_every_algorithm():
    code, out, errors = ended(torchrun(str(HERE / "ranks_in_double.py")))
    assert code == 0, errors
    found = dict(line.split() for line in out.splitlines())
    assert found.keys() == ALGORITHMS.keys()
    assert all(float(difference) < 1e-12 for difference in found.values()), found


def test_two_processes_train_what_one_does(tmp_path):
    experiment = sines(training__tail=0.8, training__meta_batch=5, training__clip=1.0)
    program = train(experiment, tmp_path / "two")
    finish(experiment, tmp_path / "one")
    code, out, errors = ended(program)
    assert (code, complaints(errors)) == (0, [])
    assert out.count("Run folder") == 1
    assert_near(tmp_path / "one", tmp_path / "two")
    assert "2 processes" in lines(tmp_path / "two")[0]["note"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "experiment",
    [
        # Adam would make much of a gradient that is nothing but rounding: that of a bias before batch norm.
        digits(training__meta_batch=3, training__optimizer="sgd"),
        suited(sines(), "joint"),
        suited(sines(), "reptile"),
    ],
)
def test_so_do_three_on_other_experiments(tmp_path, experiment):
    code, _, errors = ended(train(experiment, tmp_path / "three", size=3))
    assert (code, complaints(errors)) == (0, [])
    finish(experiment, tmp_path / "one")
    assert_near(tmp_path / "one", tmp_path / "three")


@pytest.mark.parametrize(
    ("experiment", "said"),
    [
        (sines(training__meta_batch=1), "training.meta_batch should be larger: there is not one task for each of 2 processes"),
        (sines(training__meta_batch=4, training__tail=0.25), "there is not one of the worst tasks (training.tail) for each of 2 processes"),
        (suited(digits(), "joint"), "model.norm should be another than batch"),
    ],
)
def test_what_cannot_be_shared_is_refused(experiment, said):
    Ranks().check(experiment)
    with pytest.raises(SpecError) as caught:
        Ranks(1, 2).check(experiment)
    assert said in str(caught.value)


@pytest.mark.slow
def test_one_sentence_for_all_processes(tmp_path):
    code, out, errors = ended(train(sines(training__meta_batch=1), tmp_path / "run"))
    assert (code, out) == (1, "")
    assert complaints(errors) == ["maml-studio: training.meta_batch should be larger: there is not one task for each of 2 processes"]
    assert not (tmp_path / "run").exists()


LONG = {"training__iterations": 100_000, "training__checkpoint_every": 100_000, "evaluation__every": 100_000}


def begun(program: "subprocess.Popen[str]", run: Path, count: int = 20) -> list[psutil.Process]:
    """The processes of a run that has done some steps, in the order of their ranks."""
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline and program.poll() is None:
        if (run / METRICS).exists() and (run / METRICS).read_bytes().count(b"\n") > count:
            break
        time.sleep(0.02)
    assert program.poll() is None, program.communicate()
    return sorted(psutil.Process(program.pid).children(), key=lambda child: int(child.environ()["RANK"]))


def last_event(run: Path) -> object:
    *_, last = RunFolder.open(run).events()
    return last


def goes_on_alone(run: Path, experiment: Experiment, more: int = 5) -> None:
    """One process goes on where several stopped, with no step missing or twice."""
    folder = RunFolder.open(run)
    iteration = folder.load_checkpoint(LATEST).iteration
    assert 0 < iteration < 100_000
    enough = experiment.model_copy(update={"training": experiment.training.model_copy(update={"iterations": iteration + more})})
    (run / "experiment.toml").write_text(to_toml(enough))
    assert isinstance(resume(run)[-1], Finished)
    assert [line["iteration"] for line in lines(run) if line["event"] == "OuterStep"] == list(range(1, iteration + more + 1))


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("whom", ["torchrun", "the second process"])
def test_a_signal_stops_all_at_the_same_iteration(tmp_path, sign, whom):
    experiment, run = sines(**LONG), tmp_path / "run"
    program = train(experiment, run)
    ranks = begun(program, run)
    if whom == "torchrun":
        program.send_signal(sign)
    else:
        ranks[1].send_signal(sign)
    code, out, errors = ended(program)
    assert complaints(errors) == []
    assert "Stopped after iteration" in out
    if whom != "torchrun":  # which itself calls a signal a failure, however well its processes end
        assert code == 0, errors
    last = last_event(run)
    assert isinstance(last, Stopped)
    assert RunFolder.open(run).load_checkpoint(LATEST).iteration == last.iteration
    goes_on_alone(run, experiment)


@pytest.mark.slow
def test_the_loss_of_a_process_stops_the_others_with_a_checkpoint(tmp_path):
    experiment, run = sines(**LONG), tmp_path / "run"
    program = train(experiment, run, size=3)
    begun(program, run)[1].kill()
    code, _, errors = ended(program)
    assert code == 1
    assert complaints(errors) == ["maml-studio: Another of the 3 processes of this run is gone"]
    last = last_event(run)
    assert isinstance(last, Failed)
    assert RunFolder.open(run).load_checkpoint(LATEST).iteration == last.iteration
    goes_on_alone(run, experiment)


@pytest.mark.slow
def test_the_loss_of_the_first_process_stops_the_others(tmp_path):
    run = tmp_path / "run"
    program = train(sines(**{**LONG, "training__checkpoint_every": 5}), run)
    begun(program, run)[0].kill()
    code, _, errors = ended(program)
    assert (code, complaints(errors)) == (1, [])
    goes_on_alone(run, RunFolder.open(run).experiment)


@pytest.mark.slow
def test_torchrun_can_start_a_run_once_more_that_lost_a_process(tmp_path):
    run = tmp_path / "run"
    experiment = sines(**{**LONG, "training__iterations": 600})
    program = train(experiment, run, ["--max-restarts", "1"])
    begun(program, run)[1].kill()
    code, _, errors = ended(program)
    assert code == 0, errors
    assert isinstance(last_event(run), Finished)
    finish(experiment, tmp_path / "one")
    assert_near(tmp_path / "one", run)


@pytest.mark.slow
def test_two_processes_resume_bit_for_bit_and_finished_runs_are_left_alone(tmp_path):
    experiment = sines(**{**LONG, "training__iterations": 800, "evaluation__every": 100})
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert ended(train(experiment, whole))[0] == 0
    program = train(experiment, broken)
    begun(program, broken)[0].send_signal(signal.SIGTERM)
    assert ended(program)[0] == 0
    assert isinstance(last_event(broken), Stopped)
    words = ("-m", "maml_studio", "resume", str(broken))
    assert ended(torchrun(*words))[0] == 0
    assert_same_runs(whole, broken)
    code, out, _ = ended(torchrun(*words))
    assert code == 0
    assert "is finished already" in out
