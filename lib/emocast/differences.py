"""Two tables, cell by cell: what is not the same, and whether it is too far from it.

A table is read as text, for two numbers that are written alike are the same number; only others are weighed, by what
`tolerances` allows to their column in their row.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from . import tolerances

_WORDS = 4  # of a row's cells, to name it
_SAID = ("evidence", "verdict", "meaning")  # of a row, which does not name it
_PLACES = ("shift_s", "epoch", "clusters")


@dataclass(frozen=True)
class Finding:
    """One thing that is not as in the reference.

    Attributes:
        kind: "missing notebook", "missing table", "missing figure", "unreadable table", "unreadable figure", "missing column",
            "rows", "text", "number", "drift" (a column as a whole), "verdict" (`judged`); "new notebook", "new table",
            "new figure", "new column" and "private table" are no faults.
        where: `notebook/file`.
        row: the row's names, for what is within a table.
        column: the column.
        reference: what the reference has.
        now: what the run has.
        difference: now - reference; NaN for what is no number.
        allowed: how far apart they may be; NaN for what is no number.
        fails: whether it is a fault.
    """

    kind: str
    where: str
    row: str = ""
    column: str = ""
    reference: str = ""
    now: str = ""
    difference: float = float("nan")
    allowed: float = float("nan")
    fails: bool = True

    def __str__(self) -> str:
        """One line for a reader."""
        if self.kind == "number":
            row, far = f" [{self.row}]" if self.row else "", f"{self.difference:+.6g}, allowed {self.allowed:.3g}"
            return f"{self.where}{row} {self.column}: {self.reference} -> {self.now} ({far})"
        place = " ".join(part for part in (self.where, f"[{self.row}]" if self.row else "", self.column) if part)
        if self.kind == "drift":
            return f"drift: {place}: {self.now}"
        change = f": {self.reference!r} -> {self.now!r}" if self.reference or self.now else ""
        return f"{self.kind}: {place}{change}"


def gone(what: str, where: str) -> Finding:
    """Something that the reference has and the run has not."""
    return Finding(f"missing {what}", where)


def new(what: str, where: str, **place: str) -> Finding:
    """Something that the run has and the reference has not: no fault."""
    return Finding(f"new {what}", where, **place, fails=False)


def table(run: Path, reference: Path, *, exact: bool = False) -> list[Finding]:
    """Compare one table with its reference, cell by cell.

    Args:
        run: the run's CSV file, in its notebook's folder.
        reference: the reference's file.
        exact: as for `compare`.

    Returns:
        Each cell that is not the same; those within their tolerance do not fail.
    """
    where = f"{run.parent.name}/{run.name}"
    try:
        now, then = map(read, (run, reference))
    except ValueError as error:
        return [Finding("unreadable table", where, now=str(error))]
    found = [gone("column", f"{where} {column}") for column in then if column not in now]
    found += [new("column", where, column=column) for column in now if column not in then]
    name = where.removesuffix(".csv")
    if not any(rule.compared for column in then for rule in tolerances.fitting(name, column)):
        return found  # its rows may be others as well
    if len(now) != len(then):
        return [*found, Finding("rows", where, reference=f"{len(then):,} rows", now=f"{len(now):,} rows")]
    names, rows = row_names(then), then.to_dict("records")
    for column in (column for column in then if column in now):
        groups: dict[tolerances.Tolerance, list[tuple[str, str, str]]] = defaultdict(list)
        for cell, row in zip(zip(names, then[column], now[column], strict=True), rows, strict=True):
            groups[tolerances.of(name, column, row)].append(cell)
        for tolerance, cells in groups.items():
            if tolerance.compared:
                found += _cells(cells, {"where": where, "column": column}, tolerances.EXACT if exact else tolerance)
    return found


def read(path: Path) -> pd.DataFrame:
    """Read a table as the text that it is.

    Args:
        path: a CSV file.

    Raises:
        ValueError: it is none; pandas' own errors about CSV, and about text that is not UTF-8, are such.
    """
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _cells(cells: list[tuple[str, str, str]], place: dict[str, str], tolerance: tolerances.Tolerance) -> list[Finding]:
    """Compare the cells (row's name, reference, run) of one column that have one tolerance, each and as a whole."""
    found = [
        finding
        for name, old, new in cells
        if old != new
        for finding in _cell(old, new, {**place, "row": name}, tolerance)
    ]
    used = [abs(finding.difference) / finding.allowed for finding in found if finding.allowed > 0]
    used += [0.0] * (len(cells) - len(found))
    if len(used) >= tolerances.ROWS and (middle := statistics.median(used)) > tolerances.MIDDLE:
        moved = f"moved by {middle:.0%} of their tolerance or more, allowed {tolerances.MIDDLE:.0%}"
        found.append(Finding("drift", **place, now=f"half of the {len(cells)} rows {moved}"))
    return found


def _cell(old: str, new: str, place: dict[str, str], tolerance: tolerances.Tolerance) -> Iterator[Finding]:
    """Two cells that are not written alike."""
    place = {**place, "reference": old, "now": new}
    try:
        before, after = float(old), float(new)
    except ValueError:
        yield Finding("text", **place, fails=not (tolerance.blank and "" in (old, new)))
        return
    difference, allowed = after - before, tolerance.allows(before)
    if difference != 0:  # "1" and "1.0" are one number; NaN is never 0
        yield Finding("number", **place, difference=difference, allowed=allowed, fails=not abs(difference) <= allowed)


def row_names(table: pd.DataFrame) -> list[str]:
    """Name each row: its first few cells that are words, its place in a curve, its number where these leave doubt.

    Args:
        table: as text.
    """
    naming = [column for column in table if column not in _SAID]
    worded = [
        column for column in naming if not table[column].map(_is_number).any() and table[column].str.strip().any()
    ]
    parts = [table[column] for column in worded[:_WORDS]]
    parts += [f"{column} " + table[column] for column in _PLACES if column in table]
    names = [", ".join(cell for cell in cells if cell) for cells in zip(*parts, strict=True)]
    if parts and len(set(names)) == len(names):
        return names
    return [", ".join([*names[row : row + 1], f"row {row + 1}"]) for row in range(len(table))]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
