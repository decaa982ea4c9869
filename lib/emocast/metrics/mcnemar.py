"""McNemar's test of two classifiers on the same events, because papers report it.

**It takes events to be independent, and those of one dialogue are not**: its p-values are then too small, and the more so
the more alike the events of a dialogue are. It stands here beside `permutation_test`, which swaps whole dialogues, so that
a reader sees what the assumption is worth; where the two disagree, the permutation test is to be believed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from . import checks


def mcnemar_test(y_true: ArrayLike, first: ArrayLike, second: ArrayLike) -> dict[str, float]:
    """Compare the accuracies of two models by the events that only one of them gets right; events count as independent.

    `p_exact` is the exact conditional test: twice the binomial probability, at 1/2, of a split as uneven as this one. It is
    never too small (for independent events) and mostly too large. `p_mid` counts the observed split itself by half, which
    keeps to 5 % far more closely; it is the variant advised by Fagerland, Lydersen & Laake 2013
    (doi:10.1186/1471-2288-13-91).

    Args:
        y_true: the true classes, (n,).
        first: the first model's predictions, (n,).
        second: the second model's predictions of the same rows, (n,).

    Returns:
        `only_first` and `only_second`, the events that one model alone gets right; `p_exact` and `p_mid`, both two-sided,
        and both 1 where no event tells the models apart.

    Raises:
        ValueError: the lengths differ, a value is missing, or there is no row.
    """
    true, first = checks.paired(y_true, first, names=("y_true", "first"))
    second = checks.paired(true, second, names=("y_true", "second"))[1]
    only_first = int(((first == true) & (second != true)).sum())
    only_second = int(((first != true) & (second == true)).sum())
    return {"only_first": only_first, "only_second": only_second, **_p_values(only_first, only_second)}


def _p_values(one: int, other: int) -> dict[str, float]:
    """The exact and the mid-p value of a split of discordant events."""
    total = one + other
    if total == 0:
        return {"p_exact": 1.0, "p_mid": 1.0}
    splits = stats.binom.pmf(np.arange(total + 1), total, 0.5)
    uneven = np.abs(2 * np.arange(total + 1) - total)
    as_uneven, more_uneven = (
        float(splits[mask].sum()) for mask in (uneven >= abs(one - other), uneven > abs(one - other))
    )
    return {"p_exact": min(1.0, as_uneven), "p_mid": (as_uneven + more_uneven) / 2}
