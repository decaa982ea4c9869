"""Does a run give what the tracked reference says?

Numbers may be as far apart as their table says in the reference's manifest (`emocast.notebook.Run.table`). Figures have to be
there and whole: what they show stands in the tables. What is new is told and no fault.
"""

from __future__ import annotations

import json
import math
import re
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from PIL import Image

from emocast import paths

from . import runner

MANIFEST = "manifest.json"
#: The share of its tolerance by which the middle of so many rows may move: single scores leap, another method moves them all.
#: (Measured on two kinds of processor: the middles of the demo's tables moved by up to 0.54.)
MIDDLE, ROWS = 0.6, 4
_NEAR = 1 / 3  # of what an interval's end may itself move: so near the limit a verdict may be another
_CLOSE = 0.01  # a p-value above it may be above 0.05 elsewhere: a last digit of the first training made 0.027 of 0.0075
_ROUNDING = 5e-4  # of numbers of six digits, in points: an end may stand on the limit itself
_NUMBERS = re.compile(r"[<=]?\s*[-+]?\d+(?:\.\d+)?")  # in a text
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?(e[-+]?\d+)?|nan|inf)")  # a cell

Row = Mapping[str, str]


class Finding(NamedTuple):
    """One thing that is not as in the reference; of a number also now - reference, and how far apart they may be."""

    kind: str
    where: str
    row: str = ""
    column: str = ""
    reference: str = ""
    now: str = ""
    difference: float = math.nan
    allowed: float = math.nan
    fails: bool = True

    def __str__(self) -> str:
        """One line for a reader."""
        place = " ".join(part for part in (self.where, self.row and f"[{self.row}]", self.column) if part)
        if self.kind == "number":
            return f"{place}: {self.reference} -> {self.now} ({self.difference:+.6g}, allowed {self.allowed:.3g})"
        change = f": {self.reference!r} -> {self.now!r}" if self.reference or self.now else ""
        return f"{self.kind}: {place}{change}"


def compare(run: Path, reference: Path, *, exact: bool = False) -> list[Finding]:
    """Compare a profile's outputs with its reference; with `exact`, for the machine that made it, nothing may move.

    Raises:
        ValueError: there is no reference, or no run; the message says what to do.
    """
    now, then = ({path.name for path in home.glob("[0-9]*") if path.is_dir()} for home in (run, reference))
    for what, there, folder, target in (("reference", then, reference, "reference"), ("run", now, run, "reproduce")):
        if not there:
            raise ValueError(f"no {what} in {paths.relative(folder)}: `make {target} PROFILE={run.name}` makes it")
    found = [finding for name in sorted(then & now) for finding in _notebook(run / name, reference / name, exact)]
    found += [Finding("missing notebook", name) for name in sorted(then - now)]
    return found + [Finding("new notebook", name, fails=False) for name in sorted(now - then)]


def _notebook(run: Path, reference: Path, exact: bool) -> Iterator[Finding]:
    """Compare the files of one notebook."""
    files = (folder / MANIFEST for folder in (run, reference))
    now, then = (json.loads(file.read_text("utf-8")) if file.is_file() else {} for file in files)
    told = then or now
    rules = {f"{entry['name']}.csv": entry.get("tolerance", {}) for entry in told.get("tables", ())}
    private = {f"{name}.csv" for name in now.get("private", {}).get("names", ())}
    for what, suffix in (("table", "csv"), ("figure", "png")):
        ours, theirs = ({path.name for path in folder.glob(f"*.{suffix}")} for folder in (run, reference))
        # What the notebook itself does not name, `make reference` would not take up.
        named = {f"{entry['name']}.{suffix}" for entry in now[f"{what}s"]} if now else ours
        if what == "table":
            for name in sorted(theirs - private):
                rule, level = rules.get(name, {}), told.get("level", 0.95)
                yield from table(run / name, reference / name, rule, level, exact=exact)
        else:
            drawn = named | {name.replace(".png", ".svg") for name in named} if now else set()
            yield from (finding for name in sorted(theirs | drawn) for finding in _figure(run / name))
        for kind, names in (("private", theirs & private), ("new", (ours - theirs) & named)):
            yield from (Finding(f"{kind} {what}", f"{run.name}/{name}", fails=False) for name in sorted(names))


def _figure(path: Path) -> Iterator[Finding]:
    """A picture that is missing, empty or damaged."""
    where = f"{path.parent.name}/{path.name}"
    try:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                picture.verify()
        elif not path.read_bytes().rstrip().endswith(b"</svg>"):
            raise OSError("it does not end as an SVG does")
    except FileNotFoundError:
        yield Finding("missing figure", where)
    except (OSError, SyntaxError) as error:  # pillow raises SyntaxError for a broken PNG
        yield Finding("unreadable figure", where, now=str(error))


