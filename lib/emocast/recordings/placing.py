"""Where the results of a recording go: a folder of its name, which no other recording of that name takes from it.

Recorders and meetings give all their files one name. So a folder notes the digest of its recording, and another recording of
that name has the beginning of its own digest in the folder's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .. import cache

#: Whose results a folder holds, as `sha256sum` writes it.
NOTE = "recording.sha256"


@contextmanager
def place(parent: Path, recording: Path) -> Iterator[Path]:
    """A recording's folder, the same one each time.

    Args:
        parent: the folder of all recordings' folders.
        recording: the file.

    Yields:
        `<name>`, or where that holds the results of another recording `<name>-<8 hexadecimal digits>`. It is there; if the
        block puts nothing into it, it goes again.
    """
    digest = cache.file_digest(recording)
    folder = parent / recording.name
    if not _claimed(folder, recording.name, digest):
        folder = folder.with_name(f"{recording.name}-{digest[:8]}")
        _claimed(folder, recording.name, digest)
    try:
        yield folder
    finally:
        _given_back(folder)


def _claimed(folder: Path, name: str, digest: str) -> bool:
    """Whether a folder is the recording's, by now or before."""
    note = folder / NOTE
    if not note.is_file() and any(folder.glob("forecast.*")):
        return False  # an earlier version wrote no notes: nobody knows whose they are
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with note.open("x", encoding="utf-8") as file:  # of two that come at once, one makes it
            file.write(f"{digest}  {name}\n")
    except FileExistsError:
        return note.read_text("utf-8").startswith(digest)
    return True


def _given_back(folder: Path) -> None:
    """Leave no trace of a recording that could not be used."""
    with suppress(OSError):  # somebody may put a file into it meanwhile, or take it away
        if [path.name for path in folder.iterdir()] == [NOTE]:
            (folder / NOTE).unlink()
            folder.rmdir()
