"""Many tests at once: p-values that keep the chance of a single false claim in the whole family.

Eleven shifts times five protocols against persistence are 55 tests: at 5 % two or three of them "succeed" by chance alone.
Holm's step-down procedure (Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of
Statistics 6, https://www.jstor.org/stable/4615733) needs nothing of how the tests depend on each other (shifts of one
corpus do so strongly), and claims all that Bonferroni's correction does, and more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def holm(p_values: ArrayLike) -> np.ndarray:
    """Adjust the p-values of a family: one at or below 5 % is a claim, with at most 5 % chance of any false claim in it.

    The smallest of m is multiplied by m, the next by m - 1, and so on; none becomes smaller than one before it or larger
    than 1.

    Args:
        p_values: (m,), in any order; NaN where a test could not be made, which does not count for m.

    Returns:
        The adjusted p-values in the order given, NaN where there was none.

    Raises:
        ValueError: a value is not between 0 and 1, or the shape is not (m,).
    """
    given = np.asarray(p_values, dtype=np.float64)
    made = np.flatnonzero(~np.isnan(given))
    if given.ndim != 1 or (given[made] < 0).any() or (given[made] > 1).any():
        raise ValueError(f"p-values are one row of numbers between 0 and 1; given was {given.tolist()}")
    order = made[np.argsort(given[made], kind="stable")]
    factors = len(order) - np.arange(len(order))
    adjusted = np.full(len(given), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * given[order]), 1.0)
    return adjusted
