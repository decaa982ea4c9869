"""Train a forecaster under a protocol; what it is: for each fold a calibrated network a shift, which vote or do not know.

The events are those of the sweep's fixed set. Inside each training part whole dialogues are set aside: temperature and limits
come from them; the test part is only forecast. Saved it is numbers in safetensors, JSON and a card: no code.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
import sklearn
import torch
from safetensors import SafetensorError
from safetensors import numpy as tensors
from scipy.stats import entropy
from sklearn.covariance import LedoitWolf
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from .. import cards, compute, corpora, encoders, metrics, paths
from ..corpora import table as tables
from ..encoders import hub, store
from ..forecasting import baselines, crossval, splits
from ..forecasting.fcdnn import FCDNNClassifier
from ..labels import ordered
from ..metrics import TemperatureScaling
from ..settings import Profile

FORMAT = "emocast forecaster 2"
RECORD, NETWORKS = "forecaster.json", "networks.safetensors"
_PLAIN = ("classes", "shifts_s", "length_s", "guard_s", "encoder", "facts")
#: What an encoder knows of the corpus: nothing; its utterances with their labels; or nobody here can tell.
NOTHING, LABELS, UNKNOWN = "nothing", "labels", "unknown"
# Recordings of which one can tell whether a corpus is among them; what came "from the web" may hold any.
_KNOWN = {"IEMOCAP", "LibriSpeech", "Libri-Light", "GigaSpeech", "VoxPopuli"}
_VERSIONS = {"numpy": np.__version__, "scikit-learn": sklearn.__version__, "torch": torch.__version__}
_CODE = compute.code_digest("forecaster/training.py", "forecasting", "metrics")


class ForecasterError(ValueError):
    """There is no forecaster, or it cannot be used. The message names the file and says what to do."""


@dataclass(frozen=True, eq=False)
class Familiarity:
    """How far embeddings lie from those of a training part: the Mahalanobis distance of Lee et al. (2018, arXiv 1807.03888).

    Of `centre`, (d,), and `precision`, (d, d; after Ledoit and Wolf); beyond `limit` a window is unlike the training.
    """

    centre: np.ndarray
    precision: np.ndarray
    limit: float

    @classmethod
    def fit(cls, training: np.ndarray, validation: np.ndarray, *, known_share: float) -> Familiarity:
        """Fit to embeddings of the training part, (n, d); `known_share` of the others, (m, d), are to count as known."""
        with threadpool_limits(1):  # a sum's last digit depends on the number of threads that share it
            shape = LedoitWolf().fit(np.asarray(training, np.float64))
            free = cls(shape.location_, shape.precision_, np.inf)
            return cls(free.centre, free.precision, float(np.quantile(free.distances(validation), known_share)))

    def distances(self, embeddings: np.ndarray) -> np.ndarray:
        """The distance of each embedding, (n, d) to (n,), in standard deviations."""
        away = np.asarray(embeddings, np.float64) - self.centre
        return np.sqrt(np.einsum("nd,nd->n", away @ self.precision, away).clip(0))

    def unlike(self, embeddings: np.ndarray) -> np.ndarray:
        """Whether each embedding is unlike the training, (n, d) to (n,)."""
        return self.distances(embeddings) > self.limit


def uncertainty(probabilities: np.ndarray) -> np.ndarray:
    """The entropy of probabilities, (..., k) to (...), as a share of the largest that there can be: 0 to 1."""
    return entropy(probabilities, axis=-1) / np.log(probabilities.shape[-1])


def uncertainty_limit(probabilities: np.ndarray, hit: np.ndarray, *, least_gain: float) -> float:
    """The uncertainty above which a network had better not answer; below 0 for one that is no better than chance.

    The largest set of least sure events, (n, k), is left out of which fewer than `least_gain` times chance were `hit`, (n,).
    """
    unsure = uncertainty(probabilities)
    order = np.argsort(-unsure, kind="stable")
    rate = np.cumsum(np.asarray(hit)[order]) / np.arange(1, len(order) + 1)
    too_few = np.flatnonzero(rate < least_gain / probabilities.shape[1])
    if not too_few.size:
        return 1.0
    kept = order[too_few[-1] + 1 :]
    return float(unsure[kept[0]]) if kept.size else -1.0


@dataclass(frozen=True, eq=False)
class Network:
    """One classifier of a shift and fold, the temperature that divides its logits, and its limit of uncertainty."""

    classifier: FCDNNClassifier
    temperature: float
    limit: float

    def probabilities(self, embeddings: np.ndarray, classes: list[str]) -> np.ndarray:
        """Calibrated probabilities of the classes, (n, d) to (n, k); zero for a class without a training event."""
        shares = np.zeros((len(embeddings), len(classes)))
        known = [classes.index(name) for name in self.classifier.classes_]
        shares[:, known] = self.classifier.predict_proba(embeddings)
        scaling = TemperatureScaling(classes)
        scaling.temperature_ = self.temperature
        return scaling.transform(shares)


@dataclass(frozen=True, eq=False)
class Member:
    """A fold: the names of what it holds out (none where no groups are), a network a shift, and what their training is like."""

    held_out: tuple[str, ...]
    networks: tuple[Network, ...]
    familiarity: Familiarity


class Votes(NamedTuple):
    """What m members say of n windows at s shifts: probabilities, (m, s, n, k), and their mean, the forecast; the share of the
    members of its likeliest class, (s, n); why it is no answer, (s, n): "unlike the training", "unsure", else "".
    """

    probabilities: np.ndarray
    mean: np.ndarray
    agreement: np.ndarray
    why: np.ndarray


@dataclass(frozen=True, eq=False)
class Forecaster:
    """A trained forecaster of `classes`, shift + guard_s seconds after the end of a window that `encoder` embeds.

    `encoder` is a name, digest and precision; `facts` are what the record and the card say besides, JSON values.
    """

    classes: list[str]
    shifts_s: list[float]
    length_s: float
    guard_s: float
    encoder: dict[str, str]
    members: tuple[Member, ...]
    facts: dict[str, Any]

    def ask(self, embeddings: np.ndarray) -> Votes:
        """What each member says of windows, whose embeddings, (n, d), are by `encoder`."""
        embeddings = np.asarray(embeddings, np.float32)
        shares = np.array([[n.probabilities(embeddings, self.classes) for n in m.networks] for m in self.members])
        limits = np.array([[network.limit for network in member.networks] for member in self.members])
        unlike = np.array([member.familiarity.unlike(embeddings) for member in self.members])
        mean, unsure = shares.mean(axis=0), uncertainty(shares) > limits[:, :, None]
        agreement = (shares.argmax(axis=3) == mean.argmax(axis=2)).mean(axis=0)
        abstains = (unlike[:, None, :] | unsure).mean(axis=0) > 0.5
        why = np.where(unlike.mean(axis=0) > 0.5, "unlike the training", "unsure")
        return Votes(shares, mean, agreement, np.where(abstains, why, ""))

    @property
    def identity(self) -> str:
        """SHA-256 of all that its forecasts depend on: the same for two that say the same of every window."""
        made = hashlib.sha256(json.dumps(_record(self) | {"facts": None}, sort_keys=True).encode())
        made.update(tensors.save(_arrays(self)))
        return made.hexdigest()


def folder(profile: str) -> Path:
    """Where the forecaster of a profile is, or will be."""
    return paths.outputs() / profile / "models" / "forecaster"


def save(place: Path, forecaster: Forecaster) -> Path:
    """Write a forecaster, whose `facts` must be JSON values, with its card into a folder; an older one is replaced whole."""
    with paths.replacing(place) as partial:
        partial.mkdir()
        tensors.save_file(_arrays(forecaster), partial / NETWORKS)
        record = _record(forecaster) | {"sha256": compute.file_digest(partial / NETWORKS)}
        (partial / RECORD).write_text(json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False), "utf-8")
        (partial / cards.CARD).write_text(card(forecaster), encoding="utf-8")
        if place.exists():
            place.replace(partial.parent / ".old")  # inside the temporary folder, which is deleted
    return place


def load(place: Path) -> Forecaster:
    """Read a forecaster back: it gives the very same forecasts. A ForecasterError if it is missing or damaged."""
    if not (place / RECORD).is_file():
        said = f"run `make reproduce PROFILE={place.parent.parent.name}`, or notebook 08_forecast_a_recording (after 03) first"
        raise ForecasterError(f"no trained forecaster in {paths.relative(place)}: {said}")
    try:
        record = json.loads((place / RECORD).read_text(encoding="utf-8"))
        if record["format"] != FORMAT or compute.file_digest(place / NETWORKS) != record["sha256"]:
            raise ValueError(f"not of the format {FORMAT!r}, or of networks that another record was written beside")
        arrays, members = tensors.load_file(place / NETWORKS), []
        for number, fold in enumerate(record["members"]):
            networks = tuple(_network(f"{number}.{shift}.", one, arrays) for shift, one in enumerate(fold["networks"]))
            known = Familiarity(arrays[f"{number}.centre"], arrays[f"{number}.precision"], fold["distance_limit"])
            members.append(Member(tuple(fold["held_out"]), networks, known))
        return Forecaster(**{name: record[name] for name in _PLAIN}, members=tuple(members))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        words = " ".join(str(error).split())  # torch lists what does not fit in lines
        said = f"{paths.relative(place)} cannot be read ({words}): delete it and run notebook 08_forecast_a_recording again"
        raise ForecasterError(said) from error


def _record(forecaster: Forecaster) -> dict[str, Any]:
    """All that is no array."""
    members = []
    for member in forecaster.members:
        networks = [
            {"classes": one.classifier.classes_.tolist(), "inputs": one.classifier.n_features_in_}
            | {"settings": one.classifier.get_params(), "temperature": one.temperature, "limit": one.limit}
            for one in member.networks
        ]
        facts = {"held_out": list(member.held_out), "distance_limit": member.familiarity.limit}
        members.append(facts | {"networks": networks})
    return {"format": FORMAT, "members": members} | {name: getattr(forecaster, name) for name in _PLAIN}


def _arrays(forecaster: Forecaster) -> dict[str, np.ndarray]:
    """Its numbers as they are named in the file."""
    found = {}
    for number, member in enumerate(forecaster.members):
        found |= {f"{number}.{name}": getattr(member.familiarity, name) for name in ("centre", "precision")}
        for place, network in enumerate(member.networks):
            own, scaler = dict(network.classifier.network_.state_dict()), network.classifier.scaler_
            own |= {} if scaler is None else {"scaler.mean": scaler.mean_, "scaler.scale": scaler.scale_}
            found |= {f"{number}.{place}.{name}": values for name, values in own.items()}
    return {name: np.array(values, order="C") for name, values in found.items()}


def _network(prefix: str, facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> Network:
    """A fitted network, put together from its settings and arrays."""
    made = FCDNNClassifier(**facts["settings"])
    made.classes_, made.n_features_in_, made.scaler_ = np.array(facts["classes"]), facts["inputs"], None
    own = {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
    mean, scale = (own.pop(f"scaler.{name}", None) for name in ("mean", "scale"))
    if mean is not None:
        made.scaler_ = StandardScaler()
        made.scaler_.mean_, made.scaler_.scale_, made.scaler_.n_features_in_ = mean, scale, made.n_features_in_
    with torch.device("meta"), torch.random.fork_rng(devices=[]):  # no memory, no random numbers
        made.network_ = made._new_network(made.n_features_in_)
    made.network_.load_state_dict({name: torch.from_numpy(values) for name, values in own.items()}, assign=True)
    made.network_.eval().requires_grad_(False)
    return Network(made, facts["temperature"], facts["limit"])


def ready(profile: Profile, windows: pd.DataFrame, embeddings: np.ndarray, utterances: pd.DataFrame) -> Forecaster:
    """Give the profile's forecaster: the saved one where it is of these embeddings and settings, else a new one, saved.

    A ValueError where embeddings are not of the profile's encoder: it would be asked of what it never learned.
    """
    made = encoders.get(profile.encoder, precision=profile.embeddings.precision)
    encoder = {"name": profile.encoder, "digest": made.digest, "precision": made.precision}
    parts = (profile.windows, profile.tasks[profile.sweep_task], _facts(profile), encoder)
    key = joblib.hash(
        (repr(parts), windows.astype(str), np.asarray(embeddings), _VERSIONS, _CODE, compute.arithmetic())
    )
    place = folder(profile.name)
    try:
        kept = load(place)
        if kept.facts["key"] == key:
            cards.write(place, card(kept))  # other words ask for no other training
            return kept
    except ForecasterError:
        pass  # none is there, or none that can be read: made anew
    rows = np.linspace(0, len(windows) - 1, min(3, len(windows))).astype(int)
    options = {"precision": profile.embeddings.precision, "progress": False}
    again, _ = store.embed(profile.encoder, windows.iloc[rows], profile.corpus_root(), **options)
    if again.shape[1] != embeddings.shape[1] or not np.allclose(again, embeddings[rows], atol=1e-3):
        said = f"notebook 03's embeddings are not those of {profile.encoder} as it is now: run 03_embedding_extraction again"
        raise ValueError(said)
    memory = compute.memory(profile.name)
    forecaster, predictions = train(profile, windows, embeddings, encoder=encoder, memory=memory)
    found, told = scores(profile, predictions, windows, utterances), data(profile, utterances, windows, predictions)
    forecaster.facts.update(key=key, scores=found, data=told)
    save(place, forecaster)
    return forecaster


def train(
    profile: Profile,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    *,
    encoder: dict[str, str],
    memory: compute.Cache | None = None,
) -> tuple[Forecaster, pd.DataFrame]:
    """Train all networks on the window tables of all shifts in one and their embeddings, (n, d), row for row.

    Returns the forecaster, and what each network forecasts of the events that it was held out from, one row an event and
    shift: shift_s, fold, utterance, dialogue, emotion, predicted, p_<emotion> (calibrated), abstains.
    """
    if len(windows) != len(embeddings):
        raise ValueError(f"{len(windows)} windows but {len(embeddings)} embeddings; they belong together row for row")
    windows, classes = windows.reset_index(drop=True), ordered(profile.tasks[profile.sweep_task])
    fits = crossval.plan(windows, _split(profile))
    parts = set_aside(profile, windows, fits)
    emotions, fitted = windows["emotion"].to_numpy(dtype=str), _fit if memory is None else memory.cache(_fit)
    common = (classes, profile.forecaster.least_gain, (*_VERSIONS.values(), _CODE))

    def call(fit: crossval.Fit, rows: tuple[np.ndarray, np.ndarray]) -> tuple:
        network = FCDNNClassifier(**vars(profile.fcdnn), random_state=fit.seed)
        return fitted, network, *((embeddings[side], emotions[side]) for side in rows), *common

    bar = {"desc": "networks", "unit": "network"}
    networks = crossval.side_by_side(map(call, fits, parts), jobs=profile.jobs, total=len(fits), **bar)
    members, dialogues, protocol = [], windows["dialogue"], profile.forecaster.protocol
    column = splits.GROUPS.get(protocol)
    grouped = ["session", "scenario"] if protocol == "scenario" else [column] if column else []
    for fold in sorted({fit.marks["fold"] for fit in fits}):
        of_fold = [place for place, fit in enumerate(fits) if fit.marks["fold"] == fold]
        of_fold.sort(key=lambda place: fits[place].marks["shift_s"])
        # What windows are like is learned from all windows of its dialogues, whatever their emotion.
        sides = (np.concatenate([parts[place][side] for place in of_fold]) for side in (0, 1))
        rest, aside = (dialogues.isin(dialogues.iloc[rows]) for rows in sides)
        known = Familiarity.fit(embeddings[rest], embeddings[aside], known_share=profile.forecaster.known_share)
        tested = windows.iloc[fits[of_fold[0]].test]
        held_out = tuple(str(name) for column in grouped for name in sorted(tested[column].dropna().unique()))
        members.append(Member(held_out, tuple(networks[place] for place in of_fold), known))
    shifts = sorted({fit.marks["shift_s"] for fit in fits})
    shared, proofs = {}, pd.DataFrame([splits.proof(windows, fit.train, fit.test) for fit in fits])
    for column in ("dialogue", "speaker", "session"):
        named = column in windows and windows[column].notna().all()
        shared[f"{column}s"] = int(proofs[f"{column}s_shared"].max()) if named else None
    lies, facts = (profile.windows.length_s, profile.windows.guard_s), _facts(profile) | {"shared": shared}
    forecaster = Forecaster(classes, shifts, *lies, encoder, tuple(members), facts)
    return forecaster, _predictions(forecaster, windows, embeddings, fits)


def set_aside(profile: Profile, windows: pd.DataFrame, fits: list[crossval.Fit]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide each training part by dialogues, those of a fold alike at all shifts: rows to learn from, rows of validation."""
    by_dialogue, fraction = _split(profile).under("dialogue"), profile.forecaster.validation_fraction
    parts, aside = [], {}
    for fit in fits:
        events, fold = windows.iloc[fit.train], fit.marks["fold"]
        if fold not in aside:
            chosen = splits.holdout(events, by_dialogue, test_fraction=fraction)[1]
            aside[fold] = set(events["dialogue"].iloc[chosen])
        kept = events["dialogue"].isin(aside[fold]).to_numpy()
        parts.append((fit.train[~kept], fit.train[kept]))
    return parts


