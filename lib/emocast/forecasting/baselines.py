"""Forecasts that are not learned from windows, and what they are worth: a model counts only where it beats them.

They read labels, so what they may read is cut here, once (`Past`): an utterance is in the past if it *ended* at or before its
event's window does (t - d, and the guard before it), also where it is a test event itself. They are scikit-learn estimators but
for their X, a `Past`, and are fitted without the labels of the fold's test events. With nothing to go by, all give the shares
of the training events.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .. import compute, labels, metrics
from ..metrics.resampling import Resampling
from . import crossval
from .splits import Split

#: The baseline from which skill and shift events are counted, and the one that has the forecaster's own information.
PERSISTENCE, IN_PLAY, AUDIO_PERSISTENCE = "persistence", "persistence, classes in play", "audio persistence"

#: What remembers and forecasts nothing: the nearest training event in time, and the nearest training window by its embedding.
NEAREST, NEIGHBOUR = "nearest event", "nearest neighbour"

#: Two that are told that the emotion changes: a Markov chain without the last emotion, and a guess among all others.
CHAIN, GUESS = "Markov chain, given a change", "uniform guess, given a change"

#: Whose latest utterance is meant: anyone's; the event's own speaker's; the latest that lies wholly within the window; the
#: latest whose label is one of the classes in play.
WHICH: tuple[str, ...] = ("anyone", "speaker", "window", "in play")

#: The column that `with_last` adds.
LAST = "last_emotion"

_ROUNDING_S = 1e-6  # bounds are sums of decimals, and less than this is their rounding

#: Writes `__init__`, which scikit-learn reads the settings from.
_settings = dataclass(eq=False, repr=False)


@dataclass(frozen=True, eq=False)
class Past:
    """The events of a window table and the utterances that ended before each.

    Attributes:
        windows: one row an event and shift.
        utterances: one row an utterance, by dialogue and start, with `turn` (its number in the dialogue, from 0).
        labels: the emotion of each utterance, None where it is not known or withheld, (m,).
        ended: for each window the positions of the utterances that ended before it does, by their end, the latest last.
        event: for each window the position of its event's utterance, (n,).
        classes: the emotions in play, in the project's order.
        sound: an embedding of each utterance, (m, d); None where no baseline needs it.
    """

    windows: pd.DataFrame
    utterances: pd.DataFrame
    labels: np.ndarray
    ended: list[np.ndarray]
    event: np.ndarray
    classes: list[str]
    sound: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Past:
        """Keep some windows; of the utterances all stay."""
        ended = [self.ended[row] for row in rows]
        return replace(self, windows=self.windows.iloc[rows], ended=ended, event=self.event[rows])

    def without(self, utterances: Iterable[str]) -> Past:
        """Withhold the labels of some utterances, so that nothing can be fitted on them."""
        secret = self.utterances["utterance"].isin(set(utterances)).to_numpy()
        return replace(self, labels=np.where(secret, None, self.labels))

    @property
    def emotion(self) -> np.ndarray:
        """What is to be forecast: the emotion of each event, (n,)."""
        return self.windows["emotion"].to_numpy(dtype=object)

    def latest(self, which: str = "anyone", *, back: int = 1, labelled: bool = True) -> np.ndarray:
        """Find the utterance that ended last: positions in `utterances`, (n,); -1 where there is none.

        Of those that count, `back` 2 is the one before the latest, and so on; `labelled` passes over those without a label.
        """
        if which not in WHICH:
            raise ValueError(f"unknown kind of latest utterance {which!r}; known are {', '.join(WHICH)}")
        counts = pd.notna(self.labels) if labelled else np.ones(len(self.labels), dtype=bool)
        if which == "in play":
            counts = pd.Series(self.labels).isin(self.classes).to_numpy()
        speaker, start = (self.utterances[column].to_numpy(dtype=object) for column in ("speaker", "start_s"))
        own, begin = (self.windows[column].to_numpy(dtype=object) for column in ("speaker", "start_s"))
        found = np.full(len(self.windows), -1)
        for row, ended in enumerate(self.ended):
            usable = ended[counts[ended]]
            if which == "speaker":
                usable = usable[speaker[usable] == own[row]]
            elif which == "window":
                usable = usable[start[usable] >= begin[row] - _ROUNDING_S]
            if len(usable) >= back:
                found[row] = usable[-back]
        return found

    def latest_emotion(self, which: str = "anyone", *, back: int = 1) -> np.ndarray:
        """Name the emotion of `latest`, None where there is none, (n,); by "anyone" the one from which a shift event shifts."""
        places = self.latest(which, back=back)
        return np.where(places >= 0, self.labels[places], None)

    def sequences(self) -> list[tuple[str | None, ...]]:
        """List for each window the labels of its dialogue up to the last turn that ended; None if not known or not over."""
        turns, lines = self.utterances["turn"].to_numpy(), []
        for ended in self.ended:
            line: list[str | None] = [None] * (int(turns[ended].max(initial=-1)) + 1)
            for place in ended:
                line[turns[place]] = self.labels[place]
            lines.append(tuple(line))
        return lines

    def steps(self) -> np.ndarray:
        """Count the turns from the last one that ended (or the start) to the event, at least 1, (n,): nobody knows it then."""
        turns = self.utterances["turn"].to_numpy()
        last = np.array([turns[ended].max(initial=-1) for ended in self.ended], dtype=int)
        return np.maximum(turns[self.event] - last, 1)

    def shares(self) -> np.ndarray:
        """Give each class's share of the events, (c,): the prior, where these are the training events."""
        counts = np.array([(self.emotion == name).sum() for name in self.classes], dtype=float)
        return counts / counts.sum()


