"""What a network's parts are called in lines of plain PyTorch: its head, its context, what comes before the head."""

from dataclasses import dataclass

from ..algorithms import Learner
from ..models import Network
from .frozen import BATCH_NORMS


@dataclass(frozen=True)
class Parts:
    """Expressions and lines about ``net``.

    Attributes:
        head: the linear head.
        head_prefix: what the names of the head's parameters begin with.
        context: the context vectors.
        embed: lines that define ``embed``, a function from examples to what the head is given.
        load_body: a line that takes over all ``tensors`` but those of the head.
        before: lines that make the network ready to adapt.
        freeze: lines that keep the statistics of ``support`` for all that is to come; none without batch norm.
    """

    head: str
    head_prefix: str
    context: tuple[str, ...]
    embed: tuple[str, ...]
    load_body: str
    before: tuple[str, ...] = ()
    freeze: tuple[str, ...] = ()


def parts_of(learner: Learner) -> Parts:
    """The parts of one network."""
    module, name = learner.module, learner.head_name
    head, context = expression(name), tuple(expression(one) for one in learner.context)
    norms = any(isinstance(layer, BATCH_NORMS) for layer in module.modules())
    if isinstance(module, Network):
        behind = [child for child, _ in module.named_children()].index(name) - len(module)
        body = (f"embed = net[:{behind}]",)
        freeze = _FREEZE_LAYERS if norms else ()
        return Parts(head, f"{name}.", context, body, "embed.load_state_dict(tensors)", freeze=freeze)
    before = ("net.eval()  # without dropout", *(_TRAIN_NORMS if norms else ()))
    load = "net.load_state_dict(tensors, strict=False)  # all but the head"
    return Parts(head, f"{name}.", context, _hooked(head), load, before, _FREEZE_HOOKED if norms else ())


def expression(name: str) -> str:
    """A dotted name as Python finds it below ``net``: ``classifier.2`` is ``net.classifier[2]``."""
    return "net" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in name.split("."))


_FREEZE_LAYERS = (
    "net.eval()",
    "x = support",
    "for layer in net:  # the statistics of the support set serve all queries",
    "    if isinstance(layer, nn.BatchNorm2d):",
    "        layer.running_var, layer.running_mean = torch.var_mean(x.detach(), (0, 2, 3), correction=0)",
    "    x = layer(x)",
)
_TRAIN_NORMS = (
    "norms = [layer for layer in net.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]",
    "for norm in norms:",
    "    norm.train()  # normalises by the examples at hand",
)
_FREEZE_HOOKED = (
    "def keep(norm, given):  # the statistics of the support set serve all queries",
    "    norm.running_var, norm.running_mean = torch.var_mean(given[0].detach(), [0, *range(2, given[0].dim())], correction=0)",
    "hooks = [norm.eval().register_forward_pre_hook(keep) for norm in norms]",
    "net(support)",
    "for hook in hooks:",
    "    hook.remove()",
)


def _hooked(head: str) -> tuple[str, ...]:
    return (
        "def embed(x):  # what the head is given",
        "    seen = []",
        f"    hook = {head}.register_forward_pre_hook(lambda layer, given: seen.append(given[0]))",
        "    net(x)",
        "    hook.remove()",
        "    return seen[-1]",
    )
