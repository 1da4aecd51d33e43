"""The experiments that come with the app, one TOML file each under ``resources/presets``."""

from ..paths import resource
from .errors import Problem, SpecError
from .experiment import Experiment, load

DEFAULT_PRESET = "digits-maml"


def preset_names() -> list[str]:
    """Slugs of all presets, the default first."""
    names = sorted(path.stem for path in resource("presets").glob("*.toml"))
    return sorted(names, key=lambda name: name != DEFAULT_PRESET)


def load_preset(name: str) -> Experiment:
    """The preset of that slug.

    Raises:
        SpecError: when there is none.
    """
    if name not in preset_names():
        raise SpecError([Problem("preset", f"should be one of {', '.join(preset_names())}, not {name!r}")])
    return load(resource("presets", f"{name}.toml"))
