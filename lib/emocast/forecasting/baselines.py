"""Forecasts that are not learned from windows, and what they are worth: a model counts only where it beats them.

All stand on the events and folds of the model that they are held against. They are scikit-learn estimators but for their X,
a `history.Past`, and are fitted without the labels of the fold's test events. When a test event is forecast, the labels of what
*ended* before it are read, also where those utterances are test events themselves: they are its input, as the sound is. Where a
forecast has nothing to go by, all of them give the shares of the training events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .. import compute, labels, metrics
from . import crossval
from .history import LAST, Past, gather, with_last
from .splits import Split

#: The baseline from which skill and shift events are counted, and the one that has the forecaster's own information.
PERSISTENCE, AUDIO_PERSISTENCE = "persistence", "audio persistence"

#: Two that are told that the emotion changes: a Markov chain without the last emotion, and a guess among all others.
CHAIN, GUESS = "Markov chain, given a change", "uniform guess, given a change"


#: Writes `__init__`, which scikit-learn reads the settings from.
_settings = dataclass(eq=False, repr=False)


class Forecaster(BaseEstimator):
    """What all baselines have in common: the training events' shares, and the likeliest class as the forecast.

    `of_events` says that what is fitted depends on which events train alone, and not on the shift from which they are seen;
    such a baseline is fitted once for all shifts.
    """

    of_events = False

    def fit(self, past: Past) -> Forecaster:
        """Learn the shares of the classes from training events, the labels of test events being withheld."""
        self.classes_ = np.array(past.classes)
        self.prior_ = past.shares()
        return self

    def predict_proba(self, past: Past) -> np.ndarray:
        """Forecast events that the training did not have: (n, c), columns as `classes_`, rows summing to one."""
        return np.tile(self.prior_, (len(past), 1))

    def predict(self, past: Past) -> np.ndarray:
        """Name the likeliest class of each event, (n,); on a tie the first in the project's order."""
        return self.classes_[self.predict_proba(past).argmax(axis=1)]


class Majority(Forecaster):
    """The commonest class of the training, always."""


@_settings
class Persistence(Forecaster):
    """The last emotion is forecast again, with certainty; `which` is whose last emotion, one of `history.WHICH`."""

    which: str = "anyone"

    def predict_proba(self, past: Past) -> np.ndarray:
        """As `Forecaster.predict_proba`: one for the last emotion, or the prior where it is none of the classes."""
        last = past.latest_emotion(self.which).astype(str)
        same = last[:, np.newaxis] == self.classes_
        return np.where(same.any(axis=1, keepdims=True), same, self.prior_)


@_settings
class GroupPrior(Forecaster):
    """The shares of the classes among the training events of the same dialogue, or of the same scenario (`column`).

    Of a dialogue it uses training events from anywhere, after t - d as well: no forecast, but what a model can score that
    recognises the dialogue. A group's shares are drawn towards those of all by one event's weight.
    """

    column: str = "dialogue"

    def fit(self, past: Past) -> GroupPrior:
        """As `Forecaster.fit`, for each group too."""
        super().fit(past)
        hits = pd.DataFrame(past.emotion.astype(str)[:, np.newaxis] == self.classes_, columns=self.classes_)
        groups = hits.groupby(past.windows[self.column].astype(object).to_numpy())  # rows without a group are left out
        shares = (groups.sum() + self.prior_).div(groups.size() + 1, axis=0)
        self.shares_ = {str(name): row for name, row in zip(shares.index, shares.to_numpy(dtype=float), strict=True)}
        return self

    def predict_proba(self, past: Past) -> np.ndarray:
        """As `Forecaster.predict_proba`: the shares of the event's group, or the prior where training has no event of it."""
        groups = past.windows[self.column].astype(object).where(past.windows[self.column].notna(), None)
        return np.array([self.shares_.get(str(group), self.prior_) for group in groups]).reshape(-1, len(self.prior_))


