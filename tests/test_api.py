from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import maml_studio
from maml_studio.algorithms import ALGORITHMS
from maml_studio.api import Adapted, InputError, Trained
from maml_studio.data import DataError
from maml_studio.models import build_for
from maml_studio.saliency import integrated_gradients
from maml_studio.spec import Experiment, parse
from maml_studio.strokes import Frame, render_many
from maml_studio.training.checkpoint import Checkpoint, CheckpointError, save_checkpoint
from maml_studio.training.run_folder import RunFolder, RunFolderError


def small(way: int = 3, **tables: object) -> Experiment:
    return parse({"task": {"kind": "n_way", "way": way}, "model": {"name": "conv4", "width": 4}, **tables})


SINES = parse({"data": {"source": "sinusoid"}, "task": {"kind": "regression"}, "model": {"name": "mlp", "hidden": [8]}})


def images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 28, 28), dtype=np.float32)


def checkpoint(experiment: Experiment, **changes: object) -> Checkpoint:
    meta = {name: value.detach() for name, value in build_for(experiment).named_parameters()}
    return replace(Checkpoint(experiment, 5, meta), **changes)


@pytest.fixture
def trained() -> Trained:
    return maml_studio.random_start(small())


@pytest.mark.parametrize("norm", ["batch", "group", "layer", "none"])
@pytest.mark.parametrize("step", [0, 2, None])
def test_one_query_is_answered_alone_as_among_seven(norm: str, step: int | None) -> None:
    trained = maml_studio.random_start(small(model={"name": "conv4", "width": 4, "norm": norm}))
    adapted = trained.adapt(images(3), ["a", "b", "c"], 2)
    queries = images(7, seed=1)
    together = adapted.predict(queries, step)
    alone = np.concatenate([adapted.predict(queries[i : i + 1], step).probabilities for i in range(7)])
    assert together.probabilities.shape == (7, 3)
    np.testing.assert_allclose(together.probabilities, alone, rtol=0, atol=1e-6)
    np.testing.assert_allclose(together.probabilities.sum(1), 1, atol=1e-6)
    assert together.labels == tuple("abc"[i] for i in together.probabilities.argmax(1))


def test_adaptation_learns_its_examples() -> None:
    trained = maml_studio.random_start(small(algorithm={"name": "maml", "inner_lr": 0.4}))
    support = images(6)
    adapted = trained.adapt(support, ["b", "a", "c", "c", "a", "b"], 80)
    assert adapted.steps == 80
    assert adapted.classes == ("b", "a", "c")
    assert len(adapted.support_losses) == 81
    assert adapted.support_losses[-1] < adapted.support_losses[0]
    assert adapted.predict(support).labels == ("b", "a", "c", "c", "a", "b")
    # The slider walks to what fewer steps would have given.
    fewer = trained.adapt(support, ["b", "a", "c", "c", "a", "b"], 4).predict(support)
    np.testing.assert_array_equal(adapted.predict(support, 4).probabilities, fewer.probabilities)


def test_numbers_are_classes_in_ascending_order(trained: Trained) -> None:
    for labels in ([7, 2, 5], np.array([7, 2, 5]), torch.tensor([7, 2, 5])):
        assert trained.adapt(images(3), labels).classes == ("2", "5", "7")


@pytest.mark.parametrize("convert", [torch.as_tensor, lambda x: x[:, None], list, lambda x: x.astype(np.float64)])
def test_images_of_every_kind_are_the_same(trained: Trained, convert: object) -> None:
    expected = trained.adapt(images(3), "abc").predict(images(2))
    found = trained.adapt(convert(images(3)), "abc").predict(convert(images(2)))  # type: ignore[operator]
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)


def test_nothing_changes_what_was_trained(trained: Trained) -> None:
    before = {name: value.clone() for name, value in trained.meta.items()}
    support = images(3)
    adapted = trained.adapt(support, "abc", 3)
    first = adapted.predict(images(2)).probabilities
    support[:] = 0
    trained.adapt(images(3, seed=5), "xyz", 3).predict(images(2))
    np.testing.assert_array_equal(adapted.predict(images(2)).probabilities, first)
    assert all(torch.equal(value, before[name]) for name, value in trained.meta.items())
    assert all(torch.equal(value, before[name]) for name, value in adapted.parameters(0).items())


