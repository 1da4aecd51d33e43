import pytest
import torch

from maml_studio.data.bank import DataError, ImageBank, Pool, make_pool
from maml_studio.data.episodes import Episodes, sample_distinct
from maml_studio.data.image_tasks import NWaySampler, OneVsRestSampler, image_sampler
from maml_studio.spec import NWay, OneVsRest, Regression


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def coded_bank(classes: int = 12, counts: tuple[int, ...] = (9, 7, 11)) -> ImageBank:
    """Images whose first pixel is their class, and whose second is their number in it; the rest is empty."""
    labels, numbers = [], []
    for label in range(classes):
        count = counts[label % len(counts)]
        labels += [label] * count
        numbers += range(count)
    images = torch.zeros(len(labels), 28, 28, dtype=torch.uint8)
    images[:, 0, 0] = torch.tensor(labels, dtype=torch.uint8) + 1
    images[:, 0, 1] = torch.tensor(numbers, dtype=torch.uint8)
    names = tuple(f"c{label}" for label in range(classes))
    return ImageBank(images, torch.tensor(labels), names, ("",) * classes, torch.zeros(len(labels), dtype=torch.bool))


def coded_pool(rotations: bool = False, **options: object) -> Pool:
    bank = coded_bank(**options)
    return make_pool(bank, torch.ones_like(bank.held_out), rotations)


def upright(images: torch.Tensor) -> torch.Tensor:
    """Turn each coded image ``[n, 1, 28, 28]`` back; its class code stands in the corner that tells how it was turned."""
    turned = []
    for image in images[:, 0]:
        for turn in range(4):
            back = image.rot90(-turn, (0, 1))
            if back[0, 0] > 0:
                turned.append((back, turn))
    return turned


def codes(images: torch.Tensor) -> list[tuple[int, int, int]]:
    """Class, number and quarter turns of each image."""
    return [(round(float(b[0, 0]) * 255) - 1, round(float(b[0, 1]) * 255), turn) for b, turn in upright(images)]


def test_sample_distinct_is_distinct_and_below_its_population():
    population = torch.randint(5, 400, (300, 4), generator=generator())
    drawn = sample_distinct(population, 5, generator(1))
    assert drawn.shape == (300, 4, 5)
    assert (drawn >= 0).all()
    assert (drawn < population.unsqueeze(-1)).all()
    assert (drawn.sort(-1).values.diff(dim=-1) > 0).all()


@pytest.mark.parametrize(("population", "k"), [(6, 3), (6, 6), (5, 1), (20, 2)])
def test_sample_distinct_is_uniform_at_every_place(population, k):
    draws = 60_000
    drawn = sample_distinct(torch.full((draws,), population), k, generator(2))
    for place in range(k):
        counts = drawn[:, place].bincount(minlength=population).double()
        # Each count is binomial; five standard deviations are a false alarm in 1 of 10^6.
        sigma = (draws * (1 / population) * (1 - 1 / population)) ** 0.5
        assert (counts - draws / population).abs().max() < 5 * sigma


def test_sample_distinct_draws_every_ordered_pair_alike():
    drawn = sample_distinct(torch.full((60_000,), 4), 2, generator(3))
    counts = (drawn[:, 0] * 4 + drawn[:, 1]).bincount(minlength=16).reshape(4, 4)
    assert counts.diagonal().sum() == 0
    assert (counts[~torch.eye(4, dtype=torch.bool)] - 5000).abs().max() < 5 * (60_000 * (1 / 12) * (11 / 12)) ** 0.5


def test_sample_distinct_refuses_what_is_too_few():
    with pytest.raises(ValueError, match="cannot draw 3 distinct items out of 2"):
        sample_distinct(torch.tensor([5, 2]), 3, generator())


