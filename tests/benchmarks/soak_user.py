"""A user who never tires, for soak.py: trains, draws, evaluates, compares, deletes, with the X server's own pointer.

A scenario is a generator: it does something and yields a condition, which the window is let live until.
"""

import itertools
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, QPoint, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget

from maml_studio.gui.main_window import MainWindow
from maml_studio.spec import Experiment, load_preset, with_changes

Condition = Callable[[], bool]
Steps = Iterator[Condition]
PATIENCE_S = 240.0
KEPT_RUNS = 8
DIGITS = {
    "task.way": 3,
    "model.width": 16,
    "training.meta_batch": 8,
    "training.iterations": 240,
    "training.checkpoint_every": 20,
    "evaluation.every": 60,
    "evaluation.tasks": 30,
    "evaluation.inner_steps": 3,
}
SINES = {
    "model.hidden": [20, 20],
    "training.iterations": 1500,
    "training.checkpoint_every": 100,
    "evaluation.every": 300,
    "evaluation.tasks": 50,
    "evaluation.inner_steps": 3,
}
SHAPES = (
    [(0.2, 0.2), (0.8, 0.8)],
    [(0.5, 0.1), (0.5, 0.9)],
    [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.2, 0.2)],
)


def settings(number: int) -> Experiment:
    """The settings of a round: sine waves in every third, digits otherwise."""
    if number % 3 == 2:
        return with_changes(load_preset("sinusoid-maml"), {"name": f"sines-{number}", "seed": number, **SINES})
    return with_changes(load_preset("digits-maml"), {"name": f"digits-{number}", "seed": number, **DIGITS})


class Pointer:
    """The X server's pointer, moved by xdotool: the window gets the same events as from a mouse."""

    def click(self, widget: QWidget, at: QPoint | None = None) -> Condition:
        """Press and release the button over a widget; the condition says when that is done."""
        place = widget.mapToGlobal(at or widget.rect().center())
        return self._go(["mousemove", str(place.x()), str(place.y()), "sleep", "0.05", "click", "1"])

    def stroke(self, canvas: QWidget, corners: list[tuple[float, float]]) -> Condition:
        """Draw a line through corners in units of the canvas, a point every 8 ms."""
        side = min(canvas.width(), canvas.height())
        left, top = (canvas.width() - side) / 2, (canvas.height() - side) / 2
        points = [corners[0]]
        for (x0, y0), (x1, y1) in itertools.pairwise(corners):
            points += [(x0 + share / 8 * (x1 - x0), y0 + share / 8 * (y1 - y0)) for share in range(1, 9)]
        words: list[str] = []
        for number, (x, y) in enumerate(points):
            place = canvas.mapToGlobal(QPoint(round(left + x * side), round(top + y * side)))
            words += ["mousemove", str(place.x()), str(place.y()), "sleep", "0.008", *(["mousedown", "1"] if number == 0 else [])]
        return self._go([*words, "mouseup", "1"])

    def _go(self, words: list[str]) -> Condition:
        program = subprocess.Popen(["xdotool", *words])
        return lambda: program.poll() is not None


