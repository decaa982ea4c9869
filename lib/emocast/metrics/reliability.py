"""The table behind a reliability diagram: how often forecasts are right, by how sure they are.

The expected calibration error (`calibration`) is one number of this table. The table says more: whether a model is too sure
or not sure enough, where, and on how many events that rests.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from . import checks
from .calibration import by_group, check_bins, edges, places
from .drawing import group_weights
from .probabilities import checked


def reliability_table(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    *,
    labels: Sequence[str],
    bins: int = 10,
    binning: str = "width",
    groups: ArrayLike | None = None,
    level: float = 0.95,
    draws: int = 1000,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Hold the confidence of forecasts against their accuracy, bin by bin: what `figures.reliability` draws.

    Args:
        y_true: the true classes, (n,).
        probabilities: (n, k), the columns in the order of `labels`.
        labels: the k classes.
        bins: number of bins.
        binning: as in `calibration_error`.
        groups: what is drawn whole for the intervals, (n,): the dialogues. Without it they are Wilson's (1927,
            doi:10.1080/01621459.1927.10502953), which take events to be independent.
        level: share of the intervals.
        draws: draws of the bootstrap.
        random_state: seed or generator of the bootstrap; not used without groups.

    Returns:
        One row a bin that has events: `bin` (from 0), its bounds `above` and `up_to`, `confidence` (mean), `accuracy`, `n`,
        and the interval of the accuracy, `low` to `high`; all fractions. A bootstrap of a bin whose events are all right or
        all wrong has no width: it cannot know better.

    Raises:
        ValueError: as `calibration_error`, or level or draws make no sense.
    """
    check_bins(bins, binning)
    checks.level(level)
    checks.draws(draws)
    true, shares = checked(y_true, probabilities, labels=labels)
    confidence, hit = shares.max(axis=1), shares.argmax(axis=1) == true
    bounds = edges(confidence, bins=bins, binning=binning)
    events = pd.DataFrame({"bin": places(confidence, bounds), "confidence": confidence, "hit": hit})
    table = events.groupby("bin").agg(confidence=("confidence", "mean"), accuracy=("hit", "mean"), n=("hit", "size"))
    if groups is None:
        low, high = _wilson(table["accuracy"].to_numpy(), table["n"].to_numpy(), level=level)
    else:
        low, high = _drawn(events, np.asarray(groups), level=level, draws=draws, random_state=random_state)
    table = table.assign(above=bounds[table.index], up_to=bounds[table.index + 1], low=low, high=high).reset_index()
    return table[["bin", "above", "up_to", "confidence", "accuracy", "n", "low", "high"]]


def _wilson(accuracy: np.ndarray, n: np.ndarray, *, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval of shares of n independent events."""
    z = stats.norm.ppf((1 + level) / 2)
    centre = (accuracy + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(accuracy * (1 - accuracy) / n + z**2 / (4 * n**2))
    return (centre - half).clip(0), (centre + half).clip(max=1)


def _drawn(
    events: pd.DataFrame, groups: np.ndarray, *, level: float, draws: int, random_state: int | np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The interval of each bin's accuracy over draws of whole groups; a draw without events of a bin says nothing of it."""
    owner, names = pd.factorize(checks.paired(groups, events["bin"], names=("groups", "y_true"))[0])
    place = np.unique(events["bin"], return_inverse=True)[1]
    weights = group_weights(len(names), draws=draws, random_state=random_state)
    hits, counts = (by_group(owner, place, value) for value in (events["hit"], np.ones(len(events))))
    with np.errstate(invalid="ignore"):
        accuracies = (weights @ hits) / (weights @ counts)
    low, high = np.nanquantile(accuracies, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
