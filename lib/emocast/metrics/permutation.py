"""Is one model better than another on the same events? A permutation test that swaps whole dialogues.

If two models are alike, it makes no difference which of them gave which answers. So their predictions are swapped at
random, and the observed difference is held against those that swapping gives (Good 2005, Permutation, Parametric and
Bootstrap Tests of Hypotheses, section 3.7: matched pairs). Events of one dialogue resemble each other, so a dialogue is
swapped as a whole or not at all: swapping single events finds differences where there are none.

The test needs no more than that the models are alike under the null. Where they only score alike on average (a model
against persistence does: they err in different places) it holds the better the more dialogues there are;
`benchmarks/coverage.py` shows how well for 60. With G dialogues no p-value is below 2 / 2**G but by the chance of the draws.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from . import checks
from .classes import COUNTED
from .drawing import Metric, check_metric, group_counts, score

# Two draws that are the same sum in another order may differ in the last digits: they are ties, not the one above the other.
_ROUNDING = 1e-12


def permutation_test(
    y_true: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    groups: ArrayLike,
    *,
    metric: str | Metric = "accuracy",
    draws: int = 9999,
    random_state: int | np.random.Generator,
) -> dict[str, float]:
    """Test whether two models score differently on the same rows, swapping their predictions group by group.

    Two-sided: p = (k + 1) / (draws + 1), where k draws have a difference at least as far from zero as the observed one; the
    observed division counts as a draw, so that p is never 0 (Phipson & Smyth 2010, doi:10.2202/1544-6115.1585).

    To compare losses (`probabilities.brier_losses`), give them as `first` and `second` with their mean as the metric:
    `metric=lambda true, loss: loss.mean()`.

    Args:
        y_true: the true classes or values, (n,).
        first: the first model's predictions, (n,).
        second: the second model's predictions of the same rows, (n,).
        groups: what is swapped whole, (n,): the dialogues.
        metric: "accuracy", "uar", "f1_macro", or a function of (y_true, y_pred) that returns a number; a function is called
            twice a draw.
        draws: number of draws.
        random_state: seed or generator of the draws.

    Returns:
        `first` and `second`, the scores of all rows; `difference` = second - first; `p_value`; `groups`, how many there
        are, and `differing`, in how many of them the models differ at all: the test rests on these alone.

    Raises:
        ValueError: lengths differ, no row, a value is missing, the metric is unknown or there is no draw.
    """
    true, first = checks.paired(y_true, first, names=("y_true", "first"))
    second = checks.paired(true, second, names=("y_true", "second"))[1]
    owner = pd.factorize(checks.paired(groups, true, names=("groups", "y_true"))[0])[0]
    check_metric(metric)
    checks.draws(draws)
    swapped = np.random.default_rng(random_state).integers(2, size=(draws, owner.max() + 1)).astype(bool)
    differences = (_called if callable(metric) else _counted)(true, first, second, owner, swapped, metric=metric)
    of_first, of_second = (score(true, predicted, metric=metric) for predicted in (first, second))
    extreme = int((np.abs(differences) >= abs(of_second - of_first) - _ROUNDING).sum())
    return {
        "first": of_first,
        "second": of_second,
        "difference": of_second - of_first,
        "p_value": (extreme + 1) / (draws + 1),
        "groups": swapped.shape[1],
        "differing": len(np.unique(owner[first != second])),
    }


def _counted(
    true: np.ndarray, first: np.ndarray, second: np.ndarray, owner: np.ndarray, swapped: np.ndarray, *, metric: str
) -> np.ndarray:
    """The difference second - first of every draw, from the groups' confusion counts: (draws,)."""
    counts = group_counts(true, [first, second], owner)
    # In double precision, which holds counts exactly: products of whole numbers are many times slower.
    flat = [of_model.reshape(len(of_model), -1).astype(np.float64) for of_model in counts]
    moved = swapped.astype(np.float64) @ (flat[1] - flat[0])
    drawn = flat[0].sum(axis=0) + moved, flat[1].sum(axis=0) - moved
    shape = (len(swapped), *counts[0].shape[1:])
    scores = [COUNTED[metric](of_model.reshape(shape)) for of_model in drawn]
    return scores[1] - scores[0]


def _called(
    true: np.ndarray, first: np.ndarray, second: np.ndarray, owner: np.ndarray, swapped: np.ndarray, *, metric: Metric
) -> np.ndarray:
    """The difference second - first of every draw, by calling the metric on its rows: (draws,)."""
    differences = np.empty(len(swapped))
    for draw, groups in enumerate(swapped):
        rows = groups[owner]
        one, other = np.where(rows, second, first), np.where(rows, first, second)
        differences[draw] = metric(true, other) - metric(true, one)
    return differences
