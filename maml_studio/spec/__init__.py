"""One experiment as frozen settings models, free of torch."""

from .algorithm import Algorithm, AlgorithmSettings, Fomaml, Maml
from .data import (
    Data,
    DataSettings,
    Digits,
    Emnist,
    FashionMnist,
    Folder,
    ImageSettings,
    Kmnist,
    Mnist,
    MnistLike,
    Omniglot,
    Sinusoid,
)
from .errors import Problem, SpecError
from .experiment import (
    SELECTORS,
    TABLES,
    Experiment,
    from_toml,
    load,
    parse,
    parse_assignment,
    to_toml,
    with_assignments,
    with_changes,
)
from .fields import Settings
from .model import Conv4, Mlp, Model, ModelSettings, TutorialCnn
from .presets import DEFAULT_PRESET, load_preset, preset_names
from .task import NWay, OneVsRest, Regression, Task, TaskSettings, outputs
from .training import Evaluation, Training

__all__ = [
    "DEFAULT_PRESET",
    "SELECTORS",
    "TABLES",
    "Algorithm",
    "AlgorithmSettings",
    "Conv4",
    "Data",
    "DataSettings",
    "Digits",
    "Emnist",
    "Evaluation",
    "Experiment",
    "FashionMnist",
    "Folder",
    "Fomaml",
    "ImageSettings",
    "Kmnist",
    "Maml",
    "Mlp",
    "Mnist",
    "MnistLike",
    "Model",
    "ModelSettings",
    "NWay",
    "Omniglot",
    "OneVsRest",
    "Problem",
    "Regression",
    "Settings",
    "Sinusoid",
    "SpecError",
    "Task",
    "TaskSettings",
    "Training",
    "TutorialCnn",
    "from_toml",
    "load",
    "load_preset",
    "outputs",
    "parse",
    "parse_assignment",
    "preset_names",
    "to_toml",
    "with_assignments",
    "with_changes",
]
