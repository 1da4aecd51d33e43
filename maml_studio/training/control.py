"""How a window or a signal handler talks to a running training: pause, go on, one step, stop."""

import threading


class Control:
    """Wishes from any thread, honoured by the trainer between chunks of tasks."""

    def __init__(self, *, paused: bool = False) -> None:
        self._news = threading.Condition()
        self._paused = paused
        self._stopped = False
        self._steps_wanted = 0
        self._stepping = False

    def pause(self) -> None:
        """Hold before the next chunk of tasks."""
        with self._news:
            self._paused = True
            self._stepping = False
            self._news.notify_all()

    def resume(self) -> None:
        """Go on."""
        with self._news:
            self._paused = False
            self._steps_wanted = 0
            self._news.notify_all()

    def step(self) -> None:
        """Do one outer step, then hold again."""
        with self._news:
            self._paused = True
            self._steps_wanted += 1
            self._news.notify_all()

    def stop(self) -> None:
        """End the run; its state is saved."""
        with self._news:
            self._stopped = True
            self._news.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait a while, or until anything is wished for."""
        with self._news:
            if not self._stopped:
                self._news.wait(seconds)

    @property
    def paused(self) -> bool:
        """Whether the run holds, or does single steps only."""
        return self._paused

    @property
    def stopped(self) -> bool:
        """Whether the end was asked for."""
        return self._stopped

    @property
    def stepping(self) -> bool:
        """Whether the step under way was asked for by itself, for somebody to look at."""
        return self._stepping

    def may_begin_step(self) -> bool:
        """Wait while paused; True when an outer step may begin, False when the run should end."""
        with self._news:
            self._stepping = False
            self._news.wait_for(lambda: self._stopped or not self._paused or self._steps_wanted > 0)
            if self._paused and self._steps_wanted:
                self._steps_wanted -= 1
                self._stepping = True
            return not self._stopped

    def may_go_on(self, *, within_step: bool = True) -> bool:
        """Wait while paused before the next chunk; True when it may be worked on, False when the run should end.

        A single step that is asked for goes through the chunks of the step under way, and through its validation. In a validation that
        was held (``within_step=False``), it is left for the outer step that follows.
        """
        with self._news:
            self._news.wait_for(lambda: self._stopped or not self._paused or self._stepping or self._steps_wanted > 0)
            if within_step and self._paused and not self._stepping and self._steps_wanted:
                self._steps_wanted -= 1
                self._stepping = True
            return not self._stopped
