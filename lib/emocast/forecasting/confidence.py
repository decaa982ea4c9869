"""Forecasts before and after temperature scaling, the temperature fitted on events that neither train nor test.

In each fold a part of the training is held back by the fold's own protocol: the network learns from the rest, the
temperature from the part held back, and both meet the test events for the first time. So before and after are the same
network; it has fewer events to learn from than that of the sweep, which is the price of an honest temperature.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from .. import labels, metrics
from . import protocols, runs

#: The values of the column `scaled`.
BEFORE, AFTER = "as trained", "temperature scaled"


def predictions(
    estimator: BaseEstimator,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    fits: Sequence[runs.Fit],
    *,
    classes: Sequence[str],
    protocol: str,
    validation_fraction: float,
    random_state: int,
    **computing: Any,
) -> pd.DataFrame:
    """Forecast the events of each fold by a network whose confidence is set on validation events, and without that.

    Args:
        estimator: a classifier in scikit-learn's manners with probabilities.
        windows: a window table.
        embeddings: (n, d), row for row those of `windows`.
        fits: the folds of one point of a sweep (`evaluate.plan`).
        classes: the emotions in play.
        protocol: how the folds were made, and how the validation part is held back.
        validation_fraction: share of the training events held back, between 0 and 1.
        random_state: seed of that division.
        **computing: `n_jobs`, `memory` and `progress` of `runs.predictions`.

    Returns:
        The columns of `runs.predictions`, with `temperature` (the fold's) and `scaled`: each test event once as `BEFORE`
        and once as `AFTER`. The forecast emotion is the same in both.

    Raises:
        ValueError: the training part of a fold cannot be divided by the protocol.
    """
    classes, held, heard = labels.ordered(classes), {}, []
    for fit in fits:
        splitting = {"protocol": protocol, "test_fraction": validation_fraction, "random_state": random_state}
        learn, validate = protocols.holdout(windows.iloc[fit.train], **splitting)
        held[fit.marks["fold"]] = fit.train[validate]
        # Both parts are asked of one network; they are told apart by their rows below.
        heard.append(replace(fit, train=fit.train[learn], test=np.concatenate([fit.train[validate], fit.test])))
    table = runs.predictions(heard, estimator, windows, embeddings, classes=classes, **computing)
    folds = [_scaled(rows, held[fold], classes) for fold, rows in table.groupby("fold", sort=False)]
    return pd.concat(folds, ignore_index=True)


def _scaled(rows: pd.DataFrame, validation: np.ndarray, classes: list[str]) -> pd.DataFrame:
    """Fit one fold's temperature to its validation rows, and give its test rows before and after."""
    columns = [f"p_{name}" for name in classes]
    validating = rows["row"].isin(validation)
    known, tested = rows[validating], rows[~validating].copy()
    with (
        warnings.catch_warnings()
    ):  # where nothing is known the best is "say nothing": the temperature in the table tells it
        warnings.filterwarnings("ignore", message="no temperature between")
        scaling = metrics.TemperatureScaling(classes).fit(known[columns].to_numpy(), known["emotion"].to_numpy())
    before = tested.assign(temperature=1.0, scaled=BEFORE)
    after = tested.assign(temperature=scaling.temperature_, scaled=AFTER)
    after[columns] = scaling.transform(tested[columns].to_numpy())
    return pd.concat([before, after])
