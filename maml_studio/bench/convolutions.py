"""The convolutions alone: what is left of a computation when everything else takes no time.

They are written down as they are called, forward, backward and backward of the backward, and called again with other numbers of the same
shapes. Arrays of one shape are the same array, so they are in the cache more often than in the real computation: the limit is a kind one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

CALLS = (torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default)
_Layout = tuple[tuple[int, ...], tuple[int, ...]]


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down every call of a convolution."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[tuple[Any, list[Any]]] = []
        self.arrays: dict[_Layout, Tensor] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        del types
        if func in CALLS:
            self.calls.append((func, [self._stand_in(value) if isinstance(value, Tensor) else value for value in args]))
        return func(*args, **(kwargs or {}))

    def _stand_in(self, value: Tensor) -> Tensor:
        layout = (tuple(value.shape), tuple(value.stride()))
        if layout not in self.arrays:
            places = 1 + sum((size - 1) * step for size, step in zip(*layout, strict=True))
            numbers = torch.empty(places, dtype=value.dtype, device=value.device).uniform_(-1, 1)
            self.arrays[layout] = numbers.as_strided(*layout)
        return self.arrays[layout]


def convolutions_of(run: Callable[[], object]) -> Callable[[], None]:
    """A function that does the convolutions of ``run`` and nothing else, however often it is called."""
    with Recorder() as recorder:
        run()

    def replay() -> None:
        with torch.no_grad():
            for function, arguments in recorder.calls:
                function(*arguments)

    return replay
