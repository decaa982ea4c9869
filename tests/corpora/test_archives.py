"""Archives that were made to harm or were damaged on the way: one error, and nothing outside of the folder."""

import io
import stat
import tarfile
import zipfile

import pytest

from emocast.corpora import archives
from emocast.corpora.archives import ArchiveError, Budget

SOUND = bytes(range(256)) * 40


def zipped(path, members, *, mode=None):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = (mode or (stat.S_IFREG | 0o644)) << 16
            packed.writestr(member, content, zipfile.ZIP_DEFLATED)
    return path


def tarred(members, *, kind=tarfile.REGTYPE, link="", mode="w:gz", **options):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode, **options) as packed:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, link, len(content)
            packed.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def written(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def place(tmp_path):
    """A folder in another, so that what is written beside it shows."""
    return tmp_path / "around" / "inside"


@pytest.fixture
def unpack(tmp_path, place):
    def unpacking(archive, *, budget=None, **options):
        if isinstance(archive, bytes):
            path = tmp_path / "packed.tar.gz"
            path.write_bytes(archive)
            archive = path
        archives.unpack(archive, place, budget=budget or Budget(10**7), **options)
        return written(place)

    return unpacking


def test_zip_and_tar_give_back_what_went_in(unpack, tmp_path):
    members = {"wav/a.wav": SOUND, "notes.txt": b"words", "empty.txt": b""}
    assert unpack(zipped(tmp_path / "a.zip", members)) == members
    assert unpack(tarred(members)) == members


def test_the_enclosing_folder_is_left_off_and_only_what_is_wanted_is_kept(unpack):
    members = {"Corpus/wav/a.wav": SOUND, "./Corpus/b.csv": b"b", "Corpus/video/c.flv": b"c", "wav/d.wav": b"d"}
    kept = unpack(tarred(members), strip="Corpus", keep=("wav/", "b.csv"))
    assert kept == {"wav/a.wav": SOUND, "b.csv": b"b", "wav/d.wav": b"d"}


def test_what_macos_adds_is_left_out(unpack, tmp_path):
    members = {"__MACOSX/a.wav": b"x", "wav/._a.wav": b"x", ".DS_Store": b"x", "wav/a.wav": SOUND}
    assert unpack(zipped(tmp_path / "a.zip", members)) == {"wav/a.wav": SOUND}


def test_inner_archives_are_unpacked_where_they_lie(unpack):
    inner = tarred({"splits/a.mp4": SOUND, "train.csv": b"t"})
    members = {"Raw/first.csv": b"f", "Raw/train.tar.gz": inner, "Raw/last.csv": b"l"}
    assert unpack(tarred(members), strip="Raw", nested=True) == {
        "first.csv": b"f",
        "splits/a.mp4": SOUND,
        "train.csv": b"t",
        "last.csv": b"l",
    }
    assert unpack(tarred({"train.tar.gz": inner}))["train.tar.gz"] == inner  # not unless it is asked for


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/tmp/evil", "..\\evil", "C:evil", "a/.."])
def test_names_that_lead_outside_are_refused(unpack, tmp_path, place, name):
    members = {"good.wav": SOUND, name: b"evil"}
    for archive in (zipped(tmp_path / "a.zip", members), tarred(members)):
        with pytest.raises(ArchiveError, match="outside of its folder"):
            unpack(archive)
    assert [path.name for path in place.parent.rglob("*") if path.is_file()] == ["good.wav"]


def test_an_inner_archive_leads_no_further_out_than_any(unpack, place):
    for name in ("../../evil", "/tmp/evil"):
        with pytest.raises(ArchiveError, match="outside of its folder"):
            unpack(tarred({"a/train.tar.gz": tarred({name: b"evil"})}), nested=True)
    assert not written(place.parent)


@pytest.mark.parametrize(
    ("kind", "said"),
    [(tarfile.SYMTYPE, "link"), (tarfile.LNKTYPE, "link"), (tarfile.CHRTYPE, "device"), (tarfile.FIFOTYPE, "device")],
)
def test_links_and_devices_in_a_tar_are_refused(unpack, place, kind, said):
    with pytest.raises(ArchiveError, match=f"it holds a {said}, 'odd'"):
        unpack(tarred({"odd": b""}, kind=kind, link="/etc/passwd"))
    assert not list(place.iterdir())


def test_links_in_a_zip_are_refused(unpack, tmp_path, place):
    with pytest.raises(ArchiveError, match="it holds a link, 'odd'"):
        unpack(zipped(tmp_path / "a.zip", {"odd": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777))
    assert not list(place.iterdir())


@pytest.mark.parametrize("pack", ["zip", "tar", "nested"])
def test_what_swells_is_stopped_by_the_bytes_that_are_written(unpack, tmp_path, place, pack):
    members = {"a.wav": bytes(8_000_000)}
    archive = zipped(tmp_path / "a.zip", members) if pack == "zip" else tarred(members)
    archive = tarred({"inner.tar.gz": archive}) if pack == "nested" else archive
    with pytest.raises(ArchiveError, match="more bytes than a sound one could"):
        unpack(archive, budget=Budget(3_000_000), nested=True)
    assert sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) <= 3_000_000


def test_too_many_files_are_stopped(unpack, place):
    with pytest.raises(ArchiveError, match="more files than a sound one could"):
        unpack(tarred({f"{number}.wav": b"" for number in range(9)}), budget=Budget(10, files=8))
    assert len(written(place)) == 8


@pytest.mark.parametrize("part", [0.02, 0.5, 0.9, 0.999])
def test_archives_cut_short_are_noticed(unpack, tmp_path, part):
    members = {f"{number}.wav": SOUND[number:] for number in range(40)}
    path = zipped(tmp_path / "a.zip", members)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(ArchiveError, match=r"a\.zip: it is damaged or cut short"):
        unpack(path)
    packed = tarred(members)
    with pytest.raises(ArchiveError, match="damaged or cut short"):
        unpack(packed[: int(part * len(packed))])
    inner = tarred(members)  # as MELD's train.tar.gz was: whole outside, cut short inside
    with pytest.raises(ArchiveError, match="damaged or cut short"):
        unpack(tarred({"train.tar.gz": inner[: int(part * len(inner))]}), nested=True)


def test_a_plain_tar_cut_between_two_files_is_noticed(unpack, tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(tarred({"a.wav": SOUND, "b.wav": SOUND}, mode="w"))
    assert len(unpack(path)) == 2
    path.write_bytes(path.read_bytes()[: 512 + len(SOUND)])  # 20 blocks of a.wav, and no end
    with pytest.raises(ArchiveError, match="cut short"):
        unpack(path)


def test_a_changed_byte_is_noticed(unpack, tmp_path):
    path = zipped(tmp_path / "a.zip", {"a.wav": SOUND})
    for content, save in ((path.read_bytes(), path), (tarred({"a.wav": SOUND}), tmp_path / "b.tar.gz")):
        middle = len(content) // 3
        save.write_bytes(content[:middle] + bytes([content[middle] ^ 0x55]) + content[middle + 1 :])
        with pytest.raises(ArchiveError, match="damaged"):
            unpack(save)


def test_names_in_an_old_encoding_can_be_written_and_shown(unpack):
    packed = tarred({"wav/böse.wav": SOUND}, encoding="latin-1", format=tarfile.GNU_FORMAT)
    (name,) = unpack(packed)
    assert name == "wav/böse.wav"
    with pytest.raises(ArchiveError, match=r"'\.\./böse'"):
        unpack(tarred({"../böse": b""}, encoding="latin-1", format=tarfile.GNU_FORMAT))


def test_a_name_that_is_a_file_and_a_folder_is_one_clear_error(unpack):
    with pytest.raises(ArchiveError, match="both a file and a folder"):
        unpack(tarred({"a": b"file", "a/b": b"below it"}))
