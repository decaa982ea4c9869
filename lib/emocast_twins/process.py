"""The known process behind the emotions of the synthetic dialogues and the raters who name them: what no real talk has.

A dialogue has a latent *mood*. It stays for a random number of turns (semi-Markov) and then jumps to another one, most often
to the one that the scenario drifts to. With probability `contagion` a turn copies the emotion that the partner acted in the
turn before; otherwise the mood's `emission` draws it. With the turns that the segment still has, this is a Markov chain over
(mood, remaining, emotion), which `emocast.forecasting.ceiling` filters: `Process` and `channel` give all that it needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from emocast import labels

#: The name that `synthetic.json` gives to the process, to be changed with its numbers.
NAME = "mood segments with contagion, version 1"

#: The latent moods of a dialogue.
MOODS: tuple[str, ...] = ("calm", "cheerful", "down", "tense")

#: The acted emotions, in the order of every axis here (names of `emocast.labels`).
STATES: tuple[str, ...] = ("neutral", "excitement", "happiness", "sadness", "anger", "frustration")

#: No mood segment is longer, in turns.
LONGEST = 16

# That emotions persist within a speaker and carry over to the partner is what is known of IEMOCAP (Lee et al. 2009,
# Interspeech, "Modeling mutual influence of interlocutor emotion states"); all numbers are our own.
_EMISSION = (
    #  neu   exc   hap   sad   ang   fru
    (0.68, 0.07, 0.07, 0.07, 0.04, 0.07),  # calm
    (0.17, 0.55, 0.20, 0.02, 0.03, 0.03),  # cheerful
    (0.16, 0.02, 0.03, 0.66, 0.03, 0.10),  # down
    (0.12, 0.05, 0.02, 0.05, 0.52, 0.24),  # tense
)
_MEAN_TURNS = (9.5, 8.5, 9.5, 8.5)  # calm, cheerful, down, tense: the mean of a discretised gamma


@dataclass(frozen=True)
class Scenario:
    """A situation that two speakers play."""

    name: str  # IEMOCAP's kind of name, `impro01` or `script01_1`
    description: str  # the situation, in our own words
    begins: str  # the mood in which most dialogues of the scenario start
    drift: str  # the mood that attracts the later segments

    @property
    def scripted(self) -> bool:
        """Whether the words are fixed, the same in every session; else every pair finds its own."""
        return self.name.startswith("script")

    @property
    def start(self) -> dict[str, float]:
        """P(mood of the first turn): 0.7 for `begins`, 0.1 for each other."""
        return {mood: 0.7 if mood == self.begins else 0.1 for mood in MOODS}


#: All scenarios, in the order in which a smaller corpus takes them: both kinds and all moods from the beginning. Each mood is
#: the likeliest start of three and the drift of three.
SCENARIOS: tuple[Scenario, ...] = (
    Scenario("impro01", "A suitcase did not arrive and the counter wants another form.", "calm", "tense"),
    Scenario("script01_1", "Two friends plan a farewell dinner for one who moves abroad.", "cheerful", "down"),
    Scenario("impro02", "One says goodbye before a long stay on a research ship.", "down", "calm"),
    Scenario("script01_2", "A landlord and a tenant settle what was broken, then find a key.", "tense", "cheerful"),
    Scenario("impro03", "A letter says that the place at the school was granted.", "calm", "cheerful"),
    Scenario("script02_1", "Siblings sort the things in the house of their late aunt.", "down", "tense"),
    Scenario("impro04", "Someone has looked for work for a year; a friend listens.", "down", "calm"),
    Scenario("script02_2", "Two neighbours argue about a fence until one mentions an illness.", "tense", "down"),
    Scenario("impro05", "A caller has been passed on four times about one wrong bill.", "tense", "calm"),
    Scenario("script03_1", "Old friends meet by chance on a train and tell their news.", "calm", "cheerful"),
    Scenario("impro06", "One tells that a beloved dog died; they had laughed a minute ago.", "cheerful", "down"),
    Scenario("impro07", "The good news of a big order, until they talk about the shares.", "cheerful", "tense"),
)


def first(count: int) -> tuple[Scenario, ...]:
    """The scenarios of a corpus that plays so many, 1 to 12.

    Raises:
        ValueError: there are not so many.
    """
    if not 1 <= count <= len(SCENARIOS):
        raise ValueError(f"scenarios={count}: the script has 1 to {len(SCENARIOS)}")
    return SCENARIOS[:count]


def scenario(name: str) -> Scenario:
    """Find a scenario by its name, as `impro01`.

    Raises:
        ValueError: there is none of this name.
    """
    for candidate in SCENARIOS:
        if candidate.name == name:
            return candidate
    raise ValueError(f"no scenario {name!r}; there are {', '.join(known.name for known in SCENARIOS)}")


def _durations(*, shape: float = 6.0) -> np.ndarray:
    """Weigh 1 to `LONGEST` turns by a gamma density for each mood, and norm."""
    turns = np.arange(1, LONGEST + 1)
    weights = [turns ** (shape - 1) * np.exp(-turns * shape / mean) for mean in _MEAN_TURNS]
    return np.stack([row / row.sum() for row in weights])


def _draw(weights: np.ndarray, rng: np.random.Generator) -> int:
    """Draw an index by its probability, from one number of the generator."""
    return min(int(np.searchsorted(np.cumsum(weights), rng.random(), side="right")), len(weights) - 1)


@dataclass(frozen=True, eq=False)
class Process:
    """The process and its numbers."""

    #: P(emotion | mood) where nothing is copied, shape (4, 6), rows summing to one
    emission: np.ndarray = field(default_factory=lambda: np.array(_EMISSION))
    #: P(a segment has d turns | mood) for d = 1 to `LONGEST`, shape (4, 16), rows summing to one
    durations: np.ndarray = field(default_factory=_durations)
    contagion: float = 0.2  # probability that a turn copies the partner's emotion
    attraction: float = 3.0  # how many times likelier a jump goes to the drift mood than to another one

    def start_moods(self, scenario: Scenario) -> np.ndarray:
        """The mood distribution of the first turn, shape (4,)."""
        return np.array([scenario.start[mood] for mood in MOODS])

    def jumps(self, scenario: Scenario) -> np.ndarray:
        """P(next mood | mood) at the end of a segment, shape (4, 4), zero diagonal."""
        weights = np.ones((len(MOODS), len(MOODS)))
        weights[:, MOODS.index(scenario.drift)] = self.attraction
        np.fill_diagonal(weights, 0)
        return weights / weights.sum(axis=1, keepdims=True)

    def segments(self, scenario: Scenario) -> np.ndarray:
        """The Markov chain of the mood alone, P(mood', remaining' | mood, remaining): shape (4, 16, 4, 16).

        Index r of `remaining` means that r more turns of the segment follow this one: r > 0 counts down, r = 0 jumps and draws
        a new length.
        """
        chain = np.zeros((len(MOODS), LONGEST) * 2)
        for mood in range(len(MOODS)):
            for remaining in range(1, LONGEST):
                chain[mood, remaining, mood, remaining - 1] = 1
        chain[:, 0] = self.jumps(scenario)[:, :, np.newaxis] * self.durations
        return chain

    def turns(self) -> np.ndarray:
        """P(emotion | mood, partner's emotion), shape (4, 6, 6): copied, or drawn from the emission."""
        drawn = (1 - self.contagion) * self.emission[:, np.newaxis, :]
        return drawn + self.contagion * np.eye(len(STATES))

    def start(self, scenario: Scenario) -> np.ndarray:
        """P(mood, remaining, emotion) of the first turn, shape (4, 16, 6), summing to one; a fresh segment begins there."""
        moods = self.start_moods(scenario)[:, np.newaxis] * self.durations
        return moods[:, :, np.newaxis] * self.emission[:, np.newaxis, :]

    def transition(self, scenario: Scenario) -> np.ndarray:
        """The transition matrix of the whole chain, shape (384, 384), rows summing to one; states as `start(...).ravel()`."""
        expanded = np.einsum("mrns,nef->mrensf", self.segments(scenario), self.turns())
        size = len(MOODS) * LONGEST * len(STATES)
        return expanded.reshape(size, size)

    def sample(self, scenario: Scenario, turns: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw one dialogue.

        Args:
            scenario: what is played.
            turns: number of turns; a longer dialogue of the same generator begins with the shorter one.
            rng: the source of all chance.

        Returns:
            One row a turn with `mood` and `emotion` (the acted one), named as in `MOODS` and `STATES`.
        """
        jumps, moods, emotions = self.jumps(scenario), [], []
        mood, remaining = self._segment(self.start_moods(scenario), rng)
        for turn in range(turns):
            if turn > 0 and remaining == 0:
                mood, remaining = self._segment(jumps[mood], rng)
            elif turn > 0:
                remaining -= 1
            copied = rng.random() < self.contagion and turn > 0
            emotions.append(emotions[-1] if copied else _draw(self.emission[mood], rng))
            moods.append(mood)
        return pd.DataFrame({"mood": [MOODS[m] for m in moods], "emotion": [STATES[e] for e in emotions]})

    def _segment(self, moods: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
        """Draw a new segment's mood and the number of turns that follow its first one."""
        mood = _draw(moods, rng)
        return mood, _draw(self.durations[mood], rng)


#: The process that the corpus is made from.
PROCESS = Process()

#: What a rater may say, in the order of `emocast.labels`; IEMOCAP knows no boredom.
CATEGORIES: tuple[str, ...] = tuple(name for name in labels.EMOTIONS if name != "boredom")

#: The gold label of a turn on which no two raters agree.
UNDECIDED = "xxx"

#: Every gold label, in the order of the channel's columns.
GOLD: tuple[str, ...] = (*CATEGORIES, UNDECIDED)

#: P(what one rater says | acted emotion), shape (6, 10): rows as `STATES`, columns as `CATEGORIES`. The gold label is the
#: majority's, or `UNDECIDED`, as in IEMOCAP (Busso et al. 2008, https://doi.org/10.1007/s10579-008-9076-6, section 5).
CONFUSION = np.array(
    [
        #  neu   exc   hap   sad   ang   fru   fea   sur   dis   oth
        (0.74, 0.02, 0.03, 0.06, 0.01, 0.11, 0.00, 0.01, 0.00, 0.02),  # neutral
        (0.04, 0.72, 0.17, 0.00, 0.01, 0.01, 0.00, 0.04, 0.00, 0.01),  # excitement
        (0.07, 0.19, 0.69, 0.01, 0.00, 0.01, 0.00, 0.02, 0.00, 0.01),  # happiness
        (0.10, 0.00, 0.01, 0.74, 0.01, 0.09, 0.03, 0.00, 0.00, 0.02),  # sadness
        (0.01, 0.02, 0.00, 0.01, 0.73, 0.18, 0.01, 0.01, 0.02, 0.01),  # anger
        (0.09, 0.01, 0.00, 0.05, 0.14, 0.68, 0.00, 0.01, 0.01, 0.01),  # frustration
    ]
)

#: Mean valence, activation and dominance of a rater for an emotion acted with intensity 1, on the scale 1 to 5. Where the
#: emotions lie follows the plane of Russell (1980, https://doi.org/10.1037/h0077714) and the clusters of Busso et al.; the
#: numbers are ours.
MEANS: dict[str, tuple[float, float, float]] = {
    "neutral": (2.9, 2.5, 2.8),
    "excitement": (4.1, 3.8, 3.4),
    "happiness": (4.0, 3.1, 3.0),
    "sadness": (2.1, 2.0, 2.4),
    "anger": (1.7, 3.8, 4.0),
    "frustration": (2.1, 3.1, 3.3),
}

#: Standard deviation of one rater's score around the mean, before it is rounded.
SCORE_NOISE = 0.55


@dataclass(frozen=True, eq=False)
class Rating:
    """What the raters say of one turn."""

    categories: tuple[str, ...]  # the three raters' categories
    gold: str  # the majority's category, or `UNDECIDED`
    scores: np.ndarray  # two more raters' whole scores of valence, activation and dominance, shape (2, 3)

    @property
    def attributes(self) -> np.ndarray:
        """The mean of the scores, shape (3,), 1 to 5 in steps of 0.5."""
        return self.scores.mean(axis=0)


def majority(categories: Sequence[str]) -> str:
    """The category that at least two of three raters named, or `UNDECIDED`."""
    return next((category for category in categories if categories.count(category) >= 2), UNDECIDED)


def rate(emotion: str, intensity: float, rng: np.random.Generator) -> Rating:
    """Let the five raters judge one turn, each independently of the others and of everything else.

    Args:
        emotion: the acted emotion, one of `STATES`.
        intensity: how strongly it is acted, 1 on average. It moves the scores away from the neutral ones; the
            categories do not depend on it, which keeps the channel exact.
        rng: the source of all chance.
    """
    drawn = rng.choice(len(CATEGORIES), size=3, p=CONFUSION[STATES.index(emotion)])
    categories = tuple(CATEGORIES[index] for index in drawn)
    neutral = np.array(MEANS["neutral"])
    mean = neutral + intensity * (np.array(MEANS[emotion]) - neutral)
    scores = np.clip(np.rint(rng.normal(mean, SCORE_NOISE, size=(2, len(neutral)))), 1, 5)
    return Rating(categories=categories, gold=majority(categories), scores=scores.astype(int))


def channel() -> np.ndarray:
    """P(gold label | acted emotion), shape (6, 11): rows as `STATES` and summing to one, columns as `GOLD`.

    Two or three of three independent raters name a category of probability p with 3 p^2 (1 - p) + p^3; no two
    categories can both have a majority, so what is left is `UNDECIDED`.
    """
    agreed = 3 * CONFUSION**2 * (1 - CONFUSION) + CONFUSION**3
    return np.column_stack([agreed, 1 - agreed.sum(axis=1)])