def table(run: Path, reference: Path, rules: Mapping[str, Any], level: float, *, exact: bool = False) -> list[Finding]:
    """Compare a run's CSV file with the reference's: each cell that is not the same; those within tolerance do not fail.

    `rules` are the tolerances of the columns that may move; verdicts follow from intervals that hold the share `level`.
    """
    where = f"{run.parent.name}/{run.name}"
    try:
        now, then = (pd.read_csv(file, dtype=str, keep_default_na=False) for file in (run, reference))
    except FileNotFoundError:
        return [Finding("missing table", where)]
    except ValueError as error:  # pandas' own about CSV, and about text that is not UTF-8, are such
        return [Finding("unreadable table", where, now=str(error))]
    found = [Finding("missing column", f"{where} {column}") for column in then if column not in now]
    found += [Finding("new column", where, column=column, fails=False) for column in now if column not in then]
    compared = [column for column in then if column in now and rules.get(column, 0) is not None]
    lost = "verdict" in rules and not {"verdict", "low", "high"} <= {*now}
    if lost or not compared:
        return found  # a missing column is told; where nothing is compared, rows may be others as well
    if len(now) != len(then):
        return [*found, Finding("rows", where, reference=f"{len(then):,} rows", now=f"{len(now):,} rows")]
    names, pairs = row_names(then, rules), [*zip(then.to_dict("records"), now.to_dict("records"), strict=True)]
    for column in compared:
        numbers = defaultdict(list)
        for name, (old, new) in zip(names, pairs, strict=True):
            allowed = 0 if exact else of(rules.get(column, 0), old)
            moves = not exact and "verdict" in rules and old["verdict"] != new["verdict"]
            cell = Finding("number", where, name, column, old[column], new[column])
            other = _NUMBERS.sub(" #", cell.reference) != _NUMBERS.sub(" #", cell.now)
            if isinstance(allowed, str):
                judged = column == "verdict"
                words = (not moves and other) or _is_untold(old, new, column)
                fault = _is_wrong((old, new), pairs, rules, level) if judged else words
                found += [cell._replace(kind="verdict" if judged else "text")] if fault else []
            elif allowed is not None and not (moves and "" in (cell.reference, cell.now)):  # it goes with the verdict
                numbers[_far(allowed)].append(cell)
        found += [finding for far, cells in numbers.items() for finding in _weighed(cells, far)]
    return found


def of(allowed: Any, row: Row) -> Any:
    """What a column's tolerance allows in a row: of a mapping, what stands at the first text that fits one of the row's."""
    if not isinstance(allowed, Mapping):
        return allowed
    texts = [cell for cell in row.values() if cell and not _is_number(cell)]
    fits = (far for text, far in allowed.items() if text == "*" or any(fnmatchcase(cell, text) for cell in texts))
    return next(fits, 0)


def _far(allowed: Any) -> tuple[float, float]:  # absolute and relative
    return tuple(allowed) if isinstance(allowed, Sequence) else (float(allowed), 0.0)


def _weighed(cells: list[Finding], far: tuple[float, float]) -> list[Finding]:
    """Compare the cells of one column that have one tolerance, each and as a whole."""
    found = []
    for cell in (cell for cell in cells if cell.reference != cell.now):
        if not (_is_number(cell.reference) and _is_number(cell.now)):
            found.append(cell._replace(kind="text"))
        elif by := float(cell.now) - float(cell.reference):  # "1" and "1.0" are one number; NaN is never 0
            allowed = max(far[0], far[1] * abs(float(cell.reference)))
            found.append(cell._replace(difference=by, allowed=allowed, fails=not abs(by) <= allowed))
    used = [abs(finding.difference) / finding.allowed for finding in found if finding.allowed > 0]
    used += [0.0] * (len(cells) - len(found))
    if len(used) >= ROWS and (middle := statistics.median(used)) > MIDDLE:
        moved = f"half of {len(cells)} rows moved by {middle:.0%} of their tolerance or more, allowed {MIDDLE:.0%}"
        found.append(Finding("drift", cells[0].where, column=cells[0].column, now=moved))
    return found


def _is_wrong(pair: tuple[Row, Row], pairs: list[tuple[Row, Row]], rules: Mapping[str, Any], level: float) -> bool:
    """Whether a row's verdict is not what its numbers give, or moved and may not have moved.

    It may be another than the reference's only where the reference's own interval ends near the limit: the end that decides
    lies within a third (`_NEAR`) of what it may itself move. A verdict that was shown may be lost, too, where its adjusted
    p-value was above 0.01. Of a row that goes with another ("as"), the other one's interval decides.
    """
    same, rule = pair[0]["verdict"] == pair[1]["verdict"], of(rules["verdict"], pair[0])
    if goes_with := rule.startswith("as "):
        others = [other for other in pairs if other is not pair and of({rule[3:]: True}, other[0])]
        alike = [sum(map(str.__eq__, other[0].values(), pair[0].values())) for other in others]
        pair = others[alike.index(max(alike))] if others else pair
        rule = of(rules["verdict"], pair[0])
    before, after = (_signs(row, rule, level) for row in pair)
    now = pair[1]["verdict"]
    if not goes_with and len(after) == 1 and _words(pairs, rules, level).get(min(after), now) != now:
        return True  # a word that its own numbers do not give
    if same or (before == after and len(before) == 1):
        return not (same and before & after)
    old, ends = pair[0], {1: "high", -1: "low"} if rule == "below" else {1: "low", -1: "high"}
    if after == {0} and float(old.get("p_holm") or "nan") > _CLOSE:
        return False
    far = _NEAR * _far(of(rules.get("low", 0), old))[0]
    return any(abs(_above(old, ends[sign])) > far for sign in before ^ after if sign)


