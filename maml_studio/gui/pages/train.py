"""The Train page: start and hold a run, and watch both of its loops."""

import math
from typing import Literal

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from ...training.norm_words import norm_words
from .. import theme
from ..cards import card, heading, scrolling
from ..elided_label import ElidedLabel
from ..icons import icon
from ..message import Message
from ..plots import Plot
from ..run_model import InnerLoop, RunModel
from ..task_preview import TaskPreview

PAUSE_TIP = "Hold the run; press again to go on (Ctrl+P)"


class TrainPage(QWidget):
    """Buttons above four pictures: inner loop, outer loop, accuracy, one task.

    Signals:
        train_wanted, pause_wanted, resume_wanted, step_wanted, stop_wanted, continue_wanted: A button was pressed.
        another_task_wanted: The preview should show another task.
        download_wanted, cancel_wanted: Its data should be fetched, or no longer.
    """

    train_wanted = Signal()
    pause_wanted = Signal()
    resume_wanted = Signal()
    step_wanted = Signal()
    stop_wanted = Signal()
    continue_wanted = Signal()
    another_task_wanted = Signal()
    download_wanted = Signal()
    cancel_wanted = Signal()

    def __init__(self, model: RunModel) -> None:
        super().__init__()
        self.model = model
        self._paused = False
        self._blocked = ""
        themes = theme.manager()
        self.inner_plot = Plot(
            "Inner loop",
            "inner step",
            "loss",
            theme=themes,
            empty_text="How the loss falls while the model adapts to one task, step by step: appears with the first outer step.",
        )
        self.outer_plot = Plot(
            "Outer loop",
            "outer iteration",
            "query loss",
            theme=themes,
            empty_text="The loss on the queries after adaptation. Press Train.",
        )
        self.accuracy_plot = Plot(
            "Validation",
            "outer iteration",
            "accuracy, %",
            theme=themes,
            empty_text="How well new tasks are solved before and after adaptation, with the 95% interval.",
        )
        self.preview = TaskPreview()
        self._build()
        model.changed.connect(self.refresh)
        self.refresh()

    def _build(self) -> None:
        self.train_button = self._button("Train", "play", "Start a new run with these settings (Ctrl+R)", self.train_wanted)
        self.train_button.setProperty("primary", True)
        self.pause_button = self._button("Pause", "pause", PAUSE_TIP, None)
        self.pause_button.clicked.connect(self._pause_or_resume)
        self.step_button = self._button("Step", "step", "Do one outer step and hold (Ctrl+.)", self.step_wanted)
        self.stop_button = self._button("Stop", "stop", "End the run; its state is saved (Ctrl+E)", self.stop_wanted)
        self.readout = ElidedLabel("", theme.manager(), role="text", right=True)
        self.readout.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.continue_button = self._button(
            "Continue", "redo", "Go on with the run on show where it was stopped (Ctrl+Shift+R)", self.continue_wanted
        )
        self.continue_button.hide()
        bar = QHBoxLayout()
        bar.setSpacing(6)
        for button in (self.train_button, self.continue_button, self.pause_button, self.step_button, self.stop_button):
            bar.addWidget(button)
        bar.addWidget(self.readout, 1)
        self.message = Message()
        grid = QGridLayout()
        grid.setSpacing(8)
        grid.addWidget(self.inner_plot, 0, 0)
        grid.addWidget(self.outer_plot, 0, 1)
        grid.addWidget(self.accuracy_plot, 1, 0)
        grid.addWidget(card(self._preview_box()), 1, 1)
        for line in (0, 1):
            grid.setRowStretch(line, 1)
            grid.setColumnStretch(line, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 8)
        layout.setSpacing(8)
        layout.addLayout(bar)
        layout.addWidget(self.message)
        layout.addLayout(grid, 1)

    def _preview_box(self) -> QWidget:
        box = QWidget()
        self.download_button = QPushButton(icon("download"), "Download")
        self.download_button.setToolTip("Fetch this data set; it stays on this computer")
        self.download_button.clicked.connect(self.download_wanted)
        self.cancel_button = QPushButton(icon("close"), "Cancel")
        self.cancel_button.setToolTip("Give the download up; nothing half is kept")
        self.cancel_button.clicked.connect(self.cancel_wanted)
        self.set_download("none")
        self.dice_button = QPushButton(icon("dice"), "Another task")
        self.dice_button.setToolTip("Sample another task from the same data (Ctrl+D)")
        self.dice_button.clicked.connect(self.another_task_wanted)
        head = QHBoxLayout()
        head.addWidget(heading("A task as the model sees it"))
        head.addStretch(1)
        head.addWidget(self.download_button)
        head.addWidget(self.cancel_button)
        head.addWidget(self.dice_button)
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(head)
        layout.addWidget(scrolling(self.preview), 1)
        return box

    def _button(self, text: str, picture: str, tip: str, signal: object) -> QPushButton:
        button = QPushButton(icon(picture, "on_accent" if picture == "play" else "text"), text)
        button.setToolTip(tip)
        if signal is not None:
            button.clicked.connect(signal)
        return button

    def _pause_or_resume(self) -> None:
        (self.resume_wanted if self._paused or self.model.status == "held" else self.pause_wanted).emit()

    def set_paused(self, paused: bool) -> None:
        """Show the run as held, or as going on."""
        self._paused = paused
        self.refresh()

    def set_resumable(self, resumable: bool) -> None:
        """Offer to go on with the run on show, or not."""
        self.continue_button.setVisible(resumable)

    def set_blocked(self, reason: str) -> None:
        """Keep Train from being pressed, with the reason as its tooltip; empty lets it."""
        self._blocked = reason
        self._refresh_buttons()

    def set_download(self, state: Literal["none", "offered", "under way"]) -> None:
        """Show the button that begins a download, or the one that gives it up."""
        self.download_button.setVisible(state == "offered")
        self.cancel_button.setVisible(state == "under way")

    def refresh(self) -> None:
        """Draw what the run model knows."""
        self._refresh_buttons()
        self._refresh_words()
        self._refresh_inner()
        self._refresh_outer()
        self._refresh_accuracy()

    def clear_plots(self) -> None:
        """Empty all pictures for a new run."""
        for plot in (self.inner_plot, self.outer_plot, self.accuracy_plot):
            plot.clear()

    def _refresh_buttons(self) -> None:
        running = self.model.running and not self.model.elsewhere
        self.train_button.setEnabled(not running and not self._blocked)
        self.train_button.setToolTip(self._blocked or "Start a new run with these settings (Ctrl+R)")
        self.pause_button.setEnabled(running)
        self._name_pause_button()
        held = self.model.status == "held"
        self.step_button.setEnabled(not held and (running or not self._blocked))
        self.stop_button.setEnabled(running)

    def _name_pause_button(self) -> None:
        if self.model.status == "held":
            text, picture, tip = "Try again", "play", "Write it now; training tries again by itself every few seconds too"
        elif self._paused:
            text, picture, tip = "Go on", "play", PAUSE_TIP
        else:
            text, picture, tip = "Pause", "pause", PAUSE_TIP
        if self.pause_button.text() != text:
            self.pause_button.setText(text)
            self.pause_button.setIcon(icon(picture))
            self.pause_button.setToolTip(tip)

    def _refresh_words(self) -> None:
        model = self.model
        self.readout.set_text("     ".join(self._figures()))
        role, text = "muted", ""
        if model.status in ("loading", "training"):
            text = "Another program trains this run; its curves follow as it goes." if model.elsewhere else model.message
        elif model.status in ("failed", "held"):
            role, text = "bad", model.message
        elif model.status == "finished":
            role, text = "good", f"Finished: {model.message}."
        elif model.status == "stopped":
            saved = "nothing was saved yet"
            if model.saved_at is not None:
                saved = f"its state is saved at iteration {model.saved_at:,}, and Run > Continue goes on from there"
            text = f"{model.message or 'Stopped'} at iteration {model.iteration:,}; {saved}."
        self.message.say(text, role)

    def _figures(self) -> list[str]:
        model = self.model
        if model.status in ("empty", "loading"):
            return []
        figures = [f"{model.iteration:,} / {model.iterations:,}"]
        speed, left = model.tasks_per_second(), model.seconds_left()
        if self._paused and model.running:
            figures.append("paused")
        elif model.status == "held":
            figures.append("waiting")
        if speed and model.running:
            figures.append(f"{speed:,.0f} tasks/s")
        if left is not None and model.running and not self._paused and model.status != "held":
            figures.append(f"{duration(left)} left")
        figures.append(norm_words(model.norm_mode))
        figures.append(f"{memory_text()} in all")
        # Last what can best be missed: where there is no room, the end of the line gives way.
        if model.last_step:
            figures.append(f"gradient norm {model.last_step.gradient_norm:.2g}")
            figures += [f"{name} {value:.2g}" for name, value in model.last_step.notes.items()]
        return figures

    def _refresh_inner(self) -> None:
        loops = list(self.model.inner)
        validation = list(self.model.validation_inner)
        if not loops and not validation:
            return
        for role, losses in (("support", _support), ("query", _query)):
            if loops:
                self.inner_plot.set_history(f"{role} history", [losses(loop) for loop in loops[:-1]], role=role, opacity=0.4)
                self.inner_plot.set_curve(role, *losses(loops[-1]), role=role, name=role, symbol=True)
            if validation:
                history = [losses(loop) for loop in validation[:-1]]
                self.inner_plot.set_history(f"{role} validation history", history, role=role, opacity=0.3, dashed=True)
                self.inner_plot.set_curve(f"{role} validation", *losses(validation[-1]), role=role, name=f"{role}, validation", dashed=True)
        shown = f"outer iteration {loops[-1].iteration:,}" if loops else ""
        self.inner_plot.set_note(shown)

    def _refresh_outer(self) -> None:
        x = self.model.outer_x.array()
        if len(x):
            self.outer_plot.set_curve("query loss", x, self.model.outer_loss.array(), role="outer", name="query loss", smooth=True)

    def _refresh_accuracy(self) -> None:
        model = self.model
        x = model.validation_x.array()
        if not len(x) or model.last_validation is None:
            return
        plot = self.accuracy_plot
        scale = 1 if model.regression else 100
        if model.regression:
            plot.set_titles("Validation error", "squared error")
        else:
            plot.set_titles("Validation accuracy", "accuracy, %")
        for role, values, halves in (("before", model.before, model.before_ci), ("after", model.after, model.after_ci)):
            mean, half = scale * values.array(), scale * halves.array()
            low, high = mean - half, mean + half
            if not model.regression:
                low, high = np.clip(low, 0, 100), np.clip(high, 0, 100)
            plot.set_band(f"{role} band", x, low, high, role=role)
            plot.set_curve(role, x, mean, role=role, name=f"{role} adaptation", symbol=len(x) < 50)
        last = model.last_validation
        plot.set_note(f"{last.tasks} tasks, {last.norm_mode}, {last.scores[-1].step} steps, ± 95%")


def _support(loop: InnerLoop) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(len(loop.support)), np.asarray(loop.support)


def _query(loop: InnerLoop) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(len(loop.query)), np.asarray(loop.query)


def duration(seconds: float) -> str:
    """A time such as 0:07, 12:30 or 3:05:00."""
    if not math.isfinite(seconds):
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def memory_text() -> str:
    """What this process holds in memory."""
    import psutil

    return f"{psutil.Process().memory_info().rss / 2**30:.2f} GB"
