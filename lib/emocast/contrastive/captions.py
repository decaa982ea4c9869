"""The words of the demo's contrastive model: captions composed from what the utterance table knows, and prompts to ask with.

A caption says who speaks (sex), how it sounds (emotion), in what manner (arousal) and in which language, each in one of
several wordings; what the table does not know is left out. So that one can see how far a model understands words beyond
those that it was taught, a part of the wordings is held out and stands in no caption:

- `templates(held_out=True)`: sentences that no caption is built as
- `forms(emotion)`: other forms of words that were taught ("angrily" of "angry")
- `words(emotion, held_out=True)`: synonyms that share not even three letters in a row with any word that was taught, so that
  a model without other knowledge of English can only guess
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..labels import LANGUAGES


class Wordings(NamedTuple):
    """How an emotion may be said.

    Attributes:
        taught: adjectives that captions use.
        forms: adverbs and nouns of the same stems, never in a caption.
        held_out: synonyms of other stems, never in a caption.
    """

    taught: tuple[str, ...]
    forms: tuple[str, ...]
    held_out: tuple[str, ...]


#: The wordings of each emotion; "other" has none, for it is no feeling of its own.
EMOTION_WORDS: dict[str, Wordings] = {
    "neutral": Wordings(
        ("neutral", "unemotional", "dispassionate", "detached"),
        ("neutrally", "unemotionally", "dispassionately", "detachment"),
        ("plain", "everyday", "flat"),
    ),
    "excitement": Wordings(
        ("excited", "thrilled", "animated", "eager", "exhilarated"),
        ("excitedly", "excitement", "animatedly", "eagerly", "exhilaration"),
        ("buoyant", "agog"),
    ),
    "happiness": Wordings(
        ("happy", "cheerful", "joyful", "glad", "delighted"),
        ("happily", "happiness", "cheerfully", "joyfully", "gladly"),
        ("blithe", "upbeat"),
    ),
    "sadness": Wordings(
        ("sad", "sorrowful", "gloomy", "miserable", "dejected"),
        ("sadly", "sadness", "sorrowfully", "gloomily", "miserably"),
        ("melancholy", "blue"),
    ),
    "anger": Wordings(
        ("angry", "furious", "irritated", "outraged", "annoyed"),
        ("angrily", "furiously", "irritation", "outrage", "annoyance"),
        ("livid", "cross"),
    ),
    "frustration": Wordings(
        ("frustrated", "exasperated", "discouraged", "thwarted"),
        ("frustration", "exasperation", "discouragement"),
        ("impatient",),
    ),
    "fear": Wordings(
        ("scared", "fearful", "anxious", "frightened"), ("fearfully", "anxiously", "anxiety", "fright"), ("timid",)
    ),
    "surprise": Wordings(
        ("surprised", "astonished", "amazed", "startled"), ("surprise", "astonishment", "amazement"), ("agape",)
    ),
    "disgust": Wordings(("disgusted", "revolted", "repelled", "sickened"), ("disgust", "disgustedly"), ("queasy",)),
    "boredom": Wordings(
        ("bored", "uninterested", "weary", "lethargic"), ("boredom", "wearily", "lethargically"), ("dull",)
    ),
}

_TAUGHT_TEMPLATES = (
    "{emotion}",
    "{who} sounds {emotion}",
    "{who} is {emotion}",
    "{who} speaks and feels {emotion}",
    "speech in which {who} is {emotion}",
    "{who} talks and sounds {emotion}",
)
_HELD_OUT_TEMPLATES = (
    "{who} seems {emotion}",
    "the mood of this recording: {emotion}",
    "this voice belongs to somebody {emotion}",
    "one can hear that {who} must be rather {emotion}",
)
_WITHOUT_EMOTION = ("{who} speaks", "{who} talks", "speech of {whom}")
_WHO = {"female": ("a woman", "she", "a female speaker"), "male": ("a man", "he", "a male speaker")}
_ANYONE = ("someone", "a person", "the speaker")
_OBJECTS = {"she": "her", "he": "him"}
_MANNERS = {
    "low": ("calmly", "in a calm voice", "with little energy"),
    "middle": ("evenly", "in an even voice", "with some energy"),
    "high": ("intensely", "in an agitated voice", "with much energy"),
}
_LANGUAGE = ("in {language}", "speaking {language}")


def words(emotion: str, *, held_out: bool = False) -> list[str]:
    """The adjectives that captions use for an emotion, or the synonyms that no caption has.

    Raises:
        ValueError: there are no words for it.
    """
    return list(_wordings(emotion).held_out if held_out else _wordings(emotion).taught)


def forms(emotion: str) -> list[str]:
    """Other forms of the adjectives that captions use: adverbs and nouns, which no caption has.

    Raises:
        ValueError: there are no words for it.
    """
    return list(_wordings(emotion).forms)


def _wordings(emotion: str) -> Wordings:
    if emotion not in EMOTION_WORDS:
        raise ValueError(f"no words for the emotion {emotion!r}; there are words for {', '.join(EMOTION_WORDS)}")
    return EMOTION_WORDS[emotion]


def templates(*, held_out: bool = False) -> list[str]:
    """Sentences around "{emotion}" that captions are built as, or those that none is; they speak of "someone"."""
    chosen = _HELD_OUT_TEMPLATES if held_out else _TAUGHT_TEMPLATES
    return [template.format(who=_ANYONE[0], emotion="{emotion}") for template in chosen]


class Facts(NamedTuple):
    """What a caption may say of an utterance; None for what is not known.

    Attributes:
        emotion: one that there are words for.
        sex: "female" or "male".
        language: its code, one that there is a name for.
        manner: "low", "middle" or "high", by its arousal.
    """

    emotion: str | None
    sex: str | None
    language: str | None
    manner: str | None


def levels(arousal: pd.Series) -> tuple[float, float]:
    """The highest arousal that counts as low, and as middle: thirds of the utterances that are given (missing ones aside).

    Scales differ from corpus to corpus, so that the limits are fitted: give training utterances alone.

    Returns:
        Two numbers on the corpus's own scale, or NaN where no arousal is known.
    """
    low, middle = arousal.quantile([1 / 3, 2 / 3])
    return float(low), float(middle)


def facts(table: pd.DataFrame, *, limits: tuple[float, float]) -> dict[str, Facts]:
    """What captions may say, by the name of the utterance.

    Args:
        table: an utterance table.
        limits: what `levels` gave for the training utterances.
    """
    return {
        row.utterance: Facts(
            _known(row.emotion, EMOTION_WORDS),
            _known(row.sex, _WHO),
            _known(row.language, LANGUAGES),
            _manner(row.arousal, limits),
        )
        for row in table.itertuples()
    }


def _known(value: object, names: dict) -> str | None:
    return value if not pd.isna(value) and value in names else None


def _manner(arousal: float, limits: tuple[float, float]) -> str | None:
    if np.isnan([arousal, *limits]).any():
        return None
    low, middle = limits
    return "low" if arousal <= low else "middle" if arousal <= middle else "high"


def compose(known: Facts, numbers: np.random.Generator) -> str:
    """A caption in wordings drawn at random; manner and language are mentioned every second time.

    Args:
        known: what it may say.
        numbers: draws.
    """
    who = _one(_WHO.get(known.sex, _ANYONE), numbers)
    sentences = _TAUGHT_TEMPLATES if known.emotion else _WITHOUT_EMOTION
    emotion = _one(words(known.emotion), numbers) if known.emotion else ""
    parts = [_one(sentences, numbers).format(who=who, whom=_OBJECTS.get(who, who), emotion=emotion)]
    if known.manner and numbers.random() < 0.5:
        parts.append(_one(_MANNERS[known.manner], numbers))
    if known.language and numbers.random() < 0.5:
        parts.append(_one(_LANGUAGE, numbers).format(language=LANGUAGES[known.language]))
    return ", ".join(parts)


def _one(choices: Sequence[str], numbers: np.random.Generator) -> str:
    return choices[int(numbers.integers(len(choices)))]