def _fit(network: FCDNNClassifier, learned, aside, classes: list[str], least_gain: float, versions: tuple) -> Network:
    """Train one network, then fit temperature and limit on what is set aside: (X, y) each. Its arguments are its cache key."""
    network.fit(*learned)
    raw = Network(network, 1.0, 1.0).probabilities(aside[0], classes)
    with warnings.catch_warnings():
        # A network that tells nothing gets the largest temperature that is tried: it says nothing then, and never answers.
        warnings.filterwarnings("ignore", message="no temperature between")
        temperature = TemperatureScaling(classes).fit(raw, aside[1]).temperature_
    shares = Network(network, temperature, 1.0).probabilities(aside[0], classes)
    hit = np.array(classes)[shares.argmax(axis=1)] == aside[1]
    return Network(network, temperature, uncertainty_limit(shares, hit, least_gain=least_gain))


def _predictions(
    made: Forecaster, windows: pd.DataFrame, embeddings: np.ndarray, fits: list[crossval.Fit]
) -> pd.DataFrame:
    """What each network says of its own test part, alone."""
    tables = []
    for fit in fits:
        shift, fold, X = fit.marks["shift_s"], fit.marks["fold"], embeddings[fit.test]
        member = made.members[fold]
        network = member.networks[made.shifts_s.index(shift)]
        shares = network.probabilities(X, made.classes)
        abstains = member.familiarity.unlike(X) | (uncertainty(shares) > network.limit)
        marks = {"shift_s": shift, "fold": fold, "abstains": abstains}
        tables.append(crossval.tabled(windows.iloc[fit.test], shares, made.classes, **marks))
    return pd.concat(tables, ignore_index=True)


