"""A comparison as a table: comma-separated values, Markdown."""

import csv
import io
from collections.abc import Sequence

from .result import Comparison
from .statistics import p_words


def to_csv(comparison: Comparison) -> str:
    """A line for each run, the best first: figures, the difference from the best, then every setting that differs."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    heads = ["run", "folders", comparison.metric, "ci95", "spread_over_seeds", "seeds", "inner_steps", "norm_mode", "iterations", "tasks"]
    heads += ["difference_from_best", "difference_ci95", "p", "p_holm", "verdict"]
    writer.writerow([*heads, *(one.field for one in comparison.differing)])
    for place, entry in enumerate(comparison.entries):
        pair = comparison.pair(0, place)
        figures = [entry.mean, entry.half, "" if entry.spread is None else entry.spread, len(entry.runs), entry.steps, entry.norm_mode]
        figures += [" ".join(map(str, entry.iterations)), comparison.common.tasks]
        # The best minus this one, turned round.
        against = ["", "", "", ""] if pair is None else [-pair.difference.mean, pair.difference.half, pair.difference.p, pair.p]
        names = [entry.name, " ".join(run.folder.name for run in entry.runs)]
        settings = [one.values[place] for one in comparison.differing]
        writer.writerow([_harmless(cell) for cell in [*names, *figures, *against, comparison.verdict(place), *settings]])
    return stream.getvalue()


def _harmless(cell: object) -> object:
    """Numbers in a few digits; a name that a spreadsheet would take for a formula gets an apostrophe, as spreadsheets do themselves."""
    if isinstance(cell, float):
        return f"{cell:.6g}"
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t") and cell != "–" else cell


def to_markdown(comparison: Comparison) -> str:
    """The figures, the pairs in plain words, and the settings that differ."""
    what = "squared error" if comparison.common.regression else "accuracy"
    heads = ["run", f"{what} ± 95%", "behind the best ± 95%", "p", "", "inner steps", "norm mode", "iterations"]
    rows = []
    for place, entry in enumerate(comparison.entries):
        pair = comparison.pair(0, place)
        figure = comparison.figure(entry)
        best = place == 0 and len(comparison.entries) > 1
        spread = comparison.spread(entry)
        rows.append(
            [
                entry.name,
                (f"**{figure}**" if best else figure) + (f" ({spread})" if spread else ""),
                "" if pair is None else comparison.difference(pair.difference),
                "" if pair is None else p_words(pair.p),
                comparison.verdict(place),
                str(entry.steps),
                entry.norm_mode,
                ", ".join(f"{count:,}" for count in dict.fromkeys(entry.iterations)),
            ]
        )
    parts = [f"{comparison.summary}.", _table(heads, rows)]
    if comparison.pairs:
        parts.append("\n".join(f"- {_escaped(comparison.sentence(pair))}" for pair in comparison.pairs))
    if comparison.differing:
        names = [entry.name for entry in comparison.entries]
        parts.append(_table(["setting", *names], [[one.title, *one.values] for one in comparison.differing]))
    remarks = [f"{name} is left out: it {why}." for name, why in comparison.left_out.items()] + [f"{note}." for note in comparison.notes]
    if remarks:
        parts.append("\n".join(f"- {_escaped(remark)}" for remark in remarks))
    return "\n\n".join(parts) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell if cell == "---" else _escaped(cell) for cell in line) + " |" for line in lines)


def _escaped(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
