"""How far a linear head carries: trained on the frozen embeddings of one corpus, tested on others and in other languages.

A head is standardisation and logistic regression, four classes of equal weight. Every table of answers has a row for each
utterance that was tested: `KNOWN`, `predicted`, and `p_<emotion>`; where several draws were made, `seed`. No head is asked
about a speaker on whom it was trained. `how` is a `metrics.Resampling`; intervals draw the speakers that are tested, not the
heads.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import StratifiedGroupKFold
from torch.nn import functional

from .. import corpora, encoders, labels
from ..corpora.table import CorpusError
from ..encoders import store
from ..encoders.speech import ALL, parted
from ..metrics.resampling import Resampling
from ..metrics.scores import COUNTED
from ..settings import Profile
from . import tables

#: What a table of answers takes over from the utterance table.
KNOWN = ("utterance", "speaker", "sex", "emotion")
SHARES = tuple(f"p_{emotion}" for emotion in labels.FOUR)
#: Whose statistics standardise what is tested: those of the training, or (unlabelled adaptation) its own.
PLAIN, ADAPTED = "as it is", "adapted without labels"
OTHERS = "the other languages"
#: Where classes lie if nobody rated valence and arousal: corners of Russell's circumplex (1980), neutral in the middle.
CORNERS = {"neutral": (0.0, 0.0), "happiness": (1.0, 1.0), "sadness": (-1.0, -1.0), "anger": (-1.0, 1.0)}


class Spoken(NamedTuple):
    """A corpus that takes part: utterances of the four classes (`emotion`) with a speaker, root, title, language code."""

    table: pd.DataFrame
    root: Path
    title: str
    language: str


class Set(NamedTuple):
    """Utterances of one corpus and what an encoder makes of each: embeddings, shape (n, dimension)."""

    table: pd.DataFrame
    embeddings: np.ndarray
    language: str


# --- what takes part


def gather(profile: Profile) -> tuple[dict[str, Spoken], dict[str, str]]:
    """Read the corpora of a profile that are there; and why others take no part, by their names.

    Of each so many utterances as `transfer.utterances` says, alike in class and spread over the speakers.
    """
    found, left_out = {}, {}
    for name in profile.corpora:
        if name in profile.transfer.leave_out or not (name in corpora.NAMES or name in profile.loaders):
            continue
        corpus, root = corpora.get(name), profile.corpus_root(name)
        try:
            rows = corpus.load_alone(root)
        except CorpusError as error:
            left_out[name] = str(error)
            continue
        rows = tables.labelled(rows)
        rows = rows[rows["speaker"].notna() & rows["audio"].notna()].reset_index(drop=True)
        if len(rows) and not (root / rows["audio"].iloc[0]).is_file():
            rows = rows.iloc[:0]
        if rows["speaker"].nunique() < 2 or rows["emotion"].nunique() < 2:
            left_out[name] = "it has no sound of two speakers and two of the four classes"
            continue
        rows = drawn(rows, profile.transfer.utterances, random_state=profile.seed)
        found[name] = Spoken(rows, root, corpus.title, next(iter(rows["language"].mode()), "not stated"))
    return found, left_out


def drawn(table: pd.DataFrame, most: int | None, *, random_state: int) -> pd.DataFrame:
    """At most so many utterances (None: all), as evenly over classes, and over the speakers of each, as there are; in order."""
    if most is None or len(table) <= most:
        return table
    mixed = table.sample(frac=1, random_state=random_state)
    turn = mixed.groupby(["emotion", "speaker"]).cumcount()  # first one of each speaker, then a second, ...
    mixed = mixed.iloc[np.argsort(turn.to_numpy(), kind="stable")]
    chosen = mixed.iloc[np.argsort(mixed.groupby("emotion").cumcount().to_numpy(), kind="stable")[:most]]
    return table.loc[sorted(chosen.index)].reset_index(drop=True)


def embedded(profile: Profile, spoken: Mapping[str, Spoken]) -> tuple[dict[str, dict[str, Set]], dict[str, str]]:
    """Embed all corpora by each encoder of `transfer.encoders` and every layer of `transfer.layers`: encoder -> corpus -> set.

    The layers are called `<layers>@0` to the last, and one pass gives all of them. An encoder whose checkpoint is not there is
    left out, an utterance that any of the others cannot embed too: encoder or corpus -> why.
    """
    options = {"precision": profile.embeddings.precision, "jobs": profile.jobs}
    whole, made, left_out = profile.transfer.layers, {}, {}
    wanted = [whole if whole and _part_of(name, whole) else name for name in profile.transfer.encoders]
    for name in dict.fromkeys([*wanted, *([whole] if whole else [])]):
        asked = f"{whole}@{ALL}" if name == whole else name
        if problem := encoders.missing(asked):
            left_out[name] = problem
            continue
        values = {corpus: store.embed(asked, one.table, one.root, **options)[0] for corpus, one in spoken.items()}
        states = encoders.get(asked, precision=options["precision"]).states if name == whole else 0
        for layer in range(states):
            made[f"{whole}@{layer}"] = {c: np.split(rows, states, axis=1)[layer] for c, rows in values.items()}
        made[name] = made[f"{whole}@{states - 1}"] if states else values
    found: dict[str, dict[str, Set]] = {name: {} for name in (*profile.transfer.encoders, *made) if name in made}
    for corpus, one in spoken.items():
        good = np.all([np.isfinite(values[corpus]).all(axis=1) for values in made.values()], axis=0)
        if not good.all():
            left_out[corpus] = f"{(~good).sum()} utterance(s) could not be embedded"
        for name, sets in found.items():
            sets[corpus] = Set(one.table[good].reset_index(drop=True), made[name][corpus][good], one.language)
    return found, left_out


def _part_of(name: str, whole: str) -> bool:
    """Whether an encoder is another, or one of its layers."""
    kind, _, source = name.partition(":")
    return kind == "transformers" and f"{kind}:{parted(source)[0]}" == whole


# --- a head


def standardised(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Values (n, d) by mean and standard deviation of others, (m, d); what is constant there becomes 0."""
    spread = by.std(axis=0, dtype=np.float64)
    scale = np.where(spread > 1e-9, spread, np.inf)
    return (values - by.mean(axis=0, dtype=np.float64)) / scale