def gather(
    windows: pd.DataFrame, utterances: pd.DataFrame, *, classes: Sequence[str], sound: np.ndarray | None = None
) -> Past:
    """Find the past of each window: what had been said before its end.

    Args:
        windows: a window table, of one shift or of several.
        utterances: the utterance table of the same corpus, *all* utterances, labelled or not: `utterance`, `dialogue`,
            `speaker`, `start_s` and `end_s` on the clock of the windows (an end that is missing is never reached), and
            `emotion`. ValueError where an event is none of them.
        classes: the emotions in play.
        sound: an embedding of each utterance, (m, d), row for row those of `utterances`, or ValueError.
    """
    if sound is not None and len(sound) != len(utterances):
        raise ValueError(f"{len(utterances)} utterances but {len(sound)} embeddings; they belong together row for row")
    order = np.lexsort([utterances["end_s"], utterances["start_s"], utterances["dialogue"].astype(str)])
    table = utterances.iloc[order].reset_index(drop=True)
    table = table.assign(turn=table.groupby("dialogue", sort=False).cumcount())
    place = pd.Index(table["utterance"]).get_indexer(windows["utterance"])
    if (place < 0).any():
        stranger = windows["utterance"].iloc[int(np.argmin(place))]
        raise ValueError(
            f"the event {stranger!r} is not in the utterance table; give the table that its window is cut from"
        )
    emotion, ends = table["emotion"].astype(object), table["end_s"].to_numpy(dtype=float)
    of_dialogue = {}
    for dialogue, places in table.groupby("dialogue", sort=False).indices.items():
        over = places[~np.isnan(ends[places])]
        of_dialogue[dialogue] = over[np.argsort(ends[over], kind="stable")]
    ended = []
    for dialogue, end in windows[["dialogue", "end_s"]].itertuples(index=False):
        places = of_dialogue[dialogue]
        ended.append(places[: np.searchsorted(ends[places], end + _ROUNDING_S, side="right")])
    names = emotion.where(emotion.notna(), None).to_numpy(dtype=object)
    return Past(windows, table, names, ended, place, labels.ordered(classes), None if sound is None else sound[order])


def with_last(
    predictions: pd.DataFrame, windows: pd.DataFrame, utterances: pd.DataFrame, *, classes: Sequence[str]
) -> pd.DataFrame:
    """Say beside each prediction, by its `shift_s` and `utterance`, which emotion was the last before its window ended.

    Takes the window tables of all shifts in one, and all utterances of the corpus, as `gather`; ValueError where an event has
    no window. Returns the table with `LAST`, missing where no labelled utterance had ended.
    """
    keys = ["shift_s", "utterance"]
    asked = predictions[keys].drop_duplicates()
    events = windows.merge(asked, on=keys)
    if len(events) < len(asked):
        raise ValueError(f"{len(asked) - len(events)} of {len(asked)} events have no window at their shift")
    last = events[keys].assign(**{LAST: gather(events, utterances, classes=classes).latest_emotion()})
    return predictions.merge(last, on=keys, how="left", validate="many_to_one")


