"""What a sweep's file may say, and what is said of it when it is wrong."""

from pathlib import Path

import pytest

from maml_studio.cli.train import experiment_of
from maml_studio.spec import SpecError
from maml_studio.sweeps.space import Plan, Range, load_plan

HEAD = 'experiment = "digits-maml"\n'
RATE = "[space]\nalgorithm.inner_lr = { low = 0.01, high = 0.5, log = true }\n"


def plan(folder: Path, text: str) -> Plan:
    file = folder / "rates.toml"
    file.write_text(text)
    return load_plan(file, experiment_of)


def test_a_file_in_either_way_of_writing_fields(tmp_path):
    one = plan(tmp_path, HEAD + RATE)
    other = plan(tmp_path, HEAD + '[space]\n"algorithm.inner_lr" = { low = 0.01, high = 0.5, log = true }\n')
    assert one.axes == other.axes == {"algorithm.inner_lr": Range(low=0.01, high=0.5, log=True)}
    assert (one.sweep.name, one.metric, one.direction) == ("rates", "accuracy", "maximize")
    trial = one.trial(3, {"algorithm.inner_lr": 0.25})
    assert (trial.name, trial.algorithm.inner_lr) == ("rates-003", 0.25)


def test_the_metric_is_what_the_best_checkpoint_is_best_at(tmp_path):
    by_loss = plan(tmp_path, HEAD + '[set]\nevaluation.best_by = "loss"\n' + RATE)
    assert (by_loss.metric, by_loss.direction) == ("query_loss", "minimize")
    sines = plan(tmp_path, 'experiment = "sinusoid-maml"\n' + RATE)
    assert (sines.metric, sines.direction) == ("query_loss", "minimize")


def test_whole_numbers_are_those_of_fields_that_take_no_others(tmp_path):
    found = plan(tmp_path, HEAD + "[space]\nalgorithm.inner_lr = { low = 1, high = 2 }\nalgorithm.inner_steps = { low = 1, high = 5 }\n")
    assert found.whole == {"algorithm.inner_steps"}


def test_an_experiment_beside_the_sweep(tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text('name = "mine"\nseed = 7\n')
    monkeypatch.chdir("/")
    assert plan(tmp_path, 'experiment = "mine.toml"\n' + RATE).experiment.seed == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[space", "should be TOML"),
        (RATE, "experiment is missing"),
        ('experiment = "nowhere"\n' + RATE, "'nowhere' is no .toml file and none of the presets"),
        (HEAD, "space is missing"),
        (HEAD + "[space]\n", "space should have a field to vary"),
        (HEAD + "trials = 0\n" + RATE, "trials should be 1 or more, not 0"),
        (HEAD + 'sampler = "grid"\n' + RATE, "sampler should be"),
        (HEAD + 'name = "a/b"\n' + RATE, "name should be usable as a folder name"),
        (HEAD + "tries = 3\n" + RATE, "tries is not a setting"),
        (HEAD + "[set]\ntraining.iteration = 3\n" + RATE, "training.iteration is not a setting; did you mean training.iterations?"),
        (HEAD + "[space]\nalgorithm.inner_rate = [1, 2]\n", "space.algorithm.inner_rate is not a setting"),
        (HEAD + "[space]\nalgorithm.inner_lr = 3\n", "space.algorithm.inner_lr should be { low = ..., high = ... } or a list"),
        (HEAD + "[space]\nalgorithm.inner_lr = []\n", "space.algorithm.inner_lr should be a list of choices, each of them once"),
        (HEAD + "[space]\nalgorithm.inner_lr = { low = 1 }\n", "space.algorithm.inner_lr.high is missing"),
        (HEAD + "[space]\nalgorithm.inner_lr = { low = 2, high = 1 }\n", "space.algorithm.inner_lr should have a low below its high (1.0)"),
        (HEAD + "[space]\nalgorithm.inner_lr = { low = 0, high = 1, log = true }\n", "a low above 0 where log is true"),
        (HEAD + "[space]\nalgorithm.inner_lr = { low = -1, high = 1 }\n", "space.algorithm.inner_lr should be"),
        (HEAD + "[space]\ntask.way = { low = 2, high = 4.5 }\n", "space.task.way should have whole numbers as limits, not 4.5"),
        (HEAD + '[space]\ntraining.optimizer = ["adam", "lion"]\n', "space.training.optimizer should be"),
        (HEAD + "[space]\nmodel.name = { low = 1, high = 2 }\n", "space.model.name should be a list of choices"),
        (HEAD + "[space]\nmodel = { low = 1, high = 2 }\n", "space.model should be a list of choices"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_file_and_field(tmp_path, text, said):
    with pytest.raises(SpecError) as caught:
        plan(tmp_path, text)
    assert said in str(caught.value)
    assert str(tmp_path / "rates.toml") in str(caught.value)
