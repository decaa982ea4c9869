"""MELD (Multimodal EmotionLines Dataset): conversations of several people in a television comedy, labelled turn by turn.

Who and what: the six main characters of *Friends* and some 300 others in 1,432 dialogues of 13,708 utterances, 3.2 s each
by the labels; American English, acted, with music and a laughing audience. The official splits (train, dev, test) share
episodes: hold out whole episodes where an unknown one is meant.
How labelled: three annotators chose one of Ekman's six emotions or neutral for each utterance with picture and sound at
hand; the majority is the label ("rated"). No valence, arousal or dominance.
Licence: the labels are under the GPL-3.0; the scenes are those of the series Friends and not the authors' to license: for
research, and its owners are to be asked before clips are passed on (`data/LICENCES.md`).
Known faults: `ODD` here, and `known_bad` in `releases.yaml`. Times come from an automatic alignment of subtitles, so a window
may hold the first sounds of its event: `guard_s` of a profile keeps a distance. A speaker is the character's name; "Waiter" may
be two people.
The whole of a dialogue is rendered from its clips by the first `load` (`meld_sound`): once, minutes, about 1.8 GB.

Layout read: `{train,dev,test}_sent_emo.csv` and the mp4 clips in `train_splits`, `dev_splits_complete` and
`output_repeated_splits_test`, at the top or in folders `train`, `dev`, `test`; in the corpus folder or in `MELD.Raw` below it.
The duplicates `final_videos_test...` are passed over, as are clips that no label names. Where no split has a clip, the label
files are read alone: then no utterance has sound, `audio` says so (`audio.NO_SOUND`), and one without a length is left out.
In the table: `audio` is the dialogue's recording (`timelines/train_dia0.wav`) and the times are within it; `session` is
"S08E21", `dialogue` "train_dia0", `speaker` the character; `sex` is known of the six main characters alone.
`session_offset_s` leads to the episode's clock, on which dialogues overlap.
Source: Poria et al. 2019, https://doi.org/10.18653/v1/P19-1050; counts: the published label files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from .. import audio
from . import meld_sound, table
from .table import CorpusError, Problem, Reading

#: MELD's names -> the project's emotions.
LABELS = {
    **{name: name for name in ("neutral", "sadness", "anger", "fear", "surprise", "disgust")},
    "joy": "happiness",
}
FILES = {split: f"{split}_sent_emo.csv" for split in ("train", "dev", "test")}  # the label file of each split
SILENCE_S = 60.0  # the longest silence between two utterances of a recording; where the gaps thin out
#: The kinds of odd rows, as column `odd` names them, and what is done with each: 1, 2, 31, 22 (in 11 pairs), 892, 32 and 198
#: of the published 13,708. The clips of labels over a minute hold minutes of other scenes (issue 20); a jump leads to another
#: scene, so no window of up to a minute reaches across one; what sounds twice is the same sound of the episode.
ODD: dict[str, str] = {
    "no length": "the end is not after the start: an event, but without its clip nobody knows when it ends, so it is no past",
    "over a minute": "of no known moment: left out, label and sound",
    "starts before the one before": "put in the order of the clock, not of the numbers",
    "same span as another": "both labels stay, with the same window",
    "overlaps one before": "both stay; sound that is there twice is heard once",
    "after a jump": f"the silence before it is cut down to {SILENCE_S:g} s",
    "at the same time as another dialogue": "both stay; shared seconds are counted on the episode's clock",
}
#: The six friends, whose sex is known; the speakers' other names tell it too rarely.
SEX = dict.fromkeys(("Monica", "Phoebe", "Rachel"), "female") | dict.fromkeys(("Chandler", "Joey", "Ross"), "male")
_COLUMNS = (
    "Utterance",
    "Speaker",
    "Emotion",
    "Dialogue_ID",
    "Utterance_ID",
    "Season",
    "Episode",
    "StartTime",
    "EndTime",
)
_TIME = re.compile(r"(\d{1,2}):([0-5]\d):([0-5]\d)[,.](\d{1,3})")
_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "\xa0": " "})
_LABELS_AGAIN, _CLIPS_AGAIN = (f"get the {what} again; see data/README.md#meld" for what in ("label file", "archive"))


def annotations(root: Path | str) -> pd.DataFrame:
    """Read the label files alone: no clip is needed. CorpusError where not one good line is in them.

    Returns:
        One row an utterance, in the files' order: `split`, `dialogue` ("train_dia0"), `utterance` ("train_dia0_utt3"),
        `number` (within the dialogue), `speaker`, `text`, `emotion`, `season`, `episode`, `start_s` and `end_s` on the
        episode's clock, `odd` (its kinds out of `ODD`, in a tuple).
    """
    return read_labels(_base(Path(root)))[0]


def read_labels(root: Path) -> tuple[pd.DataFrame, list[Problem]]:
    """The annotations, and the lines and files that cannot be read."""
    found: list[Problem] = []
    if not any(_label_file(root, split).is_file() for split in FILES):
        raise CorpusError(f"no MELD under {root}: expected {', '.join(FILES.values())} there; see data/README.md#meld")
    rows = [row for split in FILES for row in _rows_of(root, split, found)]
    if not rows and not found:
        raise CorpusError(f"meld under {root}: the label files name no utterance; see data/README.md#meld")
    if not rows:
        first = max(found, key=lambda problem: problem.problem != "missing labels")
        raise CorpusError(f"meld under {root} has no usable utterance; the first problem: {first.file}: {first.detail}")
    read = pd.DataFrame(rows)
    return read.assign(odd=_odd(read)), found


def _label_file(root: Path, split: str) -> Path:
    """The label file of a split: at the top, or in the split's folder, where some copies have it."""
    top, inside = root / FILES[split], root / split / FILES[split]
    return inside if inside.is_file() and not top.is_file() else top


