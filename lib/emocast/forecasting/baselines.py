"""All baselines on the folds of the model that they are held against, in its own table of predictions.

The events, the folds and the columns are those of `evaluate.sweep`, so scores of a model and of a baseline are scores of the
same rows. What each baseline knows is said in `simple`, `markov`, `semi_markov` and `carried`.

What is fitted is fitted without the labels of the fold's test events. When a test event is forecast, the labels of what was
*heard* before it are read, also where those utterances are test events themselves: they are its input, as the sound is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .. import labels, threads
from . import evaluate, runs
from .carried import AudioPersistence
from .history import Past, gather
from .markov import Markov
from .semi_markov import SemiMarkov
from .simple import Forecaster, GroupPrior, Majority, Persistence

#: The name of the baseline from which skill and shift events are counted.
PERSISTENCE = "persistence"

#: The name of the baseline that hears what the forecaster hears.
AUDIO_PERSISTENCE = "audio persistence"


def of_labels() -> dict[str, Forecaster]:
    """Name the baselines that read labels only; each may be changed or left out before `sweep`."""
    return {
        "majority": Majority(),
        PERSISTENCE: Persistence("anyone"),
        "persistence, same speaker": Persistence("speaker"),
        "persistence, within the window": Persistence("window"),
        "persistence, classes in play": Persistence("in play"),
        "dialogue mode": GroupPrior("dialogue"),
        "scenario prior": GroupPrior("scenario"),
        "Markov chain, order 1": Markov(1),
        "Markov chain, order 2": Markov(2),
        "hidden semi-Markov": SemiMarkov(),
    }


def of_sound() -> dict[str, Forecaster]:
    """Name the baseline that hears single utterances; `sweep` needs their embeddings for it."""
    return {AUDIO_PERSISTENCE: AudioPersistence()}


def of_embeddings() -> dict[str, BaseEstimator]:
    """Name the classifiers that stand where the network stands: models for `evaluate.sweep` and its embeddings.

    The trees are shallow and look at a tenth of the values at a time, in 31 steps: embeddings have hundreds, events are
    few. Even so a fold of 1,200 events and 768 values takes them about a second, nine times what the regression takes.
    """
    trees = HistGradientBoostingClassifier(
        max_iter=60, max_bins=31, max_leaf_nodes=8, max_features=0.1, early_stopping=False, random_state=0
    )
    return {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500)),
        "gradient boosting": trees,
    }


def sweep(
    windows: pd.DataFrame,
    utterances: pd.DataFrame,
    *,
    models: Mapping[str, Forecaster] | None = None,
    sound: np.ndarray | None = None,
    classes: Sequence[str],
    protocol: str,
    n_splits: int = 5,
    event_sets: Sequence[str] = evaluate.EVENT_SETS,
    random_state: int,
) -> pd.DataFrame:
    """Cross-validate baselines a shift, on the events and folds of `evaluate.sweep` with the same arguments.

    Args:
        windows: the window tables of all shifts in one; one shift alone will do.
        utterances: all utterances of the corpus, labelled or not, on the clock of the windows (`history.gather`).
        models: baselines by name; `of_labels()` if None, and `of_sound()` too where there are embeddings of utterances.
        sound: an embedding of each utterance, (m, d), row for row those of `utterances`.
        classes: the emotions in play.
        protocol: how folds are made; a name in `protocols.PROTOCOLS`.
        n_splits: number of folds.
        event_sets: which of `evaluate.EVENT_SETS`.
        random_state: seed of samples and folds, and of what a baseline draws.

    Returns:
        One row a model, event set, shift and event: `model`, then the columns of `evaluate.sweep`.

    Raises:
        ValueError: as `evaluate.sweep` and `history.gather`.
    """
    if models is None:
        models = {**of_labels(), **({} if sound is None else of_sound())}
    fits = evaluate.plan(
        windows, classes=classes, protocol=protocol, n_splits=n_splits, event_sets=event_sets, random_state=random_state
    )
    past = gather(windows, utterances, classes=classes, sound=sound)
    with threads.one():
        found = pd.concat(_tables(past, models, fits), ignore_index=True)
    return ordered(found, list(models), classes=classes)


def ordered(table: pd.DataFrame, models: Sequence[str], *, classes: Sequence[str]) -> pd.DataFrame:
    """Bring a table of predictions of several models into its order: models, event sets, shifts, rows of the windows.

    Args:
        table: rows as `runs.predictions` makes them, with `model`.
        models: the models' names in their order.
        classes: the emotions in play.

    Returns:
        The columns of `evaluate.sweep` after `model`.
    """
    rank = table["model"].map({name: place for place, name in enumerate(models)})
    table = table.assign(rank=rank).sort_values(["rank", "place", "shift_s", "row"], kind="stable")
    columns = ["model", "event_set", "shift_s", "fold", "utterance", "dialogue", "emotion", "predicted"]
    return table[[*columns, *(f"p_{name}" for name in labels.ordered(classes))]].reset_index(drop=True)


def fitted(model: Forecaster, past: Past, fit: runs.Fit) -> Forecaster:
    """Fit a baseline on a fold: on its training rows, with the labels of its test events withheld.

    Args:
        model: a baseline; it is cloned, never fitted itself.
        past: the pasts of all windows.
        fit: the fold.

    Returns:
        The fitted clone.
    """
    known = past.take(fit.train).without(past.windows["utterance"].iloc[fit.test])
    return _seeded(model, fit.seed).fit(known)


def _tables(past: Past, models: Mapping[str, Forecaster], fits: list[runs.Fit]) -> Iterator[pd.DataFrame]:
    """Fit each baseline on each fold, and table what it says of the fold's test rows."""
    once: dict[tuple, Forecaster] = {}
    for fit in fits:
        tested, trained = past.take(fit.test), past.event[fit.train].tobytes()
        for name, model in models.items():
            own = once.get((name, fit.seed, trained)) or fitted(model, past, fit)
            if model.of_events:
                once[name, fit.seed, trained] = own
            yield rows(tested, own.predict_proba(tested), model=name, row=fit.test, **fit.marks)


def rows(past: Past, shares: np.ndarray, **marks: object) -> pd.DataFrame:
    """Table forecasts.

    Args:
        past: the events.
        shares: their probabilities, (n, c), columns as `past.classes`.
        marks: further columns.

    Returns:
        `utterance`, `dialogue`, `emotion`, `predicted` (the likeliest; the first in the project's order on a tie),
        `p_<emotion>` and the marks, one row an event.
    """
    predicted = np.array(past.classes)[shares.argmax(axis=1)]
    of_class = {f"p_{name}": shares[:, place] for place, name in enumerate(past.classes)}
    return past.windows[["utterance", "dialogue", "emotion"]].assign(predicted=predicted, **of_class, **marks)


def _seeded(model: Forecaster, seed: int) -> Forecaster:
    """Clone a baseline, and seed whatever draws in it."""
    copied = clone(model)
    names = [name for name in copied.get_params() if name.endswith("random_state")]
    return copied.set_params(**dict.fromkeys(names, seed))
