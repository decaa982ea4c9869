"""How acted sentences in three languages differ from the English conversations, and how CREMA-D's listeners vote on them.

A model trained on the conversations meets here what it would meet in the world: other emotions, stronger acting, and habits of
a language and a culture. All *magnitudes* are ours, and so are the shifts of the cultures but for one (`GERMAN`). They make a
known distribution shift for tests of methods, and say nothing about how Germans, Persians or Americans speak.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from . import voices

#: What an emotion of intensity 1 adds, in `voices.DIMENSIONS`: the conversations' emotions and four more, in the directions of
#: the sources that `voices.SHIFTS` names (fear: high and fast; boredom: low, slow and flat) and of Murray & Arnott 1993,
#: https://doi.org/10.1121/1.405558 (disgust: low and very slow). Surprise as high and wide is our own reading. That directions
#: hold across languages while recognition drops with their distance: Scherer, Banse & Wallbott 2001,
#: https://doi.org/10.1177/0022022101032001009.
SHIFTS: dict[str, tuple[float, ...]] = {
    **voices.SHIFTS,
    #          pitch range  rate level  tilt  pause
    "fear": (13.0, -6.0, 14.0, -1.0, -0.4, 0.1),
    "disgust": (-6.0, 4.0, -14.0, -0.5, 0.6, 0.4),
    "boredom": (-6.0, -18.0, -17.0, -2.5, -0.4, 0.4),
    "surprise": (18.0, 22.0, 1.0, 2.5, 0.4, 0.1),
}


@dataclass(frozen=True)
class Culture:
    """How the speakers of one twin act, relative to the conversations."""

    strength: (
        float  # factor on all intensities; an isolated sentence is acted more strongly than a turn of a conversation
    )
    baseline: tuple[float, ...]  # what every sentence has, whatever its emotion, in `voices.DIMENSIONS`
    weights: tuple[
        float, ...
    ]  # factors on all emotions' shifts, in `voices.DIMENSIONS`: by which means emotion is shown
    #: what is added to the shift of single emotions after the weights, in `voices.DIMENSIONS`
    habits: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def shifts(self) -> dict[str, tuple[float, ...]]:
        """What an emotion of intensity 1 adds in this culture."""
        return {
            emotion: tuple(np.array(self.weights) * shift + np.array(self.habits.get(emotion, voices.NOWHERE)))
            for emotion, shift in SHIFTS.items()
        }


#: CREMA-D's twin: the conversations' language, louder and slower; anger is hot (high, wide, shouted), joy is
#: fast and bright, sadness slow and less flat.
ENGLISH = Culture(
    strength=1.5,
    #         pitch range  rate level  tilt  pause
    baseline=(5.0, 6.0, -6.0, 4.0, 0.6, 0.0),
    weights=(1.0, 1.1, 1.0, 1.1, 1.1, 1.0),
    habits={
        "anger": (4.0, 10.0, -6.0, 2.0, 1.0, 0.0),
        "happiness": (4.0, 0.0, 6.0, 1.5, 0.6, 0.0),
        "sadness": (4.0, 6.0, -5.0, 0.0, -0.3, 0.2),
    },
)

#: EmoDB's twin: a narrower range (Mennen, Schaeffler & Docherty 2012, https://doi.org/10.1121/1.3681950); anger is high and
#: shouted, sadness very slow, joy higher and faster.
GERMAN = Culture(
    strength=1.5,
    baseline=(0.0, -5.0, 5.0, 4.0, 0.5, -0.1),
    weights=(0.9, 0.8, 1.2, 1.1, 1.2, 1.0),
    habits={
        "anger": (6.0, 8.0, -6.0, 1.0, 0.4, 0.0),
        "happiness": (5.0, 3.0, 3.0, 0.5, 0.1, 0.0),
        "sadness": (2.0, 0.0, -8.0, -1.0, -0.3, 0.3),
    },
)

#: ShEMO's twin: livelier and higher at rest, as in radio plays; sadness is plaintive and wide, anger slower and wide.
PERSIAN = Culture(
    strength=1.4,
    baseline=(5.0, 8.0, 6.0, 1.0, -0.3, 0.1),
    weights=(1.1, 0.9, 1.0, 1.0, 1.0, 1.2),
    habits={
        "anger": (4.0, 9.0, -8.0, 0.5, 0.5, 0.1),
        "happiness": (0.0, 0.0, 3.0, 0.0, -0.2, 0.0),
        "sadness": (4.0, 10.0, -2.0, -0.5, 0.0, 0.1),
    },
)

#: LibriSpeech's twin: nobody acts, a speaker's own values and the chance of every turn.
READING = Culture(strength=1.0, baseline=voices.NOWHERE, weights=(1.0,) * len(voices.DIMENSIONS))

#: CREMA-D's letters of the votes, in the order in which its files list them.
LETTERS = "ADFHNS"

#: CREMA-D's codes of the acted emotions, in the order of `CONFUSION`'s rows.
CODES: tuple[str, ...] = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")

#: Shares of all voice-only votes given an acted emotion, shape (6, 6): rows as `CODES`, columns as `LETTERS`. Most clips are
#: called neutral (Cao et al. 2014, https://doi.org/10.1109/TAFFC.2014.2336244). Counted in CREMA-D's own
#: processedResults/tabulatedVotes.csv (68,568 votes on 7,442 clips; rows 100001 to 107442 are the voice),
#: https://github.com/CheyneyComputerScience/CREMA-D
CONFUSION = np.array(
    [
        (0.532, 0.211, 0.051, 0.019, 0.176, 0.011),
        (0.121, 0.286, 0.092, 0.028, 0.377, 0.096),
        (0.064, 0.063, 0.321, 0.030, 0.383, 0.139),
        (0.070, 0.075, 0.082, 0.290, 0.450, 0.033),
        (0.039, 0.059, 0.050, 0.020, 0.762, 0.070),
        (0.019, 0.070, 0.116, 0.013, 0.531, 0.251),
    ]
)

#: How alike clips of one emotion and intensity are: the sum of the Dirichlet's parameters, set so that the winning votes are as
#: often each emotion's as in CREMA-D, to within about five percentage points.
AGREEMENT = 10.0

#: Fewest and most listeners of a clip; nine on average, as in CREMA-D.
LISTENERS = (8, 10)

#: Mean and standard deviation of the strength (0 to 100) that a listener gives the heard emotion; by the same file
#: about 50 and 20, and more for neutral.
LEVEL = {"A": 49, "D": 53, "F": 50, "H": 52, "N": 63, "S": 51}
LEVEL_SPREAD = 20.0


@dataclass(frozen=True)
class Vote:
    """What the listeners of one clip say."""

    counts: tuple[int, ...]  # votes for each of `LETTERS`
    letters: str  # the letter with most votes, or all that share the most, as `A:N`
    level: str  # the mean strength that the voters of each of these letters heard, as `69.1` or `37.2:58.6`


def shares(code: str, intensity: float) -> np.ndarray:
    """The expected shares of the votes on an acted emotion, one of `CODES`: shape (6,), summing to one.

    Intensity 1 gives the row of `CONFUSION`, 0 that of neutral, more goes on beyond.
    """
    neutral, acted = CONFUSION[CODES.index("NEU")], CONFUSION[CODES.index(code)]
    moved = np.clip(neutral + intensity * (acted - neutral), 0.001, None)
    return moved / moved.sum()


def vote(code: str, intensity: float, rng: np.random.Generator) -> Vote:
    """Let the listeners of one clip vote. They agree more than independent draws would, because the clip is clear or not.

    Args:
        code: the acted emotion, one of `CODES`.
        intensity: how strongly it is acted, 1 on average.
        rng: the source of all chance.
    """
    shared = rng.dirichlet(AGREEMENT * shares(code, intensity))
    counts = rng.multinomial(rng.integers(LISTENERS[0], LISTENERS[1] + 1), shared)
    winners = [letter for letter, count in zip(LETTERS, counts, strict=True) if count == counts.max()]
    levels = [_level(letter, int(counts.max()), rng) for letter in winners]
    decimals = max(len(f"{level:g}".partition(".")[2]) for level in levels)  # R writes all alike
    return Vote(tuple(counts.tolist()), ":".join(winners), ":".join(f"{level:.{decimals}f}" for level in levels))


def _level(letter: str, voters: int, rng: np.random.Generator) -> float:
    """Draw the mean of the voters' whole strengths, to two decimals."""
    given = np.clip(np.rint(rng.normal(LEVEL[letter], LEVEL_SPREAD, size=voters)), 1, 100)
    return round(float(given.mean()), 2)
