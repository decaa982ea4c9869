"""What every score asks of its input before it counts: one value a row, none missing, as many of one side as of the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def paired(
    first: ArrayLike, second: ArrayLike, *, names: tuple[str, str] = ("y_true", "y_pred")
) -> tuple[np.ndarray, np.ndarray]:
    """Return both as one-dimensional arrays of one length without missing values.

    Args:
        first: values, (n,).
        second: values, (n,).
        names: what the message calls them.

    Raises:
        ValueError: a shape is not (n,), a value is missing, the lengths differ, or there is no row.
    """
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


def numbers(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return both as `paired` does, in double precision.

    Raises:
        ValueError: as `paired`, or a value is no finite number.
    """
    arrays = []
    for name, array in zip(("y_true", "y_pred"), paired(y_true, y_pred), strict=True):
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} holds something that is no number: {error}") from error
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds {int((~np.isfinite(array)).sum())} infinite values of {len(array)}")
        arrays.append(array)
    return arrays[0], arrays[1]


def codes(values: np.ndarray, *, labels: Sequence[str], side: str) -> np.ndarray:
    """Translate classes to their places in `labels`.

    Args:
        values: classes, (n,).
        labels: the classes in play.
        side: what the message calls `values`.

    Raises:
        ValueError: a class is not in `labels`.
    """
    places = pd.Index(labels).get_indexer(values)
    if (places < 0).any():
        raise ValueError(f"{side} holds {values[places < 0][0]!r}, which is not among the labels {list(labels)}")
    return places


def level(value: float) -> None:
    """Raise ValueError if the level of an interval is no share between 0 and 1."""
    if not 0 < value < 1:
        raise ValueError(f"level is {value}; it is a share between 0 and 1, such as 0.95")


def draws(value: int) -> None:
    """Raise ValueError if there is not at least one draw."""
    if value < 1:
        raise ValueError(f"draws is {value}; at least one is needed")
