"""MNIST and its kin, EMNIST and Omniglot: addresses, checksums and file formats are torchvision's, the download is ours.

torchvision is imported when a source is opened, since that takes two seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..paths import data_dir
from ..spec import DataSettings
from .bank import DataError, ImageBank
from .download import DownloadError, download, has_md5, make_present, require_permission, unpack_gzip, unpack_zip
from .folder import read_folder
from .images import SIDE
from .progress import Progress

if TYPE_CHECKING:
    from torchvision import datasets

_EMNIST_SPLIT = "balanced"
OMNIGLOT_CHARACTERS = {"images_background": 964, "images_evaluation": 659}
OMNIGLOT_DRAWERS = 20
"""Each character was drawn once by each (Lake 2015, Science 350)."""


def load_mnist_bank(settings: DataSettings, progress: Progress) -> ImageBank:
    """The sources ``mnist``, ``fashion_mnist`` and ``kmnist``; ``held_out`` is the test part.

    Raises:
        DataError: when the files are neither there nor to be had, or broken.
        Cancelled: when ``progress`` asked for it.
    """
    datasets = _torchvision()
    kinds = {"mnist": datasets.MNIST, "fashion_mnist": datasets.FashionMNIST, "kmnist": datasets.KMNIST}
    return read_mnist(kinds[settings.source], data_dir(), progress)  # type: ignore[attr-defined]


def load_emnist_bank(settings: DataSettings, progress: Progress) -> ImageBank:
    """The source ``emnist``, its balanced part, turned upright; ``held_out`` is the test part.

    Raises:
        DataError: when the files are neither there nor to be had, or broken.
        Cancelled: when ``progress`` asked for it.
    """
    del settings
    datasets = _torchvision()
    return read_emnist(datasets.EMNIST, data_dir(), progress)


def load_omniglot_bank(settings: DataSettings, progress: Progress) -> ImageBank:
    """The source ``omniglot``; ``held_out`` are the evaluation alphabets.

    Raises:
        DataError: when the files are neither there nor to be had, or broken.
        Cancelled: when ``progress`` asked for it.
    """
    del settings
    datasets = _torchvision()
    return read_omniglot(datasets.Omniglot, data_dir(), progress)


def _torchvision() -> Any:
    """Its module of data sets; a packaged app may lack it, and it can't be imported beside another build of torch.

    Raises:
        DataError: when it can't be had.
    """
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:
        raise DataError(
            f"this source needs torchvision, which can't be used here ({error}); choose digits or glyphs, which are built in, or a folder "
            "of images, as data.source, or install MAML Studio with pip"
        ) from None
    return datasets


def read_mnist(dataset: type[datasets.MNIST], root: Path, progress: Progress, mirrors: Sequence[str] | None = None) -> ImageBank:
    """MNIST or a set of the same form.

    Args:
        dataset: torchvision's class.
        root: the folder of all data sets; the files lie in ``root/<class>/raw``, packed or unpacked, wherever they come from.
        progress: told how far the download is.
        mirrors: addresses to fetch from instead of torchvision's, each ending in a slash.

    Raises:
        DataError: when the files are neither there nor to be had, or broken.
        Cancelled: when ``progress`` asked for it.
    """
    raw = root / dataset.__name__ / "raw"

    def is_there() -> bool:
        return all(_is_there(raw / name.removesuffix(".gz")) for name, _ in dataset.resources)

    def fetch() -> None:
        for name, md5 in dataset.resources:
            unpacked, archive = raw / name.removesuffix(".gz"), raw / name
            if _is_there(unpacked):
                continue
            urls = [mirror + name for mirror in (dataset.mirrors if mirrors is None else mirrors)]
            fetched = _fetch(dataset.__name__, urls, archive, md5, progress)
            unpack_gzip(archive, unpacked, progress)
            if fetched:
                archive.unlink(missing_ok=True)

    make_present(raw, is_there, fetch, progress)
    return _parse(dataset, root, raw)


def read_emnist(dataset: type[datasets.EMNIST], root: Path, progress: Progress, url: str | None = None) -> ImageBank:
    """EMNIST's balanced part; arguments as :func:`read_mnist`, but for the one address of the archive."""
    raw = root / dataset.__name__ / "raw"
    parts = [f"emnist-{_EMNIST_SPLIT}-{part}" for part in ("train", "test")]
    names = [f"{part}-{file}-ubyte" for part in parts for file in ("images-idx3", "labels-idx1")]

    def is_there() -> bool:
        return all(_is_there(raw / name) for name in names)

    def fetch() -> None:
        address = url or dataset.url
        archive = raw / address.rpartition("/")[2]
        fetched = _fetch(dataset.__name__, [address], archive, dataset.md5, progress)
        for name in names:
            unpack_gzip(archive, raw / name, progress, member=f"gzip/{name}.gz")
        if fetched:
            archive.unlink(missing_ok=True)  # 560 MB, of which 110 were wanted

    make_present(raw, is_there, fetch, progress)
    # The images of all EMNIST files stand with rows and columns exchanged.
    return _parse(dataset, root, raw, transposed=True, split=_EMNIST_SPLIT)