def scores(
    profile: Profile, predictions: pd.DataFrame, windows: pd.DataFrame, utterances: pd.DataFrame
) -> list[dict[str, float | None]]:
    """Score the predictions of `train`, in fractions (JSON values), a row a shift: what `metrics.evaluate_forecast` gives,
    `answered_accuracy` with its interval (None where nothing is `answered`), `persistence` of the last true label, `chance`.
    """
    options = {**vars(profile.intervals), "random_state": profile.seed}
    found = metrics.evaluate_forecasts(predictions, by=["shift_s"], **options)
    answers = pd.DataFrame([_answered(events, **options) for _, events in predictions.groupby("shift_s", sort=False)])
    persistence = {baselines.PERSISTENCE: baselines.Persistence()}
    last = baselines.sweep(windows, utterances, _split(profile), models=persistence)
    hits = (last["emotion"] == last["predicted"]).groupby(last["shift_s"]).mean()
    table = pd.concat([found, answers], axis=1)
    table = table.assign(persistence=table["shift_s"].map(hits), chance=1 / len(profile.tasks[profile.sweep_task]))
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{name: None if value is None else float(value) for name, value in row.items()} for row in rows]


def _split(profile: Profile) -> splits.Split:
    """One order of events at all shifts, so that a fold holds out the same sessions at each."""
    classes = profile.tasks[profile.sweep_task]
    return splits.Split(classes, profile.forecaster.protocol, profile.split.folds, profile.split.seed)


