"""Any ``nn.Module`` of the user's own, named in the experiment as ``package.module:Class``.

It is built as ``Class(input_shape, outputs, **arguments)`` and takes the plain loop over tasks. Meta-learning needs a pure function of
the parameters, so a module is changed and checked once, when it is built:

- ``nn.BatchNorm1d`` to ``3d`` lose their running averages: they use the statistics of the batch, or of the support set, as ours do.
- It runs in ``eval()``, so dropout is off: its draws would make a resumed run another one.
- Every parameter is meta-learned, so each has to require a gradient and play a part in the outputs.
- Whatever else changes a buffer, or gives other outputs the second time, is refused.
"""

import importlib
from contextlib import nullcontext
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _NormBase

from ..spec import UserModule
from ..user_code import is_allowed

TRIAL = 4
"""Examples that a new module is tried on."""

_statistics_share: ContextVar[float | None] = ContextVar("statistics_share", default=None)


class ModelError(ValueError):
    """A network that can't be built from its settings: one sentence that names the field."""


class TaskBatchNorm(nn.Module):
    """Batch norm of any number of dimensions without running averages: statistics of the batch, or of its first examples."""

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(self, norm: nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) -> None:
        super().__init__()
        self.register_parameter("weight", norm.weight)
        self.register_parameter("bias", norm.bias)
        self.eps = norm.eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``[N, C]`` or ``[N, C, ...]`` channel by channel."""
        share = _statistics_share.get()
        # A share, since examples may have been folded into more rows on the way (all steps of a sequence, say).
        rows = len(x) if share is None else round(share * len(x))
        var, mean = torch.var_mean(x[:rows], [0, *range(2, x.dim())], correction=0, keepdim=True)
        y = (x - mean) * (var + self.eps).rsqrt()
        channels = (-1, *[1] * (x.dim() - 2))
        if self.weight is not None:
            y = y * self.weight.view(channels)
        return y if self.bias is None else y + self.bias.view(channels)


def run_module(module: nn.Module, params: dict[str, Tensor], x: Tensor, statistics: int | None = None) -> Tensor:
    """One pass of any module with the parameters handed in, twice differentiable on every device.

    Args:
        module: the module.
        params: its parameters by name.
        x: ``[N, ...]``.
        statistics: how many of the first examples give the batch norms' statistics; all of them if None.

    Returns:
        ``[N, outputs]``.
    """
    # cuDNN's recurrent kernels have no second derivative.
    fused = x.is_cuda and any(isinstance(layer, nn.RNNBase) for layer in module.modules())
    token = _statistics_share.set(None if statistics is None else statistics / len(x))
    try:
        with torch.backends.cudnn.flags(enabled=False) if fused else nullcontext():
            result: Tensor = functional_call(module, params, (x,))
    finally:
        _statistics_share.reset(token)
    return result


def head_name(module: nn.Module, head: str = "") -> str:
    """The dotted name of the linear layer that is a network's head.

    Args:
        module: the network.
        head: its name, where it is not the last ``nn.Linear``.

    Returns:
        The name; empty where the module has no linear layer.

    Raises:
        ModelError: when there is no linear layer of that name.
    """
    names = [name for name, layer in module.named_modules() if isinstance(layer, nn.Linear)]
    if head and head not in names:
        raise ModelError(f"model.head {head!r} should be a linear layer of the network: {', '.join(names[-10:]) or 'it has none'}")
    return head or (names[-1] if names else "")


def build_user_module(settings: UserModule, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """The user's module, changed and checked as this file's head says.

    Raises:
        ModelError: when its module has not been allowed or can't be imported, or it can't be built or meta-learned.
    """
    module = _construct(_find_class(settings.path), settings, shape, outputs)
    fixed = [name for name, parameter in module.named_parameters() if not parameter.requires_grad]
    if fixed:
        raise _wrong(settings, f"has the frozen parameter {fixed[0]}, and all are meta-learned; register_buffer keeps a tensor as it is")
    if not any(True for _ in module.parameters()):
        raise _wrong(settings, "has no parameters to learn")
    _replace_batch_norms(module)
    if settings.batch_norm != any(isinstance(layer, TaskBatchNorm) for layer in module.modules()):
        right, has = ("false", "no nn.BatchNorm") if settings.batch_norm else ("true", "nn.BatchNorm")
        raise ModelError(f"model.has_batch_norm should be {right}: {settings.path} has {has} layers")
    for name, layer in module.named_modules():
        if isinstance(layer, _NormBase) and layer.track_running_stats:
            raise _wrong(settings, f"keeps running averages in {name} ({type(layer).__name__}); track_running_stats=False does without")
    # The fused kernels have no second derivative; for good, since switching them back could hit another thread's pass.
    torch.backends.cuda.enable_flash_sdp(False)
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    torch.backends.cuda.enable_cudnn_sdp(False)
    module.eval()
    head_name(module, settings.head)
    _try_out(module, settings, shape, outputs)
    return module


def _wrong(settings: UserModule, what: str) -> ModelError:
    return ModelError(f"model.path {settings.path} {what}")


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")


def _find_class(path: str) -> type[nn.Module]:
    if not path:
        raise ModelError("model.path should name a class of yours as package.module:Class; it is empty")
    name, _, class_name = path.partition(":")
    if not is_allowed(name):
        raise ModelError(
            f"model.path {path} names code that would run; if you trust it, allow it first: maml_studio.models.allow({name!r}) in Python, "
            f"--allow-module {name} on the command line"
        )
    try:
        found = getattr(importlib.import_module(name), class_name, None)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise ModelError(f"model.path {path} should name a module that Python finds; there is no {error.name}") from None
        raise ModelError(f"model.path {path} can't be imported: {_reason(error)}") from error
    if found is None:
        raise ModelError(f"model.path {path} should name a class; {name} has no {class_name}")
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ModelError(f"model.path {path} should name a class made from torch.nn.Module")
    return found


def _construct(kind: type[nn.Module], settings: UserModule, shape: tuple[int, ...], outputs: int) -> nn.Module:
    try:
        return kind(shape, outputs, **settings.keywords)
    except Exception as error:
        raise _wrong(settings, f"can't be built as {_call(settings, shape, outputs)}: {_reason(error)}") from error


def _call(settings: UserModule, shape: tuple[int, ...], outputs: int) -> str:
    keywords = "".join(f", {name}={value!r}" for name, value in settings.keywords.items())
    return f"{settings.path.partition(':')[2]}({shape}, {outputs}{keywords})"


def _replace_batch_norms(module: nn.Module) -> None:
    """In place, all names of parameters as they are."""
    replaced: dict[nn.Module, TaskBatchNorm] = {}
    for parent in list(module.modules()):
        for name, child in list(parent._modules.items()):
            if type(child) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d):
                assert isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d)
                setattr(parent, name, replaced.setdefault(child, TaskBatchNorm(child)))


def _try_out(module: nn.Module, settings: UserModule, shape: tuple[int, ...], outputs: int) -> None:
    """Run a module twice on random examples, and see that it is a differentiable function of its parameters and nothing else."""
    x = torch.rand(TRIAL, *shape)
    try:
        params = {name: value.detach().clone().requires_grad_() for name, value in module.named_parameters()}
        buffers = {name: value.clone() for name, value in module.named_buffers()}
        with torch.enable_grad():
            found, again = run_module(module, params, x), run_module(module, params, x)
            if isinstance(found, Tensor) and found.shape == (TRIAL, outputs) and found.requires_grad:
                gradients = torch.autograd.grad(found.sum(), list(params.values()), allow_unused=True)
            else:
                gradients = ()
    except Exception as error:
        raise _wrong(settings, f"fails on {TRIAL} examples of shape {list(shape)}: {_reason(error)}") from error
    if not isinstance(found, Tensor) or found.shape != (TRIAL, outputs):
        what = f"a tensor of shape {list(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise _wrong(settings, f"should give outputs of shape {[TRIAL, outputs]} for {TRIAL} examples, not {what}")
    changed = [name for name, value in module.named_buffers() if not torch.equal(value, buffers[name])]
    if changed:
        raise _wrong(settings, f"changes its buffer {changed[0]} when it runs, and one task's state must not reach the next")
    if not torch.equal(found, again):
        raise _wrong(settings, "gives other outputs for the same input the second time; it should draw no random numbers in eval()")
    unused = [name for name, gradient in zip(params, gradients or [None] * len(params), strict=True) if gradient is None]
    if unused:
        raise _wrong(settings, f"does not use its parameter {unused[0]}, which then has no gradient")


def plain_user_module(settings: UserModule, shape: tuple[int, ...], outputs: int) -> str:
    """The lines of Python that define ``net`` for those who have the user's code too."""
    module, _, name = settings.path.partition(":")
    return f"from {module} import {name}\nnet = {_call(settings, shape, outputs)}"
