"""Forecast probabilities: did the model know how much it knew, and how can it be made to?

The Brier loss (Brier 1950) of an event is the squared distance of its probabilities from the truth, summed over the classes:
0 for a sure hit, 2 for a sure miss. It is proper: a model does best by saying what it believes (Gneiting & Raftery 2007,
doi:10.1198/016214506000001437). The expected calibration error (ECE; Guo et al. 2017, arXiv 1706.04599) bins events by the
probability of the likeliest class; even a calibrated model has one above 0, for each bin's accuracy is off by chance.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .resampling import Resampling, single
from .scores import codes, paired

# How far from 1 the probabilities of a row may add up: networks give single precision, tables a few decimals.
_ROUNDING = 1e-3
_BOUNDS = np.linspace(0, 1, 11)  # of the bins of confidence
# A temperature is sought between 1/100 and 100. What is found outside 1/50 to 50 is no optimum: the loss is flat there.
_LOG_BOUND, _WIDEST = np.log(100), 50
# A class of probability 0 counts as this much, or one sure miss would leave no other temperature than infinity.
_LEAST = 1e-12


def brier_losses(y_true: ArrayLike, probabilities: ArrayLike, *, labels: Sequence[str]) -> np.ndarray:
    """The Brier loss of each event, (n,): the squared errors of its probabilities, summed over the classes, 0 to 2.

    Args:
        y_true: the true classes, (n,).
        probabilities: (n, k), the columns in the order of `labels`.
        labels: the k classes.

    Raises:
        ValueError: a shape does not fit, a class is not in `labels`, a value is missing, negative, or a row does not add
            up to 1.
    """
    true, shares = _checked(y_true, probabilities, labels)
    shares[np.arange(len(true)), true] -= 1
    return np.sum(shares**2, axis=1)


def calibration_error(y_true: ArrayLike, probabilities: ArrayLike, *, labels: Sequence[str]) -> float:
    """The ECE: the mean gap of confidence and accuracy over ten bins of equal width from 0 to 1, weighted by their events.

    Arguments and errors as of `brier_losses`. Returns 0 (calibrated) to 1.
    """
    confidence, hit, place = _binned(y_true, probabilities, labels)
    return _mean_gap(confidence, hit, place)


def calibration_interval(
    y_true: ArrayLike, probabilities: ArrayLike, groups: ArrayLike, *, labels: Sequence[str], **options: Any
) -> tuple[float, float]:
    """The interval of an ECE, by a basic bootstrap over whole groups, down to 0 where it may be chance.

    The draws of an ECE lie higher still than the estimate, so they are mirrored at it (the basic bootstrap, Davison & Hinkley
    1997, section 5.2), which takes out about as much as the estimate itself lies too high. The lower end is 0 also where the
    estimate is no higher than the upper percentile of a calibrated model: of draws of the same dialogues after the mean gap of
    each bin was taken out. (nan, nan) with a warning where there is one group. Arguments and errors are those of
    `calibration_error` and of `bootstrap_interval`.
    """
    how = Resampling.of(**options)
    confidence, hit, place = _binned(y_true, probabilities, labels)
    owner, names = pd.factorize(paired(groups, hit, names=("groups", "y_true"))[0])
    if single(owner):
        return float("nan"), float("nan")
    weights, gaps = how.weights(len(names)), _by_group(owner, place, confidence - hit)
    events = weights @ np.bincount(owner)
    drawn = np.abs(weights @ gaps).sum(axis=1) / events
    calibrated = np.abs(weights @ (gaps - gaps.mean(axis=0))).sum(axis=1) / events
    found, (low, high) = _mean_gap(confidence, hit, place), how.ends(drawn, len(names))
    by_chance = found <= how.ends(calibrated, len(names))[1]
    return 0.0 if by_chance else max(0.0, 2 * found - high), max(0.0, 2 * found - low)


def reliability_table(
    y_true: ArrayLike, probabilities: ArrayLike, *, labels: Sequence[str], groups: ArrayLike, **options: Any
) -> pd.DataFrame:
    """Hold the confidence of forecasts against their accuracy, bin by bin: what `figures.reliability` draws.

    Arguments and errors are those of `calibration_interval`.

    Returns one row a bin that has events: `bin` (from 0), its bounds `above` and `up_to`, `confidence` (mean), `accuracy`,
    `n`, and the interval of the accuracy, `low` to `high`; all fractions. A bootstrap of a bin whose events are all right or
    all wrong has no width: it cannot know better.
    """
    how = Resampling.of(**options)
    confidence, hit, place = _binned(y_true, probabilities, labels)
    events = pd.DataFrame({"bin": place, "confidence": confidence, "hit": hit})
    table = events.groupby("bin").agg(confidence=("confidence", "mean"), accuracy=("hit", "mean"), n=("hit", "size"))
    owner, names = pd.factorize(paired(groups, hit, names=("groups", "y_true"))[0])
    weights, filled = how.weights(len(names)), np.unique(place, return_inverse=True)[1]
    hits, counts = (_by_group(owner, filled, value) for value in (hit, np.ones(len(hit))))
    with np.errstate(invalid="ignore"):  # a draw without events of a bin says nothing of it
        accuracies = (weights @ hits) / (weights @ counts)
    low, high = np.nanquantile(accuracies, how.percentiles(len(names)), axis=0)
    table = table.assign(above=_BOUNDS[table.index], up_to=_BOUNDS[table.index + 1], low=low, high=high).reset_index()
    return table[["bin", "above", "up_to", "confidence", "accuracy", "n", "low", "high"]]


@dataclass(eq=False, repr=False)
class TemperatureScaling(BaseEstimator):
    """Rescale probabilities of the classes `labels` by a temperature that minimises the log loss of validation events.

    Networks trained to the end are too sure; dividing their logits by a temperature T above 1 mends most of that and changes
    no forecast (Guo et al. 2017, arXiv 1706.04599). Fitted on the events that are scored it would report a calibration that no
    new event gets; so the class has no `fit_transform`, which invites just that. T is kept as `temperature_`.
    """

    labels: Sequence[str]

    def fit(self, probabilities: ArrayLike, y: ArrayLike) -> TemperatureScaling:
        """Find T from validation events: none of them in the model's training, none among those that are scored.

        Takes probabilities, (n, k), as the model gives them, and the true classes, (n,); errors as of `brier_losses`.
        """
        true, shares = _checked(y, probabilities, self.labels)
        logits, rows = _logits(shares), np.arange(len(true))

        def loss(log_temperature: float) -> float:
            return -log_softmax(logits / np.exp(log_temperature), axis=1)[rows, true].mean()

        found = minimize_scalar(loss, bounds=(-_LOG_BOUND, _LOG_BOUND), method="bounded", options={"xatol": 1e-6})
        if abs(found.x) > np.log(_WIDEST):
            known = "no event is missed" if found.x < 0 else "the probabilities tell nothing of the classes"
            warnings.warn(f"no temperature between 1/{_WIDEST} and {_WIDEST} is best: {known}", stacklevel=2)
        self.temperature_ = float(np.exp(found.x))
        return self

    def transform(self, probabilities: ArrayLike) -> np.ndarray:
        """Rescale probabilities, (n, k) to (n, k), each row adding up to 1; NotFittedError before `fit`."""
        check_is_fitted(self, "temperature_")
        return softmax(_logits(np.asarray(probabilities, dtype=np.float64)) / self.temperature_, axis=1)


def _logits(shares: np.ndarray) -> np.ndarray:
    return np.log(shares.clip(_LEAST))


def _checked(y_true: ArrayLike, probabilities: ArrayLike, labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The true classes as places in `labels`, (n,), and a copy of the probabilities in double precision, (n, k)."""
    labels, true = list(labels), np.asarray(y_true)
    shares = np.array(probabilities, dtype=np.float64)
    if shares.shape != (len(true), len(labels)):
        raise ValueError(
            f"the probabilities have the shape {shares.shape}; {len(true)} rows of the {len(labels)} classes "
            f"{', '.join(labels)} are needed"
        )
    true = codes(paired(true, true)[0], labels=labels, side="y_true")
    wrong = ~((shares >= 0).all(axis=1) & (np.abs(shares.sum(axis=1) - 1) <= _ROUNDING))  # a missing value is neither
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"{int(wrong.sum())} of {len(true)} rows are no probabilities that add up to 1; row {row} is {shares[row]}"
        )
    return true, shares


def _binned(
    y_true: ArrayLike, probabilities: ArrayLike, labels: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence, hit and bin of each event; a bin is above its lower bound, up to and with the upper."""
    true, shares = _checked(y_true, probabilities, labels)
    confidence = shares.max(axis=1)
    place = np.searchsorted(_BOUNDS[1:-1], confidence, side="left")
    return confidence, shares.argmax(axis=1) == true, place


def _mean_gap(confidence: np.ndarray, hit: np.ndarray, place: np.ndarray) -> float:
    """The mean over events of how far their bin's confidence is from its accuracy: sums cancel the bins' sizes."""
    return float(np.abs(np.bincount(place, weights=confidence - hit)).sum() / len(hit))


def _by_group(owner: np.ndarray, bins: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sum values by group and bin: (groups, bins)."""
    sums = np.zeros((owner.max() + 1, bins.max() + 1))
    np.add.at(sums, (owner, bins), np.asarray(values, dtype=np.float64))
    return sums
