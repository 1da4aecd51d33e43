"""Which files of a folder are the images of which class.

One level (``class/image.png``) or two (``alphabet/class/image.png``). A folder around all of that, as a zip file leaves it,
is stepped through; so one alphabet alone counts as classes without an alphabet. Nothing is left out in silence: what is no
image in a class folder is refused by its name. Only these are no data: hidden files, what systems put there by themselves,
and files beside the class folders that are no images (a README).
"""

import os
from dataclasses import dataclass
from pathlib import Path

from .bank import DataError
from .images import SUFFIXES
from .progress import Progress

_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


@dataclass(frozen=True)
class ClassFolder:
    """One class.

    Attributes:
        name: ``class``, or ``alphabet/class``.
        group: the alphabet, or empty.
        files: its images, by name.
    """

    name: str
    group: str
    files: tuple[Path, ...]


@dataclass(frozen=True)
class _Listing:
    folders: list[Path]
    files: list[Path]

    @property
    def images(self) -> list[Path]:
        return [file for file in self.files if file.suffix.lower() in SUFFIXES]


def find_classes(root: Path, progress: Progress) -> list[ClassFolder]:
    """The class folders below ``root``, by name.

    Raises:
        DataError: when there are none, or a folder or file is in a place where it means nothing.
        Cancelled: when ``progress`` asked for it.
    """
    top = _list(root, root)
    while len(top.folders) == 1 and not top.images:
        inner = _list(top.folders[0], root)
        if not inner.folders or inner.images:
            break
        top = inner
    if not top.folders:
        raise DataError(f"{root} holds no sub-folder; it should hold one sub-folder of images per class")
    if top.images:
        raise DataError(f"{top.images[0]} lies beside the class folders; move it into one of them")

    listings = {}
    for folder in top.folders:
        progress("Looking for class folders", -1)
        listings[folder] = _list(folder, root)
    alphabets = [folder for folder, listing in listings.items() if listing.folders]
    if not alphabets:
        return [_class(folder, listing, "") for folder, listing in listings.items()]

    classes = []
    for folder, listing in listings.items():
        progress("Looking for class folders", -1)
        if listing.images:
            if listing.folders:
                raise DataError(f"{listing.images[0]} lies beside sub-folders; a folder should hold images or sub-folders, not both")
            raise DataError(f"{folder} holds images, but {alphabets[0]} holds sub-folders; all classes should lie equally deep")
        if not listing.folders:
            raise DataError(f"{folder} is empty; remove it, or put class folders into it")
        for inner_folder in listing.folders:
            inner = _list(inner_folder, root)
            if inner.folders:
                raise DataError(f"{inner.folders[0]} lies too deep; there should be one level of class folders, or two")
            classes.append(_class(inner_folder, inner, _name(folder)))
    return classes


def find_images(root: Path) -> list[Path]:
    """All images below a folder, however deep, by name.

    Raises:
        DataError: when there is none, or something else is among them.
    """
    found: list[Path] = []
    folders, place = [root], root.resolve()
    while folders:
        listing = _list(folders.pop(), place)
        for file in listing.files:
            if file.suffix.lower() not in SUFFIXES:
                raise DataError(f"{file} is no image; move it elsewhere")
        found += listing.files
        folders += listing.folders
    if not found:
        raise DataError(f"{root} holds no images")
    return sorted(found)


def _class(folder: Path, listing: _Listing, group: str) -> ClassFolder:
    if not listing.files:
        raise DataError(f"{folder} is empty; put images into it, or remove it")
    for file in listing.files:
        if file.suffix.lower() not in SUFFIXES:
            raise DataError(
                f"{file} is no image; a class folder should hold {', '.join(sorted(SUFFIXES))} files only, so move it elsewhere"
            )
    name = _name(folder)
    return ClassFolder(f"{group}/{name}" if group else name, group, tuple(listing.files))


def _list(folder: Path, root: Path) -> _Listing:
    listing = _Listing([], [])
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.startswith(".") or entry.name.lower() in _SYSTEM_FILES:
                    continue
                path = Path(entry.path)
                if entry.is_symlink() and (entry.is_dir() or not Path(os.path.realpath(path)).is_relative_to(root)):
                    raise DataError(f"{path} is a link that leads elsewhere; put the files themselves there")
                if entry.is_dir():
                    listing.folders.append(path)
                elif entry.is_file():
                    listing.files.append(path)
                else:
                    raise DataError(f"{path} is neither a file nor a folder; remove it")
    except OSError as error:
        raise DataError(f"{error.filename or folder} can't be read: {error.strerror or error}") from None
    return listing


def _name(folder: Path) -> str:
    """The folder's name as text; bytes that are no text in this system's encoding become question marks."""
    return folder.name.encode("utf-8", "replace").decode("utf-8")