def odd_rows(annotations: pd.DataFrame) -> pd.DataFrame:
    """Count the odd rows of `annotations`: `kind` (of `ODD`), `rows` (a row may be of several kinds), `done` (with them)."""
    counted = annotations["odd"].explode().value_counts().reindex(ODD, fill_value=0)
    return pd.DataFrame({"kind": list(ODD), "rows": counted.to_numpy(), "done": list(ODD.values())})


def _is_lost(annotations: pd.DataFrame) -> pd.Series:
    """Which rows have lost their place in the episode: neither their label nor their sound is used."""
    return annotations["odd"].map(lambda kinds: "over a minute" in kinds).astype(bool)


def place(annotations: pd.DataFrame) -> pd.DataFrame:
    """Put `annotations` on the clocks of their dialogues' recordings, which begin with the earliest utterance.

    Gives the rows whose moment is known, by dialogue and start, with `from_s` and `to_s`: seconds within the recording (`to_s`
    is missing where the label has no length). And `offset_s`: seconds of the episode at which the recording's clock stands at
    zero, as it runs at that utterance: after each jump of the labels it is a later one.
    """
    rows = annotations[~_is_lost(annotations)].sort_values(["dialogue", "start_s", "number"], kind="stable")
    dialogues = rows.groupby("dialogue", sort=False)
    reach = dialogues["end_s"].transform(lambda ends: ends.cummax().shift())
    left_out = (rows["start_s"] - reach - SILENCE_S).clip(lower=0).fillna(0.0)
    origin = dialogues["start_s"].transform("min") + left_out.groupby(rows["dialogue"]).cumsum()
    ends = rows["end_s"].where(rows["end_s"] > rows["start_s"])
    from_s, to_s = (rows["start_s"] - origin).round(3), (ends - origin).round(3)
    return rows.assign(from_s=from_s, to_s=to_s, offset_s=origin.round(3))


def _rows_of(root: Path, split: str, found: list[Problem]) -> Iterator[dict]:
    """The rows of one label file; lines that do not parse are noted by number."""
    seen: set[str] = set()
    where = _label_file(root, split).relative_to(root).as_posix()
    for number, line in table.label_lines(root, where, _COLUMNS, found, advice=_LABELS_AGAIN):
        try:
            row = _row(line, split)
            if row["utterance"] in seen:
                raise ValueError(f"{row['utterance']} is listed a second time")
        except ValueError as error:
            found.append(Problem(where, "bad label line", f"line {number}: {error}", _LABELS_AGAIN))
        else:
            seen.add(row["utterance"])
            yield row


