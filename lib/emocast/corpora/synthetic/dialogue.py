"""One dialogue before it is spoken: who says what, in which emotion, how, and what the raters will call it.

Every dialogue and every turn has its own generator, derived from (seed, session, scenario, turn). So a dialogue is the
same in a small corpus and in a large one, and the first turns of a longer dialogue are those of the shorter one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emocast.corpora.synthetic import raters, room, script, voices
from emocast.corpora.synthetic.engine import Clip
from emocast.corpora.synthetic.process import PROCESS

LETTERS = ("F", "M")

# What a generator of a dialogue is for; turn k has _TURNS + k.
_LENGTH, _MOODS, _SPEAKER, _ROOM, _TURNS = range(5)


@dataclass(frozen=True, eq=False)
class PlannedTurn:
    """A turn before it is spoken.

    Attributes:
        utterance: IEMOCAP's id, as `Ses01F_impro01_M003`.
        letter: who speaks, `F` or `M`.
        mood: the latent mood.
        emotion: the acted emotion.
        text: what is said.
        delivery: how it is said.
        rating: what the raters will say.
        clip: the same for eSpeak NG.
    """

    utterance: str
    letter: str
    mood: str
    emotion: str
    text: str
    delivery: voices.Delivery
    rating: raters.Rating
    clip: Clip

    @property
    def channel(self) -> int:
        """The speaker's own microphone."""
        return room.LEFT if self.letter == "F" else room.RIGHT


@dataclass(frozen=True, eq=False)
class PlannedDialogue:
    """A dialogue before it is spoken.

    Attributes:
        name: IEMOCAP's id, as `Ses01F_impro01`.
        session: 1 to 5.
        scenario: what is played.
        turns: in their order.
        room: the generator for `room.place` and `room.mix`.
    """

    name: str
    session: int
    scenario: script.Scenario
    turns: tuple[PlannedTurn, ...]
    room: np.random.Generator


def _generator(seed: int, session: int, scenario: script.Scenario, purpose: int) -> np.random.Generator:
    key = (session, script.SCENARIOS.index(scenario), purpose)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def dialogue_name(session: int, scenario: script.Scenario) -> str:
    """Name a dialogue as IEMOCAP does.

    The letter says which actor wore the motion capture markers, not who speaks; here it alternates.

    Args:
        session: 1 to 5.
        scenario: what is played.

    Returns:
        As `Ses01F_impro01`.
    """
    markers = LETTERS[(session + script.SCENARIOS.index(scenario) + 1) % 2]
    return f"Ses{session:02d}{markers}_{scenario.name}"


def plan(session: int, scenario: script.Scenario, *, turns: tuple[int, int], seed: int) -> PlannedDialogue:
    """Plan one dialogue.

    Args:
        session: 1 to 5; says who the speakers are.
        scenario: what is played.
        turns: fewest and most turns.
        seed: the corpus's seed.

    Returns:
        The dialogue.
    """
    count = int(_generator(seed, session, scenario, _LENGTH).integers(turns[0], turns[1] + 1))
    emotions = PROCESS.sample(scenario, count, _generator(seed, session, scenario, _MOODS))
    first = int(_generator(seed, session, scenario, _SPEAKER).integers(2))
    name = dialogue_name(session, scenario)
    planned = []
    for number, row in enumerate(emotions.itertuples()):
        letter = LETTERS[(first + number) % 2]
        utterance = f"{name}_{letter}{number // 2:03d}"
        speaker = voices.SPEAKERS[f"Ses{session:02d}{letter}"]
        rng = _generator(seed, session, scenario, _TURNS + number)
        planned.append(_turn(utterance, speaker, row.mood, row.emotion, script.sentence(scenario, number, rng), rng))
    return PlannedDialogue(name, session, scenario, tuple(planned), _generator(seed, session, scenario, _ROOM))


def _turn(
    utterance: str, speaker: voices.Speaker, mood: str, emotion: str, text: str, rng: np.random.Generator
) -> PlannedTurn:
    delivery = voices.deliver(speaker, emotion, rng)
    return PlannedTurn(
        utterance=utterance,
        letter=speaker.name[-1],
        mood=mood,
        emotion=emotion,
        text=text,
        delivery=delivery,
        rating=raters.rate(emotion, delivery.intensity, rng),
        clip=voices.clip(speaker, delivery, text, seed=int(rng.integers(1, 2**31))),
    )