@_settings
class Markov(Forecaster):
    """A Markov chain of labels: what followed on the last one or two emotions in training, at this very distance in time.

    No one-turn chain is raised to a power, so nothing is assumed of how many turns lie between. The last emotions may be any
    of the corpus's, also none. The probabilities of `order` 2 are drawn towards those of order 1, those towards the prior: a
    context seen n times weighs n, the shorter one weighs `smoothing`, in events (a Dirichlet prior: MacKay and Peto 1995,
    http://www.inference.org.uk/mackay/abstracts/lang4.html).
    """

    order: int = 1
    smoothing: float = 2.0

    def fit(self, past: Past) -> Markov:
        """Count the training events; ValueError where a setting makes no sense."""
        if self.order < 1 or self.smoothing <= 0:
            raise ValueError(f"order={self.order}, smoothing={self.smoothing}: at least 1, and above 0")
        super().fit(past)
        self.counts_ = Counter()
        for context, emotion in zip(self._contexts(past), past.emotion, strict=True):
            self.counts_.update((context[:length], emotion) for length in range(1, self.order + 1))
        return self

    def predict_proba(self, past: Past) -> np.ndarray:
        """As `Forecaster.predict_proba`."""
        contexts = self._contexts(past)
        shares = {context: self._shares(context) for context in set(contexts)}
        return np.array([shares[context] for context in contexts]).reshape(-1, len(self.prior_))

    def _contexts(self, past: Past) -> list[tuple]:
        """List the last emotions of each event, the latest first."""
        return list(zip(*(past.latest_emotion(back=back) for back in range(1, self.order + 1)), strict=True))

    def _shares(self, context: tuple) -> np.ndarray:
        """Mix the context's own counts with the shares of the shorter context."""
        if not context:
            return self.prior_
        counts = np.array([self.counts_[context, name] for name in self.classes_], dtype=float)
        return (counts + self.smoothing * self._shares(context[:-1])) / (counts.sum() + self.smoothing)


class MarkovGivenChange(Markov):
    """A Markov chain that is told that the last emotion does not stay: its row without that emotion, brought back to one.

    It is fitted as the chain is; an event with no emotion before it, or with one that is not in play, has the chain's own row.
    """

    def predict_proba(self, past: Past) -> np.ndarray:
        """As `Forecaster.predict_proba`; the last emotion has the probability 0."""
        last = past.latest_emotion().astype(str)
        shares = super().predict_proba(past) * (last[:, np.newaxis] != self.classes_)
        return shares / shares.sum(axis=1, keepdims=True)


@_settings
class AudioPersistence(Forecaster):
    """Recognise the emotion of the last utterance that lies wholly within the window, and forecast it again.

    Persistence reads the true label of what was said last; a forecaster has its sound alone, and so has this one: who is no
    better has recognised, not forecast. `recogniser` is a classifier in scikit-learn's manners with probabilities; None for a
    logistic regression on standardised embeddings.
    """

    of_events = True  # it learns from the events' own utterances
    recogniser: BaseEstimator | None = None

    def fit(self, past: Past) -> AudioPersistence:
        """Train the recogniser on the training events' own utterances; ValueError where there are no embeddings of them."""
        super().fit(past)
        if past.sound is None:
            raise ValueError("audio persistence needs embeddings of the utterances: gather(..., sound=...)")
        plain = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
        sound, emotion = past.sound[past.event], past.emotion.astype(str)
        known = np.isfinite(sound).all(axis=1)  # a damaged file leaves NaN
        self.recogniser_ = clone(self.recogniser or plain).fit(sound[known], emotion[known])
        return self

    def predict_proba(self, past: Past) -> np.ndarray:
        """As `Forecaster.predict_proba`: the recogniser's probabilities, or the prior where no utterance is in the window.

        The prior stands too where the utterance's own sound could not be embedded.
        """
        shares = super().predict_proba(past)
        places = past.latest("window", labelled=False)
        known = (places >= 0) & np.isfinite(past.sound[places]).all(axis=1)
        if known.any():
            columns = [past.classes.index(name) for name in self.recogniser_.classes_]
            shares[known] = 0  # a class without a training event cannot be recognised
            shares[np.ix_(known, columns)] = self.recogniser_.predict_proba(past.sound[places[known]])
        return shares


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
    }


def of_sound() -> dict[str, Forecaster]:
    """Name the baseline on the sound of single utterances; `sweep` needs their embeddings for it."""
    return {AUDIO_PERSISTENCE: AudioPersistence()}


