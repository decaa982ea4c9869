"""One file from a server on this machine that breaks off, forgets, changes its mind or sends a web page."""

import errno
import hashlib

import numpy as np
import pytest

import loopback
from emocast.corpora import transfer
from emocast.corpora.transfer import DownloadError

CONTENT = b"PK\x03\x04" + np.random.default_rng(0).bytes(1_500_000)
PAGE = b"\n<!DOCTYPE html><html><head><title> Gone\n</title></head>moved</html>"


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """No proxy, and no waits between attempts."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(transfer, "_PATIENCE_S", (5, 5))
    monkeypatch.setattr(transfer, "_PAUSE_S", 0.0)


@pytest.fixture
def server():
    with loopback.Files({"a.zip": CONTENT}) as serving:
        yield serving


@pytest.fixture
def fetch(server, tmp_path):
    def fetching(name="a.zip", **options):
        return transfer.fetch(server.address(name), tmp_path / "kept" / name, progress=False, **options)

    return fetching


def interrupted(server, fetch, *, after=600_000):
    server.cut["a.zip"] = after
    with pytest.raises(DownloadError, match="the connection broke; what came is kept, run again to go on"):
        fetch()
    del server.cut["a.zip"]


def names(tmp_path):
    return sorted(path.name for path in (tmp_path / "kept").iterdir())


def test_a_file_comes_whole_and_only_once(server, fetch, tmp_path):
    assert fetch().read_bytes() == CONTENT
    assert fetch().read_bytes() == CONTENT
    assert server.asked == [("a.zip", 0, len(CONTENT))] and names(tmp_path) == ["a.zip"]


def test_an_interrupted_download_goes_on_with_the_rest_alone(server, fetch, tmp_path):
    interrupted(server, fetch)
    assert names(tmp_path) == ["a.zip.part", "a.zip.part.json"]
    came = (tmp_path / "kept" / "a.zip.part").stat().st_size
    assert 0 < came <= 600_000
    assert fetch(checksum=f"sha256:{hashlib.sha256(CONTENT).hexdigest()}").read_bytes() == CONTENT
    assert server.asked == [("a.zip", 0, 600_000), ("a.zip", came, len(CONTENT) - came)]
    assert names(tmp_path) == ["a.zip"]


def changed(server):
    server.files["a.zip"] = CONTENT[:4] + CONTENT[:3:-1]  # as long as before


def forgets(server):
    server.marks = False


def heeds_no_ranges(server):
    server.ranges = False


def shrank(server):
    server.files["a.zip"] = CONTENT[:1000]


@pytest.mark.parametrize("change", [changed, forgets, heeds_no_ranges, shrank])
def test_what_does_not_fit_the_part_is_fetched_anew(server, fetch, change):
    interrupted(server, fetch)
    change(server)
    assert fetch().read_bytes() == server.files["a.zip"]
    assert server.asked[-1][1:] == (0, len(server.files["a.zip"]))


def test_a_server_without_marks_is_never_trusted_to_have_the_same_file(server, fetch):
    server.marks = False
    interrupted(server, fetch)
    assert fetch().read_bytes() == CONTENT
    assert [start for _, start, _ in server.asked] == [0, 0]


def test_a_part_without_its_note_is_not_built_upon(server, fetch, tmp_path):
    interrupted(server, fetch)
    (tmp_path / "kept" / "a.zip.part.json").write_text("{")
    assert fetch().read_bytes() == CONTENT


def test_another_digest_is_named_and_nothing_is_kept(server, fetch, tmp_path):
    wrong, right = "0" * 64, hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(DownloadError, match=f"its digest is {right[:12]}..., not the {wrong[:12]}... that its source"):
        fetch(checksum=f"sha256:{wrong}")
    assert names(tmp_path) == []
    assert fetch(checksum=f"sha256:{right}").read_bytes() == CONTENT


def test_a_web_page_in_place_of_a_file_is_refused_with_its_title(server, fetch, tmp_path):
    server.files["a.zip"] = PAGE
    with pytest.raises(DownloadError, match=r"a web page \('Gone'\) came in place of a \.zip file"):
        fetch()
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("a.zip", b"PK\x03\x04", b"\x1f\x8b"),
        ("a.tar.gz", b"\x1f\x8b", b"PK\x03\x04"),
        ("a.wav", b"RIFF", b"version https://git-lfs"),
        ("a.zip", b"PK", b""),
    ],
)
def test_a_file_must_begin_as_its_kind_does(name, good, bad):
    transfer.refuse_other_content(good, name, "address")
    with pytest.raises(DownloadError, match="came in place of"):
        transfer.refuse_other_content(bad, name, "address")


def test_labels_may_begin_as_they_like():
    transfer.refuse_other_content(b"", "a.csv", "address")


def test_a_file_that_is_not_there_is_named(fetch, tmp_path):
    with pytest.raises(DownloadError, match=r"b\.zip: the server answers 404 Not Found"):
        fetch("b.zip")
    assert names(tmp_path) == []


def test_a_server_that_is_not_there_is_named(tmp_path):
    with loopback.Files({}) as gone:
        address = gone.address("a.zip")
    with pytest.raises(DownloadError, match="the server cannot be reached; run again later"):
        transfer.fetch(address, tmp_path / "a.zip", progress=False)


def test_a_server_that_is_busy_is_asked_again(server, fetch):
    server.busy["a.zip"] = 2
    assert fetch().read_bytes() == CONTENT
    server.busy["b.zip"] = 99
    with pytest.raises(DownloadError, match=r"the server answers 503 .*: the server is busy, run again later"):
        fetch("b.zip")


def test_what_the_disk_says(tmp_path):
    full = transfer.disk_says(OSError(errno.ENOSPC, "No space left on device"), tmp_path)
    assert "no room left on the disk" in full and "DATA=another folder" in full
    assert "cannot be written (Read-only" in transfer.disk_says(OSError(errno.EROFS, "Read-only file system"), tmp_path)