class Forecaster(BaseEstimator):
    """What all baselines have in common: the training events' shares, and the likeliest class as the forecast."""

    of_events = False  # whether the fit depends on the training events alone, and so is the same at all shifts

    def fit(self, past: Past) -> Forecaster:
        """Learn the shares of the classes from training events, the labels of test events being withheld."""
        self.classes_ = np.array(past.classes)
        self.prior_ = past.shares()
        return self

    def predict_proba(self, past: Past) -> np.ndarray:
        """Forecast events that the training did not have: (n, c), columns as `classes_`, rows summing to one."""
        return np.tile(self.prior_, (len(past.windows), 1))

    def predict(self, past: Past) -> np.ndarray:
        """Name the likeliest class of each event, (n,); on a tie the first in the project's order."""
        return self.classes_[self.predict_proba(past).argmax(axis=1)]

    def _sure(self, names: np.ndarray) -> np.ndarray:
        """One for each event's name, (n,), or the prior where it is none of the classes, (n, c)."""
        same = names.astype(str)[:, np.newaxis] == self.classes_
        return np.where(same.any(axis=1, keepdims=True), same, self.prior_)


class Majority(Forecaster):
    """The commonest class of the training, always."""


@_settings
class Persistence(Forecaster):
    """The last emotion is forecast again, with certainty; `which` is whose last emotion, one of `WHICH`."""

    which: str = "anyone"

    def predict_proba(self, past: Past) -> np.ndarray:
        """One for the last emotion, or the prior where it is none of the classes, (n, c)."""
        return self._sure(past.latest_emotion(self.which))


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
        """The shares of the event's group, or the prior where training has no event of it, (n, c)."""
        groups = past.windows[self.column].astype(object).where(past.windows[self.column].notna(), None)
        return np.array([self.shares_.get(str(group), self.prior_) for group in groups]).reshape(-1, len(self.prior_))


class NearestEvent(Forecaster):
    """The emotion of the training event that is nearest in time in the same dialogue, before or after.

    No forecast: it knows what comes later. It is what a model can score that remembers which moment of which dialogue this is,
    and a random split must be beaten by more than that. It does not fall with the shift, for it does not listen.
    """

    of_events = True

    def fit(self, past: Past) -> NearestEvent:
        """Remember when each training event began."""
        super().fit(past)
        known = past.windows[["dialogue", "onset_s"]].assign(emotion=past.emotion).sort_values("onset_s", kind="stable")
        self.known_ = known.drop_duplicates(["dialogue", "onset_s"])
        return self

    def predict_proba(self, past: Past) -> np.ndarray:
        """One for that emotion (the earlier event's on a tie), or the prior where training has no event of the dialogue."""
        asked = past.windows[["dialogue", "onset_s"]].assign(row=range(len(past.windows)))
        how = {"on": "onset_s", "by": "dialogue", "direction": "nearest"}  # backwards on a tie
        found = pd.merge_asof(asked.sort_values("onset_s"), self.known_, **how)
        return self._sure(found.sort_values("row")["emotion"].to_numpy(dtype=object))


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
        """Count the training events."""
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
        """The last emotions of each event, the latest first."""
        return list(zip(*(past.latest_emotion(back=back) for back in range(1, self.order + 1)), strict=True))

    def _shares(self, context: tuple) -> np.ndarray:
        """Mix the context's own counts with the shares of the shorter context."""
        if not context:
            return self.prior_
        counts = np.array([self.counts_[context, name] for name in self.classes_], dtype=float)
        return (counts + self.smoothing * self._shares(context[:-1])) / (counts.sum() + self.smoothing)


class MarkovGivenChange(Markov):
    """A Markov chain that is told that the last emotion does not stay: its row without that emotion, brought back to one.

    An event with no emotion before it, or with one that is not in play, has the chain's own row.
    """

    def predict_proba(self, past: Past) -> np.ndarray:
        """As of the chain, but the last emotion has the probability 0."""
        last = past.latest_emotion().astype(str)
        shares = super().predict_proba(past) * (last[:, np.newaxis] != self.classes_)
        return shares / shares.sum(axis=1, keepdims=True)


