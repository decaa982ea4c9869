"""What is asked of the store: a table of windows, each named by the content of its sound file and its frames."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ... import audio, cache, paths
from .shards import Key


class Span(NamedTuple):
    """A window that can be read: its key; its file, that one's rate in Hz, and its `stamp_of` when it was looked at."""

    key: Key
    path: str
    rate: int
    stamp: tuple[int, int]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.key.stop - self.key.start) / self.rate


class Spans(NamedTuple):
    """The spans of a table, None where a window cannot be read; and what is wrong: audio -> problem -> windows."""

    rows: list[Span | None]
    problems: dict[tuple[str, str], int]

    def note(self, name: str, problem: str) -> None:
        """Count one window of a sound file that cannot be embedded."""
        self.problems[name, problem] = self.problems.get((name, problem), 0) + 1


def of(windows: pd.DataFrame, root: Path | str) -> Spans:
    """Look at the sound files of a table of windows.

    Args:
        windows: the columns audio (relative to `root`), start_s and end_s (seconds) are used.
        root: the corpus root.

    Returns:
        The spans, row by row. A file is read once, as a stream.
    """
    found = Spans([None] * len(windows), {})
    rows = windows.reset_index(drop=True)
    names = rows["audio"].astype(str)  # as text: a name that is missing is listed too
    for name, some in rows.groupby(names, sort=True):
        path = Path(root) / name
        try:
            stamp = stamp_of(path)  # first: a change while the file is read must show afterwards
            info, content = audio.inspect(path), cache.file_digest(path)
        except (audio.AudioError, OSError) as error:
            for _ in range(len(some)):
                found.note(name, str(error))
            continue
        for row, start_s, end_s in zip(some.index, some["start_s"], some["end_s"], strict=True):
            try:
                key = Key(content, *audio.span(path, info, start_s=start_s, end_s=end_s))
            except audio.AudioError as error:
                found.note(name, str(error))
            else:
                found.rows[row] = Span(key, str(path), info.sample_rate, stamp)
    return found


def stamp_of(path: Path | str) -> tuple[int, int]:
    """A file's size in bytes and date in nanoseconds: when they are the same, so is what the file holds.

    Raises:
        audio.AudioError: there is no such file.
    """
    try:
        status = Path(path).stat()
    except FileNotFoundError as error:
        raise audio.AudioError(f"{path}: no such file") from error
    return status.st_size, status.st_mtime_ns


def shown(path: str) -> str:
    """A sound file's path as the store notes it: below the data folder where it is, whole otherwise."""
    place = Path(path)
    return place.relative_to(paths.data()).as_posix() if place.is_relative_to(paths.data()) else path
