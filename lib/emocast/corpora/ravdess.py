"""RAVDESS (Ryerson Audio-Visual Database of Emotional Speech and Song): acted English sentences, here its speech alone.

Who and what: 24 professional actors (12 women, 12 men) in a neutral North American accent speak two statements ("Kids are
talking by the door", "Dogs are sitting by the door") twice, in seven emotions at two intensities and neutrally at one; 1,440
recordings of 3 to 5 s, 48 kHz.
How labelled: the label is the emotion that the actor was asked for ("self-reported" in the thesis's words); 247 untrained
listeners judged the recordings afterwards, which changed no label.
Licence: CC BY-NC-SA 4.0; its authors sell commercial licences.
Known faults: five of the 1,440 files are stereo, both channels alike; there are half as many neutral recordings as of any other
emotion; "calm", which the project's vocabulary lacks, was added as a second neutral one.

Layout read: `Actor_01/03-01-05-02-01-01-01.wav` or .flac, also below `Audio_Speech_Actors_01-24/`: modality (03: sound),
channel (01: speech), emotion, intensity, statement, repetition, actor (odd: a man). Song (channel 02) is passed over.
In the table: `scenario` is the statement ("01"), `text` its words, `dialogue` is missing; calm is "other".
Source: Livingstone & Russo 2018, https://doi.org/10.1371/journal.pone.0196391, and https://zenodo.org/records/1188976
"""

from __future__ import annotations

import re
from pathlib import Path

from . import table
from .table import Reading

#: RAVDESS's numbers -> the project's emotions.
LABELS: dict[str, str] = {
    "01": "neutral", "02": "other", "03": "happiness", "04": "sadness",
    "05": "anger", "06": "fear", "07": "disgust", "08": "surprise",
}  # fmt: skip
#: The statements, by their numbers.
STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}

_NAME = re.compile(r"03-01-(?P<code>0[1-8])-0[12]-(?P<statement>0[12])-0[12]-(?P<actor>[01]\d|2[0-4])")
_SONG = "03-02-"
_ENCLOSING = "Audio_Speech_Actors_01-24"


def _read(root: Path) -> Reading:
    """Read every file's name and header once."""
    folder = root / _ENCLOSING if (root / _ENCLOSING).is_dir() else root
    every = [path for actor in sorted(folder.glob("Actor_*")) for path in table.recordings(actor)]
    files = [path for path in every if not path.name.startswith(_SONG)]
    odd = "no modality, channel, emotion, intensity, statement, repetition and actor (of the folder) in the name"
    said = {"example": "Actor_01/03-01-05-02-01-01-01.wav and its like", "file": "*/03-01-{code}-*.wav"}
    return table.clips(root, files, CORPUS, pattern=_NAME, odd=odd, row=_row, **said)


def _row(name: re.Match, path: Path) -> dict:
    if path.parent.name != f"Actor_{name['actor']}" or name["actor"] == "00":
        return {}
    return {
        "scenario": name["statement"],
        "text": STATEMENTS[name["statement"]],
        "speaker": f"ravdess_{name['actor']}",
        "sex": "male" if int(name["actor"]) % 2 else "female",
        "language": "en",
        "emotion": LABELS[name["code"]],
        "rating": "self-reported",
    }


CORPUS = table.released("ravdess", read=_read, card=__doc__, labels=LABELS)
load, validate = CORPUS.load, CORPUS.validate
