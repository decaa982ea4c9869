"""ShEMO (Sharif Emotional Speech Database): Persian speech out of radio plays in six emotions.

Who and what: 87 native speakers (31 women, 56 men) of Persian in plays of online radio; 3,000 utterances of about 4 s,
3 hours and 25 minutes in all: played for listeners, not asked for in a laboratory ("semi-natural").
How labelled: twelve native annotators judged each utterance and the majority is the label ("rated"); their agreement is
64 % by kappa.
Licence: free of charge for academic purposes.
Known faults: the classes are far from equal (38 utterances of fear, 1,059 of anger) and so are the speakers; transcripts do
not always fit the sound (https://arxiv.org/abs/2211.09956), which matters to no label here.

Layout read: `female/F01A01.wav` and `male/M01N05.wav`: sex, speaker, emotion, number within the speaker's emotion. F is a
woman as the first letter and fear as the second; speakers are numbered within each sex.
Source: Mohamad Nezami et al. 2019, https://doi.org/10.1007/s10579-018-9427-x, and its authors' repository, for the letters
and totals. The counts by class sum to its 3,000; its 201 of happiness are the size of the thesis's test classes.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pandas as pd

from . import clips, table
from .table import CorpusError, Problem

NAME = "ShEMO"
URL = "https://github.com/pariajm/sharif-emotional-speech-dataset"
LICENCE = "free of charge for academic purposes"
CITATION = (
    "O. Mohamad Nezami, P. Jamshid Lou, M. Karami (2019). ShEMO: a large-scale validated database for Persian speech "
    "emotion detection. Language Resources and Evaluation 53(1), 1-16. https://doi.org/10.1007/s10579-018-9427-x"
)
GROUP = "speaker"
#: How a release's recordings are: Hz (3.4 hours of 16 bits are 1.08 GB in copies of the release), and channels.
SAMPLE_RATE, CHANNELS = 44_100, 1
#: The shortest and the longest that a recording may be, in seconds: bounds of our own, far from the mean of 4 s.
LENGTHS_S = (0.2, 60.0)
#: ShEMO's letters -> the project's emotions.
LABELS: dict[str, str] = {
    "A": "anger",
    "F": "fear",
    "H": "happiness",
    "N": "neutral",
    "S": "sadness",
    "W": "surprise",
}
#: What a complete copy holds.
COUNTS: dict = {
    "utterances": 3000,
    "speakers": {"female": 31, "male": 56},
    "codes": {"A": 1059, "F": 38, "H": 201, "N": 1028, "S": 449, "W": 225},
}

_NAME = re.compile(r"(?P<speaker>(?P<sex>[FM])\d\d)(?P<code>[AFHNSW])(?P<number>\d{2,3})")
_FOLDERS = {"F": "female", "M": "male"}
_GET_AGAIN = "move the folder away and get it again; see data/README.md#shemo"


def load(root: Path | str) -> pd.DataFrame:
    """Read the utterance table; recordings that cannot be used are left out with one warning.

    Args:
        root: the folder that holds `female` and `male`.

    Returns:
        The utterance table (`table.COLUMNS`); `speaker` is "shemo_F01", `scenario` and `dialogue` are missing.

    Raises:
        CorpusError: no usable recording is under `root`.
    """
    rows, found, _ = _scan(Path(root))
    return table.loaded(rows, found, corpus="shemo", root=root)


def validate(root: Path | str) -> pd.DataFrame:
    """List what is missing, unreadable or odd in a copy.

    Args:
        root: as for `load`.

    Returns:
        A table with the columns file, problem, detail, advice; no row when the copy is whole.

    Raises:
        CorpusError: there is no recording under `root` at all.
    """
    _, found, codes = _scan(Path(root))
    wanted = table.expected_counts(root, COUNTS)["codes"]
    clips.compare(codes, wanted, found, file="*/???{code}*.wav", what="recordings", advice=_GET_AGAIN)
    return table.problems(found)


def download(root: Path | str, *, progress: bool = True) -> str:
    """Fetch the corpus into its folder, unless it is there; see `download.fetch`."""
    from . import download as downloads  # here: only this needs what fetches

    return downloads.fetch("shemo", root, progress=progress)


def _scan(root: Path) -> tuple[list[dict], list[Problem], Counter]:
    """Read every file's name and header once: the usable rows, the problems, and the recordings of each letter."""
    files = {folder: clips.recordings(root / folder) for folder in _FOLDERS.values()}
    if not any(files.values()):
        raise CorpusError(
            f"no ShEMO under {root}: expected female/F01A01.wav, male/M01N05.wav and their like there; "
            "see data/README.md#shemo"
        )
    rows: list[dict] = []
    found: list[Problem] = []
    codes: Counter = Counter()
    for folder, paths in files.items():
        if not paths:
            found.append(Problem(folder, "missing recordings", "no WAV file there: the copy is incomplete", _GET_AGAIN))
        usable, counted = clips.scan(paths, root, found, parse=_parse, row=_row, advice=_GET_AGAIN)
        rows += usable
        codes += counted
    return rows, found, codes


def _parse(path: Path) -> re.Match:
    name = _NAME.fullmatch(path.stem)
    if not name or _FOLDERS[name["sex"]] != path.parent.name:
        raise ValueError(f"no sex, speaker, emotion and number of the folder {path.parent.name} in the name")
    return name


def _row(name: re.Match, where: str, length: float) -> dict:
    return {
        "utterance": name.group(),
        "speaker": f"shemo_{name['speaker']}",
        "sex": _FOLDERS[name["sex"]],
        "language": "fa",
        "audio": where,
        "start_s": 0.0,
        "end_s": length,
        "emotion": LABELS[name["code"]],
        "rating": "rated",
    }
