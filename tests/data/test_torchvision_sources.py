import gzip
import hashlib
import shutil
import struct
import sys
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from class_folders import draw
from torchvision import datasets

from maml_studio.data import DownloadNeeded, downloads_allowed, open_tasks, torchvision_sources
from maml_studio.data.bank import DataError
from maml_studio.data.progress import Cancelled, silent
from maml_studio.data.torchvision_sources import read_emnist, read_mnist, read_omniglot
from maml_studio.spec import Emnist, FashionMnist, Kmnist, Mnist, NWay, Omniglot


def idx(array: np.ndarray) -> bytes:
    """The bytes of an IDX file (LeCun): magic number, sizes, uint8 values."""
    return struct.pack(f">{array.ndim + 1}i", 0x800 + array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def parts(classes: int, train: int, test: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    made = {}
    for part, count in (("train", train), ("t10k", test)):
        made[f"{part}-images-idx3-ubyte"] = generator.integers(0, 256, (count, 28, 28))
        made[f"{part}-labels-idx1-ubyte"] = generator.permutation(np.arange(count) % classes)
    return made


PARTS = parts(10, 60, 30)
PACKED = {f"{name}.gz": gzip.compress(idx(array)) for name, array in PARTS.items()}


class TinyMNIST(datasets.MNIST):
    resources = [  # noqa: RUF012 - as torchvision has it
        (name, hashlib.md5(content).hexdigest()) for name, content in PACKED.items()
    ]


def check_bank(bank, made=PARTS, transposed=False):
    """Every image stands with its own label, and the test part is held out."""
    assert torch.equal(bank.labels, bank.labels.sort().values)
    images = np.concatenate([made["train-images-idx3-ubyte"], made["t10k-images-idx3-ubyte"]])
    labels = np.concatenate([made["train-labels-idx1-ubyte"], made["t10k-labels-idx1-ubyte"]])
    order = np.argsort(labels, kind="stable")
    images = images.transpose(0, 2, 1) if transposed else images
    assert np.array_equal(bank.images.numpy(), images[order])
    assert np.array_equal(bank.labels.numpy(), labels[order])
    assert bank.held_out.sum() == len(made["t10k-labels-idx1-ubyte"])
    assert np.array_equal(bank.held_out.numpy(), order >= len(made["train-labels-idx1-ubyte"]))


def place(raw: Path, files: dict[str, bytes]) -> None:
    raw.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (raw / name).write_bytes(content)


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_mnist_is_downloaded_once(server, tmp_path):
    for name, content in PACKED.items():
        server.sends(f"good/{name}", content)
        server.sends(f"lying/{name}", content[::-1])
    mirrors = [server.url + "lying/", server.url + "missing/", server.url + "good/"]
    bank = read_mnist(TinyMNIST, tmp_path, silent, mirrors)
    check_bank(bank)
    assert bank.class_names == tuple("0123456789")
    assert listing(tmp_path) == sorted(f"TinyMNIST/raw/{name}" for name in PARTS)
    asked = len(server.asked)
    check_bank(read_mnist(TinyMNIST, tmp_path, silent, mirrors))
    assert len(server.asked) == asked


@pytest.mark.parametrize("packed", [True, False])
def test_files_that_were_put_there_need_no_server(nobody, tmp_path, packed):
    files = PACKED if packed else {name: idx(array) for name, array in PARTS.items()}
    place(tmp_path / "TinyMNIST" / "raw", files)
    check_bank(read_mnist(TinyMNIST, tmp_path, silent, [nobody]))
    assert set(files) <= {path.name for path in (tmp_path / "TinyMNIST" / "raw").iterdir()}


def test_a_half_file_is_fetched_again(server, tmp_path):
    for name, content in PACKED.items():
        server.sends(name, content)
    half = dict(PACKED)
    half["train-images-idx3-ubyte.gz"] = half["train-images-idx3-ubyte.gz"][:1000]
    place(tmp_path / "TinyMNIST" / "raw", half)
    check_bank(read_mnist(TinyMNIST, tmp_path, silent, [server.url]))
    assert server.asked == ["/train-images-idx3-ubyte.gz"]


def test_offline_says_what_to_do(nobody, tmp_path):
    with pytest.raises(DataError) as caught:
        read_mnist(TinyMNIST, tmp_path, silent, [nobody])
    text = str(caught.value)
    for part in ("TinyMNIST", nobody, "train-images-idx3-ubyte.gz", str(tmp_path / "TinyMNIST" / "raw"), "digits", "folder"):
        assert part in text
    assert listing(tmp_path) == []


def test_a_cancelled_download_leaves_nothing(server, tmp_path):
    def cancel(message: str, share: float) -> None:
        if share > 0:
            raise Cancelled

    server.never_ends("train-images-idx3-ubyte.gz")
    with pytest.raises(Cancelled):
        read_mnist(TinyMNIST, tmp_path, cancel, [server.url])
    assert listing(tmp_path) == []


def test_without_permission_no_server_is_asked(server, tmp_path, home, monkeypatch):
    for name in ("http_proxy", "https_proxy"):  # whatever is asked of any server would come to this one
        monkeypatch.setenv(name, server.url)
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies of its first use
    sentence = r"^(Tiny)?MNIST is not on this machine yet; it has to be downloaded once$"
    with downloads_allowed(False):
        with pytest.raises(DownloadNeeded, match=sentence):
            open_tasks(Mnist())
        with pytest.raises(DownloadNeeded, match=sentence):
            read_mnist(TinyMNIST, tmp_path, silent, [server.url])
        place(tmp_path / "TinyMNIST" / "raw", PACKED)
        check_bank(read_mnist(TinyMNIST, tmp_path, silent, [server.url]))
    assert server.asked == []
    with pytest.raises(DataError, match="could not be fetched"):
        open_tasks(Mnist())
    assert server.asked != []


def test_another_process_that_was_faster_is_no_failure(nobody, tmp_path):
    """It unpacks the archive and removes it while this one still checks it."""
    raw = tmp_path / "TinyMNIST" / "raw"
    place(raw, PACKED)

    def other(message: str, share: float) -> None:
        if message.startswith("Checking"):
            place(raw, {name: idx(array) for name, array in PARTS.items()})
            for name in PACKED:
                (raw / name).unlink(missing_ok=True)

    check_bank(read_mnist(TinyMNIST, tmp_path, other, [nobody]))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train-images-idx3-ubyte", idx(PARTS["train-images-idx3-ubyte"])[:-100]),
        ("train-images-idx3-ubyte", idx(PARTS["t10k-images-idx3-ubyte"])),
        ("train-images-idx3-ubyte", idx(PARTS["train-images-idx3-ubyte"][:, :14])),
        ("train-images-idx3-ubyte", b"hello"),
        ("t10k-labels-idx1-ubyte", idx(PARTS["t10k-labels-idx1-ubyte"] + 7)),
        ("t10k-labels-idx1-ubyte", idx(PARTS["t10k-images-idx3-ubyte"])),
        ("t10k-labels-idx1-ubyte", b"\0"),
    ],
)
def test_a_broken_file_is_refused(nobody, tmp_path, name, content):
    raw = tmp_path / "TinyMNIST" / "raw"
    place(raw, {name: idx(array) for name, array in PARTS.items()} | {name: content})
    with pytest.raises(DataError, match="remove its files, and they are fetched again") as caught:
        read_mnist(TinyMNIST, tmp_path, silent, [nobody])
    assert str(raw) in str(caught.value)