def of_embeddings() -> dict[str, BaseEstimator]:
    """Name the classifiers that stand where the network stands: models for `crossval.sweep` and its embeddings."""
    # Shallow trees that look at a tenth of the values at a time, in 31 steps: embeddings have hundreds, events are few.
    trees = HistGradientBoostingClassifier(
        max_iter=60, max_bins=31, max_leaf_nodes=8, max_features=0.1, early_stopping=False, random_state=0
    )
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    return {"logistic regression": regression, "gradient boosting": trees}


def sweep(
    windows: pd.DataFrame,
    utterances: pd.DataFrame,
    split: Split,
    *,
    models: Mapping[str, Forecaster] | None = None,
    sound: np.ndarray | None = None,
    event_sets: Sequence[str] = crossval.EVENT_SETS,
) -> pd.DataFrame:
    """Cross-validate baselines a shift, on the events and folds of `crossval.sweep` with the same arguments.

    Args:
        windows: the window tables of all shifts in one; one shift alone will do.
        utterances: all utterances of the corpus, labelled or not, on the clock of the windows (`history.gather`).
        split: how the events are balanced and divided; its seed is that of what a baseline draws, too.
        models: baselines by name; `of_labels()` if None, and `of_sound()` too where there are embeddings of utterances.
        sound: an embedding of each utterance, (m, d), row for row those of `utterances`.
        event_sets: which of `crossval.EVENT_SETS`.

    Returns:
        One row a model, event set, shift and event: `model`, then the columns of `crossval.sweep`, whose errors it has.
    """
    if models is None:
        models = {**of_labels(), **({} if sound is None else of_sound())}
    fits = crossval.plan(windows, split, event_sets=event_sets)
    past = gather(windows, utterances, classes=split.classes, sound=sound)
    tables: list[pd.DataFrame] = []
    once: dict[tuple, Forecaster] = {}
    with compute.one_thread():
        for fit in fits:
            tested, trained = past.take(fit.test), past.event[fit.train].tobytes()
            for name, model in models.items():
                own = once.get((name, fit.seed, trained)) or fitted(model, past, fit)
                if model.of_events:
                    once[name, fit.seed, trained] = own
                tables.append(rows(tested, own.predict_proba(tested), model=name, row=fit.test, **fit.marks))
    return ordered(pd.concat(tables, ignore_index=True), list(models), classes=split.classes)


def ordered(table: pd.DataFrame, models: Sequence[str], *, classes: Sequence[str]) -> pd.DataFrame:
    """Bring `rows` of several models into order: models as given, event sets, shifts, windows; columns of `sweep`."""
    rank = table["model"].map({name: place for place, name in enumerate(models)})
    table = table.assign(rank=rank).sort_values(["rank", "place", "shift_s", "row"], kind="stable")
    columns = ["model", "event_set", "shift_s", "fold", "utterance", "dialogue", "emotion", "predicted"]
    return table[[*columns, *(f"p_{name}" for name in labels.ordered(classes))]].reset_index(drop=True)


def fitted(model: Forecaster, past: Past, fit: crossval.Fit) -> Forecaster:
    """Fit a clone of a baseline on a fold's training rows of all pasts, with the labels of its test events withheld."""
    own = clone(model)
    drawing = [name for name in own.get_params() if name.endswith("random_state")]
    own.set_params(**dict.fromkeys(drawing, fit.seed))
    return own.fit(past.take(fit.train).without(past.windows["utterance"].iloc[fit.test]))


def rows(past: Past, shares: np.ndarray, **marks: object) -> pd.DataFrame:
    """Table probabilities, (n, c): `utterance`, `dialogue`, `emotion`, `predicted` (the likeliest), `p_<emotion>`, marks."""
    predicted = np.array(past.classes)[shares.argmax(axis=1)]
    of_class = {f"p_{name}": shares[:, place] for place, name in enumerate(past.classes)}
    return past.windows[["utterance", "dialogue", "emotion"]].assign(predicted=predicted, **of_class, **marks)


def nothing_carried(predictions: pd.DataFrame) -> pd.Series:
    """Count where a persistence has nothing to carry on and says the training's commonest class instead: a share by shift.

    That is where no utterance had ended, or where the last emotion is none of the classes in play. Else it is certain.
    """
    shares = predictions[[name for name in predictions if name.startswith("p_")]].max(axis=1)
    return shares.lt(1).groupby(predictions["shift_s"]).mean()


