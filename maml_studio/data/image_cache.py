"""Images that were read once are kept: 19,280 small files take 3 seconds or more, the same images in one file a tenth."""

import contextlib
import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..files import write_whole
from ..paths import cache_dir
from .images import SIDE, Pixels

_VERSION = 1  # of the file and of the way from a file to 28x28; another number makes every older file stale


def cache_file(root: Path, polarity: str) -> Path:
    """Where the images of a folder are kept; a change in the folder replaces them, so the cache does not grow with each."""
    return cache_dir() / "folders" / f"{_digest([str(root), polarity])[:32]}.safetensors"


def fingerprint(root: Path, files: Sequence[Path]) -> str:
    """Names, sizes and times of change: what shows that a file is another one than before.

    Raises:
        OSError: when a file has gone.
    """
    lines = [str(_VERSION)]
    for file in files:
        status = file.stat()
        lines.append(f"{file.relative_to(root)}\0{status.st_size}\0{status.st_mtime_ns}")
    return _digest(lines)


def load(path: Path, key: str, count: int) -> Pixels | None:
    """The kept images ``[count, 28, 28]``; None where there are none, or others, or the file is broken."""
    try:
        with safe_open(path, framework="np") as file:
            about = file.metadata() or {}
            if about.get("fingerprint") != key:
                return None
            images: Pixels = file.get_tensor("images")
    except (OSError, SafetensorError):
        return None
    whole = images.shape == (count, SIDE, SIDE) and images.dtype == "uint8" and about.get("crc32") == _checksum(images)
    return images if whole else None


def store(path: Path, key: str, images: Pixels) -> None:
    """Keep images; where that is impossible (a full disk), they are read from their files the next time."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, save({"images": images}, {"fingerprint": key, "crc32": _checksum(images)}))


def _checksum(images: Pixels) -> str:
    return f"{zlib.crc32(images.data):08x}"


def _digest(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
