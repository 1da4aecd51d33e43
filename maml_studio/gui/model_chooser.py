"""Which trained model is looked at: the current run, an earlier one, the one in the box, or a checkpoint file."""

from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QHelpEvent, QPaintEvent
from PySide6.QtWidgets import QComboBox, QFileDialog, QStyle, QStyleOptionComboBox, QStylePainter, QToolTip, QWidget

from .. import paths
from ..spec import TABLES, Experiment, SpecError, load
from ..training.run_index import EXPERIMENT, summarise
from .adapt_worker import PRETRAINED, ModelRef
from .wheel import leave_wheel_to_page

OPEN = "open"
MOST_STAGES = 6


class ModelChooser(QComboBox):
    """A list of runs and checkpoint files, the latest at the top.

    Args:
        functions: Whether models that fit functions are of any use here.

    Signals:
        chosen: Another model is wanted.
    """

    chosen = Signal()

    def __init__(self, *, functions: bool = True) -> None:
        super().__init__()
        self._functions = functions
        self._by_user = False
        self.setMinimumWidth(140)
        self.setMinimumContentsLength(24)  # more than the least, where there is room
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setAccessibleName("Model")
        self.setToolTip("Which trained model learns from your drawings")
        if pretrained_there():
            self.addItem("Pretrained (in the box)", PRETRAINED)
        self.addItem("Open a checkpoint…", OPEN)
        self._last = self.ref()
        self.activated.connect(self._take)
        leave_wheel_to_page(self)

    def ref(self) -> ModelRef | None:
        """The chosen model; None where there is none."""
        data = self.currentData()
        return None if data in (OPEN, None) else ModelRef(str(data))

    def offers(self) -> list[tuple[str, str]]:
        """What there is to choose, as titles and places."""
        return [(self.itemText(index), str(self.itemData(index))) for index in range(self.count()) if self.itemData(index) != OPEN]

    def title(self, place: str) -> str:
        """What a model is called here."""
        index = self.findData(place)
        return self.itemText(index) if index >= 0 else title_of(Path(place))

    def offer(self, path: Path, *, choose: bool = True) -> None:
        """Put a run or a checkpoint into the list, one that is there is described anew; and choose it, unless the user chose another."""
        title, tip = described(path)
        index = self.findData(str(path))
        if index < 0:
            # What is chosen stays so: Qt would choose the first item of a list that was empty but for the last one.
            self.insertItem(0, title, str(path))
            index = 0
        self.setItemText(index, title)
        self.setItemData(index, tip, Qt.ItemDataRole.ToolTipRole)
        if choose and not self._by_user and (self._functions or not fits_functions(path)):
            self.choose(str(path))

    def choose(self, place: str) -> None:
        """Choose a model of the list."""
        index = self.findData(place)
        if index >= 0:
            self.setCurrentIndex(index)
            self._last = self.ref()
            self.chosen.emit()

    def remembered(self) -> str:
        """The place of the model that the user chose, for the next start; empty where it was chosen by itself."""
        ref = self.ref()
        return ref.place if ref is not None and self._by_user else ""

    def bring_back(self, place: str) -> None:
        """Choose the model of the last time, if it is still there."""
        if self.findData(place) < 0 and place and Path(place).exists():
            self.offer(Path(place), choose=False)
        if self.findData(place) >= 0:
            self._by_user = True
            self.choose(place)

    def _take(self, index: int) -> None:
        if self.itemData(index) != OPEN:
            self._by_user = True
            self._last = self.ref()
            self.chosen.emit()
            return
        self.open()

    def showPopup(self) -> None:
        """Let the list be as wide as its longest name; runs may be called otherwise since."""
        for index in range(self.count()):
            if self.itemData(index) not in (OPEN, PRETRAINED):
                self.setItemText(index, title_of(Path(self.itemData(index))))
        self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + 24)
        super().showPopup()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it with a long name cut where one sees that it is."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width() - 4
        option.currentText = option.fontMetrics.elidedText(option.currentText, Qt.TextElideMode.ElideRight, room)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def about(self) -> str:
        """The chosen model in full, what is known of it, and what it comes from."""
        place = self.currentData()
        known = "" if place in (OPEN, None) else f"{history(place)}\n{described(Path(place))[1] if place != PRETRAINED else ''}"
        return f"{self.toolTip()}\n\n{self.currentText()}\n{known}".strip()

    def event(self, event: QEvent) -> bool:
        """Tell of the chosen model under the mouse; its name may be cut, and its story is asked for only then."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.about(), self)
            return True
        return super().event(event)

    def open(self) -> None:
        """Ask for a checkpoint file and choose it."""
        path = ask_checkpoint(self)
        if path is not None:
            self._by_user = False
            self.offer(path)
            self._by_user = True
        elif self._last is not None:
            self.setCurrentIndex(self.findData(self._last.place))


def ask_checkpoint(parent: QWidget) -> Path | None:
    """Let the user choose a checkpoint file."""
    path, _ = QFileDialog.getOpenFileName(parent, "Open a checkpoint", "", "Checkpoints (*.safetensors)")
    return Path(path) if path else None


def fits_functions(path: Path) -> bool:
    """Whether a run is about functions, and knows no classes."""
    run = summarise(path)
    return run is not None and run.source in TABLES["data"] and TABLES["data"][run.source].regression  # type: ignore[attr-defined]


def pretrained_there() -> bool:
    """Whether there is a model in the box."""
    return any(paths.resource("pretrained").glob("*.safetensors"))


def title_of(path: Path) -> str:
    """A name for a run folder or a checkpoint file."""
    return described(path)[0]


def training_words(experiment: Experiment, iteration: int) -> str:
    """How long a model was trained, without hiding that it did not begin at random: ``iteration`` is counted from where this run began."""
    start = experiment.training.start_from
    return f"trained for {iteration:,} iterations" + (f" from the weights of {Path(start).name}" if start else "")


def told_training(place: str, experiment: Experiment, iteration: int) -> str:
    """The same for a note beside the chooser, which knows that the model in the box was trained in stages."""
    return "trained in stages" if place == PRETRAINED else training_words(experiment, iteration)


def history(place: str) -> str:
    """What a model comes from, the latest stage first, as far as it is known: for a tooltip."""
    if place == PRETRAINED:
        return card_history()
    lines: list[str] = []
    path = Path(place)
    while len(lines) < MOST_STAGES:
        run = path.parent.parent if path.parent.name == "checkpoints" else path
        facts = summarise(run)
        if facts is None:
            break
        lines.append(f"{facts.algorithm_title} on {facts.source_title}, {facts.task}: {facts.iteration:,} iterations ({facts.title})")
        try:
            start = load(run / EXPERIMENT).training.start_from
        except SpecError:
            break
        if not start:
            break
        path = Path(start)
        if summarise(path.parent.parent if path.parent.name == "checkpoints" else path) is None:
            lines.append(f"{path.name}, which is no run that is still there")
            break
    return "\nbefore that: ".join(lines) if len(lines) > 1 else ""


def card_history() -> str:
    """How the model in the box was made, in the words of its card; empty where it has none."""
    for card in sorted(paths.resource("pretrained").glob("*.md")):
        with suppress(OSError, ValueError):
            _, found, rest = card.read_text("utf-8").partition("How it was made")
            if found:
                lines = (found + rest.partition("\nMeasured")[0]).strip().replace("`", "").split("\n")
                return "\n".join(line for line in lines if "packaging/" not in line)
    return ""


def described(path: Path) -> tuple[str, str]:
    """A name that tells a run or a checkpoint file from all others, and all else that there is to know about it in a line or two."""
    # A run's checkpoints are all called best or latest: the run's own name tells them apart.
    is_of_run = path.parent.name == "checkpoints"
    run = summarise(path.parent.parent if is_of_run else path)
    if run is None:
        return path.name, str(path)
    title = f"{run.title} · {run.algorithm_title}, {run.task} · {run.created:%d %b %H:%M}"
    score = f"\nbest {run.best.text()} {run.best.conditions()}" if run.best else "\nno validation yet"
    return f"{title} / {path.stem}" if is_of_run else title, f"{run.algorithm_title} on {run.source_title}, {run.task}{score}\n{path}"
