"""The twin of ShEMO: acted Persian sentences in six emotions, with the names of the release's files.

`female/F01A01.wav` says sex, speaker, emotion and the number among the speaker's utterances of this emotion. The
release cuts its sentences out of radio plays and is far from balanced (fear is rare); here the four classes of the
thesis are dealt alike, surprise half as often, fear a quarter.
Source: Mohamad Nezami, Jamshid Lou & Karami 2019, https://doi.org/10.1007/s10579-018-9427-x
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from emocast.corpora.synthetic import cultures, isolated
from emocast.corpora.synthetic.isolated import Part, Twin, TwinSettings, Utterance
from emocast.corpora.synthetic.voices import Speaker

#: The release's letter of each emotion; W is for wonder.
EMOTIONS: dict[str, str] = {
    "A": "anger",
    "F": "fear",
    "H": "happiness",
    "N": "neutral",
    "S": "sadness",
    "W": "surprise",
}

#: Our own sentences (not ShEMO's): everyday statements about books, keys, trains, letters, rooms and the like.
SENTENCES: tuple[str, ...] = (
    "کتاب روی میز کنار پنجره است.",
    "فردا صبح به بازار می‌رویم.",
    "کلید خانه در کشوی بالا است.",
    "قطار ساعت هفت به شهر می‌رسد.",
    "برادرم در این خیابان زندگی می‌کند.",
    "نامه را دیروز به اداره پست بردم.",
    "او هر روز بعد از ناهار قدم می‌زند.",
    "در اتاق بغلی چهار صندلی هست.",
    "آب کتری کم کم گرم می‌شود.",
    "همسایه‌ها در حیاط نشسته‌اند.",
    "معلم دو کلمه روی تخته نوشت.",
    "ماشین آن طرف میدان ایستاده است.",
    "نان تازه در سبد کنار اجاق است.",
    "ما از راه باغ به خانه برگشتیم.",
    "پنجره دفتر رو به کوچه باز می‌شود.",
    "لباس آبی روی طناب آویزان است.",
)

#: Six women and six men in turn; the name is the release's sex and number.
SPEAKERS: tuple[Speaker, ...] = (
    Speaker("F01", "fa+Andrea", 36, 46, 139, 0.2, 1.03),
    Speaker("M01", "fa+m5", 46, 50, 143, -0.5, 0.95),
    Speaker("F02", "fa+belinda", 39, 42, 134, 1.0, 1.09),
    Speaker("M02", "fa+Diogo", 52, 47, 137, -1.3, 1.12),
    Speaker("F03", "fa+steph3", 47, 49, 146, 0.6, 0.90),
    Speaker("M03", "fa+ian", 58, 52, 131, 1.4, 0.98),
    Speaker("F04", "fa+f4", 53, 45, 141, -0.9, 1.06),
    Speaker("M04", "fa+m8", 50, 44, 148, 0.0, 0.92),
    Speaker("F05", "fa+Alicia", 34, 41, 136, 1.7, 1.00),
    Speaker("M05", "fa+miguel", 44, 51, 140, -1.8, 1.14),
    Speaker("F06", "fa+f3", 45, 48, 132, -0.3, 0.87),
    Speaker("M06", "fa+Michael", 49, 43, 145, 0.8, 1.08),
)

_ORDER = (*"NAHSW", *"NAHS", *"NAHSW", *"NAHSF")


def parts(speaker: Speaker, rng: np.random.Generator) -> Iterator[Part]:
    """Deal the 96 parts of a speaker: every sentence in every emotion.

    Args:
        speaker: who speaks.
        rng: shuffles the sentences within each emotion.

    Yields:
        The parts, the four classes of the thesis first.
    """
    folder = "female" if speaker.name.startswith("F") else "male"
    decks = {code: isolated.shuffled(SENTENCES, rng) for code in EMOTIONS}
    numbers: Counter = Counter()
    for code, text in isolated.deal(_ORDER, decks):
        numbers[code] += 1
        yield Part(f"{folder}/{speaker.name}{code}{numbers[code]:02d}.wav", speaker, code, EMOTIONS[code], text)


def describe(folder: Path, utterances: Sequence[Utterance]) -> tuple[pd.DataFrame, dict]:
    """Write nothing: the names say all; see `isolated.Twin`."""
    return pd.DataFrame(index=range(len(utterances))), {}


TWIN = Twin(
    name="ShEMO",
    key=103,
    language="Persian",
    culture=cultures.PERSIAN,
    speakers=SPEAKERS,
    most=96,
    default=TwinSettings(speakers=12, utterances=25),
    noise_level=-56.0,
    parts=parts,
    describe=describe,
    url="https://github.com/mansourehk/ShEMO",
    note="The speakers' numbers are in ShEMO's form; the sentences and the voices are not ShEMO's.",
)
