"""The plane goes where it says, and its losses are those of the weights there."""

import json
import math

import numpy as np
import pytest
import torch
from insight_cases import CLASSIFIERS, doubled, experiment, in_double, sines, subject

from maml_studio.data import Cancelled
from maml_studio.insight.plane import Plane, PlaneInsight, joined, loss_slope, see_plane, task_losses
from maml_studio.insight.subject import Unanswered

POINTS = 4


@pytest.mark.parametrize("transductive", [False, True])
@pytest.mark.parametrize(
    "settings", [experiment(), experiment("anil"), experiment("proto_maml"), sines()], ids=lambda one: one.algorithm.name
)
def test_the_three_anchors_have_their_own_losses(settings, transductive: bool) -> None:
    algorithm, meta = in_double(settings)
    episodes = doubled(subject("sines" if settings.regression else "maml").one(1))
    path = algorithm.adapt(meta, episodes, 3)
    anchors = [path[0].params, path[3].params, path[1].params]
    plane = Plane(algorithm, episodes, transductive, *anchors)
    assert torch.allclose(plane.axes @ plane.axes.T, torch.eye(2, dtype=torch.float64), atol=1e-12)
    places = [plane.coordinates(one) for one in anchors]
    assert places[0] == (0, 0, 0)
    assert places[1][1] == pytest.approx(0, abs=1e-12)
    assert places[1][0] == pytest.approx(torch.linalg.vector_norm(joined(path[3].params) - joined(path[0].params)).item(), rel=1e-12)
    found = plane.losses(torch.tensor([place[:2] for place in places], dtype=torch.float64))
    for index, one in enumerate(anchors):
        assert places[index][2] < 1e-9
        exact = task_losses(algorithm, one, episodes, transductive)
        for kind in (0, 1):
            assert found[kind][index].item() == pytest.approx(exact[kind].item(), abs=1e-10)


def test_a_point_of_the_plane_by_hand() -> None:
    algorithm, meta = in_double(experiment())
    episodes = doubled(subject("maml").one(0))
    path = algorithm.adapt(meta, episodes, 2)
    plane = Plane(algorithm, episodes, False, path[0].params, path[2].params, path[1].params)
    halfway = {name: (path[0].params[name] + path[1].params[name]) / 2 for name in path[0].params}
    x, y, off = plane.coordinates(halfway)
    assert off < 1e-10
    there = plane.weights(torch.tensor([[x, y]]))
    for name, value in halfway.items():
        assert torch.allclose(there[name], value, atol=1e-12)


def test_points_on_one_line_span_no_plane() -> None:
    algorithm, meta = in_double(experiment())
    episodes = doubled(subject("maml").one(0))
    path = algorithm.adapt(meta, episodes, 1)
    with pytest.raises(ValueError, match="differ"):
        Plane(algorithm, episodes, False, path[0].params, path[0].params, path[1].params)
    with pytest.raises(ValueError, match="one line"):
        Plane(algorithm, episodes, False, path[0].params, path[1].params, path[1].params)


@pytest.mark.parametrize("algorithm", [*CLASSIFIERS, "sines"])
def test_every_algorithm_has_an_answer(algorithm: str) -> None:
    found = see_plane(subject(algorithm), 0, points=POINTS)
    json.dumps(found.to_json(), allow_nan=False)
    assert "nan" not in found.paragraph
    if algorithm == "protonet":
        assert isinstance(found, Unanswered)
        assert "no inner loop" in found.paragraph
        return
    assert isinstance(found, PlaneInsight)
    first, last = found.path[0], found.path[-1]
    assert (first.x, first.y, first.off) == (0, 0, 0)
    assert last.y == pytest.approx(0, abs=1e-5)
    assert last.off < 1e-4 * last.x
    assert len(found.path) == subject(algorithm).steps + 1
    assert found.support.shape == found.query.shape == (POINTS, POINTS)
    for values, axis in ((found.x, "x"), (found.y, "y")):
        assert values[0] < min(getattr(point, axis) for point in found.path)
        assert values[-1] > max(getattr(point, axis) for point in found.path)
    width, height = np.ptp(found.x), np.ptp(found.y)
    assert width == pytest.approx(1.5 * height)


def test_the_grid_is_where_it_says() -> None:
    one = subject("maml")
    found = see_plane(one, 0, points=POINTS)
    episodes = one.one(0)
    path = one.algorithm.adapt(one.meta, episodes, one.steps)
    end = task_losses(one.algorithm, path[-1].params, episodes, one.transductive)
    assert found.path[-1].support == pytest.approx(end[0].item(), rel=1e-5)
    assert found.path[-1].query == pytest.approx(end[1].item(), rel=1e-5)
    support, query = path[-1].support_loss.item(), found.lowest(found.query)
    assert found.path[-1].support == pytest.approx(support, rel=1e-5)
    assert query[2] == found.query.min()
    assert found.query[list(found.y).index(query[1]), list(found.x).index(query[0])] == query[2]


def test_one_step_takes_the_direction_that_helps_the_query() -> None:
    from dataclasses import replace

    found = see_plane(replace(subject("anil"), steps=1), 0, points=POINTS)
    assert found.third == "a point downhill from φ in the query loss"
    assert "a point downhill" in found.paragraph


def test_another_task_is_another_plane() -> None:
    one, other = (see_plane(subject("maml"), number, points=3) for number in (0, 1))
    assert (one.task, other.task) == (0, 1)
    assert one.path[0].query != other.path[0].query


def test_weights_that_do_not_move_have_no_plane() -> None:
    from dataclasses import replace

    found = see_plane(replace(subject("maml"), steps=0), 0)
    assert isinstance(found, Unanswered)


def test_it_can_be_given_up() -> None:
    def stop(message: str, share: float) -> None:
        if share > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        see_plane(subject("maml"), 0, stop, points=8)


def test_slopes_are_finite_differences() -> None:
    algorithm, meta = in_double(sines(model__activation="tanh"))
    episodes = doubled(subject("sines").one(0))
    start = algorithm.start(meta, episodes)
    for query in (False, True):
        slope = loss_slope(algorithm, start, episodes, False, query=query)
        step = {name: 1e-6 * value for name, value in slope.items()}
        ends = [task_losses(algorithm, {n: v + sign * step[n] for n, v in start.items()}, episodes, False)[query] for sign in (1, -1)]
        square = sum(value.square().sum().item() for value in slope.values())
        assert (ends[0] - ends[1]).item() / 2e-6 == pytest.approx(square, rel=1e-6)
        assert math.isfinite(square)
