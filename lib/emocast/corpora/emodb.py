"""EmoDB (Berlin Database of Emotional Speech): acted German sentences in seven emotions.

Who and what: ten actors (five women, five men) speak ten everyday sentences whose words carry no emotion, in an anechoic
room; 535 recordings of 1 to 9 s, 16 kHz mono.
How labelled: the label is the emotion that the actor was asked for ("self-reported" in the thesis's words); only
recordings that at least 80 % of 20 listeners recognised, and 60 % found natural, were published.
Licence: free for research; audEERING's repackaging says CC0.
Known faults: the sentences differ in number a speaker and emotion; actors' emotion is clearer than everyday emotion.

Layout read: `wav/*.wav` or .flac (or the files directly in the root), names as `03a01Fa.wav`: speaker, sentence, emotion, take.
In the table: `scenario` is the sentence ("a01"), `dialogue` is missing.
Source: Burkhardt et al. 2005, https://doi.org/10.21437/Interspeech.2005-446, and http://emodb.bilderbar.info/
"""

from __future__ import annotations

import re
from pathlib import Path

from . import table
from .table import Reading

#: EmoDB's letters (of the German words) -> the project's emotions.
LABELS = {"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "T": "sadness", "N": "neutral"}
#: Speaker number -> sex, from the database's documentation.
SPEAKERS: dict[str, str] = {
    "03": "male", "08": "female", "09": "female", "10": "male", "11": "male",
    "12": "male", "13": "female", "14": "female", "15": "male", "16": "female",
}  # fmt: skip
#: The ten sentences, by their codes.
SENTENCES = frozenset({"a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10"})

_NAME = re.compile(r"(?P<speaker>\d\d)(?P<sentence>[ab]\d\d)(?P<code>[A-Z])(?P<take>[a-z])")


def _read(root: Path) -> Reading:
    """Read every file's name and header once."""
    folder = root / "wav" if (root / "wav").is_dir() else root
    files = table.recordings(folder)
    odd = "no speaker, sentence, emotion and take in the name"
    example = "wav/03a01Fa.wav and its like"
    return table.clips(root, files, CORPUS, example=example, pattern=_NAME, odd=odd, row=_row, file="*{code}*.wav")


def _row(name: re.Match, path: Path) -> dict:
    if name["code"] not in LABELS or name["speaker"] not in SPEAKERS or name["sentence"] not in SENTENCES:
        return {}
    return {
        "scenario": name["sentence"],
        "speaker": f"emodb_{name['speaker']}",
        "sex": SPEAKERS[name["speaker"]],
        "language": "de",
        "emotion": LABELS[name["code"]],
        "rating": "self-reported",
    }


CORPUS = table.released("emodb", read=_read, card=__doc__, labels=LABELS)
load, validate = CORPUS.load, CORPUS.validate
