import pytest
import torch

from maml_studio.data.bank import DataError, ImageBank
from maml_studio.data.splits import make_split
from maml_studio.spec.data import ImageSettings

ALPHABETS, CHARACTERS, DRAWERS = 6, 4, 10


def bank(held_out: str = "images") -> ImageBank:
    """Six alphabets of four characters; the author holds out two images of each class, or the last two alphabets."""
    groups = tuple(f"A{a}" for a in range(ALPHABETS) for _ in range(CHARACTERS))
    names = tuple(f"A{a}/c{c}" for a in range(ALPHABETS) for c in range(CHARACTERS))
    labels = torch.arange(len(names)).repeat_interleave(DRAWERS)
    number = torch.arange(DRAWERS).repeat(len(names))
    held = number >= 8 if held_out == "images" else labels >= 4 * CHARACTERS
    images = torch.zeros(len(labels), 28, 28, dtype=torch.uint8)
    return ImageBank(images, labels, names, groups, held)


def are_disjoint(sets: list[set]) -> bool:
    return sum(len(one) for one in sets) == len(set().union(*sets))


SETTINGS = {
    "author, images": (ImageSettings(split="author"), "images"),
    "author, classes": (ImageSettings(split="author"), "classes"),
    "random": (ImageSettings(split="random"), "images"),
    "classes": (ImageSettings(split="classes", holdout=("A0/c0", "A5/c3")), "images"),
    "alphabets": (ImageSettings(split="alphabets"), "images"),
    "alphabets, named": (ImageSettings(split="alphabets", holdout=("A1", "A4")), "images"),
    "images": (ImageSettings(split="images"), "images"),
}


@pytest.mark.parametrize("rotations", [False, True])
@pytest.mark.parametrize("kind", SETTINGS)
def test_the_parts_share_nothing_and_leave_nothing_out(kind, rotations):
    settings, held_out = SETTINGS[kind]
    split = make_split(bank(held_out), settings.model_copy(update={"rotations": rotations}))
    parts = [split.train, split.validation, split.test]
    used = [set(part.index.tolist()) for part in parts]
    assert all(used)
    assert are_disjoint(used)
    assert len(used[0] | used[1] | used[2]) == ALPHABETS * CHARACTERS * DRAWERS
    if kind not in ("images", "author, images"):
        names = [{name.partition(" ")[0] for name in part.class_names} for part in parts]
        assert are_disjoint(names)
    if "alphabets" in kind or kind == "author, classes":
        tested = {name.partition("/")[0] for name in split.test.class_names}
        assert not tested & {name.partition("/")[0] for name in split.train.class_names + split.validation.class_names}
    for part in parts:
        assert part.starts[-1] == len(part.index)
        for c, name in enumerate(part.class_names):
            images = part.index[part.starts[c] : part.starts[c + 1]]
            assert {bank().class_names[label] for label in bank().labels[images].tolist()} == {name.partition(" ")[0]}


@pytest.mark.parametrize("kind", SETTINGS)
def test_rotations_are_classes_of_their_own_in_the_same_part(kind):
    settings, held_out = SETTINGS[kind]
    plain = make_split(bank(held_out), settings)
    turned = make_split(bank(held_out), settings.model_copy(update={"rotations": True}))
    for part in ("train", "validation", "test"):
        before, after = getattr(plain, part), getattr(turned, part)
        assert len(after.class_names) == 4 * len(before.class_names)
        assert len(set(after.class_names)) == len(after.class_names)
        assert set(after.index.tolist()) == set(before.index.tolist())
        assert after.turns.bincount().tolist() == [len(before.class_names)] * 4


@pytest.mark.parametrize("kind", ["random", "alphabets", "images", "author, images", "classes"])
def test_the_seed_decides(kind):
    settings, held_out = SETTINGS[kind]

    def drawn(seed: int) -> list[list[int]]:
        split = make_split(bank(held_out), settings.model_copy(update={"split_seed": seed}))
        return [sorted(part.index.tolist()) for part in (split.train, split.validation, split.test)]

    assert drawn(3) == drawn(3)
    assert any(drawn(3) != drawn(seed) for seed in range(4, 9))


def test_fractions():
    split = make_split(bank(), ImageSettings(split="random", validation_fraction=0.25, test_fraction=0.5))
    assert [len(part.class_names) for part in (split.train, split.validation, split.test)] == [6, 6, 12]
    split = make_split(bank(), ImageSettings(split="images", validation_fraction=0.2, test_fraction=0.3))
    assert [part.counts.tolist() for part in (split.train, split.validation, split.test)] == [[5] * 24, [2] * 24, [3] * 24]


def test_named_classes_and_alphabets_are_the_test_part():
    settings, _ = SETTINGS["classes"]
    assert make_split(bank(), settings).test.class_names == settings.holdout
    settings, _ = SETTINGS["alphabets, named"]
    assert {name.partition("/")[0] for name in make_split(bank(), settings).test.class_names} == set(settings.holdout)


def test_the_authors_images_are_the_test_part():
    split = make_split(bank(), ImageSettings(split="author"))
    assert torch.equal(split.test.index, bank().held_out.nonzero().squeeze(1))


def test_everything_is_all_three_parts():
    split = make_split(bank(), ImageSettings(split="all"))
    assert split.train is split.validation is split.test
    assert len(split.test.index) == ALPHABETS * CHARACTERS * DRAWERS


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (ImageSettings(split="classes", holdout=("A0/c0", "x")), r"data\.holdout names 'x', which is no class of this source"),
        (ImageSettings(split="alphabets", holdout=("A0/c0",)), r"which is no alphabet of this source; there are A0, A1"),
        (ImageSettings(split="alphabets", holdout=tuple(f"A{a}" for a in range(6))), "leaves no class for training"),
        (ImageSettings(split="alphabets", holdout=tuple(f"A{a}" for a in range(5))), "leaves no class for training"),
    ],
)
def test_a_split_that_cannot_be_is_refused(settings, reason):
    with pytest.raises(DataError, match=reason):
        make_split(bank(), settings)


def test_alphabets_need_two_levels():
    flat = bank()
    flat = ImageBank(flat.images, flat.labels, flat.class_names, ("",) * len(flat.groups), flat.held_out)
    with pytest.raises(DataError, match="needs a source with two levels"):
        make_split(flat, ImageSettings(split="alphabets"))