@pytest.mark.parametrize("rotations", [False, True])
@pytest.mark.parametrize(("way", "shot", "query"), [(5, 1, 1), (2, 3, 4), (12, 2, 5)])
def test_n_way_labels_are_true_classes(rotations, way, shot, query):
    pool = coded_pool(rotations)
    episodes = NWaySampler(pool, NWay(way=way, shot=shot, query=query), "training").sample(20, generator())
    assert len(episodes) == 20
    assert episodes.support_x.shape == (20, way * shot, 1, 28, 28)
    assert episodes.query_x.shape == (20, way * query, 1, 28, 28)
    assert episodes.support_x.dtype == torch.float32
    for i in range(20):
        of_label = {}
        support, asked = codes(episodes.support_x[i]), codes(episodes.query_x[i])
        assert len({*support, *asked}) == way * (shot + query), "support and query share no image"
        examples = zip([*support, *asked], [*episodes.support_y[i].tolist(), *episodes.query_y[i].tolist()], strict=True)
        for (base, _, turn), label in examples:
            of_label.setdefault(label, set()).add((base, turn))
        assert sorted(of_label) == list(range(way))
        for label, seen in of_label.items():
            assert len(seen) == 1, "all images of a label are of one class"
            base, turn = next(iter(seen))
            assert episodes.classes[i, label] == base + 12 * turn
            assert pool.class_names[episodes.classes[i, label]] == f"c{base}" + (f" ↻{90 * turn}°" if turn else "")


def test_labels_are_permuted_from_task_to_task():
    episodes = NWaySampler(coded_pool(classes=2), NWay(way=2, shot=1, query=1), "training").sample(2000, generator())
    first = (episodes.classes[:, 0] == 0).double().mean()
    assert abs(first - 0.5) < 5 * 0.5 / 2000**0.5


@pytest.mark.parametrize("rotations", [False, True])
def test_one_vs_rest(rotations):
    pool = coded_pool(rotations)
    shot, query = 3, 4
    episodes = OneVsRestSampler(pool, OneVsRest(shot=shot, query=query), "training").sample(200, generator())
    others = set()
    for i in range(200):
        target = int(episodes.classes[i, 0])
        support, asked = codes(episodes.support_x[i]), codes(episodes.query_x[i])
        assert len({*support, *asked}) == 2 * (shot + query)
        examples = zip([*support, *asked], [*episodes.support_y[i].tolist(), *episodes.query_y[i].tolist()], strict=True)
        for (base, _, turn), label in examples:
            assert label == int(base + 12 * turn == target)
            if not label:
                others.add(base + 12 * turn)
        assert episodes.support_y[i].bincount().tolist() == [shot, shot]
        assert episodes.query_y[i].bincount().tolist() == [query, query]
    assert others == set(range(len(pool.class_names)))


@pytest.mark.parametrize("task", [NWay(), OneVsRest()])
def test_the_seed_decides(task):
    sampler = image_sampler(coded_pool(), task, "training")
    a, b, c = (sampler.sample(3, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(a.support_x, b.support_x)
    assert torch.equal(a.query_x, b.query_x)
    assert not torch.equal(a.support_x, c.support_x)


def test_sampling_leaves_the_bank_as_it_is():
    pool = coded_pool(rotations=True)
    before = pool.images.clone()
    NWaySampler(pool, NWay(), "training").sample(50, generator())
    assert torch.equal(pool.images, before)


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        (NWay(way=13), r"task\.way should be 12 or less: there are that many classes for validation, not 13"),
        (NWay(shot=3, query=5), r"task\.shot \+ task\.query should be 7 or less: class 'c1' has 7 images for validation"),
        (OneVsRest(shot=3, query=5), r"task\.shot \+ task\.query should be 7 or less"),
        (Regression(), r"task\.kind should be n_way or one_vs_rest for images, not Regression"),
    ],
)
def test_a_task_that_the_pool_cannot_fill_is_refused(task, reason):
    with pytest.raises(DataError, match=reason):
        image_sampler(coded_pool(), task, "validation")


@pytest.mark.parametrize(
    ("classes", "counts", "reason"),
    [(1, (9,), "needs two classes or more"), (2, (9, 6), r"should be 6 or less: class 'c1'")],
)
def test_one_vs_rest_needs_enough_of_the_rest(classes, counts, reason):
    with pytest.raises(DataError, match=reason):
        image_sampler(coded_pool(classes=classes, counts=counts), OneVsRest(shot=3, query=4), "test")


def test_chunks_and_devices_keep_every_task():
    episodes = NWaySampler(coded_pool(), NWay(way=2, shot=1, query=1), "training").sample(7, generator())
    chunks = list(episodes.chunks(3))
    assert [len(chunk) for chunk in chunks] == [3, 3, 1]
    assert torch.equal(torch.cat([chunk.query_x for chunk in chunks]), episodes.query_x)
    assert isinstance(episodes.to(torch.device("cpu")), Episodes)
