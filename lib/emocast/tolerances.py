"""How far a run's tables may be from the tracked reference: declared once, with the reason for each exception.

Two levels. What is counted, read or drawn by a seed is the same on every machine: such tables are compared digit for digit, all
six that a table keeps. What a trained network says is not: processors sum in other orders, a last digit grows through the
epochs, and in the end the networks are others, as with another seed. When the reference of November 2026 was made again in
another session, the accuracies of notebook 06 moved by 3 points in the middle and by 8 at most, their bounds by 11. Hence each
such number may move by the points that stand here, and the middle one of a column by a third of them (`MIDDLE`): single scores
of few events leap, and a change of the method moves them all.

Both levels stand in one table where a network is held against forecasts from labels alone. So a tolerance may name rows too:
what no network has touched is exact there as well (it was the same to the digit with other vector instructions).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache


@dataclass(frozen=True)
class Tolerance:
    """What is allowed to the columns of some tables, in all rows or in some.

    Attributes:
        tables: patterns of `notebook/table`, as in file names.
        columns: patterns of columns.
        absolute: how far a number may be from the reference's, in the column's unit; infinite: it is not compared.
        relative: the share of the reference's number that is allowed on top.
        why: the reason, for whoever reads the list.
        rows: a column, and patterns of what the reference has there: only such rows are meant. None: all.
        blank: whether a cell may also be empty in one of both, because there is nothing to measure.
    """

    tables: tuple[str, ...]
    columns: tuple[str, ...]
    absolute: float
    relative: float
    why: str
    rows: tuple[str, tuple[str, ...]] | None = None
    blank: bool = False

    @property
    def compared(self) -> bool:
        """Whether the columns are compared at all."""
        return math.isfinite(self.absolute)

    def allows(self, reference: float) -> float:
        """How far from the reference's number another may be."""
        return self.absolute + self.relative * abs(reference)

    def means(self, row: Mapping[str, str]) -> bool:
        """Whether a row of the reference is one of those that are meant."""
        return self.rows is None or _fits(row.get(self.rows[0], ""), self.rows[1])


EXACT = Tolerance(("*",), ("*",), 0.0, 0.0, "counted, read or drawn by a seed: the same on every machine")

#: The share of its tolerance by which the middle one of a column's rows may move, and the rows that make a middle.
MIDDLE, ROWS = 1 / 3, 4

#: Tables that hold nothing of a trained network, in notebooks that do.
_COUNTED = (
    *("02_*/parts", "03_*/filters", "03_*/unreadable", "04_*/shared", "04_*/ladder_proof", "06_*/test_sets"),
    *("06_*/split_proof", "07_*/proof"),
)

#: Columns that say what is compared and not how well: the design, and the papers' own numbers.
_DESIGN = (
    *("n", "n_*", "groups", "windows", "tested", "available", "support", "count", "turns", "dimension", "sample_rate"),
    *("left_out", "shifts", "fraction", "train_dialogues", "train_events", "silent", "limit"),
    *("hidden_layers", "hidden_units", "dropout", "learning_rate", "batch_size", "epochs", "first", "parameters"),
    *("task", "series", "model", "test_set", "language", "label", "measure", "protocol", "interval_by"),
    *("shift_s", "second", "about_s", "epoch", "stage", "clusters", "chance", "majority", "true_*", "mse_of_mean"),
    *("published*", "*_published", "*published"),
)

#: Forecasters that read labels alone, and what can be known at best.
_LABELS = (
    *("majority", "uniform guess*", "persistence*", "dialogue mode", "scenario prior"),
    *("Markov chain*", "hidden semi-Markov", "ceiling*"),
)

_FROM_LABELS = "from labels alone, no network: the same on every machine"

#: The measures of `07_*/claims` by how far their value and its interval may move: as in the tables that they are taken from.
_CLAIMED: dict[float, tuple[str, ...]] = {
    15: ("expected calibration error*",),
    20: ("accuracy with that encoder*",),
    25: ("accuracy where*", "the same accuracy*", "accuracy with the encoder*", "held-out accuracy*"),
    10: ("*",),
}

