"""From a model and a window table to out-of-fold predictions.

Every prediction is kept in one long table, so that scores, intervals and figures are all read from the same rows and a
new question about them needs no new training. `points` makes the points of a curve of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from .. import labels
from ..cache import Cache
from ..sample import undersampled_positions
from . import runs

#: What a sweep compares: the same events at every shift, or (as published) each shift's own.
EVENT_SETS: tuple[str, ...] = ("fixed", "moving")


def cross_validate(
    estimator: BaseEstimator,
    X: np.ndarray,
    windows: pd.DataFrame,
    *,
    protocol: str,
    n_splits: int = 5,
    random_state: int,
    n_jobs: int = 1,
    memory: Cache | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Predict every event by a model that was not trained on it.

    Args:
        estimator: a classifier in scikit-learn's manners; each fold has a clone with its own seed.
        X: embeddings, (n, d), row for row those of `windows`.
        windows: the window table of one shift, one row an event.
        protocol: how folds are made; a name in `protocols.PROTOCOLS`.
        n_splits: number of folds.
        random_state: seed of folds and models.
        n_jobs: processes side by side, as joblib counts them; the result does not depend on it.
        memory: where finished fits are kept; None keeps nothing.
        progress: show a bar.

    Returns:
        One row a window in the order of `windows`: `utterance`, `dialogue`, `fold` (from 0), `emotion`, `predicted`
        and one probability a class, `p_<emotion>` (NaN if the estimator gives none).

    Raises:
        ValueError: rows of X and windows differ, or the folds cannot be made (see `protocols.folds`).
    """
    rows = np.arange(len(windows))
    fits = list(runs.plan(windows, rows, protocol=protocol, n_splits=n_splits, random_state=random_state))
    classes = labels.ordered(windows["emotion"])
    table = runs.predictions(
        fits, estimator, windows, X, classes=classes, n_jobs=n_jobs, memory=memory, progress=progress
    )
    columns = ["utterance", "dialogue", "fold", "emotion", "predicted", *(f"p_{name}" for name in classes)]
    return table.sort_values("row")[columns].reset_index(drop=True)


def sweep(
    estimator: BaseEstimator,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    *,
    classes: Sequence[str],
    protocol: str,
    n_splits: int = 5,
    event_sets: Sequence[str] = EVENT_SETS,
    random_state: int,
    n_jobs: int = 1,
    memory: Cache | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Cross-validate a model a shift (preprint, "Shifting the Forecasting Windows").

    `fixed` samples once among the events that have a window at all shifts, with the same folds at all of them;
    `moving` undersamples each shift's own events, as published, so that its curve also shows the change of events.

    Args:
        estimator: a classifier in scikit-learn's manners.
        windows: the window tables of all shifts in one, told apart by `shift_s` (seconds).
        embeddings: (n, d), row for row those of `windows`.
        classes: the emotions in play.
        protocol: how folds are made; a name in `protocols.PROTOCOLS`.
        n_splits: number of folds.
        event_sets: which of `EVENT_SETS`.
        random_state: seed of samples, folds and models.
        n_jobs: processes side by side, as joblib counts them; the result does not depend on it.
        memory: where finished fits are kept; None keeps nothing.
        progress: show a bar.

    Returns:
        One row a window and event set, in the order of sets, shifts and rows of `windows`: `event_set`, `shift_s`,
        `fold` (from 0), `utterance`, `dialogue`, `emotion`, `predicted`, and `p_<emotion>` for each class.

    Raises:
        ValueError: rows differ, an unknown event set, a class without events, or folds that cannot be made.
    """
    fits = plan(
        windows, classes=classes, protocol=protocol, n_splits=n_splits, event_sets=event_sets, random_state=random_state
    )
    classes = labels.ordered(classes)
    table = runs.predictions(
        fits, estimator, windows, embeddings, classes=classes, n_jobs=n_jobs, memory=memory, progress=progress
    )
    columns = ["event_set", "shift_s", "fold", "utterance", "dialogue", "emotion", "predicted"]
    columns += [f"p_{name}" for name in classes]
    return table.sort_values(["place", "shift_s", "row"])[columns].reset_index(drop=True)


def plan(
    windows: pd.DataFrame,
    *,
    classes: Sequence[str],
    protocol: str,
    n_splits: int = 5,
    event_sets: Sequence[str] = EVENT_SETS,
    random_state: int,
) -> list[runs.Fit]:
    """List the fits of a sweep, so that whatever else is compared with it has the same events and the same folds.

    Args:
        windows: the window tables of all shifts in one.
        classes: the emotions in play.
        protocol: how folds are made; a name in `protocols.PROTOCOLS`.
        n_splits: number of folds.
        event_sets: which of `EVENT_SETS`.
        random_state: seed of samples, folds and models.

    Returns:
        One fit a set, shift and fold; each is marked with `place` (of its set), `event_set`, `shift_s` and `fold`.

    Raises:
        ValueError: an unknown event set, a class without events, or folds that cannot be made.
    """
    fits: list[runs.Fit] = []
    splitting = {"protocol": protocol, "n_splits": n_splits, "random_state": random_state}
    for place, event_set in enumerate(_known(event_sets)):
        for shift, rows in _event_rows(windows, event_set, classes=classes, random_state=random_state):
            fits += runs.plan(windows, rows, **splitting, place=place, event_set=event_set, shift_s=shift)
    return fits


def _known(event_sets: Sequence[str]) -> list[str]:
    """Return the event sets if all are known, or raise ValueError."""
    unknown = [name for name in event_sets if name not in EVENT_SETS]
    if unknown:
        raise ValueError(f"unknown event set {unknown[0]!r}; known are {', '.join(EVENT_SETS)}")
    return list(event_sets)


def _event_rows(
    windows: pd.DataFrame, event_set: str, *, classes: Sequence[str], random_state: int
) -> Iterator[tuple[float, np.ndarray]]:
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
        chosen = undersampled_positions(windows["emotion"].iloc[rows], classes=classes, random_state=random_state)
        yield float(shift), rows[chosen]
