"""The verb ``bench``, the shortest of its workloads."""

import json
from pathlib import Path

import pytest
import torch

from maml_studio.bench import Row
from maml_studio.cli import main
from maml_studio.cli.bench import refuse_wrong
from maml_studio.cli.output import CommandError


def test_table_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bench.json"
    assert main(["bench", "--quick", "--device", "cpu", "--workload", "omniglot-recipe", "--json", str(file)]) == 0
    out = capsys.readouterr().out
    for words in (f"torch {torch.__version__}", "tasks/s", "ratio to loop", "share of limit", "gradient error", "1 inner step, 32 tasks"):
        assert words in out
    value = json.loads(file.read_text())
    assert value["machine"]["cores"] >= 1
    (row,) = value["rows"]
    assert row["workload"] == "omniglot-recipe"
    assert row["tasks_per_s"] > 0
    assert row["ratio_to_loop"] > 0
    assert row["gradient_error"] < 1e-10


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--workload", "conv5"], "--workload conv5: should be one of conv4-pool, conv4-stride, tutorial-cnn, omniglot-recipe"),
        (["--device", "tpu"], "--device tpu: should be auto, cpu, cuda or mps"),
        (["--json", "no/such/folder/file"], "its folder does not exist"),
    ],
)
def test_wrong_words(words: list[str], answer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *words]) == 2
    assert answer in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU")
def test_a_gpu_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--device", "cuda"]) == 2
    assert "--device should be auto or cpu: torch finds no CUDA GPU" in capsys.readouterr().err


@pytest.mark.parametrize("error", [1e-9, float("nan")])
def test_a_wrong_gradient_is_a_failure(error: float) -> None:
    row = Row("conv4-pool", 2.0, 2.0, error, 1.0, 1, 2.5, 0.8, 4)
    with pytest.raises(CommandError, match="the gradient of conv4-pool is not that of the plain loop") as caught:
        refuse_wrong([row])
    assert caught.value.code == 1
