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
latter here); four clips are reported as bad, two of them only as MP3 and video (`KNOWN_BAD`, issue 8).

Layout read: `AudioWAV/1001_DFA_ANG_XX.wav`: actor, sentence, emotion, intensity; `SentenceFilenames.csv`,
`VideoDemographics.csv`, `processedResults/summaryTable.csv`, as in the repository.
Source: Cao et al. 2014, https://doi.org/10.1109/TAFFC.2014.2336244; counts: the repository's own label files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pandas as pd

from . import clips, cremad_labels, table
from .cremad_labels import ACTORS, CLIP, GET_AGAIN, LIST, SUMMARY, whole
from .table import CorpusError, Problem

NAME = "CREMA-D"
URL = "https://github.com/CheyneyComputerScience/CREMA-D"
LICENCE = "Open Database License 1.0; contents: Database Contents License 1.0"
CITATION = (
    "H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova, R. Verma (2014). CREMA-D: crowd-sourced emotional "
    "multimodal actors dataset. IEEE Transactions on Affective Computing 5(4), 377-390. "
    "https://doi.org/10.1109/TAFFC.2014.2336244"
)
GROUP = "speaker"
#: How a release's clips are: Hz, and channels.
SAMPLE_RATE, CHANNELS = 16_000, 1
#: The shortest and the longest that a clip may be, in seconds: bounds of our own, wide of the mean of 2.5 s of one sentence.
LENGTHS_S = (0.8, 10.0)
#: Clip -> what is wrong with it in the release itself, as users reported it: the repository's issue 8.
KNOWN_BAD: dict[str, str] = {
    "1076_MTI_NEU_XX": "the clip does not play (issue 8)",
    "1076_MTI_SAD_XX": "the clip has no sound (issue 8)",
    "1064_TIE_SAD_XX": "the clip has no duration as MP3 and video (issue 8)",
    "1064_IEO_DIS_MD": "the clip lasts a minute as MP3 and video, with all emotions of the sentence (issue 8)",
}
#: The file names' codes, what the actor was asked for -> the project's emotions.
LABELS: dict[str, str] = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
#: The listeners' letters -> the project's emotions.
VOTES: dict[str, str] = {code[0]: emotion for code, emotion in LABELS.items()}
#: What a complete copy holds; a tie is a vote of several letters.
COUNTS: dict = {
    "utterances": 7442,
    "codes": {"ANG": 1271, "DIS": 1271, "FEA": 1271, "HAP": 1271, "NEU": 1087, "SAD": 1271},
    "votes": {"A": 986, "D": 547, "F": 645, "H": 353, "N": 3897, "S": 370, "tie": 644},
}


def load(root: Path | str, *, rating: str = "self-reported") -> pd.DataFrame:
    """Read the utterance table with one of the two label sets; clips that cannot be used are left out with one warning.

    Args:
        root: the folder that holds `AudioWAV` and the label files.
        rating: "self-reported", the emotion asked for, or "rated", the listeners' vote; a tie has no emotion.

    Returns:
        The utterance table (`table.COLUMNS`); `scenario` is the sentence ("IEO"), `dialogue` is missing, `rating` says
        which label set it holds.

    Raises:
        CorpusError: no usable clip is under `root`, or the votes are asked for and are not there.
        ValueError: there is no such label set.
    """
    if rating not in ("self-reported", "rated"):
        raise ValueError(f"no label set {rating!r}; there are self-reported and rated")
    rows, found, _ = _scan(Path(root))
    if rating == "rated":
        voted = cremad_labels.votes(Path(root))
        rows = [{**row, "emotion": VOTES.get(voted[row["utterance"]])} for row in rows if row["utterance"] in voted]
    return table.loaded([{**row, "rating": rating} for row in rows], found, corpus="cremad", root=root)


