"""How sure a score is, and whether one model is better than another: bootstraps and tests over whole groups.

A draw takes as many groups (dialogues, speakers) as there are, with replacement, and all rows of each (Davison & Hinkley
1997, Bootstrap Methods and their Application, section 3.8): of `scores.COUNTED` a sum of the groups' confusion counts, of any
other score a call. Where models were trained with several seeds a row is an event of a seed, and a draw takes as many seeds as
there are as well, with replacement (`seeds`). Three of them vary less among themselves than all that could be, but the noise
of single events is drawn twice, with the groups and with the seeds: in simulated studies 96 to 98 % of the intervals hold.
`**options` are the fields of `Resampling`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from .scores import COUNTED, paired

#: The name of a score in `scores.COUNTED`, or a function of (y_true, y_pred), arrays of one length, that returns a number.
Metric = str | Callable[[np.ndarray, np.ndarray], float]

_ROUNDING = 1e-12  # draws that are the same sum in another order are ties
_NAN = float("nan")


@dataclass(frozen=True)
class Resampling:
    """How chance is drawn, for all intervals and tests of a notebook; raises ValueError where a value makes no sense.

    Attributes:
        level: share of the studies whose interval holds the truth, between 0 and 1.
        draws: number of draws.
        random_state: seed or generator of the draws.
    """

    level: float = 0.95
    draws: int = 1000
    random_state: int | np.random.Generator = 0

    def __post_init__(self) -> None:
        """Check the values."""
        if not 0 < self.level < 1:
            raise ValueError(f"level is {self.level}; it is a share between 0 and 1, such as 0.95")
        if self.draws < 1:
            raise ValueError(f"draws is {self.draws}; at least one is needed")

    @property
    def options(self) -> dict[str, Any]:
        """Level, draws and seed as functions take them."""
        return dict(vars(self))

    def percentiles(self, groups: int) -> tuple[float, float]:
        """Say which shares of the draws are the ends of an interval, the lower and the upper.

        Draws vary as if the variance of G groups were divided by G, not G - 1, with the percentiles of a normal curve, not of
        Student's t. So plain percentiles are too narrow: at 95 % those of 5 groups hold the truth in 81 to 86 % of simulated
        studies, those of 10 in 88 to 91 %. These are expanded, further out by both factors, so that for a mean they agree with
        the t interval (Hesterberg 2014, arXiv 1411.5279): Phi(t(level, G - 1) sqrt(G / (G - 1))). They hold it in 90 to 93 % of
        the studies with 5 groups, in 93 to 96 % with 10 and more.
        """
        groups = max(2, groups)
        outside = stats.norm.cdf(stats.t.ppf((1 - self.level) / 2, groups - 1) * np.sqrt(groups / (groups - 1)))
        return float(outside), float(1 - outside)

    def ends(self, scores: np.ndarray, groups: int) -> tuple[float, float]:
        """The ends of an interval, of the draws that have a score; (nan, nan) with a warning where there is one group."""
        if groups < 2:
            warnings.warn("all rows belong to one group: no interval can be estimated", stacklevel=3)
            return _NAN, _NAN
        low, high = np.nanquantile(scores, self.percentiles(groups))
        return float(low), float(high)

    def weights(self, groups: int, seeds: int = 1) -> np.ndarray:
        """How often each group, and each seed of a group, is in each draw: multinomial, (draws, groups * seeds)."""
        generator = np.random.default_rng(self.random_state)
        drawn = generator.multinomial(groups, np.full(groups, 1 / groups), size=self.draws)
        if seeds == 1:
            return drawn
        trained = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=self.draws)
        return (drawn[:, :, np.newaxis] * trained[:, np.newaxis]).reshape(self.draws, -1)


class _Cells(NamedTuple):
    """Each row's group and seed, as one number, (n,), and how many of both there are."""

    of_row: np.ndarray
    groups: int
    seeds: int

    @classmethod
    def of(cls, groups: np.ndarray, seeds: ArrayLike | None) -> _Cells:
        owner, names = pd.factorize(groups)
        trained, all_seeds = (np.zeros_like(owner), [0]) if seeds is None else pd.factorize(np.asarray(seeds))
        return cls(owner * len(all_seeds) + trained, len(names), len(all_seeds))

    def sums(self, values: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(self.of_row, weights=values, minlength=self.groups * self.seeds)


def bootstrap_interval(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    groups: ArrayLike,
    *,
    metric: Metric = "accuracy",
    seeds: ArrayLike | None = None,
    **options: Any,
) -> tuple[float, float]:
    """Estimate the interval of a score, its lower and upper end, by a bootstrap over whole groups.

    Args:
        y_true: the true classes or values, (n,).
        y_pred: the predicted classes or values, (n,).
        groups: what is drawn whole, (n,): the dialogues or speakers. A single one gives a warning and (nan, nan).
        metric: "accuracy", "uar", "f1_macro" or a function, such as `ccc`.
        seeds: the seed of the training that each prediction is of, (n,), drawn as well; None: one training.
        options: those of `Resampling`.

    Raises:
        ValueError: lengths differ, no row, a value is missing, or an option makes no sense.
    """
    asked = {"y_pred": y_pred}
    true, models, cells, metric, how = _asked(y_true, asked, groups, metric=metric, seeds=seeds, **options)
    return how.ends(_drawn(true, models, cells, metric, how)[0], cells.groups)


def paired_bootstrap(
    y_true: ArrayLike, first: ArrayLike, second: ArrayLike, groups: ArrayLike | None = None, **options: Any
) -> dict[str, float]:
    """Estimate how much the second model scores above the first, on the same rows: every draw is scored for both.

    Arguments and errors are those of `bootstrap_interval`; without groups single rows are drawn, which takes them to be
    independent. Returns `first` and `second`, the scores of all rows; `difference` = second - first with `low` and `high`; and
    a two-sided `p_value`, twice the share of the draws whose difference is zero or has the other sign, with both counts raised
    by one, so that it is never 0: min(1, 2 (k + 1) / (draws + 1)). With a single group all but the first three are NaN, with a
    warning. Draws without a score (NaN) are left out.
    """
    true, models, cells, metric, how = _asked(y_true, {"first": first, "second": second}, groups, **options)
    result = _difference(true, models, metric)
    scores = _drawn(true, models, cells, metric, how)
    differences = scores[1] - scores[0]
    low, high = how.ends(differences, cells.groups)
    if cells.groups < 2:
        return result | {"low": low, "high": high, "p_value": _NAN}
    known = differences[~np.isnan(differences)]
    against = int((np.sign(result["difference"]) * known <= 0).sum())
    return result | {"low": low, "high": high, "p_value": min(2 * (against + 1) / ((len(known) or _NAN) + 1), 1.0)}


def loss_interval(
    losses: ArrayLike, groups: ArrayLike, *, seeds: ArrayLike | None = None, **options: Any
) -> tuple[float, float]:
    """The interval of a mean loss: one loss an event, (n,), of `groups` that are drawn whole; else as `bootstrap_interval`."""
    owner, values = paired(groups, losses, names=("groups", "losses"))
    cells, how = _Cells.of(owner, seeds), Resampling(**options)
    weights = how.weights(cells.groups, cells.seeds)
    return how.ends((weights @ cells.sums(values)) / (weights @ cells.sums()), cells.groups)


def few_groups_test(gains: ArrayLike, groups: ArrayLike) -> float:
    """The two-sided p-value of a mean gain, (n,), against zero: Student's t over whole groups, with G - 1 degrees.

    For fewer than ten groups, of which no permutation gives a small p-value. The standard error is the cluster-robust one of a
    mean with its correction for few groups (Cameron & Miller 2015, doi:10.3368/jhr.50.2.317, sections II and VI). NaN with one
    group, or where all groups gain the same.
    """
    cells = _Cells.of(np.asarray(groups), None)
    sums, sizes, count = cells.sums(np.asarray(gains, dtype=np.float64)), cells.sums(), cells.groups
    mean = sums.sum() / sizes.sum()
    spread = np.sqrt(count / max(count - 1, 1) * np.sum((sums - mean * sizes) ** 2)) / sizes.sum()
    return float(2 * stats.t.sf(abs(mean) / spread, count - 1)) if count > 1 and spread > _ROUNDING else _NAN


def permutation_test(
    y_true: ArrayLike, first: ArrayLike, second: ArrayLike, groups: ArrayLike, **options: Any
) -> dict[str, float]:
    """Test whether two models score differently on the same rows, swapping their predictions group by group.

    If two models are alike, it makes no difference which gave which answers (Good 2005, Permutation, Parametric and Bootstrap
    Tests of Hypotheses, section 3.7: matched pairs). Two-sided: p = (k + 1) / (draws + 1), where k draws have a difference at
    least as far from zero as the observed one, which counts as a draw, so that p is never 0 (Phipson & Smyth 2010,
    doi:10.2202/1544-6115.1585). With G groups no p-value is below 2 / 2**G but by the chance of the draws.

    Arguments and errors are those of `paired_bootstrap`, with 9999 draws if nothing else is said. Returns `first`, `second`,
    their `difference` second - first, and `p_value`.
    """
    asked = {"first": first, "second": second}
    true, models, (owner, groups, _), metric, how = _asked(y_true, asked, groups, **{"draws": 9999, **options})
    result, generator = _difference(true, models, metric), np.random.default_rng(how.random_state)
    swapped = generator.integers(2, size=(how.draws, groups)).astype(bool)
    if callable(metric):
        rows = ([np.where(draw[owner], *pair) for pair in (models, models[::-1])] for draw in swapped)
        differences = np.array([metric(true, one) - metric(true, other) for one, other in rows])
    else:
        counts = _group_counts(true, models, owner, groups)
        # In double precision, which holds counts exactly: products of whole numbers are many times slower.
        before, after = (of_model.reshape(len(of_model), -1).astype(np.float64) for of_model in counts)
        moved = swapped.astype(np.float64) @ (after - before)
        drawn = before.sum(axis=0) + moved, after.sum(axis=0) - moved
        scores = [COUNTED[metric](of_model.reshape(-1, *counts[0].shape[1:])) for of_model in drawn]
        differences = scores[1] - scores[0]
    extreme = int((np.abs(differences) >= abs(result["difference"]) - _ROUNDING).sum())
    return result | {"p_value": (extreme + 1) / (how.draws + 1)}


def mcnemar_test(y_true: ArrayLike, first: ArrayLike, second: ArrayLike) -> dict[str, float]:
    """Compare the accuracies of two models by the events that only one of them gets right, because papers report it.

    **It takes events to be independent, and those of one dialogue are not**: its p-values are then too small. Returns
    `only_first` and `only_second`, the events that one model alone gets right, and `p_mid`: twice the binomial probability, at
    1/2, of a split as uneven as this one, which itself counts by half (Fagerland, Lydersen & Laake 2013,
    doi:10.1186/1471-2288-13-91); 1 where no event tells the models apart.
    """
    one, other = (np.equal(*paired(y_true, model, names=("y_true", "a model"))) for model in (first, second))
    split = {"only_first": int((one & ~other).sum()), "only_second": int((~one & other).sum())}
    total, apart = sum(split.values()), abs(split["only_first"] - split["only_second"])
    chances, uneven = stats.binom.pmf(np.arange(total + 1), total, 0.5), np.abs(2 * np.arange(total + 1) - total)
    as_uneven, more_uneven = float(chances[uneven >= apart].sum()), float(chances[uneven > apart].sum())
    return {**split, "p_mid": (as_uneven + more_uneven) / 2 if total else 1.0}


def holm(p_values: ArrayLike) -> np.ndarray:
    """Adjust p-values (m,) of a family: one at or below 5 % is a claim, with at most 5 % chance of any false claim in it.

    The smallest of m is multiplied by m, the next by m - 1, and so on; none becomes smaller than one before it or larger
    than 1 (Holm 1979, https://www.jstor.org/stable/4615733). NaN, a test that could not be made, stays NaN and does not count
    for m; a value that is not between 0 and 1 is a ValueError.
    """
    given = np.asarray(p_values, dtype=np.float64)
    made = np.flatnonzero(~np.isnan(given))
    if given.ndim != 1 or (given[made] < 0).any() or (given[made] > 1).any():
        raise ValueError(f"p-values are one row of numbers between 0 and 1; given was {given.tolist()}")
    order = made[np.argsort(given[made], kind="stable")]
    adjusted = np.full(len(given), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(np.arange(len(order), 0, -1) * given[order]), 1.0)
    return adjusted


def skill(
    y_true: ArrayLike,
    predicted: ArrayLike,
    persistence: ArrayLike,
    ceiling: ArrayLike,
    groups: ArrayLike,
    **options: Any,
) -> dict[str, float | str]:
    """Place a model between persistence (0) and the ceiling (1): (score - persistence) / (ceiling - persistence).

    A skill score as in weather forecasting (Wilks 2019, Statistical Methods in the Atmospheric Sciences, section 9.1.4). Each
    draw takes the three scores together. Where the ceiling is not above persistence the quotient has no meaning: in the whole
    sample skill and interval are NaN; in a draw it counts as lower than any skill for the lower end and as higher than any for
    the upper one, which can only widen the interval, to -infinity and infinity if they are too many.

    All predictions are of the same rows, (n,); other arguments, and errors, are those of `bootstrap_interval`. Returns `score`,
    `persistence` and `ceiling` of all rows; `skill` with `low` and `high`; `undefined`, the share of draws in which the ceiling
    is not above persistence; and `reason`, why a value is NaN or infinite, else empty.
    """
    asked = {"predicted": predicted, "persistence": persistence, "ceiling": ceiling}
    true, models, cells, metric, how = _asked(y_true, asked, groups, **options)
    scores = np.array(_scores(true, models, metric))
    result = dict(zip(("score", "persistence", "ceiling"), scores.tolist(), strict=True))
    result |= dict.fromkeys(("skill", "low", "high", "undefined"), _NAN)
    if not scores[2] > scores[1]:
        reason = f"the ceiling ({scores[2]:.3f}) is not above persistence ({scores[1]:.3f}): there is nothing to gain"
        return result | {"reason": reason}
    result["skill"] = float(_quotient(scores))
    if cells.groups < 2:
        return result | {"reason": "one group: no interval can be estimated"}
    skills, at = _quotient(np.array(_drawn(true, models, cells, metric, how))), how.percentiles(cells.groups)
    undefined, reason = np.isnan(skills), ""
    # Order statistics without interpolation: between infinity and a number there is nothing.
    low = float(np.quantile(np.where(undefined, -np.inf, skills), at[0], method="lower"))
    high = float(np.quantile(np.where(undefined, np.inf, skills), at[1], method="higher"))
    if np.isinf([low, high]).any():
        low, high = -np.inf, np.inf
        reason = f"in {undefined.mean():.1%} of the draws the ceiling is not above persistence: the gap may be none"
    return result | {"low": low, "high": high, "undefined": float(undefined.mean()), "reason": reason}


def _quotient(scores: np.ndarray) -> np.ndarray:
    gap = scores[2] - scores[1]
    return np.divide(scores[0] - scores[1], gap, out=np.full(np.shape(gap), np.nan), where=gap > 0)


def _asked(
    y_true: ArrayLike,
    models: Mapping[str, ArrayLike],
    groups: Any,
    *,
    metric: Metric = "accuracy",
    seeds: ArrayLike | None = None,
    **options: Any,
) -> tuple[np.ndarray, list[np.ndarray], _Cells, Metric, Resampling]:
    """What a function is asked, checked: classes as arrays, and each row's group, from 0 in the order of their first rows."""
    if not callable(metric) and metric not in COUNTED:
        raise ValueError(f"unknown metric {metric!r}: give a function, or one of {', '.join(COUNTED)}")
    rows = [paired(y_true, model, names=("y_true", name))[1] for name, model in models.items()]
    owner = np.arange(len(rows[0])) if groups is None else paired(groups, rows[0], names=("groups", "y_true"))[0]
    return np.asarray(y_true), rows, _Cells.of(owner, seeds), metric, Resampling(**options)


def _scores(true: np.ndarray, models: list[np.ndarray], metric: Metric) -> list[float]:
    if callable(metric):
        return [float(metric(true, predicted)) for predicted in models]
    one = np.zeros(len(true), dtype=int)
    return [float(COUNTED[metric](*_group_counts(true, [predicted], one, 1))[0]) for predicted in models]


def _difference(true: np.ndarray, models: list[np.ndarray], metric: Metric) -> dict[str, float]:
    first, second = _scores(true, models, metric)
    return {"first": first, "second": second, "difference": second - first}


def _drawn(
    true: np.ndarray, models: list[np.ndarray], cells: _Cells, metric: Metric, how: Resampling
) -> list[np.ndarray]:
    """Score every draw, the same draws for each of the models: (draws,) each."""
    owner, groups, seeds = cells
    if callable(metric):
        generator = np.random.default_rng(how.random_state)
        chosen = generator.integers(groups, size=(how.draws, groups))
        if seeds > 1:
            trained = generator.integers(seeds, size=(how.draws, 1, seeds))
            chosen = (chosen[..., np.newaxis] * seeds + trained).reshape(how.draws, -1)
        return [_scores_of_rows(true, predicted, cells, chosen, metric) for predicted in models]
    weights, scores = how.weights(groups, seeds), []
    for predicted in models:
        (counts,) = _group_counts(true, [predicted], owner, groups * seeds)
        scores.append(COUNTED[metric]((weights @ counts.reshape(groups * seeds, -1)).reshape(-1, *counts.shape[1:])))
    return scores


def _group_counts(true: np.ndarray, models: Sequence[np.ndarray], owner: np.ndarray, groups: int) -> list[np.ndarray]:
    """Confusion counts of each model, (groups, classes, classes), over one order of classes for all models."""
    codes, names = pd.factorize(np.concatenate([true, *models]))
    of_true, *of_models = np.split(codes, 1 + len(models))
    size = len(names)
    cells = [(owner * size + of_true) * size + of_model for of_model in of_models]
    return [np.bincount(cell, minlength=groups * size * size).reshape(groups, size, size) for cell in cells]


def _scores_of_rows(
    true: np.ndarray, predicted: np.ndarray, cells: _Cells, chosen: np.ndarray, metric: Metric
) -> np.ndarray:
    """Call the metric on the rows of every draw: (draws,)."""
    by_group, sizes = np.argsort(cells.of_row, kind="stable"), cells.sums()
    starts, scores = np.cumsum(sizes) - sizes, np.empty(len(chosen))
    for draw, groups in enumerate(chosen):
        lengths = sizes[groups]
        # Rows of one group lie side by side in by_group: each drawn group's start, then one further a row.
        before = np.cumsum(lengths) - lengths
        rows = by_group[np.repeat(starts[groups] - before, lengths) + np.arange(lengths.sum())]
        scores[draw] = metric(true[rows], predicted[rows])
    return scores