def test_threads_do_not_disturb_each_other(trained: Trained) -> None:
    adapted = [trained.adapt(images(3, seed), "abc", 2) for seed in range(4)]
    expected = [one.predict(images(2)).probabilities for one in adapted]
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(lambda i=i: (i, adapted[i].predict(images(2)).probabilities)) for _ in range(50) for i in range(4)]
        jobs += [pool.submit(lambda i=i: (i, trained.adapt(images(3, i), "abc", 2).predict(images(2)).probabilities)) for i in range(4)]
        for job in jobs:
            i, found = job.result()
            np.testing.assert_array_equal(found, expected[i])


def test_regression_predicts_values() -> None:
    x = np.linspace(-2, 2, 8, dtype=np.float32)[:, None]
    adapted = maml_studio.random_start(SINES).adapt(x, np.sin(x), 200)
    prediction = adapted.predict(x)
    assert prediction.labels == ()
    assert prediction.probabilities.shape == (8, 0)
    assert ((prediction.values - np.sin(x)) ** 2).mean() == pytest.approx(adapted.support_losses[-1], rel=1e-4)
    assert adapted.support_losses[-1] < adapted.support_losses[0]


def test_a_softmax_at_the_end_is_not_taken_twice() -> None:
    trained = maml_studio.random_start(small(model={"name": "tutorial_cnn", "softmax": True}))
    prediction = trained.adapt(images(3), "abc", 1).predict(images(2))
    np.testing.assert_array_equal(prediction.probabilities, prediction.values)


