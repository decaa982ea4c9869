"""Train a forecaster under a protocol: for each fold and shift a network, and beside it what only validation may decide.

The events are those of the sweep's fixed set (`forecasting.crossval.plan`): classes balanced as published, the same events and
folds at every shift. Inside each training part whole dialogues are set aside: temperature, limit of uncertainty and limit of
distance come from them. The test part is only forecast. Scores mean nothing without what was held out, from the networks and
from the encoder; `held_out_words` and `encoder_words` say it wherever scores stand.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn
import torch
from tqdm import tqdm

from .. import cards, compute, corpora, encoders, metrics
from ..compute import Cache
from ..corpora import table as tables
from ..encoders import hub, store
from ..forecasting import baselines, crossval, splits
from ..forecasting.crossval import Fit
from ..forecasting.fcdnn import FCDNNClassifier
from ..forecasting.splits import GROUPS
from ..labels import ordered
from ..metrics import TemperatureScaling
from ..settings import Profile
from . import model
from .model import Familiarity, Forecaster, ForecasterError, Member, Network

#: What an encoder knows of the corpus: nothing; its utterances with their labels; or nobody here can tell.
NOTHING, LABELS, UNKNOWN = "nothing", "labels", "unknown"
#: What may stand on both sides of a split, as `protocols.proof` counts it -> the column of the window table.
SHARED = {"dialogues": "dialogue", "speakers": "speaker", "sessions": "session"}

#: The columns of a window table that a training depends on.
_READ = ["utterance", "dialogue", "session", "emotion", "shift_s", "audio", "start_s", "end_s"]
_CHECKED = 3  # windows that are embedded anew: are the embeddings those of the encoder that is there?
_UNGROUPED = {
    "random": "events drawn at random, of dialogues that were in training",
    "purged": "events whose seconds of sound were not in training",
    "official": "the test part of the corpus's own split",
}
_SPLIT = "split.csv"  # what `ser.training` puts beside a recogniser: which utterance was in which part
# Recordings of which one can tell whether a corpus is among them; what came "from the web" may hold any.
_KNOWN = {"IEMOCAP", "LibriSpeech", "Libri-Light", "GigaSpeech", "VoxPopuli"}
_VERSIONS = {"numpy": np.__version__, "scikit-learn": sklearn.__version__, "torch": torch.__version__}
_FITS = tuple(f"forecasting/{name}.py" for name in ("fcdnn", "crossval", "splits"))
_CODE = compute.code_digest("forecaster/model.py", "forecaster/training.py", *_FITS, "metrics")


def ready(
    profile: Profile,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    utterances: pd.DataFrame,
    *,
    memory: Cache | None = None,
    progress: bool = True,
) -> Forecaster:
    """Give the profile's forecaster: the saved one where it is of these embeddings and settings, else a new one, saved.

    `utterances` are the corpus's table, for persistence and the card; the other arguments are those of `train`. A ValueError,
    too, where the embeddings are not of the profile's encoder.
    """
    made = encoders.get(profile.encoder, precision=profile.embeddings.precision)
    encoder = {"name": profile.encoder, "digest": made.digest, "precision": made.precision}
    parts = (profile.windows, profile.tasks[profile.sweep_task], _facts(profile), encoder)
    key = joblib.hash((repr(parts), windows[_READ].astype(str), np.asarray(embeddings), _VERSIONS, _CODE))
    place = model.folder(profile.name)
    try:
        kept = model.load(place)
        if kept.facts["key"] == key:
            cards.write(place, card(kept))  # other words ask for no other training
            return kept
    except ForecasterError:
        pass  # none is there, or none that can be read: made anew
    _check_encoder(profile, windows, embeddings)
    forecaster, predictions = train(profile, windows, embeddings, encoder=encoder, memory=memory, progress=progress)
    table = scores(profile, predictions, windows, utterances)
    forecaster.facts.update(key=key, scores=plain(table), data=data(profile, utterances, windows, predictions))
    model.save(place, forecaster, card=card(forecaster))
    return forecaster


def _check_encoder(profile: Profile, windows: pd.DataFrame, embeddings: np.ndarray) -> None:
    """Embed some windows again: with other weights the forecaster would be asked of what it never learned."""
    rows = np.linspace(0, len(windows) - 1, min(_CHECKED, len(windows))).astype(int)
    options = {"precision": profile.embeddings.precision, "progress": False}
    again, _ = store.embed(profile.encoder, windows.iloc[rows], profile.corpus_root(), **options)
    if again.shape[1] != embeddings.shape[1] or not np.allclose(again, embeddings[rows], atol=1e-3):
        raise ValueError(
            f"notebook 03's embeddings are not those of {profile.encoder} as it is now: run 03_embedding_extraction again"
        )


def train(
    profile: Profile,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    *,
    encoder: dict[str, str],
    memory: Cache | None = None,
    progress: bool = True,
) -> tuple[Forecaster, pd.DataFrame]:
    """Train all networks on the window tables of all shifts in one and their embeddings, (n, d), row for row.

    `encoder` is the name, digest and precision of what made them; finished fits are kept in `memory`. A ValueError where rows
    differ, a class has no events, or folds cannot be made.

    Returns:
        The forecaster; and what each network forecasts of the events that it was held out from, one row an event and shift:
        shift_s, fold, utterance, dialogue, emotion, predicted, p_<emotion> (calibrated), abstains.
    """
    if len(windows) != len(embeddings):
        raise ValueError(f"{len(windows)} windows but {len(embeddings)} embeddings; they belong together row for row")
    windows, classes = windows.reset_index(drop=True), ordered(profile.tasks[profile.sweep_task])
    fits = crossval.plan(windows, _split(profile))
    parts = set_aside(profile, windows, fits)
    jobs = _jobs(profile, windows, embeddings, fits, parts, _fit if memory is None else memory.cache(_fit))
    with compute.pieces(_called, jobs, jobs=profile.jobs, threaded=False) as results:
        networks = dict(tqdm(results, total=len(fits), desc="networks", unit="network", disable=not progress))
    members, dialogues = [], windows["dialogue"]
    for fold in sorted({fit.marks["fold"] for fit in fits}):
        of_fold = [place for place, fit in enumerate(fits) if fit.marks["fold"] == fold]
        of_fold.sort(key=lambda place: fits[place].marks["shift_s"])
        # What windows are like is learned from all windows of its dialogues, whatever their emotion.
        sides = (np.concatenate([parts[place][side] for place in of_fold]) for side in (0, 1))
        rest, aside = (dialogues.isin(dialogues.iloc[rows]) for rows in sides)
        known = Familiarity.fit(embeddings[rest], embeddings[aside], known_share=profile.forecaster.known_share)
        names = held_out_groups(windows.iloc[fits[of_fold[0]].test], profile.forecaster.protocol)
        members.append(Member(names, tuple(networks[place] for place in of_fold), known))
    shifts = sorted({fit.marks["shift_s"] for fit in fits})
    lies = {"length_s": profile.windows.length_s, "guard_s": profile.windows.guard_s}
    proofs = pd.DataFrame([splits.proof(windows, fit.train, fit.test) for fit in fits])
    named = {what: column in windows and windows[column].notna().all() for what, column in SHARED.items()}
    shared = {what: int(proofs[f"{what}_shared"].max()) if named[what] else None for what in SHARED}
    facts = _facts(profile) | {"shared": shared}
    forecaster = Forecaster(classes, shifts, **lies, encoder=encoder, members=tuple(members), facts=facts)
    return forecaster, _predictions(forecaster, windows, embeddings, fits)


def set_aside(profile: Profile, windows: pd.DataFrame, fits: list[Fit]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide each training part by dialogues, those of a fold alike at all shifts: rows to learn from, rows of validation."""
    by_dialogue, fraction = _split(profile).under("dialogue"), profile.forecaster.validation_fraction
    aside: dict[int, set[str]] = {}
    parts = []
    for fit in fits:
        dialogues = windows["dialogue"].iloc[fit.train]
        if fit.marks["fold"] not in aside:
            chosen = splits.holdout(windows.iloc[fit.train], by_dialogue, test_fraction=fraction)[1]
            aside[fit.marks["fold"]] = set(dialogues.iloc[chosen])
        kept = dialogues.isin(aside[fit.marks["fold"]]).to_numpy()
        parts.append((fit.train[~kept], fit.train[kept]))
    return parts


