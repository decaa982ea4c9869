"""EmoDB (Berlin Database of Emotional Speech): acted German sentences in seven emotions.

Who and what: ten actors (five women, five men) speak ten everyday sentences whose words carry no emotion, in an anechoic
room; 535 recordings of 1 to 9 s, 16 kHz mono.
How labelled: the label is the emotion that the actor was asked for ("self-reported" in the thesis's words); only
recordings that at least 80 % of 20 listeners recognised, and 60 % found natural, were published.
Licence: free for research; audEERING's repackaging says CC0.
Known faults: the sentences differ in number a speaker and emotion; actors' emotion is clearer than everyday emotion.

Layout read: `wav/*.wav` (or the files directly in the root), names as `03a01Fa.wav`: speaker, sentence, emotion, take.
Source: Burkhardt et al. 2005, https://doi.org/10.21437/Interspeech.2005-446, and http://emodb.bilderbar.info/
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pandas as pd

from . import clips, table
from .table import CorpusError, Problem

NAME = "EmoDB"
URL = "http://emodb.bilderbar.info/"
LICENCE = "free for research; audEERING's card of its repackaging says CC0"
CITATION = (
    "F. Burkhardt, A. Paeschke, M. Rolfes, W. F. Sendlmeier, B. Weiss (2005). A database of German emotional speech. "
    "Interspeech 2005, 1517-1520. https://doi.org/10.21437/Interspeech.2005-446"
)
GROUP = "speaker"
#: How a release's recordings are: Hz, and channels.
SAMPLE_RATE, CHANNELS = 16_000, 1
#: The shortest and the longest that a recording may be, in seconds: bounds of our own, wide of the release's 1 to 9 s.
LENGTHS_S = (0.8, 12.0)
#: EmoDB's letters (of the German words) -> the project's emotions.
LABELS: dict[str, str] = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
#: What a complete copy holds.
COUNTS: dict = {
    "utterances": 535,
    "codes": {"W": 127, "L": 81, "E": 46, "A": 69, "F": 71, "T": 62, "N": 79},
}
#: Speaker number -> sex, from the database's documentation.
SPEAKERS: dict[str, str] = {
    "03": "male", "08": "female", "09": "female", "10": "male", "11": "male",
    "12": "male", "13": "female", "14": "female", "15": "male", "16": "female",
}  # fmt: skip

#: The ten sentences, by their codes.
SENTENCES = frozenset({"a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10"})

_NAME = re.compile(r"(?P<speaker>\d\d)(?P<sentence>[ab]\d\d)(?P<code>[A-Z])(?P<take>[a-z])")
_GET_AGAIN = "move the folder away and get it again; see data/README.md#emodb"


def load(root: Path | str) -> pd.DataFrame:
    """Read the utterance table; recordings that cannot be used are left out with one warning.

    Args:
        root: the folder that holds `wav/`, or the recordings themselves.

    Returns:
        The utterance table (`table.COLUMNS`); `scenario` is the sentence ("a01"), `dialogue` is missing.

    Raises:
        CorpusError: no usable recording is under `root`.
    """
    rows, found, _ = _scan(Path(root))
    return table.loaded(rows, found, corpus="emodb", root=root)


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
    clips.compare(codes, wanted, found, file="*{code}*.wav", what="recordings", advice=_GET_AGAIN)
    return table.problems(found)


def download(root: Path | str, *, progress: bool = True) -> str:
    """Fetch the corpus into its folder, unless it is there; see `download.fetch`."""
    from . import download as downloads  # here: only this needs what fetches

    return downloads.fetch("emodb", root, progress=progress)


def _scan(root: Path) -> tuple[list[dict], list[Problem], Counter]:
    """Read every file's name and header once: the usable rows, the problems, and the recordings of each letter."""
    folder = root / "wav" if (root / "wav").is_dir() else root
    files = clips.recordings(folder)
    if not files:
        raise CorpusError(
            f"no EmoDB under {root}: expected wav/03a01Fa.wav and its like there; see data/README.md#emodb"
        )
    found: list[Problem] = []
    rows, codes = clips.scan(files, root, found, parse=_parse, row=_row, advice=_GET_AGAIN)
    return rows, found, codes


def _parse(path: Path) -> re.Match:
    name = _NAME.fullmatch(path.stem)
    known = name and name["code"] in LABELS and name["speaker"] in SPEAKERS and name["sentence"] in SENTENCES
    if not known:
        raise ValueError("no speaker, sentence, emotion and take in the name")
    return name


def _row(name: re.Match, where: str, length: float) -> dict:
    return {
        "utterance": name.group(),
        "scenario": name["sentence"],
        "speaker": f"emodb_{name['speaker']}",
        "sex": SPEAKERS[name["speaker"]],
        "language": "de",
        "audio": where,
        "start_s": 0.0,
        "end_s": length,
        "emotion": LABELS[name["code"]],
        "rating": "self-reported",
    }
