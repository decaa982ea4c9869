"""CREMA-D (Crowd-sourced Emotional Multimodal Actors Dataset): acted English sentences in six emotions, judged by a crowd.

Who and what: 91 actors (43 women, 48 men, 20 to 74 years old, of several ethnicities) speak twelve everyday sentences; 7,442
clips of 2.5 s on average. One sentence (IEO) is spoken at three intensities, the others at one that is not specified; the
utterance table has no column for it, the utterance's name ends in it (LO MD HI XX).
How labelled: twice. The file name holds the emotion that the actor was asked for ("self-reported" in the thesis's words);
`VoiceVote` is the emotion that most listeners of the sound alone chose ("rated"; 9.2 listeners a clip on average). Where they
are tied (`A:N`) the clip belongs to no class. The two label sets differ widely: 3,897 of 7,442 clips sound neutral.
Licence: Open Database License 1.0, contents under the Database Contents License 1.0. Recordings show actors.
Known faults: the sound is kept in git-LFS, so a plain download holds pointers of three lines in its place; older copies
name one clip `1040_ITH_SAD_X.wav`, which the label files call `1040_ITH_SAD_XX` (the repository's issue 6: read as the
latter here); four clips are reported as bad, two of them only as MP3 and video (`known_bad`, issue 8).

Layout read: `AudioWAV/1001_DFA_ANG_XX.wav`: actor, sentence, emotion, intensity; `SentenceFilenames.csv`,
`VideoDemographics.csv`, `processedResults/summaryTable.csv`, for single votes `tabulatedVotes.csv` beside it.
In the table: `load(root, rating="rated")` chooses the label set (default: "self-reported"); a tie has no emotion. `scenario`
is the sentence ("IEO"), `dialogue` is missing.
Source: Cao et al. 2014, https://doi.org/10.1109/TAFFC.2014.2336244; counts: the repository's own label files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from . import table
from .table import CorpusError, Problem, Reading

#: The file names' codes, what the actor was asked for -> the project's emotions.
LABELS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happiness", "NEU": "neutral", "SAD": "sadness"}
#: The listeners' letters -> the project's emotions.
VOTES: dict[str, str] = {code[0]: emotion for code, emotion in LABELS.items()}

_CLIP = re.compile(r"(?P<actor>\d{4})_(?P<sentence>[A-Z]{3})_(?P<code>ANG|DIS|FEA|HAP|NEU|SAD)_(?:LO|MD|HI|XX?)")
_VOTE = re.compile(r"[ADFHNS](?::[ADFHNS])*")
_COUNTED = "processedResults/tabulatedVotes.csv"
_LIST, _ACTORS, _SUMMARY = "SentenceFilenames.csv", "VideoDemographics.csv", "processedResults/summaryTable.csv"
_GET_AGAIN = "get it again; see data/README.md#crema-d"


def votes(root: Path | str) -> pd.DataFrame:
    """Read both label sets off the label files alone: no sound need be there. Bad lines are left out; `validate` lists them.

    One row a clip in the file's order, with the columns utterance, self_reported, rated; a tie is missing.
    """
    found: list[Problem] = []
    voted = {clip: vote for clip, vote in _votes(Path(root), found).items() if vote}
    if not voted:
        why = found[0].detail if found else "it holds no line"
        raise CorpusError(f"no votes of CREMA-D under {root}: {_SUMMARY}: {why}; {_GET_AGAIN}")
    asked = [LABELS[_CLIP.fullmatch(clip)["code"]] for clip in voted]
    columns = {"utterance": list(voted), "self_reported": asked, "rated": [VOTES.get(vote) for vote in voted.values()]}
    return pd.DataFrame(columns, dtype="string")


def choices(root: Path | str) -> pd.DataFrame:
    """Read every listener's vote of the sound alone, of which `VoiceVote` is the commonest: 68,568 of 7,442 clips.

    `processedResults/tabulatedVotes.csv` counts them by clip; rows from 200000 are votes on the face, from 300000 on both.
    One row a vote: utterance, rater (its number at the clip; who it was is not known), emotion, weight (1). CorpusError
    where it is not there or no line can be read.
    """
    found: list[Problem] = []
    rows = []
    for _, line in table.label_lines(Path(root), _COUNTED, ("", *VOTES, "fileName"), found, advice=_GET_AGAIN):
        if line[""].isdigit() and int(line[""]) < 200_000 and all(line[code].isdigit() for code in VOTES):
            named = [emotion for code, emotion in VOTES.items() for _ in range(int(line[code]))]
            rows += [(_whole(line["fileName"]), str(rater), emotion, 1.0) for rater, emotion in enumerate(named, 1)]
    if not rows:
        why = found[0].detail if found else "it holds no vote of the voice"
        raise CorpusError(f"no listeners of CREMA-D under {root}: {_COUNTED}: {why}; {_GET_AGAIN}")
    return pd.DataFrame(rows, columns=["utterance", "rater", "emotion", "weight"])


def _read(root: Path, *, rating: str = "self-reported") -> Reading:
    """Read the label files and every clip's header once."""
    if rating not in ("self-reported", "rated"):
        raise ValueError(f"no label set {rating!r}; there are self-reported and rated")
    files = table.recordings(root / "AudioWAV")
    if not files:
        expected = "AudioWAV/1001_DFA_ANG_XX.wav and its like"
        raise CorpusError(f"no CREMA-D under {root}: expected {expected} there; see data/README.md#crema-d")
    found: list[Problem] = []
    voted, actors = _votes(root, found), list(_lines(root, _ACTORS, ("ActorID", "Sex"), found))
    sexes = {line["ActorID"]: line["Sex"].lower() for _, line in actors if line["Sex"] in ("Female", "Male")}
    listed = [_whole(line["Filename"]) for _, line in _lines(root, _LIST, ("Filename",), found)]

    def row(name: re.Match, path: Path) -> dict:
        return {
            "utterance": _whole(name.group()),
            "scenario": name["sentence"],
            "speaker": f"cremad_{name['actor']}",
            "sex": sexes.get(name["actor"]),
            "language": "en",
            "emotion": LABELS[name["code"]],
            "rating": rating,
        }

    odd = "no actor, sentence, emotion and intensity in the name"
    rows, codes = table.scan(files, root, found, pattern=_CLIP, odd=odd, row=row, advice=_GET_AGAIN)
    for clip in sorted(codes.keys() - voted.keys()) if voted else []:
        detail = f"{_SUMMARY} has no such clip: it has no rating"
        found.append(Problem(f"AudioWAV/{clip}.wav", "missing vote", detail, _GET_AGAIN))
    for clip in (clip for clip in listed if clip not in codes):
        found.append(Problem(f"AudioWAV/{clip}.wav", "missing audio", f"{_LIST} names it", _GET_AGAIN))
    for actor in sorted({clip[:4] for clip in codes} - set(sexes)) if actors else []:
        found.append(Problem(_ACTORS, "missing actor", f"no sex of {actor}", _GET_AGAIN))
    if rating == "rated":
        rated = dict(votes(root)[["utterance", "rated"]].to_numpy(dtype=object, na_value=None))
        rows = [{**row, "emotion": rated[row["utterance"]]} for row in rows if row["utterance"] in rated]
    cast = Counter("tie" if ":" in vote else vote for vote in voted.values() if vote)
    counts = table.expected_counts(root, CORPUS.counts)
    advice = "see the other problems for which files lack"
    named = Counter(codes.values())
    miscounts = table.compare(named, counts["codes"], file="AudioWAV/*_{code}_*.wav", what="clips", advice=advice)
    if cast:  # else it is noted that the file lacks
        miscounts += table.compare(cast, counts["votes"], file=_SUMMARY, what="votes {code}", advice=advice)
    return rows, found, miscounts


