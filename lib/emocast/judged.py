"""Verdicts of a run beside those of its reference: whether one that moved may have moved.

A verdict is drawn from an interval and a limit (`forecasting.verdicts`), and both are numbers of a network, which move a little
with the machine (`tolerances`). Hence three rules for each row of a table of verdicts:

- It is what the row's own numbers give: where these did not move, the verdict did not.
- It may be another than the reference's only where the reference's own interval ends near the limit: the end that decides lies
  within a third (`tolerances.MIDDLE`) of what it may itself move. A verdict that was shown may be lost, too, where its adjusted
  p-value was above 0.01. How far ahead something holds is judged as the row of the shortest shift.
- The words beside it stay: the same verdict has the reference's meaning, another verdict another one; the evidence is the
  reference's sentence with the run's own numbers in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path

from . import differences, tolerances
from .differences import Finding
from .forecasting.verdicts import CONTRADICTED, NOT_SHOWN, SUPPORTED, above, within

_TABLES = ("04_*/ladder_differences", "05_*/ladder_differences", "07_*/claims")

_WORDS = {"above": SUPPORTED, "below": CONTRADICTED, "open": NOT_SHOWN}  # of `forecasting.findings`

#: Measures of which a claim says that they are no higher than a limit; of all others that they are above one.
_WITHIN = ("expected calibration error*", "accuracy with the encoder as published minus*")

#: How a claim begins that asks how far ahead another claim holds, and how that one begins.
_AHEAD, _NOW = "How far ahead it ", "It "

#: A p-value above it may be above 0.05 elsewhere: a last digit of the first training made 0.027 of 0.0075.
_CLOSE = 0.01

_ROUNDING = 5e-4  # of numbers of six digits, in points: an end may stand on the limit itself

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")

Row = Mapping[str, str]


def table(run: Path, reference: Path, *, exact: bool = False) -> list[Finding]:
    """Compare the verdicts of one table, and the words beside them, with those of its reference.

    Args:
        run: the run's CSV file, in its notebook's folder.
        reference: the reference's file.
        exact: no verdict and no word may move.

    Returns:
        What moved and may not; nothing of a table without verdicts, or of one whose rows or columns are others
        (`differences.table` says so).
    """
    name = f"{run.parent.name}/{run.stem}"
    if not any(fnmatchcase(name, pattern) for pattern in _TABLES):
        return []
    try:
        now, then = map(differences.read, (run, reference))
    except ValueError:
        return []
    if len(now) != len(then) or not set(then) <= set(now):
        return []
    names, before, after = differences.row_names(then), then.to_dict("records"), now.to_dict("records")
    found = []
    for row, old, new in zip(names, before, after, strict=True):
        rules = (_verdict(name, old, new, before), _meaning(old, new), _evidence(old, new))
        moved = _words(old, new) if exact else chain(*rules)
        places = {"where": f"{name}.csv", "row": row}
        found += [Finding(kind, **places, column=column, reference=was, now=new[column]) for kind, column, was in moved]
    return found


Moved = Iterator[tuple[str, str, str]]  # kind, column, what it was or should be


def _words(old: Row, new: Row) -> Moved:
    """All words as they were."""
    for column in ("verdict", "meaning", "evidence"):
        if column in old and old[column] != new[column]:
            yield "verdict" if column == "verdict" else "text", column, old[column]


def _verdict(name: str, old: Row, new: Row, rows: list[Row]) -> Moved:
    """What the run's own numbers give, and near enough to what the reference says."""
    then, now, given = _said(old), _said(new), _given(new)
    if now not in given:
        yield "verdict", "verdict", f"by its own numbers {' or '.join(sorted(given))}"
    elif now != then and not _near(name, _deciding(old, rows), {then, now}):
        yield "verdict", "verdict", old["verdict"]


def _said(row: Row) -> str:
    return _WORDS.get(row["verdict"], row["verdict"])


def _given(row: Row) -> set[str]:
    """The verdicts that a row's own numbers give: one, but where an end stands on the limit."""
    if _asks_how_far(row):
        return {SUPPORTED} if row["value"] else {NOT_SHOWN, CONTRADICTED}
    low, high, limit = _number(row["low"]), _number(row["high"]), _limit(row)
    if _is_within(row):
        return {within(low + by, high + by, limit=limit) for by in (-_ROUNDING, _ROUNDING)}
    p_value = _number(row["p_holm"]) if row["p_holm"] else None
    return {above(low + by, high + by, limit=limit, p_value=p_value) for by in (-_ROUNDING, _ROUNDING)}


def _deciding(row: Row, rows: list[Row]) -> Row:
    """The row whose interval decides: the row itself, or that of the same claim at the shortest shift."""
    if not _asks_how_far(row):
        return row
    asked = _NOW + row["claim"].removeprefix(_AHEAD)
    return next((other for other in rows if other["claim"] == asked and other["protocol"] == row["protocol"]), row)


def _near(name: str, row: Row, verdicts: set[str]) -> bool:
    """Whether the ends of the reference's interval that part two verdicts lie near the limit."""
    if verdicts == {NOT_SHOWN, _said(row)} and _number(row["p_holm"]) > _CLOSE:  # what was shown is lost
        return True
    ends = {SUPPORTED: "low", CONTRADICTED: "high"}
    if _is_within(row):
        ends = {SUPPORTED: "high", CONTRADICTED: "low"}
    asked = [ends[verdict] for verdict in verdicts - {NOT_SHOWN}]
    far = tolerances.MIDDLE * tolerances.of(name, "low", row).absolute
    return all(abs(_number(row[end]) - _limit(row)) <= far for end in asked)


def _meaning(old: Row, new: Row) -> Moved:
    """The same verdict has the same meaning, another verdict another."""
    if "meaning" in old and (old["verdict"] == new["verdict"]) != (old["meaning"] == new["meaning"]):
        yield "text", "meaning", old["meaning"]


def _evidence(old: Row, new: Row) -> Moved:
    """The reference's sentence with the run's own numbers."""
    if "evidence" in old and not (_sentence(old) == _sentence(new) and _tells(new)):
        yield "text", "evidence", old["evidence"]


def _sentence(row: Row) -> str:
    """The evidence without its numbers; of how far ahead only at which shifts it was asked."""
    if _asks_how_far(row):
        return row["evidence"].partition("; ")[2]
    return _NUMBER.sub("#", row["evidence"]).replace("p < ", "p = ")


def _tells(row: Row) -> bool:
    """Whether the numbers in the evidence are those of the row, as rounded as they stand there."""
    told = [float(number) for number in _NUMBER.findall(row["evidence"])]
    if _asks_how_far(row):
        return row["evidence"].startswith(f"up to {row['value']} s") if row["value"] else "up to" not in row["evidence"]
    asked = [(_number(row[column]), 0.051) for column in ("value", "low", "high") if row[column]]
    asked += [(_number(row["p_holm"]), 0.001)] if row["p_holm"] else []
    asked += [(_limit(row), 0.051)] if _limit(row) else []
    return len(told) >= len(asked) and all(
        abs(number - here) <= by for (here, by), number in zip(asked, told, strict=False)
    )


def _asks_how_far(row: Row) -> bool:
    return row.get("claim", "").startswith(_AHEAD)


def _is_within(row: Row) -> bool:
    return any(fnmatchcase(row.get("measure", ""), pattern) for pattern in _WITHIN)


def _number(cell: str) -> float:
    """A cell's number; an empty one is none, and shows nothing."""
    return float(cell or "nan")


def _limit(row: Row) -> float:
    """What a row's number is held against: zero where the table names nothing."""
    return float(row.get("limit", "") or "0")
