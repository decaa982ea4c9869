"""From a model and a window table to out-of-fold predictions, and from these to scores.

Every prediction is kept in one long table, so that scores, intervals and figures are read from the same rows and a new question
about them needs no new training. The many small models are trained in processes of one thread each: a network this small gains
nothing from more threads, and the numbers do not depend on how many processes there are.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import sklearn
import torch
from sklearn.base import BaseEstimator, clone
from tqdm import tqdm

from .. import compute, labels, metrics
from ..compute import Cache
from ..windows import undersampled_positions
from .splits import Split, folds

#: What a sweep compares: the same events at every shift, or (as published) each shift's own.
EVENT_SETS: tuple[str, ...] = ("fixed", "moving")

#: How intervals are read from their draws.
METHOD = "expanded"


@dataclass(frozen=True)
class Computing:
    """How models are trained; the results do not depend on it.

    Attributes:
        n_jobs: processes side by side, as joblib counts them; a Dask cluster has its own number (`executor`).
        memory: where finished fits are kept, so that a killed run goes on from them; None keeps nothing.
        progress: show a bar.
    """

    n_jobs: int = 1
    memory: Cache | None = None
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


def cross_validate(
    estimator: BaseEstimator,
    X: np.ndarray,
    windows: pd.DataFrame,
    split: Split,
    *,
    computing: Computing = ALONE,
) -> pd.DataFrame:
    """Predict every event by a model that was not trained on it. Nothing is balanced here.

    Args:
        estimator: a classifier in scikit-learn's manners; each fold has a clone with its own seed.
        X: embeddings, (n, d), row for row those of `windows`.
        windows: the window table of one shift, one row an event.
        split: protocol, folds and seed.
        computing: processes and kept fits.

    Returns:
        One row a window in the order of `windows`: `utterance`, `dialogue`, `fold` (from 0), `emotion`, `predicted`
        and one probability a class, `p_<emotion>` (NaN if the estimator gives none).

    Raises:
        ValueError: rows of X and windows differ, or the folds cannot be made (see `splits.folds`).
    """
    classes = labels.ordered(windows["emotion"])
    fits = fold_fits(windows, np.arange(len(windows)), split)
    table = predictions(fits, estimator, windows, X, classes=classes, computing=computing)
    columns = ["utterance", "dialogue", "fold", "emotion", "predicted", *(f"p_{name}" for name in classes)]
    return table.sort_values("row")[columns].reset_index(drop=True)


def sweep(
    estimator: BaseEstimator,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    split: Split,
    *,
    event_sets: Sequence[str] = EVENT_SETS,
    computing: Computing = ALONE,
) -> pd.DataFrame:
    """Cross-validate a model a shift (preprint, "Shifting the Forecasting Windows").

    `fixed` samples once among the events that have a window at all shifts, with the same folds at all of them;
    `moving` undersamples each shift's own events, as published, so that its curve also shows the change of events.

    Args:
        estimator, embeddings, computing: as for `cross_validate`.
        windows: the window tables of all shifts in one, told apart by `shift_s` (seconds).
        split: how the events are balanced and divided.
        event_sets: which of `EVENT_SETS`.

    Returns:
        One row a window and event set, in the order of sets, shifts and rows of `windows`: `event_set`, `shift_s`,
        `fold` (from 0), `utterance`, `dialogue`, `emotion`, `predicted`, and `p_<emotion>` for each class.

    Raises:
        ValueError: rows differ, an unknown event set, a class without events, or folds that cannot be made.
    """
    fits, classes = plan(windows, split, event_sets=event_sets), labels.ordered(split.classes)
    table = predictions(fits, estimator, windows, embeddings, classes=classes, computing=computing)
    columns = ["event_set", "shift_s", "fold", "utterance", "dialogue", "emotion", "predicted"]
    columns += [f"p_{name}" for name in classes]
    return table.sort_values(["place", "shift_s", "row"])[columns].reset_index(drop=True)


def plan(windows: pd.DataFrame, split: Split, *, event_sets: Sequence[str] = EVENT_SETS) -> list[Fit]:
    """List the fits of a sweep, so that whatever else is compared with it has the same events and the same folds.

    Returns:
        One fit a set, shift and fold; each is marked with `place` (of its set), `event_set`, `shift_s` and `fold`.

    Raises:
        ValueError: an unknown event set, a class without events, or folds that cannot be made.
    """
    unknown = [name for name in event_sets if name not in EVENT_SETS]
    if unknown:
        raise ValueError(f"unknown event set {unknown[0]!r}; known are {', '.join(EVENT_SETS)}")
    fits: list[Fit] = []
    for place, event_set in enumerate(event_sets):
        for shift, rows in _event_rows(windows, event_set, split):
            fits += fold_fits(windows, rows, split, place=place, event_set=event_set, shift_s=shift)
    return fits


def fold_fits(windows: pd.DataFrame, rows: np.ndarray, split: Split, **marks: Any) -> list[Fit]:
    """List the fits that the cross-validation of some rows asks for.

    Args:
        windows: a window table, in which the positions are counted.
        rows: positions of the rows to cross-validate, one an event.
        split: protocol, folds and seed; a fold has the same model seed whatever the rows.
        marks: columns that the predictions are to carry besides `fold`.
    """
    sides = folds(windows.iloc[rows], protocol=split.protocol, n_splits=split.folds, random_state=split.seed)
    # A longer list begins with the shorter one, so a fold's seed does not hang on how many folds a protocol makes.
    seeds = np.random.SeedSequence(split.seed).generate_state(len(sides))
    return [
        Fit(rows[train], rows[test], int(seeds[fold]), {**marks, "fold": fold})
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
        estimator, windows, X, computing: as for `cross_validate`; each fit has a clone with its own seed.
        classes: the emotions that have a column of probabilities.

    Returns:
        One row a test row of a fit, in the order of `fits`: `row` (position in `windows`), the fit's marks,
        `utterance`, `dialogue`, `emotion`, `predicted`, `p_<emotion>` (NaN if the estimator gives no probabilities).

    Raises:
        ValueError: there is not one embedding a window.
    """
    if len(windows) != len(X):
        raise ValueError(f"{len(windows)} windows but {len(X)} embeddings; they belong together row for row")
    X, emotions, classes = np.asarray(X), windows["emotion"].to_numpy(dtype=str), list(classes)
    fitted = _fit_predict if computing.memory is None else computing.memory.cache(_fit_predict)
    # A fit travels as plain bytes, for arrays would be put on one worker of a cluster and be lost with it.
    jobs = (
        (
            place,
            pickle.dumps(
                (
                    fitted,
                    _seeded(estimator, fit.seed),
                    X[fit.train],
                    emotions[fit.train],
                    X[fit.test],
                    classes,
                    _versions(),
                )
            ),
        )
        for place, fit in enumerate(fits)
    )
    with compute.pieces(_unpacked, jobs, jobs=computing.n_jobs, threaded=False) as results:
        # They come as they are ready; the table is in the order that was asked for.
        predicted = dict(tqdm(results, total=len(fits), disable=not computing.progress))
    tables = []
    for place, fit in enumerate(fits):
        names, shares = predicted[place]
        of_event = windows[["utterance", "dialogue", "emotion"]].iloc[fit.test]
        of_class = {f"p_{name}": shares[:, column] for column, name in enumerate(classes)}
        tables.append(of_event.assign(predicted=names, **of_class, row=fit.test, **fit.marks))
    return pd.concat(tables, ignore_index=True)