def _jobs(
    profile: Profile, windows: pd.DataFrame, embeddings: np.ndarray, fits: list[Fit], parts: list, fitted: Callable
) -> Iterator[tuple[int, bytes]]:
    """The place of each fit, and its call as bytes: the plain values that an executor sends along."""
    emotions, classes = windows["emotion"].to_numpy(dtype=str), ordered(profile.tasks[profile.sweep_task])
    for place, (fit, rows) in enumerate(zip(fits, parts, strict=True)):
        network = FCDNNClassifier(**vars(profile.fcdnn), random_state=fit.seed)
        sides = [(embeddings[side], emotions[side]) for side in rows]
        versions = (*_VERSIONS.values(), _CODE)
        yield place, pickle.dumps((fitted, network, *sides, classes, profile.forecaster.least_gain, versions))


def _called(place: int, job: bytes) -> tuple[int, Network]:
    function, *arguments = pickle.loads(job)  # bytes that this process tree made itself, as in `forecasting.crossval`
    with compute.one_thread():
        return place, function(*arguments)


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
    return Network(network, temperature, model.uncertainty_limit(shares, hit, least_gain=least_gain))


def _predictions(made: Forecaster, windows: pd.DataFrame, embeddings: np.ndarray, fits: list[Fit]) -> pd.DataFrame:
    """What each network says of its own test part, alone."""
    tables, columns = [], [f"p_{name}" for name in made.classes]
    for fit in fits:
        member, X = made.members[fit.marks["fold"]], embeddings[fit.test]
        network = member.networks[made.shifts_s.index(fit.marks["shift_s"])]
        shares = network.probabilities(X, made.classes)
        marks = {name: fit.marks[name] for name in ("shift_s", "fold")}
        events = windows[["utterance", "dialogue", "emotion"]].iloc[fit.test].assign(**marks)
        events["predicted"] = np.array(made.classes)[shares.argmax(axis=1)]
        events[columns] = shares
        events["abstains"] = member.familiarity.unlike(X) | (model.uncertainty(shares) > network.limit)
        tables.append(events)
    return pd.concat(tables, ignore_index=True)