def test_an_old_pickle_is_not_opened(tmp_path):
    place(tmp_path / "TinyMNIST" / "raw", PACKED)
    place(tmp_path / "TinyMNIST" / "processed", {"training.pt": b"pickle", "test.pt": b"pickle"})
    with pytest.raises(DataError, match="processed was made by an old torchvision"):
        read_mnist(TinyMNIST, tmp_path, silent)


@pytest.mark.parametrize(
    ("settings", "folder", "name"),
    [(Mnist(), "MNIST", "7"), (FashionMnist(), "FashionMNIST", "Sneaker"), (Kmnist(), "KMNIST", "ya")],
)
def test_the_sources_by_name(home, settings, folder, name):
    place(home / "data" / folder / "raw", {name: idx(array) for name, array in PARTS.items()})
    tasks = open_tasks(settings)
    assert tasks.sampler("train", NWay(way=5, shot=1, query=1)).class_names[7] == name


EMNIST_PARTS = parts(47, 94, 47)
EMNIST_NAMES = {name.replace("t10k", "test"): idx(array) for name, array in EMNIST_PARTS.items()}


def emnist_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in EMNIST_NAMES.items():
            archive.writestr(f"gzip/emnist-balanced-{name}.gz", gzip.compress(content))
            archive.writestr(f"gzip/emnist-letters-{name}.gz", b"not wanted")
    return path


