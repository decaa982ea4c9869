"""How acted sentences in three languages differ from the English conversations: a stated shift of prosody for each.

A model trained on the conversations meets here what it would meet in the world: other emotions, stronger acting, and
habits of a language and a culture. That the directions of the emotions hold across languages while recognition drops
with the distance of the language is the finding of Scherer, Banse & Wallbott 2001, Journal of Cross-Cultural
Psychology 32, 76-92, https://doi.org/10.1177/0022022101032001009 (German speakers, listeners of nine countries).

The emotions that the conversations lack go in the directions of the sources that `voices` names (fear: high and fast;
boredom: low, slow and flat, Burkhardt & Sendlmeier 2000) and of Murray & Arnott 1993, JASA 93, 1097-1108,
https://doi.org/10.1121/1.405558 (disgust: low and very slow). Surprise as high and wide is our own reading.

All *magnitudes* are ours. So are the shifts of the cultures but for one: German speech has the narrower pitch range
(Mennen, Schaeffler & Docherty 2012, JASA 131, 2249-2260, https://doi.org/10.1121/1.3681950). They make a known
distribution shift for tests of methods, and say nothing about how Germans, Persians or Americans speak.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from emocast.corpora.synthetic import voices

#: What an emotion of intensity 1 adds, in `voices.DIMENSIONS`: the conversations' emotions and four more.
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
    """How the speakers of one twin act, relative to the conversations.

    Attributes:
        strength: factor on all intensities; an isolated sentence is acted more strongly than a turn of a conversation.
        baseline: what every sentence has, whatever its emotion, in `voices.DIMENSIONS`.
        weights: factors on all emotions' shifts, in `voices.DIMENSIONS`: by which means emotion is shown.
        habits: what is added to the shift of single emotions after the weights, in `voices.DIMENSIONS`.
    """

    strength: float
    baseline: tuple[float, ...]
    weights: tuple[float, ...]
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

#: EmoDB's twin: a narrower range; anger is high and shouted, sadness very slow, joy higher and faster.
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