def scores(
    profile: Profile, predictions: pd.DataFrame, windows: pd.DataFrame, utterances: pd.DataFrame
) -> pd.DataFrame:
    """Score the predictions of `train` at each shift, in fractions.

    Columns: shift_s and those of `metrics.evaluate_forecast`; `answered` (share of events), `answered_accuracy` with its
    interval `answered_low` to `answered_high` (NaN where nothing is answered); `persistence`, the accuracy of "the emotion
    labelled last goes on", which reads the true labels of all `utterances`; `chance`.
    """
    options = {"level": profile.intervals.level, "draws": profile.intervals.draws, "random_state": profile.seed}
    found = metrics.evaluate_forecasts(predictions, by=["shift_s"], **options)
    answers = pd.DataFrame([_answered(events, **options) for _, events in predictions.groupby("shift_s", sort=False)])
    classes = profile.tasks[profile.sweep_task]
    persistence = {baselines.PERSISTENCE: baselines.Persistence()}
    last = baselines.sweep(windows, utterances, _split(profile), models=persistence)
    hits = (last["emotion"] == last["predicted"]).groupby(last["shift_s"]).mean()
    table = pd.concat([found, answers], axis=1)
    return table.assign(persistence=table["shift_s"].map(hits), chance=1 / len(classes))


def _split(profile: Profile) -> splits.Split:
    """One order of events at all shifts, so that a fold holds out the same sessions at each."""
    classes = profile.tasks[profile.sweep_task]
    return splits.Split(classes, profile.forecaster.protocol, profile.split.folds, profile.seed)


def _answered(events: pd.DataFrame, **options: Any) -> dict[str, float]:
    """Of the events that the networks answer: how many, and how many of those rightly."""
    some = events[~events["abstains"]]
    rate, ends = float((some["emotion"] == some["predicted"]).mean()) if len(some) else np.nan, (np.nan, np.nan)
    if len(set(some["dialogue"])) > 1:  # one dialogue has no interval
        columns = (some[name].to_numpy() for name in ("emotion", "predicted", "dialogue"))
        ends = metrics.bootstrap_interval(*columns, method="expanded", **options)
    found = {"answered_accuracy": rate, "answered_low": ends[0], "answered_high": ends[1]}
    return {"answered": len(some) / len(events)} | found


