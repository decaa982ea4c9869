"""What evidence makes of a claim: supported, contradicted, or not shown, which is neither.

Two kinds of claims are made of a number. *Above*: it is higher than a limit (a score than chance, a difference than zero).
*Within*: it is no higher than a limit (a calibration error than what is tolerated). Both are judged by the interval, and
where a claim is one of several tests of a family also by its adjusted p-value. An interval that holds the limit decides
nothing: "not shown" is what it says, not "not so".
"""

from __future__ import annotations

import math

SUPPORTED, NOT_SHOWN, CONTRADICTED = "supported", "not shown", "contradicted"

#: In the order in which `claims.MEANINGS` has its sentences.
VERDICTS: tuple[str, ...] = (SUPPORTED, NOT_SHOWN, CONTRADICTED)


def above(low: float, high: float, *, limit: float = 0.0, p_value: float | None = None, level: float = 0.95) -> str:
    """Judge the claim that a number is above a limit.

    Args:
        low: the lower end of its interval.
        high: the upper end.
        limit: what it is to be above.
        p_value: of a test that it equals the limit, adjusted for the family of tests; None where there is none.
        level: share of the interval; a p-value has to be at or below the rest.

    Returns:
        `SUPPORTED` where the whole interval lies above the limit and the test rejects, `CONTRADICTED` where it lies below
        and the test rejects, else `NOT_SHOWN`; an end that is NaN shows nothing.
    """
    rejects = p_value is None or p_value <= 1 - level + 1e-12  # 1 - 0.95 is a little more than 0.05
    if low > limit and rejects:
        return SUPPORTED
    return CONTRADICTED if high < limit and rejects else NOT_SHOWN


def within(low: float, high: float, *, limit: float) -> str:
    """Judge the claim that a number is no higher than a limit.

    Args:
        low: the lower end of its interval.
        high: the upper end.
        limit: what is tolerated.

    Returns:
        `SUPPORTED` where the whole interval lies at or below the limit, `CONTRADICTED` where it lies above, else
        `NOT_SHOWN`; an end that is NaN shows nothing.
    """
    if high <= limit:
        return SUPPORTED
    return CONTRADICTED if low > limit else NOT_SHOWN


def said(value: float, low: float, high: float, *, p_value: float | None = None, unit: str = "%") -> str:
    """Write a number with its interval for a table.

    Args:
        value: in percent or points.
        low: the lower end.
        high: the upper end.
        p_value: adjusted, or None.
        unit: "%" or "points"; points have a sign.

    Returns:
        For example "+3.1 points (-1.0 to 7.2), p = 0.21".
    """
    sign = "+" if unit == "points" else ""
    ends = "no interval" if math.isnan(low) or math.isnan(high) else f"{low:.1f} to {high:.1f}"
    test = "" if p_value is None else f", p {'< 0.001' if p_value < 0.001 else f'= {p_value:.3f}'}"
    return f"{value:{sign}.1f} {unit} ({ends}){test}"
