"""The network under other conditions: fewer dialogues, confidence set on held-back events, other settings, other encoders.

Other encoders, because the published checkpoint was fine-tuned to recognise the emotion of the corpus's own utterances, and
part of a forecast from its embeddings may be what it remembers. So each session that notebook 06 re-tuned an encoder without is
tested, the others train, and only the encoder changes. With `RETUNED` the training windows still come from sessions that the
encoder knows, as a forecaster would have it with new people: it may lose more than the leak was.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.model_selection import ParameterGrid, ParameterSampler

from .. import encoders, labels, metrics
from ..metrics.resampling import Resampling
from ..settings import Profile
from . import crossval
from .crossval import ALONE, Computing, Fit
from .fcdnn import FCDNNClassifier
from .splits import Split, holdout

#: The values of the column `scaled`.
BEFORE, AFTER = "as trained", "temperature scaled"

#: The profile's checkpoint; the same training without the test session; what both were fine-tuned from; fitted to nothing.
PUBLISHED, RETUNED, PLAIN, HANDCRAFTED = (
    "as published", "re-tuned without the test session", "not trained on the corpus", "hand-crafted",
)  # fmt: skip


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
        fractions: shares of the training dialogues, above 0 and up to 1. One at which a fold's part of the training lacks a
            class is left out; ValueError if all are.

    Returns:
        One row a fraction and event, as `metrics.learning_curve` takes them: the columns of `crossval.predictions` with
        `fraction`, `train_dialogues` and `train_events`.
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
    temperature from that part. So before and after are the same network; it has fewer events to learn from than the sweep's.

    Args:
        estimator, windows, embeddings, computing: as for `crossval.sweep`; the estimator gives probabilities.
        fits: the folds of one point of a sweep (`crossval.plan`).
        split: the classes, and protocol and seed by which the validation part is held back (`splits.holdout`).
        validation_fraction: share of the training events held back, between 0 and 1.

    Returns:
        The columns of `crossval.predictions`, with `temperature` (the fold's) and `scaled`: each test event once as `BEFORE`
        and once as `AFTER`. The forecast emotion is the same in both.
    """
    classes, validation, parts = labels.ordered(split.classes), [], []
    for fit in fits:
        learn, validate = holdout(windows.iloc[fit.train], split, test_fraction=validation_fraction)
        validation.append(fit.train[validate])
        # Both parts are asked of one network; they are told apart by their rows below.
        parts.append(replace(fit, train=fit.train[learn], test=np.concatenate([fit.train[validate], fit.test])))
    table = crossval.predictions(parts, estimator, windows, embeddings, classes=classes, computing=computing)
    columns, tables = [f"p_{name}" for name in classes], []
    for held, (_, rows) in zip(validation, table.groupby(["seed", "fold"], sort=False), strict=True):
        known, tested = (rows[rows["row"].isin(held) == validating] for validating in (True, False))
        with warnings.catch_warnings():
            # Where nothing is known the best is "say nothing": the temperature in the table tells it.
            warnings.filterwarnings("ignore", message="no temperature between")
            scaling = metrics.TemperatureScaling(classes).fit(known[columns].to_numpy(), known["emotion"].to_numpy())
        after = tested.assign(temperature=scaling.temperature_, scaled=AFTER)
        after[columns] = scaling.transform(tested[columns].to_numpy())
        tables += [tested.assign(temperature=1.0, scaled=BEFORE), after]
    return pd.concat(tables, ignore_index=True)


def search(
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    split: Split,
    *,
    space: Mapping[str, Sequence[Any]],
    n_draws: int,
    first: Mapping[str, Any],
    resampling: Resampling,
    computing: Computing = ALONE,
    **others: Any,
) -> pd.DataFrame:
    """Cross-validate settings of the network on the same folds: do bigger networks bring nothing, as the preprint remarks?

    The preprint names what "5-fold cross-validation on the training set" found best, neither the values tried nor their scores.
    The best of many settings is flattered: what it is worth is told by events that took no part. So give training events alone.

    Args:
        windows, embeddings, computing: as for `experiments.run`, of the classes in play alone.
        split: classes, protocol and folds; the seed of settings, folds and models.
        space: setting -> values to draw from, each as likely as the others, none drawn twice together.
        n_draws: settings in all, `first` among them; the whole space if it holds no more.
        first: the setting that is always there, with a value for each name in `space`.
        resampling: of the intervals.
        others: settings of `FCDNNClassifier` that are the same throughout, such as `device`.

    Returns:
        One row a setting, `first` before the others: the settings by name, `first` (true of that one), `parameters`
        (trained numbers of the network: 418,173 of the published one on 768 values and three classes), and the columns of
        `crossval.scores`.
    """
    classes, rows, first = labels.ordered(split.classes), [], dict(first)
    # The first setting may be drawn too.
    sample = ParameterSampler(space, n_iter=min(n_draws, len(ParameterGrid(space))), random_state=split.seed)
    others_drawn = [drawn for drawn in ({**first, **setting} for setting in sample) if drawn != first]
    fits = crossval.fold_fits(windows, np.arange(len(windows)), split)
    for setting in [first, *others_drawn][:n_draws]:
        network = FCDNNClassifier(**others, **setting)
        table = crossval.predictions(fits, network, windows, embeddings, classes=classes, computing=computing)
        # In the order of the events, as everywhere: the bootstrap draws dialogues in the order in which they come.
        scores = crossval.scores(table.sort_values("row"), resampling, by=()).to_dict("records")[0]
        # Weights and biases of the linear layers, scales and shifts of the normalisations.
        layers, units = setting["hidden_layers"], setting["hidden_units"]
        size = (np.shape(embeddings)[1] + 1) * units + (layers - 1) * (units + 1) * units + (units + 1) * len(classes)
        rows.append({**setting, "first": not rows, "parameters": size + layers * 2 * units, **scores})
    return pd.DataFrame(rows)


