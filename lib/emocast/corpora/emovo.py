"""EMOVO: acted Italian sentences in seven emotions.

Who and what: six actors (three women, three men) speak fourteen sentences, some of them without a meaning, in the
laboratories of the Fondazione Ugo Bordoni; 588 recordings of some 3 s, 48 kHz.
How labelled: the label is the emotion that the actor was asked for ("self-reported" in the thesis's words); 24 listeners, who
judged two of the sentences, recognised 80 %.
Licence: no licence text found; for research, to be cited, as those who pass it on quote its authors.
Known faults: six speakers are few; most files are stereo, some mono; the authors' own page has often been out of reach.

Layout read: `f1/dis-f1-b1.wav` or .flac, `f2/` to `m3/`, also below `EMOVO/`: emotion, speaker (f: a woman), sentence.
In the table: `scenario` is the sentence ("b1"), `dialogue` is missing.
Source: Costantini et al. 2014, https://aclanthology.org/L14-1478/
"""

from __future__ import annotations

import re
from pathlib import Path

from . import table
from .table import Reading

#: EMOVO's codes (of the Italian words) -> the project's emotions.
LABELS: dict[str, str] = {
    "dis": "disgust", "gio": "happiness", "neu": "neutral", "pau": "fear",
    "rab": "anger", "sor": "surprise", "tri": "sadness",
}  # fmt: skip
#: The speakers, by their folders, and their sex.
SPEAKERS = {f"{letter}{number}": sex for letter, sex in (("f", "female"), ("m", "male")) for number in (1, 2, 3)}

_NAME = re.compile(r"(?P<code>dis|gio|neu|pau|rab|sor|tri)-(?P<speaker>[fm][123])-(?P<sentence>[bdln]\d)")
_ENCLOSING = "EMOVO"


def _read(root: Path) -> Reading:
    """Read every file's name and header once."""
    folder = root / _ENCLOSING if (root / _ENCLOSING).is_dir() else root
    files = [path for speaker in SPEAKERS for path in table.recordings(folder / speaker)]
    odd = "no emotion, speaker (of the folder) and sentence in the name"
    said = {"example": "f1/dis-f1-b1.wav and its like", "file": "*/{code}-*.wav"}
    return table.clips(root, files, CORPUS, pattern=_NAME, odd=odd, row=_row, **said)


def _row(name: re.Match, path: Path) -> dict:
    if path.parent.name != name["speaker"]:
        return {}
    return {
        "scenario": name["sentence"],
        "speaker": f"emovo_{name['speaker']}",
        "sex": SPEAKERS[name["speaker"]],
        "language": "it",
        "emotion": LABELS[name["code"]],
        "rating": "self-reported",
    }


CORPUS = table.released("emovo", read=_read, card=__doc__, labels=LABELS)
load, validate = CORPUS.load, CORPUS.validate
