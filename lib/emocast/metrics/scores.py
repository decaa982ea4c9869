"""Scores of predicted classes, all from one count of how often each was taken for each other, and of predicted numbers.

Recall, precision and F1 of a class are NaN where there is nothing to divide by. UAR averages the recalls of the classes in
`y_true`, macro F1 those on either side, as scikit-learn's `balanced_accuracy_score` and `f1_score` do. Variances divide by n.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def evaluate(y_true: ArrayLike, y_pred: ArrayLike, *, labels: Sequence[str]) -> dict[str, float]:
    """Score predictions: `accuracy`, `uar` and `f1_macro` as fractions, and `n`, the number of predictions.

    Args:
        y_true: the true classes, (n,).
        y_pred: the predicted classes, (n,).
        labels: the classes in play.

    Raises:
        ValueError: the lengths differ, there is no row, a value is missing, or a class is not in `labels`.
    """
    counts = confusion(y_true, y_pred, labels=labels).to_numpy()
    return {**{name: float(score(counts)) for name, score in COUNTED.items()}, "n": int(counts.sum())}


def per_class(y_true: ArrayLike, y_pred: ArrayLike, *, labels: Sequence[str]) -> pd.DataFrame:
    """Score each class on its own, as in the preprint's Tables 1 to 3; arguments and errors as of `evaluate`.

    Returns one row a class with `precision`, `recall`, `f1` (fractions, NaN where not defined) and `support` (count).
    """
    counts = confusion(y_true, y_pred, labels=labels).to_numpy()
    hits, support = np.diag(counts), counts.sum(axis=1)
    scores = {"precision": _ratio(hits, counts.sum(axis=0)), "recall": _ratio(hits, support), "f1": _f1(counts)}
    return pd.DataFrame({**scores, "support": support}, index=pd.Index(list(labels), name="emotion"))


def confusion(y_true: ArrayLike, y_pred: ArrayLike, *, labels: Sequence[str]) -> pd.DataFrame:
    """Count how often each class was taken for each other; arguments and errors as of `evaluate`.

    Returns counts, (classes, classes) in the order of `labels`: rows are the true classes, columns the predicted ones.
    """
    true, predicted = paired(y_true, y_pred)
    labels, size = list(labels), len(labels)
    cells = codes(true, labels=labels, side="y_true") * size + codes(predicted, labels=labels, side="y_pred")
    counts = np.bincount(cells, minlength=size * size).reshape(size, size)
    return pd.DataFrame(counts, index=pd.Index(labels, name="true"), columns=pd.Index(labels, name="predicted"))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)


def _f1(counts: np.ndarray) -> np.ndarray:
    return _ratio(2 * np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-2) + counts.sum(axis=-1))


#: The scores that can be had from confusion counts (..., classes, classes) alone, of one table or of many draws at once.
COUNTED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "accuracy": lambda counts: np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1)),
    "uar": lambda counts: np.nanmean(_ratio(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1)), axis=-1),
    "f1_macro": lambda counts: np.nanmean(_f1(counts), axis=-1),
}


def balanced_draws(
    y_true: ArrayLike, y_pred: ArrayLike, *, labels: Sequence[str], draws: int, level: float, random_state: int
) -> pd.DataFrame:
    """Score class-balanced draws: of every class as many rows as the smallest has, without replacement.

    The thesis tests on one such draw (5.1: 201 of each of four classes for ShEMO), and which rows are in it is chance. Drawing
    from the multivariate hypergeometric distribution of the counts is the same as scoring the rows, in milliseconds.

    Errors are those of `evaluate`; each class has to occur in `y_true`. Returns one row a `metric` (accuracy and UAR are one
    number here): the `mean` over the draws, and `low` to `high`, where `level` of them lie: what another draw of the same
    utterances would score, not other people.
    """
    table = confusion(y_true, y_pred, labels=labels)
    support = table.sum(axis=1)
    if (support == 0).any():
        raise ValueError(f"no row of the class {support.idxmin()!r}, so nothing can be balanced; {support.to_dict()}")
    smallest, generator = int(support.min()), np.random.default_rng(random_state)
    rows = [generator.multivariate_hypergeometric(row, smallest, size=draws) for row in table.to_numpy()]
    counts = np.stack(rows, axis=1)  # (draws, true classes, predicted classes)
    scores = pd.DataFrame({name: score(counts) for name, score in COUNTED.items()})
    ends = {"low": scores.quantile((1 - level) / 2), "high": scores.quantile((1 + level) / 2)}
    return pd.DataFrame({"mean": scores.mean(), **ends}).rename_axis("metric")


def evaluate_regression(y_true: ArrayLike, y_pred: ArrayLike) -> dict[str, float]:
    """Score predicted values of one dimension, as the thesis does (tables 5.2 and 5.3), in points of the corpus's scale.

    Takes true and predicted values, (n,); ValueError where the lengths differ, there is no row, a value is missing or no finite
    number. Returns `mse`; `max_error`, the largest absolute one; `error_mean` and `error_std`, the latter divided by n;
    `correlation` (Pearson's, NaN where a side is constant); `ccc`; `n`.
    """
    true, predicted = _numbers(y_true, y_pred)
    error, constant = predicted - true, np.ptp(true) == 0 or np.ptp(predicted) == 0
    return {
        "mse": float(np.mean(error**2)),
        "max_error": float(np.abs(error).max()),
        "error_mean": float(error.mean()),
        "error_std": float(error.std(ddof=0)),
        "correlation": float("nan" if constant else _covariance(true, predicted) / (true.std() * predicted.std())),
        "ccc": ccc(true, predicted),
        "n": len(true),
    }


def ccc(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Lin's concordance correlation: 2 covariance / (both variances + squared difference of the means), -1 to 1.

    It is 1 only on the line of identity (Lin 1989, Biometrics 45, https://doi.org/10.2307/2532051), 0 where one side is
    constant, NaN where both are the same constant (0 / 0). Arguments and errors as of `evaluate_regression`.
    """
    true, predicted = _numbers(y_true, y_pred)
    if np.ptp(true) == 0 or np.ptp(predicted) == 0:  # rounding would leave a covariance that is not quite zero
        return float("nan") if np.array_equal(true, predicted) else 0.0
    apart = (true.mean() - predicted.mean()) ** 2
    return float(2 * _covariance(true, predicted) / (true.var() + predicted.var() + apart))


def _covariance(first: np.ndarray, second: np.ndarray) -> float:
    return np.mean((first - first.mean()) * (second - second.mean()))


def shift_events(last_emotion: ArrayLike, emotion: ArrayLike) -> np.ndarray:
    """Say which events change the emotion, (n,): on them persistence is wrong by definition, and a forecast is news.

    Read scores on them beside those on the other events: who always names something other than the last emotion knows nothing
    and is right on one shift event in k - 1. Without a last emotion nothing shifts; without an emotion it is a ValueError.
    """
    last, now = (pd.Series(np.asarray(values, dtype=object)) for values in (last_emotion, emotion))
    if now.isna().any():
        raise ValueError(f"{now.isna().sum()} of {len(now)} events have no emotion; drop those rows first")
    return (last.notna() & (last != now.to_numpy())).to_numpy()


def paired(
    first: ArrayLike, second: ArrayLike, *, names: tuple[str, str] = ("y_true", "y_pred")
) -> tuple[np.ndarray, np.ndarray]:
    """Return both as arrays (n,) without missing values; ValueError, with `names` in its message, where they are not."""
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


def _numbers(y_true: ArrayLike, y_pred: ArrayLike) -> list[np.ndarray]:
    arrays = [array.astype(np.float64) for array in paired(y_true, y_pred)]
    if not np.isfinite(arrays).all():
        raise ValueError("y_true or y_pred holds infinite values")
    return arrays


def codes(values: np.ndarray, *, labels: Sequence[str], side: str) -> np.ndarray:
    """Translate classes (n,) to their places in `labels`; ValueError, which calls them `side`, where one is not there."""
    places = pd.Index(labels).get_indexer(values)
    if (places < 0).any():
        raise ValueError(f"{side} holds {values[places < 0][0]!r}, which is not among the labels {list(labels)}")
    return places
