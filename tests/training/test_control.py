"""Pause, step, go on and stop, between real threads."""

import threading
from collections.abc import Callable, Iterator

import pytest

from maml_studio.training.control import Control

SOON = 10.0
"""Seconds after which a thread that should have come is lost."""
A_WHILE = 0.05
"""Seconds for which a thread that should wait is watched."""


@pytest.fixture
def ask() -> Iterator[Callable[[Callable[[], bool]], "Answer"]]:
    """Ask a control something in another thread, which must be gone in the end."""
    answers: list[Answer] = []

    def begin(question: Callable[[], bool]) -> Answer:
        answers.append(Answer(question))
        return answers[-1]

    yield begin
    for answer in answers:
        answer.thread.join(SOON)
        assert not answer.thread.is_alive()


class Answer:
    def __init__(self, question: Callable[[], bool]) -> None:
        self.value: bool | None = None
        self.thread = threading.Thread(target=self._wait, args=(question,), daemon=True)
        self.thread.start()

    def _wait(self, question: Callable[[], bool]) -> None:
        self.value = question()

    def comes(self) -> bool | None:
        self.thread.join(SOON)
        assert not self.thread.is_alive()
        return self.value

    def waits(self) -> bool:
        self.thread.join(A_WHILE)
        return self.thread.is_alive()


Ask = Callable[[Callable[[], bool]], Answer]


def test_goes_on_unless_told_otherwise() -> None:
    control = Control()
    assert control.may_begin_step()
    assert control.may_go_on()
    assert (control.paused, control.stopped, control.stepping) == (False, False, False)


@pytest.mark.parametrize("place", ["may_begin_step", "may_go_on"])
def test_pause_holds_until_resumed(ask: Ask, place: str) -> None:
    control = Control(paused=True)
    answer = ask(getattr(control, place))
    assert answer.waits()
    assert control.paused
    control.resume()
    assert answer.comes() is True
    assert not control.paused
    assert not control.stepping


@pytest.mark.parametrize("place", ["may_begin_step", "may_go_on"])
def test_stop_ends_a_pause(ask: Ask, place: str) -> None:
    control = Control()
    control.pause()
    answer = ask(getattr(control, place))
    assert answer.waits()
    control.stop()
    assert answer.comes() is False
    assert control.stopped


def test_stop_is_for_good() -> None:
    control = Control()
    control.stop()
    control.resume()
    control.step()
    assert not control.may_begin_step()
    assert not control.may_go_on()


@pytest.mark.parametrize("wish", [Control.pause, Control.resume, Control.step, Control.stop])
def test_any_wish_ends_a_wait(ask: Ask, wish: Callable[[Control], None]) -> None:
    control = Control()
    waiting = ask(lambda: control.wait(1000) or True)  # type: ignore[func-returns-value]
    assert waiting.waits()
    wish(control)
    assert waiting.comes() is True


def test_a_wait_ends_by_itself_and_never_begins_after_a_stop() -> None:
    control = Control()
    control.wait(0.001)
    control.stop()
    control.wait(1000)


def test_one_step_at_a_time(ask: Ask) -> None:
    control = Control(paused=True)
    answer = ask(control.may_begin_step)
    assert answer.waits()
    control.step()
    assert answer.comes() is True
    assert control.stepping
    # All chunks of that step go through, and the next step waits.
    assert control.may_go_on()
    assert control.may_go_on()
    following = ask(control.may_begin_step)
    assert following.waits()
    assert not control.stepping
    control.resume()
    assert following.comes() is True


def test_steps_asked_for_in_a_row_are_counted(ask: Ask) -> None:
    control = Control()
    for _ in range(3):
        control.step()
    assert [control.may_begin_step() for _ in range(3)] == [True] * 3
    fourth = ask(control.may_begin_step)
    assert fourth.waits()
    control.stop()
    assert fourth.comes() is False


def test_resume_forgets_steps_not_yet_done(ask: Ask) -> None:
    control = Control()
    control.step()
    control.step()
    control.resume()
    assert control.may_begin_step()
    assert not control.stepping
    control.pause()
    held = ask(control.may_begin_step)
    assert held.waits()
    control.resume()
    held.comes()


def test_step_while_held_in_the_middle_ends_that_step(ask: Ask) -> None:
    control = Control()
    assert control.may_begin_step()
    control.pause()
    middle = ask(control.may_go_on)
    assert middle.waits()
    control.step()
    assert middle.comes() is True
    assert control.stepping
    assert control.may_go_on()
    following = ask(control.may_begin_step)
    assert following.waits()
    control.stop()
    following.comes()


def test_step_while_held_in_a_validation_is_left_for_the_outer_step(ask: Ask) -> None:
    control = Control(paused=True)
    validation = ask(lambda: control.may_go_on(within_step=False))
    assert validation.waits()
    control.step()
    assert validation.comes() is True
    assert not control.stepping
    assert control.may_begin_step()
    assert control.stepping
    following = ask(control.may_begin_step)
    assert following.waits()
    control.stop()
    following.comes()


def test_pause_during_a_single_step_holds_at_once(ask: Ask) -> None:
    control = Control()
    control.step()
    assert control.may_begin_step()
    control.pause()
    assert not control.stepping
    held = ask(control.may_go_on)
    assert held.waits()
    control.resume()
    assert held.comes() is True
