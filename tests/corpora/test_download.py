"""Downloads of whole corpora from a server on this machine: whatever goes wrong, the data folder stays as it was."""

import errno
import hashlib
import io
import os
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import filelock
import numpy as np
import pytest
import soundfile

import loopback
from emocast import corpora
from emocast.corpora import download
from emocast.corpora.download import DownloadError
from emocast.corpora.table import Archive, Clips

NOISE = np.random.default_rng(0)
WAVES = {f"wav/{name}.wav": b"RIFF" + NOISE.bytes(20_000) for name in ("03a01Fa", "08b02Wc", "16b10Wb")}


def zipped(members, *, mode=stat.S_IFREG | 0o644):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            packed.writestr(member, content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def tarred(members, *, kind=tarfile.REGTYPE):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, "/etc/passwd", len(content)
            packed.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "_PATIENCE_S", (5, 5))
    monkeypatch.setattr(download, "_PAUSE_S", 0.0)
    with loopback.Files({"EmoDB.zip": zipped(WAVES)}) as serving:
        yield serving


@pytest.fixture
def data(tmp_path):
    """A data folder with another corpus in it."""
    folder = tmp_path / "data"
    (folder / "Other" / "wav").mkdir(parents=True)
    (folder / "Other" / "wav" / "a.wav").write_bytes(b"sound")
    return folder


@pytest.fixture
def offer(server, monkeypatch):
    """A function that makes this server the source of a corpus."""

    def offering(name, **changes):
        own = replace(corpora.get(name), **changes)
        monkeypatch.setattr(f"emocast.corpora.{name}.CORPUS", own)

    def archive(path, *holds, **options):
        return Archive(address=server.address(path), file=path, holds=holds, **options)

    offering.archive = archive
    offering("emodb", archives=(archive("EmoDB.zip", "wav/03a01Fa.wav"),))
    return offering


@pytest.fixture
def fetch(offer, data):
    def fetching(name="emodb", **options):
        return download.fetch(name, data / corpora.get(name).folder, progress=False, **options)

    return fetching


@pytest.fixture
def begun(fetch, server):
    """EmoDB's archive, of which half has come."""
    server.cut["EmoDB.zip"] = len(server.files["EmoDB.zip"]) // 2
    with pytest.raises(DownloadError, match=r"EmoDB\.zip cannot be fetched .*: what came is kept, run again to go on"):
        fetch()
    server.cut.clear()
    return server.files["EmoDB.zip"]


def contents(folder, *, hidden=True):
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if hidden or not name.startswith(".downloads/")}


def test_a_corpus_is_put_in_place_once_and_nothing_else_is_left(fetch, data, server):
    before = contents(data)
    assert fetch().endswith("EmoDB: complete")
    assert contents(data / "EmoDB") == WAVES
    assert contents(data).keys() == {*before, "downloads.json", *(f"EmoDB/{name}" for name in WAVES)}
    (data / "EmoDB" / "wav" / "08b02Wc.wav").write_bytes(b"mine")
    before, asked = contents(data), list(server.asked)
    assert "there already, left alone" in fetch()
    assert contents(data) == before and server.asked == asked


def test_what_changed_at_its_source_is_not_taken_for_the_same(fetch, data, server):
    """EmoDB and ShEMO publish no digest: that of the first download is noted."""
    fetch()
    shutil.rmtree(data / "EmoDB")
    server.files["EmoDB.zip"] = zipped({**WAVES, "wav/03a01Fa.wav": b"another take"})
    with pytest.raises(DownloadError, match=r"another file than its source \(or downloads.json\) says"):
        fetch()
    (data / "downloads.json").unlink()
    assert fetch().endswith("complete")


def test_the_page_of_a_log_in_does_not_take_the_place_of_what_has_come(fetch, begun, server):
    server.files["EmoDB.zip"], server.kinds["EmoDB.zip"] = b"<html>Log in</html>", "text/html; charset=utf-8"
    server.ranges = False
    with pytest.raises(DownloadError, match="a web page came in its place"):
        fetch()
    server.files["EmoDB.zip"], server.ranges = begun, True
    server.kinds.clear()
    assert fetch().endswith("complete") and server.asked[-1][1] > 0, "it goes on where it was"


