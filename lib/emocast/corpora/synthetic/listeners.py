"""Simulated listeners who hear a sentence of CREMA-D's twin and say which of six emotions it shows.

In CREMA-D, about nine people voted on the sound of each clip alone, and what they heard is often not what the actor was
asked for: most clips are called neutral (Cao, Cooper, Keutmann, Gur, Nenkova & Verma 2014, IEEE Transactions on
Affective Computing 5, 377-390, https://doi.org/10.1109/TAFFC.2014.2336244). `CONFUSION` is that confusion as measured.

The votes on one clip agree more than nine independent draws would, because the clip itself is clear or not. Here this
has two causes: a weakly acted clip is heard as a neutral one, a strongly acted one less so; and every clip has shares
of its own around that (Dirichlet, `AGREEMENT`, set so that the winning votes are as often each emotion's as in CREMA-D,
to within about five percentage points).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: CREMA-D's letters of the votes, in the order in which its files list them.
LETTERS = "ADFHNS"

#: CREMA-D's codes of the acted emotions, in the order of `CONFUSION`'s rows.
CODES: tuple[str, ...] = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")

#: Shares of all voice-only votes given an acted emotion, shape (6, 6): rows as `CODES`, columns as `LETTERS`.
#: Counted in CREMA-D's own processedResults/tabulatedVotes.csv (68,568 votes on 7,442 clips; rows 100001 to 107442 are
#: the voice), https://github.com/CheyneyComputerScience/CREMA-D
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

#: How alike clips of one emotion and intensity are: the sum of the Dirichlet's parameters.
AGREEMENT = 10.0

#: Fewest and most listeners of a clip; nine on average, as in CREMA-D.
LISTENERS = (8, 10)

#: Mean and standard deviation of the strength (0 to 100) that a listener gives the heard emotion; by the same file
#: about 50 and 20, and more for neutral.
LEVEL = {"A": 49, "D": 53, "F": 50, "H": 52, "N": 63, "S": 51}
LEVEL_SPREAD = 20.0


@dataclass(frozen=True)
class Vote:
    """What the listeners of one clip say.

    Attributes:
        counts: votes for each of `LETTERS`.
        letters: the letter with most votes, or all that share the most, as `A:N`.
        level: the mean strength that the voters of each of these letters heard, as `69.1` or `37.2:58.6`.
    """

    counts: tuple[int, ...]
    letters: str
    level: str


def shares(code: str, intensity: float) -> np.ndarray:
    """Give the expected shares of the votes.

    Args:
        code: the acted emotion, one of `CODES`.
        intensity: how strongly it is acted; 1 gives the row of `CONFUSION`, 0 that of neutral, more goes on beyond.

    Returns:
        Shape (6,), summing to one.
    """
    neutral, acted = CONFUSION[CODES.index("NEU")], CONFUSION[CODES.index(code)]
    moved = np.clip(neutral + intensity * (acted - neutral), 0.001, None)
    return moved / moved.sum()


def vote(code: str, intensity: float, rng: np.random.Generator) -> Vote:
    """Let the listeners of one clip vote.

    Args:
        code: the acted emotion, one of `CODES`.
        intensity: how strongly it is acted, 1 on average.
        rng: the source of all chance.

    Returns:
        The vote.
    """
    heard = rng.dirichlet(AGREEMENT * shares(code, intensity))
    counts = rng.multinomial(rng.integers(LISTENERS[0], LISTENERS[1] + 1), heard)
    winners = [letter for letter, count in zip(LETTERS, counts, strict=True) if count == counts.max()]
    levels = [_level(letter, int(counts.max()), rng) for letter in winners]
    decimals = max(len(f"{level:g}".partition(".")[2]) for level in levels)  # R writes all alike
    return Vote(tuple(counts.tolist()), ":".join(winners), ":".join(f"{level:.{decimals}f}" for level in levels))


def _level(letter: str, voters: int, rng: np.random.Generator) -> float:
    """Draw the mean of the voters' whole strengths, to two decimals."""
    given = np.clip(np.rint(rng.normal(LEVEL[letter], LEVEL_SPREAD, size=voters)), 1, 100)
    return round(float(given.mean()), 2)