def votes(root: Path | str) -> pd.DataFrame:
    """Read both label sets off the label files alone: no sound need be there. Bad lines are left out; `validate` lists them.

    Args:
        root: as for `load`.

    Returns:
        One row a clip in the file's order, with the columns utterance, self_reported, rated; a tie is missing.

    Raises:
        CorpusError: the summary of the votes is not there or is another table.
    """
    voted = cremad_labels.votes(Path(root))
    asked = [LABELS[CLIP.fullmatch(clip)["code"]] for clip in voted]
    columns = {"utterance": list(voted), "self_reported": asked, "rated": [VOTES.get(vote) for vote in voted.values()]}
    return pd.DataFrame(columns, dtype="string")


def validate(root: Path | str) -> pd.DataFrame:
    """List what is missing, unreadable or odd in a copy.

    Args:
        root: as for `load`.

    Returns:
        A table with the columns file, problem, detail, advice; no row when the copy is whole.

    Raises:
        CorpusError: there is no clip under `root` at all.
    """
    _, found, codes = _scan(Path(root))
    cast = Counter("tie" if ":" in vote else vote for vote in cremad_labels.read_votes(Path(root), []).values() if vote)
    counts = table.expected_counts(root, COUNTS)
    advice = "see the other problems for which files lack"
    clips.compare(codes, counts["codes"], found, file="AudioWAV/*_{code}_*.wav", what="clips", advice=advice)
    if cast:  # else the scan has noted that the file lacks
        clips.compare(cast, counts["votes"], found, file=SUMMARY, what="votes {code}", advice=advice)
    return table.problems(found)


def download(root: Path | str, *, progress: bool = True) -> str:
    """Fetch the corpus into its folder, unless it is there; see `download.fetch`."""
    from . import download as downloads  # here: only this needs what fetches

    return downloads.fetch("cremad", root, progress=progress)


def _scan(root: Path) -> tuple[list[dict], list[Problem], Counter]:
    """Read the label files and every clip's header once: the rows by name, the problems, the clips of each code."""
    files = clips.recordings(root / "AudioWAV")
    if not files:
        raise CorpusError(
            f"no CREMA-D under {root}: expected AudioWAV/1001_DFA_ANG_XX.wav and its like there; see data/README.md#crema-d"
        )
    found: list[Problem] = []
    voted, sexes = cremad_labels.read_votes(root, found), cremad_labels.read_sexes(root, found)
    seen: set[str] = set()

    def parse(path: Path) -> re.Match:
        """Read a clip's name; it must be the first of this name, and is noted if nobody voted on it."""
        name, clip = CLIP.fullmatch(path.stem), whole(path.stem)
        if not name:
            raise ValueError("no actor, sentence, emotion and intensity in the name")
        if clip in seen:
            raise ValueError(f"{clip} is there already")
        seen.add(clip)
        if voted and clip not in voted:
            where = path.relative_to(root).as_posix()
            found.append(Problem(where, "missing vote", f"{SUMMARY} has no such clip: it has no rating", GET_AGAIN))
        return name

    rows, codes = clips.scan(files, root, found, parse=parse, row=partial(_row, sexes=sexes), advice=GET_AGAIN)
    for clip in cremad_labels.read_list(root, found):
        if clip not in seen:
            found.append(Problem(f"AudioWAV/{clip}.wav", "missing audio", f"{LIST} names it", GET_AGAIN))
    for actor in sorted({clip[:4] for clip in seen} - set(sexes)) if sexes else []:
        found.append(Problem(ACTORS, "missing actor", f"no line for {actor}: the sex is missing", GET_AGAIN))
    return rows, found, codes


def _row(name: re.Match, where: str, length: float, *, sexes: Mapping[str, str]) -> dict:
    return {
        "utterance": whole(name.group()),
        "scenario": name["sentence"],
        "speaker": f"cremad_{name['actor']}",
        "sex": sexes.get(name["actor"]),
        "language": "en",
        "audio": where,
        "start_s": 0.0,
        "end_s": length,
        "emotion": LABELS[name["code"]],
    }
