"""Search the network's settings as the preprint did, and ask its remark of the data: do bigger networks bring nothing?

The preprint names what "5-fold cross-validation on the training set" found best (learning rate, width, batch size, dropout,
epochs), and says that "additional layers and neurons" did no better; it names neither the values tried nor their scores. So
the space is stated in the profile (`claims.search`), settings are drawn from it, and the profile's own one, which in `paper`
is the published one, is always among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import ParameterGrid, ParameterSampler

from .. import labels
from ..cache import Cache
from . import runs
from .fcdnn import FCDNNClassifier
from .points import summary


def search(
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    *,
    classes: Sequence[str],
    space: Mapping[str, Sequence[Any]],
    n_draws: int,
    first: Mapping[str, Any],
    protocol: str,
    n_splits: int = 5,
    level: float = 0.95,
    draws: int = 1000,
    random_state: int,
    n_jobs: int = 1,
    memory: Cache | None = None,
    progress: bool = True,
    **others: Any,
) -> pd.DataFrame:
    """Cross-validate settings of the network on the same folds.

    The settings' scores are compared, and the best of many is flattered by the comparison: what it is worth is told by
    events that took no part. So give training events alone.

    Args:
        windows: the window table of one shift, one row an event, of the classes in play alone.
        embeddings: (n, d), row for row those of `windows`.
        classes: the emotions in play.
        space: setting -> values to draw from, each as likely as the others, none drawn twice together.
        n_draws: settings in all, `first` among them; the whole space if it holds no more.
        first: the setting that is always there, with a value for each name in `space`.
        protocol: how folds are made; a name in `protocols.PROTOCOLS`.
        n_splits: number of folds.
        level: share of the intervals.
        draws: draws of their bootstrap over dialogues.
        random_state: seed of settings, folds, models and bootstrap.
        n_jobs: processes side by side, as joblib counts them; the result does not depend on it.
        memory: where finished fits are kept, so that a search goes on where it was; None keeps nothing.
        progress: show a bar over the fits of each setting.
        others: settings of `FCDNNClassifier` that are the same throughout, such as `device`.

    Returns:
        One row a setting, `first` before the others: the settings by name, `first` (true of that one), `parameters`
        (trained numbers of the network), and `n`, `cv_mean`, `cv_std`, `accuracy`, `accuracy_low`, `accuracy_high`, `uar`
        in percent, as `points.summary` has them.

    Raises:
        ValueError: a setting that `first` lacks or the network does not know, no draw, or what `runs` raises.
    """
    classes, rows = labels.ordered(classes), np.arange(len(windows))
    settings = drawn(space, n_draws=n_draws, first=first, random_state=random_state)
    fits = list(runs.plan(windows, rows, protocol=protocol, n_splits=n_splits, random_state=random_state))
    computing = {"classes": classes, "n_jobs": n_jobs, "memory": memory, "progress": progress}
    points = []
    for setting in settings:
        table = runs.predictions(fits, FCDNNClassifier(**others, **setting), windows, embeddings, **computing)
        # In the order of the events, as everywhere: the bootstrap draws dialogues in the order in which they come.
        table = table.sort_values("row")
        scores = summary(table, by=(), level=level, draws=draws, random_state=random_state).iloc[0]
        size = parameters(setting, width=np.shape(embeddings)[1], classes=len(classes))
        points.append({**setting, "first": not points, "parameters": size, **scores, "n": int(scores["n"])})
    return pd.DataFrame(points)


def drawn(
    space: Mapping[str, Sequence[Any]], *, n_draws: int, first: Mapping[str, Any], random_state: int
) -> list[dict[str, Any]]:
    """Draw settings from a space, none twice.

    Args:
        space: setting -> values to draw from.
        n_draws: settings in all; the whole space if it holds no more.
        first: the setting that comes first.
        random_state: seed of the draws.

    Returns:
        The settings, `first` before the others.

    Raises:
        ValueError: no draw, or settings of `first` and `space` that do not fit together or that no network has.
    """
    unknown = sorted({*space, *first} - {*FCDNNClassifier().get_params()} | {*space} - {*first})
    if unknown:
        raise ValueError(f"the setting {unknown[0]!r} has no value in `first`, or the network has no such setting")
    if n_draws < 1:
        raise ValueError(f"n_draws is {n_draws}: at least 1, the first setting")
    first = dict(first)
    size = len(ParameterGrid(dict(space)))
    # One more than is asked for, in case that the first one is drawn.
    sample = ParameterSampler(dict(space), n_iter=min(n_draws, size), random_state=random_state)
    others = [{**first, **setting} for setting in sample]
    return [first, *(setting for setting in others if setting != first)][:n_draws]


def parameters(setting: Mapping[str, Any], *, width: int, classes: int) -> int:
    """Count the numbers that training sets in a network: weights and biases, and batch normalisation's scales and shifts.

    Args:
        setting: with `hidden_layers` and `hidden_units`.
        width: length of an embedding.
        classes: how many there are.

    Returns:
        The count; 418,173 for the published network on 768 values and three classes.
    """
    layers, units = setting["hidden_layers"], setting["hidden_units"]
    linear = (width + 1) * units + (layers - 1) * (units + 1) * units + (units + 1) * classes
    return linear + layers * 2 * units


def best(found: pd.DataFrame, *, larger: bool) -> pd.Series:
    """Pick the best of the networks that are larger than the first setting's, or of those that are not.

    Each is the best of its own tries, so the two differ by size and not by who was tuned. The tries are as many as were
    drawn, not equally many on both sides; the best of more is flattered more, by the search but not on other events.

    Args:
        found: from `search`.
        larger: which side; the first setting is of those that are not larger.

    Returns:
        Its row.

    Raises:
        ValueError: no larger network was drawn.
    """
    side = found[(found["parameters"] > found["parameters"].iloc[0]) == larger]
    if side.empty:
        raise ValueError("no network with more parameters than the first setting's was drawn: draw more settings")
    return side.loc[side["accuracy"].idxmax()]