def _words(pairs: list[tuple[Row, Row]], rules: Mapping[str, Any], level: float) -> dict[int, str]:
    """What the reference calls each sign, by its rows whose own numbers leave no doubt."""
    told = ((row, of(rules["verdict"], row)) for row, _ in pairs)
    signs = ((row["verdict"], _signs(row, rule, level)) for row, rule in told if not str(rule).startswith("as "))
    return {min(found): verdict for verdict, found in signs if len(found) == 1}


def _signs(row: Row, rule: str, level: float) -> set[int]:
    """What a row's own numbers give: 1 (supported), 0 (not shown) or -1; two of them where an end stands on the limit."""
    if float(row.get("p_holm") or "nan") > 1 - level + 1e-9:
        return {0}
    low, high = _above(row, "low"), _above(row, "high")
    signs = {1 if low + by > 0 else -1 if high + by < 0 else 0 for by in (-_ROUNDING, _ROUNDING)}
    return {-sign for sign in signs} if rule == "below" else signs


def _above(row: Row, end: str) -> float:
    """How far an end of a row's interval lies above its limit; an empty one is none, and shows nothing."""
    return float(row[end] or "nan") - float(row.get("limit") or "0")


def _is_untold(old: Row, new: Row, column: str) -> bool:
    """Whether a text lacks a number of its own row, rounded to a tenth, that the reference's tells."""

    def tells(row: Row, name: str) -> bool:
        numbers = map(float, re.findall(r"\d+(?:\.\d+)?", row[column]))
        return any(abs(number - abs(float(row[name]))) < 0.051 for number in numbers)

    both = [name for name in ("value", "low", "high") if all(_is_number(row.get(name, "")) for row in (old, new))]
    return any(tells(old, name) and not tells(new, name) for name in both)


def _is_number(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell))


def row_names(table: pd.DataFrame, rules: Mapping[str, Any]) -> list[str]:
    """Name each row of a table of text: by words of columns that may not move, and by numbers until no two are alike."""
    fixed = [column for column in table if column not in rules and table[column].str.strip().any()]
    numbers = [column for column in fixed if table[column].map(_is_number).any()]
    names = [""] * len(table)
    for column in [*[column for column in fixed if column not in numbers][:4], *numbers[:4], None]:
        if len(set(names)) < len(table) or column not in [*numbers, None]:
            cells = [f"row {row}" for row in range(1, len(table) + 1)] if column is None else table[column]
            label = f"{column} " if column in numbers else ""
            pairs = zip(names, cells, strict=True)
            names = [", ".join(filter(None, [name, cell and label + cell])) for name, cell in pairs]
    return names


def told(found: list[Finding], run: Path, reference: Path, *, lines: int = 40) -> str:
    """The comparison (`compare`) for a reader: what fails, what is new, what moved; at most so many lines of each kind."""
    tables, figures = (len(list(reference.glob(f"[0-9]*/*.{suffix}"))) for suffix in ("csv", "png"))
    said = [f"{paths.relative(run)} against {paths.relative(reference)}: {tables} tables, {figures} figures"]
    failing = [one for one in found if one.fails]
    own, new = ([one for one in found if one.kind.startswith(kind)] for kind in ("private ", "new "))
    moved = [one for one in found if one.kind == "number" and not one.fails]
    moved.sort(key=lambda one: -abs(one.difference) / one.allowed)
    for title, listed, most in (
        ("not as in the reference", failing, lines),
        ("skipped, not run", [f"{name}: {'; '.join(why)}" for name, why in runner.skipped(run).items()], lines),
        ("of somebody's own recording, not compared", own, lines),
        ("new, not in the reference (`make reference` takes it up)", new, lines),
        ("moved within tolerance, the farthest first", moved, min(lines, 5)),
    ):
        more = [f"  ... and {len(listed) - most:,} more (--lines {len(listed)})"] if len(listed) > most else []
        said += [f"{title}: {len(listed):,}", *(f"  {one}" for one in listed[:most]), *more] if listed else []
    things = f"{len(failing):,} thing{'s are' if len(failing) > 1 else ' is'}"
    good = f"verified: {len(moved):,} numbers moved within their tolerance, all others agree to six digits"
    return "\n".join([*said, f"failed: {things} not as in the reference" if failing else good])
