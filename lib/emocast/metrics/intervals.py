"""How sure a score is, and the difference of two scores: bootstraps over whole groups.

Each draw takes as many groups as there are, with replacement, and all rows of each (Davison & Hinkley 1997, Bootstrap
Methods and their Application, section 3.8). For the scores of `classes.COUNTED` a draw is a sum of the groups' confusion
counts; a callable is called on the rows of every draw. Intervals are the percentiles of the draws; with few groups (under
about 20) they are known to be too narrow.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from . import checks
from .classes import COUNTED

Metric = Callable[[np.ndarray, np.ndarray], float]


def bootstrap_interval(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    groups: ArrayLike,
    *,
    metric: str | Metric = "accuracy",
    level: float = 0.95,
    draws: int = 1000,
    random_state: int | np.random.Generator,
) -> tuple[float, float]:
    """Estimate the interval of a score by a percentile bootstrap over whole groups.

    Args:
        y_true: the true classes or values, (n,).
        y_pred: the predicted classes or values, (n,).
        groups: what is drawn whole, (n,): the dialogues or speakers.
        metric: "accuracy", "uar", "f1_macro" or a function of (y_true, y_pred) that returns a number, such as `ccc`.
        level: share of the draws inside the interval, between 0 and 1.
        draws: number of draws.
        random_state: seed or generator of the draws.

    Returns:
        Lower and upper end. With a single group there is nothing to draw from: a warning and (nan, nan).

    Raises:
        ValueError: lengths differ, no row, a value is missing, the metric is unknown, or level or draws make no sense.
    """
    true, predicted = checks.paired(y_true, y_pred)
    members = checks.paired(groups, y_true, names=("groups", "y_true"))[0]
    _check_options(metric, level=level, draws=draws)
    if _single(members):
        return float("nan"), float("nan")
    scores = _drawn(true, [predicted], members, metric=metric, draws=draws, random_state=random_state)
    return _ends(scores[0], level=level)


def paired_bootstrap(
    y_true: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    metric: str | Metric = "accuracy",
    level: float = 0.95,
    draws: int = 1000,
    random_state: int | np.random.Generator,
) -> dict[str, float]:
    """Estimate how much the second model scores above the first, on the same rows: every draw is scored for both.

    The two-sided p-value is twice the share of the draws on the other side of zero, both counts raised by one so that it
    is never 0: min(1, 2 (k + 1) / (draws + 1)). A draw of exactly zero counts as the other side.

    Args:
        y_true: the true classes or values, (n,).
        first: the first model's predictions, (n,).
        second: the second model's predictions of the same rows, (n,).
        groups: what is drawn whole, (n,): the speakers; without it single rows, which takes them to be independent.
        metric: as in `bootstrap_interval`.
        level: share of the draws inside the interval, between 0 and 1.
        draws: number of draws.
        random_state: seed or generator of the draws.

    Returns:
        `first` and `second`, the scores of all rows; `difference` = second - first with `low` and `high`; `opposite`, the
        share of the draws whose difference is zero or has the other sign than `difference`; `p_value`. With a single
        group all but the first three are NaN, with a warning. Draws without a score (NaN) are left out.

    Raises:
        ValueError: as `bootstrap_interval`.
    """
    true, first = checks.paired(y_true, first, names=("y_true", "first"))
    second = checks.paired(true, second, names=("y_true", "second"))[1]
    members = np.arange(len(true)) if groups is None else checks.paired(groups, true, names=("groups", "y_true"))[0]
    _check_options(metric, level=level, draws=draws)
    of_all = [_score(true, predicted, metric=metric) for predicted in (first, second)]
    result = {"first": of_all[0], "second": of_all[1], "difference": of_all[1] - of_all[0]}
    if _single(members):
        return result | dict.fromkeys(("low", "high", "opposite", "p_value"), float("nan"))
    scores = _drawn(true, [first, second], members, metric=metric, draws=draws, random_state=random_state)
    return result | _spread(scores[1] - scores[0], around=result["difference"], level=level)


def _spread(differences: np.ndarray, *, around: float, level: float) -> dict[str, float]:
    """The interval of the drawn differences, and how many contradict the sign of the observed one."""
    known = differences[~np.isnan(differences)]
    low, high = _ends(differences, level=level)
    against = int((np.sign(around) * known <= 0).sum())
    return {
        "low": low,
        "high": high,
        "opposite": against / len(known) if len(known) else float("nan"),
        "p_value": min(1.0, 2 * (against + 1) / (len(known) + 1)) if len(known) else float("nan"),
    }


def _ends(scores: np.ndarray, *, level: float) -> tuple[float, float]:
    low, high = np.nanquantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _single(members: np.ndarray) -> bool:
    """Whether there is only one group, and so nothing to draw from; warns if so."""
    names = pd.unique(members)
    if len(names) == 1:
        message = f"all rows belong to the group {names[0]!r}: no interval can be estimated"
        warnings.warn(message, stacklevel=3)
    return len(names) == 1


def _drawn(
    true: np.ndarray,
    predictions: Sequence[np.ndarray],
    members: np.ndarray,
    *,
    metric: str | Metric,
    draws: int,
    random_state: int | np.random.Generator,
) -> list[np.ndarray]:
    """Score every draw, the same draws for each of the predictions: (draws,) each."""
    owner = pd.factorize(members)[0]
    n_groups = int(owner.max()) + 1
    generator = np.random.default_rng(random_state)
    if callable(metric):
        chosen = generator.integers(n_groups, size=(draws, n_groups))
        return [_callable_scores(true, predicted, owner, chosen, metric=metric) for predicted in predictions]
    # How often each group is in a draw of n_groups out of n_groups with replacement is multinomial.
    weights = generator.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=draws)
    return [COUNTED[metric](_weighted_counts(true, predicted, owner, weights)) for predicted in predictions]


def _weighted_counts(true: np.ndarray, predicted: np.ndarray, owner: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum the groups' confusion counts for every draw: (draws, classes, classes)."""
    codes, names = pd.factorize(np.concatenate([true, predicted]))
    size, (draws, n_groups) = len(names), weights.shape
    cells = (owner * size + codes[: len(true)]) * size + codes[len(true) :]
    counts = np.bincount(cells, minlength=n_groups * size * size).reshape(n_groups, size * size)
    return (weights @ counts).reshape(draws, size, size)


