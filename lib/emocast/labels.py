"""The emotion vocabulary of the project: one spelling, one order and one colour for each emotion, everywhere.

A corpus module maps its own codes to these names (`LABELS`), tables hold these names, figures colour by them.
The names follow IEMOCAP's categories (Busso et al. 2008, https://doi.org/10.1007/s10579-008-9076-6), of which the
labels of the other corpora are subsets, but for EmoDB's boredom and RAVDESS's calm, which is "other" here.

The colours are those of Okabe and Ito's palette (https://jfly.uni-koeln.de/color/), which stays apart under the common
forms of colour blindness; the rarest categories share greys.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

#: Every emotion a table may hold, in the order in which legends, axes and tables list them.
EMOTIONS: tuple[str, ...] = (
    "neutral",
    "excitement",
    "happiness",
    "sadness",
    "anger",
    "frustration",
    "fear",
    "surprise",
    "disgust",
    "boredom",
    "other",
)

#: The languages of the corpora by their code in an utterance table.
LANGUAGES: dict[str, str] = {
    "en": "English", "de": "German", "fa": "Persian", "pl": "Polish", "ur": "Urdu", "it": "Italian",
}  # fmt: skip

#: One colour an emotion (hexadecimal sRGB).
COLOURS: dict[str, str] = {
    "neutral": "#7F7F7F",
    "excitement": "#E69F00",
    "happiness": "#F0E442",
    "sadness": "#0072B2",
    "anger": "#D55E00",
    "frustration": "#CC79A7",
    "fear": "#009E73",
    "surprise": "#56B4E9",
    "disgust": "#5B4A1F",
    "boredom": "#B8A9D0",
    "other": "#C9C9C9",
}

#: The classes of the thesis's recognisers (its chapter 5), which all of its corpora have.
FOUR: tuple[str, ...] = ("neutral", "happiness", "sadness", "anger")


def ordered(emotions: Iterable[str]) -> list[str]:
    """The distinct names in the order of `EMOTIONS`; ValueError for a name that is not in the vocabulary."""
    found = set(emotions)
    unknown = sorted(found - set(EMOTIONS))
    if unknown:
        raise ValueError(f"unknown emotion {unknown[0]!r}; the vocabulary is {', '.join(EMOTIONS)}")
    return [name for name in EMOTIONS if name in found]


def four_classes(emotion: pd.Series) -> pd.Series:
    """Bring emotions to the four classes of the thesis; excitement counts as happiness, as is common for IEMOCAP.

    Gives names in `FOUR`, missing where the emotion is another or was missing; same index, pandas type "string".
    """
    ordered(emotion.dropna())
    merged = emotion.astype("string").replace("excitement", "happiness")
    return merged.where(merged.isin(FOUR))