def test_emnist_is_fetched_and_turned_upright(server, tmp_path):
    content = emnist_zip(tmp_path / "emnist.zip").read_bytes()

    class TinyEMNIST(datasets.EMNIST):
        md5 = hashlib.md5(content).hexdigest()

    bank = read_emnist(TinyEMNIST, tmp_path / "data", silent, server.sends("gzip.zip", content))
    check_bank(bank, EMNIST_PARTS, transposed=True)
    assert bank.class_names[:11] == (*"0123456789", "A")
    assert bank.class_names[-3:] == ("q", "r", "t")
    assert len(bank.class_names) == 47
    assert listing(tmp_path / "data") == sorted(f"TinyEMNIST/raw/emnist-balanced-{name}" for name in EMNIST_NAMES)


def test_emnist_by_name(home):
    place(home / "data" / "EMNIST" / "raw", {f"emnist-balanced-{name}": content for name, content in EMNIST_NAMES.items()})
    split = open_tasks(Emnist(split="author")).split
    assert len(split.test.index) == 47
    assert len(split.train.index) + len(split.validation.index) == 94


def omniglot_zips(folder: Path) -> dict[str, bytes]:
    zips = {}
    for part, alphabets in (("images_background", "BA"), ("images_evaluation", "DC")):
        for alphabet in alphabets:
            for character in ("character01", "character02"):
                for drawer in range(3):
                    draw(folder / part / alphabet / character / f"0001_{drawer:02}.png", size=(105, 105), mode="1")
        with zipfile.ZipFile(folder / f"{part}.zip", "w") as archive:
            for file in sorted((folder / part).rglob("*.png")):
                archive.write(file, file.relative_to(folder))
        zips[part] = (folder / f"{part}.zip").read_bytes()
    return zips


@pytest.fixture
def few_characters(monkeypatch):
    for part in torchvision_sources.OMNIGLOT_CHARACTERS:
        monkeypatch.setitem(torchvision_sources.OMNIGLOT_CHARACTERS, part, 4)
    monkeypatch.setattr(torchvision_sources, "OMNIGLOT_DRAWERS", 3)


@pytest.fixture
def omniglot(tmp_path, few_characters):
    zips = omniglot_zips(tmp_path / "made")

    class TinyOmniglot(datasets.Omniglot):
        zips_md5 = {  # noqa: RUF012 - as torchvision has it
            part: hashlib.md5(content).hexdigest() for part, content in zips.items()
        }

    return TinyOmniglot, zips


def check_omniglot(bank):
    assert bank.groups == ("A", "A", "B", "B", "C", "C", "D", "D")
    assert bank.class_names[0] == "A/character01"
    assert bank.class_names[-1] == "D/character02"
    assert bank.labels.bincount().tolist() == [3] * 8
    assert torch.equal(bank.held_out, bank.labels >= 4)
    assert bank.images[:, 14, 8].min() > 200
    assert bank.images[:, :3].max() < 60


def test_omniglot_is_fetched(server, tmp_path, omniglot):
    dataset, zips = omniglot
    for part, content in zips.items():
        server.sends(f"python/{part}.zip", content)
    root = tmp_path / "data"
    for _ in range(2):
        check_omniglot(read_omniglot(dataset, root, silent, server.url + "python"))
    assert len(server.asked) == 2
    assert sorted(path.name for path in (root / "omniglot-py").iterdir()) == ["images_background", "images_evaluation"]


def test_omniglot_zips_that_were_put_there(nobody, tmp_path, omniglot):
    dataset, zips = omniglot
    place(tmp_path / "data" / "omniglot-py", {f"{part}.zip": content for part, content in zips.items()})
    check_omniglot(read_omniglot(dataset, tmp_path / "data", silent, nobody))