@pytest.mark.parametrize(
    ("x", "labels", "steps", "sentence"),
    [
        (images(3)[:, :20], "abc", 1, r"images of shape \[n, 28, 28\] or \[n, 1, 28, 28\], not \[3, 20, 28\]"),
        (images(3)[0], "abc", 1, "should be images of shape"),
        (images(0), "", 1, "There are no examples"),
        ("words", "abc", 1, "should be images"),
        ([images(1)[0], [1, 2]], "ab", 1, "all of one size"),
        (images(3) * np.float32("nan"), "abc", 1, "NaN"),
        (images(3) * 255, "abc", 1, "between 0 and 1"),
        (images(3), "ab", 1, "3 images and 2 labels"),
        (images(3), "aaa", 1, "at least two classes"),
        (images(4), "abcd", 1, "tells at most 3 classes apart, not 4"),
        (images(3), [0.5, 1.5, 2.5], 1, "class names, or whole numbers"),
        (images(3), "abc", -1, "steps should be a whole number"),
        (images(3), "abc", 1.5, "steps should be a whole number"),
    ],
)
def test_bad_examples_get_a_sentence(trained: Trained, x: object, labels: object, steps: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        trained.adapt(x, labels, steps)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("x", "labels", "sentence"),
    [
        ([1.0, 2.0], [1.0, 2.0], r"points of shape \[n, 1\]"),
        ([[1.0]], ["a"], "should be numbers"),
        ([[1.0]], [1.0, 2.0], "one value for each of the 1 points"),
        ([[1.0]], [float("inf")], "finite"),
    ],
)
def test_bad_points_get_a_sentence(x: object, labels: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        maml_studio.random_start(SINES).adapt(x, labels)  # type: ignore[arg-type]


def test_bad_queries_get_a_sentence(trained: Trained) -> None:
    adapted = trained.adapt(images(3), "abc", 2)
    with pytest.raises(InputError, match="There are no examples"):
        adapted.predict(images(0))
    for step in (-1, 3, 1.0):
        with pytest.raises(InputError, match="step should be a whole number from 0 to 2"):
            adapted.predict(images(1), step)  # type: ignore[arg-type]


def test_adapting_that_explodes_says_so() -> None:
    trained = maml_studio.random_start(SINES.model_copy(update={"algorithm": SINES.algorithm.model_copy(update={"inner_lr": 100.0})}))
    with pytest.raises(InputError, match="no longer a number after inner step"):
        trained.adapt([[1.0], [4.0]], [1.0, 2.0], 100)


def test_load_takes_the_best_checkpoint_or_the_latest(tmp_path: Path) -> None:
    experiment = small()
    run = RunFolder.create(tmp_path / "run", experiment)
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        maml_studio.load(run.path)
    run.save_checkpoint("latest", checkpoint(experiment, iteration=9))
    assert maml_studio.load(run.path).iteration == 9
    run.save_checkpoint("best", checkpoint(experiment, iteration=7, frame=Frame().to_dict()))
    best = maml_studio.load(str(run.path))
    assert (best.iteration, best.frame, best.way, best.scores) == (7, Frame(), 3, None)
    assert maml_studio.load(run.path, "latest").iteration == 9
    assert maml_studio.load(run.checkpoint_path("latest")).iteration == 9


def test_load_reads_the_scores(tmp_path: Path) -> None:
    step = {"step": 0, "query_loss": 1.0, "query_loss_ci95": 0.1, "support_loss": 1.0, "accuracy": 0.5, "accuracy_ci95": 0.1}
    scores = {"iteration": 4, "tasks": 10, "norm_mode": "support", "steps": [step]}
    save_checkpoint(tmp_path / "c.safetensors", checkpoint(small(), progress={"scores": scores}))
    found = maml_studio.load(tmp_path / "c.safetensors").scores
    assert found is not None
    assert (found.iteration, found.tasks, found.norm_mode, found.steps[0].accuracy) == (4, 10, "support", 0.5)


def test_load_refuses_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        maml_studio.load(tmp_path / "nothing")
    with pytest.raises(RunFolderError, match="no run folder"):
        maml_studio.load(tmp_path)
    with pytest.raises(InputError, match="best or latest"):
        maml_studio.load(tmp_path, "worst")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"meta": {}}, "has no weights for conv1.weight"),
        ({"frame": {"size": -1}}, "its frame can't be used"),
        ({"progress": {"scores": {"steps": 3}}}, "its scores can't be read"),
        ({"progress": {"scores": {"steps": [{"step": "<b>"}]}}}, "its scores can't be read"),
    ],
)
def test_load_refuses_a_checkpoint_that_does_not_fit(tmp_path: Path, changes: dict[str, object], sentence: str) -> None:
    save_checkpoint(tmp_path / "c.safetensors", checkpoint(small(), **changes))
    with pytest.raises(CheckpointError, match=f"c.safetensors: {sentence}"):
        maml_studio.load(tmp_path / "c.safetensors")


def test_untrained_is_the_network_before_training() -> None:
    meta = {name: value.detach() + 1 for name, value in build_for(small()).named_parameters()}
    trained = Trained(checkpoint(small(), meta=meta, frame=Frame().to_dict()), "here")
    before = trained.untrained()
    assert (before.iteration, before.frame) == (0, Frame())
    assert all(torch.allclose(trained.meta[name], value + 1) for name, value in before.meta.items())


def test_evaluate_wants_a_task_that_fits(trained: Trained) -> None:
    with pytest.raises(InputError, match="at most 3 classes apart, not 4"):
        trained.evaluate(small(way=4))
    with pytest.raises(InputError, match="model can't be changed"):
        trained.evaluate(small(model={"name": "conv4", "width": 5}))


def test_read_images_knows_ink_from_paper(tmp_path: Path) -> None:
    drawing = np.full((56, 56), 255, np.uint8)
    drawing[10:40, 26:30] = 0
    Image.fromarray(drawing).save(tmp_path / "dark.png")
    Image.fromarray(255 - drawing).save(tmp_path / "light.png")
    dark = maml_studio.read_images([tmp_path / "dark.png"])
    assert dark.shape == (1, 28, 28)
    assert dark.dtype == np.float32
    assert dark[0, 10, 14] > 0.9
    assert dark[0, 25, 25] == 0
    np.testing.assert_array_equal(maml_studio.read_images([str(tmp_path / "light.png")]), dark)
    np.testing.assert_allclose(maml_studio.read_images([tmp_path / "light.png"], polarity="dark_on_light"), 1 - dark, atol=1e-6)
    framed = maml_studio.read_images([tmp_path / "dark.png"], frame=Frame(box=20))[0]
    rows = np.flatnonzero(framed.max(1) > 0.5)
    assert (rows[0], rows[-1]) == (4, 23)


