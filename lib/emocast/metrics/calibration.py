"""Probabilities of forecasts, and all scores of a table of forecasts, one row an event, in one row.

The Brier loss (Brier 1950) of an event is the squared distance of its probabilities from the truth, summed over the classes: 0
for a sure hit, 2 for a sure miss. The expected calibration error (ECE; Guo et al. 2017, arXiv 1706.04599) bins events by the
probability of the likeliest class; even a calibrated model has one above 0, for each bin's accuracy is off by chance.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .resampling import (
    Resampling,
    bootstrap_interval,
    few_groups_test,
    holm,
    loss_interval,
    paired_bootstrap,
    permutation_test,
)  # fmt: skip
from .scores import COUNTED, codes, evaluate, paired

# How far from 1 the probabilities of a row may add up: networks give single precision, tables a few decimals.
_ROUNDING = 1e-3
_BOUNDS = np.linspace(0, 1, 11)  # of the bins of confidence
_LOG_BOUND, _WIDEST = np.log(100), 50  # of a temperature; one outside 1/50 to 50 is no optimum: the loss is flat there
_LEAST = 1e-12  # what a class of probability 0 counts, or one sure miss would leave no other temperature than infinity
_NAN = float("nan")

#: Of fewer groups than this a test is Student's: of G groups no permutation gives a p-value below 2 / 2**G.
FEW = 10


def brier_losses(y_true: ArrayLike, probabilities: ArrayLike, *, labels: Sequence[str]) -> np.ndarray:
    """The Brier loss of each event, (n,), 0 to 2.

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
    return float(np.abs(np.bincount(place, weights=confidence - hit)).sum() / len(hit))  # sums cancel the bins' sizes


def calibration_interval(
    y_true: ArrayLike, probabilities: ArrayLike, groups: ArrayLike, *, labels: Sequence[str], **options: Any
) -> tuple[float, float]:
    """The interval of an ECE, by a basic bootstrap over whole groups, down to 0 where it may be chance.

    The draws of an ECE lie higher still than the estimate, so they are mirrored at it (the basic bootstrap, Davison & Hinkley
    1997, section 5.2), which takes out about as much as the estimate itself lies too high. The lower end is 0 also where the
    estimate is no higher than the upper percentile of a calibrated model: of draws of the same dialogues after the mean gap of
    each bin was taken out. Arguments and errors are those of `calibration_error` and of `bootstrap_interval`.
    """
    how, found = Resampling(**options), calibration_error(y_true, probabilities, labels=labels)
    confidence, hit, place = _binned(y_true, probabilities, labels)
    owner, names = pd.factorize(paired(groups, hit, names=("groups", "y_true"))[0])
    weights, gaps = how.weights(len(names)), _by_group(owner, place, confidence - hit)
    events = weights @ np.bincount(owner)
    low, high = how.ends(np.abs(weights @ gaps).sum(axis=1) / events, len(names))
    if len(names) < 2:
        return _NAN, _NAN
    calibrated = np.abs(weights @ (gaps - gaps.mean(axis=0))).sum(axis=1) / events
    by_chance = found <= how.ends(calibrated, len(names))[1]
    return 0.0 if by_chance else max(0.0, 2 * found - high), max(0.0, 2 * found - low)


