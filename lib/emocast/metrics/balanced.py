"""How much of a score hangs on the class-balanced draw that it was measured on.

The thesis tests on equally many utterances of each class, drawn at random (5.1): 201 of each of four for ShEMO. Which ones
is chance, so a score printed from one draw has a spread that no reader sees. The predictions are made once, for all
utterances; here only the draw is repeated.

A draw need not touch the utterances: of a class that was predicted k_1, ..., k_c times as each class, a draw of m without
replacement is a draw from the multivariate hypergeometric distribution of k_1, ..., k_c. That is the same as scoring the
rows of `sample.undersampled_positions`, in milliseconds for a thousand draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from . import checks
from .classes import COUNTED, confusion


def balanced_draws(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: Sequence[str],
    draws: int = 1000,
    random_state: int | np.random.Generator,
) -> pd.DataFrame:
    """Score many class-balanced draws: of every class as many rows as the smallest has, without replacement.

    Args:
        y_true: the true classes, (n,).
        y_pred: the predicted classes, (n,).
        labels: the classes in play; each has to occur in `y_true`.
        draws: number of draws.
        random_state: seed or generator of the draws.

    Returns:
        One row a draw: `draw` (from 0), `accuracy`, `uar`, `f1_macro` as fractions, and `n`, the rows of a draw. In a
        balanced draw accuracy and UAR are the same number.

    Raises:
        ValueError: as `evaluate`, or a class never occurs in `y_true`, or there is no draw.
    """
    checks.draws(draws)
    table = confusion(y_true, y_pred, labels=labels)
    support = table.sum(axis=1)
    if (support == 0).any():
        raise ValueError(f"no row of the class {support.idxmin()!r}, so nothing can be balanced; {support.to_dict()}")
    smallest = int(support.min())
    generator = np.random.default_rng(random_state)
    rows = [generator.multivariate_hypergeometric(row, smallest, size=draws) for row in table.to_numpy()]
    counts = np.stack(rows, axis=1)  # (draws, true classes, predicted classes)
    scores = {name: score(counts) for name, score in COUNTED.items()}
    return pd.DataFrame({"draw": np.arange(draws), **scores, "n": smallest * len(table)})


def summarise_draws(table: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Mean and range of the scores of many draws.

    The range says what another draw from the same utterances would have scored. It says nothing of other utterances
    or speakers: for those see `bootstrap_interval`.

    Args:
        table: the result of `balanced_draws`.
        level: share of the draws between `low` and `high`, between 0 and 1.

    Returns:
        One row a metric (index `metric`) with `mean`, `low` and `high`, fractions.

    Raises:
        ValueError: the level makes no sense.
    """
    checks.level(level)
    scores = table[list(COUNTED)]
    summary = {
        "mean": scores.mean(),
        "low": scores.quantile((1 - level) / 2),
        "high": scores.quantile((1 + level) / 2),
    }
    return pd.DataFrame(summary).rename_axis("metric")