def _row(line: dict[str, str | None], split: str) -> dict:
    if any(line.get(column) is None for column in _COLUMNS) or None in line:
        raise ValueError("not as many fields as the header")
    emotion = line["Emotion"].strip().lower()
    if emotion not in LABELS:
        raise ValueError(f"unknown emotion {line['Emotion']!r}")
    dialogue, number = f"{split}_dia{int(line['Dialogue_ID'])}", int(line["Utterance_ID"])
    speaker = " ".join(line["Speaker"].translate(_QUOTES).split()).removesuffix(".")  # one spelling of a character
    return {
        "split": split,
        "dialogue": dialogue,
        "utterance": f"{dialogue}_utt{number}",
        "number": number,
        "speaker": speaker.capitalize() if speaker.capitalize() in SEX else speaker,
        "text": line["Utterance"].strip(),
        "emotion": LABELS[emotion],
        "season": int(line["Season"]),
        "episode": int(line["Episode"]),
        "start_s": _seconds(line["StartTime"]),
        "end_s": _seconds(line["EndTime"]),
    }


def _seconds(clock: str) -> float:
    """A moment of the episode, written "00:16:16,059" or "0:16:16,059", in seconds."""
    parts = _TIME.fullmatch(clock.strip())
    if not parts:
        raise ValueError(f"{clock!r} is no time as 00:16:16,059")
    hours, minutes, whole, fraction = parts.groups()
    return int(hours) * 3600 + int(minutes) * 60 + int(whole) + int(fraction.ljust(3, "0")) / 1000


def _odd(rows: pd.DataFrame) -> list[tuple[str, ...]]:
    """What is odd about each row, by the rows of its dialogue."""
    numbered = rows.sort_values(["dialogue", "number"])
    too_long = rows["end_s"] - rows["start_s"] > 60  # it has lost its place: others are not held against it
    timed = rows[~too_long].sort_values(["dialogue", "start_s", "number"])
    reach = timed.groupby("dialogue")["end_s"].transform(lambda ends: ends.cummax().shift())
    kinds = {
        "no length": rows["end_s"] <= rows["start_s"],
        "over a minute": too_long,
        "starts before the one before": numbered["start_s"] < numbered.groupby("dialogue")["start_s"].shift(),
        "same span as another": rows.duplicated(["dialogue", "start_s", "end_s"], keep=False),
        "overlaps one before": timed["start_s"] < reach,
        "after a jump": timed["start_s"] - reach > SILENCE_S,
        "at the same time as another dialogue": _at_once(timed),
    }
    flags = pd.DataFrame({kind: which.reindex(rows.index, fill_value=False) for kind, which in kinds.items()})
    return [tuple(flags.columns[row]) for row in flags.to_numpy()]


def _at_once(timed: pd.DataFrame) -> pd.Series:
    """Which rows last while a row of another dialogue of their episode does."""
    found = pd.Series(False, index=timed.index)
    for _, rows in timed.groupby(["season", "episode"]):
        start, end, dialogue = (rows[name].to_numpy() for name in ("start_s", "end_s", "dialogue"))
        together = np.minimum(end[:, np.newaxis], end) > np.maximum(start[:, np.newaxis], start)
        found[rows.index] = (together & (dialogue[:, np.newaxis] != dialogue)).any(axis=1)
    return found


def _base(root: Path) -> Path:
    """The folder that holds the label files; `root` itself where there are none, for the error that names it."""
    folders = (root, root / "MELD.Raw")
    return next((base for base in folders if any(_label_file(base, split).is_file() for split in FILES)), root)