class User(QObject):
    """Walks through the scenario for ever, a step at a time.

    Attributes:
        rounds: how many rounds are done.
        strokes, runs: what was done in them.
        problems: what went wrong, in words: boxes that nobody expected, messages of defects.
    """

    def __init__(self, window: MainWindow, rested: Callable[[], None]) -> None:
        super().__init__(window)
        self._window, self._rested = window, rested
        self._pointer = Pointer()
        self._steps = self._scenario()
        self._condition: Condition = lambda: True
        self._waited, self._busy = 0.0, False
        self.place, self.rounds, self.strokes, self.runs = "", 0, 0, 0
        self.problems: Counter[str] = Counter()
        self.stuck = ""
        self._beat = QTimer(self, interval=50)
        self._beat.timeout.connect(self._go_on)
        self._boxes = QTimer(self, interval=500)
        self._boxes.timeout.connect(self._answer)

    def begin(self) -> None:
        """Start."""
        self._beat.start()
        self._boxes.start()

    def end(self) -> None:
        """Stop where it is."""
        self._beat.stop()
        self._boxes.stop()

    def _go_on(self) -> None:
        if self._busy or self.stuck:
            return
        self._busy = True  # a dialog's own loop would come here again
        try:
            if self._condition():
                self._waited = 0.0
                self._condition = next(self._steps)
            else:
                self._waited += 0.05
                if self._waited > PATIENCE_S:
                    self.stuck = f"round {self.rounds}, {self.place}: nothing happened for {PATIENCE_S:.0f} s"
        except Exception as error:
            self.stuck = f"round {self.rounds}, {self.place}: {type(error).__name__}: {error}"
            raise
        finally:
            self._busy = False

    def _answer(self) -> None:
        """Press the button of a question that is expected; note any other box, and close it."""
        box = QApplication.activeModalWidget()
        if not isinstance(box, QMessageBox):
            return
        discard = box.button(QMessageBox.StandardButton.Discard)
        if discard is not None:
            discard.click()
        else:
            self.problems[f"{self.place}: {box.windowTitle()}: {box.text()}"] += 1
            box.reject()

    # Rounds

    def _scenario(self) -> Steps:
        while True:
            for part in (
                self._train,
                self._draw,
                self._hold,
                self._evaluate,
                self._look_at_runs,
                self._compare,
                self._insight,
                self._queue,
            ):
                self.place = part.__name__.strip("_")
                yield from part(self.rounds)
            self.place = "rest"
            yield from self._turn("train")
            yield from self._pause(1.5)
            for name in ("evaluate", "compare", "insight"):
                words = self._window.pages[name].message.text()
                if "defect" in words:
                    self.problems[words] += 1
            self.rounds += 1
            self._rested()

    def _parts(self) -> list[Callable[[int], Steps]]:
        trained = [self._train, self._draw, self._hold]
        return [*trained, self._evaluate, self._look_at_runs, self._compare, self._insight, self._queue]

    def _turn(self, name: str) -> Steps:
        """Click a page's tab."""
        window = self._window
        bar = window.tabs.bar
        yield self._pointer.click(bar, bar.tabRect(window.tabs.indexOf(window.pages[name])).center())
        yield lambda: window.tabs.currentWidget() is window.pages[name]

    def _pause(self, seconds: float) -> Steps:
        over: list[bool] = []
        QTimer.singleShot(round(1000 * seconds), lambda: over.append(True))
        yield lambda: bool(over)

    def _train(self, number: int) -> Steps:
        window = self._window
        yield from self._turn("train")
        window.form.set_experiment(settings(number))
        page = window.train_page
        yield lambda: page.train_button.isEnabled() and page.preview.task is not None
        yield self._pointer.click(page.dice_button)
        yield self._pointer.click(page.train_button)
        yield lambda: window.session.running and window.run.iteration >= 5
        self.runs += 1
        for name in ("evaluate", "runs", "compare", "insight"):
            yield from self._turn(name)
            yield from self._pause(0.7)

    def _draw(self, number: int) -> Steps:
        page = self._window.draw_page
        yield from self._turn("draw")
        QTimer.singleShot(0, page.actions_by_name["new"].trigger)  # its question is answered by _answer
        yield from self._pause(1.5)
        if page.models.ref() is None or number % 3 == 0:
            page.models.choose("pretrained")
        yield lambda: page.session.current
        page.document.begin(3, 1 + number % 2)  # a model that was just met gives empty pages as many classes as it knows
        yield lambda: page.session.current
        for row, shape in enumerate(SHAPES):
            for shot in range(page.document.shots):
                yield self._pointer.stroke(page.rows[row].canvases[shot], shape)
                self.strokes += 1
        for shape in SHAPES:
            yield self._pointer.stroke(page.query, shape)
            self.strokes += 1
            yield lambda: page.session.current
            page.query.clear()
        yield self._pointer.stroke(page.query, SHAPES[number % 3])
        for _ in range(2):
            page.document.undo()
            yield from self._pause(0.2)
        page.document.redo()
        page.actions_by_name["saliency"].trigger()
        yield from self._pause(0.3)
        yield lambda: page.session.current
        page.actions_by_name["saliency"].trigger()
        page.actions_by_name["play"].trigger()
        yield from self._pause(1.0)

    def _hold(self, number: int) -> Steps:
        window = self._window
        page = window.train_page
        yield from self._turn("train")
        if window.session.running:
            yield self._pointer.click(page.pause_button)
            yield lambda: window.session.paused or not window.session.running
            for _ in range(2):
                if not window.session.paused:
                    break  # it was at its end before it could be held; Step would begin another run
                before = window.run.iteration
                yield self._pointer.click(page.step_button)
                yield lambda before=before: window.run.iteration != before or not window.session.running
            if window.session.paused:
                yield self._pointer.click(page.pause_button)
            yield lambda: not window.session.paused
            yield from self._pause(2.0)
        if window.session.running:
            yield self._pointer.click(page.stop_button)
            yield lambda: not window.session.running
        if page.continue_button.isVisible():
            yield self._pointer.click(page.continue_button)
            yield lambda: window.session.running or window.run.status in ("finished", "failed")
            if number % 2:
                yield from self._pause(3.0)
                yield self._pointer.click(page.stop_button)
            yield lambda: not window.session.running
        if window.run.status == "failed":
            self.problems[window.run.message] += 1

    def _evaluate(self, number: int) -> Steps:
        page = self._window.evaluate_page
        yield from self._turn("evaluate")
        page.models.choose(str(self._window.session.folder))
        yield lambda: page._place == str(self._window.session.folder) and page.evaluate_button.isEnabled()
        page.form.tasks.setValue(60)
        yield self._pointer.click(page.evaluate_button)
        yield lambda: page.running or page.results.report is not None
        if number % 2:
            yield from self._pause(0.4)
            if page.running:
                yield self._pointer.click(page.cancel_button)
        yield lambda: not page.running
        yield from self._pause(0.5)

    def _look_at_runs(self, number: int) -> Steps:
        window, page = self._window, self._window.runs_page
        yield from self._turn("runs")
        yield lambda: any(run.folder == window.session.folder for run in page.model.runs)
        for row in range(min(3, page.proxy.rowCount())):
            at = page.table.visualRect(page.proxy.index(row, 1)).center()
            yield self._pointer.click(page.table.viewport(), at)
            yield from self._pause(0.3)
        page.star()
        page.add_tag(f"round-{number % 4}")
        page.open()
        yield from self._pause(1.0)
        yield from self._turn("runs")
        runs = sorted(page.model.runs, key=lambda run: run.created)
        for run in runs[:-KEPT_RUNS]:
            page.table.choose(run)
            page.delete()
            if number % 5 == 0:
                page.undo()
                yield lambda run=run: any(one.folder == run.folder for one in page.model.runs)
                page.table.choose(run)
                page.delete()
            yield from self._pause(0.2)

    def _compare(self, number: int) -> Steps:
        window = self._window
        page = window.pages["compare"]
        same = [run.folder for run in window.runs_page.model.runs if run.title.startswith("digits")]
        page.tasks.setValue(20)
        page.compare(same[:3])
        yield from self._turn("compare")
        if len(same) < 2:
            return
        yield lambda: page._looked == page._asked
        if page.measure_button.isEnabled():
            yield self._pointer.click(page.measure_button)
            yield from self._pause(0.3)
        yield lambda: not page.running
        yield from self._pause(0.5)

    def _insight(self, number: int) -> Steps:
        page = self._window.pages["insight"]
        yield from self._turn("insight")
        page.models.choose(str(self._window.session.folder))
        yield lambda: page._place == str(self._window.session.folder) and page.look_button.isEnabled()
        page.tasks.setValue(8)
        yield self._pointer.click(page.look_button)
        yield from self._pause(0.3)
        yield lambda: not page.running
        if page.answers:
            page.another_task()
            yield lambda: not page.running

    def _queue(self, number: int) -> Steps:
        if number % 4 != 3:
            return
        window = self._window
        page = window.runs_page
        yield from self._turn("runs")
        page.add_to_queue([with_changes(settings(number), {"training.iterations": 30 + seed, "seed": seed}) for seed in (1, 2)])
        yield lambda: page.runner.entries and not page.runner.waiting and not window.session.running and not page.runner.going
        page.runner.clear_done()
        schemes = ("light", "dark")
        window.set_scheme(schemes[number // 4 % 2])
        yield from self._pause(0.5)