class AudioPersistence(Forecaster):
    """Recognise the emotion of the last utterance that lies wholly within the window, and forecast it again.

    Persistence reads the true label of what was said last; a forecaster has its sound alone, and so has this one: who is no
    better has recognised, not forecast. The recogniser is a logistic regression whose penalty is chosen by cross-validation
    within the training part, which it divides in runs of rows, so nearly of dialogues.
    """

    of_events = True  # it learns from the events' own utterances

    def fit(self, past: Past) -> AudioPersistence:
        """Train the recogniser on the training events' own utterances."""
        super().fit(past)
        if past.sound is None:
            raise ValueError("audio persistence needs embeddings of the utterances: gather(..., sound=...)")
        sound, emotion = past.sound[past.event], past.emotion.astype(str)
        known = np.isfinite(sound).all(axis=1)  # a damaged file leaves NaN
        folds, plain = min(3, *Counter(emotion[known]).values()), LogisticRegression(C=0.01, max_iter=500)
        if folds > 1:
            plain = LogisticRegressionCV(Cs=[1e-3, 1e-2, 1e-1, 1.0], cv=folds, scoring="neg_log_loss", max_iter=500)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of what scikit-learn 1.10 will call the settings
            self.recogniser_ = make_pipeline(StandardScaler(), plain).fit(sound[known], emotion[known])
        return self

    def predict_proba(self, past: Past) -> np.ndarray:
        """The recogniser's probabilities, (n, c), or the prior where no utterance, or none embedded, is in the window."""
        shares = super().predict_proba(past)
        places = past.latest("window", labelled=False)
        known = (places >= 0) & np.isfinite(past.sound[places]).all(axis=1)
        if known.any():
            columns = [past.classes.index(name) for name in self.recogniser_.classes_]
            shares[known] = 0  # a class without a training event cannot be recognised
            shares[np.ix_(known, columns)] = self.recogniser_.predict_proba(past.sound[places[known]])
        return shares


def of_labels() -> dict[str, Forecaster]:
    """Name the baselines that read labels only."""
    return {
        "majority": Majority(),
        PERSISTENCE: Persistence("anyone"),
        "persistence, same speaker": Persistence("speaker"),
        "persistence, within the window": Persistence("window"),
        IN_PLAY: Persistence("in play"),
        "dialogue mode": GroupPrior("dialogue"),
        NEAREST: NearestEvent(),
        "scenario prior": GroupPrior("scenario"),
        "Markov chain, order 1": Markov(1),
        "Markov chain, order 2": Markov(2),
    }


def of_embeddings() -> dict[str, BaseEstimator]:
    """Name the classifiers that stand where the network stands: models for `crossval.sweep` and its embeddings."""
    # Few, shallow trees that look at a tenth of the values at a time, in 31 steps: embeddings have hundreds, events are few.
    trees = HistGradientBoostingClassifier(
        max_iter=30, max_bins=31, max_leaf_nodes=8, max_features=0.1, early_stopping=False, random_state=0
    )
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    neighbour = make_pipeline(StandardScaler(), KNeighborsClassifier(1))  # remembers, and no more
    return {"logistic regression": regression, "gradient boosting": trees, NEIGHBOUR: neighbour}


def sweep(
    windows: pd.DataFrame,
    utterances: pd.DataFrame,
    split: Split,
    *,
    models: Mapping[str, Forecaster],
    sound: np.ndarray | None = None,
    event_sets: Sequence[str] = ("fixed",),
) -> pd.DataFrame:
    """Cross-validate baselines a shift, on the events and folds of `crossval.sweep` with the same arguments.

    `utterances` (all of them) and `sound` (for `AudioPersistence`) are as for `gather`. Returns one row a model, event set,
    shift and event: `model`, then the columns of `crossval.sweep`.
    """
    fits = crossval.plan(windows, split, event_sets=event_sets)
    past = gather(windows, utterances, classes=split.classes, sound=sound)
    tables, once = [], {}  # what is fitted once for all shifts, by name, seed and training events
    with compute.one_thread():
        for fit in fits:
            tested, trained = past.take(fit.test), past.event[fit.train].tobytes()
            for name, model in models.items():
                own = once.get((name, fit.seed, trained)) or fitted(model, past, fit)
                if model.of_events:
                    once[name, fit.seed, trained] = own
                shares, marks = own.predict_proba(tested), {**fit.marks, "row": fit.test, "model": name}
                tables.append(crossval.tabled(tested.windows, shares, past.classes, **marks))
    return crossval.ordered(pd.concat(tables, ignore_index=True), models=list(models))


def fitted(model: Forecaster, past: Past, fit: crossval.Fit) -> Forecaster:
    """Fit a clone of a baseline on a fold's training rows of all pasts, with the labels of its test events withheld."""
    training = past.take(fit.train).without(past.windows["utterance"].iloc[fit.test])
    return crossval.seeded(model, fit.seed).fit(training)