def test_a_run_that_is_killed_while_it_puts_files_in_place_leaves_no_folder_half_full(tmp_path, monkeypatch):
    unpacked, root = tmp_path / "unpacked", tmp_path / "ShEMO"
    for folder, name in ((unpacked / "male", "a.wav"), (unpacked / "male", "b.wav"), (root / "female", "c.wav")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"sound")
    moved = []
    monkeypatch.setattr(
        Path, "replace", lambda self, target, own=Path.replace: (moved.append(self.name), own(self, target))
    )
    download._put_in_place(unpacked, root)
    assert moved == ["male"] and sorted(path.name for path in root.rglob("*.wav")) == ["a.wav", "b.wav", "c.wav"]


# --- the server


def test_an_interrupted_download_goes_on_with_the_rest_alone(fetch, data, begun, server):
    assert contents(data, hidden=False) == {"Other/wav/a.wav": b"sound"}
    fetch()
    (_, first, _), (_, start, sent), size = *server.asked, len(begun)
    assert first == 0 and size // 4 < start <= size // 2 and start + sent == size
    assert contents(data / "EmoDB") == WAVES


@pytest.mark.parametrize("change", ["another file", "shorter", "no ranges"])
def test_a_file_that_is_no_longer_the_one_that_was_begun_is_fetched_anew(fetch, begun, server, change):
    server.ranges = change != "no ranges"
    if server.ranges:
        other = (
            {"wav/03a01Fa.wav": b"RIFF"} if change == "shorter" else {**WAVES, "wav/03a01Fa.wav": NOISE.bytes(20_000)}
        )
        server.files["EmoDB.zip"] = zipped(other)
        with pytest.raises(DownloadError, match="run again"):
            fetch()
    assert fetch().endswith("complete")
    assert server.asked[-1] == ("EmoDB.zip", 0, len(server.files["EmoDB.zip"]))


def test_a_server_that_is_busy_is_asked_again_and_one_that_is_not_there_is_named(fetch, data, server, offer):
    server.busy["EmoDB.zip"] = 99
    with pytest.raises(DownloadError, match=r"cannot be fetched \(503 .*: run again"):
        fetch()
    server.busy["EmoDB.zip"] = 2
    with loopback.Files({}) as gone:
        nowhere = replace(offer.archive("EmoDB.zip", "wav/03a01Fa.wav"), address=gone.address("a.zip"))
    assert fetch().endswith("complete")
    (data / "EmoDB").rename(data / "Elsewhere")
    offer("emodb", archives=(nowhere,))
    with pytest.raises(DownloadError, match=r"a\.zip cannot be fetched .*: run again"):
        fetch()


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (
            zipped(WAVES),
            {"checksum": f"sha256:{'0' * 64}"},
            r"damaged, or another file than its source \(or downloads.json\) says",
        ),
        (b"<!doctype html><title>Moved</title>", {}, r"no archive \(File is not a zip file\).*data/README\.md"),
        (b"", {}, "no archive"),
        (None, {}, "404 Client Error: Not Found"),
        (
            zipped({**WAVES, "../Other/wav/a.wav": b"evil"}),
            {},
            r"outside of its folder, '\.\./Other/wav/a\.wav': refused",
        ),
        (zipped(WAVES)[:-100], {}, r"EmoDB\.zip: it is damaged, cut short"),
        (zipped(WAVES), {"limit": 30_000}, "more than a sound one could"),
        (zipped({"flac/03a01Fa.flac": b"sound"}), {}, r"it holds no wav/03a01Fa\.wav"),
    ],
)
def test_a_fault_is_one_clear_error_and_the_data_folder_is_as_it_was(
    fetch, data, server, offer, content, options, said
):
    before, good = contents(data), dict(server.files)
    server.files = {} if content is None else {"EmoDB.zip": content}
    offer("emodb", archives=(offer.archive("EmoDB.zip", "wav/03a01Fa.wav", **options),))
    for _ in range(2):
        with pytest.raises(DownloadError, match=said):
            fetch()
        assert contents(data) == before
    server.files = good
    offer("emodb", archives=(offer.archive("EmoDB.zip", "wav/03a01Fa.wav"),))
    fetch()
    assert contents(data / "EmoDB") == WAVES


# --- the folder


def test_a_folder_that_holds_something_else_is_left_alone(fetch, data, server):
    (data / "EmoDB").mkdir()
    fetch()  # an empty folder is nothing
    (data / "EmoDB" / "wav" / "03a01Fa.wav").unlink()
    before, asked = contents(data), list(server.asked)
    with pytest.raises(DownloadError, match=r"it holds something, but no wav/03a01Fa\.wav: it is left alone"):
        fetch()
    (data / "EmoDB" / "synthetic.json").write_text("{}")
    with pytest.raises(DownloadError, match="a synthetic twin, which is left alone"):
        fetch()
    assert contents(data).items() >= before.items() and server.asked == asked


