"""Skill: how far from carrying the last emotion forward to the best that can be known, 0 to 1.

skill = (score - persistence) / (ceiling - persistence)

0 is persistence and 1 the ceiling; below 0 a model is worse than no model at all. An accuracy says little where emotions
last: 70 % may be 5 points under persistence. The form is that of skill scores in weather forecasting (Wilks 2019,
Statistical Methods in the Atmospheric Sciences, 4th edition, section 9.1.4), whose ceiling mostly is 1.

All three scores are of the same events, and what makes a dialogue easy for one makes it so for the others. So each draw of
the bootstrap takes the three together. The quotient has no meaning where the ceiling is not above persistence:

- in the whole sample: the skill and its interval are NaN, and `reason` says so
- in a draw: the draw tells nothing of the skill, so it counts against both ends, as lower than any skill for the lower end
  and as higher than any for the upper one. That can only widen the interval; where more draws than lie outside one end of
  the interval are such, the interval is from -infinity to infinity, and `reason` says so. Leaving such draws out
  would make the interval the surer, the less there is between persistence and ceiling.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from . import checks
from .drawing import Metric, check_metric, drawn, score, single
from .intervals import percentiles


def skill(
    y_true: ArrayLike,
    predicted: ArrayLike,
    persistence: ArrayLike,
    ceiling: ArrayLike | float,
    groups: ArrayLike,
    *,
    metric: str | Metric = "accuracy",
    level: float = 0.95,
    draws: int = 1000,
    method: str = "expanded",
    random_state: int | np.random.Generator,
) -> dict[str, float | str]:
    """Place a model between persistence and the ceiling, with an interval.

    Args:
        y_true: the true classes, (n,).
        predicted: the model's predictions, (n,).
        persistence: those of persistence for the same rows, (n,).
        ceiling: those of the best possible forecast for the same rows, (n,); or its score, if that is known beforehand, such
            as 1, which then is the same in every draw.
        groups: what is drawn whole, (n,): the dialogues.
        metric: as in `bootstrap_interval`; higher has to be better.
        level: share of the draws inside the interval.
        draws: number of draws.
        method: "percentile" or "expanded"; see `intervals.percentiles`.
        random_state: seed or generator of the draws.

    Returns:
        `score`, `persistence` and `ceiling` of all rows; `skill` with `low` and `high`; `undefined`, the share of draws in
        which the ceiling is not above persistence; `reason`, why a value is NaN or infinite, else empty.

    Raises:
        ValueError: lengths differ, no row, a value is missing, or an option is unknown or makes no sense.
    """
    checks.level(level)
    checks.draws(draws)
    check_metric(metric)
    true, models, fixed = _models(y_true, predicted, persistence, ceiling)
    members = checks.paired(groups, true, names=("groups", "y_true"))[0]
    at = percentiles(level, groups=max(2, len(pd.unique(members))), method=method)
    scores = _three(np.array([score(true, model, metric=metric) for model in models]), fixed)
    result = dict(zip(("score", "persistence", "ceiling"), scores.tolist(), strict=True))
    empty = {"skill": float("nan"), "low": float("nan"), "high": float("nan"), "undefined": float("nan")}
    if not scores[2] > scores[1]:
        reason = f"the ceiling ({scores[2]:.3f}) is not above persistence ({scores[1]:.3f}): there is nothing to gain"
        return result | empty | {"reason": reason}
    result |= empty | {"skill": float(_quotient(scores)), "reason": "one group: no interval can be estimated"}
    if single(members):
        return result
    of_draws = np.array(drawn(true, models, members, metric=metric, draws=draws, random_state=random_state))
    return result | _interval(_three(of_draws, fixed), at)


def _models(
    y_true: ArrayLike, predicted: ArrayLike, persistence: ArrayLike, ceiling: ArrayLike | float
) -> tuple[np.ndarray, list[np.ndarray], float | None]:
    """The truth, the models to be scored, and the ceiling's score if that is what was given."""
    fixed = float(ceiling) if np.ndim(ceiling) == 0 else None
    given = {"predicted": predicted, "persistence": persistence}
    if fixed is None:
        given["ceiling"] = ceiling
    models = [checks.paired(y_true, model, names=("y_true", name))[1] for name, model in given.items()]
    return np.asarray(y_true), models, fixed


def _three(scores: np.ndarray, fixed: float | None) -> np.ndarray:
    """Model, persistence and ceiling, (3, ...), where the last may be a known score."""
    return scores if fixed is None else np.concatenate([scores, np.full_like(scores[:1], fixed)])


def _quotient(scores: np.ndarray) -> np.ndarray:
    """The skill from scores (3, ...); NaN where the ceiling is not above persistence."""
    gap = scores[2] - scores[1]
    return np.divide(scores[0] - scores[1], gap, out=np.full(np.shape(gap), np.nan), where=gap > 0)


def _interval(scores: np.ndarray, at: tuple[float, float]) -> dict[str, float | str]:
    """The ends over draws (3, draws), each with the undefined draws on its far side."""
    skills = _quotient(scores)
    undefined = np.isnan(skills)
    # Order statistics without interpolation: between infinity and a number there is nothing.
    low = float(np.quantile(np.where(undefined, -np.inf, skills), at[0], method="lower"))
    high = float(np.quantile(np.where(undefined, np.inf, skills), at[1], method="higher"))
    reason = ""
    if np.isinf([low, high]).any():
        low, high = -np.inf, np.inf
        reason = f"in {undefined.mean():.1%} of the draws the ceiling is not above persistence: the gap may be none"
    return {"low": low, "high": high, "undefined": float(undefined.mean()), "reason": reason}
