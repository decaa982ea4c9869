"""The scenes of MELD's twin before they are spoken: who says what, in which emotion, and what the annotators call it.

The emotions come from the process of the other conversations (`process`), whose states are played in MELD's seven: what
the process calls excitement is played as joy or surprise, frustration as anger, disgust or fear. Two to four characters
talk in a scene, and nobody speaks twice in a row. Characters have the six names whose sex the loader knows, and two more.

Every scene and every turn has its own generator, derived from (seed, scene, turn): a smaller twin is a part of a larger one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emocast.corpora.synthetic import cultures, script, voices
from emocast.corpora.synthetic.engine import Clip
from emocast.corpora.synthetic.process import PROCESS
from emocast.corpora.synthetic.voices import Speaker

#: MELD's emotions -> what `cultures.SHIFTS` calls them, in the order of `HEARD`.
EMOTIONS: dict[str, str] = {
    "neutral": "neutral",
    "joy": "happiness",
    "sadness": "sadness",
    "anger": "anger",
    "surprise": "surprise",
    "fear": "fear",
    "disgust": "disgust",
}
#: P(played emotion | state of the process).
PLAYED: dict[str, dict[str, float]] = {
    "neutral": {"neutral": 1.0},
    "excitement": {"joy": 0.6, "surprise": 0.4},
    "happiness": {"joy": 1.0},
    "sadness": {"sadness": 0.9, "fear": 0.1},
    "anger": {"anger": 0.85, "disgust": 0.15},
    "frustration": {"anger": 0.4, "disgust": 0.3, "fear": 0.3},
}
#: How often an annotator names the played emotion; otherwise any of the seven, neutral as often as all others together.
AGREEMENT = 0.75

#: The characters; the voices are no other twin's of the same language, nor the conversations'.
SPEAKERS: tuple[Speaker, ...] = (
    Speaker("Rachel", "en-us+steph3", 42, 47, 138, 0.4, 1.08),
    Speaker("Ross", "en-us+robert", 46, 44, 131, -0.4, 0.95),
    Speaker("Monica", "en-us+anika", 44, 50, 144, 0.8, 1.12),
    Speaker("Chandler", "en-us+benjamin", 52, 49, 141, -0.8, 1.02),
    Speaker("Phoebe", "en-us+steph2", 48, 53, 134, 0.0, 1.05),
    Speaker("Joey", "en-us+david", 41, 46, 127, 1.2, 0.98),
    Speaker("Waiter", "en-us+john", 47, 42, 136, -1.2, 0.90),
    Speaker("Customer", "en-us+edward", 54, 51, 129, 0.6, 0.93),
)
#: So many scenes are of one episode; its scenes fall into several splits, as MELD's do.
SCENES_OF_AN_EPISODE = 4
EPISODES_OF_A_SEASON = 24

#: In which split each scene of ten lies: seven tenths are for training.
SPLITS: tuple[str, ...] = (
    "train", "train", "test", "dev", "train", "train", "train", "test", "train", "train",
)  # fmt: skip

# What a generator of a scene is for; turn k has _TURNS + k.
_SHAPE, _MOODS, SOUND, _TURNS = range(4)
_KEY = 77  # keeps the chance of this twin apart from the other corpora's


@dataclass(frozen=True, eq=False)
class PlannedTurn:
    """A turn before it is spoken.

    Attributes:
        speaker: who speaks.
        mood: the latent mood.
        emotion: the played emotion, a key of `EMOTIONS`.
        label: what most annotators call it.
        text: what is said.
        delivery: how it is said.
        clip: the same for eSpeak NG.
    """

    speaker: Speaker
    mood: str
    emotion: str
    label: str
    text: str
    delivery: voices.Delivery
    clip: Clip


@dataclass(frozen=True, eq=False)
class Scene:
    """A dialogue before it is spoken.

    Attributes:
        index: its number over all splits, in the order in which they are played.
        split: "train", "dev" or "test".
        number: its Dialogue_ID, which begins anew in each split.
        turns: in their order.
        sound: the generator for the recording.
    """

    index: int
    split: str
    number: int
    turns: tuple[PlannedTurn, ...]
    sound: np.random.Generator

    @property
    def name(self) -> str:
        """The dialogue as the loader calls it."""
        return f"{self.split}_dia{self.number}"

    @property
    def episode(self) -> tuple[int, int]:
        """Season and episode, each from 1."""
        season, episode = divmod(self.index // SCENES_OF_AN_EPISODE, EPISODES_OF_A_SEASON)
        return season + 1, episode + 1


def generator(seed: int, scene: int, purpose: int) -> np.random.Generator:
    """The chance of one purpose of one scene."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_KEY, scene, purpose)))


def plan(dialogues: int, *, turns: tuple[int, int], seed: int) -> list[Scene]:
    """Plan all scenes.

    Args:
        dialogues: how many.
        turns: fewest and most turns of each.
        seed: the seed of everything.

    Returns:
        The scenes in the order in which they are played, those of an episode together.
    """
    splits = [SPLITS[index % len(SPLITS)] for index in range(dialogues)]
    return [
        Scene(
            index=index,
            split=split,
            number=splits[:index].count(split),
            turns=_turns(index, turns, seed),
            sound=generator(seed, index, SOUND),
        )
        for index, split in enumerate(splits)
    ]


def _turns(index: int, turns: tuple[int, int], seed: int) -> tuple[PlannedTurn, ...]:
    shape = generator(seed, index, _SHAPE)
    count = int(shape.integers(turns[0], turns[1] + 1))
    cast = shape.permutation(len(SPEAKERS))[: shape.integers(2, 5)]
    scenario = script.SCENARIOS[index % len(script.SCENARIOS)]
    states = PROCESS.sample(scenario, count, generator(seed, index, _MOODS))
    planned, last = [], -1
    for number, state in enumerate(states.itertuples()):
        rng = generator(seed, index, _TURNS + number)
        last = int(rng.choice([who for who in cast if who != last]))
        planned.append(_turn(SPEAKERS[last], state.mood, state.emotion, rng))
    return tuple(planned)


def _turn(speaker: Speaker, mood: str, state: str, rng: np.random.Generator) -> PlannedTurn:
    emotion = str(rng.choice(list(PLAYED[state]), p=list(PLAYED[state].values())))
    text = script.SENTENCES[rng.integers(len(script.SENTENCES))]
    delivery = voices.deliver(speaker, EMOTIONS[emotion], rng, shifts=cultures.SHIFTS)
    return PlannedTurn(
        speaker=speaker,
        mood=mood,
        emotion=emotion,
        label=annotate(emotion, rng),
        text=text,
        delivery=delivery,
        clip=voices.clip(speaker, delivery, text, seed=int(rng.integers(1, 2**31))),
    )


def annotate(emotion: str, rng: np.random.Generator) -> str:
    """Let three annotators name an emotion.

    Args:
        emotion: the played one.
        rng: the source of all chance.

    Returns:
        What at least two of them say; where all differ, what the first says.
    """
    names = list(EMOTIONS)
    shares = np.where(np.array(names) == "neutral", 0.5, 0.5 / (len(names) - 1)) * (1 - AGREEMENT)
    shares[names.index(emotion)] += AGREEMENT
    said = [str(name) for name in rng.choice(names, size=3, p=shares)]
    return max(said, key=said.count)
