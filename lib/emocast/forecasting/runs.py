"""Train many small models side by side, and keep each that is finished.

A sweep is eleven shifts, two event sets and five folds: 110 networks. On a CPU they are fitted in processes of one thread
each, on this machine or on a Dask cluster (`executor`): a network this small gains nothing from more threads, and sums then
always run in the same order, so that the numbers do not depend on how many processes there are. On a GPU they are fitted in
stacks (`stacked`). What a `cache.Cache` keeps is keyed by the data of a fold, the
estimator's settings, the library versions and this room's code: a killed run goes on from its finished fits, and a fit
of other code or data is never taken for one of these.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import pandas as pd
import sklearn
import torch
from sklearn.base import BaseEstimator, clone
from tqdm import tqdm

from .. import cache, executor, threads
from ..cache import Cache
from . import stacked
from .protocols import folds


@dataclass(frozen=True)
class Fit:
    """One model to train: positions of its training and test rows, its seed, and the marks of its predictions."""

    train: np.ndarray
    test: np.ndarray
    seed: int
    marks: dict[str, Any]


def plan(
    windows: pd.DataFrame, rows: np.ndarray, *, protocol: str, n_splits: int, random_state: int, **marks: Any
) -> Iterator[Fit]:
    """List the fits that the cross-validation of some rows asks for.

    Args:
        windows: a window table.
        rows: positions of the rows to cross-validate, one an event.
        protocol: how folds are made; a name in `protocols.PROTOCOLS`.
        n_splits: number of folds.
        random_state: seed of folds and models; a fold has the same model seed whatever the rows.
        marks: columns that the predictions are to carry besides `fold`.

    Yields:
        One fit a fold, its positions counted in the whole table.
    """
    splits = folds(windows.iloc[rows], protocol=protocol, n_splits=n_splits, random_state=random_state)
    # A longer list begins with the shorter one, so a fold's seed does not hang on how many folds a protocol makes.
    seeds = np.random.SeedSequence(random_state).generate_state(len(splits))
    for fold, (train, test) in enumerate(splits):
        yield Fit(rows[train], rows[test], int(seeds[fold]), {**marks, "fold": fold})


def predictions(
    fits: list[Fit],
    estimator: BaseEstimator,
    windows: pd.DataFrame,
    X: np.ndarray,
    *,
    classes: list[str],
    n_jobs: int = 1,
    memory: Cache | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Fit all models, side by side, and table what each predicts for its test rows.

    Args:
        fits: the models to train.
        estimator: a classifier in scikit-learn's manners; each fit has a clone with its own seed.
        windows: the window table.
        X: embeddings, (n, d), row for row those of `windows`.
        classes: the emotions that have a column of probabilities.
        n_jobs: processes side by side, as joblib counts them.
        memory: where finished fits are kept; None keeps nothing.
        progress: show a bar.

    Returns:
        One row a test row of a fit, in the order of `fits`: `row` (position in `windows`), the fit's marks,
        `utterance`, `dialogue`, `emotion`, `predicted`, `p_<emotion>` (NaN if the estimator gives no probabilities).

    Raises:
        ValueError: there is not one embedding a window.
    """
    if len(windows) != len(X):
        raise ValueError(f"{len(windows)} windows but {len(X)} embeddings; they belong together row for row")
    X, emotions = np.asarray(X), windows["emotion"].to_numpy(dtype=str)
    models = [_seeded(estimator, fit.seed) for fit in fits]
    if stacked.suits(estimator):
        results = _in_stacks(fits, models, X, emotions, classes=classes, memory=memory)
    else:
        results = _side_by_side(fits, models, X, emotions, classes=classes, n_jobs=n_jobs, memory=memory)
    # They come as they are ready; the table is in the order that was asked for.
    found = dict(tqdm(results, total=len(fits), disable=not progress))
    tables = []
    for place, fit in enumerate(fits):
        predicted, shares = found[place]
        of_event = windows[["utterance", "dialogue", "emotion"]].iloc[fit.test]
        of_class = {f"p_{name}": shares[:, column] for column, name in enumerate(classes)}
        tables.append(of_event.assign(predicted=predicted, **of_class, row=fit.test, **fit.marks))
    return pd.concat(tables, ignore_index=True)