def read_omniglot(dataset: type[datasets.Omniglot], root: Path, progress: Progress, address: str | None = None) -> ImageBank:
    """Both halves of Omniglot, black on white 105x105, read as any folder of class folders is.

    torchvision's own reader would decode all of it again each time, and wants the zip files to stay.

    Args:
        dataset: torchvision's class, for addresses and checksums.
        root: the folder of all data sets; the files lie in ``root/omniglot-py``, packed or unpacked.
        progress: told how far download and reading are.
        address: fetch from here instead of torchvision's address, without a slash at the end.

    Raises:
        DataError: when the files are neither there nor to be had, or broken.
        Cancelled: when ``progress`` asked for it.
    """
    banks = []
    for part, md5 in dataset.zips_md5.items():
        folder = root / dataset.folder / part
        archive = folder.with_name(f"{part}.zip")
        url = f"{address or dataset.download_url_prefix}/{archive.name}"

        def fetch(folder: Path = folder, archive: Path = archive, url: str = url, md5: str = md5) -> None:
            fetched = _fetch(dataset.__name__, [url], archive, md5, progress)
            unpack_zip(archive, folder, progress)
            if fetched:
                archive.unlink(missing_ok=True)

        make_present(folder, folder.is_dir, fetch, progress)
        banks.append(_read_half(folder, progress))
    background, evaluation = banks
    return ImageBank(
        torch.cat([background.images, evaluation.images]),
        torch.cat([background.labels, evaluation.labels + len(background.class_names)]),
        background.class_names + evaluation.class_names,
        background.groups + evaluation.groups,
        torch.cat([background.held_out, ~evaluation.held_out]),
    )


def _read_half(folder: Path, progress: Progress) -> ImageBank:
    remedy = f"remove {folder}, and it is fetched again"
    try:
        bank = read_folder(folder, "dark_on_light", progress)
    except DataError as error:
        raise DataError(f"{error}; or {remedy}") from None
    characters = OMNIGLOT_CHARACTERS[folder.name]
    if bank.labels.bincount().tolist() != [OMNIGLOT_DRAWERS] * characters:
        raise DataError(
            f"{folder} should hold {characters} characters with {OMNIGLOT_DRAWERS} images each; it holds "
            f"{len(bank.class_names)} characters and {len(bank.labels)} images, so {remedy}"
        )
    return bank


def _is_there(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


def _fetch(title: str, urls: Sequence[str], archive: Path, md5: str, progress: Progress) -> bool:
    """Make sure that the archive is there; whether it had to be downloaded."""
    if has_md5(archive, md5, progress):
        return False
    require_permission(title)
    try:
        download(urls, archive, md5, progress)
    except DownloadError as error:
        raise DataError(
            f"{title} is not on this machine: {error}; connect to the internet once, or put {archive.name} into "
            f"{archive.parent}, or choose digits, which are built in, or a folder of images as data.source"
        ) from None
    return True


def _parse(dataset: type[datasets.MNIST], root: Path, raw: Path, *, transposed: bool = False, **options: str) -> ImageBank:
    old = raw.with_name("processed")
    if old.exists():
        raise DataError(f"{old} was made by an old torchvision and would be read as a pickle; remove it")
    parts = []
    for train in (True, False):
        try:
            parts.append(dataset(root=root, train=train, download=False, **options))
        except (AssertionError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            raise _broken(raw, f"a file that torchvision can't read ({error})") from None
        if parts[-1].data.shape[1:] != (SIDE, SIDE) or len(parts[-1].data) != len(parts[-1].targets):
            raise _broken(raw, "images and labels that do not go together")
    names = tuple(name.partition(" - ")[0] for name in parts[0].classes)  # MNIST calls its classes "0 - zero"
    images, labels = (torch.cat([getattr(part, field) for part in parts]) for field in ("data", "targets"))
    if len(labels) == 0 or int(labels.max()) >= len(names):
        raise _broken(raw, f"labels of other classes than {', '.join(names)}")
    held_out = torch.arange(len(labels)) >= len(parts[0].targets)
    order = labels.argsort(stable=True)
    upright = images.transpose(1, 2) if transposed else images
    return ImageBank(upright[order].contiguous(), labels[order], names, ("",) * len(names), held_out[order])


def _broken(raw: Path, what: str) -> DataError:
    return DataError(f"{raw} holds {what}; remove its files, and they are fetched again")
