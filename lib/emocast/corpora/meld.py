"""MELD (Multimodal EmotionLines Dataset): conversations of several people in a television comedy, labelled turn by turn.

Who and what: the six main characters of *Friends* and some 300 others in 1,432 dialogues of 13,708 utterances, 3.2 s each
by the labels; American English, acted, with music and a laughing audience. The official splits (train, dev, test) share
episodes: hold out whole episodes where an unheard one is meant.
How labelled: three annotators chose one of Ekman's six emotions or neutral for each utterance with picture and sound at
hand; the majority is the label ("rated"). No valence, arousal or dominance.
Licence: the labels are under the GPL-3.0; the scenes are those of the series Friends and not the authors' to license: for
research, and its owners are to be asked before clips are passed on (`data/LICENCES.md`).
Known faults: `KNOWN_BAD` and `meld_labels`, which counts the labels' odd rows and says what is done with each kind. Times
come from an automatic alignment of subtitles, so a window may hold the first sounds of its event: `guard_s` of a profile
keeps a distance. A speaker is the character's name; "Waiter" of two episodes may be two people.
Channels: a clip's sound is its front centre alone where it has one (5.1: the voices are mixed there, laughter and music
mostly around it), the mean of a stereo pair, mono as it is; each recording's .json says which, `channels` counts them.
The whole of a dialogue is rendered from its clips (`meld_timeline`, `meld_recordings`): once, about 1.8 GB.

Layout read: `{train,dev,test}_sent_emo.csv` and the mp4 clips in `train_splits`, `dev_splits_complete` and
`output_repeated_splits_test`, at the top or in folders `train`, `dev`, `test`. `._*` files of macOS and the duplicates
`final_videos_test...` are passed over, as are clips that no label names.
Source: Poria et al. 2019, https://doi.org/10.18653/v1/P19-1050; counts: the published label files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from . import clips, meld_damage, meld_labels, meld_recordings, meld_timeline, table
from .meld_damage import GET_AGAIN, KNOWN_BAD
from .meld_recordings import silence

__all__ = ["KNOWN_BAD", "annotations", "channels", "download", "is_synthetic", "load", "prepare", "silence", "validate"]

NAME = "MELD"
URL = "https://affective-meld.github.io/"
LICENCE = "GPL-3.0 for labels and code; the scenes are those of the series Friends and not theirs to license"
CITATION = (
    "S. Poria, D. Hazarika, N. Majumder, G. Naik, E. Cambria, R. Mihalcea (2019). MELD: a multimodal multi-party dataset "
    "for emotion recognition in conversations. Proceedings of ACL 2019, 527-536. https://doi.org/10.18653/v1/P19-1050"
)
GROUP = "session"
#: MELD's names -> the project's emotions.
LABELS: dict[str, str] = {
    "neutral": "neutral",
    "joy": "happiness",
    "sadness": "sadness",
    "anger": "anger",
    "fear": "fear",
    "surprise": "surprise",
    "disgust": "disgust",
}
#: What a complete copy holds.
COUNTS: dict = {
    "dialogues": {"train": 1038, "dev": 114, "test": 280},
    "utterances": {"train": 9989, "dev": 1109, "test": 2610},
    "codes": {
        "anger": 1607, "disgust": 361, "fear": 358, "joy": 2308, "neutral": 6436, "sadness": 1002, "surprise": 1636,
    },
}  # fmt: skip


def annotations(root: Path | str) -> pd.DataFrame:
    """Read the label files alone: no clip is needed.

    Args:
        root: the folder that holds the label files, or one that holds `MELD.Raw`.

    Returns:
        One row an utterance with what is odd about it, as `meld_labels.annotations` gives it; the times are the episode's.

    Raises:
        CorpusError: there is no label file.
    """
    return meld_labels.annotations(_base(Path(root)), labels=LABELS)[0]


def load(root: Path | str) -> pd.DataFrame:
    """Read the utterance table; what cannot be used is left out with one warning.

    The first call renders the dialogues' recordings into `<root>/timelines` (minutes, once), later ones what has changed.

    Args:
        root: the folder that holds the label files and clips, or one that holds `MELD.Raw`.

    Returns:
        The utterance table (`table.COLUMNS`): `audio` is the dialogue's recording and the times are within it; `session`
        is "S08E21", `dialogue` "train_dia0", `speaker` the character; `scenario`, valence, arousal and dominance are
        missing, `sex` too but for the six main characters. `session_offset_s` leads to the episode's clock, on which
        dialogues overlap.

    Raises:
        CorpusError: nothing usable is under `root`, or the recordings cannot be written.
    """
    root = Path(root)
    base = _base(root)
    read, found = meld_labels.annotations(base, labels=LABELS)
    placed = meld_timeline.place(read)
    records = meld_recordings.update(base, placed)
    found += [*meld_damage.lost(read), *meld_damage.damaged(base, placed, records)]
    where = (base / meld_recordings.FOLDER).relative_to(root)
    return table.loaded(list(_rows(placed, records, where)), found, corpus="meld", root=root)


def prepare(root: Path | str, *, jobs: int | None = None, progress: bool = True) -> Path:
    """Render all dialogues' recordings that are missing or out of date, as `load` would.

    Args:
        root: as for `load`.
        jobs: how many are rendered at a time; None for one a core.
        progress: whether a bar is shown when there are many.

    Returns:
        The folder of the recordings.

    Raises:
        CorpusError: there is no label file, or the recordings cannot be written.
    """
    base = _base(Path(root))
    placed = meld_timeline.place(meld_labels.annotations(base, labels=LABELS)[0])
    meld_recordings.update(base, placed, jobs=jobs, progress=progress)
    return base / meld_recordings.FOLDER


def channels(root: Path | str) -> pd.DataFrame:
    """Count which channels the clips have and which of them are heard, from the recordings that are there.

    Args:
        root: as for `load`.

    Returns:
        A table with `layout` ("5.1"), `used` ("front centre alone") and `clips`, the most frequent first.

    Raises:
        CorpusError: there is no label file.
    """
    base = _base(Path(root))
    placed = meld_timeline.place(meld_labels.annotations(base, labels=LABELS)[0])
    records = meld_recordings.current(base, meld_recordings.plan(base, placed))
    counted = Counter(
        (clip["layout"], clip["used"]) for record in records.values() for clip in record["clips"] if "used" in clip
    )
    rows = [(layout, used, number) for (layout, used), number in counted.most_common()]
    return pd.DataFrame(rows, columns=["layout", "used", "clips"])


def validate(root: Path | str) -> pd.DataFrame:
    """List what is missing, unreadable or odd in a copy. Nothing is rendered or written.

    Clips are decoded only by `load`: what it found is told here too; of other clips the file's parts are looked at.

    Args:
        root: as for `load`.

    Returns:
        A table with the columns file, problem, detail, advice; no row when the copy is whole.

    Raises:
        CorpusError: there is no label file.
    """
    base = _base(Path(root))
    read, found = meld_labels.annotations(base, labels=LABELS)
    placed = meld_timeline.place(read)
    records = meld_recordings.current(base, meld_recordings.plan(base, placed))
    found += [*meld_damage.lost(read), *meld_damage.damaged(base, placed, records)]
    wanted = table.expected_counts(base, COUNTS)
    codes = {code: int((read["emotion"] == emotion).sum()) for code, emotion in LABELS.items()}
    for what, numbers, file in (
        ("labels of {code}", codes, "*_sent_emo.csv"),
        ("utterances", read["split"].value_counts(), "{code}_sent_emo.csv"),
        ("dialogues", read.groupby("split")["dialogue"].nunique(), "{code}_sent_emo.csv"),
    ):
        expected = wanted["codes" if "{code}" in what else what]
        clips.compare(numbers, expected, found, file=file, what=what, advice=GET_AGAIN)
    return table.problems(found)


def download(root: Path | str, *, progress: bool = True) -> str:
    """Fetch the published archive (11 GB) and unpack it.

    Args:
        root: the folder that is to hold the label files and clips.
        progress: whether bars are shown.

    Returns:
        One sentence on what was done.

    Raises:
        DownloadError: it could not be fetched or unpacked, or something else is in its place.
    """
    from . import download as downloads  # here: only this needs what fetches

    return downloads.fetch("meld", Path(root), progress=progress)


def is_synthetic(root: Path | str) -> bool:
    """Whether the copy under `root` is Emocast's synthetic twin and no recording of people."""
    return table.is_synthetic(_base(Path(root)))


def _base(root: Path) -> Path:
    """The folder that holds the label files; `root` itself where there are none, for the error that names it."""
    for folder in (root, root / "MELD.Raw"):
        if any(meld_labels.label_file(folder, split) for split in meld_labels.FILES):
            return folder
    return root


def _rows(placed: pd.DataFrame, records: dict[str, dict], folder: Path) -> Iterator[dict]:
    """The table rows of the utterances whose clip could be used."""
    usable = {clip["utterance"]: clip for record in records.values() for clip in record["clips"] if "used" in clip}
    for row in placed[placed["utterance"].isin(usable.keys())].itertuples():
        yield {
            "utterance": row.utterance,
            "dialogue": row.dialogue,
            "session": f"S{row.season:02d}E{row.episode:02d}",
            "speaker": row.speaker,
            "sex": meld_labels.SEX.get(row.speaker),
            "language": "en",
            "audio": (folder / f"{row.dialogue}.wav").as_posix(),
            "start_s": row.from_s,
            "end_s": row.from_s + usable[row.utterance]["seconds"] if pd.isna(row.to_s) else row.to_s,
            "emotion": row.emotion,
            "rating": "rated",
            "session_offset_s": row.offset_s,
        }