def scores(
    predictions: pd.DataFrame,
    *,
    by: Sequence[str] = ("event_set", "shift_s"),
    level: float = 0.95,
    draws: int = 1000,
    random_state: int,
) -> pd.DataFrame:
    """Boil predictions down to one row a point of a curve, in percent, as the preprint prints them.

    Args:
        predictions: out-of-fold predictions of `sweep`, or (with other columns in `by`) of `cross_validate`.
        by: the columns that tell the points apart; none makes one point of all rows.
        level: share of the interval, which is expanded: a test part has a dozen dialogues and not hundreds.
        draws: draws of its bootstrap.
        random_state: seed of the bootstrap, the same for every point.

    Returns:
        The columns of `by`, then `n` (events), `cv_mean` and `cv_std` (the folds' accuracies; standard deviation with
        ddof 0, which the preprint does not state), `accuracy` of all events together with its interval
        `accuracy_low` to `accuracy_high` (dialogues drawn whole), and `uar`.
    """
    interval = {"level": level, "draws": draws, "random_state": random_state}
    points = predictions.groupby(list(by), sort=False) if by else [((), predictions)]
    rows = [{**dict(zip(by, point, strict=True)), **_scored(events, **interval)} for point, events in points]
    return pd.DataFrame(rows)


def recalls(predictions: pd.DataFrame, **interval: Any) -> pd.DataFrame:
    """Score each emotion on its own at each shift.

    Args:
        predictions: out-of-fold predictions of one event set of `sweep`.
        interval: `level`, `draws` and `random_state`, as for `scores`.

    Returns:
        One row an emotion and shift, in the project's order: emotion, shift_s, n (events), and `recall` with its interval
        `recall_low` to `recall_high` in percent.
    """
    # Among the events of one true emotion, accuracy is that emotion's recall.
    of_emotion = scores(predictions, by=("emotion", "shift_s"), **interval)
    names = {"accuracy": "recall", "accuracy_low": "recall_low", "accuracy_high": "recall_high"}
    table = of_emotion.rename(columns=names)[["emotion", "shift_s", "n", *names.values()]]
    order = table["emotion"].map(labels.EMOTIONS.index)
    return table.iloc[np.lexsort([table["shift_s"], order])].reset_index(drop=True)


