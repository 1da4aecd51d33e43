"""What can be written, what each format is good for, and which models it holds; free of torch, for forms and help texts."""

from dataclasses import dataclass

from ..spec import AlgorithmSettings, ProtoMaml, ProtoNet


class ExportError(ValueError):
    """An export that can't be written; one sentence."""


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes:
        suffix: the file's ending.
        title: what it is called.
        about: who reads it, in a sentence.
        initialisation: whether it can hold a model that is still to be adapted.
        prototypes: whether it needs an algorithm with prototypes.
        graph: whether the computation is in the file, so that it can end in a softmax or without.
    """

    suffix: str
    title: str
    about: str
    initialisation: bool = False
    prototypes: bool = False
    graph: bool = False

    @property
    def card_suffix(self) -> str:
        """What stands in place of the file's ending in its card's name: a graph's card is not that of weights of the same name."""
        return f"{self.suffix}.md" if self.graph else ".md"


FORMATS: dict[str, Format] = {
    "safetensors": Format(
        ".safetensors",
        "Weights for PyTorch",
        "Weights by name; the card has the lines that load and use them.",
        initialisation=True,
    ),
    "onnx": Format(".onnx", "ONNX", "The whole adapted model, for ONNX Runtime and others, without PyTorch or Python.", graph=True),
    "pt2": Format(".pt2", "PyTorch program", "The whole adapted model, which torch.export.load reads without any of its code.", graph=True),
    "prototypes": Format(
        ".safetensors", "Prototypes", "The embedding and the mean of each class, to which classes can be added later.", prototypes=True
    ),
}
"""Every format by its name."""


def refusal(file_format: str, adapted_by: AlgorithmSettings | None) -> str:
    """Why a model can't be written in a format, in a sentence; empty where it can.

    Args:
        file_format: a name in :data:`FORMATS`.
        adapted_by: the algorithm of an adapted model; None for an initialisation.
    """
    kind = FORMATS[file_format]
    if adapted_by is None and not kind.initialisation:
        why = "prototypes are means of examples" if kind.prototypes else "the inner loop itself can't be written as a graph"
        return f"the format {file_format} needs a model adapted to examples, since {why}"
    if kind.prototypes and not isinstance(adapted_by, ProtoMaml | ProtoNet):
        return f"the format {file_format} needs a model of {ProtoNet.title} or {ProtoMaml.title}; other algorithms make none"
    return ""