@dataclasses.dataclass(eq=False)
class Head:
    """Logistic regression on standardised values; `penalty` is scikit-learn's 1 / C. It names no class it was not taught."""

    penalty: float

    def fit(self, values: np.ndarray, emotions: Sequence[str], weight: np.ndarray | None = None) -> Head:
        """Learn from values (n, d), their classes (n,), and how much each counts (n,)."""
        model = LogisticRegression(C=1 / self.penalty, class_weight="balanced", max_iter=2000, tol=1e-4)
        self._model = model.fit(values, np.asarray(emotions, dtype=object), sample_weight=weight)
        return self

    def shares(self, values: np.ndarray) -> np.ndarray:
        """The probability of each of `labels.FOUR`, (n, 4)."""
        found = np.zeros((len(values), len(labels.FOUR)))
        found[:, [labels.FOUR.index(emotion) for emotion in self._model.classes_]] = self._model.predict_proba(values)
        return found


def answers(table: pd.DataFrame, shares: np.ndarray, **about: Any) -> pd.DataFrame:
    """A table of answers: utterances (n rows) with the probabilities that a head gives them, (n, 4)."""
    made = table[list(KNOWN)].reset_index(drop=True).assign(**dict(zip(SHARES, shares.T, strict=True)))
    predicted = np.array(labels.FOUR, dtype=object)[shares.argmax(axis=1)]
    return made.assign(predicted=pd.array(predicted, dtype="string"), **about)


