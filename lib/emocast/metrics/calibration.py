"""Calibration: of the events forecast with 70 % confidence, are 70 % right?

Events are binned by confidence, and in each bin the mean confidence is held against the accuracy. The mean gap, weighted by
the events of the bins, is the expected calibration error (ECE; Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602; Guo et al.
2017, arXiv 1706.04599). Confidence is the probability of the class that has the most ("top label"); `classwise` asks the
same of every class and averages (Nixon et al. 2019, arXiv 1904.01685).

An ECE is never fair to small samples: a perfectly calibrated model has one above 0, because each bin's accuracy is off by
chance, and the more bins the more so. Compare it at equal n and bins, and beside the Brier score, which has no bins.
For the same reason its bootstrap draws lie higher still: their percentiles never hold the truth of a calibrated model. So
`calibration_interval` mirrors the draws at the estimate (the basic bootstrap, Davison & Hinkley 1997, section 5.2), which
takes out about as much as the estimate itself lies too high, and lets the interval begin at 0 where a calibrated model of
such dialogues would often score as high.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from . import checks
from .drawing import group_weights, single
from .intervals import ends, percentiles
from .probabilities import checked

#: How confidences are binned: bins of equal width, or of about equally many events.
BINNINGS: tuple[str, ...] = ("width", "mass")


def calibration_error(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    *,
    labels: Sequence[str],
    bins: int = 10,
    binning: str = "width",
    classwise: bool = False,
) -> float:
    """The expected calibration error: the mean gap of confidence and accuracy over bins, weighted by their events.

    Args:
        y_true: the true classes, (n,).
        probabilities: (n, k), the columns in the order of `labels`.
        labels: the k classes.
        bins: number of bins; an empty one counts nothing.
        binning: "width" divides 0 to 1 evenly; "mass" divides the events evenly, but keeps equal confidences together.
        classwise: bin the probabilities of each class and average over classes, instead of those of the top label alone.

    Returns:
        0 (calibrated) to 1.

    Raises:
        ValueError: as `probabilities.checked`, or an option makes no sense.
    """
    check_bins(bins, binning)
    true, shares = checked(y_true, probabilities, labels=labels)
    return _mean_gap(_pairs(true, shares, classwise=classwise), bins=bins, binning=binning)


def calibration_interval(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    groups: ArrayLike,
    *,
    labels: Sequence[str],
    bins: int = 10,
    binning: str = "width",
    classwise: bool = False,
    level: float = 0.95,
    draws: int = 1000,
    method: str = "percentile",
    random_state: int | np.random.Generator,
) -> tuple[float, float]:
    """The interval of an expected calibration error, by a basic bootstrap over whole groups, down to 0 where it may be chance.

    Args:
        y_true: the true classes, (n,).
        probabilities: (n, k), the columns in the order of `labels`.
        groups: what is drawn whole, (n,): the dialogues.
        labels: the k classes.
        bins: as in `calibration_error`.
        binning: as in `calibration_error`; all draws have the bins of the whole sample.
        classwise: as in `calibration_error`.
        level: share of the interval.
        draws: draws of the bootstrap.
        method: "percentile" or "expanded"; see `intervals.percentiles`.
        random_state: seed or generator of the draws.

    Returns:
        Lower and upper end: twice the estimate minus the upper and the lower percentile of the draws, not below 0. The
        lower end is 0 also where the estimate is no higher than the upper percentile of a calibrated model: of draws of the
        same dialogues after the mean gap of each bin was taken out. (nan, nan) with a warning where there is one group.

    Raises:
        ValueError: as `calibration_error`, or level, draws or method make no sense.
    """
    check_bins(bins, binning)
    checks.level(level)
    checks.draws(draws)
    true, shares = checked(y_true, probabilities, labels=labels)
    owner, names = pd.factorize(checks.paired(groups, true, names=("groups", "y_true"))[0])
    at = percentiles(level, groups=max(2, len(names)), method=method)
    if single(owner):
        return float("nan"), float("nan")
    weights = group_weights(len(names), draws=draws, random_state=random_state)
    pairs = _pairs(true, shares, classwise=classwise)
    drawn, calibrated = _drawn(pairs, owner, weights, bins=bins, binning=binning)
    found, (low, high) = _mean_gap(pairs, bins=bins, binning=binning), ends(drawn, at)
    by_chance = found <= ends(calibrated, at)[1]
    return 0.0 if by_chance else max(0.0, 2 * found - high), max(0.0, 2 * found - low)


def _drawn(
    pairs: list[tuple[np.ndarray, np.ndarray]], owner: np.ndarray, weights: np.ndarray, *, bins: int, binning: str
) -> tuple[np.ndarray, np.ndarray]:
    """The error of every draw, and what it would be if each bin's mean gap were none: (draws,) each."""
    drawn, calibrated = np.zeros((2, len(weights)))
    for confidence, hit in pairs:
        gaps = by_group(owner, places(confidence, edges(confidence, bins=bins, binning=binning)), confidence - hit)
        drawn += np.abs(weights @ gaps).sum(axis=1) / len(pairs)
        calibrated += np.abs(weights @ (gaps - gaps.mean(axis=0))).sum(axis=1) / len(pairs)
    events = weights @ np.bincount(owner)
    return drawn / events, calibrated / events


def _mean_gap(pairs: list[tuple[np.ndarray, np.ndarray]], *, bins: int, binning: str) -> float:
    """The expected calibration error: one gap, or the mean of those of the classes."""
    return float(np.mean([_gap(confidence, hit, bins=bins, binning=binning) for confidence, hit in pairs]))


def _pairs(true: np.ndarray, shares: np.ndarray, *, classwise: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """What is held against each other: confidences and hits of the top label, or of each class."""
    if classwise:
        return [(shares[:, place], true == place) for place in range(shares.shape[1])]
    return [(shares.max(axis=1), shares.argmax(axis=1) == true)]


def _gap(confidence: np.ndarray, hit: np.ndarray, *, bins: int, binning: str) -> float:
    """The mean over events of how far their bin's confidence is from its accuracy: sums cancel the bins' sizes."""
    of_event = places(confidence, edges(confidence, bins=bins, binning=binning))
    return float(np.abs(np.bincount(of_event, weights=confidence - hit)).sum() / len(hit))


def edges(confidence: np.ndarray, *, bins: int, binning: str) -> np.ndarray:
    """The bounds of the bins from 0 to 1; of equal mass there are fewer bins where many confidences are equal."""
    shares = np.linspace(0, 1, bins + 1)
    if binning == "width":
        return shares
    within = np.unique(np.quantile(confidence, shares[1:-1], method="inverted_cdf"))
    return np.concatenate([[0.0], within[(within > 0) & (within < confidence.max())], [1.0]])


def places(confidence: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The bin of each confidence: above the lower bound, up to and with the upper; 0 belongs to the first."""
    return np.searchsorted(edges[1:-1], confidence, side="left")


def by_group(owner: np.ndarray, bins: np.ndarray, values: ArrayLike) -> np.ndarray:
    """Sum values by group and bin: (groups, bins)."""
    sums = np.zeros((owner.max() + 1, bins.max() + 1))
    np.add.at(sums, (owner, bins), np.asarray(values, dtype=np.float64))
    return sums


def check_bins(bins: int, binning: str) -> None:
    """Raise ValueError if confidences cannot be binned so."""
    if bins < 1:
        raise ValueError(f"bins is {bins}; at least one is needed")
    if binning not in BINNINGS:
        raise ValueError(f"unknown binning {binning!r}: known are {', '.join(BINNINGS)}")
