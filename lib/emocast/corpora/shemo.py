"""ShEMO (Sharif Emotional Speech Database): Persian speech out of radio plays in six emotions.

Who and what: 87 native speakers (31 women, 56 men) of Persian in plays of online radio; 3,000 utterances of about 4 s,
3 hours and 25 minutes in all: played for listeners, not asked for in a laboratory ("semi-natural").
How labelled: twelve native annotators judged each utterance and the majority is the label ("rated"); their agreement is
64 % by kappa.
Licence: free of charge for academic purposes.
Known faults: the classes are far from equal (38 utterances of fear, 1,059 of anger) and so are the speakers.

Layout read: `female/F01A01.wav` and `male/M01N05.wav`: sex, speaker, emotion, number within the speaker's emotion. F is a
woman as the first letter and fear as the second; speakers are numbered within each sex.
In the table: `speaker` is "shemo_F01", `scenario` and `dialogue` are missing.
Source: Mohamad Nezami et al. 2019, https://doi.org/10.1007/s10579-018-9427-x, and its authors' repository, for the letters
and totals. The counts by class sum to its 3,000; its 201 of happiness are the size of the thesis's test classes.
"""

from __future__ import annotations

import re
from pathlib import Path

from . import table
from .table import Problem, Reading

#: ShEMO's letters -> the project's emotions.
LABELS = {"A": "anger", "F": "fear", "H": "happiness", "N": "neutral", "S": "sadness", "W": "surprise"}

_NAME = re.compile(r"(?P<speaker>(?P<sex>[FM])\d\d)(?P<code>[AFHNSW])(?P<number>\d{2,3})")
_FOLDERS = {"F": "female", "M": "male"}


def _read(root: Path) -> Reading:
    """Read every file's name and header once."""
    files = [path for folder in _FOLDERS.values() for path in table.recordings(root / folder)]
    said = {"example": "female/F01A01.wav, male/M01N05.wav and their like", "file": "*/???{code}*.wav"}
    odd = "no sex (of the folder), speaker, emotion and number in the name"
    rows, found, miscounts = table.clips(root, files, CORPUS, pattern=_NAME, odd=odd, row=_row, **said)
    detail, advice = "no WAV file there: the copy is incomplete", "get it again; see data/README.md#shemo"
    absent = sorted({*_FOLDERS.values()} - {path.parent.name for path in files})
    return rows, [*(Problem(folder, "missing recordings", detail, advice) for folder in absent), *found], miscounts


def _row(name: re.Match, path: Path) -> dict:
    if _FOLDERS[name["sex"]] != path.parent.name:
        return {}
    return {
        "speaker": f"shemo_{name['speaker']}",
        "sex": _FOLDERS[name["sex"]],
        "language": "fa",
        "emotion": LABELS[name["code"]],
        "rating": "rated",
    }


CORPUS = table.released("shemo", read=_read, card=__doc__, labels=LABELS)
load, validate = CORPUS.load, CORPUS.validate
