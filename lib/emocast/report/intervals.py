"""Intervals for numbers whose tables keep none, from what the tables do keep. Each says on what it rests.

Where a table has an interval of its own (by dialogue or speaker), that one counts and nothing here is used. These take
folds or events to be independent, which windows of one dialogue are not: they are too narrow rather than too wide.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import norm, t


def of_folds(mean: float, deviation: float, *, folds: int, level: float) -> tuple[float, float]:
    """Student's interval of a cross-validated mean.

    Args:
        mean: over the folds.
        deviation: of the folds' values, with divisor `folds`, as the tables have it.
        folds: at least 2.
        level: share, for example 0.95.
    """
    half = t.ppf((1 + level) / 2, folds - 1) * deviation / np.sqrt(folds - 1)
    return mean - half, mean + half


def of_correlation(correlation: float, *, n: int, level: float) -> tuple[float, float]:
    """Fisher's interval of a correlation of `n` > 3 pairs."""
    half = norm.ppf((1 + level) / 2) / np.sqrt(n - 3)
    low, high = np.tanh([np.arctanh(correlation) - half, np.arctanh(correlation) + half])
    return float(low), float(high)


def of_mean(mean: float, deviation: float, *, n: int, level: float) -> tuple[float, float]:
    """The normal interval of a mean of `n` values."""
    half = norm.ppf((1 + level) / 2) * deviation / np.sqrt(n)
    return mean - half, mean + half


def of_class(
    scores: dict[str, float], *, support: int, total: int, level: float, draws: int, random_state: int
) -> dict[str, tuple[float, float]]:
    """Bootstrap intervals of a class's precision, recall and F1 from its row of a classification report.

    Args:
        scores: the class's precision and recall (fractions).
        support: its events.
        total: events of all classes.
        level: share of the draws inside.
        draws: how often `total` events are drawn.
        random_state: seed.

    Returns:
        precision, recall, f1: low and high end; NaN where no draw has the score, as for a class that is never named.
    """
    right = round(scores["recall"] * support)
    named = round(right / scores["precision"]) if scores["precision"] > 0 else 0
    cells = np.array([right, support - right, named - right, total - support - named + right])
    drawn = np.random.default_rng(random_state).multinomial(total, cells / total, size=draws)
    right, missed, wrong = drawn[:, 0], drawn[:, 1], drawn[:, 2]
    with np.errstate(invalid="ignore"):
        drawn_scores = {"precision": right / (right + wrong), "recall": right / (right + missed)}
        drawn_scores["f1"] = 2 * right / (2 * right + missed + wrong)
    ends = [(1 - level) / 2, (1 + level) / 2]
    known = {name: values[~np.isnan(values)] for name, values in drawn_scores.items()}
    return {
        name: tuple(np.quantile(values, ends)) if len(values) else (np.nan, np.nan) for name, values in known.items()
    }
