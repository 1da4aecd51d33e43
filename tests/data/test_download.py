import gzip
import hashlib
import io
import sys
import threading
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from maml_studio.data.bank import DataError
from maml_studio.data.download import (
    DownloadError,
    DownloadNeeded,
    download,
    downloads_allowed,
    has_md5,
    make_present,
    require_permission,
    unpack_gzip,
    unpack_zip,
)
from maml_studio.data.progress import Cancelled, Progress, silent

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
        (lambda server: server.trickles("x"), "sent next to nothing any more after 0.0 MB"),
        (lambda server: server.trickles("x", headers=True), "did not answer"),
        (lambda server: server.url + "missing", "404 Not Found"),
        (lambda server: server.url.replace("http:", "gopher:"), "unknown url type"),
    ],
    ids=["cut", "stall", "wrong bytes", "nothing", "trickle", "trickling headers", "404", "bad address"],
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


def test_a_server_that_never_says_a_word_is_given_up(mute, server, tmp_path):
    target = tmp_path / "file.gz"
    with pytest.raises(DownloadError, match="fell silent"):
        download([mute + "x"], target, MD5, stall_seconds=0.3)
    download([mute + "x", server.sends("good", CONTENT)], target, MD5, stall_seconds=0.3)
    assert target.read_bytes() == CONTENT


def test_a_late_answer_is_no_reason_to_give_up(server, tmp_path):
    """The time that connecting took does not count against the contents."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(65):
            server.over.wait(0.02)
            request.wfile.write(b"x")
        request.wfile.write(b"\r\nContent-Length: %d\r\n\r\n" % len(CONTENT))
        server.over.wait(0.5)
        request.wfile.write(CONTENT)

    server.answers["/x"] = answer
    download([server.url + "x"], tmp_path / "file.gz", MD5, stall_seconds=1.0)
    assert (tmp_path / "file.gz").read_bytes() == CONTENT


def cancel_when(enough: int, wanted: Callable[[float], bool]) -> Progress:
    """Raises Cancelled at that many reports of a kind."""
    seen = 0

    def progress(message: str, share: float) -> None:
        nonlocal seen
        seen += wanted(share)
        if seen == enough:
            raise Cancelled

    return progress


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("download ")]


@pytest.mark.parametrize("behave", ["stalls", "trickles", "never_ends"])
def test_cancelled_while_bytes_are_awaited_hangs_up(server, tmp_path, behave):
    """Long before any time-out, and the thread that waits for the server wakes up although the server goes on as before."""
    url = server.stalls("x", CONTENT) if behave == "stalls" else getattr(server, behave)("x")
    with pytest.raises(Cancelled):
        download([url], tmp_path / "target" / "file.gz", MD5, cancel_when(3, lambda share: share >= 0), stall_seconds=600)
    for thread in readers():
        thread.join(2)
    assert readers() == []
    assert only(tmp_path / "target") == []


def test_cancelled_while_the_answer_is_awaited(mute, tmp_path):
    with pytest.raises(Cancelled):
        download([mute + "x"], tmp_path / "file.gz", MD5, cancel_when(3, lambda share: share < 0), stall_seconds=600)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse a connection when too many wait")
def test_cancelled_while_connecting(unreachable, tmp_path):
    with pytest.raises(Cancelled):
        download([unreachable + "x"], tmp_path / "file.gz", MD5, cancel_when(3, lambda share: share < 0), stall_seconds=1)


def test_cancelled_while_checking_an_archive(tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    with pytest.raises(Cancelled):
        has_md5(tmp_path / "file", MD5, cancel_when(1, lambda share: True))


def test_two_that_want_the_same_fetch_it_once(tmp_path):
    """The second waits for the first; one that is tired of waiting goes, and another set does not wait at all."""
    there, begun, waits, fetches = threading.Event(), threading.Event(), threading.Event(), []

    def fetch() -> None:
        fetches.append(1)
        begun.set()
        assert waits.wait(20)
        there.set()

    first = threading.Thread(target=make_present, args=(tmp_path / "set", there.is_set, fetch, silent))
    first.start()
    try:
        assert begun.wait(20)
        with pytest.raises(Cancelled):
            make_present(tmp_path / "set", there.is_set, fetch, cancel_when(2, lambda share: True))
        make_present(tmp_path / "other", lambda: False, lambda: None, silent)
        make_present(tmp_path / "set", there.is_set, fetch, lambda message, share: waits.set())
    finally:
        waits.set()
        first.join()
    assert fetches == [1]


def test_one_that_fails_lets_the_next_try(tmp_path):
    def fail() -> None:
        raise DataError("broken")

    for _ in range(2):
        with pytest.raises(DataError, match="broken"):
            make_present(tmp_path / "set", lambda: False, fail, silent)


def test_nothing_is_fetched_without_permission(tmp_path):
    with downloads_allowed(False):
        with downloads_allowed(True):
            require_permission("The set")
        with pytest.raises(DownloadNeeded, match=r"^The set is not on this machine yet; it has to be downloaded once$"):
            require_permission("The set")
    require_permission("The set")


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