def _whole(clip: str) -> str:
    """A clip's name as the label files have it: `1040_ITH_SAD_X` is `1040_ITH_SAD_XX`."""
    return f"{clip}X" if clip.endswith("_X") else clip


def _votes(root: Path, found: list[Problem]) -> dict[str, str]:
    """Clip -> vote, as the summary has them ("A", "A:N"); bad lines are noted by number, an unknown vote is "" here."""
    voted: dict[str, str] = {}
    for number, line in _lines(root, _SUMMARY, ("FileName", "VoiceVote"), found):
        clip, vote = _whole(line["FileName"]), line["VoiceVote"]
        known = _VOTE.fullmatch(vote)
        if clip in voted:
            found.append(_bad(_SUMMARY, number, f"{clip} is listed a second time"))
        elif not known:
            found.append(_bad(_SUMMARY, number, f"{clip} has the vote {vote!r}, not one or more of {', '.join(VOTES)}"))
        voted.setdefault(clip, vote if known else "")
    return voted


def _lines(root: Path, file: str, columns: tuple[str, ...], found: list[Problem]) -> Iterator[tuple[int, dict]]:
    """A label file's lines by number, those that name no clip where they should left out."""
    for number, line in table.label_lines(root, file, columns, found, advice=_GET_AGAIN):
        fields = {column: (line[column] or "").strip() for column in columns}
        clip = fields.get("FileName", fields.get("Filename"))
        if clip is None or _CLIP.fullmatch(_whole(clip)):
            yield number, fields
        else:
            found.append(_bad(file, number, f"{clip!r} has no actor, sentence, emotion and intensity"))


def _bad(file: str, number: int, problem: str) -> Problem:
    return Problem(file, "bad label line", f"line {number}: {problem}", "mend the line by the repository's own file")


CORPUS = table.released("cremad", read=_read, card=__doc__, labels=LABELS, choices=choices)
load, validate = CORPUS.load, CORPUS.validate