def test_omniglot_unpacking_that_was_given_up_is_done_again(nobody, tmp_path, omniglot):
    def cancel(message: str, share: float) -> None:
        if "Unpacking" in message:
            raise Cancelled

    dataset, zips = omniglot
    place(tmp_path / "data" / "omniglot-py", {f"{part}.zip": content for part, content in zips.items()})
    with pytest.raises(Cancelled):
        read_omniglot(dataset, tmp_path / "data", cancel, nobody)
    assert listing(tmp_path / "data") == ["omniglot-py/images_background.zip", "omniglot-py/images_evaluation.zip"]
    check_omniglot(read_omniglot(dataset, tmp_path / "data", silent, nobody))


def test_omniglot_from_another_process_that_was_faster(server, tmp_path, omniglot):
    """It unpacks the archive while this one still fetches it, so the folder's name is taken in the end."""
    dataset, zips = omniglot
    root = tmp_path / "data"

    def other(part, send):
        def answer(request) -> None:
            shutil.copytree(tmp_path / "made" / part, root / "omniglot-py" / part)
            send(request)

        return answer

    for part, content in zips.items():
        path = f"python/{part}.zip"
        server.sends(path, content)
        server.answers["/" + path] = other(part, server.answers["/" + path])
    check_omniglot(read_omniglot(dataset, root, silent, server.url + "python"))
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda part: (part / "A" / "character01" / "0001_02.png").unlink(), "it holds 4 characters and 11 images, so remove"),
        (lambda part: shutil.rmtree(part / "A" / "character01"), "it holds 3 characters and 9 images, so remove"),
        (lambda part: shutil.rmtree(part / "A"), "it holds 2 characters and 6 images, so remove"),
        (lambda part: shutil.copytree(part / "A", part / "Z"), "it holds 6 characters and 18 images, so remove"),
        (lambda part: (part / "A" / "character01" / "0001_02.png").write_bytes(b""), "0001_02.png is no image .*; or remove"),
        (lambda part: [file.unlink() for file in (part / "A" / "character01").iterdir()], "character01 is empty.*; or remove"),
    ],
    ids=["an image", "a character", "an alphabet", "too much", "an empty file", "an empty folder"],
)
def test_omniglot_that_is_not_whole_is_refused(nobody, tmp_path, omniglot, spoil, reason):
    dataset, _ = omniglot
    folder = tmp_path / "data" / "omniglot-py"
    shutil.copytree(tmp_path / "made", folder)
    spoil(folder / "images_background")
    with pytest.raises(DataError, match=reason) as caught:
        read_omniglot(dataset, tmp_path / "data", silent, nobody)
    assert f"remove {folder / 'images_background'}, and it is fetched again" in str(caught.value)
    shutil.rmtree(folder / "images_background")
    check_omniglot(read_omniglot(dataset, tmp_path / "data", silent, nobody))


def test_omniglot_is_as_large_as_its_paper_says():
    assert torchvision_sources.OMNIGLOT_CHARACTERS == {"images_background": 964, "images_evaluation": 659}
    assert torchvision_sources.OMNIGLOT_DRAWERS == 20


def test_omniglot_lying_zip_is_not_unpacked(nobody, tmp_path, omniglot):
    dataset, zips = omniglot
    swapped = {"images_background.zip": zips["images_evaluation"], "images_evaluation.zip": zips["images_background"]}
    place(tmp_path / "data" / "omniglot-py", swapped)
    with pytest.raises(DataError, match=r"put images_background\.zip into"):
        read_omniglot(dataset, tmp_path / "data", silent, nobody)


def test_omniglot_by_name_with_the_authors_split(home, tmp_path, few_characters):
    made = tmp_path / "made"
    omniglot_zips(made)
    for part in ("images_background", "images_evaluation"):
        target = home / "data" / "omniglot-py" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (made / part).rename(target)
    split = open_tasks(Omniglot(split="author")).split
    assert {name.split("/")[0] for name in split.test.class_names} == {"C", "D"}
    assert {name.split("/")[0] for name in split.train.class_names + split.validation.class_names} == {"A", "B"}


@pytest.mark.parametrize("settings", [Mnist(), Emnist(), Omniglot()], ids=lambda one: one.source)
def test_without_torchvision_it_is_a_sentence(monkeypatch, settings):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.delitem(sys.modules, "torchvision.datasets")
    with pytest.raises(DataError, match=r"^this source needs torchvision, which can't be used here \(.*torchvision.*\); choose digits"):
        open_tasks(settings, NWay(way=2, shot=1))