#: The first that fits a table, a column and a row counts.
DECLARED: tuple[Tolerance, ...] = (
    Tolerance(("0[2-9]_*/*",), ("seconds", "*_seconds"), math.inf, 0, "how long this machine took"),
    Tolerance(_COUNTED, ("*",), 0, 0, EXACT.why),
    Tolerance(("07_*/reliability_*",), ("*",), math.inf, 0, "which events fall in a bin; `calibration` has the scores"),
    Tolerance(("0[2-9]_*/*",), _DESIGN, 0, 0, "what is compared, not how well: the same on every machine"),
    Tolerance(
        ("04_*/ladder", "05_*/ladder", "07_*/ladder", "07_*/scores", "07_*/changes"), ("*",), 0, 0, _FROM_LABELS,
        rows=("model", _LABELS),
    ),
    Tolerance(("07_*/meld_*",), ("*",), 0, 0, _FROM_LABELS),
    Tolerance(
        ("04_*/ladder_differences", "05_*/ladder_differences"), ("reference",), 0, 0, _FROM_LABELS, rows=("baseline", _LABELS)
    ),
    Tolerance(
        ("07_*/against_persistence", "07_*/skill", "08_*/scores"),
        ("reference", "persistence", "ceiling", "best", "undefined", "reason"), 0, 0, _FROM_LABELS,
    ),
    Tolerance(("04_*/accuracy_beside_published",), ("*",), 0, 0, "printed in the paper", rows=("series", ("published: *",))),
    Tolerance(("05_*/slope",), ("*",), 0, 0, "printed in the paper", rows=("source", ("preprint*",))),
    Tolerance(
        ("05_*/blocks_cost",), ("*",), 0, 0, "seconds of sound, counted", rows=("quantity", ("exact", "blocks", "ratio"))
    ),
    Tolerance(
        ("0[2-9]_*/*",), ("p", "p_value", "*_p_value", "p_holm", "p_mcnemar"), math.inf, 0,
        "where nothing is there a p-value is any number; the difference that it tests is compared",
    ),
    Tolerance(
        ("0[457]_*/*",), ("verdict", "evidence", "meaning"), math.inf, 0,
        "words about numbers: `judged` says which of them may move, and when",
    ),
    Tolerance(
        ("06_*/most_over_predicted",), ("emotion", "stays"), math.inf, 0, "the first of several that may be nearly alike"
    ),
    Tolerance(("06_*/training_log",), ("lr",), math.inf, 0, "it falls in the epoch after the error did not"),
    Tolerance(("03_*/encoders", "03_*/bf16"), ("*",), 0.01, 0.01, "sizes and cosines of models"),
    Tolerance(("0[45]_*/losses", "06_*/training_log"), ("*",), 0.2, 0.15, "losses drift apart with the epochs"),
    Tolerance(("04_*/classification_report",), ("*",), 0.25, 0, "some forty events a class: each is worth over 2 points"),
    Tolerance(("05_*/recall_by_emotion",), ("*",), 15, 0, "percent: one emotion's events alone"),
    Tolerance(("05_*/slope",), ("*",), 0.4, 0, "points a second: 8 points over the 20 seconds of the sweep"),
    Tolerance(("05_*/blocks_cost",), ("*",), 0.05, 0.005, "a cosine of embeddings"),
    Tolerance(
        ("07_*/skill",), ("skill", "low", "high"), math.inf, 0,
        "a quotient of small differences; score, persistence and ceiling are compared",
    ),
    Tolerance(("07_*/calibration",), ("temperature",), math.inf, 0, "a network that knows little has any temperature"),
    Tolerance(
        ("07_*/claims",), ("value",), 10, 0, "seconds, two steps of the sweep: how far ahead, which may be no shift at all",
        rows=("measure", ("the longest shift*",)), blank=True,
    ),
    *(
        Tolerance(("07_*/claims",), ("value", "low", "high"), points, 0, "points, by measure", rows=("measure", measures))
        for points, measures in _CLAIMED.items()
    ),
    Tolerance(("07_*/encoders",), ("*",), 20, 0, "percent: the events of one session"),
    Tolerance(("07_*/encoder_differences", "07_*/changes"), ("*",), 0.25, 0, "some hundred events in each row"),
    Tolerance(("07_*/search",), ("*",), 15, 0, "percent: deep networks of few units end anywhere"),
    Tolerance(
        ("04_*/ladder*", "05_*/*", "07_*/ladder"), ("*",), 10, 0,
        "10 points; the columns are in percent, of some hundred events",
    ),
    Tolerance(("04_*/*",), ("cv_mean", "cv_std"), 10, 0, "10 points; the columns are in percent"),
    Tolerance(("06_*/regression",), ("max_error",), 0.5, 0.10, "one utterance alone decides it"),
    Tolerance(("06_*/direction",), ("*",), 0.6, 0, "on a scale from 1 to 5"),
    Tolerance(("06_*/second_objective",), ("group_*",), 0.25, 0, "an interval of a difference, by few speakers"),
    Tolerance(("06_*/over_prediction",), ("*",), 0.3, 0, "30 points: one class's share of few predictions"),
    Tolerance(("06_*/regression",), ("error_mean",), 0.35, 0, "on a scale from 1 to 5: a lean of the whole network"),
    Tolerance(
        ("06_*/scores",), ("f1_*",), 0.25, 0,
        "25 points: a class that is hardly named makes it leap; a last digit of the first training moved one by 12",
    ),
    Tolerance(
        ("06_*/most_over_predicted", "06_*/second_objective"), ("*",), 0.25, 0, "25 points: one class, few speakers"
    ),
    Tolerance(("07_*/against_persistence",), ("only_*",), 25, 0, "events, of some hundreds: which ones a network gets right"),
    Tolerance(
        ("08_*/scores", "08_*/answers"), ("answered_*", "forecast_*"), math.inf, 0,
        "less than a tenth is answered: single events", rows=("answered", ("0", "0.0*")),
    ),
    Tolerance(
        ("08_*/scores", "08_*/answers"), ("answered_*", "forecast_*"), 0.5, 0,
        "shares of the answers, of which there may be none", blank=True,
    ),
    Tolerance(
        ("08_*/scores", "08_*/answers"), ("answered", "unsure", "unlike"), 0.5, 0,
        "half of what is asked: the limits are fitted on few dialogues, which moved a share by 15 points",
    ),
    Tolerance(("08_*/against_truth",), ("answered",), 12, 0, "turns, half of those of one recording: as the shares answered"),
    Tolerance(("08_*/against_truth",), ("*",), 8, 0.3, "turns of one recording"),
    Tolerance(("0[2-9]_*/*",), ("*",), 0.15, 0.05, "15 points for a share, or 5 % more of a larger number"),
)  # fmt: skip


@cache
def fitting(table: str, column: str) -> tuple[Tolerance, ...]:
    """Those of `DECLARED` that may count for a column's cells, in their order; `EXACT` last where none of them means all rows.

    Args:
        table: `notebook/table`, for example "05_time_shift_sweep/sweep".
        column: the column's name.
    """
    fits = [rule for rule in (*DECLARED, EXACT) if _fits(table, rule.tables) and _fits(column, rule.columns)]
    return tuple(fits[: 1 + next(place for place, rule in enumerate(fits) if rule.rows is None)])


def of(table: str, column: str, row: Mapping[str, str]) -> Tolerance:
    """What is allowed to a cell.

    Args:
        table: `notebook/table`.
        column: the column's name.
        row: the cell's row in the reference, as text.
    """
    return next(rule for rule in fitting(table, column) if rule.means(row))


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
