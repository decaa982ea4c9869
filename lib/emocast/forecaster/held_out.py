"""To what the events were new on which a forecaster is scored: to its networks, by the protocol, and to its encoder.

A score means nothing without both. All texts that stand beside a forecaster's scores (card, notebook, command) take their
words from here, for the protocol and the encoder are the profile's to choose.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from .. import corpora, licences
from ..corpora import table as tables
from ..encoders import hub
from ..forecasting import protocols
from ..forecasting.groups import LEVELS
from ..profile import Profile

#: What an encoder knows of the corpus: nothing; its utterances with their labels; or nobody here can tell.
NOTHING, LABELS, UNKNOWN = "nothing", "labels", "unknown"

_UNGROUPED = {
    "random": "events drawn at random, of dialogues that were heard",
    "purged": "events whose seconds of sound were not heard",
    "official": "the test part of the corpus's own division",
}
_SPLIT = "split.csv"  # what `ser.training` puts beside a recogniser: which utterance was in which part
# Recordings of which one can tell whether a corpus is among them; what came "from the web" may hold any.
_KNOWN = {"IEMOCAP", "LibriSpeech", "Libri-Light", "GigaSpeech", "VoxPopuli"}


def words(protocol: str) -> str:
    """What a network is tested on under a protocol, in words that follow "Forecasts of"."""
    return _UNGROUPED.get(protocol) or f"{protocols.PROTOCOLS[protocol]} not heard"


def groups(events: pd.DataFrame, protocol: str) -> tuple[str, ...]:
    """The names of what a fold holds out under a protocol that holds groups out.

    Args:
        events: the fold's test rows of the window table.
        protocol: a name in `protocols.PROTOCOLS`.

    Returns:
        The dialogues, speakers or sessions, for `scenario` the sessions and the scenarios; none where no group is held out.
    """
    columns = ("session", "scenario") if protocol == "scenario" else (LEVELS[protocol],) if protocol in LEVELS else ()
    return tuple(str(name) for column in columns for name in sorted(events[column].dropna().unique()))


def encoder(profile: Profile, events: pd.Series) -> dict[str, Any]:
    """What the profile's encoder may remember of the events on which the networks are tested.

    Args:
        profile: the run's settings.
        events: names of the events' utterances.

    Returns:
        JSON values: `knows` (`NOTHING`, `LABELS` or `UNKNOWN`); `heard`, of how many events it has learned the labels
        (None where nobody counted), and `events`, how many there are.
    """
    heard = _heard(profile, events)
    knows = {0: NOTHING, None: UNKNOWN}.get(heard, LABELS)
    if knows is UNKNOWN:
        knows = _published(profile)
    return {"knows": knows, "heard": heard, "events": int(events.nunique())}


def encoder_words(facts: dict[str, Any]) -> str:
    """Say in one clause what an encoder knows; empty where it knows nothing of the corpus.

    Args:
        facts: a forecaster's facts; without those of `encoder` (a forecaster of an earlier release) nothing is known.
    """
    told = facts["data"].get("encoder", {"knows": UNKNOWN})
    if told["knows"] == UNKNOWN:
        return "whether the encoder has heard these recordings is not known"
    if told["knows"] == NOTHING:
        return ""
    which = f"{told['heard']:,} of the {told['events']:,} events" if told["heard"] else "the corpus's utterances"
    return f"the encoder was trained on {which} with their labels"


def _heard(profile: Profile, events: pd.Series) -> int | None:
    """Count the events on which the encoder was trained; None where no record tells."""
    source = profile.encoder.partition(":")[2].partition("@")[0]
    if not source:
        return 0  # hand-crafted: fitted to nothing
    start = profile.ser.start
    if source == profile.ser.source and start and start.corpus != profile.corpus:
        return 0
    place = hub.local(source)
    if place is None or not (place / _SPLIT).is_file():
        return None
    split = pd.read_csv(place / _SPLIT, dtype="string")
    return int(pd.Series(events.unique()).isin(split.loc[split["part"].ne("test"), "utterance"]).sum())


def _published(profile: Profile) -> str:
    """What the page on licences says a published encoder was trained on, held against the main corpus."""
    trained = {name.strip() for name in licences.trained_on(profile.encoder).split(",") if name}
    if not trained:
        return UNKNOWN
    if tables.is_synthetic(profile.corpus_root()):
        return NOTHING  # nobody but Emocast has that speech
    if corpora.get(profile.corpus).NAME in trained:
        return LABELS
    return NOTHING if trained <= _KNOWN else UNKNOWN
