"""The table on the README: what the papers print beside what the tracked demo run found.

No number of it is typed. `python -m emocast.front_page` writes it anew from `published.csv` and `outputs/reference/demo`
(`make reference` does so after each renewal), and a test holds the README against it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from . import paths, published

README = paths.ROOT / "README.md"
BEGIN, END = "<!-- front page: table -->\n", "<!-- end -->"


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        what: what is measured, for the reader.
        table: the reference's table, below `outputs/reference/demo`.
        row: column -> value, which choose its row.
        columns: its columns with the value, the interval's two ends, and chance (empty: `chance` holds).
        percent: whether they are in percent; else they are fractions.
        printed: experiment, dataset and metric in `published.csv`; empty where the papers print nothing.
        chance: as a fraction, where the table does not hold it.
    """

    what: str
    table: str
    row: dict[str, object]
    columns: tuple[str, str, str, str]
    percent: bool = False
    printed: tuple[str, str, str] | None = None
    chance: float | None = None


_TESTED = ("test_accuracy", "test_low", "test_high", "chance")
_SWEPT = ("accuracy", "accuracy_low", "accuracy_high", "")
_RECOGNISED = ("accuracy", "accuracy_low", "accuracy_high", "chance")


def _forecast(classes: int) -> Line:
    row = {"task": f"{classes} classes", "series": "published settings, random"}
    printed = (f"forecast-{classes}-class", "IEMOCAP", "test_accuracy")
    what = f"Forecast from the 10 s before, {classes} classes, divided at random"
    return Line(what, "04_forecasting_fcdnn/scores", row, _TESTED, printed=printed)


def _sweep(shift: int) -> Line:
    printed = (f"forecast-3-class-shift-{shift}s", "IEMOCAP", "cv_mean")
    what = f"Cross-validated with the profile's settings, 3 classes, {shift} s ahead"
    row = {"event_set": "moving", "shift_s": shift}
    return Line(what, "05_time_shift_sweep/sweep", row, _SWEPT, percent=True, printed=printed, chance=1 / 3)


def _recogniser(what: str, test_set: str, printed: str | None) -> Line:
    row = {"model": "classification", "test_set": test_set}
    name = ("ser-classification", printed, "accuracy") if printed else None
    return Line(f"Recogniser of 4 emotions {what}", "06_cross_lingual_ser/scores", row, _RECOGNISED, printed=name)


LINES: tuple[Line, ...] = (
    *(_forecast(classes) for classes in (2, 3, 4)),
    *(_sweep(shift) for shift in (0, 20)),
    _recogniser("on its own corpus, heard in training", "IEMOCAP (full)", "IEMOCAP"),
    _recogniser("on speakers it never heard", "IEMOCAP (unseen speakers)", None),
    _recogniser("on other English speakers (CREMA-D)", "CREMA-D (self-reported)", "CREMA-D (self-reported)"),
    _recogniser("in German (Emo-DB)", "Emo-DB", "Emo-DB"),
    _recogniser("in Persian (ShEMO)", "ShEMO", "ShEMO"),
)


def table(reference: Path | None = None) -> str:
    """The table in Markdown, accuracy in percent.

    Args:
        reference: the folder of the tracked run; the demo's by default.

    Raises:
        FileNotFoundError, KeyError: the run lacks a table or a row that a line names.
    """
    reference = reference or paths.REFERENCE / "demo"
    head = [
        "accuracy in % | the papers, on recordings of people | the demo, on synthetic voices | chance",
        "---|---|---|---",
    ]
    return "".join(f"| {line} |\n" for line in (*head, *(_written(line, reference) for line in LINES)))


def write(readme: Path = README) -> None:
    """Put the table where the README has the old one.

    Raises:
        ValueError: the README has no place for it.
    """
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(
            f"{paths.relative(readme)} has no lines {BEGIN.strip()} and {END} for the table to stand between"
        )
    with paths.replacing(readme) as partial:
        partial.write_text(f"{before}{begin}{table()}{end}{after}", encoding="utf-8")


def _written(line: Line, reference: Path) -> str:
    row = _row(line, reference)
    scale = 1 if line.percent else 100
    value, low, high = (f"{scale * row[column]:.1f}" for column in line.columns[:3])
    chance = 100 * (row[line.columns[3]] if line.columns[3] else line.chance)
    return f"{line.what} | {_printed(line)} | {value} ({low} to {high}) | {chance:.1f}"


def _row(line: Line, reference: Path) -> pd.Series:
    """The one row of the run's table that a line means."""
    rows = pd.read_csv(reference / f"{line.table}.csv")
    for column, value in line.row.items():
        rows = rows[rows[column] == value]
    if len(rows) != 1:
        raise KeyError(f"{line.table}.csv has {len(rows)} rows with {line.row}, the README's table needs one")
    return rows.iloc[0]


def _printed(line: Line) -> str:
    if line.printed is None:
        return "not asked"
    experiment, dataset, metric = line.printed
    rows = published.load()
    rows = rows[rows["experiment"].eq(experiment) & rows["dataset"].eq(dataset) & rows["metric"].eq(metric)]
    found = rows[rows["class"].isna()].iloc[0]
    return f"{found['value'] * (1 if found['unit'] == 'percent' else 100):.1f}"


def main() -> int:
    """Write the table; returns the exit status."""
    try:
        write()
    except (OSError, KeyError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