def reliability_table(
    y_true: ArrayLike, probabilities: ArrayLike, *, labels: Sequence[str], groups: ArrayLike, **options: Any
) -> pd.DataFrame:
    """Hold the confidence of forecasts against their accuracy, bin by bin: what `figures.reliability_diagram` draws.

    Arguments and errors are those of `calibration_interval`.

    Returns one row a bin that has events: `bin` (from 0), its bounds `above` and `up_to`, `confidence` (mean), `accuracy`,
    `n`, and the interval of the accuracy, `low` to `high` (without width where all events are right, or wrong); fractions.
    """
    how = Resampling(**options)
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
    no forecast (Guo et al. 2017). Fitted on the events that are scored it would report a calibration that no new event gets;
    so the class has no `fit_transform`, which invites just that. T is kept as `temperature_`.
    """

    labels: Sequence[str]

    def fit(self, probabilities: ArrayLike, y: ArrayLike) -> TemperatureScaling:
        """Find T from validation events: none of them in the model's training, none among those that are scored.

        Takes probabilities, (n, k), as the model gives them, and the true classes, (n,); errors as of `brier_losses`.
        """
        true, shares = _checked(y, probabilities, self.labels)
        logits, rows = np.log(shares.clip(_LEAST)), np.arange(len(true))

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
        return softmax(np.log(np.asarray(probabilities, dtype=np.float64).clip(_LEAST)) / self.temperature_, axis=1)


def _checked(y_true: ArrayLike, probabilities: ArrayLike, labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The true classes as places in `labels`, (n,), and a copy of the probabilities in double precision, (n, k)."""
    true, shares = paired(y_true, y_true)[0], np.array(probabilities, dtype=np.float64)
    if shares.shape != (len(true), len(labels)):
        needed = f"{len(true)} rows of the {len(labels)} classes {', '.join(labels)} are needed"
        raise ValueError(f"the probabilities have the shape {shares.shape}; {needed}")
    wrong = ~((shares >= 0).all(axis=1) & (np.abs(shares.sum(axis=1) - 1) <= _ROUNDING))  # a missing value is neither
    if wrong.any():
        first = f"row {wrong.argmax()} is {shares[wrong.argmax()]}"
        raise ValueError(f"{wrong.sum()} of {len(true)} rows are no probabilities that add up to 1; {first}")
    return codes(true, labels=labels, side="y_true"), shares


def _binned(y_true: ArrayLike, probabilities: ArrayLike, labels: Sequence[str]) -> tuple[np.ndarray, ...]:
    """Confidence, hit and bin of each event; a bin is above its lower bound, up to and with the upper."""
    true, shares = _checked(y_true, probabilities, labels)
    confidence = shares.max(axis=1)
    return confidence, shares.argmax(axis=1) == true, np.searchsorted(_BOUNDS[1:-1], confidence, side="left")


