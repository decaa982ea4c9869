"""Simulated raters: from an acted emotion to the labels of the release, through a channel that is known exactly.

Three raters name the emotion of every turn. Each draws, independently of the others and of everything else, a category
from `CONFUSION` given the acted emotion. The gold label is the majority's (two of three), `xxx` where all three differ,
as in IEMOCAP (Busso et al. 2008, https://doi.org/10.1007/s10579-008-9076-6, section 5, where it is missing for about a
quarter of the turns). So P(gold label | acted emotion) follows from `CONFUSION` by a short formula: `channel`.

Two more raters score valence, activation and dominance from 1 to 5. Where the emotions lie follows the plane of Russell
(1980, https://doi.org/10.1037/h0077714) and the clusters that Busso et al. report (anger: low valence, high activation
and dominance; sadness: low in all; happiness: high valence); the numbers are ours. Their mean is in steps of 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emocast.corpora.synthetic.process import STATES

#: What a rater may say, in the order of `emocast.labels`; IEMOCAP knows no boredom.
CATEGORIES: tuple[str, ...] = (
    "neutral",
    "excitement",
    "happiness",
    "sadness",
    "anger",
    "frustration",
    "fear",
    "surprise",
    "disgust",
    "other",
)

#: The gold label of a turn on which no two raters agree.
UNDECIDED = "xxx"

#: Every gold label, in the order of the channel's columns.
GOLD: tuple[str, ...] = (*CATEGORIES, UNDECIDED)

#: P(what one rater says | acted emotion), shape (6, 10): rows as `STATES`, columns as `CATEGORIES`.
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

#: The names of the scores, in the order of their last axis everywhere.
ATTRIBUTES: tuple[str, ...] = ("valence", "activation", "dominance")

#: Mean valence, activation and dominance of a rater for an emotion acted with intensity 1, on the scale 1 to 5.
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
    """What the raters say of one turn.

    Attributes:
        categories: the three raters' categories.
        gold: the majority's category, or `xxx`.
        scores: the two raters' whole scores, shape (2, 3), columns as `ATTRIBUTES`.
    """

    categories: tuple[str, ...]
    gold: str
    scores: np.ndarray

    @property
    def attributes(self) -> np.ndarray:
        """The mean of the scores, shape (3,), 1 to 5 in steps of 0.5."""
        return self.scores.mean(axis=0)


def majority(categories: tuple[str, ...]) -> str:
    """Give the category that at least two of three raters named, or `xxx`."""
    for category in categories:
        if categories.count(category) >= 2:
            return category
    return UNDECIDED


def rate(emotion: str, intensity: float, rng: np.random.Generator) -> Rating:
    """Let the five raters judge one turn.

    Args:
        emotion: the acted emotion, one of `STATES`.
        intensity: how strongly it is acted, 1 on average. It moves the scores away from the neutral ones; the
            categories do not depend on it, which keeps the channel exact.
        rng: the source of all chance.

    Returns:
        The rating.
    """
    drawn = rng.choice(len(CATEGORIES), size=3, p=CONFUSION[STATES.index(emotion)])
    categories = tuple(CATEGORIES[index] for index in drawn)
    neutral = np.array(MEANS["neutral"])
    mean = neutral + intensity * (np.array(MEANS[emotion]) - neutral)
    scores = np.clip(np.rint(rng.normal(mean, SCORE_NOISE, size=(2, len(ATTRIBUTES)))), 1, 5)
    return Rating(categories=categories, gold=majority(categories), scores=scores.astype(int))


def channel() -> np.ndarray:
    """Compute P(gold label | acted emotion).

    Two or three of three independent raters name a category of probability p with 3 p^2 (1 - p) + p^3; no two
    categories can both have a majority, so what is left is `xxx`.

    Returns:
        Shape (6, 11), rows as `STATES` and summing to one, columns as `GOLD`.
    """
    agreed = 3 * CONFUSION**2 * (1 - CONFUSION) + CONFUSION**3
    return np.column_stack([agreed, 1 - agreed.sum(axis=1)])
