"""What is wrong with MELD's clips: in a copy, and in the published archive itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from . import meld_clips, meld_labels
from .table import Problem

#: What to do about a damaged clip.
GET_AGAIN = "get the archive again; see data/README.md#meld"

#: Utterance -> what is wrong with its clip, as users reported it: issues of https://github.com/declare-lab/MELD.
KNOWN_BAD: dict[str, str] = {
    "train_dia125_utt3": "the clip cannot be decoded (issue 39)",
    "dev_dia110_utt7": "the archive holds no clip of it (issues 22 and 27)",
    "test_dia38_utt4": "the clip lasts five minutes (issue 20)",
    "test_dia220_utt0": "the clip lasts four minutes and is of another scene (issue 20)",
    "train_dia309_utt0": "the clip is wrongly cut, its text a stage direction (issue 20)",
    "train_dia485_utt0": "the clip is much longer than its words (issue 9)",
    "train_dia241_utt1": "clip and words drift apart (issue 9)",
    "train_dia241_utt2": "clip and words drift apart (issue 9)",
    "train_dia757_utt7": "clip and words drift apart (issue 9)",
    "train_dia164_utt5": "the sound is disturbed (issue 9)",
    "train_dia529_utt2": "the sound is disturbed (issue 9)",
    "train_dia682_utt1": "the sound is disturbed (issue 9)",
    "train_dia793_utt0": "the sound is disturbed (issues 9 and 20)",
    "train_dia1008_utt1": "the sound is disturbed (issue 9)",
    "train_dia1029_utt1": "the sound is disturbed (issue 9)",
}


def lost(read: pd.DataFrame) -> Iterator[Problem]:
    """The utterances whose label has lost its place in the episode.

    Args:
        read: from `meld_labels.annotations`.
    """
    for row in read[read["odd"].map(lambda kinds: "over a minute" in kinds).astype(bool)].itertuples():
        detail = f"{row.utterance} lasts {row.end_s - row.start_s:.0f} s by its label: neither label nor sound is used"
        yield Problem(
            meld_labels.FILES[row.split], "lost utterance", detail, "nothing; the published file has two such"
        )


def damaged(base: Path, placed: pd.DataFrame, records: dict[str, dict]) -> Iterator[Problem]:
    """What is wrong with the clips of the labelled utterances: as they were rendered, or by a look at the files.

    Args:
        base: the corpus folder.
        placed: from `meld_timeline.place`.
        records: the recordings' records, from `meld_recordings`.
    """
    rendered = {clip["utterance"]: clip.get("problem") for record in records.values() for clip in record["clips"]}
    found = {split: meld_clips.find(base, split) for split in meld_labels.FILES}
    files = {name: path for clips in found.values() for name, path in clips.items()}
    for split, rows in placed.groupby("split", sort=False):
        if not found[split]:
            detail = f"no clip of the split is there: all {len(rows):,} utterances are left out"
            yield Problem(meld_clips.FOLDERS[split], "missing recordings", detail, GET_AGAIN)
    for row in placed[placed["split"].map(lambda split: bool(found[split]))].itertuples():
        path = files.get(row.utterance)
        advice = f"nothing: {KNOWN_BAD[row.utterance]}" if row.utterance in KNOWN_BAD else GET_AGAIN
        if path is None:
            where = f"{meld_clips.FOLDERS[row.split]}/dia{row.dialogue.partition('_dia')[2]}_utt{row.number}.mp4"
            yield Problem(where, "missing audio", f"no such file; {row.utterance} is left out", advice)
        elif problem := rendered[row.utterance] if row.utterance in rendered else _problem(path):
            where = path.relative_to(base).as_posix()
            yield Problem(where, "unreadable audio", f"{problem}; {row.utterance} is left out", advice)


def _problem(path: Path) -> str | None:
    try:
        meld_clips.check(path)
    except meld_clips.ClipError as error:
        return str(error)
    return None