def plain(scores: pd.DataFrame) -> list[dict[str, Any]]:
    """Scores as JSON values: numbers, and null where there is none."""
    rows = scores.astype(object).where(scores.notna(), None).to_dict("records")
    return [{name: None if value is None else float(value) for name, value in row.items()} for row in rows]


def _facts(profile: Profile) -> dict[str, Any]:
    """What the record says of how the forecaster came about."""
    plain = {"profile": profile.name, "corpus": profile.corpus, "seed": profile.seed, "task": profile.sweep_task}
    blocks = {"network": profile.fcdnn, "settings": profile.forecaster, "intervals": profile.intervals}
    blocks = {name: dict(vars(block)) for name, block in blocks.items()}
    return plain | {"folds": profile.split.folds} | blocks | {"versions": _VERSIONS}


def data(
    profile: Profile, utterances: pd.DataFrame, windows: pd.DataFrame, predictions: pd.DataFrame
) -> dict[str, Any]:
    """What a card tells of the data, as JSON values, from the corpus's table, the windows and the predictions of `train`.

    Those of `cards.corpus`, utterances, left_out (why utterances are no events -> how many; with the events they are all),
    events, dialogues, recalls (shift_s and each emotion's, a row a shift) and encoder (`encoder_facts`).
    """
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
    protocol = forecaster.facts["settings"]["protocol"]
    words = {"apart": splits.PROTOCOLS[protocol], "new": held_out_words(protocol)}
    return cards.forecaster(forecaster, known=encoder_words(forecaster.facts), **words)


def held_out_words(protocol: str) -> str:
    """What a network is tested on under a protocol, in words that follow "Forecasts of"."""
    return _UNGROUPED.get(protocol) or f"{splits.PROTOCOLS[protocol]} new to the networks"


def held_out_groups(events: pd.DataFrame, protocol: str) -> tuple[str, ...]:
    """The dialogues, speakers or sessions (for `scenario` both) that a fold's test rows hold out; else none."""
    columns = ("session", "scenario") if protocol == "scenario" else (GROUPS[protocol],) if protocol in GROUPS else ()
    return tuple(str(name) for column in columns for name in sorted(events[column].dropna().unique()))


def encoder_facts(profile: Profile, events: pd.Series) -> dict[str, Any]:
    """What the profile's encoder may remember of events (names of utterances), as JSON values: what it `knows` (`NOTHING`,
    `LABELS`, `UNKNOWN`), of how many it has `learned` the labels (None where nobody counted), and how many there are.
    """
    learned = _learned(profile, events)
    knows = {0: NOTHING, None: _published(profile)}.get(learned, LABELS)
    return {"knows": knows, "learned": learned, "events": int(events.nunique())}


def encoder_words(facts: dict[str, Any]) -> str:
    """Say in one clause what an encoder knows, of a forecaster's facts; empty where it knows nothing of the corpus."""
    told = facts["data"]["encoder"]
    if told["knows"] == UNKNOWN:
        return "whether the encoder was trained on these recordings is not known"
    if told["knows"] == NOTHING:
        return ""
    which = f"{told['learned']:,} of the {told['events']:,} events" if told["learned"] else "the corpus's utterances"
    return f"the encoder was trained on {which} with their labels"


def _learned(profile: Profile, events: pd.Series) -> int | None:
    """Count the events on which the encoder was trained; None where no record tells."""
    source = profile.encoder.partition(":")[2].partition("@")[0]
    start = profile.ser.start
    if not source or (source == profile.ser.source and start and start.corpus != profile.corpus):
        return 0  # hand-crafted: fitted to nothing; or the small encoder to begin with, of another corpus
    place = hub.local(source)
    if place is None or not (place / _SPLIT).is_file():
        return None
    split = pd.read_csv(place / _SPLIT, dtype="string")
    return int(pd.Series(events.unique()).isin(split.loc[split["part"].ne("test"), "utterance"]).sum())


def _published(profile: Profile) -> str:
    """What the page on licences says a published encoder was trained on, held against the main corpus."""
    trained = {name.strip() for name in cards.trained_on(profile.encoder).split(",") if name}
    if not trained:
        return UNKNOWN
    if tables.is_synthetic(profile.corpus_root()):
        return NOTHING  # nobody but Emocast has that speech
    if corpora.get(profile.corpus).title in trained:
        return LABELS
    return NOTHING if trained <= _KNOWN else UNKNOWN
