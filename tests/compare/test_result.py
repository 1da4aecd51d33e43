"""Comparisons of scores made by hand: order, pairs, words, tables."""

import csv
import io
import json

import numpy as np
import pytest
from compare_cases import common, digits, scored, sines

from maml_studio.compare.common import CommonTasks
from maml_studio.compare.result import Comparison, make_comparison, to_json
from maml_studio.compare.tables import to_csv, to_markdown


def accuracies(mean: float, seed: int, tasks: int = 600) -> np.ndarray:
    return np.random.default_rng(seed).binomial(6, mean, tasks) / 6


@pytest.fixture
def three() -> Comparison:
    rows = [scored("worst", accuracies(0.5, 0)), scored("best", accuracies(0.9, 1)), scored("near", accuracies(0.895, 2))]
    return make_comparison(common(), [run for run, _ in rows], {run.folder: scores for run, scores in rows}, {"gone": "is no longer there"})


def test_the_best_first_and_which_differences_are_more_than_chance(three: Comparison) -> None:
    assert [entry.name for entry in three.entries] == ["best", "near", "worst"]
    assert [three.verdict(place) for place in range(3)] == ["best", "not told apart from the best", "worse than the best"]
    assert [(pair.first, pair.second, pair.significant) for pair in three.pairs] == [(0, 1, False), (0, 2, True), (1, 2, True)]
    assert three.entries[0].mean == pytest.approx(accuracies(0.9, 1).mean())
    best, worst = accuracies(0.9, 1), accuracies(0.5, 0)
    points, half = 100 * (best - worst).mean(), 196 * (best - worst).std(ddof=1) / np.sqrt(600)
    assert three.sentence(three.pairs[1]) == (
        f"best is better than worst by {points:.1f} ± {half:.1f} points, paired over 600 tasks, p < 0.001 after Holm for 3 pairs"
    )
    assert three.sentence(three.pairs[0]).startswith("best and near: no difference shown (")
    assert three.pair(0, 0) is None


def test_of_errors_less_is_better() -> None:
    generator = np.random.default_rng(0)
    rows = [scored(name, generator.lognormal(size=100) * scale, sines(name)) for name, scale in (("large", 3.0), ("small", 0.1))]
    found = make_comparison(CommonTasks.of(sines(), 100), [run for run, _ in rows], {run.folder: one for run, one in rows})
    assert [entry.name for entry in found.entries] == ["small", "large"]
    assert found.verdict(1) == "larger error than the best"
    assert found.sentence(found.pairs[0]).startswith("small has a smaller error than large by ")
    assert found.sentence(found.pairs[0]).endswith("paired over 100 tasks, p < 0.001")
    assert found.pairs[0].difference.mean < 0
    assert "±" in found.figure(found.entries[0])


def test_seeds_taken_together() -> None:
    one, two, other = accuracies(0.9, 1), accuracies(0.8, 2), accuracies(0.5, 3)
    rows = [
        scored("a", one, digits("a", seed=1)),
        scored("b", other, digits("b", algorithm__name="anil")),
        scored("c", two, digits("c", seed=2)),
    ]
    scores = {run.folder: found for run, found in rows}
    found = make_comparison(common(), [run for run, _ in rows], scores, by_seed=True)
    assert [entry.name for entry in found.entries] == ["a (+1)", "b"]
    together = found.entries[0]
    assert together.mean == pytest.approx((one.mean() + two.mean()) / 2)
    assert together.spread == pytest.approx(np.std([one.mean(), two.mean()], ddof=1))
    assert together.half == pytest.approx(1.96 * ((one + two) / 2).std(ddof=1) / np.sqrt(600))
    assert found.spread(together) == f"2 seeds, σ {100 * together.spread:.1f}"
    assert found.spread(found.entries[1]) == ""
    assert len(make_comparison(common(), [run for run, _ in rows], scores).entries) == 3


def test_what_has_to_be_known_is_said() -> None:
    run, scores = scored("a", accuracies(0.5, 0), digits("a", data__split_seed=3), note="its folder can't keep the scores (Read-only)")
    found = make_comparison(common(), [run], {run.folder: scores})
    assert any("a may have trained on some of this" in note for note in found.notes)
    assert any("a: its folder can't keep the scores" in note for note in found.notes)
    assert (found.pairs, found.verdict(0), found.differing) == ((), "", ())


def test_nobody_at_all() -> None:
    found = make_comparison(common(), [], {}, {"a": "is no longer there"})
    assert found.entries == ()
    assert "a is left out: it is no longer there." in to_markdown(found)
    assert len(to_csv(found).splitlines()) == 1


def test_as_comma_separated_values(three: Comparison) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(three), newline="")))
    assert [row["run"] for row in rows] == ["best", "near", "worst"]
    assert float(rows[0]["accuracy"]) == pytest.approx(three.entries[0].mean, rel=1e-5)
    assert float(rows[2]["difference_from_best"]) == pytest.approx(three.entries[2].mean - three.entries[0].mean, rel=1e-4)
    assert rows[0]["p_holm"] == ""
    assert rows[2]["verdict"] == "worse than the best"


def test_a_name_is_no_formula_and_no_column() -> None:
    rows = [scored(name, accuracies(mean, place), digits("x")) for place, (name, mean) in enumerate((("=1+1", 0.9), ("a|b\nc", 0.2)))]
    found = make_comparison(common(), [run for run, _ in rows], {run.folder: one for run, one in rows})
    assert next(csv.DictReader(io.StringIO(to_csv(found))))["run"] == "'=1+1"
    assert "a\\|b c" in to_markdown(found)


def test_as_markdown(three: Comparison) -> None:
    text = to_markdown(three)
    assert f"| best | **{three.figure(three.entries[0])}** |" in text
    assert "- best and near: no difference shown" in text
    assert "- gone is left out: it is no longer there." in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_as_json(three: Comparison) -> None:
    value = json.loads(json.dumps(to_json(three)))
    assert [entry["name"] for entry in value["entries"]] == ["best", "near", "worst"]
    assert [pair["significant"] for pair in value["pairs"]] == [False, True, True]
    assert value["left_out"] == {"gone": "is no longer there"}
    assert (value["metric"], value["tasks"]) == ("accuracy", 600)