def guess_hits(last_emotion: pd.Series, emotion: pd.Series, *, classes: Sequence[str]) -> pd.Series:
    """Say how often the uniform guess that is told of a change is right: exactly, so that no draw has to stand for it.

    Returns the probability of a hit, (n,): 0 where the last emotion (missing where there was none) stays, 1 / (k - 1) where
    another of the k classes follows it, 1 / k where it is none of the classes.
    """
    others = len(classes) - last_emotion.isin(classes).astype(int)
    return (1 / others).where(last_emotion.ne(emotion), 0.0)


def change_detection(
    predictions: pd.DataFrame, resampling: Resampling, *, models: Mapping[str, Sequence[str]], groups: str = "dialogue"
) -> pd.DataFrame:
    """Score how well forecasters tell *whether* the true emotion changes: p(change) is 1 - p(the last emotion).

    The last emotion is the `true` one, or the one `recognised` by audio persistence, which is all that one has without labels.
    What is to be told is the same in both: were a change from the recognised emotion counted as one, a recogniser would
    foretell its own mistakes. Events whose last emotion is none of the classes are left out: there a change is certain.

    Takes predictions of one protocol, as `with_last` gives them, and the `models` to ask by the kind of last emotion.

    Returns:
        One row a shift, kind (`last`) and model that is there: `n`, `groups`, `changes` (their share, which is the average
        precision of chance), `roc_auc` (chance: 0.5), `average_precision` and `brier` (the squared error of p(change), 0 to 1),
        each with its interval; fractions. NaN where all events change, or none.
    """
    of_class, rows = [name for name in predictions if name.startswith("p_")], []
    keys = ["shift_s", *crossval.EVENT]
    known = predictions[("p_" + predictions[LAST].astype(str)).isin(of_class)]
    heard = known.loc[known["model"] == AUDIO_PERSISTENCE, [*keys, "predicted"]].rename(columns={"predicted": "heard"})
    lasts = {"true": known.assign(heard=known[LAST]), "recognised": known.merge(heard, on=keys)}
    for shift, (last, names) in product(sorted(known["shift_s"].unique()), models.items()):
        parts = dict(list(lasts[last][lasts[last]["shift_s"] == shift].groupby("model", sort=False)))
        for name, events in ((name, parts[name]) for name in names if name in parts):
            place = pd.Index(of_class).get_indexer("p_" + events["heard"].astype(str))
            chances = 1 - events[of_class].to_numpy(dtype=float)[np.arange(len(events)), place]
            changed = events[LAST].ne(events["emotion"]).to_numpy()
            codes = [pd.factorize(events[column])[0] for column in (groups, "seed")]
            sizes = [of_row.max() + 1 for of_row in codes]
            weights = resampling.weights(*sizes)[:, np.ravel_multi_index(codes, sizes)]
            found, drawn = (_change_scores(changed, chances, some) for some in (np.ones((1, len(events))), weights))
            row = {"shift_s": shift, "last": last, "model": name, "n": metrics.count_events(events), "groups": sizes[0]}
            row["changes"] = changed.mean()
            for score, (value,) in found.items():
                low, high = resampling.ends(drawn[score], sizes[0])
                row |= {score: float(value), f"{score}_low": low, f"{score}_high": high}
            rows.append(row)
    return pd.DataFrame(rows)


def _change_scores(changed: np.ndarray, chances: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Score p(change), (n,), by draws of the events, (draws, n): as scikit-learn does one draw, which would take minutes."""
    order = np.argsort(-chances, kind="stable")
    ends = np.flatnonzero(np.diff(chances[order], append=np.nan))  # events of one chance stand or fall together
    hits, rest = (np.cumsum(weights[:, order] * of[order], axis=1)[:, ends] for of in (changed, ~changed))
    more, total = np.diff(hits, axis=1, prepend=0), hits[:, -1]
    with np.errstate(invalid="ignore"):  # a draw without changes, or without events of the highest chances
        area = np.sum(np.diff(rest, axis=1, prepend=0) * (hits - more / 2), axis=1) / (total * rest[:, -1])
        precision = np.nansum(more * (hits / (hits + rest)), axis=1) / total
    loss = (weights @ (changed - chances) ** 2) / weights.sum(axis=1)
    return {"roc_auc": area, "average_precision": precision, "brier": loss}
