"""Groups drawn whole, and the score of each draw: what intervals, tests and skills are made of.

For the scores of `classes.COUNTED` a draw need not touch the rows: it is a sum of the groups' confusion counts, which makes
a thousand draws a product of two small matrices. Any other score is a function that is called on the rows of each draw.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from .classes import COUNTED

#: A score of (y_true, y_pred), arrays of one length.
Metric = Callable[[np.ndarray, np.ndarray], float]


def single(members: np.ndarray) -> bool:
    """Whether there is only one group, and so nothing to draw from; warns if so."""
    names = pd.unique(members)
    if len(names) == 1:
        message = f"all rows belong to the group {names[0]!r}: no interval can be estimated"
        warnings.warn(message, stacklevel=3)
    return len(names) == 1


def drawn(
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
    weights = group_weights(n_groups, draws=draws, random_state=generator)
    return [COUNTED[metric](_weighted_counts(true, predicted, owner, weights)) for predicted in predictions]


def group_weights(groups: int, *, draws: int, random_state: int | np.random.Generator) -> np.ndarray:
    """How often each group is in each draw of as many as there are, with replacement: multinomial, (draws, groups)."""
    return np.random.default_rng(random_state).multinomial(groups, np.full(groups, 1 / groups), size=draws)


def _weighted_counts(true: np.ndarray, predicted: np.ndarray, owner: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum the groups' confusion counts for every draw: (draws, classes, classes)."""
    (counts,) = group_counts(true, [predicted], owner)
    draws, (n_groups, size, _) = len(weights), counts.shape
    return (weights @ counts.reshape(n_groups, size * size)).reshape(draws, size, size)


def group_counts(true: np.ndarray, predictions: Sequence[np.ndarray], owner: np.ndarray) -> list[np.ndarray]:
    """Count for each group how often each class was taken for each other, over one order of classes for all predictions.

    Args:
        true: the true classes, (n,).
        predictions: the predicted classes of each model, (n,) each.
        owner: the group of each row, (n,), numbered from 0.

    Returns:
        Counts of each model, (groups, classes, classes).
    """
    codes, names = pd.factorize(np.concatenate([true, *predictions]))
    of_true, *of_models = np.split(codes, 1 + len(predictions))
    size, n_groups = len(names), int(owner.max()) + 1
    cells = [(owner * size + of_true) * size + of_model for of_model in of_models]
    return [np.bincount(cell, minlength=n_groups * size * size).reshape(n_groups, size, size) for cell in cells]


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


def score(true: np.ndarray, predicted: np.ndarray, *, metric: str | Metric) -> float:
    """The score of all rows as they are."""
    if callable(metric):
        return float(metric(true, predicted))
    whole = np.zeros(len(true), dtype=int)
    return float(COUNTED[metric](_weighted_counts(true, predicted, whole, np.ones((1, 1), dtype=int)))[0])


def check_metric(metric: str | Metric) -> None:
    """Raise ValueError if a metric is neither a function nor the name of one that can be had from counts."""
    if not callable(metric) and metric not in COUNTED:
        raise ValueError(f"unknown metric {metric!r}: give a function, or one of {', '.join(COUNTED)}")
