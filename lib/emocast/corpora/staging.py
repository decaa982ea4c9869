"""Where a download is under way, and how it gets from there to where it belongs.

Everything that is not finished lies in one hidden folder beside the corpora, `.downloads/<corpus>/`: on the same disk, so that
a finished corpus is put in place by renaming it, and out of sight of whatever reads corpora. What is left there after a kill
is the next run's beginning.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from . import lfs
from .transfer import DownloadError


@contextmanager
def alone(root: Path) -> Iterator[Path]:
    """The hidden folder of a corpus, for one run at a time; if nothing is in it at the end, it goes.

    Args:
        root: the corpus folder.

    Raises:
        DownloadError: another run is at it.
    """
    work = root.parent / ".downloads" / root.name
    work.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(work.with_name(f"{work.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise DownloadError(f"{root}: another run is fetching it: wait for that") from None
    try:
        yield work
    finally:
        for folder in (work, work.parent):
            if folder.is_dir() and all(path.suffix == ".lock" for path in folder.iterdir()):
                shutil.rmtree(folder, ignore_errors=True)
        lock.release()


@contextmanager
def emptied(folder: Path) -> Iterator[Path]:
    """A new folder in place of what a killed run left; deleted at the end, however that comes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def see_to_room(needed: int, work: Path) -> None:
    """Refuse what cannot fit before hours of download.

    Args:
        needed: bytes, with those that have come already.
        work: the hidden folder.

    Raises:
        DownloadError: the disk has less.
    """
    free = shutil.disk_usage(work).free + sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
    if needed > free:
        raise DownloadError(
            f"{work.parent.parent}: about {needed / 1e9:,.1f} GB are needed, {free / 1e9:,.1f} GB are free: make room or give "
            "DATA=another folder"
        )


def holds_something(root: Path) -> bool:
    """Whether anything but hidden files lies where a corpus belongs."""
    return root.exists() and (not root.is_dir() or any(not path.name.startswith(".") for path in root.iterdir()))


def put_in_place(folder: Path, root: Path) -> None:
    """Rename a finished folder to where it belongs; into one that holds something, entry by entry: what is there stays."""
    if root.is_dir() and not any(root.iterdir()):
        root.rmdir()
    if not root.exists():
        folder.replace(root)
        return
    for entry in folder.iterdir():
        if not (root / entry.name).exists():
            entry.replace(root / entry.name)


def merge(folder: Path, root: Path) -> None:
    """Move files to where they belong, one by one; only git-LFS pointers and empty files give way."""
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        target = root / path.relative_to(folder)
        if lfs.is_missing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