def apart(table: pd.DataFrame, folds: int, *, random_state: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Divide utterances so that no speaker is on both sides: rows to train on and rows to test, for each fold."""
    speakers = table["speaker"].to_numpy(dtype=object)
    split = StratifiedGroupKFold(min(folds, len(set(speakers))), shuffle=True, random_state=random_state)
    return split.split(speakers, table["emotion"].to_numpy(dtype=object), speakers)


def unseen(own: Set, *, folds: int, penalty: float, random_state: int) -> np.ndarray:
    """What heads say of the speakers they were not trained on: the probabilities of each utterance, (n, 4)."""
    shares, emotions = np.empty((len(own.table), len(labels.FOUR))), own.table["emotion"].to_numpy()
    for train, test in apart(own.table, folds, random_state=random_state):
        values = standardised(own.embeddings, own.embeddings[train])
        shares[test] = Head(penalty).fit(values[train], emotions[train]).shares(values[test])
    return shares


def taught(sources: Sequence[Set], penalty: float) -> dict[str, tuple[Head, np.ndarray]]:
    """Heads for targets as they are, and for adapted ones; each with the values whose statistics standardise a plain target.

    Where a target is standardised by itself, every corpus of the training is, too.
    """
    emotions = np.concatenate([one.table["emotion"].to_numpy() for one in sources])
    raw = np.concatenate([one.embeddings for one in sources])
    own = np.concatenate([standardised(one.embeddings, one.embeddings) for one in sources])
    plain = Head(penalty).fit(standardised(raw, raw), emotions)
    return {PLAIN: (plain, raw), ADAPTED: (plain if len(sources) == 1 else Head(penalty).fit(own, emotions), raw)}


def asked(heads: Mapping[str, tuple[Head, np.ndarray]], target: Set) -> dict[str, np.ndarray]:
    """What `taught` heads say of another corpus, (n, 4), by way. Of the target's labels nothing is asked."""
    return {
        way: head.shares(standardised(target.embeddings, by if way == PLAIN else target.embeddings))
        for way, (head, by) in heads.items()
    }


def matrix(sets: Mapping[str, Set], *, folds: int, penalty: float, random_state: int) -> pd.DataFrame:
    """Answers of heads trained on each corpus, and on all corpora of other languages (`OTHERS`), about each corpus.

    The columns trained_on, tested_on and way come first. On its own corpus a head is asked about speakers apart.
    """
    made, options = [], {"folds": folds, "penalty": penalty, "random_state": random_state}
    for trained_on, source in sets.items():
        about = {"trained_on": trained_on, "tested_on": trained_on, "way": PLAIN}
        made.append(answers(source.table, unseen(source, **options), **about))
        heads = taught([source], penalty)
        for tested_on, target in sets.items():
            if tested_on != trained_on:
                about = {"trained_on": trained_on, "tested_on": tested_on}
                made += [answers(target.table, said, **about, way=way) for way, said in asked(heads, target).items()]
    for language in dict.fromkeys(one.language for one in sets.values()):
        sources = [one for one in sets.values() if one.language != language]
        heads = taught(sources, penalty) if sources else {}
        for tested_on in [name for name, one in sets.items() if heads and one.language == language]:
            about = {"trained_on": OTHERS, "tested_on": tested_on}
            said = asked(heads, sets[tested_on])
            made += [answers(sets[tested_on].table, shares, **about, way=way) for way, shares in said.items()]
    made = pd.concat(made, ignore_index=True)
    first = ["trained_on", "tested_on", "way"]
    return made[[*first, *made.columns.drop(first)]]


# --- a few labels


def few(
    target: Set, sources: Sequence[Set], counts: Sequence[int], *,
    draws: int, weight: float, penalty: float, random_state: int,
) -> pd.DataFrame:  # fmt: skip
    """Answers of heads refitted on so many labelled utterances of a new language, about the other half of its speakers.

    A draw (`seed`) divides the speakers into halves; labels are drawn from one, evenly over the classes and each count with
    those of the smaller ones, and the other half is tested; then the other way round. Columns: `labels`; `drawn_from`, the
    speakers; and `head`: "own labels" learns from them alone, "with the others" from the corpora `sources` too, where a
    label of the new language counts `weight` times: with 0 labels, unlabelled adaptation. Each corpus is standardised by its
    own, unlabelled, statistics.
    """
    emotions, values = target.table["emotion"].to_numpy(), standardised(target.embeddings, target.embeddings)
    others = np.concatenate([standardised(one.embeddings, one.embeddings) for one in sources])
    of_others = np.concatenate([one.table["emotion"].to_numpy() for one in sources])
    unlabelled, made = Head(penalty).fit(others, of_others).shares(values), []
    for draw in range(draws):
        for train, test in apart(target.table, 2, random_state=random_state + draw):
            about = {"seed": draw, "drawn_from": "|".join(sorted(set(target.table["speaker"].iloc[train])))}
            rows, order = target.table.iloc[test], even(emotions[train], random_state=random_state + draw)
            made.append(answers(rows, unlabelled[test], **about, labels=0, head="with the others"))
            for count in (count for count in counts if count <= len(train)):
                known = train[order[:count]]
                alone = Head(penalty).fit(values[known], emotions[known])
                every = np.concatenate([np.ones(len(others)), np.full(count, weight)])
                both = Head(penalty).fit(
                    np.concatenate([others, values[known]]), np.concatenate([of_others, emotions[known]]), every
                )
                for name, head in (("own labels", alone), ("with the others", both)):
                    made.append(answers(rows, head.shares(values[test]), **about, labels=count, head=name))
    return pd.concat(made, ignore_index=True)


def even(emotions: np.ndarray, *, random_state: int) -> np.ndarray:
    """An order of rows, (n,), at random, of which every beginning holds the classes as evenly as there are rows of them."""
    mixed = pd.Series(emotions).sample(frac=1, random_state=random_state)
    return mixed.index.to_numpy()[np.argsort(mixed.groupby(mixed).cumcount().to_numpy(), kind="stable")]


# --- layers


@dataclasses.dataclass(eq=False)
class WeightedLayers:
    """A weighted sum of layers and a linear head, learned together, as in SUPERB (Yang et al. 2021, arXiv 2105.01051).

    The weights are a softmax; an utterance is the mean over its frames, which a sum over layers may come before or after. Each
    layer is standardised, and their sum has unit variance: else the penalty of the head, which is `Head`'s, would favour one
    layer alone, whose sum is the largest. `weights`: (layers,), once fitted.
    """

    penalty: float
    steps: int = 100

    def fit(self, values: np.ndarray, emotions: Sequence[str]) -> WeightedLayers:
        """Learn from standardised values (n, layers, d) and their classes (n,); begins at equal weights, nothing is drawn."""
        self._known = sorted(set(emotions))
        x = torch.from_numpy(values.astype(np.float32))
        y = torch.tensor([self._known.index(name) for name in emotions])
        each = len(y) / (len(self._known) * torch.bincount(y).float())  # as scikit-learn's "balanced"
        sizes = ((x.shape[1],), (x.shape[2], len(self._known)), (len(self._known),))
        layer, head, bias = variables = [torch.zeros(size, requires_grad=True) for size in sizes]
        optimiser = torch.optim.LBFGS(variables, max_iter=self.steps, line_search_fn="strong_wolfe")

        def loss() -> torch.Tensor:
            optimiser.zero_grad()
            mixed = torch.einsum("nld,l->nd", x, layer.softmax(0))
            logits = mixed / mixed.square().mean().sqrt() @ head + bias
            missed = functional.cross_entropy(logits, y, weight=each, reduction="sum")
            value = (missed + self.penalty * head.square().sum() / 2) / len(y)
            value.backward()
            return value

        optimiser.step(loss)
        self.weights = layer.detach().softmax(0).numpy()
        self._scale = np.sqrt(np.square(np.einsum("nld,l->nd", values, self.weights)).mean())
        self._head, self._bias = head.detach().numpy(), bias.detach().numpy()
        return self

    def shares(self, values: np.ndarray) -> np.ndarray:
        """The probability of each of `labels.FOUR`, (n, 4), of values (n, layers, d)."""
        mixed = np.einsum("nld,l->nd", values, self.weights) / self._scale
        found = np.zeros((len(values), len(labels.FOUR)))
        columns = [labels.FOUR.index(name) for name in self._known]
        found[:, columns] = softmax(mixed @ self._head + self._bias, axis=1)
        return found


def learned_layers(
    layers: Sequence[Mapping[str, Set]], *, folds: int, penalty: float, random_state: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The `matrix` of single corpora with learned weights of layers, each (corpus -> set) of one of them, and the weights.

    The second has one row a corpus that was trained on and a layer: trained_on, layer, weight.
    """
    stacked = {name: np.stack([layer[name].embeddings for layer in layers], axis=1) for name in layers[0]}
    made, weights = [], []
    for trained_on, values in stacked.items():
        table = layers[0][trained_on].table
        emotions, shares = table["emotion"].to_numpy(), np.empty((len(table), len(labels.FOUR)))
        for train, test in apart(table, folds, random_state=random_state):
            scaled = standardised(values, values[train])
            shares[test] = WeightedLayers(penalty).fit(scaled[train], emotions[train]).shares(scaled[test])
        made.append(answers(table, shares, trained_on=trained_on, tested_on=trained_on, way=PLAIN))
        model = WeightedLayers(penalty).fit(standardised(values, values), emotions)
        weights += [{"trained_on": trained_on, "layer": n, "weight": one} for n, one in enumerate(model.weights)]
        for tested_on in (name for name in stacked if name != trained_on):
            for way, by in ((PLAIN, values), (ADAPTED, stacked[tested_on])):
                said = model.shares(standardised(stacked[tested_on], by))
                about = {"trained_on": trained_on, "tested_on": tested_on, "way": way}
                made.append(answers(layers[0][tested_on].table, said, **about))
    return pd.concat(made, ignore_index=True), pd.DataFrame(weights)


# --- valence and arousal


def plane(
    trained_on: str, source: Set, targets: Mapping[str, Set], *, folds: int, penalty: float, random_state: int
) -> pd.DataFrame:
    """Valence and arousal by ridge regression, of speakers apart and of other corpora (adapted), and the class nearest to them.

    Learned are the ratings, where the training corpus has them, else the `CORNERS` of its classes (`learned`). A class is where
    its training utterances are *predicted* by heads that did not hear their speakers, for predictions keep to the middle of the
    scale. Columns: trained_on,
    tested_on, learned, `KNOWN`, predicted, predicted_valence, predicted_arousal.
    """
    table, names = source.table, ["valence", "arousal"]
    rated = set(names) <= set(table) and table[names].notna().all(axis=None)
    wanted = table[names].to_numpy(float) if rated else np.array([CORNERS[name] for name in table["emotion"]])
    points = np.empty_like(wanted)
    for train, test in apart(table, folds, random_state=random_state):
        values = standardised(source.embeddings, source.embeddings[train])
        points[test] = Ridge(alpha=penalty).fit(values[train], wanted[train]).predict(values[test])
    centres, spread = pd.DataFrame(points).groupby(table["emotion"].to_numpy()).mean(), points.std(axis=0)
    model = Ridge(alpha=penalty).fit(standardised(source.embeddings, source.embeddings), wanted)
    said = {
        name: (one.table, model.predict(standardised(one.embeddings, one.embeddings))) for name, one in targets.items()
    }
    made = []
    for name, (rows, own) in {trained_on: (table, points), **said}.items():
        nearest = (((own[:, None] - centres.to_numpy()) / spread) ** 2).sum(axis=2).argmin(axis=1)
        predicted = pd.array(centres.index.to_numpy(dtype=object)[nearest], dtype="string")
        about = {"trained_on": trained_on, "tested_on": name, "learned": "ratings" if rated else "corners"}
        found = {f"predicted_{dimension}": column for dimension, column in zip(names, own.T, strict=True)}
        made.append(rows[list(KNOWN)].reset_index(drop=True).assign(**about, predicted=predicted, **found))
    return pd.concat(made, ignore_index=True)


# --- scores


@dataclasses.dataclass(frozen=True, eq=False)
class Score:
    """A score, the same in each draw of speakers, and on how many speakers and utterances it rests."""

    value: float
    drawn: np.ndarray
    speakers: int
    n: int

    def minus(self, other: Score) -> Score:
        """The difference; of the same corpus both are scored on the same draws, else on draws of their own."""
        counted = min(self.speakers, other.speakers), self.n + other.n
        return Score(self.value - other.value, self.drawn - other.drawn, *counted)

    def row(self, name: str, how: Resampling) -> dict[str, float]:
        """The score and the ends of its interval, `<name>`, `<name>_low` and `<name>_high`."""
        known = self.drawn[~np.isnan(self.drawn)]
        ends = how.ends(known, self.speakers) if self.speakers > 1 and len(known) else (np.nan, np.nan)
        return {name: self.value, f"{name}_low": ends[0], f"{name}_high": ends[1]}


def uar(rows: pd.DataFrame, how: Resampling, *, group: str = "") -> Score:
    """The UAR of answers about one corpus (or, by name, a group of its speakers), which is drawn alike in all tables."""
    mark = zlib.crc32(f"{rows['tested_on'].iloc[0]} {group}".encode())
    how = dataclasses.replace(how, random_state=[how.random_state, mark])
    counts = tables.counts(rows, "speaker")
    with np.errstate(invalid="ignore"):
        draws = tables.drawn(counts, COUNTED["uar"], how)
    value, n = COUNTED["uar"](counts.sum(axis=1)).mean(), rows["utterance"].nunique()
    return Score(float(value), draws, rows["speaker"].nunique(), n)


def mean(scores: Sequence[Score]) -> Score:
    """The mean over cells of a matrix; its interval is that of the corpus with the fewest speakers."""
    values, drawn = [one.value for one in scores], np.mean([one.drawn for one in scores], axis=0)
    return Score(float(np.mean(values)), drawn, min(one.speakers for one in scores), sum(one.n for one in scores))


def scored(found: pd.DataFrame, by: Sequence[str], how: Resampling) -> pd.DataFrame:
    """The UAR of answers for each value of the columns `by`: those, speakers, n, uar, uar_low, uar_high, chance."""
    made = []
    for key, rows in found.groupby(list(by), sort=False):
        score = uar(rows, how)
        about = {**dict(zip(by, key, strict=True)), "speakers": score.speakers, "n": score.n}
        made.append({**about, **score.row("uar", how), "chance": 1 / rows["emotion"].nunique()})
    return pd.DataFrame(made)


def leaning(rows: pd.DataFrame, how: Resampling) -> pd.DataFrame:
    """How often answers name each class, were all equally frequent: emotion, predicted_share, its difference from 1/4, ends."""
    counts, quarter = tables.counts(rows, "speaker"), 1 / len(labels.FOUR)

    def surplus(counts: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):  # a class that a draw lacks
            return np.nanmean(counts / counts.sum(axis=-1, keepdims=True), axis=-2) - quarter

    value, draws = surplus(counts.sum(axis=1)).mean(axis=0), tables.drawn(counts, surplus, how)
    several = counts.shape[1] > 1
    ends = np.array([how.ends(one, counts.shape[1]) if several else (np.nan, np.nan) for one in draws.T])
    made = {"emotion": labels.FOUR, "predicted_share": value + quarter, "difference": value}
    return pd.DataFrame({**made, "low": ends[:, 0], "high": ends[:, 1]})
