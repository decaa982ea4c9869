"""Scores of predicted classes, and how sure a score is: one place, so that every table means the same by its numbers.

Conventions, kept by every function here:

- Scores are fractions between 0 and 1, not percent.
- Recall of a class = its hits / its true occurrences; not defined (NaN) for a class that never occurs in `y_true`.
- Precision = hits / times predicted; not defined (NaN) for a class that is never predicted.
- F1 = 2 hits / (true occurrences + times predicted); not defined (NaN) for a class that occurs on neither side.
- UAR (unweighted average recall) = the mean of the recalls of the classes present in `y_true`; a class that is only
  predicted lowers the recall of the others and has none itself. This is scikit-learn's `balanced_accuracy_score`.
- Macro F1 = the mean of F1 over the classes present in `y_true` or `y_pred`; scikit-learn's `f1_score` does the same.

Utterances of one dialogue resemble each other, so a score over 1,000 of them is less sure than 1,000 coin flips are.
`bootstrap_interval` therefore draws whole groups (dialogues), never single rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

Metric = Callable[[np.ndarray, np.ndarray], float]


def evaluate(y_true: ArrayLike, y_pred: ArrayLike, *, labels: Sequence[str]) -> dict[str, float]:
    """Score predictions by the project's standard figures.

    Args:
        y_true: the true classes, (n,).
        y_pred: the predicted classes, (n,).
        labels: the classes in play; any other in `y_true` or `y_pred` is an error.

    Returns:
        `accuracy`, `uar` and `f1_macro` as fractions, and `n`, the number of predictions.

    Raises:
        ValueError: the lengths differ, there is no row, or a class is not in `labels`.
    """
    counts = confusion(y_true, y_pred, labels=labels).to_numpy()
    return {
        "accuracy": float(_accuracy(counts)),
        "uar": float(_uar(counts)),
        "f1_macro": float(np.nanmean(_f1(counts))),
        "n": int(counts.sum()),
    }


def per_class(y_true: ArrayLike, y_pred: ArrayLike, *, labels: Sequence[str]) -> pd.DataFrame:
    """Score each class on its own, as in the preprint's Tables 1 to 3.

    Args:
        y_true: the true classes, (n,).
        y_pred: the predicted classes, (n,).
        labels: the classes in play, in the order of the rows.

    Returns:
        One row a class with `precision`, `recall`, `f1` (fractions, NaN where not defined) and `support` (count).

    Raises:
        ValueError: the lengths differ, there is no row, or a class is not in `labels`.
    """
    table = confusion(y_true, y_pred, labels=labels)
    counts = table.to_numpy()
    hits = np.diag(counts)
    scores = {
        "precision": _ratio(hits, counts.sum(axis=0)),
        "recall": _ratio(hits, counts.sum(axis=1)),
        "f1": _f1(counts),
        "support": counts.sum(axis=1),
    }
    return pd.DataFrame(scores, index=pd.Index(table.index, name="emotion"))


def confusion(y_true: ArrayLike, y_pred: ArrayLike, *, labels: Sequence[str]) -> pd.DataFrame:
    """Count how often each class was taken for each other.

    Args:
        y_true: the true classes, (n,).
        y_pred: the predicted classes, (n,).
        labels: the classes in play, in the order of rows and columns.

    Returns:
        Counts, (classes, classes): rows are the true classes, columns the predicted ones.

    Raises:
        ValueError: the lengths differ, there is no row, or a class is not in `labels`.
    """
    true, predicted = _checked(y_true, y_pred)
    labels = list(labels)
    size = len(labels)
    cells = _codes(true, labels=labels, side="y_true") * size + _codes(predicted, labels=labels, side="y_pred")
    counts = np.bincount(cells, minlength=size * size).reshape(size, size)
    return pd.DataFrame(counts, index=pd.Index(labels, name="true"), columns=pd.Index(labels, name="predicted"))


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

    Each draw takes as many groups as there are, with replacement, and all rows of each (Davison & Hinkley 1997,
    Bootstrap Methods and their Application, section 3.8). For "accuracy" and "uar" a draw is a sum of the groups'
    confusion counts; a callable is called on the rows of every draw. With few groups (under about 20) percentile
    intervals are known to be too narrow.

    Args:
        y_true: the true classes, (n,).
        y_pred: the predicted classes, (n,).
        groups: what is drawn whole, (n,): the dialogues.
        metric: "accuracy", "uar" or a function of (y_true, y_pred) that returns a number.
        level: share of the draws inside the interval, between 0 and 1.
        draws: number of draws.
        random_state: seed or generator of the draws.

    Returns:
        Lower and upper end. With a single group there is nothing to draw from: a warning and (nan, nan).

    Raises:
        ValueError: lengths differ, no row, a value is missing, the metric is unknown, or level or draws make no sense.
    """
    true, predicted = _checked(y_true, y_pred)
    members = _checked(groups, y_true, names=("groups", "y_true"))[0]
    _check_draws(metric, level=level, draws=draws)
    owner, names = pd.factorize(members)
    if len(names) < 2:
        warnings.warn(f"all rows belong to the group {names[0]!r}: no interval can be estimated", stacklevel=2)
        return float("nan"), float("nan")
    generator = np.random.default_rng(random_state)
    if callable(metric):
        scores = _callable_draws(true, predicted, owner, metric=metric, draws=draws, generator=generator)
    else:
        scores = _COUNTED[metric](_drawn_counts(true, predicted, owner, draws=draws, generator=generator))
    low, high = np.nanquantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _drawn_counts(
    true: np.ndarray, predicted: np.ndarray, owner: np.ndarray, *, draws: int, generator: np.random.Generator
) -> np.ndarray:
    """Sum the groups' confusion counts for every draw: (draws, classes, classes)."""
    codes, labels = pd.factorize(np.concatenate([true, predicted]))
    size, n_groups = len(labels), int(owner.max()) + 1
    cells = (owner * size + codes[: len(true)]) * size + codes[len(true) :]
    counts = np.bincount(cells, minlength=n_groups * size * size).reshape(n_groups, size * size)
    # How often each group is in a draw of n_groups out of n_groups with replacement is multinomial.
    weights = generator.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=draws)
    return (weights @ counts).reshape(draws, size, size)


