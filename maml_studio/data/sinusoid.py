"""Sine waves: K-shot regression tasks y = A sin(x - p) (Finn 2017, 1703.03400, section 5.1)."""

from dataclasses import dataclass

import torch

from ..spec import Sinusoid, TaskSettings
from .bank import DataError
from .episodes import Episodes, Sampler

X_LIMIT = 5.0
"""Points are drawn from [-5, 5], as in the paper."""


@dataclass(frozen=True)
class SinusoidSampler:
    """Draws amplitude and phase uniformly per task, points uniformly per example."""

    settings: Sinusoid
    task: TaskSettings
    class_names: tuple[str, ...] = ()

    def sample(self, tasks: int, generator: torch.Generator) -> Episodes:
        """See :class:`Sampler`; ``support_x`` is ``[tasks, shot, 1]``."""
        low, high = self.settings.amplitude_min, self.settings.amplitude_max
        amplitude = low + (high - low) * torch.rand(tasks, 1, 1, generator=generator)
        phase = self.settings.phase_max * torch.rand(tasks, 1, 1, generator=generator)
        points = X_LIMIT * (2 * torch.rand(tasks, self.task.shot + self.task.query, 1, generator=generator) - 1)
        values = amplitude * torch.sin(points - phase)
        k = self.task.shot
        return Episodes(points[:, :k], values[:, :k], points[:, k:], values[:, k:], torch.empty(tasks, 0, dtype=torch.int64))


@dataclass(frozen=True)
class SinusoidTasks:
    """The sinusoid source; its supply of tasks is endless, and the same for all parts.

    Only the generator that a caller hands to ``sample`` tells the parts apart: another seed for each gives other waves.
    """

    settings: Sinusoid

    def sampler(self, part: str, task: TaskSettings) -> Sampler:
        """A sampler for any part.

        Raises:
            DataError: for a classification task.
        """
        del part
        if not task.regression:
            raise DataError("task.kind should be regression, since sine waves have no classes")
        return SinusoidSampler(self.settings, task)

    def frame(self) -> None:
        """See :class:`Tasks`: there are no images."""
