"""URDU: clips out of Urdu talk shows in four emotions, spoken by people who were not acting.

Who and what: 400 clips of 1 to 3 s, 100 an emotion, cut out of talk shows on YouTube. Its read-me counts 38 speakers (27 men,
11 women); the names of the files hold 29 (18 men, 11 women).
How labelled: by those who cut them out and sorted them into four folders ("rated"); the repository does not say how many
agreed.
Licence: "Anyone can use this data only for research purposes"; the shows are those of their broadcasters.
Known faults: 26 of the 29 speakers are heard in one emotion alone, anger is that of four men, and one man speaks a fifth of all
clips: voice and emotion can be told apart only with speakers held out; the sound is that of broadcasts, cut and compressed.

Layout read: `Angry/SM1_F10_A010.wav` or .flac, `Happy/`, `Neutral/`, `Sad/`: sex and speaker, file of the speaker, emotion and
number.
In the table: `speaker` is "urdu_SM1", `scenario` and `dialogue` are missing.
Source: Latif et al. 2018, https://doi.org/10.48550/arXiv.1812.10411, and https://github.com/siddiquelatif/URDU-Dataset
"""

from __future__ import annotations

import re
from pathlib import Path

from . import table
from .table import Reading

#: URDU's letters -> the project's emotions.
LABELS = {"A": "anger", "H": "happiness", "N": "neutral", "S": "sadness"}

_NAME = re.compile(r"(?P<speaker>S(?P<sex>[FM])\d+)_F\d+_(?P<code>[AHNS])\d+")
_FOLDERS = {"A": "Angry", "H": "Happy", "N": "Neutral", "S": "Sad"}
_SEXES = {"F": "female", "M": "male"}


def _read(root: Path) -> Reading:
    """Read every file's name and header once."""
    files = [path for folder in _FOLDERS.values() for path in table.recordings(root / folder)]
    odd = "no sex and speaker, file, emotion (of the folder) and number in the name"
    said = {"example": "Angry/SM1_F10_A010.wav and its like", "file": "*/*_{code}*.wav"}
    return table.clips(root, files, CORPUS, pattern=_NAME, odd=odd, row=_row, **said)


def _row(name: re.Match, path: Path) -> dict:
    if _FOLDERS[name["code"]] != path.parent.name:
        return {}
    return {
        "speaker": f"urdu_{name['speaker']}",
        "sex": _SEXES[name["sex"]],
        "language": "ur",
        "emotion": LABELS[name["code"]],
        "rating": "rated",
    }


CORPUS = table.released("urdu", read=_read, card=__doc__, labels=LABELS)
load, validate = CORPUS.load, CORPUS.validate
