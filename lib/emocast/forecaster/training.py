"""Train a forecaster under a protocol: for each fold and shift a network, and beside it what only validation may decide.

The events are those of the sweep's fixed set (`forecasting.evaluate.plan`): classes balanced as published, the same events and
folds at every shift. Inside each training part whole dialogues are set aside. The network learns from the rest; temperature,
limit of uncertainty and limit of distance come from the dialogues set aside; the test part is only forecast.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn
import torch
from tqdm import tqdm

from .. import cache, cards, encoders, executor, threads
from ..cache import Cache
from ..encoders import store
from ..forecasting import evaluate, protocols
from ..forecasting.fcdnn import FCDNNClassifier
from ..forecasting.runs import Fit
from ..labels import ordered
from ..metrics import TemperatureScaling
from ..profile import Profile
from . import abstention, card, facts, held_out, saved, scores
from .abstention import Familiarity
from .model import Forecaster, Member, Voice

#: One order of events at all shifts, so that a fold holds out the same sessions at each.
EVENT_SET = "fixed"
#: The columns of a window table that a training depends on.
_READ = ["utterance", "dialogue", "session", "emotion", "shift_s", "audio", "start_s", "end_s"]
_CHECKED = 3  # windows that are embedded anew: are the embeddings those of the encoder that is there?


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

    Args:
        profile: the run's settings.
        windows: the window tables of all shifts in one, as notebook 03 hands them on.
        embeddings: by the profile's encoder, (n, d), row for row those of `windows`.
        utterances: the corpus's utterance table, for persistence and the card.
        memory: where finished fits are kept.
        progress: show bars.

    Raises:
        ValueError: the embeddings are not of the profile's encoder, a class has no events, or folds cannot be made.
    """
    made = encoders.get(profile.encoder, precision=profile.embeddings.precision)
    encoder = {"name": profile.encoder, "digest": made.digest, "precision": made.precision}
    key = _key(profile, windows, embeddings, encoder)
    try:
        kept = saved.load(saved.folder(profile.name))
        if kept.facts["key"] == key:
            cards.write(saved.folder(profile.name), card.text(kept))  # other words ask for no other training
            return kept
    except saved.ForecasterError:
        pass  # none is there, or none that can be read: made anew
    _check_encoder(profile, windows, embeddings)
    forecaster, predictions = train(profile, windows, embeddings, encoder=encoder, memory=memory, progress=progress)
    table = scores.table(profile, predictions, windows, utterances)
    told = facts.data(profile, utterances, windows, predictions)
    forecaster.facts.update(key=key, scores=scores.plain(table), data=told)
    saved.save(saved.folder(profile.name), forecaster, card=card.text(forecaster))
    return forecaster


def train(
    profile: Profile,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    *,
    encoder: dict[str, str],
    memory: Cache | None = None,
    progress: bool = True,
) -> tuple[Forecaster, pd.DataFrame]:
    """Train all networks.

    Args:
        profile: the run's settings: `sweep_task`, `split.folds`, `fcdnn`, `forecaster`, `seed` and `jobs` count.
        windows: the window tables of all shifts in one.
        embeddings: (n, d), row for row those of `windows`.
        encoder: name, digest and precision of what made them.
        memory: where finished fits are kept; None keeps nothing.
        progress: show a bar over the networks.

    Returns:
        The forecaster; and what each network forecasts of the events that it was held out from, one row an event and shift:
        shift_s, fold, utterance, dialogue, emotion, predicted, p_<emotion> (calibrated), abstains.

    Raises:
        ValueError: rows differ, a class has no events, or folds cannot be made.
    """
    if len(windows) != len(embeddings):
        raise ValueError(f"{len(windows)} windows but {len(embeddings)} embeddings; they belong together row for row")
    windows, classes = windows.reset_index(drop=True), ordered(profile.tasks[profile.sweep_task])
    fits = evaluate.plan(
        windows, classes=classes, protocol=profile.forecaster.protocol, n_splits=profile.split.folds,
        event_sets=[EVENT_SET], random_state=profile.seed,
    )  # fmt: skip
    parts = _set_aside(profile, windows, fits)
    voices = dict(
        tqdm(
            _voices(profile, windows, embeddings, fits, parts, classes, memory),
            total=len(fits), desc="networks", unit="network", disable=not progress,
        )
    )  # fmt: skip
    members = [
        _member(profile, windows, embeddings, fits, parts, voices, fold)
        for fold in sorted({f.marks["fold"] for f in fits})
    ]
    shifts = sorted({fit.marks["shift_s"] for fit in fits})
    places = {"length_s": profile.windows.length_s, "guard_s": profile.windows.guard_s}
    told = _facts(profile) | {"shared": facts.shared(windows, fits)}
    forecaster = Forecaster(classes, shifts, **places, encoder=encoder, members=tuple(members), facts=told)
    return forecaster, _predictions(windows, embeddings, fits, voices, members, classes)