def _side_by_side(
    fits: list[Fit],
    models: list[BaseEstimator],
    X: np.ndarray,
    emotions: np.ndarray,
    *,
    classes: list[str],
    n_jobs: int,
    memory: Cache | None,
) -> Iterator[tuple[int, tuple[np.ndarray, np.ndarray]]]:
    """Fit each model in a process of one thread: (place of the fit, its result) as they are ready."""
    fitted = _twin(_fit_predict, memory)
    # A piece travels as plain bytes, for arrays would be put on one worker of a cluster and be lost with it.
    pieces = (
        (
            place,
            pickle.dumps((fitted, model, X[fit.train], emotions[fit.train], X[fit.test], classes, _versions())),
        )
        for place, (fit, model) in enumerate(zip(fits, models, strict=True))
    )
    with executor.pieces(_unpacked, pieces, jobs=n_jobs, threaded=False) as results:
        yield from results


def _in_stacks(
    fits: list[Fit],
    models: list[BaseEstimator],
    X: np.ndarray,
    emotions: np.ndarray,
    *,
    classes: list[str],
    memory: Cache | None,
) -> Iterator[tuple[int, tuple[np.ndarray, np.ndarray]]]:
    """Fit the models stack by stack: (place of the fit, its result)."""
    fitted = _twin(_fit_predict_stack, memory)
    for places in stacked.groups(models[0], [emotions[fit.train] for fit in fits]):
        own = [fits[place] for place in places]
        parts = [[values[fit.train] for fit in own] for values in (X, emotions)]
        results = fitted(
            [models[place] for place in places], *parts, [X[fit.test] for fit in own], classes, _versions()
        )
        yield from zip(places, results, strict=True)


def _twin(function: Callable, memory: Cache | None) -> Callable:
    """A function that keeps its results, if there is where to keep them."""
    return function if memory is None else memory.cache(function)


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
    return _predicted(estimator, X_test, classes)


def _fit_predict_stack(
    models: list[BaseEstimator],
    X_train: list[np.ndarray],
    y_train: list[np.ndarray],
    X_test: list[np.ndarray],
    classes: list[str],
    versions: tuple[str, ...],
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Train the models of one stack: what `_fit_predict` gives of each."""
    stacked.fit(models, list(zip(X_train, y_train, strict=True)))
    return [_predicted(model, X, classes) for model, X in zip(models, X_test, strict=True)]


def _predicted(estimator: BaseEstimator, X: np.ndarray, classes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Ask a fitted model: predicted classes (n,) and probabilities (n, c)."""
    shares = np.full((len(X), len(classes)), np.nan)
    if hasattr(estimator, "predict_proba"):
        # A class without a training event cannot be forecast: its probability is zero, not missing.
        shares[:] = 0
        shares[:, [classes.index(name) for name in estimator.classes_]] = estimator.predict_proba(X)
    return estimator.predict(X), shares


def _unpacked(place: int, piece: bytes) -> tuple[int, Any]:
    """Call the function of a piece with torch and linear algebra held to one thread, and give the threads back."""
    function, *arguments = pickle.loads(piece)
    with threads.one():
        return place, function(*arguments)


def _seeded(estimator: BaseEstimator, seed: int) -> BaseEstimator:
    """Clone an estimator and seed it, and whatever is nested in it (the steps of a pipeline)."""
    copied = clone(estimator)
    names = [name for name in copied.get_params() if name == "random_state" or name.endswith("__random_state")]
    return copied.set_params(**dict.fromkeys(names, seed))


def _versions() -> tuple[str, ...]:
    """What computes a fit, besides its arguments: libraries and this room's code."""
    return np.__version__, numba.__version__, sklearn.__version__, torch.__version__, _CODE


# Read once, when the code is: a file edited while a run goes on does not change what that run computes.
_CODE = cache.code_digest("forecasting")
