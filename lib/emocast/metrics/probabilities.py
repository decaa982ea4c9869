"""Scores of forecast probabilities: did the model know how much it knew?

Both scores here are proper: a model does best, on average, by saying what it believes (Gneiting & Raftery 2007,
doi:10.1198/016214506000001437). Each is a mean over events, so its interval is that of a mean: give the losses of the events
to `loss_interval`.

- Brier (Brier 1950): the squared distance of the probabilities from the truth, summed over the classes: 0 for a sure hit, 2
  for a sure miss, (k - 1) / k for equal shares of k classes. The half of it, from 0 to 1, is what two classes often get.
- log loss: minus the logarithm of the probability of what came true, in nats: 0 for a sure hit, log k for equal shares,
  infinite for a sure miss. One event can decide it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from . import checks
from .drawing import group_weights, single
from .intervals import ends, percentiles

# How far from 1 the probabilities of a row may add up: networks give single precision, tables a few decimals.
_ROUNDING = 1e-3


def brier_score(y_true: ArrayLike, probabilities: ArrayLike, *, labels: Sequence[str]) -> float:
    """The mean Brier loss: 0 (sure and right) to 2 (sure and wrong); lower is better. See `brier_losses`."""
    return float(brier_losses(y_true, probabilities, labels=labels).mean())


def log_loss(y_true: ArrayLike, probabilities: ArrayLike, *, labels: Sequence[str]) -> float:
    """The mean log loss in nats: 0 to infinity; lower is better. See `log_losses`."""
    return float(log_losses(y_true, probabilities, labels=labels).mean())


def brier_losses(y_true: ArrayLike, probabilities: ArrayLike, *, labels: Sequence[str]) -> np.ndarray:
    """The Brier loss of each event: the squared errors of its probabilities, summed over the classes.

    Args:
        y_true: the true classes, (n,).
        probabilities: (n, k), the columns in the order of `labels`.
        labels: the k classes.

    Returns:
        Losses, (n,), from 0 to 2.

    Raises:
        ValueError: as `checked`.
    """
    true, shares = checked(y_true, probabilities, labels=labels)
    shares[np.arange(len(true)), true] -= 1
    return np.sum(shares**2, axis=1)


def log_losses(y_true: ArrayLike, probabilities: ArrayLike, *, labels: Sequence[str]) -> np.ndarray:
    """The log loss of each event: minus the natural logarithm of the probability of its true class.

    Args:
        y_true: the true classes, (n,).
        probabilities: (n, k), the columns in the order of `labels`.
        labels: the k classes.

    Returns:
        Losses in nats, (n,); infinite where the true class had the probability 0.

    Raises:
        ValueError: as `checked`.
    """
    true, shares = checked(y_true, probabilities, labels=labels)
    with np.errstate(divide="ignore"):  # a sure miss costs infinitely much, and is to be seen
        return -np.log(shares[np.arange(len(true)), true])


def loss_interval(
    losses: ArrayLike,
    groups: ArrayLike,
    *,
    level: float = 0.95,
    draws: int = 1000,
    method: str = "percentile",
    random_state: int | np.random.Generator,
) -> tuple[float, float]:
    """The interval of a mean loss, by a bootstrap over whole groups.

    Args:
        losses: one loss an event, (n,).
        groups: what is drawn whole, (n,): the dialogues.
        level: share of the interval.
        draws: draws of the bootstrap.
        method: "percentile" or "expanded"; see `intervals.percentiles`.
        random_state: seed or generator of the draws.

    Returns:
        Lower and upper end; (nan, nan) with a warning where there is one group.

    Raises:
        ValueError: lengths differ, no row, a value is missing, or level, draws or method make no sense.
    """
    checks.level(level)
    checks.draws(draws)
    members, values = checks.paired(groups, losses, names=("groups", "losses"))
    owner, names = pd.factorize(members)
    at = percentiles(level, groups=max(2, len(names)), method=method)
    if single(members):
        return float("nan"), float("nan")
    # A draw's mean is the groups' sums over their sizes, each as often as it is drawn.
    weights = group_weights(len(names), draws=draws, random_state=random_state)
    return ends((weights @ np.bincount(owner, weights=values)) / (weights @ np.bincount(owner)), at)


def checked(y_true: ArrayLike, probabilities: ArrayLike, *, labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the true classes as places in `labels`, (n,), and a copy of the probabilities in double precision, (n, k).

    Raises:
        ValueError: a shape does not fit, a class is not in `labels`, a value is missing, negative, or a row does not add
            up to 1.
    """
    labels, true = list(labels), np.asarray(y_true)
    shares = np.array(probabilities, dtype=np.float64)
    if shares.shape != (len(true), len(labels)):
        raise ValueError(
            f"the probabilities have the shape {shares.shape}; {len(true)} rows of the {len(labels)} classes "
            f"{', '.join(labels)} are needed"
        )
    true = checks.codes(checks.paired(true, true)[0], labels=labels, side="y_true")
    sums = shares.sum(axis=1)
    wrong = ~((shares >= 0).all(axis=1) & (np.abs(sums - 1) <= _ROUNDING))  # a missing value is neither
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"{int(wrong.sum())} of {len(true)} rows are no probabilities that add up to 1; row {row} is {shares[row]}"
        )
    return true, shares
