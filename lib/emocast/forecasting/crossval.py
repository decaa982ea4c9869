"""From a model and a window table to out-of-fold predictions, and from these to scores.

Every prediction is kept in one long table, so that a new question needs no new training. The many small models are trained in
processes of one thread each, for a network this small gains nothing from more; the numbers depend on neither.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import scipy
import sklearn
import torch
from sklearn.base import BaseEstimator, clone
from tqdm import tqdm

from .. import compute, labels, metrics
from ..metrics.resampling import Resampling
from ..windows import undersampled_positions
from .splits import Split, folds

#: What tells the rows of a table of predictions of one model and shift apart: an event of a seed.
EVENT: list[str] = ["seed", "utterance"]

#: What a sweep may compare: the same events at every shift, and (as published) each shift's own.
EVENT_SETS: tuple[str, ...] = ("fixed", "moving")


@dataclass(frozen=True)
class Computing:
    """How models are trained; the results do not depend on it.

    Attributes:
        n_jobs: processes side by side, as joblib counts them; a Dask cluster has its own number (`compute.executor`).
        memory: where finished fits are kept, so that a killed run goes on from them; None keeps nothing.
        progress: show a bar.
    """

    n_jobs: int = 1
    memory: compute.Cache | None = None
    progress: bool = True


#: One process that keeps nothing.
ALONE = Computing()


@dataclass(frozen=True)
class Fit:
    """One model to train: positions of its training and test rows, its seed, and the marks of its predictions."""

    train: np.ndarray
    test: np.ndarray
    seed: int
    marks: dict[str, Any]


def sweep(
    estimator: BaseEstimator,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    split: Split,
    *,
    event_sets: Sequence[str] = ("fixed",),
    computing: Computing = ALONE,
) -> pd.DataFrame:
    """Cross-validate a model a shift (preprint, "Shifting the Forecasting Windows").

    `fixed` samples once among the events that have a window at all shifts, with the same folds at all of them;
    `moving` undersamples each shift's own events, as published, so that its curve also shows the change of events.

    Args:
        estimator: a classifier in scikit-learn's manners; each fold has a clone with its own seed.
        windows: the window tables of all shifts in one, told apart by `shift_s` (seconds).
        embeddings: (n, d), row for row those of `windows`.
        split: how the events are balanced and divided, and with which seeds.
        event_sets: which of `EVENT_SETS`.
        computing: processes and kept fits.

    Returns:
        One row a window, event set and seed, in the order of sets, shifts, seeds and rows of `windows`: `event_set`,
        `shift_s`, `seed`, `fold` (from 0), `utterance`, `dialogue`, `emotion`, `predicted`, and `p_<emotion>` for each class.
    """
    fits, classes = plan(windows, split, event_sets=event_sets), labels.ordered(split.classes)
    return ordered(predictions(fits, estimator, windows, embeddings, classes=classes, computing=computing))


def ordered(table: pd.DataFrame, *, models: Sequence[str] = ()) -> pd.DataFrame:
    """Bring the predictions of a `plan` into the order and to the columns of `sweep`; by `model`, as given, before all else."""
    rank = {name: place for place, name in enumerate(models)}
    table = table.assign(rank=table["model"].map(rank) if models else 0)
    table = table.sort_values(["rank", "place", "shift_s", "seed", "row"], kind="stable", ignore_index=True)
    columns = [
        *(["model"] if models else []),
        "event_set",
        "shift_s",
        "seed",
        "fold",
        "utterance",
        "dialogue",
        "emotion",
    ]
    return table[[*columns, "predicted", *(name for name in table if name.startswith("p_"))]]


def plan(windows: pd.DataFrame, split: Split, *, event_sets: Sequence[str] = ("fixed",)) -> list[Fit]:
    """List the fits of a sweep, so that whatever else is compared with it has the same events and the same folds.

    Returns one fit a seed, set, shift and fold, each marked with `place` (of its set), `event_set`, `shift_s`, `seed` and
    `fold`; ValueError for a class without events, or folds that cannot be made.
    """
    if unknown := set(event_sets) - set(EVENT_SETS):
        raise ValueError(f"unknown event set {min(unknown)!r}; known are {', '.join(EVENT_SETS)}")
    fits: list[Fit] = []
    for own, (place, event_set) in product(map(split.of_seed, split.seeds), enumerate(event_sets)):
        for shift, rows in _event_rows(windows, event_set, own):
            fits += fold_fits(windows, rows, own, place=place, event_set=event_set, shift_s=shift)
    return fits


def fold_fits(windows: pd.DataFrame, rows: np.ndarray, split: Split, **marks: Any) -> list[Fit]:
    """List the fits that one repeat on some rows (positions, one an event) asks for, with `seed`, `fold` and other marks."""
    sides = folds(windows.iloc[rows], split)
    # A longer list begins with the shorter one, so a fold's seed does not hang on how many folds a protocol makes.
    seeds = np.random.SeedSequence(split.seed).generate_state(len(sides))
    return [
        Fit(rows[train], rows[test], int(seeds[fold]), {**marks, "seed": split.seed, "fold": fold})
        for fold, (train, test) in enumerate(sides)
    ]


def predictions(
    fits: list[Fit],
    estimator: BaseEstimator,
    windows: pd.DataFrame,
    X: np.ndarray,
    *,
    classes: Sequence[str],
    computing: Computing = ALONE,
) -> pd.DataFrame:
    """Fit all models, side by side, and table what each predicts for its test rows.

    Args:
        fits: the models to train; a kept one of other data, settings, library versions or code is another one.
        estimator, windows, X, computing: as for `sweep`; each fit has a clone with its own seed.
        classes: the emotions that have a column of probabilities.

    Returns:
        One row a test row of a fit, in the order of `fits`: `row` (position in `windows`), the fit's marks,
        `utterance`, `dialogue`, `emotion`, `predicted`, `p_<emotion>` (NaN if the estimator gives no probabilities).
    """
    if len(windows) != len(X):
        raise ValueError(f"{len(windows)} windows but {len(X)} embeddings; they belong together row for row")
    X, y, classes = np.asarray(X), windows["emotion"].to_numpy(dtype=str), list(classes)
    fitted = _fit_predict if computing.memory is None else computing.memory.cache(_fit_predict)

    versions = (*_VERSIONS, compute.best_device())  # on which an estimator whose device is "auto" learns
    calls = (
        (fitted, seeded(estimator, fit.seed), X[fit.train], y[fit.train], X[fit.test], classes, versions)
        for fit in fits
    )
    found = side_by_side(calls, jobs=computing.n_jobs, total=len(fits), disable=not computing.progress)
    tables = [
        tabled(windows.iloc[fit.test], shares, classes, row=fit.test, **fit.marks).assign(predicted=names)
        for fit, (names, shares) in zip(fits, found, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)


def tabled(windows: pd.DataFrame, shares: np.ndarray, classes: Sequence[str], **marks: Any) -> pd.DataFrame:
    """Table probabilities, (n, c): `utterance`, `dialogue`, `emotion`, `predicted` (the likeliest), `p_<emotion>`, marks."""
    of_class = {f"p_{name}": shares[:, column] for column, name in enumerate(classes)}
    predicted = np.array(classes)[shares.argmax(axis=1)]
    return windows[["utterance", "dialogue", "emotion"]].assign(predicted=predicted, **of_class, **marks)


def side_by_side(calls: Iterable[tuple], *, jobs: int, total: int, **bar: Any) -> list[Any]:
    """Call functions, each first in a tuple of its arguments, on one thread each; what they give, in the order of the calls.

    A call travels as plain bytes, for arrays would be put on one worker of a cluster and be lost with it. `bar` is tqdm's.
    """
    packed = ((place, pickle.dumps(call)) for place, call in enumerate(calls))
    with compute.pieces(_unpacked, packed, jobs=jobs, threaded=False) as results:
        found = dict(tqdm(results, total=total, **bar))  # they come as they are ready
    return [found[place] for place in range(total)]


def scores(
    predictions: pd.DataFrame,
    resampling: Resampling,
    *,
    by: Sequence[str] = ("event_set", "shift_s"),
    groups: str = "dialogue",
) -> pd.DataFrame:
    """Boil out-of-fold predictions down to one row a point of a curve, in percent, as the preprint prints them.

    `by` are the columns that tell the points apart (none: one point), and every point has the same draws. Returns them, then
    `n` (events of a seed), `cv_mean` and `cv_std` (the folds' accuracies; standard deviation with ddof 0, which the preprint
    does not state, mean over the seeds), `accuracy` of all events together with its interval `accuracy_low` to `accuracy_high`
    (over `groups` and seeds), `seed_sd` (of the seeds' accuracies, ddof 1; NaN with one seed), and `uar`.
    """
    rows = []
    for point, events in predictions.groupby(list(by), sort=False) if by else [((), predictions)]:
        true, predicted = events["emotion"].to_numpy(), events["predicted"].to_numpy()
        right, seeds = events["emotion"].eq(events["predicted"]), events["seed"]
        of_folds = right.groupby([seeds, events["fold"]]).mean()
        scored = metrics.evaluate(true, predicted, labels=labels.ordered([*true, *predicted]))
        drawing = {"seeds": seeds, **resampling.options}
        low, high = metrics.bootstrap_interval(true, predicted, events[groups].to_numpy(), **drawing)
        row = {"cv_mean": of_folds.mean(), "cv_std": of_folds.groupby("seed").std(ddof=0).mean()}
        row |= {"accuracy": scored["accuracy"], "accuracy_low": low, "accuracy_high": high}
        row |= {"seed_sd": right.groupby(seeds).mean().std(), "uar": scored["uar"]}
        percent = {name: 100 * value for name, value in row.items()}
        rows.append({**dict(zip(by, point, strict=True)), "n": metrics.count_events(events), **percent})
    return pd.DataFrame(rows)


def _event_rows(windows: pd.DataFrame, event_set: str, split: Split) -> Iterator[tuple[float, np.ndarray]]:
    """Choose the events of every shift, balanced: (shift in seconds, positions in the table)."""
    shifts = windows["shift_s"].to_numpy()
    known = np.unique(shifts)
    # One order of events at all shifts, so that one seed draws the same sample and folds wherever events are the same.
    event = pd.factorize(windows["utterance"])[0]
    n_shifts = windows.groupby("utterance")["shift_s"].transform("nunique").to_numpy()
    eligible = (n_shifts == len(known)) | (event_set == "moving")
    for shift in known:
        rows = np.flatnonzero(eligible & (shifts == shift))
        rows = rows[np.argsort(event[rows], kind="stable")]
        emotions = windows["emotion"].iloc[rows]
        yield float(shift), rows[undersampled_positions(emotions, classes=split.classes, random_state=split.seed)]


def _fit_predict(
    estimator: BaseEstimator,
    X_train: np.ndarray,
    y_train: np.ndarray,
    X_test: np.ndarray,
    classes: list[str],
    versions: tuple[str, ...],
) -> tuple[np.ndarray, np.ndarray]:
    """Train one model: predicted classes (n,) and probabilities (n, c). Its arguments are all that it depends on."""
    estimator.fit(X_train, y_train)
    shares = np.full((len(X_test), len(classes)), np.nan)
    if hasattr(estimator, "predict_proba"):
        # A class without a training event cannot be forecast: its probability is zero, not missing.
        shares[:] = 0
        shares[:, [classes.index(name) for name in estimator.classes_]] = estimator.predict_proba(X_test)
    return estimator.predict(X_test), shares


def _unpacked(place: int, job: bytes) -> tuple[int, Any]:
    """Call the function of a job with torch and linear algebra held to one thread, and give the threads back."""
    function, *arguments = pickle.loads(job)
    with compute.one_thread():
        return place, function(*arguments)


def seeded(estimator: BaseEstimator, seed: int) -> BaseEstimator:
    """Clone an estimator and seed it, and whatever is nested in it (the steps of a pipeline)."""
    copied = clone(estimator)
    names = [name for name in copied.get_params() if name == "random_state" or name.endswith("__random_state")]
    return copied.set_params(**dict.fromkeys(names, seed))


# What computes a fit, besides its arguments. The code is read once: a file edited while a run goes on does not change it.
_CODE = compute.code_digest("forecasting/fcdnn.py", "forecasting/crossval.py")
_VERSIONS = (np.__version__, scipy.__version__, sklearn.__version__, torch.__version__, _CODE)
