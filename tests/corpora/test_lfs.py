"""git-LFS pointers: told from sound, and held against a folder of clips."""

import hashlib

import pytest

from emocast.corpora import lfs
from emocast.corpora.lfs import Pointer

SOUND = b"RIFF" + bytes(range(256)) * 8


def pointer(content):
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest(content)}\nsize {len(content)}\n".encode()


def digest(content):
    return hashlib.sha256(content).hexdigest()


def test_a_pointer_is_read(tmp_path):
    (tmp_path / "a.wav").write_bytes(pointer(SOUND))
    assert lfs.pointer(tmp_path / "a.wav") == Pointer(digest(SOUND), len(SOUND))


@pytest.mark.parametrize("content", [b"", SOUND, b"RIFF", b"version https://git-lfs.github.com/spec/v1\noid md5:0\n"])
def test_anything_else_is_no_pointer(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    assert lfs.pointer(tmp_path / "a.wav") is None


def test_a_large_file_is_no_pointer_however_it_begins(tmp_path):
    (tmp_path / "a.wav").write_bytes(pointer(SOUND) + bytes(2000))
    assert lfs.pointer(tmp_path / "a.wav") is None


def test_what_counts_as_missing(tmp_path):
    for name, content in {"sound": SOUND, "empty": b"", "pointer": pointer(SOUND)}.items():
        (tmp_path / name).write_bytes(content)
    assert [lfs.is_missing(tmp_path / name) for name in ("sound", "empty", "pointer", "absent")] == [
        False,
        True,
        True,
        True,
    ]


def test_pointers_and_sound_are_listed_alike(tmp_path):
    (tmp_path / "a.wav").write_bytes(pointer(SOUND))
    (tmp_path / "b.wav").write_bytes(SOUND)
    (tmp_path / "notes.txt").write_bytes(b"")
    clip = Pointer(digest(SOUND), len(SOUND))
    assert lfs.listed(tmp_path) == {"a.wav": clip, "b.wav": clip}


def test_a_folder_is_held_against_the_list(tmp_path):
    clips = {f"{name}.wav": Pointer(digest(name.encode()), 1) for name in "abcd"}
    (tmp_path / "a.wav").write_bytes(b"a")
    (tmp_path / "b.wav").write_bytes(b"another")
    (tmp_path / "renamed.wav").write_bytes(b"c")
    missing, other = lfs.compare(clips, tmp_path)
    assert list(missing) == ["d.wav"] and other == ["b.wav"]
    missing, other = lfs.compare(clips, tmp_path / "absent")
    assert list(missing) == list(clips) and other == []


def test_a_full_disk_ends_it(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lfs.transfer, "fetch", refuse)
    with pytest.raises(OSError, match="No space left"):
        lfs.fetch({"a.wav": Pointer("0", 1)}, tmp_path, address="http://127.0.0.1/", progress=False)
