"""Scores of predicted emotions, all from one count: how often each class was taken for each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from . import checks


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
        **{name: float(score(counts)) for name, score in COUNTED.items()},
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
    true, predicted = checks.paired(y_true, y_pred)
    labels = list(labels)
    size = len(labels)
    cells = checks.codes(true, labels=labels, side="y_true") * size + checks.codes(
        predicted, labels=labels, side="y_pred"
    )
    counts = np.bincount(cells, minlength=size * size).reshape(size, size)
    return pd.DataFrame(counts, index=pd.Index(labels, name="true"), columns=pd.Index(labels, name="predicted"))


def class_shares(y_true: ArrayLike, y_pred: ArrayLike, *, labels: Sequence[str]) -> pd.DataFrame:
    """Compare how often each class is true with how often it is predicted: which class does a model lean to?

    Args:
        y_true: the true classes, (n,).
        y_pred: the predicted classes, (n,).
        labels: the classes in play, in the order of the rows.

    Returns:
        One row a class with `true_share`, `predicted_share` (fractions of n) and `difference` = predicted - true:
        above 0 the class is predicted too often. Differences add up to 0.

    Raises:
        ValueError: the lengths differ, there is no row, or a class is not in `labels`.
    """
    table = confusion(y_true, y_pred, labels=labels)
    shares = table.to_numpy() / table.to_numpy().sum()
    true, predicted = shares.sum(axis=1), shares.sum(axis=0)
    columns = {"true_share": true, "predicted_share": predicted, "difference": predicted - true}
    return pd.DataFrame(columns, index=pd.Index(table.index, name="emotion"))


def _accuracy(counts: np.ndarray) -> np.ndarray:
    """Accuracy from confusion counts of shape (..., classes, classes)."""
    return np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1))


def _uar(counts: np.ndarray) -> np.ndarray:
    """UAR from confusion counts of shape (..., classes, classes), over the classes that occur."""
    return np.nanmean(_ratio(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1)), axis=-1)


def _f1(counts: np.ndarray) -> np.ndarray:
    """F1 a class from confusion counts of shape (..., classes, classes)."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return _ratio(2 * hits, counts.sum(axis=-2) + counts.sum(axis=-1))


def _f1_macro(counts: np.ndarray) -> np.ndarray:
    """Macro F1 from confusion counts of shape (..., classes, classes), over the classes that occur on either side."""
    return np.nanmean(_f1(counts), axis=-1)


#: The scores that can be had from confusion counts alone, of one table or of one for each of many draws.
COUNTED: dict[str, Callable[[np.ndarray], np.ndarray]] = {"accuracy": _accuracy, "uar": _uar, "f1_macro": _f1_macro}


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide counts; NaN where there is nothing to divide by."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)