def _callable_draws(
    true: np.ndarray,
    predicted: np.ndarray,
    owner: np.ndarray,
    *,
    metric: Metric,
    draws: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Call the metric on the rows of every draw: (draws,)."""
    n_groups = int(owner.max()) + 1
    rows_of = [np.flatnonzero(owner == group) for group in range(n_groups)]
    scores = np.empty(draws)
    for draw, chosen in enumerate(generator.integers(n_groups, size=(draws, n_groups))):
        rows = np.concatenate([rows_of[group] for group in chosen])
        scores[draw] = metric(true[rows], predicted[rows])
    return scores


def _accuracy(counts: np.ndarray) -> np.ndarray:
    """Accuracy from confusion counts of shape (..., classes, classes)."""
    return np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1))


def _uar(counts: np.ndarray) -> np.ndarray:
    """UAR from confusion counts of shape (..., classes, classes), over the classes that occur."""
    return np.nanmean(_ratio(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1)), axis=-1)


def _f1(counts: np.ndarray) -> np.ndarray:
    """F1 a class from confusion counts (classes, classes)."""
    return _ratio(2 * np.diag(counts), counts.sum(axis=0) + counts.sum(axis=1))


_COUNTED: dict[str, Callable[[np.ndarray], np.ndarray]] = {"accuracy": _accuracy, "uar": _uar}


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide counts; NaN where there is nothing to divide by."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)


def _checked(
    first: ArrayLike, second: ArrayLike, *, names: tuple[str, str] = ("y_true", "y_pred")
) -> tuple[np.ndarray, np.ndarray]:
    """Return both as one-dimensional arrays of one length without missing values, or raise ValueError."""
    arrays = np.asarray(first), np.asarray(second)
    for name, array in zip(names, arrays, strict=True):
        if array.ndim != 1:
            raise ValueError(f"{name} has the shape {array.shape}; one value a row is needed")
        if pd.isna(array).any():
            raise ValueError(f"{name} misses {int(pd.isna(array).sum())} of {len(array)} values; drop those rows first")
    if len(arrays[0]) != len(arrays[1]):
        raise ValueError(f"{names[0]} has {len(arrays[0])} rows, {names[1]} has {len(arrays[1])}")
    if len(arrays[0]) == 0:
        raise ValueError(f"{names[0]} and {names[1]} are empty: there is nothing to score")
    return arrays


def _codes(values: np.ndarray, *, labels: list[str], side: str) -> np.ndarray:
    """Translate classes to their places in `labels`, or raise ValueError for one that has none."""
    codes = pd.Index(labels).get_indexer(values)
    if (codes < 0).any():
        raise ValueError(f"{side} holds {values[codes < 0][0]!r}, which is not among the labels {labels}")
    return codes


def _check_draws(metric: str | Metric, *, level: float, draws: int) -> None:
    """Raise ValueError if the options of a bootstrap make no sense."""
    if not callable(metric) and metric not in _COUNTED:
        raise ValueError(f"unknown metric {metric!r}: give a function, or one of {', '.join(_COUNTED)}")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it is a share between 0 and 1, such as 0.95")
    if draws < 1:
        raise ValueError(f"draws is {draws}; at least one is needed")
