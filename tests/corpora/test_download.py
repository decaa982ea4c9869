"""Downloads of whole corpora from a server on this machine: whatever goes wrong, the data folder stays as it was."""

import hashlib
import io
import json
import os
import signal
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

import loopback
from emocast.corpora import download, emodb, sources
from emocast.corpora.download import DownloadError
from emocast.corpora.sources import Archive, Clips

NOISE = np.random.default_rng(0)
WAVES = {f"wav/{name}.wav": b"RIFF" + NOISE.bytes(20_000) for name in ("03a01Fa", "08b02Wc", "16b10Wb")}


def zipped(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return stream.getvalue()


def tarred(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with loopback.Files({"EmoDB.zip": zipped(WAVES)}) as serving:
        yield serving


@pytest.fixture
def data(tmp_path):
    """A data folder with another corpus in it."""
    folder = tmp_path / "data"
    (folder / "Other" / "wav").mkdir(parents=True)
    (folder / "Other" / "wav" / "a.wav").write_bytes(b"sound")
    (folder / "README.md").write_text("words")
    return folder


@pytest.fixture
def offer(server, monkeypatch):
    """A function that makes this server the source of a corpus."""

    def offering(name, **changes):
        own = replace(sources.get(name), **changes)
        monkeypatch.setitem(sources.SOURCES, name, own)

    def archive(path, holds, **options):
        return Archive(address=server.address(path), file=path, holds=holds, **options)

    offering.archive = archive
    offering("emodb", archives=(archive("EmoDB.zip", ("wav/03a01Fa.wav",)),))
    return offering


@pytest.fixture
def fetch(offer, data):
    def fetching(name="emodb", **options):
        return download.fetch(name, data / sources.get(name).folder, progress=False, **options)

    return fetching


def listing(folder):
    """Every file by its content, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def visible(folder):
    return {name: digest for name, digest in listing(folder).items() if not name.startswith(".downloads/")}


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_corpus_is_put_in_place_and_nothing_else_is_left(fetch, data, server):
    before = listing(data)
    assert fetch().endswith("EmoDB: complete")
    assert contents(data / "EmoDB") == WAVES
    assert {name for name in listing(data) if not name.startswith("EmoDB/")} == {*before, "downloads.json"}
    assert before.items() <= listing(data).items()


def test_a_copy_that_is_there_is_left_alone(fetch, data, server):
    fetch()
    (data / "EmoDB" / "wav" / "08b02Wc.wav").write_bytes(b"mine")
    before, asked = listing(data), list(server.asked)
    assert "there already, left alone" in fetch()
    assert listing(data) == before and server.asked == asked


def test_an_interrupted_download_goes_on_and_the_corpus_is_the_same(fetch, data, server):
    before, size = listing(data), len(server.files["EmoDB.zip"])
    server.cut["EmoDB.zip"] = size // 2
    with pytest.raises(DownloadError, match=r"EmoDB\.zip: the connection broke; what came is kept, run again to go on"):
        fetch()
    assert visible(data) == before
    server.cut.clear()
    fetch()
    (_, begun, _), (_, start, sent) = server.asked
    assert begun == 0 and size // 4 < start <= size // 2 and start + sent == size  # only the rest
    assert contents(data / "EmoDB") == WAVES


def checksum_is_another(server, offer):
    wrong = offer.archive("EmoDB.zip", ("wav/03a01Fa.wav",), checksum=f"sha256:{'0' * 64}")
    offer("emodb", archives=(wrong,))


def page_in_place_of_a_zip(server, offer):
    server.files["EmoDB.zip"] = b"<!doctype html><title>Moved</title>"


def name_that_leads_outside(server, offer):
    server.files["EmoDB.zip"] = zipped({**WAVES, "../Other/wav/a.wav": b"evil"})


def absolute_name(server, offer):
    server.files["EmoDB.zip"] = zipped({**WAVES, "/tmp/evil": b"evil"})


def damaged_zip(server, offer):
    server.files["EmoDB.zip"] = zipped(WAVES)[:-100]


def too_large(server, offer):
    offer("emodb", archives=(offer.archive("EmoDB.zip", ("wav/03a01Fa.wav",), limit=30_000),))


def another_corpus(server, offer):
    server.files["EmoDB.zip"] = zipped({"flac/03a01Fa.flac": b"sound"})


def nothing_there(server, offer):
    server.files.clear()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (checksum_is_another, "the file is damaged or another one: its digest is"),
        (page_in_place_of_a_zip, r"a web page \('Moved'\) came in place of a .zip file"),
        (name_that_leads_outside, r"would be written outside of its folder, '\.\./Other/wav/a\.wav': refused"),
        (absolute_name, "would be written outside of its folder, '/tmp/evil': refused"),
        (damaged_zip, r"EmoDB\.zip: it is damaged or cut short"),
        (too_large, "more bytes than a sound one could"),
        (another_corpus, r"it holds no wav/03a01Fa\.wav"),
        (nothing_there, "the server answers 404"),
    ],
)
def test_a_fault_is_one_clear_error_and_the_data_folder_is_as_it_was(fetch, data, server, offer, fault, said):
    before, good = listing(data), dict(server.files)
    fault(server, offer)
    for _ in range(2):
        with pytest.raises(DownloadError, match=said):
            fetch()
        assert listing(data) == before
    server.files.update(good)
    offer("emodb", archives=(offer.archive("EmoDB.zip", ("wav/03a01Fa.wav",)),))
    fetch()
    assert contents(data / "EmoDB") == WAVES


def test_links_in_a_tar_are_refused(fetch, data, server, offer):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        link = tarfile.TarInfo("wav")
        link.type, link.linkname = tarfile.SYMTYPE, str(data / "Other")
        packed.addfile(link)
        inside = tarfile.TarInfo("wav/a.wav")
        packed.addfile(inside)
    server.files["EmoDB.tar.gz"] = stream.getvalue()
    offer("emodb", archives=(offer.archive("EmoDB.tar.gz", ("wav/03a01Fa.wav",)),))
    before = listing(data)
    with pytest.raises(DownloadError, match="it holds a link, 'wav': refused"):
        fetch()
    assert listing(data) == before


def test_the_digest_of_the_first_download_is_held_against_later_ones(fetch, data, server):
    fetch()
    noted = json.loads((data / "downloads.json").read_text())[server.address("EmoDB.zip")]
    assert noted["sha256"] == f"sha256:{hashlib.sha256(server.files['EmoDB.zip']).hexdigest()}"
    (data / "EmoDB").rename(data / "Elsewhere")
    fetch()  # the same once more
    (data / "EmoDB").rename(data / "Elsewhere2")
    server.files["EmoDB.zip"] = zipped({**WAVES, "wav/09a01Ta.wav": b"new"})
    before = listing(data)
    with pytest.raises(DownloadError, match=rf"that it had on {noted['date']} \(downloads\.json beside the corpora\)"):
        fetch()
    assert listing(data) == before
    (data / "downloads.json").unlink()
    fetch()
    assert len(contents(data / "EmoDB")) == 4


def test_a_folder_that_holds_something_else_is_left_alone(fetch, data, server):
    (data / "EmoDB").mkdir()
    fetch()  # an empty folder is nothing
    (data / "EmoDB" / "wav" / "03a01Fa.wav").unlink()
    before = listing(data)
    server.asked.clear()
    with pytest.raises(DownloadError, match=r"it holds something, but no wav/03a01Fa\.wav: it is left alone"):
        fetch()
    assert listing(data) == before and not server.asked


def test_a_link_to_another_disk_is_followed(fetch, data, tmp_path):
    (tmp_path / "disk").mkdir()
    (data / "EmoDB").symlink_to(tmp_path / "disk" / "EmoDB")
    fetch()
    assert contents(tmp_path / "disk" / "EmoDB") == WAVES and (data / "EmoDB").is_symlink()
    assert not (data / ".downloads").exists()


def test_a_synthetic_twin_is_left_alone(fetch, data):
    (data / "EmoDB").mkdir()
    (data / "EmoDB" / "synthetic.json").write_text("{}")
    with pytest.raises(DownloadError, match="a synthetic twin, which is left alone"):
        fetch()


def test_a_licensed_corpus_says_whom_to_ask(data):
    with pytest.raises(DownloadError, match=r"https://sail\.usc\.edu/iemocap/.*IEMOCAP_full_release/Session1"):
        download.fetch("iemocap", data / "IEMOCAP_full_release")
    assert not (data / ".downloads").exists()


def test_of_two_archives_only_the_one_that_lacks_is_fetched(fetch, data, server, offer):
    female, male = {"female/F01A01.wav": b"RIFFf"}, {"M01N05.wav": b"RIFFm"}  # with and without the enclosing folder
    server.files.update({"female.zip": zipped(female), "male.zip": zipped(male)})
    both = [
        offer.archive(f"{sex}.zip", (holds,), strip=sex, into=sex)
        for sex, holds in (("female", "female/F01A01.wav"), ("male", "male/M01N05.wav"))
    ]
    offer("shemo", archives=tuple(both))
    (data / "ShEMO" / "female").mkdir(parents=True)
    (data / "ShEMO" / "female" / "F01A01.wav").write_bytes(b"mine")
    fetch("shemo")
    assert contents(data / "ShEMO") == {"female/F01A01.wav": b"mine", "male/M01N05.wav": b"RIFFm"}
    assert [path for path, _, _ in server.asked] == ["male.zip"]


def test_meld_is_unpacked_with_the_archives_inside(fetch, data, server, offer):
    splits = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
    packed = {f"MELD.Raw/{split}.tar.gz": tarred({f"{folder}/dia0_utt0.mp4": b"f"}) for split, folder in splits.items()}
    labels = {f"MELD.Raw/{split}_sent_emo.csv": b"Sr No." for split in splits}
    server.files["MELD.Raw.tar.gz"] = tarred({**packed, **labels})
    published = sources.get("meld").archives[0]
    offer("meld", archives=(replace(published, address=server.address(published.file), checksum=None, size=None),))
    fetch("meld")
    assert set(contents(data / "MELD.Raw")) == {
        *(f"{split}_sent_emo.csv" for split in splits),
        *(f"{folder}/dia0_utt0.mp4" for folder in splits.values()),
    }


def test_two_runs_do_not_fetch_the_same_corpus(fetch, data):
    (data / ".downloads").mkdir()
    with filelock.FileLock(data / ".downloads" / "EmoDB.lock"), pytest.raises(DownloadError, match="another run"):
        fetch()
    fetch()


# --- the disk


def test_what_cannot_fit_is_refused_before_it_is_fetched(fetch, data, server, offer):
    large = offer.archive("EmoDB.zip", ("wav/03a01Fa.wav",), size=10**15)
    offer("emodb", archives=(large,))
    before = listing(data)
    with pytest.raises(DownloadError, match=r"about 2,000,000\.0 GB are needed"):
        fetch()
    assert listing(data) == before and not server.asked


@pytest.fixture
def disk(tmp_path):
    """A function that mounts a small disk in memory, of a number of kilobytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = []

    def mount(kilobytes):
        options = f"{'remount,' if mounted else ''}size={kilobytes}k"
        try:
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"a disk in memory cannot be mounted here: {getattr(error, 'stderr', error)}")
        mounted.append(options)
        return place

    yield mount
    if mounted:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.parametrize(("kilobytes", "where"), [(200, "while it comes"), (460, "while it is unpacked")])
def test_a_full_disk_is_one_clear_error_and_room_lets_it_go_on(disk, offer, server, kilobytes, where):
    members = {**WAVES, "wav/09a01Ta.wav": b"RIFF" + NOISE.bytes(240_000)}
    server.files["EmoDB.zip"] = zipped(members)  # 300 kB, and as much unpacked
    place = disk(kilobytes)
    (place / "README.md").write_text("words")
    before = listing(place)
    for _ in range(2):
        with pytest.raises(DownloadError, match=r"EmoDB: no room left on the disk \(.* make room or give DATA="):
            download.fetch("emodb", place / "EmoDB", progress=False)
        assert visible(place) == before
    came = sum(sent for _, _, sent in server.asked)
    assert all("unpacked" not in path.parts for path in place.rglob("*"))
    disk(2000)
    download.fetch("emodb", place / "EmoDB", progress=False)
    assert contents(place / "EmoDB") == members
    if where == "while it is unpacked":
        assert sum(sent for _, _, sent in server.asked) == came  # what had come was not fetched again


def test_a_folder_that_cannot_be_written_is_named(fetch, data, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    before = listing(data)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse)
        with pytest.raises(DownloadError, match=r"EmoDB: cannot be written \(Permission denied\)"):
            fetch()
    assert listing(data) == before
    fetch()


# --- kill -9

_KILLED = """
import sys, time
from emocast.corpora import archives, download, sources
name, root, address, marker = sys.argv[1:]
held = sources.Archive(address=address, file="EmoDB.zip", holds=("wav/03a01Fa.wav",))
sources.SOURCES[name] = sources.Source(folder="EmoDB", section="emodb", archives=(held,))
copy = archives._Writer.copy
def slowly(self, stream, target):
    copy(self, stream, target)
    open(marker, "w").close()
    time.sleep(60)
archives._Writer.copy = slowly
download.fetch(name, root, progress=False)
"""


def test_a_kill_while_it_is_unpacked_leaves_nothing_half_done(fetch, data, server, tmp_path):
    before, marker = listing(data), tmp_path / "unpacking"
    arguments = ["emodb", str(data / "EmoDB"), server.address("EmoDB.zip"), str(marker)]
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
    assert visible(data) == before
    asked = list(server.asked)
    fetch()
    assert contents(data / "EmoDB") == WAVES and not (data / ".downloads").exists()
    assert server.asked == asked  # the archive had come


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
    packed = {f"AudioWAV/{name}": pointer(content) for name, content in CLIPS.items()}
    members = {**packed, **LABELS, "VideoFlash/1001_DFA_ANG_XX.flv": b"pointer"}
    server.files["CREMA-D-master.zip"] = zipped({f"CREMA-D-master/{name}": text for name, text in members.items()})
    server.files.update({f"clips/{name}": content for name, content in CLIPS.items()})
    published = sources.get("cremad").archives[0]
    archives = (replace(published, address=server.address(published.file)),)
    clips = Clips(address=server.address("clips/"), folder="AudioWAV", count=len(CLIPS), size=1)
    offer("cremad", archives=archives, clips=clips)
    return {**LABELS, **{f"AudioWAV/{name}": content for name, content in CLIPS.items()}}


def clips_asked(server):
    return sorted(path.removeprefix("clips/") for path, _, _ in server.asked if path.startswith("clips/"))


def test_clips_are_fetched_by_their_pointers(fetch, data, server, cremad):
    before = listing(data)
    assert "8 clips fetched" in fetch("cremad")
    assert contents(data / "CREMA-D") == cremad
    assert visible(data).items() >= before.items() and not (data / ".downloads").exists()
    server.asked.clear()
    assert "there already, left alone" in fetch("cremad")
    assert not server.asked


def test_clips_that_fail_are_listed_and_the_others_kept(fetch, data, server, cremad):
    before, lost = listing(data), [f"clips/{name}" for name in list(CLIPS)[:2]]
    held = {name: server.files.pop(name) for name in lost}
    with pytest.raises(DownloadError, match="2 of 8 clips could not be had; the others are kept") as raised:
        fetch("cremad")
    assert all(name.removeprefix("clips/") in str(raised.value) for name in lost)
    assert visible(data) == before
    server.files.update(held)
    server.asked.clear()
    fetch("cremad")
    assert clips_asked(server) == [name.removeprefix("clips/") for name in lost]
    assert contents(data / "CREMA-D") == cremad


def test_a_clip_with_another_content_is_refused(fetch, data, server, cremad):
    before, name = listing(data), next(iter(CLIPS))
    server.files[f"clips/{name}"] = b"RIFF" + bytes(3_000)
    with pytest.raises(DownloadError, match=f"1 of 8 clips .*\n.*{name}: .*not the .* that its repository publishes"):
        fetch("cremad")
    assert visible(data) == before


def test_what_could_be_had_is_used_if_one_says_so(fetch, data, server, cremad):
    name = next(iter(CLIPS))
    whole, server.cut[f"clips/{name}"] = cremad.pop(f"AudioWAV/{name}"), 30_000
    assert f"7 clips fetched; 1 could not be had, as {name}" in fetch("cremad", partial=True)
    assert contents(data / "CREMA-D") == cremad
    server.cut.clear()
    assert "1 clips fetched" in fetch("cremad")
    assert contents(data / "CREMA-D") == {**cremad, f"AudioWAV/{name}": whole}


def test_only_what_a_partial_copy_lacks_is_added(fetch, data, server, cremad):
    absent, linked, empty, cut, renamed, *_ = CLIPS
    folder = data / "CREMA-D" / "AudioWAV"
    folder.mkdir(parents=True)
    for name, content in CLIPS.items():
        (folder / name).write_bytes(content)
    (folder / absent).unlink()
    (folder / linked).write_bytes(pointer(CLIPS[linked]))
    (folder / empty).write_bytes(b"")
    (folder / cut).write_bytes(CLIPS[cut][:1500])
    (folder / renamed).rename(folder / "1040_ITH_SAD_X.wav")
    (data / "CREMA-D" / "VideoDemographics.csv").write_bytes(b"mine")
    said = fetch("cremad")
    assert clips_asked(server) == sorted([absent, linked, empty])
    assert f"3 clips fetched; 1 differ and were left alone, as {cut}" in said
    expected = {**cremad, f"AudioWAV/{cut}": CLIPS[cut][:1500], "VideoDemographics.csv": b"mine"}
    expected["AudioWAV/1040_ITH_SAD_X.wav"] = expected.pop(f"AudioWAV/{renamed}")
    assert contents(data / "CREMA-D") == expected


def test_sound_that_the_repository_packs_itself_is_taken(fetch, data, server, cremad):
    members = {**LABELS, **{f"AudioWAV/{name}": content for name, content in CLIPS.items()}}
    server.files["CREMA-D-master.zip"] = zipped({f"CREMA-D-master/{name}": text for name, text in members.items()})
    fetch("cremad")
    assert contents(data / "CREMA-D") == cremad and not clips_asked(server)


def test_a_folder_of_another_kind_is_not_filled_up(fetch, data, server, cremad):
    (data / "CREMA-D").mkdir()
    (data / "CREMA-D" / "notes.txt").write_text("mine")
    with pytest.raises(DownloadError, match=r"it holds something, but no SentenceFilenames\.csv"):
        fetch("cremad")
    assert contents(data / "CREMA-D") == {"notes.txt": b"mine"} and not server.asked


def test_the_modules_of_open_corpora_fetch_themselves(fetch, data):
    assert emodb.download(data / "EmoDB", progress=False).endswith("complete")
    assert contents(data / "EmoDB") == WAVES