def _read(root: Path, *, records_of: Callable[[Path, pd.DataFrame], dict]) -> Reading:
    """Read the labels, and what the recordings' records say: those of `update`, or of `current` without writing anything."""
    base = _base(root)
    read, found = read_labels(base)
    placed = place(read)
    records = records_of(base, placed)
    for row in read[_is_lost(read)].itertuples():
        detail = f"{row.utterance} lasts {row.end_s - row.start_s:.0f} s by its label: neither label nor sound is used"
        found.append(Problem(FILES[row.split], "lost utterance", detail, "nothing; the published file has two such"))
    silent = not any(meld_sound.clips(base).values())
    found += [] if silent else _damaged(base, placed, records)
    wanted = table.expected_counts(base, CORPUS.counts)
    codes = {code: int((read["emotion"] == emotion).sum()) for code, emotion in LABELS.items()}
    dialogues = read.groupby("split")["dialogue"].nunique()
    said = {"file": "{code}_sent_emo.csv", "advice": _CLIPS_AGAIN}
    miscounts = [
        *table.compare(codes, wanted["codes"], file="*_sent_emo.csv", what="labels of {code}", advice=_CLIPS_AGAIN),
        *table.compare(read["split"].value_counts(), wanted["utterances"], what="utterances", **said),
        *table.compare(dialogues, wanted["dialogues"], what="dialogues", **said),
    ]
    clips = {
        clip["utterance"]: clip["seconds"] for one in records.values() for clip in one["clips"] if "seconds" in clip
    }
    folder = (base / meld_sound.FOLDER).relative_to(root).as_posix()
    if silent:
        endless = placed["to_s"].isna()
        folder, clips = audio.NO_SOUND, dict.fromkeys(placed.loc[~endless, "utterance"], 0.0)
        for row in placed[endless].itertuples():
            detail = f"{row.utterance} has no length by its label, and no clip tells when it ends: left out"
            found.append(
                Problem(FILES[row.split], "lost utterance", detail, "nothing; the published file has one such")
            )
        miscounts.insert(0, table.soundless("train_splits", len(clips)))
    rows = [
        {
            "utterance": row.utterance,
            "dialogue": row.dialogue,
            "session": f"S{row.season:02d}E{row.episode:02d}",
            "speaker": row.speaker,
            "sex": SEX.get(row.speaker),
            "language": "en",
            "audio": f"{folder}/{row.dialogue}.wav",
            "start_s": row.from_s,
            "end_s": row.from_s + clips[row.utterance] if pd.isna(row.to_s) else row.to_s,
            "emotion": row.emotion,
            "text": row.text,
            "rating": "rated",
            "session_offset_s": row.offset_s,
        }
        for row in placed[placed["utterance"].isin(clips.keys())].itertuples()
    ]
    return rows, found, miscounts


def _damaged(base: Path, placed: pd.DataFrame, records: dict[str, dict]) -> Iterator[Problem]:
    """What is wrong with the clips of the labelled utterances: as they were rendered, or by a look at the files."""
    rendered = {clip["utterance"]: clip.get("problem") for record in records.values() for clip in record["clips"]}
    clips = meld_sound.clips(base)
    for split, rows in placed.groupby("split", sort=False):
        folder, there = meld_sound.FOLDERS[split], clips[split]
        if not there:
            detail = f"no clip of the split is there: all {len(rows):,} utterances are left out"
            yield Problem(folder, "missing recordings", detail, _CLIPS_AGAIN)
        for row in rows.itertuples() if there else ():
            name = row.utterance
            path = there.get(name, base / folder / f"{name.removeprefix(f'{split}_')}.mp4")
            if problem := rendered[name] if name in rendered else meld_sound.problem(path):
                advice = f"nothing: {CORPUS.known_bad[name]}" if name in CORPUS.known_bad else _CLIPS_AGAIN
                where, detail = path.relative_to(base).as_posix(), f"{problem}; {name} is left out"
                yield Problem(where, table.damage(problem), detail, advice)


def _sounds(base: Path) -> pd.DataFrame:
    """The labelled utterances of which there is a clip, each with the clip: what `validate.examine` reads; renders nothing."""
    read = read_labels(base)[0]
    paths = {name: path for clips in meld_sound.clips(base).values() for name, path in clips.items()}
    read = read[read["utterance"].isin(paths.keys()) & ~_is_lost(read)]
    length = read["end_s"] - read["start_s"]
    return read.assign(
        group=read["season"].astype(str) + "." + read["episode"].astype(str),
        file=[paths[name].relative_to(base).as_posix() for name in read["utterance"]],
        label_s=length.where(length > 0),
        moment=read["dialogue"] + read["start_s"].map(" {:.3f} ".format) + read["end_s"].map("{:.3f}".format),
        start_s=0.0,
        end_s=float("nan"),
    )


CORPUS = table.released(
    "meld",
    read=partial(_read, records_of=meld_sound.update),
    look=partial(_read, records_of=meld_sound.current),
    written=meld_sound.FOLDER,
    card=__doc__,
    labels=LABELS,
    base=_base,
    sounds=_sounds,
    silence=meld_sound.silence,
)
load, validate = CORPUS.load, CORPUS.validate
