"""Acted sentences that stand alone, before they are spoken: what the twins of single sentences have in common.

Every speaker and every sentence has its own generator, derived from (seed, corpus, speaker, number, purpose). So a
corpus of fewer speakers or fewer utterances holds the same files as a larger one, only fewer.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from emocast.corpora.synthetic import voices
from emocast.corpora.synthetic.cultures import Culture
from emocast.corpora.synthetic.engine import Clip

Card = TypeVar("Card")

# What a generator of a sentence is for; the deck of a speaker has the number of no sentence.
_ACTING, ROOM, LISTENERS = range(3)
_DECK = 1_000_000


@dataclass(frozen=True)
class TwinSettings:
    """The size of a twin.

    Attributes:
        speakers: number of speakers.
        utterances: number of utterances of each speaker.
    """

    speakers: int
    utterances: int


@dataclass(frozen=True)
class Part:
    """What a speaker is asked to do.

    Attributes:
        file: the path of the recording below the corpus folder, as `wav/03a01Fa.wav`.
        speaker: who speaks.
        code: the corpus's own code of the emotion.
        emotion: the same as a key of `cultures.SHIFTS`.
        text: what is said.
        strength: factor on the intensity, for a corpus that asks for levels.
    """

    file: str
    speaker: voices.Speaker
    code: str
    emotion: str
    text: str
    strength: float = 1.0


@dataclass(frozen=True, eq=False)
class Utterance:
    """A sentence before it is spoken.

    Attributes:
        part: what was asked for.
        delivery: how it is said.
        clip: the same for eSpeak NG.
        generator: gives a generator for `ROOM` or `LISTENERS`.
    """

    part: Part
    delivery: voices.Delivery
    clip: Clip
    generator: Callable[[int], np.random.Generator]

    @property
    def name(self) -> str:
        """The file's name without folder and suffix."""
        return Path(self.part.file).stem


@dataclass(frozen=True)
class Twin:
    """All that one twin has of its own.

    Attributes:
        name: the corpus and its folder, as `CREMA-D`.
        key: a number of its own, which keeps its chance apart from the other twins'.
        language: a word for the README.
        culture: how its speakers act.
        speakers: all there are.
        most: utterances that a speaker can have.
        default: the usual size.
        noise_level: root mean square of the studio's noise, dB re full scale.
        parts: gives the parts of one speaker, at most `most`, in the order in which a smaller corpus takes them.
        describe: writes the label files of the layout, if there are any, and gives back columns for `truth.csv` (as
            many rows as utterances) and what `counts` says besides the utterances and codes.
        url: where the real corpus is.
        note: what the README says of this twin alone.
        acted: whether its speakers act emotions; where they only read, it says nothing of codes and intensities.
    """

    name: str
    key: int
    language: str
    culture: Culture
    speakers: tuple[voices.Speaker, ...]
    most: int
    default: TwinSettings
    noise_level: float
    parts: Callable[[voices.Speaker, np.random.Generator], Iterator[Part]]
    describe: Callable[[Path, Sequence[Utterance]], tuple[pd.DataFrame, dict]]
    url: str
    note: str
    acted: bool = True


def deal(order: Sequence[str], decks: Mapping[str, Sequence[Card]]) -> Iterator[tuple[str, Card]]:
    """Deal cards of several decks in turn.

    Args:
        order: which deck is next, over and over; a deck that is named twice is dealt twice a round, an empty one skipped.
        decks: the cards of each; every deck is named in `order`.

    Yields:
        Deck and card, until all decks are empty.
    """
    left = {name: list(reversed(cards)) for name, cards in decks.items()}
    while any(left.values()):
        for name in order:
            if left[name]:
                yield name, left[name].pop()


def shuffled(cards: Sequence[Card], rng: np.random.Generator) -> list[Card]:
    """Give the cards in a random order."""
    return [cards[index] for index in rng.permutation(len(cards))]


def plan(twin: Twin, settings: TwinSettings, *, seed: int) -> list[Utterance]:
    """Plan all utterances of a twin, speaker by speaker.

    Args:
        twin: which corpus.
        settings: its size.
        seed: the seed of everything, 0 or above.

    Returns:
        settings.speakers x settings.utterances utterances.

    Raises:
        ValueError: a size is out of the twin's limits.
    """
    for name, most in (("speakers", len(twin.speakers)), ("utterances", twin.most)):
        if not 1 <= getattr(settings, name) <= most:
            raise ValueError(f"{twin.name}: {name}={getattr(settings, name)}: there can be 1 to {most}")
    planned = []
    for number, speaker in enumerate(twin.speakers[: settings.speakers]):
        parts = twin.parts(speaker, _generator(seed, twin, number, _DECK, _ACTING))
        for place, part in enumerate(itertools.islice(parts, settings.utterances)):
            planned.append(_act(part, twin, seed, number, place))
    return planned


def _act(part: Part, twin: Twin, seed: int, speaker: int, place: int) -> Utterance:
    rng = _generator(seed, twin, speaker, place, _ACTING)
    culture = twin.culture
    delivery = voices.deliver(
        part.speaker,
        part.emotion,
        rng,
        shifts=culture.shifts,
        strength=culture.strength * part.strength,
        baseline=culture.baseline,
    )
    return Utterance(
        part=part,
        delivery=delivery,
        clip=voices.clip(part.speaker, delivery, part.text, seed=int(rng.integers(1, 2**31))),
        generator=lambda purpose: _generator(seed, twin, speaker, place, purpose),
    )


def _generator(seed: int, twin: Twin, speaker: int, place: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(twin.key, speaker, place, purpose)))
