"""Scores of predicted valence or arousal, as the thesis prints them (tables 5.2 and 5.3), and the concordance.

Correlation alone is blind to a model that is always a point too high or that says little more than the mean; the
concordance correlation coefficient (CCC) of Lin (1989), "A concordance correlation coefficient to evaluate
reproducibility", Biometrics 45, https://doi.org/10.2307/2532051, is 1 only on the line of identity.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from . import checks


def evaluate_regression(y_true: ArrayLike, y_pred: ArrayLike) -> dict[str, float]:
    """Score predicted values of one dimension. An error is predicted - true, in points of the corpus's scale.

    Args:
        y_true: the true values, (n,).
        y_pred: the predicted values, (n,).

    Returns:
        `mse`, the mean squared error; `max_error`, the largest absolute error; `error_mean` and `error_std`, mean and
        standard deviation (divided by n) of the error; `correlation` and `ccc` as the functions of that name; `n`.

    Raises:
        ValueError: the lengths differ, there is no row, a value is missing or no finite number.
    """
    true, predicted = checks.numbers(y_true, y_pred)
    error = predicted - true
    return {
        "mse": float(np.mean(error**2)),
        "max_error": float(np.abs(error).max()),
        "error_mean": float(error.mean()),
        "error_std": float(error.std(ddof=0)),
        "correlation": correlation(true, predicted),
        "ccc": ccc(true, predicted),
        "n": len(true),
    }


def correlation(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Pearson's correlation; NaN where one side is constant.

    Args:
        y_true: the true values, (n,).
        y_pred: the predicted values, (n,).

    Raises:
        ValueError: as `evaluate_regression`.
    """
    true, predicted = checks.numbers(y_true, y_pred)
    if _constant(true) or _constant(predicted):
        return float("nan")
    return float(_covariance(true, predicted) / (true.std() * predicted.std()))


def ccc(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Lin's concordance correlation: 2 covariance / (both variances + squared difference of the means).

    Args:
        y_true: the true values, (n,).
        y_pred: the predicted values, (n,).

    Returns:
        Between -1 and 1; 0 where one side is constant, NaN where both are the same constant (0 / 0).

    Raises:
        ValueError: as `evaluate_regression`.
    """
    true, predicted = checks.numbers(y_true, y_pred)
    if _constant(true) or _constant(predicted):  # rounding would leave a covariance that is not quite zero
        return float("nan") if np.array_equal(true, predicted) else 0.0
    apart = (true.mean() - predicted.mean()) ** 2
    return float(2 * _covariance(true, predicted) / (true.var() + predicted.var() + apart))


def _covariance(first: np.ndarray, second: np.ndarray) -> float:
    return np.mean((first - first.mean()) * (second - second.mean()))


def _constant(values: np.ndarray) -> bool:
    return bool(values.min() == values.max())