def _answered(events: pd.DataFrame, **options: Any) -> dict[str, float]:
    """Of the events that the networks answer: how many, and how many of those rightly."""
    some = events[~events["abstains"]]
    rate, ends = some["emotion"].eq(some["predicted"]).mean(), (np.nan, np.nan)
    if len(set(some["dialogue"])) > 1:  # one dialogue has no interval
        columns = (some[name].to_numpy() for name in ("emotion", "predicted", "dialogue"))
        ends = metrics.bootstrap_interval(*columns, **options)
    rates = {"answered": len(some) / len(events), "answered_accuracy": rate}
    return rates | {"answered_low": ends[0], "answered_high": ends[1]}


def _facts(profile: Profile) -> dict[str, Any]:
    """What the record says of how the forecaster came about."""
    blocks = {"network": profile.fcdnn, "settings": profile.forecaster, "intervals": profile.intervals}
    return {
        "profile": profile.name, "corpus": profile.corpus, "seed": profile.seed, "task": profile.sweep_task,
        "folds": profile.split.folds, "versions": _VERSIONS, **{name: dict(vars(block)) for name, block in blocks.items()}
    }  # fmt: skip


def data(
    profile: Profile, utterances: pd.DataFrame, windows: pd.DataFrame, predictions: pd.DataFrame
) -> dict[str, Any]:
    """What a card tells of the data, as JSON values; those `left_out`, for which reason, and the events are all utterances."""
    events, classes = predictions["utterance"].nunique(), profile.tasks[profile.sweep_task]
    named = utterances["utterance"][utterances["emotion"].isin(classes)]
    shifts = windows[windows["utterance"].isin(named)].groupby("utterance")["shift_s"].nunique()
    whole = int((shifts == windows["shift_s"].nunique()).sum())
    hit = predictions["emotion"].eq(predictions["predicted"]).astype(float)
    recalls = hit.groupby([predictions["shift_s"], predictions["emotion"]]).mean().unstack()
    return {
        **cards.corpus(profile, utterances[utterances["dialogue"].isin(predictions["dialogue"])]),
        "utterances": len(utterances),
        "left_out": {
            f"without an emotion among {', '.join(ordered(classes))}": len(utterances) - len(named),
            "without a whole window at every shift": len(named) - whole,
            "drawn away, so that all classes are equally frequent": whole - int(events),
        },
        "events": int(events),
        "dialogues": int(predictions["dialogue"].nunique()),
        "recalls": [{"shift_s": float(shift), **row.dropna().to_dict()} for shift, row in recalls.iterrows()],
        "encoder": encoder_facts(profile, predictions["utterance"]),
    }