def _callable_scores(
    true: np.ndarray, predicted: np.ndarray, owner: np.ndarray, chosen: np.ndarray, *, metric: Metric
) -> np.ndarray:
    """Call the metric on the rows of every draw: (draws,)."""
    by_group = np.argsort(owner, kind="stable")
    sizes = np.bincount(owner)
    starts = np.cumsum(sizes) - sizes
    scores = np.empty(len(chosen))
    for draw, groups in enumerate(chosen):
        lengths = sizes[groups]
        # Rows of one group lie side by side in by_group: each drawn group's start, then one further a row.
        before = np.cumsum(lengths) - lengths
        rows = by_group[np.repeat(starts[groups] - before, lengths) + np.arange(lengths.sum())]
        scores[draw] = metric(true[rows], predicted[rows])
    return scores


def _score(true: np.ndarray, predicted: np.ndarray, *, metric: str | Metric) -> float:
    """The score of all rows as they are."""
    if callable(metric):
        return float(metric(true, predicted))
    whole = np.zeros(len(true), dtype=int)
    return float(COUNTED[metric](_weighted_counts(true, predicted, whole, np.ones((1, 1), dtype=int)))[0])


def _check_options(metric: str | Metric, *, level: float, draws: int) -> None:
    """Raise ValueError if the options of a bootstrap make no sense."""
    if not callable(metric) and metric not in COUNTED:
        raise ValueError(f"unknown metric {metric!r}: give a function, or one of {', '.join(COUNTED)}")
    checks.level(level)
    checks.draws(draws)
