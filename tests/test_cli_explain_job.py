"""The verbs ``explain``, the window's help in the terminal, and ``job``, what the window writes for a cluster."""

import json

import pytest

from maml_studio.cli import main
from maml_studio.job import FILES
from maml_studio.manual import topics
from maml_studio.spec import load


def test_explain_says_what_the_help_says(capsys):
    assert main(["explain", "training.outer_lr"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("# Outer rate β\n\nTraining · `training.outer_lr`\n\nStep size of the outer loop")
    assert "**Sensible:** 0.001 with Adam" in said
    assert "help:" not in said


def test_explain_finds_words_and_names_what_else_there_is(capsys):
    assert main(["explain", "conjugate", "gradients"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("# iMAML")
    assert "See also: " in said


def test_explain_lists_everything_without_words(capsys):
    assert main(["explain", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["topics"] == list(topics())
    assert main(["explain"]) == 0
    said = capsys.readouterr().out
    assert all(key in said for key, one in topics().items() if one.listed)


def test_what_the_manual_does_not_know_is_said(capsys):
    assert main(["explain", "zzzz"]) == 2
    assert "the manual has nothing about 'zzzz'" in capsys.readouterr().err


def test_a_job_is_written(tmp_path, capsys):
    words = ["job", "digits-maml", "--out", str(tmp_path / "job"), "--nodes", "2", "--processes", "4", "--set", "seed=3", "--json", "-"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["processes"] == 8
    assert sorted(file.name for file in (tmp_path / "job").iterdir()) == sorted(FILES)
    assert load(tmp_path / "job" / "experiment.toml").seed == 3
    assert "#SBATCH --nodes=2" in (tmp_path / "job" / "train.sbatch").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--time", "tomorrow"], "--time should read as 04:00:00 or 2-12:00:00"),
        (["--nodes", "0"], "--nodes should be 1 or more"),
        (["--nodes", "20"], "training.meta_batch should be larger"),
    ],
)
def test_a_job_that_cannot_be_is_refused(tmp_path, capsys, words, said):
    assert main(["job", "digits-maml", "--out", str(tmp_path / "job"), *words]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "job").exists()


def test_a_job_replaces_nothing_unless_it_is_told_to(tmp_path, capsys):
    words = ["job", "digits-maml", "--out", str(tmp_path)]
    (tmp_path / "train.sh").write_text("precious")
    assert main(words) == 2
    assert "train.sh is there already" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0
    assert "precious" not in (tmp_path / "train.sh").read_text()
