"""The twin of EmoDB: acted German sentences in seven emotions, with the names of the release's files.

`wav/03a01Fa.wav` says speaker, sentence, emotion (first letter of the German word) and take. The ten speakers have the
numbers and sexes of the release. Anger, happiness, neutral and sadness are dealt more often than the other three, and
are about as many each; the release has twice as much anger.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from emocast.corpora.synthetic import cultures, isolated
from emocast.corpora.synthetic.isolated import Part, Twin, TwinSettings, Utterance
from emocast.corpora.synthetic.voices import Speaker

#: The release's letter of each emotion: Wut, Langeweile, Ekel, Angst, Freude, Trauer, neutral.
EMOTIONS: dict[str, str] = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}

#: The release's codes of sentences -> our own sentences (not EmoDB's).
SENTENCES: dict[str, str] = {
    "a01": "Die Tassen stehen im Regal neben der Tür.",
    "a02": "Am Montag fährt der Bus erst um halb neun.",
    "a04": "Der Schlüssel hängt am Haken hinter dem Schrank.",
    "a05": "Die Nachbarn kommen in einer Stunde nach Hause.",
    "a07": "Wir haben das Brot auf den Tisch gelegt.",
    "b01": "Sie bringt den Brief heute noch zur Post.",
    "b02": "Das Fahrrad steht schon seit gestern im Hof.",
    "b03": "Er liest jeden Morgen die Zeitung in der Küche.",
    "b09": "Nach dem Essen gehen sie immer durch den Park.",
    "b10": "Die Bücher liegen oben auf dem kleinen Stuhl.",
}

#: Ten speakers; the name is the release's number, the sex too.
SPEAKERS: tuple[Speaker, ...] = (
    Speaker("03", "de+antonio", 48, 49, 142, 0.4, 1.04),
    Speaker("08", "de+anika", 32, 44, 147, -0.7, 1.10),
    Speaker("09", "de+steph2", 42, 51, 138, 1.1, 0.93),
    Speaker("10", "de+m2", 45, 46, 135, -1.2, 0.89),
    Speaker("11", "de+victor", 52, 48, 150, 0.8, 1.00),
    Speaker("12", "de+quincy", 56, 53, 144, 0.0, 1.13),
    Speaker("13", "de+f2", 50, 43, 140, -0.4, 0.96),
    Speaker("14", "de+Annie", 43, 40, 145, 1.5, 1.07),
    Speaker("15", "de+Mario", 46, 52, 133, -1.6, 0.91),
    Speaker("16", "de+linda", 35, 45, 137, 1.8, 1.09),
)

_ORDER = (*"WNFTL", *"WNFTA", *"WNFTE")


def parts(speaker: Speaker, rng: np.random.Generator) -> Iterator[Part]:
    """Deal the 70 parts of a speaker: every sentence in every emotion.

    Args:
        speaker: who speaks.
        rng: shuffles the sentences within each emotion and draws the letters of the takes.

    Yields:
        The parts, the four classes of the thesis first.
    """
    decks = {code: isolated.shuffled(list(SENTENCES), rng) for code in EMOTIONS}
    for code, sentence in isolated.deal(_ORDER, decks):
        take = "abcd"[rng.integers(4)]  # the release has the takes that listeners recognised, whichever they were
        yield Part(f"wav/{speaker.name}{sentence}{code}{take}.wav", speaker, code, EMOTIONS[code], SENTENCES[sentence])


def describe(folder: Path, utterances: Sequence[Utterance]) -> tuple[pd.DataFrame, dict]:
    """Write nothing: the names say all; see `isolated.Twin`."""
    return pd.DataFrame(index=range(len(utterances))), {}


TWIN = Twin(
    name="EmoDB",
    key=102,
    language="German",
    culture=cultures.GERMAN,
    speakers=SPEAKERS,
    most=70,
    default=TwinSettings(speakers=10, utterances=27),
    noise_level=-65.0,
    parts=parts,
    describe=describe,
    url="http://emodb.bilderbar.info/",
    note="The sentences' codes and the speakers' numbers are EmoDB's, the sentences and the voices are not.",
)
