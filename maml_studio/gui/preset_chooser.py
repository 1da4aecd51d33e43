"""Which ready-made experiment the settings are, and the way back to one's own."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox

from ..spec import Experiment, load_preset, preset_names
from .wheel import leave_wheel_to_page

OWN = "(your own settings)"


class PresetChooser(QComboBox):
    """The presets, under an entry that brings back what the user made before choosing one of them or opening something.

    Signals:
        chosen: This experiment should be shown.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._shown: Experiment | None = None
        self._own: Experiment | None = None
        self._opened: Experiment | None = None
        self.setAccessibleName("Preset")
        self.setToolTip("Start from a ready-made experiment; your own settings can be brought back")
        self.addItem(OWN, "")
        for name in preset_names():
            self.addItem(name, name)
        self.activated.connect(self._choose)
        leave_wheel_to_page(self)

    def set_opened(self, experiment: Experiment, origin: str) -> None:
        """Say before an experiment is shown that it comes from a file or a run: until it is edited, it is not the user's own."""
        self._opened = experiment
        self.setPlaceholderText(origin)

    def follow(self, experiment: Experiment | None) -> None:
        """Show which preset these settings are; None while a field is wrong."""
        self._shown = experiment
        index = self.findData(experiment.name) if experiment else 0
        if index > 0 and load_preset(self.itemData(index)) != experiment:
            index = -1
        if index < 0:
            index = -1 if experiment == self._opened and experiment != self._own else 0
        if index == 0 and experiment is not None:
            self._own = experiment
        # Nothing of one's own to go back to: the entry says only what is shown.
        self.model().item(0).setEnabled(self._own is not None)
        self.setCurrentIndex(index)

    def _choose(self, index: int) -> None:
        name = self.itemData(index)
        experiment = load_preset(name) if name else self._own
        if experiment is not None and experiment != self._shown:
            self.chosen.emit(experiment)