def card(forecaster: Forecaster) -> str:
    """The model card as Markdown, of a forecaster with `scores`, `shared` and `data` among its facts."""
    facts, protocol = forecaster.facts, forecaster.facts["settings"]["protocol"]
    apart, new = splits.PROTOCOLS[protocol], held_out_words(protocol)
    return cards.forecaster(forecaster, apart=apart, new=new, known=encoder_words(facts))


def held_out_words(protocol: str) -> str:
    """What a network is tested on under a protocol, in words that follow "Forecasts of"."""
    ungrouped = {
        "random": "events drawn at random, of dialogues that were in training",
        "purged": "events whose seconds of sound were not in training",
        "official": "the test part of the corpus's own split",
    }
    return ungrouped.get(protocol) or f"{splits.PROTOCOLS[protocol]} new to the networks"


def encoder_facts(profile: Profile, events: pd.Series) -> dict[str, Any]:
    """What the profile's encoder `knows` of events (names of utterances; `NOTHING`, `LABELS` or `UNKNOWN`), and of how many of
    these `events` it has `learned` the labels (None where nobody counted).
    """
    learned = _learned(profile, events)
    trained = {name.strip() for name in cards.trained_on(profile.encoder).split(",")}
    corpus = corpora.get(profile.corpus).title
    if learned is not None:
        knows = LABELS if learned else NOTHING
    elif trained != {""} and (tables.is_synthetic(profile.corpus_root()) or trained <= _KNOWN - {corpus}):
        knows = NOTHING  # nobody but Emocast has synthetic speech
    else:
        knows = LABELS if corpus in trained else UNKNOWN
    return {"knows": knows, "learned": learned, "events": int(events.nunique())}


def encoder_words(facts: dict[str, Any]) -> str:
    """Say in one clause what an encoder knows, of a forecaster's facts; empty where it knows nothing of the corpus."""
    told = facts["data"]["encoder"]
    which = f"{told['learned']:,} of the {told['events']:,} events" if told["learned"] else "the corpus's utterances"
    words = {LABELS: f"the encoder was trained on {which} with their labels", NOTHING: ""}
    return words.get(told["knows"], "whether the encoder was trained on these recordings is not known")


def _learned(profile: Profile, events: pd.Series) -> int | None:
    """Count the events on which the encoder was trained; None where no record tells."""
    source = profile.encoder.partition(":")[2].partition("@")[0]
    start = profile.ser.start
    if not source or (source == profile.ser.source and start and start.corpus != profile.corpus):
        return 0  # hand-crafted: fitted to nothing; or the small encoder to begin with, of another corpus
    place = hub.local(source)
    if place is None or not (place / "split.csv").is_file():  # what `ser.training` puts beside a recogniser
        return None
    split = pd.read_csv(place / "split.csv", dtype="string")
    return int(pd.Series(events.unique()).isin(split.loc[split["part"].ne("test"), "utterance"]).sum())
