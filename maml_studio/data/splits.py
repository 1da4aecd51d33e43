"""Which classes or images train, validate and test."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..spec import ImageSettings
from .bank import DataError, ImageBank, Pool, make_pool


@dataclass(frozen=True)
class Split:
    """The three parts of a bank; they share no image, and but for the split ``images`` (and MNIST's ``author``) no class."""

    train: Pool
    validation: Pool
    test: Pool


def make_split(bank: ImageBank, settings: ImageSettings) -> Split:
    """Divide a bank as the settings say.

    Raises:
        DataError: when a held-out name does not exist or a part would stay empty.
    """
    generator = torch.Generator().manual_seed(settings.split_seed)
    if settings.split == "all":
        everything = torch.ones(len(bank.labels), dtype=torch.bool)
        pool = make_pool(bank, everything, settings.rotations)
        return Split(pool, pool, pool)
    test = _test_images(bank, settings, generator)
    validation = _validation_images(bank, settings, test, generator)
    parts = [make_pool(bank, keep, settings.rotations) for keep in (~(test | validation), validation, test)]
    for pool, part in zip(parts, ("training", "validation", "test"), strict=True):
        if not pool.class_names:
            raise DataError(f"data.split {settings.split!r} leaves no class for {part}; change the held-out classes or fractions")
    return Split(*parts)


def _test_images(bank: ImageBank, settings: ImageSettings, generator: torch.Generator) -> Tensor:
    match settings.split:
        case "author":
            return bank.held_out
        case "images":
            return _share_of_each_class(bank.labels, torch.ones_like(bank.held_out), settings.test_fraction, generator)
        case "alphabets":
            return _in_units(bank, bank.groups, settings.holdout, settings.test_fraction, generator, "alphabet")
        case _:
            return _in_units(bank, bank.class_names, settings.holdout, settings.test_fraction, generator, "class")


def _validation_images(bank: ImageBank, settings: ImageSettings, test: Tensor, generator: torch.Generator) -> Tensor:
    tested = set(bank.labels[test].tolist())
    left = [c for c in range(len(bank.class_names)) if c not in tested]
    shares_classes = settings.split == "images" or (settings.split == "author" and not left)
    if shares_classes:
        return _share_of_each_class(bank.labels, ~test, settings.validation_fraction, generator)
    if settings.split == "alphabets":
        units = sorted({bank.groups[c] for c in left})
        all_units: tuple[str, ...] = bank.groups
    else:
        units = sorted({bank.class_names[c] for c in left})
        all_units = bank.class_names
    total = len(set(all_units))
    # The fraction is of all units, as test_fraction is, so that the two mean the same thing.
    wanted = min(max(1, round(settings.validation_fraction * total)), max(1, len(units) - 1))
    chosen = {units[i] for i in torch.randperm(len(units), generator=generator)[:wanted].tolist()}
    member = torch.tensor([unit in chosen for unit in all_units])
    return member[bank.labels] & ~test


def _in_units(
    bank: ImageBank, unit_of: tuple[str, ...], names: tuple[str, ...], fraction: float, generator: torch.Generator, what: str
) -> Tensor:
    units = sorted(set(unit_of))
    if what == "alphabet" and units == [""]:
        raise DataError("data.split 'alphabets' needs a source with two levels, alphabet and character; this one has none")
    for name in names:
        if name not in units:
            near = ", ".join(units[:8]) + (", ..." if len(units) > 8 else "")
            raise DataError(f"data.holdout names {name!r}, which is no {what} of this source; there are {near}")
    if names:
        chosen = set(names)
    else:
        wanted = max(1, round(fraction * len(units)))
        chosen = {units[i] for i in torch.randperm(len(units), generator=generator)[:wanted].tolist()}
    return torch.tensor([unit in chosen for unit in unit_of])[bank.labels]


def _share_of_each_class(labels: Tensor, among: Tensor, fraction: float, generator: torch.Generator) -> Tensor:
    """A share of every class's images, counted on the whole class, drawn from those in ``among``."""
    chosen = torch.zeros_like(among)
    for label in torch.unique(labels).tolist():
        of_class = labels == label
        candidates = (of_class & among).nonzero().squeeze(1)
        wanted = min(max(1, round(fraction * int(of_class.sum()))), len(candidates))
        chosen[candidates[torch.randperm(len(candidates), generator=generator)[:wanted]]] = True
    return chosen
