"""The ladder climbed: models, what carries the past forward and the best that can be, on the same events at every rung.

A rung is one way to divide (`protocols`). Whoever stands on it is asked the same events in the same folds, so that two
accuracies of one rung differ by the forecaster alone; and the events are the same at all shifts and on all rungs (but for
`official`, which tests one part of them), so that two rungs differ by what may be known alone.

What is made here is kept in one table (`save`), from which notebook 07 asks its own questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from .. import paths
from ..sample import undersampled_positions
from . import baselines, ceiling, evaluate, ladder, protocols, runs
from .simple import Forecaster, Persistence

#: What the network on the main encoder's embeddings is called in tables and figures.
MODEL = "FC-DNN"

#: The file that `save` writes.
FILE = "ladder_predictions.parquet"

_LEADING = ["protocol", "model", "event_set", "shift_s", "fold", "utterance", "dialogue", "emotion", "predicted"]


def of(corpus: str) -> tuple[str, ...]:
    """Name the rungs of a corpus, from the published one to the hardest."""
    return protocols.MELD_LADDER if corpus == "meld" else protocols.LADDER


def chosen(protocol: str, *, default: str) -> str:
    """Say which protocol a notebook's headline runs with.

    Args:
        protocol: its parameter; empty for the profile's.
        default: the profile's protocol.

    Returns:
        A name in `protocols.PROTOCOLS`.

    Raises:
        ValueError: there is no such protocol.
    """
    if protocol and protocol not in protocols.PROTOCOLS:
        known = ", ".join(protocols.PROTOCOLS)
        raise ValueError(f"protocol is {protocol!r}; it is one of {known}, or empty for the profile's ({default})")
    return protocol or default


def possible(
    windows: pd.DataFrame, names: Sequence[str], *, classes: Sequence[str], n_splits: int = 5, random_state: int
) -> tuple[list[str], dict[str, str]]:
    """Find the rungs that these windows can be asked.

    Args:
        windows: the window tables of all shifts in one.
        names: protocols, in the order of the ladder.
        classes: the emotions in play.
        n_splits: number of folds.
        random_state: seed of samples and folds.

    Returns:
        The protocols that divide them, in their order; and of each other one why it does not.

    Raises:
        ValueError: none divides them; the message is the first one's.
    """
    plan = {"classes": classes, "n_splits": n_splits, "random_state": random_state}
    problems = {name: _problem(windows, name, **plan) for name in names}
    asked = [name for name, problem in problems.items() if not problem]
    if not asked:
        raise ValueError(f"no rung of {', '.join(names)} can be asked; the first: {problems[names[0]]}")
    return asked, {name: problem for name, problem in problems.items() if problem}


def climb(
    models: Mapping[str, tuple[BaseEstimator, np.ndarray]],
    windows: pd.DataFrame,
    utterances: pd.DataFrame,
    *,
    classes: Sequence[str],
    asked: Sequence[str],
    sound: np.ndarray | None = None,
    folder: Path | str | None = None,
    n_splits: int = 5,
    random_state: int,
    **computing: Any,
) -> pd.DataFrame:
    """Cross-validate models, persistence, audio persistence and the ceilings on each rung, on the fixed event set.

    Args:
        models: name -> a classifier in scikit-learn's manners, and the embeddings it learns from, (n, d), row for row
            those of `windows`.
        windows: the window tables of all shifts in one; one shift alone will do.
        utterances: all utterances of the corpus, labelled or not, on the clock of the windows (`history.gather`).
        classes: the emotions in play.
        asked: the protocols, from `possible`.
        sound: an embedding of each utterance, (m, d), row for row those of `utterances`, NaN where one could not be heard;
            None leaves audio persistence out.
        folder: the corpus folder; where its process is known (`ceiling.exists`), the ceilings stand beside.
        n_splits: number of folds.
        random_state: seed of samples, folds and models.
        **computing: `n_jobs`, `memory` and `progress` of `evaluate.sweep`.

    Returns:
        One row a protocol, model, shift and event: `protocol`, `model`, then the columns of `evaluate.sweep`.

    Raises:
        ValueError: as `evaluate.sweep`, `baselines.sweep` and `ceiling.sweep`.
    """
    common = {"classes": classes, "n_splits": n_splits, "event_sets": ["fixed"], "random_state": random_state}
    carried: dict[str, Forecaster] = {baselines.PERSISTENCE: Persistence()}
    carried |= {} if sound is None else baselines.of_sound()
    bounds = _bounds(windows, utterances, folder, **common)
    tables = []
    for protocol in asked:
        for name, (estimator, X) in models.items():
            found = evaluate.sweep(estimator, windows, X, protocol=protocol, **common, **computing)
            tables.append(found.assign(model=name, protocol=protocol))
        past = baselines.sweep(windows, utterances, models=carried, sound=sound, protocol=protocol, **common)
        tables.append(past.assign(protocol=protocol))
        if bounds is not None:
            tables.append(_in_folds(bounds, past).assign(protocol=protocol))
    table = pd.concat(tables, ignore_index=True)
    return table[[*_LEADING, *(column for column in table if column.startswith("p_"))]]


def proofs(
    windows: pd.DataFrame, *, classes: Sequence[str], asked: Sequence[str], n_splits: int = 5, random_state: int
) -> pd.DataFrame:
    """Count what each rung still shares between training and test, on the folds that `climb` has at one shift.

    Args:
        windows: the window table of that shift, the only one that `climb` is given.
        classes: the emotions in play.
        asked: the protocols, from `possible`.
        n_splits: number of folds.
        random_state: the seed given to `climb`.

    Returns:
        The table of `ladder.ladder_table`.
    """
    sampled = undersampled_positions(windows["emotion"], classes=classes, random_state=random_state)
    return ladder.ladder_table(windows.iloc[sampled], asked, n_splits=n_splits, random_state=random_state)


def save(folder: Path | str, predictions: pd.DataFrame) -> Path:
    """Keep the predictions of a ladder in a notebook's folder.

    Args:
        folder: the run's folder.
        predictions: from `climb`.

    Returns:
        The file, `ladder_predictions.parquet`.
    """
    names = predictions.select_dtypes(exclude="number").columns  # few different ones, each many times
    with paths.replacing(Path(folder) / FILE) as partial:
        predictions.astype(dict.fromkeys(names, "category")).to_parquet(partial, index=False)
    return Path(folder) / FILE


def load(folder: Path | str) -> pd.DataFrame:
    """Read what `save` kept.

    Args:
        folder: the folder of a run of notebook 05, from `run.input("05_time_shift_sweep")`.

    Returns:
        The predictions, as `climb` gives them.

    Raises:
        FileNotFoundError: there are none; the message names the notebook that makes them.
    """
    file = Path(folder) / FILE
    if not file.is_file():
        raise FileNotFoundError(
            f"no {paths.relative(file)}: run notebook 05_time_shift_sweep first (`make reproduce` does)"
        )
    table = pd.read_parquet(file)
    return table.astype(dict.fromkeys(table.select_dtypes("category").columns, object))


def _problem(windows: pd.DataFrame, protocol: str, **plan: object) -> str:
    """Say why a protocol cannot divide these windows at every shift; empty where it can."""
    if protocol not in protocols.PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; known are {', '.join(protocols.PROTOCOLS)}")
    try:
        fits: list[runs.Fit] = evaluate.plan(windows, protocol=protocol, event_sets=["fixed"], **plan)
    except ValueError as error:
        return str(error)
    emotion = windows["emotion"].to_numpy(dtype=str)
    poor = [fit for fit in fits if len(np.unique(emotion[fit.train])) < 2]
    return f"{len(poor)} of its {len(fits)} folds have fewer than two classes to learn from" if poor else ""


def _bounds(
    windows: pd.DataFrame, utterances: pd.DataFrame, folder: Path | str | None, **common: object
) -> pd.DataFrame | None:
    """The ceilings, which no fold changes: computed once for all rungs; None where no process is known."""
    if folder is None or not ceiling.exists(folder):
        return None
    return ceiling.sweep(windows, utterances, folder, protocol="random", **common)


def _in_folds(bounds: pd.DataFrame, rung: pd.DataFrame) -> pd.DataFrame:
    """Give the ceilings the events and the fold marks of a rung."""
    of_rung = rung.loc[rung["model"] == baselines.PERSISTENCE, ["shift_s", "utterance", "fold"]]
    return bounds.drop(columns="fold").merge(of_rung, on=["shift_s", "utterance"], validate="many_to_one")
