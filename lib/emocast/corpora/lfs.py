"""Clips that a repository keeps in git-LFS: thousands of small files, fetched side by side and each held to its SHA-256.

Whoever downloads such a repository gets three lines of text in place of each clip: a pointer with the digest and size of the
sound. A copy of a corpus may hold such pointers, too; they count as missing here, and are replaced.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tqdm.auto import tqdm

from . import transfer

#: Files fetched at the same time: enough to hide the wait for answers, few enough for a public server.
THREADS = 6
_POINTER = re.compile(rb"version https://git-lfs\S*\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n(?:.*\n)*?size (\d+)")
_PUBLISHER = "its repository publishes"
_LONGEST = 1024  # bytes; git-LFS takes no larger file for a pointer


@dataclass(frozen=True)
class Pointer:
    """What a repository says of a clip: its SHA-256 and its size in bytes."""

    sha256: str
    size: int


def pointer(path: Path) -> Pointer | None:
    """Read a pointer; None if the file is anything else."""
    if path.stat().st_size > _LONGEST:
        return None
    found = _POINTER.match(path.read_bytes())
    return Pointer(found[1].decode(), int(found[2])) if found else None


def is_missing(path: Path) -> bool:
    """Whether a clip is not there: no file, an empty one, or a pointer in its place."""
    return not path.is_file() or path.stat().st_size == 0 or pointer(path) is not None


def listed(folder: Path) -> dict[str, Pointer]:
    """The clips that a folder of an unpacked repository holds, by name; sound that came with it instead counts, too."""
    found = {}
    for path in sorted(folder.glob("*.wav")):
        content = pointer(path) or Pointer(digest(path), path.stat().st_size)
        found[path.name] = content
    return found


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def compare(clips: Mapping[str, Pointer], folder: Path) -> tuple[dict[str, Pointer], list[str]]:
    """Hold a folder against the clips that it should have.

    Args:
        clips: as of `listed`.
        folder: a corpus's folder of clips; it need not be there.

    Returns:
        The clips that are missing, and the names of those that are there with another content. A clip that is there under
        another name than any of the list's is not missing.
    """
    missing = {name: clip for name, clip in clips.items() if is_missing(folder / name)}
    other = [name for name, clip in clips.items() if name not in missing and digest(folder / name) != clip.sha256]
    renamed = {digest(path) for path in folder.glob("*.wav") if path.name not in clips} if missing else set()
    return {name: clip for name, clip in missing.items() if clip.sha256 not in renamed}, other


def fetch(clips: Mapping[str, Pointer], folder: Path, *, address: str, progress: bool = True) -> dict[str, str]:
    """Fetch clips side by side; those in the folder already are left.

    Args:
        clips: what to fetch, by name.
        folder: where they go; only whole ones get there.
        address: where they are, each by its name at the end.
        progress: show a bar.

    Returns:
        The clips that could not be had, by name, each with the reason; those that could are kept.

    Raises:
        OSError: the disk refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {name: clip for name, clip in clips.items() if not (folder / name).is_file()}
    total = sum(clip.size for clip in wanted.values())
    failed: dict[str, str] = {}
    bar = tqdm(total=total, desc=f"{len(wanted):,} clips", unit="B", unit_scale=True, disable=not progress)
    with bar, transfer.session() as connections, ThreadPoolExecutor(THREADS) as threads:

        def one(name: str) -> None:
            checksum, told = f"sha256:{wanted[name].sha256}", {"advance": bar.update, "connections": connections}
            transfer.fetch(f"{address}{name}", folder / name, checksum=checksum, publisher=_PUBLISHER, **told)

        running = {threads.submit(one, name): name for name in wanted}
        try:
            for job in as_completed(running):
                error = job.exception()
                if isinstance(error, transfer.DownloadError):
                    failed[running[job]] = str(error)
                elif error:
                    raise error
        except BaseException:  # a full disk or Ctrl-C: what has not begun need not
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return failed
