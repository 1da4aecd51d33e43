"""Sweeps of tiny runs, from the command line and from within."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from maml_studio.cli import main
from maml_studio.cli.train import experiment_of
from maml_studio.paths import runs_dir
from maml_studio.sweeps.search import Search, SweepError, Trial
from maml_studio.sweeps.space import load_plan
from maml_studio.training.events import OuterStep, Validation
from maml_studio.training.run_folder import RunFolder
from maml_studio.training.run_index import summarise

SETTINGS: dict[str, Any] = {"experiment": "sinusoid-maml", "trials": 3, "seed": 1, "sampler": "random", "pruner": "none"}
TINY = """
[set]
model.hidden = [4]
training.meta_batch = 2
training.iterations = 4
training.checkpoint_every = 2
evaluation.every = 2
evaluation.tasks = 4
evaluation.inner_steps = 1
"""
SPACE = """
[space]
algorithm.inner_lr = { low = 0.001, high = 0.1, log = true }
algorithm.inner_steps = { low = 1, high = 2 }
model.hidden = [[4], [3, 3]]
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MAML_STUDIO_HOME", str(tmp_path / "home"))


def file_of(folder: Path, more: str = TINY + SPACE, **settings: Any) -> Path:
    file = folder / "rates.toml"
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in (SETTINGS | settings).items()) + more)
    return file


def search_of(folder: Path, more: str = TINY + SPACE, **settings: Any) -> Search:
    return Search(load_plan(file_of(folder, more, **settings), experiment_of), folder / "sweep", folder / "runs")


def tried(folder: Path, **settings: Any) -> list[Trial]:
    with search_of(folder, **settings) as search:
        return [event for event in search.events() if isinstance(event, Trial)]


def without_folders(trials: list[Trial]) -> list[dict[str, Any]]:
    return [vars(trial) | {"folder": ""} for trial in trials]


