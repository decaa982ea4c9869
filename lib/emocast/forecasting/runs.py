"""Train many small models side by side, and keep each that is finished.

A sweep is eleven shifts, two event sets and five folds: 110 networks. They are fitted in processes of one thread each:
a network this small gains nothing from more threads, and sums then always run in the same order, so that the numbers
do not depend on how many processes there are. What a `cache.Cache` keeps is keyed by the data of a fold, the
estimator's settings, the library versions and this room's code: a killed run goes on from its finished fits, and a fit
of other code or data is never taken for one of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn
import torch
from sklearn.base import BaseEstimator, clone
from tqdm import tqdm

from .. import cache, threads
from ..cache import Cache
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
    n_jobs: int,
    memory: Cache | None,
    progress: bool,
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
    fitted = _fit_predict if memory is None else memory.cache(_fit_predict)
    tasks = (
        joblib.delayed(_in_one_thread)(
            fitted, _seeded(estimator, fit.seed), X[fit.train], emotions[fit.train], X[fit.test], classes, _versions()
        )
        for fit in fits
    )
    results = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(tasks)
    tables = []
    for fit, (predicted, shares) in zip(fits, tqdm(results, total=len(fits), disable=not progress), strict=True):
        of_event = windows[["utterance", "dialogue", "emotion"]].iloc[fit.test]
        of_class = {f"p_{name}": shares[:, place] for place, name in enumerate(classes)}
        tables.append(of_event.assign(predicted=predicted, **of_class, row=fit.test, **fit.marks))
    return pd.concat(tables, ignore_index=True)


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


def _in_one_thread(function: Callable, *arguments: Any) -> Any:
    """Call a function with torch and linear algebra held to one thread, and give the threads back."""
    with threads.one():
        return function(*arguments)


def _seeded(estimator: BaseEstimator, seed: int) -> BaseEstimator:
    """Clone an estimator and seed it, and whatever is nested in it (the steps of a pipeline)."""
    copied = clone(estimator)
    names = [name for name in copied.get_params() if name == "random_state" or name.endswith("__random_state")]
    return copied.set_params(**dict.fromkeys(names, seed))


def _versions() -> tuple[str, ...]:
    """What computes a fit, besides its arguments: libraries and this room's code."""
    return np.__version__, sklearn.__version__, torch.__version__, _CODE


# Read once, when the code is: a file edited while a run goes on does not change what that run computes.
_CODE = cache.code_digest("forecasting")
