import gzip
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from maml_studio.data.bank import DataError
from maml_studio.data.download import DownloadError, download, has_md5, unpack_gzip, unpack_zip
from maml_studio.data.progress import Cancelled

CONTENT = bytes(range(256)) * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()


def only(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_fetches_a_file_and_says_how_far(server, tmp_path):
    seen = []
    target = tmp_path / "new" / "file.gz"
    download([server.sends("file.gz", CONTENT)], target, MD5, lambda message, share: seen.append((message, share)))
    assert target.read_bytes() == CONTENT
    assert seen[0] == ("Downloading file.gz", -1)
    assert only(target.parent) == ["file.gz"]


@pytest.mark.parametrize(
    ("misbehave", "reason"),
    [
        (lambda server: server.sends("x", CONTENT[:100_000], length=len(CONTENT)), "ended after 0.1 MB of 0.3 MB"),
        (lambda server: server.stalls("x", CONTENT), "fell silent after 0.1 MB"),
        (lambda server: server.sends("x", CONTENT[::-1]), "checksum is wrong"),
        (lambda server: server.sends("x", b""), "checksum is wrong"),
        (lambda server: server.url + "missing", "404 Not Found"),
        (lambda server: server.url.replace("http:", "gopher:"), "unknown url type"),
    ],
    ids=["cut", "stall", "wrong bytes", "nothing", "404", "bad address"],
)
@pytest.mark.parametrize("mirror", [False, True])
def test_a_file_that_did_not_come_well_is_not_kept(server, tmp_path, misbehave, reason, mirror):
    urls = [misbehave(server)]
    target = tmp_path / "target" / "file.gz"
    if mirror:
        download([*urls, server.sends("good", CONTENT)], target, MD5, stall_seconds=0.3)
        assert target.read_bytes() == CONTENT
        return
    with pytest.raises(DownloadError, match=reason) as caught:
        download(urls, target, MD5, stall_seconds=0.3)
    assert "file.gz" in str(caught.value)
    assert only(target.parent) == []


def test_an_older_file_survives_a_failed_download(server, tmp_path):
    target = tmp_path / "file.gz"
    target.write_bytes(b"old")
    with pytest.raises(DownloadError):
        download([server.sends("x", b"wrong")], target, MD5)
    assert target.read_bytes() == b"old"


def test_names_who_could_not_be_reached(nobody, tmp_path):
    with pytest.raises(DownloadError, match=r"from http://127.* \(Connection refused\) or http://127.* \(Connection refused\)"):
        download([nobody + "a", nobody + "b"], tmp_path / "file.gz", MD5)


def test_cancelled_in_the_middle_leaves_nothing(server, tmp_path):
    def cancel(message: str, share: float) -> None:
        if share > 0:
            raise Cancelled

    target = tmp_path / "target" / "file.gz"
    with pytest.raises(Cancelled):
        download([server.never_ends("x"), server.sends("good", CONTENT)], target, MD5, cancel)
    assert only(target.parent) == []
    assert server.asked == ["/x"]


def test_a_disk_that_refuses_is_not_blamed_on_the_server(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="can't be written") as caught:
        download([server.sends("x", CONTENT)], tmp_path / "file" / "file.gz", MD5)
    assert not isinstance(caught.value, DownloadError)


def test_has_md5(tmp_path):
    file = tmp_path / "file"
    assert not has_md5(file, MD5)
    file.write_bytes(CONTENT)
    assert has_md5(file, MD5)
    assert not has_md5(file, MD5[::-1])


def test_unpacks_gzip_plain_and_inside_a_zip(tmp_path):
    packed = tmp_path / "file.gz"
    packed.write_bytes(gzip.compress(CONTENT))
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w") as archive:
        archive.write(packed, "gzip/file.gz")
    unpack_gzip(packed, tmp_path / "a")
    unpack_gzip(outer, tmp_path / "b", member="gzip/file.gz")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == CONTENT
    with pytest.raises(DataError, match="other"):
        unpack_gzip(outer, tmp_path / "c", member="gzip/other.gz")


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(CONTENT)[:500], b""], ids=["other", "cut", "empty"])
def test_a_broken_gzip_leaves_nothing_whole(tmp_path, content):
    packed = tmp_path / "file.gz"
    packed.write_bytes(content)
    target = tmp_path / "target" / "file"
    if not content:  # gzip takes an empty file for the compressed form of nothing
        unpack_gzip(packed, target)
        assert target.read_bytes() == b""
        return
    with pytest.raises(DataError, match=r"file\.gz can't be unpacked"):
        unpack_gzip(packed, target)
    assert only(target.parent) == []


def zipped(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_unpacks_one_folder_of_a_zip(tmp_path):
    archive = zipped(tmp_path / "set.zip", **{"set/a/1.png": b"1", "set/b/2.png": b"2", "__MACOSX/set/x": b"x"})
    unpack_zip(archive, tmp_path / "out" / "set")
    assert only(tmp_path / "out") == ["set"]
    assert (tmp_path / "out" / "set" / "a" / "1.png").read_bytes() == b"1"
    assert only(tmp_path / "out" / "set") == ["a", "b"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"set/ok": b"", "set/../../evil": b"evil"}, "leads out of the folder"),
        ({"set/ok": b"", "set/../beside": b"evil"}, "leads out of the folder"),
        ({"other/ok": b""}, "should hold a folder set"),
        ({"../set/evil": b"", "/set/evil": b""}, "should hold a folder set"),
        ({}, "should hold a folder set"),
    ],
)
def test_a_lying_zip_writes_nothing(tmp_path, files, reason):
    archive = zipped(tmp_path / "set.zip", **files)
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match=reason):
        unpack_zip(archive, tmp_path / "out" / "set")
    assert only(tmp_path) == ["out", "set.zip"]
    assert only(tmp_path / "out") == []


def test_a_broken_zip_writes_nothing(tmp_path):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("set/1.png", CONTENT)
    damaged = bytearray(whole.getvalue())
    damaged[200] ^= 255
    for content in (b"no zip", whole.getvalue()[:500], bytes(damaged)):
        (tmp_path / "set.zip").write_bytes(content)
        with pytest.raises(DataError, match=r"set\.zip can't be unpacked"):
            unpack_zip(tmp_path / "set.zip", tmp_path / "out" / "set")
        assert only(tmp_path / "out") == [] if (tmp_path / "out").exists() else True


def test_cancelling_the_unpacking_leaves_nothing(tmp_path):
    def cancel(message: str, share: float) -> None:
        raise Cancelled

    archive = zipped(tmp_path / "set.zip", **{"set/1.png": b"1"})
    with pytest.raises(Cancelled):
        unpack_zip(archive, tmp_path / "out" / "set", cancel)
    assert only(tmp_path / "out") == []
