"""A full disk and a folder that cannot be written: a clear error, nothing lost, and the run goes on when there is room."""

import errno
import os
import subprocess
import tempfile

import filelock
import numpy as np
import pytest

import watched
from emocast.encoders import store
from emocast.encoders.store import StoreError

OPTIONS = {"precision": "fp32", "progress": False}


@pytest.fixture
def disk(tmp_path):
    """A disk of its own in memory, 100 kB large; and a function that mounts it anew with other options."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True, capture_output=True)

    try:
        mount("size=100k")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a disk in memory cannot be mounted here: {getattr(error, 'stderr', error)}")
    yield place, lambda options: mount(f"remount,{options}")
    subprocess.run(["umount", "--lazy", place], check=True)  # lazy: a failed test may hold a file open


def there(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*/shards/*.safetensors")}


def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(corpus, encoder, disk, log):
    (root, windows), (place, remount) = corpus, disk
    (place / "something").write_bytes(bytes(60_000))
    with pytest.raises(StoreError, match=r"No space left on device.* is kept; make room or give OUTPUTS=") as raised:
        store.embed(encoder, windows, root, folder=place, **OPTIONS)
    assert str(place) in str(raised.value)
    kept, noted = there(place), len(watched.lines(log))
    assert 0 < len(kept) < 15 and noted < len(windows)
    assert not list(place.rglob(".writing-*"))
    with pytest.raises(StoreError):  # it stays so
        store.embed(encoder, windows, root, folder=place, **OPTIONS)
    again = watched.lines(log)[noted:]
    assert len(again) <= 4  # the piece that found no room
    remount("size=1m")
    found, failed = store.embed(encoder, windows, root, folder=place, **OPTIONS)
    assert failed.empty and np.isfinite(found).all()
    assert kept.items() <= there(place).items()
    names = [name for _, name in watched.lines(log)]
    assert len(names) <= len(windows) + 2 * 4 and len(set(names)) == len(windows)


def test_a_complete_store_may_be_read_only(corpus, encoder, disk, log):
    (root, windows), (place, remount) = corpus, disk
    remount("size=1m")
    first, _ = store.embed(encoder, windows, root, folder=place, **OPTIONS)
    remount("ro")
    log.unlink()
    again, failed = store.embed(encoder, windows, root, folder=place, **OPTIONS)
    np.testing.assert_array_equal(again, first)
    assert failed.empty and watched.lines(log) == []
    remount("rw")
    next(place.rglob("index.parquet")).unlink()
    remount("ro")  # nor is the index needed
    np.testing.assert_array_equal(store.embed(encoder, windows, root, folder=place, **OPTIONS)[0], first)


def test_a_read_only_store_that_is_not_complete_is_named(corpus, encoder, disk):
    (root, windows), (place, remount) = corpus, disk
    remount("ro")
    with pytest.raises(StoreError, match=r"cannot be made .*Read-only.*give OUTPUTS=a folder that can be written"):
        store.embed(encoder, windows, root, folder=place, **OPTIONS)
    remount("rw,size=1m")
    store.embed(encoder, windows[:4], root, folder=place, **OPTIONS)
    remount("ro")
    with pytest.raises(StoreError, match=r"cannot be written .*Read-only.*give OUTPUTS=another folder") as raised:
        store.embed(encoder, windows, root, folder=place, **OPTIONS)
    assert str(place) in str(raised.value)


def test_a_damaged_shard_that_cannot_be_put_aside_is_named(corpus, encoder, disk):
    (root, windows), (place, remount) = corpus, disk
    remount("size=1m")
    store.embed(encoder, windows, root, folder=place, **OPTIONS)
    shard = next(place.glob("*/shards/*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-1])
    remount("ro")
    with pytest.raises(
        StoreError, match=f"{shard.name} is damaged and cannot be put aside .*: delete it and run again"
    ):
        store.embed(encoder, windows, root, folder=place, **OPTIONS)


def refuse(code):
    def refusing(*_, **__):
        raise OSError(code, os.strerror(code))

    return refusing


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("where", ["shard", "folder", "lock"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_disk_that_refuses_stops_the_run_wherever_it_does(
    corpus, encoder, folder, monkeypatch, log, code, where, jobs
):
    """Without a disk of its own: the calls that write fail as they would there, after a first part was kept."""
    root, windows = corpus
    store.embed(encoder, windows[:6], root, folder=folder, **OPTIONS)
    kept, noted = there(folder), len(watched.lines(log))
    with monkeypatch.context() as patch:
        if where == "shard":
            patch.setattr(os, "fsync", refuse(code))
        elif where == "folder":
            patch.setattr(tempfile, "mkdtemp", refuse(code))
        else:
            patch.setattr(filelock.FileLock, "acquire", refuse(code))
        with pytest.raises(StoreError, match="cannot be written") as raised:
            store.embed(encoder, windows, root, folder=folder, jobs=jobs, **OPTIONS)
    assert os.strerror(code) in str(raised.value) and str(folder) in str(raised.value)
    assert there(folder) == kept
    found, failed = store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    assert failed.empty and np.isfinite(found).all()
    assert kept.items() <= there(folder).items() and noted == 6


def test_a_file_in_place_of_the_folder_is_named(corpus, encoder, tmp_path):
    root, windows = corpus
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match=f"{tmp_path}/file/.*: cannot be made"):
        store.embed(encoder, windows, root, folder=tmp_path / "file", **OPTIONS)
