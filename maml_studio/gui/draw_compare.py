"""The same drawings under other models, side by side: each adapts in a thread of its own, the latest drawing wins."""

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from . import theme
from .adapt_worker import AdaptWorker, DrawRequest, DrawResult, ModelRef
from .elided_label import ElidedLabel
from .icons import icon
from .model_chooser import ModelChooser, ask_checkpoint
from .probability_bars import SmallBars

MOST = 3


class _Dot(QWidget):
    def __init__(self, run: int) -> None:
        super().__init__()
        self._run = run
        self.setFixedSize(12, 12)
        theme.manager().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.current().runs[self._run]))
        painter.drawEllipse(self.rect().adjusted(1, 1, -1, -1))


class ComparedModel(QWidget):
    """One model beside the page's own.

    Args:
        run: which of the runs' colours it has.
        worker: whose answers it shows.

    Signals:
        removed: It is no longer wanted.
    """

    removed = Signal()

    def __init__(self, run: int, worker: AdaptWorker) -> None:
        super().__init__()
        self.ref: ModelRef | None = None
        self.bars = SmallBars(run)
        self.worker = worker
        self._result: DrawResult | None = None
        self._step = 0
        self._title = ElidedLabel("", theme.manager(), role="muted")
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._remove = QToolButton()
        self._remove.setIcon(icon("close"))
        self._remove.setAutoRaise(True)
        self._remove.setAccessibleName("Remove")
        self._remove.clicked.connect(self.removed)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(_Dot(run))
        head.addWidget(self._title, 1)
        head.addWidget(self._remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(3)
        column.addLayout(head)
        column.addWidget(self.words)
        column.addWidget(self.bars)
        worker.done.connect(self._take)
        worker.failed.connect(self._refuse)
        self.hide()

    def begin(self, ref: ModelRef, title: str) -> None:
        """Show a model."""
        self.ref = ref
        self._result = None
        self._title.set_text(title)
        self._remove.setToolTip(f"Compare with {title} no longer")
        self._remove.setAccessibleName(f"Remove {title}")
        self.bars.setAccessibleName(f"Prediction of {title}")
        self._say("…")
        self.show()

    def stop(self) -> None:
        """Show no model."""
        self.ref = self._result = None
        self.hide()

    def ask(self, request: DrawRequest) -> None:
        """Put the page's question to this model."""
        if self.ref is not None:
            self.worker.ask(replace(request, model=self.ref))

    def show_step(self, step: int) -> None:
        """Look at another inner step."""
        self._step = step
        self._refresh()

    def _take(self, request: DrawRequest, result: DrawResult) -> None:
        if request.model == self.ref:
            self._result = result
            self._refresh()

    def _refuse(self, request: DrawRequest, message: str) -> None:
        if request.model == self.ref:
            self._result = None
            self._say(message)

    def _refresh(self) -> None:
        result = self._result
        if result is None:
            return
        if result.adapted is None:
            self._say("waits for the drawings")
        elif result.probabilities is None:
            self._say("adapted; waits for a query")
        else:
            row = result.probabilities[min(self._step, len(result.probabilities) - 1)]
            self.bars.show_probabilities(result.adapted.classes, tuple(float(p) for p in row))
            self.words.setText(f"{self.bars.top}  {100 * float(row.max()):.0f} %")
            self.bars.show()

    def _say(self, message: str) -> None:
        self.words.setText(message)
        self.bars.show_probabilities((), ())
        self.bars.hide()


class ComparePanel(QWidget):
    """Up to three other models, below the page's own.

    Signals:
        changed: Another model takes part, or one less.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        # A thread for each place and not for each model: to take a model away, nobody waits for what it is doing.
        self.places = [ComparedModel(run, AdaptWorker(self)) for run in range(MOST)]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for place in self.places:
            column.addWidget(place)
            place.removed.connect(self._removed)

    @property
    def shown(self) -> list[ComparedModel]:
        """Those that take part."""
        return [place for place in self.places if place.ref is not None]

    @property
    def full(self) -> bool:
        """Whether there is no room for another."""
        return len(self.shown) == MOST

    def add(self, ref: ModelRef, title: str) -> None:
        """Compare with one more, unless it takes part already or there is no room."""
        if self.full or any(place.ref == ref for place in self.shown):
            return
        next(place for place in self.places if place.ref is None).begin(ref, title)
        self.changed.emit()

    def remove(self, ref: ModelRef) -> None:
        """Compare with one less."""
        for place in self.shown:
            if place.ref == ref:
                place.stop()
        self.changed.emit()

    def ask(self, request: DrawRequest) -> None:
        """Put the page's question to all of them."""
        for place in self.shown:
            place.ask(request)

    def show_step(self, step: int) -> None:
        """Look at another inner step."""
        for place in self.places:
            place.show_step(step)

    def end(self) -> None:
        """End the threads."""
        for place in self.places:
            place.worker.end()

    def _removed(self) -> None:
        place = self.sender()
        if isinstance(place, ComparedModel) and place.ref is not None:
            self.remove(place.ref)


class CompareButton(QToolButton):
    """Offers the models that there are to compare with."""

    def __init__(self, models: ModelChooser, panel: ComparePanel) -> None:
        super().__init__()
        self._models, self._panel = models, panel
        self.setText("Compare with")
        self.setIcon(icon("add"))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setToolTip("Put the same drawings to other models, side by side (Ctrl+M)")
        self.setAccessibleName("Compare with another model")
        self.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        menu.aboutToShow.connect(self._fill)
        self.setMenu(menu)

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        current = self._models.ref()
        shown = {place.ref for place in self._panel.shown}
        offers = [(title, ModelRef(place)) for title, place in self._models.offers()]
        if current is not None:
            start = ModelRef(current.place, random=True)
            offers.insert(0, (f"Random start of {self._models.title(current.place)}", start))
        for title, ref in offers:
            if ref != current:
                action = menu.addAction(title)
                action.setCheckable(True)
                action.setChecked(ref in shown)
                action.setEnabled(ref in shown or not self._panel.full)
                action.triggered.connect(lambda on, ref=ref, title=title: self._choose(ref, title, on))
        menu.addSeparator()
        other = menu.addAction(icon("open"), "A checkpoint file…")
        other.setEnabled(not self._panel.full)
        other.triggered.connect(self._open)

    def _choose(self, ref: ModelRef, title: str, on: bool) -> None:
        if on:
            self._panel.add(ref, title)
        else:
            self._panel.remove(ref)

    def _open(self) -> None:
        path = ask_checkpoint(self)
        if path is not None:
            self._models.offer(path, choose=False)
            self._panel.add(ModelRef(str(path)), self._models.title(str(path)))