def test_every_trial_is_a_run_that_the_pages_find(tmp_path, capsys):
    assert main(["sweep", str(file_of(tmp_path)), "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["sweep"], found["status"], found["metric"], found["direction"]) == ("rates", "finished", "query_loss", "minimize")
    assert [trial["number"] for trial in found["trials"]] == [1, 2, 3]
    assert found["best"]["score"] == min(trial["score"] for trial in found["trials"])
    runs = [summarise(folder) for folder in sorted(runs_dir().iterdir())]
    assert [run.status for run in runs] == ["finished"] * 3
    for run, trial in zip(runs, found["trials"], strict=True):
        assert str(run.folder) == trial["folder"]
        assert run.tags == ("rates",)
        assert run.title.startswith(f"rates-{trial['number']:03} inner_lr=")
        settings = RunFolder.open(run.folder).experiment
        assert settings.algorithm.inner_lr == trial["values"]["algorithm.inner_lr"]
        assert list(settings.model.hidden) == trial["values"]["model.hidden"]
        scores = [event.scores[-1] for event in RunFolder.open(run.folder).events() if isinstance(event, Validation) and event.iteration]
        best = min(scores, key=lambda score: score.query_loss)
        assert (trial["score"], trial["ci95"], trial["tasks"]) == (best.query_loss, best.query_loss_ci95, 4)
    # Again: there is nothing left to do; with more trials it goes on.
    assert main(["sweep", str(file_of(tmp_path))]) == 0
    assert len(list(runs_dir().iterdir())) == 3
    assert main(["sweep", str(file_of(tmp_path, trials=4))]) == 0
    assert len(list(runs_dir().iterdir())) == 4


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_sweep_that_is_stopped_goes_on_as_if_nothing_had_happened(tmp_path, sampler):
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    trials = 12 if sampler == "tpe" else 3  # the first ten of TPE's are drawn at random
    settings = {"sampler": sampler, "trials": trials, "pruner": "median"}
    whole = tried(tmp_path / "whole", **settings)
    assert len(whole) == trials
    with search_of(tmp_path / "broken", **settings) as search:
        for event in search.events():
            if isinstance(event, OuterStep) and event.iteration == 3 and len(search.trials()) == 1:
                search.stop()
        assert len(search.trials()) == 1
    broken = tried(tmp_path / "broken", **settings)
    assert [trial.number for trial in broken] == list(range(2, trials + 1))
    with search_of(tmp_path / "broken", **settings) as search:
        assert without_folders(search.trials()) == without_folders(whole)
    assert len(list((tmp_path / "broken" / "runs").iterdir())) == trials


def test_trials_that_do_worse_than_half_are_pruned(tmp_path):
    more = TINY.replace("training.iterations = 4", "training.iterations = 40") + "[space]\nalgorithm.inner_lr = [0.05, 1e-9]\n"
    with search_of(tmp_path, more, pruner="median", trials=14, seed=2) as search:
        trials = [event for event in search.events() if isinstance(event, Trial)]
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert pruned
    assert {trial.values["algorithm.inner_lr"] for trial in pruned} == {1e-9}
    assert all(trial.number > 5 for trial in pruned)  # the first five are there to compare with
    for trial in pruned:
        run = summarise(Path(trial.folder))
        assert (run.status, run.tags) == ("stopped", ("rates", "pruned"))
        assert run.iteration < 40
        assert trial.message == f"pruned after iteration {run.iteration}"


def test_settings_that_do_not_go_together_fail_and_the_sweep_goes_on(tmp_path):
    both = "task.shot = 4\n[space]\ntask.shot = [2, 6]\ntraining.vary_shot = [4, 5]\n"
    with search_of(tmp_path, TINY + both, trials=6) as search:
        trials = [event for event in search.events() if isinstance(event, Trial)]
    assert {trial.values["task.shot"]: trial.state for trial in trials} == {2: "finished", 6: "failed"}
    failed = next(trial for trial in trials if trial.state == "failed")
    assert failed.message == "training.vary_shot should be 0 or at least task.shot (6)"
    assert failed.folder == ""


def test_numbers_that_run_away_count_as_pruned(tmp_path):
    with search_of(tmp_path, TINY + "algorithm.inner_steps = 20\n[space]\nalgorithm.inner_lr = [99.0, 100.0]\n", trials=1) as search:
        (trial,) = [event for event in search.events() if isinstance(event, Trial)]
        assert search.best() is None
    assert (trial.state, trial.score) == ("pruned", None)
    assert "no longer a number" in trial.message


def test_one_program_at_a_time_and_the_same_sweep_only(tmp_path):
    with search_of(tmp_path), pytest.raises(SweepError, match="another program works on this sweep already"):
        search_of(tmp_path)
    with pytest.raises(SweepError, match="rates was begun with another seed; give this sweep another name"):
        search_of(tmp_path, seed=2)
    (tmp_path / "sweep" / "journal.log").write_text("nonsense\n")
    with pytest.raises(SweepError, match=r"journal\.log: can't be read"):
        search_of(tmp_path)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (TINY + "[space]\nalgorithm.inner_lr = { low = 1, high = 0 }\n", "space.algorithm.inner_lr should have a low below its high"),
        (TINY + '[space]\ntraining.start_from = ["nowhere.safetensors"]\n', "nowhere.safetensors"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path, capsys, more, said):
    assert main(["sweep", str(file_of(tmp_path, more))]) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert errors.count("\n") == 1


def test_without_optuna_it_says_what_to_install(tmp_path):
    code = (
        "import importlib.util as util, sys; find = util.find_spec; "
        "util.find_spec = lambda name, *more: None if name == 'optuna' else find(name, *more); "
        "from maml_studio.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run([sys.executable, "-c", code, "sweep", str(file_of(tmp_path))], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "maml-studio: a sweep needs the package optuna: pip install 'maml-studio[optuna]'\n")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_a_sweep_that_was_killed_goes_on(tmp_path, sign):
    file = file_of(tmp_path, TINY.replace("iterations = 4", "iterations = 400") + SPACE)
    with subprocess.Popen([sys.executable, "-m", "maml_studio", "sweep", str(file)], stdout=subprocess.DEVNULL) as program:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not list(runs_dir().glob("*rates-002/checkpoints/latest.safetensors")):
            with pytest.raises(subprocess.TimeoutExpired):
                program.wait(0.05)
        program.send_signal(sign)
        assert program.wait(60) == (0 if sign == signal.SIGTERM else -signal.SIGKILL)
    assert main(["sweep", str(file)]) == 0
    runs = [summarise(folder) for folder in sorted(runs_dir().iterdir())]
    assert [(run.status, run.iteration) for run in runs] == [("finished", 400)] * 3
