"""nEMO: acted Polish sentences in six emotions.

Who and what: nine actors (four women, five men, 23 to 28 years old) speak up to 90 sentences each, chosen for the sounds of
Polish, in six emotions; 4,481 recordings of 1 to 6 s, 24 kHz, more than three hours.
How labelled: the label is the emotion that the actor was asked for ("self-reported" in the thesis's words).
Licence: CC BY-NC-SA 4.0.
Known faults: not every sentence is there in every emotion of every speaker; all speakers are young; the label file puts blanks
before the speaker's name.

Layout read: `samples/EB0_anger_14.wav` or .flac: speaker, emotion, sentence; `data.tsv`, one line a file, for sex and words.
In the table: `scenario` is the sentence ("14"), `text` its words, `dialogue` is missing.
Source: Christop 2024, https://doi.org/10.48550/arXiv.2404.06292, and https://github.com/amu-cai/nEMO
"""

from __future__ import annotations

import re
from pathlib import Path

from . import table
from .table import Problem, Reading

#: nEMO's words -> the project's emotions.
LABELS: dict[str, str] = {
    "anger": "anger", "fear": "fear", "happiness": "happiness",
    "neutral": "neutral", "sadness": "sadness", "surprised": "surprise",
}  # fmt: skip

_NAME = re.compile(rf"(?P<speaker>[A-Z]{{2}}\d)_(?P<code>{'|'.join(LABELS)})_(?P<sentence>\d+)")
_FILE, _FOLDER = "data.tsv", "samples"
_COLUMNS = ("file_id", "raw_text", "speaker_id", "gender")
_GET_AGAIN = "get it again; see data/README.md#nemo"


def _read(root: Path) -> Reading:
    """Read the label file, and every recording's name and header once."""
    files, label_problems = table.recordings(root / _FOLDER), []
    texts, sexes = _labels(root, label_problems) if files else ({}, {})

    def row(name: re.Match, path: Path) -> dict:
        return {
            "scenario": name["sentence"],
            "text": texts.get(path.stem),
            "speaker": f"nemo_{name['speaker']}",
            "sex": sexes.get(name["speaker"]),
            "language": "pl",
            "emotion": LABELS[name["code"]],
            "rating": "self-reported",
        }

    said = {"example": f"{_FOLDER}/EB0_anger_14.wav and its like", "file": f"{_FOLDER}/*_{{code}}_*.wav"}
    odd = "no speaker, emotion and sentence in the name"
    rows, found, miscounts = table.clips(root, files, CORPUS, pattern=_NAME, odd=odd, row=row, **said)
    there = {path.stem for path in files}
    for clip in (clip for clip in texts if clip not in there):
        label_problems.append(Problem(f"{_FOLDER}/{clip}.wav", "missing audio", f"{_FILE} names it", _GET_AGAIN))
    unknown = {clip.partition("_")[0] for clip in there if _NAME.fullmatch(clip)} - set(sexes)
    label_problems += [
        Problem(_FILE, "missing actor", f"no sex of {who}", _GET_AGAIN) for who in sorted(unknown) if texts
    ]
    return rows, [*label_problems, *found], miscounts


def _labels(root: Path, found: list[Problem]) -> tuple[dict[str, str | None], dict[str, str]]:
    """File (without its ending) -> words, and speaker -> sex; bad lines are noted by number."""
    texts: dict[str, str | None] = {}
    sexes: dict[str, str] = {}
    for number, line in table.label_lines(root, _FILE, _COLUMNS, found, advice=_GET_AGAIN):
        clip, text, speaker, sex = ((line[column] or "").strip() for column in _COLUMNS)
        name = _NAME.fullmatch(Path(clip).stem)
        if not name or name["speaker"] != speaker or sex not in ("female", "male"):
            detail = f"line {number}: {clip!r} of {speaker!r}, {sex!r} is no file, speaker and sex"
            found.append(Problem(_FILE, "bad label line", detail, "mend the line by the repository's own file"))
            continue
        texts[name.group()], sexes[speaker] = text or None, sex
    return texts, sexes


CORPUS = table.released("nemo", read=_read, card=__doc__, labels=LABELS)
load, validate = CORPUS.load, CORPUS.validate
