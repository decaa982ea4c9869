"""What is drawn whole when a score's interval is estimated: speakers where that can be, because their utterances are alike.

A recogniser that misses one speaker's anger misses it in most of that speaker's utterances, so an interval over single
utterances is too narrow. But a bootstrap over two speakers knows three outcomes. So the unit is the coarsest one that
every row has and that there are at least `FEWEST` of; each table says in `interval_by` which it was.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .. import metrics
from ..metrics.intervals import Metric

#: With fewer groups than this none is estimated from them: the next finer unit is drawn instead, or nothing.
FEWEST = 5

#: From coarse to fine. A corpus without dialogues goes from speakers to single utterances.
UNITS = ("speaker", "dialogue", "utterance")


def unit(rows: pd.DataFrame, *, units: Sequence[str] = UNITS) -> str | None:
    """The coarsest unit that every row has and of which there are at least `FEWEST`.

    Args:
        rows: predictions with the columns `units`; a missing name is a row that the unit cannot hold.
        units: the columns to choose from, from coarse to fine.

    Returns:
        The column's name, or None where even the finest has fewer.
    """
    for column in units:
        if rows[column].notna().all() and rows[column].nunique() >= FEWEST:
            return column
    return None


def interval(
    rows: pd.DataFrame,
    true: ArrayLike,
    predicted: ArrayLike,
    *,
    metric: str | Metric,
    units: Sequence[str] = UNITS,
    level: float,
    draws: int,
    random_state: int | np.random.Generator,
) -> dict[str, object]:
    """Estimate the interval of a score, by the coarsest unit that can be drawn.

    Args:
        rows: predictions, (n,), from which the groups are taken.
        true: the true classes or values, (n,).
        predicted: the predicted ones, (n,).
        metric: as in `metrics.bootstrap_interval`.
        units: as in `unit`.
        level: share of the draws inside the interval.
        draws: draws of the bootstrap.
        random_state: seed or generator of the draws.

    Returns:
        `low`, `high` and `interval_by`, the unit; with fewer than `FEWEST` of the finest unit NaN, NaN and None.

    Raises:
        ValueError: as `metrics.bootstrap_interval`.
    """
    column = unit(rows, units=units)
    if column is None:
        return {"low": np.nan, "high": np.nan, "interval_by": None}
    options = {"metric": metric, "level": level, "draws": draws, "random_state": random_state}
    low, high = metrics.bootstrap_interval(true, predicted, rows[column].to_numpy(), **options)
    return {"low": low, "high": high, "interval_by": column}