def _set_aside(profile: Profile, windows: pd.DataFrame, fits: list[Fit]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide each training part by dialogues, those of a fold alike at all shifts: rows to learn from, rows of validation."""
    drawing = {"test_fraction": profile.forecaster.validation_fraction, "random_state": profile.seed}
    aside: dict[int, set[str]] = {}
    parts = []
    for fit in fits:
        dialogues = windows["dialogue"].iloc[fit.train]
        if fit.marks["fold"] not in aside:
            chosen = protocols.holdout(windows.iloc[fit.train], protocol="dialogue", **drawing)[1]
            aside[fit.marks["fold"]] = set(dialogues.iloc[chosen])
        kept = dialogues.isin(aside[fit.marks["fold"]]).to_numpy()
        parts.append((fit.train[~kept], fit.train[kept]))
    return parts


def _voices(
    profile: Profile,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    fits: list[Fit],
    parts: list[tuple[np.ndarray, np.ndarray]],
    classes: list[str],
    memory: Cache | None,
) -> Iterator[tuple[int, Voice]]:
    """Fit the networks in processes of one thread: (place of the fit, its network) as they are ready."""
    fitted = _fit if memory is None else memory.cache(_fit)
    emotions, gain = windows["emotion"].to_numpy(dtype=str), profile.forecaster.least_gain
    pieces = []
    for place, (fit, (rest, aside)) in enumerate(zip(fits, parts, strict=True)):
        network = FCDNNClassifier(**vars(profile.fcdnn), random_state=fit.seed)
        own = (
            network,
            embeddings[rest],
            emotions[rest],
            embeddings[aside],
            emotions[aside],
            classes,
            gain,
            _versions(),
        )
        pieces.append((place, pickle.dumps((fitted, *own))))
    with executor.pieces(_unpacked, pieces, jobs=profile.jobs, threaded=False) as results:
        yield from results


def _unpacked(place: int, piece: bytes) -> tuple[int, Voice]:
    function, *arguments = pickle.loads(piece)  # bytes that this process tree made itself, as in `forecasting.runs`
    with threads.one():
        return place, function(*arguments)


def _fit(
    network: FCDNNClassifier,
    X: np.ndarray,
    y: np.ndarray,
    X_valid: np.ndarray,
    y_valid: np.ndarray,
    classes: list[str],
    least_gain: float,
    versions: tuple[str, ...],
) -> Voice:
    """Train one network, then fit temperature and limit on validation. All that the result depends on is an argument."""
    network.fit(X, y)
    plain = Voice(network, 1.0, 1.0).probabilities(X_valid, classes)
    with warnings.catch_warnings():
        # A network that tells nothing gets the largest temperature that is tried: it says nothing then, and never answers.
        warnings.filterwarnings("ignore", message="no temperature between")
        temperature = TemperatureScaling(classes).fit(plain, y_valid).temperature_
    shares = Voice(network, temperature, 1.0).probabilities(X_valid, classes)
    hit = np.array(classes)[shares.argmax(axis=1)] == y_valid
    return Voice(network, temperature, abstention.limit(shares, hit, least_gain=least_gain))


def _member(
    profile: Profile,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    fits: list[Fit],
    parts: list[tuple[np.ndarray, np.ndarray]],
    voices: dict[int, Voice],
    fold: int,
) -> Member:
    """Put a fold together; what windows are like is learned from all windows of its dialogues, whatever their emotion."""
    places = [place for place, fit in enumerate(fits) if fit.marks["fold"] == fold]
    places.sort(key=lambda place: fits[place].marks["shift_s"])
    rest, aside = (
        windows["dialogue"].isin(windows["dialogue"].iloc[np.concatenate([parts[place][side] for place in places])])
        for side in (0, 1)
    )
    known = Familiarity.fit(embeddings[rest], embeddings[aside], known_share=profile.forecaster.known_share)
    names = held_out.groups(windows.iloc[fits[places[0]].test], profile.forecaster.protocol)
    return Member(names, tuple(voices[place] for place in places), known)


def _predictions(
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    fits: list[Fit],
    voices: dict[int, Voice],
    members: list[Member],
    classes: list[str],
) -> pd.DataFrame:
    """What each network says of its own test part, alone."""
    tables = []
    for place, fit in enumerate(fits):
        shares = voices[place].probabilities(embeddings[fit.test], classes)
        unlike = members[fit.marks["fold"]].familiarity.unlike(embeddings[fit.test])
        abstains = unlike | (abstention.uncertainty(shares) > voices[place].limit)
        of_class = {f"p_{name}": shares[:, column] for column, name in enumerate(classes)}
        marks = {"shift_s": fit.marks["shift_s"], "fold": fit.marks["fold"]}
        events = windows[["utterance", "dialogue", "emotion"]].iloc[fit.test].assign(**marks)
        tables.append(events.assign(predicted=np.array(classes)[shares.argmax(axis=1)], **of_class, abstains=abstains))
    return pd.concat(tables, ignore_index=True)


def _facts(profile: Profile) -> dict[str, Any]:
    """What the record says of how the forecaster came about."""
    return {
        "profile": profile.name,
        "corpus": profile.corpus,
        "seed": profile.seed,
        "task": profile.sweep_task,
        "folds": profile.split.folds,
        "network": asdict(profile.fcdnn),
        "settings": asdict(profile.forecaster),
        "intervals": asdict(profile.intervals),
        "versions": {"numpy": np.__version__, "scikit-learn": sklearn.__version__, "torch": torch.__version__},
    }


def _key(profile: Profile, windows: pd.DataFrame, embeddings: np.ndarray, encoder: dict[str, str]) -> str:
    """What a forecaster is made of, in one word: another word, another forecaster."""
    shape = (profile.windows, profile.tasks[profile.sweep_task], _facts(profile), encoder)
    return joblib.hash((repr(shape), windows[_READ].astype(str), np.asarray(embeddings), _versions()))


def _versions() -> tuple[str, ...]:
    return np.__version__, sklearn.__version__, torch.__version__, _CODE


# Not the card: other words about a model are no other model.
_OWN = ("abstention", "facts", "held_out", "model", "saved", "scores", "training")
_CODE = cache.code_digest(*(f"forecaster/{name}.py" for name in _OWN), "forecasting", "metrics")


def _check_encoder(profile: Profile, windows: pd.DataFrame, embeddings: np.ndarray) -> None:
    """Embed some windows again: with other weights the forecaster would be asked of what it never learned."""
    rows = np.linspace(0, len(windows) - 1, min(_CHECKED, len(windows))).astype(int)
    options = {"precision": profile.embeddings.precision, "progress": False}
    found, _ = store.embed(profile.encoder, windows.iloc[rows], profile.corpus_root(), **options)
    if found.shape[1] != embeddings.shape[1] or not np.allclose(found, embeddings[rows], atol=1e-3):
        raise ValueError(
            f"notebook 03's embeddings are not those of {profile.encoder} as it is now: run 03_embedding_extraction again"
        )
