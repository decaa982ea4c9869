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
In the table: `speaker` is "shemo_F01", `scenario` and `dialogue` are missing.
Source: Mohamad Nezami et al. 2019, https://doi.org/10.1007/s10579-018-9427-x, and its authors' repository, for the letters
and totals. The counts by class sum to its 3,000; its 201 of happiness are the size of the thesis's test classes.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from pathlib import Path

from . import table
from .table import Archive, Corpus, CorpusError, Problem, Reading

#: ShEMO's letters -> the project's emotions.
LABELS = {"A": "anger", "F": "fear", "H": "happiness", "N": "neutral", "S": "sadness", "W": "surprise"}

_NAME = re.compile(r"(?P<speaker>(?P<sex>[FM])\d\d)(?P<code>[AFHNSW])(?P<number>\d{2,3})")
_FOLDERS = {"F": "female", "M": "male"}
_GET_AGAIN = "move the folder away and get it again; see data/README.md#shemo"


def _read(root: Path) -> Reading:
    """Read every file's name and header once."""
    files = {folder: table.recordings(root / folder) for folder in _FOLDERS.values()}
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
        odd = f"no sex, speaker, emotion and number of the folder {folder} in the name"
        row = partial(_row, folder=folder)
        usable, named = table.scan(paths, root, found, pattern=_NAME, odd=odd, row=row, advice=_GET_AGAIN)
        rows += usable
        codes.update(named.values())
    wanted = table.expected_counts(root, CORPUS.counts)["codes"]
    said = {"file": "*/???{code}*.wav", "what": "recordings", "advice": _GET_AGAIN}
    return Reading(rows, found, table.compare(codes, wanted, **said))


def _row(name: re.Match, *, folder: str) -> dict:
    if _FOLDERS[name["sex"]] != folder:
        return {}
    return {
        "speaker": f"shemo_{name['speaker']}",
        "sex": folder,
        "language": "fa",
        "emotion": LABELS[name["code"]],
        "rating": "rated",
    }


CORPUS = Corpus(
    name="shemo",
    title="ShEMO",
    read=_read,
    card=__doc__,
    licence="free of charge for academic purposes",
    citation="O. Mohamad Nezami, P. Jamshid Lou, M. Karami (2019). ShEMO: a large-scale validated database for Persian speech "
    "emotion detection. Language Resources and Evaluation 53(1), 1-16. https://doi.org/10.1007/s10579-018-9427-x",
    labels=LABELS,
    group="speaker",
    counts={
        "utterances": 3000,
        "speakers": {"female": 31, "male": 56},
        "codes": {"A": 1059, "F": 38, "H": 201, "N": 1028, "S": 449, "W": 225},
    },
    sample_rate=44_100,  # 3.4 hours of 16 bits are 1.08 GB in copies of the release
    channels=1,
    lengths_s=(0.2, 60.0),  # bounds of our own, far from the mean of 4 s
    folder="ShEMO",
    # The links are in the README of the authors' repository, which publishes neither sizes nor checksums (nor does the first
    # author's, https://github.com/mansourehk/ShEMO, whose own links are dead). It writes dl=0 for wget; dl=1 gives the file
    # rather than a page to any program.
    archives=(
        Archive(
            address="https://www.dropbox.com/s/42okby6c40w3j2x/female.zip?dl=1",
            file="female.zip",
            holds=("female/F01A01.wav",),
            strip="female",
            into="female",
        ),
        Archive(
            address="https://www.dropbox.com/s/5ebs8hq1zm0qkp6/male.zip?dl=1",
            file="male.zip",
            holds=("male/M01N05.wav",),
            strip="male",
            into="male",
        ),
    ),
)
load, validate = CORPUS.load, CORPUS.validate