def _by_group(owner: np.ndarray, bins: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sum values by group and bin: (groups, bins)."""
    sums = np.zeros((owner.max() + 1, bins.max() + 1))
    np.add.at(sums, (owner, bins), np.asarray(values, dtype=np.float64))
    return sums


def evaluate_forecast(table: pd.DataFrame, **options: Any) -> dict[str, float]:
    """Score a table of predictions by everything at once; options are those of `bootstrap_interval`.

    Takes the columns `dialogue`, `emotion`, `predicted` and, where a model gives them, its probabilities `p_<emotion>`; and
    `seed`, where models were trained with several: their predictions are scored together, a mean over the seeds. Returns `n`
    (events, of a seed on average), `groups` (dialogues), and `accuracy`, `uar`, `f1_macro`, `brier` (0 to 2) and `ece`, each
    with its interval in `<score>_low` and `<score>_high`, as fractions. Without probabilities `brier` and `ece` are NaN.
    ValueError where the table is empty, an emotion or prediction is missing, or some rows alone have no probabilities.
    """
    true, predicted, groups = (table[column].to_numpy() for column in ("emotion", "predicted", "dialogue"))
    names = [column.removeprefix("p_") for column in table.columns if column.startswith("p_")]
    scores = evaluate(true, predicted, labels=[*dict.fromkeys([*names, *true, *predicted])])
    row = {"n": count_events(table), "groups": table["dialogue"].nunique()}
    drawing = {"seeds": table.get("seed"), **options}
    for metric in COUNTED:
        row |= _with_ends(metric, scores[metric], bootstrap_interval(true, predicted, groups, metric=metric, **drawing))
    shares = table[[f"p_{name}" for name in names]].to_numpy(dtype=np.float64)
    if np.isnan(shares).all():  # also of no column at all
        return row | _with_ends("brier", _NAN, (_NAN, _NAN)) | _with_ends("ece", _NAN, (_NAN, _NAN))
    losses = brier_losses(true, shares, labels=names)
    row |= _with_ends("brier", float(losses.mean()), loss_interval(losses, groups, **drawing))
    ends = calibration_interval(true, shares, groups, labels=names, **options)
    return row | _with_ends("ece", calibration_error(true, shares, labels=names), ends)


def count_events(table: pd.DataFrame) -> int:
    """How many events a table of predictions is of: its rows, or with a column `seed` those of a seed on average."""
    return len(table) if "seed" not in table else round(len(table) / max(1, table["seed"].nunique()))


def evaluate_forecasts(table: pd.DataFrame, *, by: Sequence[str], **options: Any) -> pd.DataFrame:
    """Score each part of a long table of predictions: a row for each value of the columns `by`, in order of appearance."""
    parts = table.groupby(list(by), sort=False)
    return pd.DataFrame(
        [{**dict(zip(by, part, strict=True)), **evaluate_forecast(rows, **options)} for part, rows in parts]
    )


def compare_forecasts(
    table: pd.DataFrame, reference: pd.DataFrame, *, by: Sequence[str] = (), groups: str = "dialogue", **options: Any
) -> pd.DataFrame:
    """Test predictions against a reference such as persistence on the events of both; the rows are one family of tests.

    Both tables have the columns `by` (what tells the tests apart, such as protocol and shift_s; none makes one test of all
    rows), utterance and predicted, and `seed` where both were trained with several: a row is then an event of a seed, and
    seeds are drawn as well as groups. The model's has also emotion and the column `groups`, which are drawn whole. Options are
    those of `bootstrap_interval`; each test and interval has 9999 draws, if nothing else is said.

    Returns the columns `by`; `n`, the events of both (`count_events`), and their `groups`; `left_out`, what the reference
    lacks; the scores `reference` and `score`, their `difference` score - reference with `low` and `high`; `p_value` of the
    permutation test, or with fewer than `FEW` groups of Student's (`few_groups_test`), and `p_holm`, adjusted for all rows.
    ValueError where there is no event of both, or one stands twice.
    """
    several = ["seed"] if "seed" in table and "seed" in reference else []
    keys, options = [*by, *several, "utterance"], {"draws": 9999, **options}
    other = reference[[*keys, "predicted"]]
    try:
        both = table.merge(other, on=keys, how="left", suffixes=("", "_reference"), validate="one_to_one")
    except pd.errors.MergeError as error:
        raise ValueError(f"an event stands twice by {', '.join(keys)}: name in `by` what differs") from error
    rows = []
    for part, rows_of in both.groupby(list(by), sort=False) if by else [((), both)]:
        common = rows_of[rows_of["predicted_reference"].notna()]
        columns = [common[name].to_numpy() for name in ("emotion", "predicted_reference", "predicted", groups)]
        spread = paired_bootstrap(*columns, seeds=common["seed"] if several else None, **options)
        row = dict(zip(by, part, strict=True)) | {"n": count_events(common), "groups": common[groups].nunique()}
        if row["groups"] < FEW and options.get("metric", "accuracy") == "accuracy":
            gains = np.equal(columns[0], columns[2]) - np.equal(columns[0], columns[1]).astype(float)
            p_value = few_groups_test(gains, columns[3])
        else:
            p_value = permutation_test(*columns, **options)["p_value"]
        row |= {"left_out": count_events(rows_of) - row["n"], "reference": spread["first"], "score": spread["second"]}
        rows.append(row | {name: spread[name] for name in ("difference", "low", "high")} | {"p_value": p_value})
    return pd.DataFrame(rows).assign(p_holm=holm([row["p_value"] for row in rows]))


def subsets(
    groups: ArrayLike, fractions: Iterable[float], *, random_state: int | np.random.Generator
) -> list[tuple[float, np.ndarray]]:
    """Draw nested subsets of whole groups (n,), the dialogues, out of training rows, for a learning curve.

    Each subset is within the next larger one, so that a step of the curve shows what the added dialogues bring. Returns for
    each fraction, ascending: the fraction, and the positions of the rows of its groups, ascending. At least one group is in
    each; a small one may lack a class. A fraction that is not above 0 and up to 1 is a ValueError.
    """
    wrong = [fraction for fraction in fractions if not 0 < fraction <= 1]
    if wrong:
        raise ValueError(f"a fraction is {wrong[0]}; fractions of the groups are above 0 and up to 1")
    names, owner = np.unique(groups, return_inverse=True)
    place = np.random.default_rng(random_state).permutation(len(names))[owner]
    counts = [(fraction, max(1, round(fraction * len(names)))) for fraction in sorted(set(fractions))]
    return [(float(fraction), np.flatnonzero(place < count)) for fraction, count in counts]


def _with_ends(name: str, value: float, ends: tuple[float, float]) -> dict[str, float]:
    return {name: value, f"{name}_low": ends[0], f"{name}_high": ends[1]}
