"""The network under other conditions: fewer dialogues, confidence set on held-back events, other settings."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.model_selection import ParameterGrid, ParameterSampler

from .. import labels, metrics
from . import crossval
from .crossval import ALONE, Computing, Fit
from .fcdnn import FCDNNClassifier
from .splits import Split, holdout

#: The values of the column `scaled`.
BEFORE, AFTER = "as trained", "temperature scaled"


def learning_curve(
    estimator: BaseEstimator,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    fits: Sequence[Fit],
    split: Split,
    *,
    fractions: Sequence[float],
    computing: Computing = ALONE,
) -> pd.DataFrame:
    """Train on growing shares of each fold's training dialogues, and forecast the fold's events by each model.

    Whole dialogues are taken away, nested (`metrics.subsets`); the test events of a fold are those of the full training.

    Args:
        estimator, windows, embeddings, computing: as for `crossval.sweep`.
        fits: the folds of one point of a sweep (`crossval.plan`), whose events are forecast at every fraction.
        split: the classes, and the seed of the order in which dialogues are added.
        fractions: shares of the training dialogues, above 0 and up to 1.

    Returns:
        One row a fraction and event, as `metrics.learning_curve` takes them: the columns of `crossval.predictions` with
        `fraction`, `train_dialogues` and `train_events`. A fraction at which a fold's part of the training lacks a class is
        left out.

    Raises:
        ValueError: no fraction gives every fold all classes, or a fraction is not above 0 and up to 1.
    """
    dialogue, emotion = (windows[name].to_numpy(dtype=str) for name in ("dialogue", "emotion"))
    grown: list[Fit] = []
    for fit in fits:
        of_fold = dialogue[fit.train]
        for fraction, places in metrics.subsets(of_fold, fractions, random_state=split.seed):
            size = {"train_dialogues": len(set(of_fold[places])), "train_events": len(places)}
            marks = {**fit.marks, "fraction": fraction, **size}
            grown.append(replace(fit, train=fit.train[places], marks=marks))
    lacking = {fit.marks["fraction"] for fit in grown if not set(split.classes) <= set(emotion[fit.train])}
    kept = [fit for fit in grown if fit.marks["fraction"] not in lacking]
    if not kept:
        raise ValueError("even all training dialogues of a fold lack a class: no learning curve can be drawn")
    classes = labels.ordered(split.classes)
    return crossval.predictions(kept, estimator, windows, embeddings, classes=classes, computing=computing)


def temperature_scaled(
    estimator: BaseEstimator,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    fits: Sequence[Fit],
    split: Split,
    *,
    validation_fraction: float,
    computing: Computing = ALONE,
) -> pd.DataFrame:
    """Forecast the events of each fold before and after temperature scaling.

    In each fold a part of the training is held back by the fold's own protocol: the network learns from the rest, the
    temperature from the part held back, and both meet the test events for the first time. So before and after are the same
    network; it has fewer events to learn from than that of the sweep, which is the price of an honest temperature.

    Args:
        estimator, windows, embeddings, computing: as for `crossval.sweep`; the estimator gives probabilities.
        fits: the folds of one point of a sweep (`crossval.plan`).
        split: the classes, and protocol and seed by which the validation part is held back.
        validation_fraction: share of the training events held back, between 0 and 1.

    Returns:
        The columns of `crossval.predictions`, with `temperature` (the fold's) and `scaled`: each test event once as `BEFORE`
        and once as `AFTER`. The forecast emotion is the same in both.

    Raises:
        ValueError: the training part of a fold cannot be divided by the protocol.
    """
    classes, validation, parts = labels.ordered(split.classes), {}, []
    dividing = {"protocol": split.protocol, "test_fraction": validation_fraction, "random_state": split.seed}
    for fit in fits:
        learn, validate = holdout(windows.iloc[fit.train], **dividing)
        validation[fit.marks["fold"]] = fit.train[validate]
        # Both parts are asked of one network; they are told apart by their rows below.
        parts.append(replace(fit, train=fit.train[learn], test=np.concatenate([fit.train[validate], fit.test])))
    table = crossval.predictions(parts, estimator, windows, embeddings, classes=classes, computing=computing)
    folds = [_scaled(rows, validation[fold], classes) for fold, rows in table.groupby("fold", sort=False)]
    return pd.concat(folds, ignore_index=True)


def _scaled(rows: pd.DataFrame, validation: np.ndarray, classes: list[str]) -> pd.DataFrame:
    """Fit one fold's temperature to its validation rows, and give its test rows before and after."""
    columns = [f"p_{name}" for name in classes]
    validating = rows["row"].isin(validation)
    known, tested = rows[validating], rows[~validating]
    with warnings.catch_warnings():
        # Where nothing is known the best is "say nothing": the temperature in the table tells it.
        warnings.filterwarnings("ignore", message="no temperature between")
        scaling = metrics.TemperatureScaling(classes).fit(known[columns].to_numpy(), known["emotion"].to_numpy())
    after = tested.assign(temperature=scaling.temperature_, scaled=AFTER)
    after[columns] = scaling.transform(tested[columns].to_numpy())
    return pd.concat([tested.assign(temperature=1.0, scaled=BEFORE), after])


def search(
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    split: Split,
    *,
    space: Mapping[str, Sequence[Any]],
    n_draws: int,
    first: Mapping[str, Any],
    level: float = 0.95,
    draws: int = 1000,
    computing: Computing = ALONE,
    **others: Any,
) -> pd.DataFrame:
    """Cross-validate settings of the network on the same folds: do bigger networks bring nothing, as the preprint remarks?

    The preprint names what "5-fold cross-validation on the training set" found best; it names neither the values tried nor
    their scores. The best of many settings is flattered by the comparison: what it is worth is told by events that took no
    part. So give training events alone.

    Args:
        windows, embeddings, computing: as for `crossval.cross_validate`, of the classes in play alone.
        split: classes, protocol and folds; the seed of settings, folds, models and bootstrap.
        space: setting -> values to draw from, each as likely as the others, none drawn twice together.
        n_draws: settings in all, `first` among them; the whole space if it holds no more.
        first: the setting that is always there, with a value for each name in `space`.
        level, draws: of the intervals, as for `crossval.scores`.
        others: settings of `FCDNNClassifier` that are the same throughout, such as `device`.

    Returns:
        One row a setting, `first` before the others: the settings by name, `first` (true of that one), `parameters`
        (trained numbers of the network), and `n`, `cv_mean`, `cv_std`, `accuracy`, `accuracy_low`, `accuracy_high`, `uar`
        in percent, as `crossval.scores` has them.

    Raises:
        ValueError: a setting that `first` lacks or the network does not know, no draw, or what `crossval` raises.
    """
    classes, rows = labels.ordered(split.classes), []
    settings = _drawn(space, n_draws=n_draws, first=first, random_state=split.seed)
    fits = crossval.fold_fits(windows, np.arange(len(windows)), split)
    for setting in settings:
        network = FCDNNClassifier(**others, **setting)
        table = crossval.predictions(fits, network, windows, embeddings, classes=classes, computing=computing)
        # In the order of the events, as everywhere: the bootstrap draws dialogues in the order in which they come.
        table = table.sort_values("row")
        scores = crossval.scores(table, by=(), level=level, draws=draws, random_state=split.seed).iloc[0]
        size = _parameters(setting, width=np.shape(embeddings)[1], classes=len(classes))
        rows.append({**setting, "first": not rows, "parameters": size, **scores, "n": int(scores["n"])})
    return pd.DataFrame(rows)


def best(table: pd.DataFrame, *, larger: bool) -> pd.Series:
    """Pick of a table of `search` the best of the networks that are larger than the first setting's, or of those that are not.

    Each is the best of its own tries, so the two differ by size and not by who was tuned. The tries are as many as were
    drawn, not equally many on both sides; the best of more is flattered more, by the search but not on other events.

    Raises:
        ValueError: no larger network was drawn.
    """
    side = table[(table["parameters"] > table["parameters"].iloc[0]) == larger]
    if side.empty:
        raise ValueError("no network with more parameters than the first setting's was drawn: draw more settings")
    return side.loc[side["accuracy"].idxmax()]


def _drawn(
    space: Mapping[str, Sequence[Any]], *, n_draws: int, first: Mapping[str, Any], random_state: int
) -> list[dict[str, Any]]:
    """Draw settings from a space, none twice, `first` before the others."""
    unknown = sorted({*space, *first} - {*FCDNNClassifier().get_params()} | {*space} - {*first})
    if unknown:
        raise ValueError(f"the setting {unknown[0]!r} has no value in `first`, or the network has no such setting")
    if n_draws < 1:
        raise ValueError(f"n_draws is {n_draws}: at least 1, the first setting")
    first, size = dict(first), len(ParameterGrid(dict(space)))
    # One more than is asked for, in case that the first one is drawn.
    sample = ParameterSampler(dict(space), n_iter=min(n_draws, size), random_state=random_state)
    others = [{**first, **setting} for setting in sample]
    return [first, *(setting for setting in others if setting != first)][:n_draws]


def _parameters(setting: Mapping[str, Any], *, width: int, classes: int) -> int:
    """Count weights and biases, scales and shifts: 418,173 of the published network on 768 values and three classes."""
    layers, units = setting["hidden_layers"], setting["hidden_units"]
    linear = (width + 1) * units + (layers - 1) * (units + 1) * units + (units + 1) * classes
    return linear + layers * 2 * units
