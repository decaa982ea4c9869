"""The table of forecasts on disk while it is made: what a stopped run has computed, the next one does not compute again.

The table grows as `<name>.part` and takes its name when all is there, so that no half table lies under the final name. Beside
the part, `<name>.part.json` says what it was made of. A run of the same goes on behind the last whole batch: it computes
just the batches that it would have computed without the interruption. Any other run begins anew.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import pandas as pd

from .. import locks, paths

PART = ".part"
_DIGITS = "%.7g"  # more than the networks are sure of, and short


class Growing:
    """The rows so far.

    Args:
        file: where rows are written too; None for nowhere.
        kept: rows of an earlier run, which are in the file already.

    Attributes:
        tables: all rows in order, a table a batch; rows that were kept come first, as one.
    """

    def __init__(self, file: IO[str] | None = None, kept: pd.DataFrame | None = None) -> None:
        """Begin with what was kept."""
        self._file, self.tables = file, [] if kept is None else [kept]

    def add(self, rows: pd.DataFrame) -> None:
        """Take in the rows of a batch; they are in the file when this returns."""
        if self._file is not None:
            rows.to_csv(self._file, index=False, header=not self.tables, float_format=_DIGITS)
            self._file.flush()
        self.tables.append(rows)


@contextmanager
def growing(csv: Path | None, made_of: dict[str, str], *, batch: int) -> Iterator[Growing]:
    """A table that grows in a file, and goes on where an earlier run of the same was stopped.

    Args:
        csv: the finished table's path; None to keep the table in memory alone.
        made_of: what the rows depend on; what was made of something else is not gone on from.
        batch: rows of a whole batch.

    Yields:
        The rows so far. A `ValueError` in the block says that the recording cannot be used: nothing is left on the disk then.
    """
    if csv is None:
        yield Growing()
        return
    part, about = csv.with_name(csv.name + PART), csv.with_name(f"{csv.name}{PART}.json")
    ours = not csv.parent.exists()
    csv.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _alone(csv):
            kept = _kept(part, about, made_of, batch)
            with _begun(part, about, made_of, kept) as file:
                yield Growing(file, _table(kept))
            part.replace(csv)
            about.unlink(missing_ok=True)
    except ValueError:
        part.unlink(missing_ok=True)
        about.unlink(missing_ok=True)
        if ours:
            with suppress(OSError):  # somebody may have put a file into it meanwhile
                csv.parent.rmdir()
        raise


@contextmanager
def _alone(csv: Path) -> Iterator[None]:
    """Keep two runs that write one table apart: the second waits."""
    file = csv.with_name(f".{csv.name}.lock")
    with locks.alone(file, busy=f"{paths.relative(csv)} is being written"):
        try:
            yield
        finally:
            with suppress(OSError):  # held by us while it goes: who waits for it takes a new one
                file.unlink()


def _kept(part: Path, about: Path, made_of: dict[str, str], batch: int) -> list[str]:
    """The lines of the whole batches that an earlier run of the same has left, the header first; none where none are."""
    try:
        if json.loads(about.read_text("utf-8")) != made_of:
            return []
        lines = part.read_text("utf-8").splitlines(keepends=True)
    except (OSError, ValueError):
        return []
    whole = sum(line.endswith("\n") for line in lines) - 1  # a kill may have cut off the last one
    return lines[: 1 + whole - whole % batch] if whole >= batch else []


def _table(lines: list[str]) -> pd.DataFrame | None:
    """Rows as they were before they were written: there are no missing words, an empty one is a word."""
    if not lines:
        return None
    rows = pd.read_csv(io.StringIO("".join(lines)))
    return rows.fillna({"forecast": "", "why": ""})


@contextmanager
def _begun(part: Path, about: Path, made_of: dict[str, str], kept: list[str]) -> Iterator[IO[str]]:
    """The part, open behind what is kept of it."""
    about.unlink(missing_ok=True)  # whose part it is must not be said before its lines are there
    with paths.replacing(part) as partial:
        partial.write_text("".join(kept), encoding="utf-8")
    with paths.replacing(about) as partial:
        partial.write_text(json.dumps(made_of, indent=1), encoding="utf-8")
    with part.open("a", encoding="utf-8", newline="") as file:
        yield file
