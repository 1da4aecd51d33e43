"""Sizes of bundle and .deb, and how long the installed program takes to answer and to show its window.

    python tests/benchmarks/package_size.py BARE RESULT.json      as root; BARE is the system that tests/packaging/test_deb.py keeps

Each time is the median of several starts on a warm disk. A CUDA build is not packaged: its size is what torch and NVIDIA's packages take in
the environment of this checkout.
"""

import json
import os
import platform
import statistics
import sys
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/packaging"))
from bare import Bare, screen  # noqa: E402

STARTS = 5


def megabytes(*paths: Path) -> float:
    """Of files and folders, links not followed, 10^6 bytes each."""
    files = (file for path in paths for file in ([path] if path.is_file() else path.rglob("*")))
    return round(sum(file.lstat().st_size for file in files if file.is_symlink() or file.is_file()) / 1e6, 1)


def seconds(bare: Bare, *words: str) -> float:
    """From the start of a command to its end."""
    began = time.monotonic()
    done = bare.run(["maml-studio", *words])
    assert done.returncode == 0, done.stderr
    return time.monotonic() - began


def until_shown(bare: Bare, display: str) -> float:
    """From the start of the program to its window on the screen, as another program sees it."""
    began = time.monotonic()
    with bare.started(["maml-studio"], DISPLAY=display) as window:
        took = time.monotonic() - began
        time.sleep(5)  # so that what it does after its first picture is not the next start's burden
        window.terminate()
        window.wait()
    return took


def median(measure, *words) -> float:
    measure(*words)  # warms the disk cache
    return round(statistics.median(measure(*words) for _ in range(STARTS)), 2)


def main() -> None:
    bare, result = Bare(Path(sys.argv[1])), Path(sys.argv[2])
    packages = ROOT / ".venv/lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    cuda = [folder for name in ("torch", "nvidia", "triton") if (folder := packages / name).is_dir()]
    bundle, deb = ROOT / "dist/maml-studio", next((ROOT / "dist").glob("maml-studio_*.deb"))
    with screen() as display:
        shown = median(until_shown, bare, display)
    found = {
        "date": date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores ({platform.machine()}), no GPU, {platform.freedesktop_os_release()['PRETTY_NAME']}",
        "load": os.getloadavg()[0],
        "megabytes": {
            "bundle": megabytes(bundle),
            "bundle_torch": megabytes(bundle / "_internal/torch"),
            "deb": megabytes(deb),
            "cuda_build": {"version": version("torch"), "what": [one.name for one in cuda], "size": megabytes(*cuda)},
        },
        "torch_in_bundle": "2.13.0, CPU, without torchvision",
        "seconds": {
            "version": median(seconds, bare, "--version"),
            "presets": median(seconds, bare, "presets"),
            "window_on_screen": shown,
            "starts": STARTS,
        },
    }
    result.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
