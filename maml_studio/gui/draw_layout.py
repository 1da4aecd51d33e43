"""The Draw page's widgets and where they are."""

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QSpinBox, QToolButton, QVBoxLayout, QWidget

from . import theme
from .adaptation_panel import AdaptationPanel
from .cards import card, scrolling
from .draw_compare import CompareButton, ComparePanel
from .draw_document import MAX_SHOTS, DrawDocument
from .draw_query import QueryPanel
from .draw_rows import RowsPanel, set_tab_order
from .draw_test_mode import TestMode
from .elided_label import ElidedLabel
from .icons import icon
from .model_chooser import ModelChooser
from .probability_bars import ProbabilityBars
from .wheel import leave_wheel_to_page

_BUTTONS = (("undo", "undo"), ("redo", "redo"), ("clear_all", "clear"), ("open", "open"), ("save", "save"))


class DrawLayout(QWidget):
    """All parts of the page; who talks to whom is the page's business."""

    def __init__(self, document: DrawDocument, mode: TestMode) -> None:
        super().__init__()
        self.models = ModelChooser(functions=False)
        self.model_note = ElidedLabel("", theme.manager(), role="muted")
        self.model_note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.compare = ComparePanel()
        self.compare_button = CompareButton(self.models, self.compare)
        self.shots = QSpinBox()
        self.shots.setRange(1, MAX_SHOTS)
        self.shots.setAccessibleName("Shots")
        self.shots.setToolTip("Drawings of each class that the model learns from (K); fewer hide some, and lose none")
        leave_wheel_to_page(self.shots)
        self.file_label = ElidedLabel("", theme.manager(), role="muted", right=True)
        self.buttons: dict[str, QToolButton | QPushButton] = {}
        self.rows = RowsPanel(document)
        self.query = QueryPanel(mode)
        self.bars = ProbabilityBars()
        self.headline = ElidedLabel("", theme.manager(), role="query", bold=True)
        self.headline.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.walk = AdaptationPanel()
        middle = QHBoxLayout()
        middle.setSpacing(8)
        middle.addWidget(card(self.rows, "Show me"), 5)
        middle.addWidget(card(self.query, "Now draw one"), 4)
        middle.addWidget(card(self._answers(), "It thinks"), 3)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 8)
        column.setSpacing(8)
        column.addLayout(self._top())
        column.addLayout(middle, 1)
        column.addWidget(self.walk)
        set_tab_order([self.models, self.compare_button, self.shots, *self.buttons.values(), self.rows.scroll])

    def _top(self) -> QHBoxLayout:
        model_label, shots_label = QLabel("Model"), QLabel("Shots K")
        model_label.setBuddy(self.models)
        shots_label.setBuddy(self.shots)
        top = QHBoxLayout()
        for widget in (model_label, self.models, self.compare_button):
            top.addWidget(widget)
        top.addWidget(self.model_note, 1)
        for widget in (shots_label, self.shots):
            top.addWidget(widget)
        for name, picture in _BUTTONS:
            if name == "open":
                top.addSpacing(6)
                top.addWidget(self.file_label)
            button = QToolButton()
            button.setIcon(icon(picture))
            button.setIconSize(QSize(18, 18))
            self.buttons[name] = button
            top.addWidget(button)
        export = QPushButton(icon("export"), "Export…")
        self.buttons["export"] = export
        top.addWidget(export)
        return top

    def _answers(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.bars)
        column.addSpacing(6)
        column.addWidget(self.compare)
        column.addStretch(0)
        box = QWidget()
        outer = QVBoxLayout(box)
        outer.setContentsMargins(0, 0, 0, 0)
        # With many classes the most probable one may be out of sight.
        line = QHBoxLayout()
        line.setContentsMargins(4, 0, 4, 2)
        line.addWidget(self.headline)
        outer.addLayout(line)
        outer.addWidget(scrolling(content), 1)
        return box
