"""What is wrong with a setting, in one sentence that names the field."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

MOST_SAID = 5
"""Problems in one sentence; the form marks every one of them."""


def plain_text(text: str) -> str:
    """A stranger's text as part of a sentence: short, in one line, without control codes."""
    return one_line(text if len(text) <= 200 else text[:197] + "...")


def one_line(text: str) -> str:
    """A sentence with a stranger's name in it, such as a file's: line ends, control codes and bytes that are no text are spelt out."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


@dataclass(frozen=True)
class Problem:
    """One wrong field (``"task.way"``; empty for the whole file) and what would be right."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field} {self.message}" if self.field else self.message


class SpecError(ValueError):
    """Settings that can't be used; ``problems`` holds one entry per field."""

    def __init__(self, problems: list[Problem], origin: str = "") -> None:
        self.problems = problems
        self.origin = origin
        text = "; ".join(str(problem) for problem in problems[:MOST_SAID])
        if len(problems) > MOST_SAID:
            text += f"; and {len(problems) - MOST_SAID:,} more"
        super().__init__(f"{origin}: {text}" if origin else text)


def wrong_field(field: str, reason: str) -> PydanticCustomError:
    """For a validator of a whole table: the error of one field, which the table alone would not name."""
    return PydanticCustomError("wrong_field", "{reason}", {"field": field, "reason": reason})


def problems_of(error: ValidationError) -> list[Problem]:
    """Pydantic's findings as sentences of ours, the first of each field."""
    problems: dict[str, Problem] = {}
    for item in error.errors(include_url=False):
        problem = _problem(item)
        problems.setdefault(problem.field, problem)
    return list(problems.values())


def _problem(item: Any) -> Problem:
    context = item.get("ctx", {})
    if item["type"] == "wrong_field":
        return Problem(context["field"], context["reason"])
    *parents, last = item["loc"] or ("",)
    if parents and isinstance(last, int):  # an entry of a list; people change the list
        listed = _problem({**item, "loc": tuple(parents)})
        return Problem(listed.field, f"(entry {last + 1}) {listed.message}")
    field = _field(item["loc"])
    shown = _shown(item.get("input"))
    match item["type"]:
        case "extra_forbidden":
            return Problem(field, "is not a setting of this table" if "." in field else "is not a setting")
        case "missing":
            return Problem(field, "is missing")
        case "union_tag_not_found":
            key = str(context["discriminator"]).strip("'")
            return Problem(f"{field}.{key}", f"is missing; it says which kind of {field} the table is about")
        case "union_tag_invalid":
            key = str(context["discriminator"]).strip("'")
            expected = str(context["expected_tags"]).replace("'", "")
            return Problem(f"{field}.{key}", f"should be one of {expected}, not {_shown(context['tag'])}")
        case "model_type" | "model_attributes_type" | "dict_type":
            return Problem(field, f"should be a table such as [{field}], not {shown}")
        case "tuple_type":
            return Problem(field, f"should be a list in square brackets, not {shown}")
        case "greater_than_equal":
            return Problem(field, f"should be {_plain(context['ge'])} or more, not {shown}")
        case "greater_than":
            return Problem(field, f"should be above {_plain(context['gt'])}, not {shown}")
        case "less_than_equal":
            return Problem(field, f"should be {_plain(context['le'])} or less, not {shown}")
        case "less_than":
            return Problem(field, f"should be below {_plain(context['lt'])}, not {shown}")
        case "int_type" | "int_from_float":
            return Problem(field, f"should be a whole number, not {shown}")
        case "float_type":
            return Problem(field, f"should be a number, not {shown}")
        case "finite_number":
            return Problem(field, f"should be a finite number, not {shown}")
        case "bool_type":
            return Problem(field, f"should be true or false, not {shown}")
        case "string_type":
            return Problem(field, f"should be text, not {shown}")
        case "literal_error":
            return Problem(field, f"should be one of {context['expected'].replace(chr(39), '')}, not {shown}")
        case "string_too_short":
            return Problem(field, "should not be empty")
        case "string_too_long" | "too_long":
            return Problem(field, f"should not be longer than {context['max_length']}")
        case "value_error":
            return Problem(field, str(context["error"]))
        case _:
            message = str(item["msg"])
            return Problem(field, message[:1].lower() + message[1:])


def _shown(value: Any) -> str:
    try:
        shown = repr(value)
    except ValueError:  # hexadecimal numbers may be longer than Python writes in decimals
        return "a number of thousands of digits"
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _plain(limit: float) -> str:
    """A limit as people write it: 1 and not 1.0, 2147483647 and not 2.15e+09."""
    return str(int(limit)) if limit == int(limit) else str(limit)


def _field(location: tuple[int | str, ...]) -> str:
    # A union of tables puts the chosen table's tag second ("data", "digits", "split"); people know the field as data.split.
    parts = [_key(str(part)) for part in location]
    if len(parts) > 2 and parts[0] in ("data", "task", "model", "algorithm"):
        del parts[1]
    elif len(parts) == 2 and parts[0] in ("data", "task", "model", "algorithm"):
        parts = parts[:1]
    return ".".join(parts)


def _key(name: str) -> str:
    """A field's name, which may be anything in a file that somebody else made."""
    return name if name.replace("-", "_").isidentifier() and len(name) <= 60 else _shown(name)