def test_of_two_archives_only_the_one_that_lacks_is_fetched(fetch, data, server, offer):
    female, male = {"female/F01A01.wav": b"RIFFf"}, {"M01N05.wav": b"RIFFm"}  # with and without the enclosing folder
    server.files.update({"female.zip": zipped(female), "male.zip": zipped(male)})
    places = (("female", "female/F01A01.wav"), ("male", "male/M01N05.wav"))
    offer("shemo", archives=tuple(offer.archive(f"{sex}.zip", holds, strip=sex, into=sex) for sex, holds in places))
    (data / "ShEMO" / "female").mkdir(parents=True)
    (data / "ShEMO" / "female" / "F01A01.wav").write_bytes(b"mine")
    fetch("shemo")
    assert contents(data / "ShEMO") == {"female/F01A01.wav": b"mine", "male/M01N05.wav": b"RIFFm"}
    assert [path for path, _, _ in server.asked] == ["male.zip"]


def test_two_runs_do_not_fetch_the_same_corpus(fetch, data):
    (data / ".downloads").mkdir()
    with filelock.FileLock(data / ".downloads" / "EmoDB.lock"), pytest.raises(DownloadError, match="another run"):
        fetch()
    fetch()


# --- the disk


def test_what_cannot_fit_is_refused_before_it_is_fetched(fetch, data, server, offer):
    offer("emodb", archives=(offer.archive("EmoDB.zip", "wav/03a01Fa.wav", size=10**15),))
    before = contents(data)
    with pytest.raises(DownloadError, match=r"about 2,000,000\.0 GB are needed"):
        fetch()
    assert contents(data) == before and not server.asked


def test_a_disk_that_refuses_is_one_clear_error(fetch, data, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = contents(data)
    with monkeypatch.context() as patch:
        patch.setattr(download, "unpack", refuse)
        with pytest.raises(DownloadError, match=r"EmoDB: cannot be written \(No space left .* give DATA=.* run again"):
            fetch()
    assert contents(data, hidden=False) == before and not list(data.rglob("unpacked"))
    fetch()


_KILLED = """
import sys, time
from dataclasses import replace
from emocast import corpora
from emocast.corpora import download, emodb, table
root, address, marker = sys.argv[1:]
held = table.Archive(address=address, file="EmoDB.zip", holds=("wav/03a01Fa.wav",))
emodb.CORPUS = replace(emodb.CORPUS, archives=(held,))
members = download._members
def slowly(*arguments, **options):
    for number, member in enumerate(members(*arguments, **options)):
        if number == 2:
            open(marker, "w").close()
            time.sleep(60)
        yield member
download._members = slowly
download.fetch("emodb", root, progress=False)
"""


def test_a_kill_while_it_is_unpacked_leaves_nothing_half_done(fetch, data, server, tmp_path):
    before, marker = contents(data), tmp_path / "unpacking"
    arguments = [str(data / "EmoDB"), server.address("EmoDB.zip"), str(marker)]
    run = subprocess.Popen([sys.executable, "-c", _KILLED, *arguments], env={**os.environ, "NO_PROXY": "127.0.0.1"})
    try:
        deadline = time.monotonic() + 120
        while not marker.exists():
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert list(data.glob(".downloads/EmoDB/unpacked/wav/*.wav"))  # it was in the middle
    assert contents(data, hidden=False) == before
    asked = list(server.asked)
    fetch()
    assert contents(data / "EmoDB") == WAVES and not (data / ".downloads").exists()
    assert server.asked == asked  # the archive had come


# --- archives that were made to harm or were damaged on the way


@pytest.fixture
def unpack(tmp_path):
    """A function that unpacks bytes into a folder in another, so that what is written beside it shows; gives what is there."""

    def unpacking(packed, **options):
        path = tmp_path / ("packed.zip" if packed.startswith(b"PK") else "packed.tar.gz")
        path.write_bytes(packed)
        place = tmp_path / "around" / "inside"
        download.unpack(path, place, Archive("", path.name, (), **options))
        return contents(place)

    return unpacking


def test_what_is_wanted_is_unpacked_with_the_archives_inside(unpack):
    inner = tarred({"splits/a.mp4": b"a", "train.csv": b"t"})
    members = {"Raw/first.csv": b"f", "Raw/train.tar.gz": inner, "./Raw/last.csv": b"", "Raw/video/c.flv": b"c"}
    clutter = {"__MACOSX/a.csv": b"x", "Raw/._first.csv": b"x", "Raw/._a.tar.gz": b"x", "Raw/.DS_Store": b"x"}
    wanted = {"first.csv": b"f", "splits/a.mp4": b"a", "train.csv": b"t", "last.csv": b""}
    keep = ("first", "last", "splits/", "train")
    assert unpack(tarred({**members, **clutter}), strip="Raw", nested=True, keep=keep) == wanted
    assert unpack(zipped(members), strip="Raw")["train.tar.gz"] == inner  # not unless it is asked for


@pytest.mark.parametrize("pack", [zipped, lambda members: tarred({"a/train.tar.gz": tarred(members)})])
@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/tmp/evil", "..\\evil", "C:evil", "a/.."])
def test_names_that_lead_outside_are_refused(unpack, tmp_path, pack, name):
    with pytest.raises(DownloadError, match="outside of its folder"):
        unpack(pack({"good.wav": b"good", name: b"evil"}), nested=True)
    assert {path.name for path in (tmp_path / "around").rglob("*") if path.is_file()} == {"good.wav"}


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (tarred({"odd": b""}, kind=tarfile.SYMTYPE), "it holds a link or device, 'odd'"),
        (tarred({"odd": b""}, kind=tarfile.FIFOTYPE), "it holds a link or device, 'odd'"),
        (zipped({"a.wav": bytes(4_000_000)}), "more than a sound one could"),
        (tarred({"inner.tar.gz": tarred({"a.wav": bytes(4_000_000)})}), "more than a sound one could"),
        (tarred({"a": b"file", "a/b": b"below it"}), "damaged"),  # both a file and a folder
    ],
    ids=["link", "device", "swells", "swells inside", "file and folder"],
)
def test_links_devices_and_what_swells_are_refused(unpack, tmp_path, packed, said):
    with pytest.raises(DownloadError, match=said):
        unpack(packed, limit=3_000_000, nested=True)
    assert sum(path.stat().st_size for path in (tmp_path / "around").rglob("*") if path.is_file()) <= 3_000_000