def compare(first: pd.DataFrame, second: pd.DataFrame, **interval: Any) -> pd.DataFrame:
    """Set two sweeps beside each other, shift by shift, on the events that both predict.

    Args:
        first: out-of-fold predictions of one event set of `sweep`.
        second: the same of another model or other embeddings.
        interval: `level`, `draws` and `random_state`, as for `scores`; the bootstrap is paired.

    Returns:
        One row a shift that both have: shift_s, n (events), the accuracies `first` and `second` in percent, and the
        `difference` second - first in points with its interval `low` to `high`.
    """
    both = first.merge(
        second[["shift_s", "utterance", "predicted"]], on=["shift_s", "utterance"], suffixes=("", "_second")
    )
    rows = []
    for shift, events in both.groupby("shift_s"):
        columns = (events[name].to_numpy() for name in ("emotion", "predicted", "predicted_second", "dialogue"))
        found = metrics.paired_bootstrap(*columns, method=METHOD, **interval)
        percent = {name: 100 * found[name] for name in ("first", "second", "difference", "low", "high")}
        rows.append({"shift_s": shift, "n": len(events), **percent})
    return pd.DataFrame(rows, columns=["shift_s", "n", "first", "second", "difference", "low", "high"])


def _scored(events: pd.DataFrame, **interval: Any) -> dict[str, float]:
    """Score the predictions of one point: its number of events, and scores in percent."""
    true, predicted = events["emotion"].to_numpy(), events["predicted"].to_numpy()
    of_folds = (events["emotion"] == events["predicted"]).groupby(events["fold"]).mean().to_numpy()
    scored = metrics.evaluate(true, predicted, labels=labels.ordered([*true, *predicted]))
    low, high = metrics.bootstrap_interval(true, predicted, events["dialogue"].to_numpy(), method=METHOD, **interval)
    return {
        "n": scored["n"],
        "cv_mean": 100 * of_folds.mean(),
        "cv_std": 100 * of_folds.std(ddof=0),
        "accuracy": 100 * scored["accuracy"],
        "accuracy_low": 100 * low,
        "accuracy_high": 100 * high,
        "uar": 100 * scored["uar"],
    }


def _event_rows(windows: pd.DataFrame, event_set: str, split: Split) -> Iterator[tuple[float, np.ndarray]]:
    """Choose the events of every shift, balanced: (shift in seconds, positions in the table)."""
    shifts = windows["shift_s"].to_numpy()
    known = np.unique(shifts)
    # One order of events at all shifts, so that one seed draws the same sample and folds wherever events are the same.
    event = pd.factorize(windows["utterance"])[0]
    n_shifts = windows.groupby("utterance")["shift_s"].transform("nunique").to_numpy()
    eligible = n_shifts == len(known) if event_set == "fixed" else np.ones(len(windows), dtype=bool)
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
    """Train one model: predicted classes (n,) and probabilities (n, c).

    All that a result depends on is an argument, because `cache.Cache` keys by arguments: hence `versions`.
    """
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


def _seeded(estimator: BaseEstimator, seed: int) -> BaseEstimator:
    """Clone an estimator and seed it, and whatever is nested in it (the steps of a pipeline)."""
    copied = clone(estimator)
    names = [name for name in copied.get_params() if name == "random_state" or name.endswith("__random_state")]
    return copied.set_params(**dict.fromkeys(names, seed))


def _versions() -> tuple[str, ...]:
    """What computes a fit, besides its arguments: libraries and code."""
    return np.__version__, sklearn.__version__, torch.__version__, _CODE


# Read once, when the code is: a file edited while a run goes on does not change what that run computes.
_CODE = compute.code_digest("forecasting/fcdnn.py", "forecasting/crossval.py")
