"""A learning curve's models: the same network trained on more and more of the training dialogues.

Whole dialogues are taken away, nested (`metrics.curves` says why); the test events of a fold are those of the full training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from .. import labels, metrics
from . import runs


def predictions(
    estimator: BaseEstimator,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    fits: Sequence[runs.Fit],
    *,
    classes: Sequence[str],
    fractions: Sequence[float],
    random_state: int,
    **computing: Any,
) -> pd.DataFrame:
    """Train on growing shares of each fold's training dialogues, and forecast the fold's events by each model.

    Args:
        estimator: a classifier in scikit-learn's manners.
        windows: a window table.
        embeddings: (n, d), row for row those of `windows`.
        fits: the folds of one point of a sweep (`evaluate.plan`), whose events are forecast at every fraction.
        classes: the emotions in play.
        fractions: shares of the training dialogues, above 0 and up to 1.
        random_state: seed of the order in which dialogues are added.
        **computing: `n_jobs`, `memory` and `progress` of `runs.predictions`.

    Returns:
        One row a fraction and event, as `metrics.learning_curve` takes them: the columns of `runs.predictions` with
        `fraction`, `train_dialogues` and `train_events`. A fraction at which a fold's part of the training lacks a class is
        left out.

    Raises:
        ValueError: no fraction gives every fold all classes, or a fraction is not above 0 and up to 1.
    """
    grown = [part for fit in fits for part in _grown(windows, fit, fractions, random_state=random_state)]
    emotion = windows["emotion"].to_numpy(dtype=str)
    lacking = {fit.marks["fraction"] for fit in grown if not set(classes) <= set(emotion[fit.train])}
    kept = [fit for fit in grown if fit.marks["fraction"] not in lacking]
    if not kept:
        raise ValueError("even all training dialogues of a fold lack a class: no learning curve can be drawn")
    return runs.predictions(kept, estimator, windows, embeddings, classes=labels.ordered(classes), **computing)


def _grown(windows: pd.DataFrame, fit: runs.Fit, fractions: Sequence[float], *, random_state: int) -> list[runs.Fit]:
    """One fold's trainings, from the fewest dialogues to all; all have the seed of the fold."""
    dialogues = windows["dialogue"].to_numpy(dtype=str)[fit.train]
    parts = []
    for fraction, places in metrics.subsets(dialogues, fractions, random_state=random_state):
        size = {"train_dialogues": len(set(dialogues[places])), "train_events": len(places)}
        parts.append(replace(fit, train=fit.train[places], marks={**fit.marks, "fraction": fraction, **size}))
    return parts