@pytest.mark.parametrize("part", [0.02, 0.5, 0.999])
def test_archives_cut_short_or_changed_are_noticed(unpack, part):
    members = {f"{number}.wav": NOISE.bytes(300) for number in range(40)}
    inner = tarred(members)  # as MELD's train.tar.gz was: whole outside, cut short inside
    nested = tarred({"train.tar.gz": inner[: int(part * len(inner))]})
    for packed in (zipped(members), tarred(members)):
        middle = len(packed) // 3
        changed = packed[:middle] + bytes([packed[middle] ^ 0x55]) + packed[middle + 1 :]
        for broken in (packed[: int(part * len(packed))], changed, nested):
            with pytest.raises(DownloadError, match="damaged, cut short"):
                unpack(broken, nested=True)


# --- clips kept in git-LFS

CLIPS = {f"100{number}_DFA_ANG_XX.wav": b"RIFF" + NOISE.bytes(40_000 + number) for number in range(8)}
LABELS = {
    "SentenceFilenames.csv": b"Filename",
    "VideoDemographics.csv": b"ActorID",
    "processedResults/summaryTable.csv": b"F",
}


def pointer(content):
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n".encode()


@pytest.fixture
def cremad(server, offer):
    """The repository's archive of labels and pointers, and the clips beside it."""
    members = {**LABELS, **{f"AudioWAV/{name}": pointer(content) for name, content in CLIPS.items()}}
    server.files["CREMA-D-master.zip"] = zipped({f"CREMA-D-master/{name}": text for name, text in members.items()})
    server.files.update({f"clips/{name}": content for name, content in CLIPS.items()})
    published = corpora.get("cremad").archives[0]
    archives = (replace(published, address=server.address(published.file)),)
    clips = Clips(address=server.address("clips/"), folder="AudioWAV", count=len(CLIPS), size=1)
    offer("cremad", archives=archives, clips=clips)
    return {**LABELS, **{f"AudioWAV/{name}": content for name, content in CLIPS.items()}}


def clips_asked(server):
    return sorted(path.removeprefix("clips/") for path, _, _ in server.asked if path.startswith("clips/"))


def test_clips_are_fetched_by_their_pointers(fetch, data, server, cremad):
    assert fetch("cremad").endswith("complete")
    assert contents(data / "CREMA-D") == cremad and not (data / ".downloads").exists()
    server.asked.clear()
    assert "there already, left alone" in fetch("cremad")
    assert not server.asked


