"""The known process behind the emotions of the synthetic dialogues, exactly.

Of a real conversation nobody knows how well the next emotion could be forecast at best. Here it can be computed,
because the emotions come from a process that is small enough to be written down:

- A dialogue has a latent *mood*. It stays for a random number of turns (semi-Markov: the number has its own
  distribution, not a geometric one) and then jumps to another mood, most often to the one the scenario drifts to.
- Speakers take turns. With probability `contagion` a turn copies the emotion that the partner acted in the turn before;
  otherwise its emotion is drawn from the mood's `emission`. The first turn has nobody to copy.

With the number of turns that the segment still has, the pair becomes an ordinary Markov chain over
(mood, turns remaining, emotion); `Process.start` and `Process.transition` give it in full, and `forecast` filters it.
That emotions persist within a speaker and carry over to the partner is what is known of IEMOCAP (Lee et al. 2009,
Interspeech, "Modeling mutual influence of interlocutor emotion states"); all numbers here are our own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from emocast.corpora.synthetic.script import Scenario

#: The name that `synthetic.json` gives to the process, to be changed with its numbers.
NAME = "mood segments with contagion, version 1"

#: The latent moods of a dialogue.
MOODS: tuple[str, ...] = ("calm", "cheerful", "down", "tense")

#: The acted emotions, in the order of every axis here (names of `emocast.labels`).
STATES: tuple[str, ...] = ("neutral", "excitement", "happiness", "sadness", "anger", "frustration")

#: No mood segment is longer, in turns.
LONGEST = 16

_EMISSION = (
    #  neu   exc   hap   sad   ang   fru
    (0.68, 0.07, 0.07, 0.07, 0.04, 0.07),  # calm
    (0.17, 0.55, 0.20, 0.02, 0.03, 0.03),  # cheerful
    (0.16, 0.02, 0.03, 0.66, 0.03, 0.10),  # down
    (0.12, 0.05, 0.02, 0.05, 0.52, 0.24),  # tense
)


def _discretised_gamma(mean: float, *, shape: float = 6.0) -> np.ndarray:
    """Weigh 1 to `LONGEST` turns by a gamma density and norm; the mean of the result is near `mean` turns."""
    turns = np.arange(1, LONGEST + 1)
    weights = turns ** (shape - 1) * np.exp(-turns * shape / mean)
    return weights / weights.sum()


def _durations() -> np.ndarray:
    """Give each mood its own length: calm and down stay longer than cheerful and tense."""
    return np.stack([_discretised_gamma(mean) for mean in (9.5, 8.5, 9.5, 8.5)])


def _draw(weights: np.ndarray, rng: np.random.Generator) -> int:
    """Draw an index by its probability, from one number of the generator."""
    return min(int(np.searchsorted(np.cumsum(weights), rng.random(), side="right")), len(weights) - 1)


@dataclass(frozen=True, eq=False)
class Process:
    """The process and its numbers.

    Attributes:
        emission: P(emotion | mood) where nothing is copied, shape (4, 6), rows summing to one.
        durations: P(a segment has d turns | mood) for d = 1 to `LONGEST`, shape (4, 16), rows summing to one.
        contagion: probability that a turn copies the partner's emotion.
        attraction: how many times likelier a jump goes to the drift mood than to another one.
    """

    emission: np.ndarray = field(default_factory=lambda: np.array(_EMISSION))
    durations: np.ndarray = field(default_factory=_durations)
    contagion: float = 0.2
    attraction: float = 3.0

    def start_moods(self, scenario: Scenario) -> np.ndarray:
        """Give the mood distribution of the first turn, shape (4,)."""
        return np.array([scenario.start[mood] for mood in MOODS])

    def jumps(self, scenario: Scenario) -> np.ndarray:
        """Give P(next mood | mood) at the end of a segment, shape (4, 4), zero diagonal."""
        weights = np.ones((len(MOODS), len(MOODS)))
        weights[:, MOODS.index(scenario.drift)] = self.attraction
        np.fill_diagonal(weights, 0)
        return weights / weights.sum(axis=1, keepdims=True)

    def segments(self, scenario: Scenario) -> np.ndarray:
        """Give the Markov chain of the mood alone.

        Args:
            scenario: what is played.

        Returns:
            P(mood', remaining' | mood, remaining), shape (4, 16, 4, 16). Index r of `remaining` means that r more
            turns of the segment follow this one: r > 0 counts down, r = 0 jumps and draws a new length.
        """
        chain = np.zeros((len(MOODS), LONGEST) * 2)
        for mood in range(len(MOODS)):
            for remaining in range(1, LONGEST):
                chain[mood, remaining, mood, remaining - 1] = 1
        chain[:, 0] = self.jumps(scenario)[:, :, np.newaxis] * self.durations
        return chain

    def turns(self) -> np.ndarray:
        """Give P(emotion | mood, partner's emotion), shape (4, 6, 6): copied, or drawn from the emission."""
        drawn = (1 - self.contagion) * self.emission[:, np.newaxis, :]
        return drawn + self.contagion * np.eye(len(STATES))

    def start(self, scenario: Scenario) -> np.ndarray:
        """Give the distribution of the first turn.

        Args:
            scenario: what is played.

        Returns:
            P(mood, remaining, emotion), shape (4, 16, 6), summing to one; a fresh segment begins at turn 0.
        """
        moods = self.start_moods(scenario)[:, np.newaxis] * self.durations
        return moods[:, :, np.newaxis] * self.emission[:, np.newaxis, :]

    def transition(self, scenario: Scenario) -> np.ndarray:
        """Give the transition matrix of the expanded chain over (mood, remaining, emotion).

        Args:
            scenario: what is played.

        Returns:
            Shape (384, 384), rows summing to one; the states are in the order of `start(scenario).ravel()`.
        """
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