def best(table: pd.DataFrame, *, larger: bool) -> pd.Series:
    """Pick of a table of `search` the best of the networks that are larger than the first setting's, or of those that are not.

    Each is the best of its own tries: they differ by size, not by who was tuned.
    """
    side = table[(table["parameters"] > table["parameters"].iloc[0]) == larger]
    return side.loc[side["accuracy"].idxmax()]


def encoders_of(profile: Profile, sessions: Sequence[str]) -> pd.DataFrame:
    """Name the encoders to compare for each of these sessions that the profile re-tunes an encoder without.

    Returns one row a session and role: `session`, `role`, `encoder` (as `encoders.get` takes it) and `problem`: what of its
    checkpoint is not there, else empty.
    """
    shared = {PUBLISHED: profile.encoder, PLAIN: f"transformers:{profile.ser.source}", HANDCRAFTED: profile.baseline}
    rows, held_out = [], profile.ser.held_out  # None: each in turn
    for session in (name for name in sessions if held_out is None or name in held_out):
        # As notebook 06 calls it (`ser.models.plans`, a package that is slow to import; a test keeps the names alike).
        retuned = f"wav2vec2:{profile.name}/models/classification-without-{session}"
        of_session = {PUBLISHED: shared[PUBLISHED], RETUNED: retuned, **shared}
        rows += [(session, role, encoder) for role, encoder in of_session.items()]
    table = pd.DataFrame(rows, columns=["session", "role", "encoder"])
    missing = {encoder: encoders.missing(encoder) for encoder in table["encoder"].unique()}
    return table.assign(problem=table["encoder"].map(missing))


def testable(table: pd.DataFrame) -> pd.DataFrame:
    """Keep, of a table of `encoders_of`, the encoders that are there, of sessions with an encoder re-tuned without them."""
    there = table[table["problem"] == ""]
    return there[there["session"].isin(there.loc[there["role"] == RETUNED, "session"])].reset_index(drop=True)


def by_encoder(
    estimator: BaseEstimator,
    windows: pd.DataFrame,
    embeddings: Mapping[str, np.ndarray],
    table: pd.DataFrame,
    split: Split,
    *,
    computing: Computing = ALONE,
) -> pd.DataFrame:
    """Forecast each session from the embeddings of each of its encoders, by a model that the other sessions trained.

    Args:
        estimator: the same for all encoders; one that scales its inputs is fair to encoders of different units.
        windows: the window table of one shift, of the balanced events.
        embeddings: encoder -> (n, d), row for row those of `windows`. Windows that any of them could not embed (NaN) are
            left out for all.
        table: from `testable`.
        split: the classes and the seeds of the models; a session has the same seeds for all encoders.
        computing: as for `crossval.predictions`.

    Returns:
        One row a role, seed and event of the tested sessions: `role`, `session`, and the columns of `crossval.predictions`.
    """
    finite = [np.isfinite(embeddings[encoder]).all(axis=1) for encoder in table["encoder"].unique()]
    known = np.flatnonzero(np.all(finite, axis=0))
    session, sessions = windows["session"].astype(str).to_numpy()[known], sorted(table["session"].unique())
    tables, classes = [], labels.ordered(split.classes)
    for row in table.itertuples():
        fold, tested = sessions.index(row.session), session == row.session
        X, fits = embeddings[row.encoder], []
        for seed in split.seeds:
            own = int(np.random.SeedSequence(seed).generate_state(len(sessions))[fold])
            fits.append(Fit(known[~tested], known[tested], own, {"seed": seed, "fold": fold}))
        found = crossval.predictions(fits, estimator, windows, X, classes=classes, computing=computing)
        tables.append(found.assign(role=row.role, session=row.session))
    order = list(dict.fromkeys(table["role"]))
    together = pd.concat(tables, ignore_index=True)
    return together.sort_values("role", key=lambda roles: roles.map(order.index), kind="stable", ignore_index=True)
