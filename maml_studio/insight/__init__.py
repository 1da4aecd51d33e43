"""What a run did, explained: how layers move, what features keep, where the inner path leads, what the start is worth."""

from .report import QUESTIONS, Answer, Report, answer, report_of, see_all
from .subject import Estimate, Subject, Unanswered, look_at

__all__ = ["QUESTIONS", "Answer", "Estimate", "Report", "Subject", "Unanswered", "answer", "look_at", "report_of", "see_all"]
