"""What the machine offers: device, threads, memory."""

import ctypes
import platform
import sys
from functools import lru_cache

import torch

from .chunks import usable_cores
from .memory import available

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
GIGABYTE = 1 << 30


class DeviceError(ValueError):
    """The wanted device is not there; one sentence."""


def prepare_thread(processes: int = 1) -> None:
    """Let this thread compute on all cores, or its share where several processes train at once.

    Torch's setting in one thread was seen not to reach another (a QThread).
    """
    torch.set_num_threads(max(1, usable_cores() // processes))
    _keep_freed_memory()


def free_memory(device: torch.device) -> int:
    """Bytes that are free where the computing is done."""
    if device.type == "cuda":
        free: int = torch.cuda.mem_get_info(device)[0]
        return free
    return available()


def _keep_freed_memory() -> None:
    """Stop glibc from handing big buffers back to the kernel after every operation: 1.07 to 1.26 times faster training.

    One arena for all threads would save page faults and memory, and was 4 to 13 % slower: they then wait for one another.
    """
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_TRIM_THRESHOLD, GIGABYTE)
        libc.mallopt(M_MMAP_THRESHOLD, GIGABYTE)


def resolve_device(wanted: str) -> torch.device:
    """The torch device for a setting.

    Raises:
        DeviceError: when a GPU is asked for by name and there is none, or it can't do what is needed.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if wanted == "cuda" and not cuda:
        raise DeviceError("training.device should be auto or cpu: torch finds no CUDA GPU on this machine")
    if wanted == "mps" and not mps:
        raise DeviceError("training.device should be auto or cpu: torch finds no Apple GPU on this machine")
    if wanted == "auto":
        return torch.device("cuda" if cuda else "mps" if mps and _has_double_backward("mps") else "cpu")
    if wanted == "mps" and not _has_double_backward(wanted):
        raise DeviceError("training.device should be auto or cpu: the Apple GPU lacks the second derivative of max-pooling that MAML needs")
    return torch.device(wanted)


@lru_cache(maxsize=4)
def _has_double_backward(device: str) -> bool:
    """Whether a device can differentiate a max-pooling network twice; some drivers cannot, and fail in the middle of a run."""
    try:
        x = torch.ones(1, 1, 4, 4, device=device, requires_grad=True)
        y = torch.nn.functional.max_pool2d(x.square(), 2).square().sum()
        (first,) = torch.autograd.grad(y, x, create_graph=True)
        torch.autograd.grad(first.square().sum(), x)
    except (RuntimeError, NotImplementedError):
        return False
    return True
