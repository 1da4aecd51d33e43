"""What the window remembers between two starts: its layout, the colour scheme, the last experiment."""

from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

from ..files import write_whole
from ..paths import config_dir
from ..spec import DEFAULT_PRESET, Experiment, SpecError, load, load_preset, to_toml


class Memory:
    """A settings file and an ``experiment.toml`` in the user's configuration folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or config_dir()
        # Where nothing can be kept, the window opens all the same.
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
        self._settings = QSettings(str(self._folder / "window.ini"), QSettings.Format.IniFormat)

    @property
    def folder(self) -> Path:
        """Where it is; the drawings are kept there too."""
        return self._folder

    @property
    def scheme(self) -> str:
        """``system``, ``dark`` or ``light``."""
        value = str(self._settings.value("scheme", "system"))
        return value if value in ("system", "dark", "light") else "system"

    @scheme.setter
    def scheme(self, value: str) -> None:
        self._settings.setValue("scheme", value)

    def bytes(self, key: str) -> QByteArray | None:
        """A remembered piece of layout."""
        value = self._settings.value(key)
        return value if isinstance(value, QByteArray) else None

    def set_bytes(self, key: str, value: QByteArray) -> None:
        """Remember a piece of layout."""
        self._settings.setValue(key, value)

    def flag(self, key: str) -> bool:
        """A remembered yes or no; no unless said otherwise."""
        return str(self._settings.value(key, "false")) == "true"

    def set_flag(self, key: str, value: bool) -> None:
        """Remember a yes or no."""
        self._settings.setValue(key, "true" if value else "false")

    def text(self, key: str) -> str:
        """A remembered word; empty unless said otherwise."""
        return str(self._settings.value(key, ""))

    def set_text(self, key: str, value: str) -> None:
        """Remember a word."""
        self._settings.setValue(key, value)

    def experiment(self) -> Experiment:
        """The settings as they were when the window was last closed; the default preset the first time, or if they can't be read."""
        try:
            return load(self._folder / "experiment.toml")
        except SpecError:
            return load_preset(DEFAULT_PRESET)

    def set_experiment(self, experiment: Experiment) -> None:
        """Remember the settings.

        Raises:
            OSError: when they can't be written.
        """
        write_whole(self._folder / "experiment.toml", to_toml(experiment).encode())

    def save(self) -> None:
        """Write everything out now."""
        self._settings.sync()