def test_clips_that_fail_are_listed_and_the_others_are_in_place(fetch, data, server, cremad):
    lost, other, cut, *_ = CLIPS
    del server.files[f"clips/{lost}"]
    server.files[f"clips/{other}"], server.cut[f"clips/{cut}"] = b"RIFF" + bytes(3_000), 30_000
    with pytest.raises(DownloadError, match="3 clips could not be had: run again to get them") as raised:
        fetch("cremad")
    assert f"{lost} cannot be fetched" in str(raised.value) and "damaged, or another file" in str(raised.value)
    failed = {f"AudioWAV/{name}" for name in (lost, other, cut)}
    assert contents(data / "CREMA-D") == {name: content for name, content in cremad.items() if name not in failed}
    server.files.update({f"clips/{name}": content for name, content in CLIPS.items()})
    server.cut.clear()
    server.asked.clear()
    fetch("cremad")
    assert clips_asked(server) == [lost, other, cut]
    assert contents(data / "CREMA-D") == cremad


def test_only_what_a_partial_copy_lacks_is_added(fetch, data, server, cremad):
    absent, linked, empty, cut, *_ = CLIPS
    folder = data / "CREMA-D" / "AudioWAV"
    folder.mkdir(parents=True)
    changes = {absent: None, linked: pointer(CLIPS[linked]), empty: b"", cut: CLIPS[cut][:1500]}
    for name, content in {**CLIPS, **changes}.items():
        if content is not None:
            (folder / name).write_bytes(content)
    (data / "CREMA-D" / "VideoDemographics.csv").write_bytes(b"mine")
    with pytest.raises(
        DownloadError, match=rf"1 clips could not be had.*\n.*{cut}: not the repository's file; delete it"
    ):
        fetch("cremad")
    assert clips_asked(server) == sorted([absent, linked, empty])
    left_alone = {f"AudioWAV/{cut}": CLIPS[cut][:1500], "VideoDemographics.csv": b"mine"}
    assert contents(data / "CREMA-D") == {**cremad, **left_alone}


# --- what may be fetched without a form: each release's own packing, unpacked to what its loader reads


def tone(seed):
    stream = io.BytesIO()
    soundfile.write(stream, np.random.default_rng(seed).normal(0, 0.1, 12_000), 16_000, format="WAV", subtype="PCM_16")
    return stream.getvalue()


PACKED = {  # corpus -> the folder that encloses all in its archive, and files in it
    "ravdess": ("", ["Actor_01/03-01-01-01-01-01-01.wav", "Actor_24/03-01-08-02-02-02-24.wav"]),
    "nemo": ("nEMO-main/", ["samples/EB0_anger_1.wav"]),
    "urdu": (
        "URDU-Dataset-master/",
        ["Angry/SM1_F10_A010.wav", "Happy/SF1_F10_H010.wav", "Neutral/SM1_F1_N01.wav", "Sad/SM2_F1_S01.wav"],
    ),
    "emovo": ("emovo/", ["f1/dis-f1-b1.wav", "m3/tri-m3-n5.wav"]),
}  # fmt: skip


@pytest.mark.parametrize("name", PACKED)
def test_an_open_corpus_is_fetched_as_it_is_packed_and_its_loader_reads_it(name, offer, server, data):
    above, files = PACKED[name]
    members = {f"{above}{file}": tone(number) for number, file in enumerate(files)}
    line = "EB0_anger_1.wav\tanger\tTen.\tten\tEB0\tfemale\t27\n"
    head = "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
    members |= {f"{above}data.tsv": (head + line).encode()} if name == "nemo" else {f"{above}README.md": b"read me"}
    (real,) = corpora.get(name).archives
    server.files[real.file] = content = zipped(members)
    checksum = real.checksum and f"md5:{hashlib.md5(content).hexdigest()}"  # as Zenodo publishes it
    own = replace(real, address=server.address(real.file), checksum=checksum, size=len(content))
    offer(name, archives=(own,))
    root = data / corpora.get(name).folder
    assert download.fetch(name, root, progress=False).endswith("complete")
    assert len(corpora.get(name).load(root)) == len(files)
    assert "there already, left alone" in download.fetch(name, root, progress=False)
    if checksum:
        shutil.rmtree(root)
        offer(name, archives=(replace(own, checksum=real.checksum),))
        with pytest.raises(DownloadError, match="damaged, or another file than its source"):
            download.fetch(name, root, progress=False)
