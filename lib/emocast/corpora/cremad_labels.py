"""CREMA-D's label files: who voted for what, who the actors are, and which clips a complete copy has.

They are tables of names; what they say of sound is looked up in `cremad`. Bad lines are noted by number and passed over.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from .table import CorpusError, Problem

#: A clip's name: actor, sentence, emotion asked for, intensity.
CLIP = re.compile(r"(?P<actor>\d{4})_(?P<sentence>[A-Z]{3})_(?P<code>ANG|DIS|FEA|HAP|NEU|SAD)_(?:LO|MD|HI|XX?)")
_VOTE = re.compile(r"[ADFHNS](?::[ADFHNS])*")
LIST, ACTORS, SUMMARY = "SentenceFilenames.csv", "VideoDemographics.csv", "processedResults/summaryTable.csv"
GET_AGAIN = "get it again; see data/README.md#crema-d"


def whole(clip: str) -> str:
    """A clip's name as the label files have it: `1040_ITH_SAD_X` is `1040_ITH_SAD_XX`."""
    return f"{clip}X" if clip.endswith("_X") else clip


def votes(root: Path) -> dict[str, str]:
    """The votes, without which the rated labels cannot be had."""
    found: list[Problem] = []
    voted = {clip: vote for clip, vote in read_votes(root, found).items() if vote}
    if not voted:
        why = found[0].detail if found else "it holds no line"
        raise CorpusError(f"no votes of CREMA-D under {root}: {SUMMARY}: {why}; {GET_AGAIN}")
    return voted


def read_votes(root: Path, found: list[Problem]) -> dict[str, str]:
    """Clip -> vote, as the summary has them ("A", "A:N"); bad lines are noted by number, an unknown vote is "" here."""
    voted: dict[str, str] = {}
    for number, line in _lines(root, SUMMARY, ("FileName", "VoiceVote"), found):
        clip, vote = whole(line["FileName"]), line["VoiceVote"]
        problem = None
        if not CLIP.fullmatch(clip):
            problem = f"{clip!r} has no actor, sentence, emotion and intensity"
        elif clip in voted:
            problem = f"{clip} is listed a second time"
        elif not _VOTE.fullmatch(vote):
            problem = f"{clip} has the vote {vote!r}, not one or more of {', '.join('ADFHNS')}"
            voted[clip] = ""  # one problem and not two: it is no clip without a vote
        else:
            voted[clip] = vote
        if problem:
            found.append(_bad(SUMMARY, number, problem))
    return voted


def read_sexes(root: Path, found: list[Problem]) -> dict[str, str]:
    """Actor -> sex; bad lines are noted by number."""
    sexes: dict[str, str] = {}
    for number, line in _lines(root, ACTORS, ("ActorID", "Sex"), found):
        if line["Sex"] in ("Female", "Male"):
            sexes[line["ActorID"]] = line["Sex"].lower()
        else:
            found.append(_bad(ACTORS, number, f"actor {line['ActorID']} has the sex {line['Sex']!r}"))
    return sexes


def read_list(root: Path, found: list[Problem]) -> Iterator[str]:
    """The clips that a complete copy has."""
    for number, line in _lines(root, LIST, ("Filename",), found):
        clip = whole(line["Filename"])
        if CLIP.fullmatch(clip):
            yield clip
        else:
            found.append(_bad(LIST, number, f"{clip!r} has no actor, sentence, emotion and intensity"))


def _lines(
    root: Path, file: str, columns: tuple[str, ...], found: list[Problem]
) -> Iterator[tuple[int, dict[str, str]]]:
    """A label file's lines by number, if it is there and has the columns; else that is noted, once."""
    path = root / file
    if not path.is_file():
        found.append(Problem(file, "missing labels", "no such file: the copy is incomplete", GET_AGAIN))
        return
    reader = csv.DictReader(path.read_text(encoding="utf-8-sig", errors="replace").replace("\0", "").splitlines())
    try:
        lacking = [column for column in columns if column not in (reader.fieldnames or ())]
        if lacking:
            found.append(Problem(file, "missing labels", f"it has no column {lacking[0]}", GET_AGAIN))
            return
        for line in reader:
            yield reader.line_num, {column: (line[column] or "").strip() for column in columns}
    except csv.Error as error:  # as after a quote that nothing closes
        found.append(_bad(file, reader.line_num, f"not readable as CSV ({error})"))


def _bad(file: str, number: int, problem: str) -> Problem:
    return Problem(file, "bad label line", f"line {number}: {problem}", "mend the line by the repository's own file")
