"""What the machine offers."""

import os

import pytest
import torch

from maml_studio.training.chunks import usable_cores
from maml_studio.training.machine import DeviceError, _has_double_backward, resolve_device


def test_the_cpu_differentiates_twice() -> None:
    assert _has_double_backward("cpu")


def test_a_device_that_does_not_exist_does_not() -> None:
    assert not _has_double_backward("mps" if not torch.backends.mps.is_available() else "cuda")


def test_automatic_is_a_device_that_is_there() -> None:
    torch.zeros(1, device=resolve_device("auto"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU")
def test_a_gpu_by_name_is_refused_where_there_is_none() -> None:
    with pytest.raises(DeviceError, match=r"training\.device should be auto or cpu"):
        resolve_device("cuda")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_cores_are_those_that_the_process_may_use() -> None:
    mine = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(mine)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, mine)
    assert usable_cores() == len(mine)