def change_oracle(windows: pd.DataFrame, utterances: pd.DataFrame, split: Split) -> pd.DataFrame:
    """Cross-validate the chain that is told of a change, on the fixed events and folds of the other baselines.

    Where the emotion changes the last one is a wrong answer by definition, so who always names another is right there once in
    k - 1, and has forecast nothing: what a forecast of changes has to beat. Arguments and errors as of `sweep`; returns one
    row a shift and event, as `history.with_last` gives them, with `protocol` and `model`.
    """
    found = sweep(windows, utterances, split, models={CHAIN: MarkovGivenChange()}, event_sets=["fixed"])
    return with_last(found.assign(protocol=split.protocol), windows, utterances, classes=split.classes)


def guess_hits(last_emotion: pd.Series, emotion: pd.Series, *, classes: Sequence[str]) -> pd.Series:
    """Say how often the uniform guess that is told of a change is right: exactly, so that no draw has to stand for it.

    Returns the probability of a hit by the last emotion before each event, (n,), missing where there was none, and the event's
    own: 0 where it stays, 1 / (k - 1) where another of the k classes follows it, 1 / k where it is none of the classes.
    """
    others = len(classes) - last_emotion.isin(classes).astype(int)
    return (1 / others).where(last_emotion.ne(emotion), 0.0)


def hits(events: pd.DataFrame, *, models: Sequence[str], classes: Sequence[str]) -> pd.DataFrame:
    """Say of each event of one protocol and shift who is right on it: models by 0 or 1, the uniform guess by how often.

    Returns one row an event that all of the models have, named by its utterance: `dialogue`, a column a model, and `GUESS`.
    """
    asked = events[events["model"].isin(models)]
    right = asked.assign(right=asked["emotion"].eq(asked["predicted"]).astype(float))
    table = right.pivot(index="utterance", columns="model", values="right").dropna()
    facts = asked.drop_duplicates("utterance").set_index("utterance").loc[table.index]
    guessed = guess_hits(facts[LAST], facts["emotion"], classes=classes)
    return table.assign(**{GUESS: guessed, "dialogue": facts["dialogue"]}).rename_axis(columns=None)


def change_scores(
    predictions: pd.DataFrame, *, models: Sequence[str], classes: Sequence[str], **options: Any
) -> pd.DataFrame:
    """Score events that change the last emotion and the rest apart.

    Args:
        predictions: of one protocol, as `history.with_last` gives them.
        models: which, in the order of the rows, `GUESS` where it shall stand; those that the table lacks are left out.
        classes: the emotions in play.
        options: those of `metrics.evaluate_forecast`.

    Returns:
        `shift_s`, `model`, `events` ("all", "shift" where the emotion changed, "stay" where it did not; a kind without events
        has no row) and the columns of `metrics.evaluate_forecast`. Of the guess it has the expected accuracy alone; its
        interval says how much hangs on the events.
    """
    options, rows = {"method": "expanded", **options}, []
    for shift, of_shift in predictions.groupby("shift_s"):
        tables = dict(list(of_shift.groupby("model", sort=False))) | {GUESS: of_shift.drop_duplicates("utterance")}
        for name in (name for name in models if name in tables):
            for kind, events in _kinds(tables[name]).items():
                if name == GUESS:
                    right = guess_hits(events[LAST], events["emotion"], classes=classes)
                    low, high = metrics.loss_interval(right, events["dialogue"], **options)
                    row = {"n": len(events), "groups": events["dialogue"].nunique(), "accuracy": right.mean()}
                    row |= {"accuracy_low": low, "accuracy_high": high}
                else:
                    row = metrics.evaluate_forecast(events, **options)
                rows.append({"shift_s": shift, "model": name, "events": kind, **row})
    return pd.DataFrame(rows)


def _kinds(events: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """All events, those that change the last emotion, and those that keep it; a kind without events is left out."""
    shift = metrics.shift_events(events[LAST], events["emotion"])
    kinds = {"all": events, "shift": events[shift], "stay": events[~shift & events[LAST].notna().to_numpy()]}
    return {kind: rows for kind, rows in kinds.items() if len(rows)}