def test_read_images_names_the_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"a\.png"):
        maml_studio.read_images([tmp_path / "a.png"])
    with pytest.raises(InputError, match="no image files"):
        maml_studio.read_images([])


# What the drawing page asks besides

NETWORKS = [
    *({"name": "conv4", "width": 32, "norm": norm} for norm in ("batch", "group", "layer", "none")),
    {"name": "conv4", "width": 16, "downsample": "max_pool"},
    {"name": "tutorial_cnn"},
    {"name": "tutorial_cnn", "softmax": True},
]


def drawings(count: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return render_many([[generator.random((5, 3))] for _ in range(count)], Frame())


@pytest.mark.parametrize("norm", ["batch", "group", "layer", "none"])
@pytest.mark.parametrize("step", [0, 3, None])
def test_support_probabilities_are_those_behind_the_support_loss(norm: str, step: int | None) -> None:
    trained = maml_studio.random_start(small(model={"name": "conv4", "width": 4, "norm": norm}))
    support = drawings(6)
    adapted = trained.adapt(support, "baccab", 5)
    found = adapted.support_probabilities(step)
    assert found.shape == (6,)
    assert found.dtype == np.float32
    assert -np.log(found).mean() == pytest.approx(adapted.support_losses[-1 if step is None else step], rel=1e-4)
    columns = [adapted.classes.index(name) for name in "baccab"]
    np.testing.assert_array_equal(found, adapted.predict(support, step).probabilities[np.arange(6), columns])


@pytest.mark.parametrize("model", NETWORKS, ids=str)
@pytest.mark.parametrize("step", [0, None])
def test_saliency_adds_up_to_what_the_ink_changed(model: dict[str, object], step: int | None) -> None:
    trained = maml_studio.random_start(small(model=model, algorithm={"name": "maml", "inner_lr": 0.1}))
    adapted = trained.adapt(drawings(3), "abc", 20)
    for image in drawings(3, seed=7):
        for label in "abc":
            found = adapted.saliency(image, step, label)
            assert found.shape == (28, 28)
            assert found.dtype == np.float32
            assert not found[image == 0].any()
            both = np.log(adapted.predict(np.stack([image, np.zeros_like(image)]), step).probabilities[:, adapted.classes.index(label)])
            # A sum of 64 parts in place of an integral.
            assert float(found.sum()) == pytest.approx(float(both[0] - both[1]), abs=float(0.02 * np.abs(found).sum() + 1e-5))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_page_may_ask_every_algorithm(name: str) -> None:
    model = {"name": "conv4", "width": 16} | ({"context": 5} if name == "cavia" else {})
    adapted = maml_studio.random_start(small(model=model, algorithm={"name": name})).adapt(drawings(6), "aabbcc", 3)
    assert -np.log(adapted.support_probabilities()).mean() == pytest.approx(adapted.support_losses[-1], rel=1e-3)
    image = drawings(1, seed=7)[0]
    found = adapted.saliency(image, label="b")
    both = np.log(adapted.predict(np.stack([image, np.zeros_like(image)])).probabilities[:, 1])
    assert float(found.sum()) == pytest.approx(float(both[0] - both[1]), abs=float(0.03 * np.abs(found).sum() + 1e-5))


def test_saliency_finds_the_ink_that_matters() -> None:
    trained = maml_studio.random_start(small(model={"name": "conv4", "width": 16}, algorithm={"name": "maml", "inner_lr": 0.1}))
    support = drawings(3)
    adapted = trained.adapt(support, "abc", 40)
    for image, label in zip(support, "abc", strict=True):
        order = adapted.saliency(image, label=label).ravel().argsort()
        count = int((image > 0).sum()) // 5
        erased = np.repeat(image.reshape(1, -1), 3, 0)
        erased[1, order[-count:]] = 0  # the fifth of the ink that speaks for the class most
        erased[2, order[:count]] = 0  # and least
        sure, without_most, without_least = adapted.predict(erased.reshape(3, 28, 28)).probabilities[:, adapted.classes.index(label)]
        assert without_most < without_least
        assert without_most < sure


def test_saliency_is_about_the_predicted_class_unless_told(trained: Trained) -> None:
    adapted = trained.adapt(drawings(3), "abc", 3)
    image = drawings(1, seed=5)
    expected = adapted.saliency(image[0], label=adapted.predict(image).labels[0])
    for form in (image[0], image, torch.as_tensor(image), torch.as_tensor(image[0]).requires_grad_(), image[0].tolist()):
        np.testing.assert_array_equal(adapted.saliency(form), expected)
    assert not np.array_equal(adapted.saliency(image[0], 1), expected)
    assert not adapted.saliency(np.zeros((28, 28)), label="a").any()


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_saliency_looks_at_one_image_at_a_time(norm: str) -> None:
    """The images of the path go through the network together; it makes no difference."""
    trained = maml_studio.random_start(small(model={"name": "conv4", "width": 4, "norm": norm}))
    adapted = trained.adapt(drawings(3), "abc", 3)
    image = torch.as_tensor(drawings(1, seed=5))

    def alone(images: torch.Tensor) -> torch.Tensor:
        outputs = [trained._outputs(adapted._path[-1].params, adapted._support, one[None], grad=True) for one in images]
        return torch.cat(outputs).log_softmax(-1)[:, 1]

    expected = integrated_gradients(alone, image)[0].numpy()
    np.testing.assert_allclose(adapted.saliency(image, label="b"), expected, rtol=0, atol=1e-6 + 1e-4 * np.abs(expected).max())


def test_saliency_in_threads_disturbs_nobody(trained: Trained) -> None:
    adapted = [trained.adapt(drawings(3, seed), "abc", 2) for seed in range(3)]
    queries = drawings(2, seed=9)

    def ask(index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        one = adapted[index]
        return one.saliency(queries[0], label="a"), one.predict(queries).probabilities, one.support_probabilities(1)

    expected = [ask(i) for i in range(3)]
    before = {name: value.clone() for name, value in trained.meta.items()}
    with ThreadPoolExecutor(4) as pool:
        for index, found in zip([0, 1, 2] * 10, pool.map(ask, [0, 1, 2] * 10), strict=True):
            for one, other in zip(found, expected[index], strict=True):
                np.testing.assert_array_equal(one, other)
    assert all(torch.equal(value, before[name]) for name, value in trained.meta.items())


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda adapted: adapted.saliency(images(1)[0], label="z"), "label should be one of a, b, c, not 'z'"),
        (lambda adapted: adapted.saliency(images(1)[0], 9), "step should be a whole number from 0 to 2"),
        (lambda adapted: adapted.saliency(images(2)), "images of shape"),
        (lambda adapted: adapted.saliency(images(1)[0] * 300), "between 0 and 1"),
        (lambda adapted: adapted.saliency("words"), "should be images"),
        (lambda adapted: adapted.support_probabilities(-1), "step should be a whole number from 0 to 2"),
    ],
)
def test_bad_questions_get_a_sentence(trained: Trained, ask: Callable[[Adapted], object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        ask(trained.adapt(images(3), "abc", 2))


@pytest.mark.parametrize("ask", [lambda adapted: adapted.saliency([[1.0]]), lambda adapted: adapted.support_probabilities()])
def test_functions_have_no_classes_to_ask_about(ask: Callable[[Adapted], object]) -> None:
    with pytest.raises(InputError, match="is about classes, and this model fits functions"):
        ask(maml_studio.random_start(SINES).adapt([[1.0]], [1.0], 1))


def test_pen_moves_have_no_pixels() -> None:
    model = {"name": "recurrent", "hidden": 4, "reads": "strokes"}
    trained = maml_studio.random_start(small(data={"source": "glyphs"}, model=model))
    moves = np.random.default_rng(0).random((3, 64, 3), dtype=np.float32)
    adapted = trained.adapt(moves, "abc", 1)
    assert adapted.support_probabilities().shape == (3,)
    with pytest.raises(InputError, match="this model reads pen moves"):
        adapted.saliency(moves[0])
