"""MAML++: what makes MAML train more steadily.

Antoniou, Edwards and Storkey 2019, "How to train your MAML", 1810.09502, section 4:

- LSLR: a learned inner rate for every parameter tensor and every inner step;
- multi-step loss: in the beginning the query losses after every inner step count (``step_weights`` in base.py);
- derivative-order annealing: first order for the first iterations (``first_order_until`` in base.py);
- a cosine schedule of the outer rate: a setting of training, as for any algorithm.

Of the paper's list, the running statistics and weights of batch norm per step are left out: the statistics here are always the task's own.
"""

import torch
from torch import Tensor

from .base import Algorithm
from .learner import Params
from .rates import RATE


class Mamlpp(Algorithm):
    """MAML with LSLR, multi-step loss and derivative-order annealing."""

    def meta_parameters(self, classes: int = 0) -> Params:
        """θ, and for each of its tensors the rates of all steps, ``[k]``."""
        meta = super().meta_parameters(classes)
        steps, rate = self.settings.inner_steps, self.settings.inner_lr
        rates = {RATE + name: torch.full((steps,), rate, dtype=value.dtype, device=value.device) for name, value in meta.items()}
        return meta | {name: value.requires_grad_() for name, value in rates.items()}

    def inner_rate(self, meta: Params, name: str, step: int) -> Tensor | float | None:
        """The learned rate of this tensor at this step; beyond the steps of training, that of the last one."""
        rates = meta[RATE + name]
        return rates[min(step, len(rates) - 1)]
