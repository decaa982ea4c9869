"""How far a run's tables may be from the tracked reference: declared once, with the reason for each exception.

Two levels. What is counted, read or drawn by a seed is the same on every machine: such tables are compared digit for digit, all
six that a table keeps. What a trained network says is not: processors sum in other orders, a last digit grows through the
epochs, and some events on the border are decided otherwise. Such numbers may move by the points that stand here.
`emocast.verify` reads this; nothing else does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Tolerance:
    """What is allowed to the columns of some tables.

    Attributes:
        tables: patterns of `notebook/table`, as in file names.
        columns: patterns of columns.
        absolute: how far a number may be from the reference's, in the column's unit; infinite: it is not compared.
        relative: the share of the reference's number that is allowed on top.
        why: the reason, for whoever reads the list.
    """

    tables: tuple[str, ...]
    columns: tuple[str, ...]
    absolute: float
    relative: float
    why: str

    @property
    def compared(self) -> bool:
        """Whether the columns are compared at all."""
        return math.isfinite(self.absolute)

    def allows(self, reference: float) -> float:
        """How far from the reference's number another may be."""
        return self.absolute + self.relative * abs(reference)


EXACT = Tolerance(("*",), ("*",), 0.0, 0.0, "counted, read or drawn by a seed: the same on every machine")

#: Tables that hold nothing of a trained network, in notebooks that do.
_COUNTED = (
    "02_*/parts",
    "03_*/filters",
    "03_*/unreadable",
    "04_*/shared",
    "05_*/filters",
    "06_*/test_sets",
    "06_*/split_proof",
)

#: Columns that say what is compared and not how well: the design, and the papers' own numbers.
_DESIGN = (
    *("n", "n_*", "groups", "windows", "tested", "available", "support", "count", "dimension", "sample_rate"),
    *("task", "series", "model", "test_set", "language", "label", "measure", "protocol", "interval_by"),
    *("shift_s", "epoch", "stage", "clusters", "chance", "majority", "true_*", "mse_of_mean"),
    *("published*", "*_published", "*published"),
)

#: The first that fits a table and a column counts.
DECLARED: tuple[Tolerance, ...] = (
    Tolerance(("0[2-9]_*/*",), ("seconds", "*_seconds"), math.inf, 0, "how long this machine took"),
    Tolerance(_COUNTED, ("*",), 0, 0, EXACT.why),
    Tolerance(("0[2-9]_*/*",), _DESIGN, 0, 0, "what is compared, not how well: the same on every machine"),
    Tolerance(
        ("06_*/most_over_predicted",), ("emotion",), math.inf, 0, "the first of several that may be nearly alike"
    ),
    Tolerance(
        ("02_*/clusters", "02_*/cluster_sweep", "06_*/*"), ("p", "p_value", "*_p_value"), 0.25, 0,
        "a p-value far from 0 leaps with few events; the scores it belongs to are held to their own points",
    ),
    Tolerance(("03_*/encoders", "03_*/bf16"), ("*",), 0.001, 0.001, "sizes and cosines of models, not trained here"),
    Tolerance(
        ("04_*/classification_report",), ("*",), 0.10, 0, "10 points: some forty events a class, each is worth over two"
    ),
    Tolerance(("04_*/scores", "04_*/cross_validation"), ("cv_mean", "cv_std"), 5, 0, "5 points; the column is in percent"),
    Tolerance(("0[45]_*/losses", "06_*/training_log"), ("*",), 0.05, 0.15, "losses drift apart with the epochs"),
    Tolerance(("05_*/recall_by_emotion",), ("*",), 10, 0, "10 points in percent: one emotion's events alone"),
    Tolerance(("05_*/slope",), ("*",), 0.25, 0, "points a second: 5 points over the 20 seconds of the sweep"),
    Tolerance(("05_*/blocks_cost",), ("*",), 0, 0.005, "counts of windows, and a cosine of embeddings"),
    Tolerance(("05_*/*",), ("*",), 5, 0, "5 points; the columns are in percent"),
    Tolerance(("06_*/regression",), ("max_error",), 0.5, 0.10, "one utterance alone decides it"),
    Tolerance(
        ("06_*/most_over_predicted", "06_*/seen_before", "06_*/over_prediction"), ("*",), 0.10, 0,
        "10 points: a difference of two scores, or one class's share",
    ),
    Tolerance(
        ("0[2-9]_*/*",), ("*",), 0.05, 0.02,
        "5 points for a share, or 2 % more of a larger number: a network decides some events on the border otherwise",
    ),
)  # fmt: skip


def of(table: str, column: str) -> Tolerance:
    """What is allowed to a column: the first of `DECLARED` that fits, or `EXACT`.

    Args:
        table: `notebook/table`, for example "05_time_shift_sweep/sweep".
        column: the column's name.
    """
    fitting = (row for row in DECLARED if _fits(table, row.tables) and _fits(column, row.columns))
    return next(fitting, EXACT)


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
