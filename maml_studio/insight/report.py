"""All questions about one model, and their answers as one file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..data import silent
from ..data.progress import Progress
from ..training.norm_words import norm_words
from .functions import FunctionInsight, FunctionTask, see_function, task_of
from .layers import LayerInsight, see_layers
from .plane import PlaneInsight, see_plane
from .start import StartInsight, see_start
from .subject import Subject, Unanswered

Answer = LayerInsight | PlaneInsight | FunctionInsight | StartInsight | Unanswered

QUESTIONS: dict[str, str] = {
    "layers": "Rapid learning or feature reuse?",
    "start": "What does the trained start have that a random one lacks?",
    "plane": "Where does the inner path lead?",
    "function": "Which function does it see?",
}
"""Every question by its key."""


@dataclass(frozen=True)
class Report:
    """The answers for one model.

    Attributes:
        model: its name.
        iteration: outer steps that it was trained for.
        about: its algorithm and what the tasks look like.
        seed: draws the tasks.
        steps: inner steps that were asked for.
        answers: by question.
    """

    model: str
    iteration: int
    about: str
    seed: int
    steps: int
    answers: dict[str, Answer]

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain numbers."""
        return {
            "model": self.model,
            "iteration": self.iteration,
            "about": self.about,
            "task_seed": self.seed,
            "inner_steps": self.steps,
            "answers": {key: {"question": QUESTIONS[key], **answer.to_json()} for key, answer in self.answers.items()},
        }


def about(subject: Subject) -> str:
    """A model and its tasks in a line."""
    return f"{subject.experiment.algorithm.title} on {subject.about_tasks}, {norm_words(subject.norm)}"


def report_of(subject: Subject, answers: dict[str, Answer]) -> Report:
    """Put answers together."""
    trained = subject.trained
    return Report(trained.experiment.name, trained.iteration, about(subject), subject.seed, subject.steps, answers)


def answer(
    subject: Subject,
    question: str,
    *,
    tasks: int = 100,
    task: int = 0,
    points: FunctionTask | None = None,
    progress: Progress = silent,
) -> Answer:
    """Answer one question.

    Args:
        subject: the model.
        question: one of :data:`QUESTIONS`.
        tasks: how many tasks the means are over.
        task: which task stands for all where one is looked at, the first being 0.
        points: other points for the function than the task's own.
        progress: may raise :class:`~maml_studio.data.Cancelled`.
    """
    match question:
        case "layers":
            return see_layers(subject, tasks, progress)
        case "start":
            return see_start(subject, tasks, progress)
        case "plane":
            return see_plane(subject, task, progress)
        case _:
            found = points or task_of(subject, task)
            if isinstance(found, Unanswered):
                return found
            return see_function(subject.trained, subject.trained.untrained(), found, subject.steps)


def see_all(
    subject: Subject,
    *,
    tasks: int = 100,
    task: int = 0,
    progress: Progress = silent,
    found: Callable[[str, Answer], None] = lambda question, answer: None,
) -> Report:
    """Answer every question.

    Args:
        subject: the model.
        tasks: how many tasks the means are over.
        task: which task stands for all where one is looked at, the first being 0.
        progress: may raise :class:`~maml_studio.data.Cancelled`.
        found: told each answer as it comes.
    """
    answers = {}
    for question in QUESTIONS:
        answers[question] = answer(subject, question, tasks=tasks, task=task, progress=progress)
        found(question, answers[question])
    return report_of(subject, answers)
