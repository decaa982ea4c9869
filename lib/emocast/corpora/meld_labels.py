"""MELD's three label files: one row an utterance, and what is odd about it.

The files are read by themselves, without a clip. The odd rows were counted on the published files (13,708 rows); what is
done with each kind is decided here and in `meld_timeline`, the same for every copy:

`ODD` says the same in short, for the table of `odd_rows`.

- no length (1): the end is not after the start. The clip's own length counts.
- over a minute (2): the clip holds minutes of other scenes (issue 20), so its label is of no moment that is known. Neither
  the label nor the sound is used.
- starts before the one before (31): the clock counts and not the number, for the sound is the episode's. Three of them go
  back by more than 10 s.
- same span as another (22 in 11 pairs): one subtitle of two sentences. Both labels stay; their windows are the same.
- overlaps one before (892): it starts before the latest end so far. What sounds twice is the same sound of the episode:
  the clip that began first keeps it, and nothing is added up.
- after a jump (32): more than 60 s after all before it, which is another scene. On the timeline the silence between is
  limited to 60 s, so that no recording is minutes of nothing, and no window of up to a minute reaches across. 60 s lie
  where the gaps thin out: from 40 to 60 s there are 4, above there are minutes.
- at the same time as another dialogue (198): on the episode's clock it overlaps an utterance of another dialogue, of another
  split in some. Both stay, each in its dialogue's recording; the table of utterances says where that lies in the episode, so
  that what a division shares is counted there (`forecasting.sharing`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from .table import CorpusError, Problem

#: Split -> its label file.
FILES: dict[str, str] = {split: f"{split}_sent_emo.csv" for split in ("train", "dev", "test")}

#: No label is longer, in seconds; one that is has lost its place in the episode.
LONGEST_S = 60.0

#: The longest silence between two utterances of a timeline, in seconds.
SILENCE_S = 60.0

#: The kinds of odd rows, as column `odd` names them, and what is done with each.
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
SEX: dict[str, str] = {
    "Monica": "female", "Phoebe": "female", "Rachel": "female", "Chandler": "male", "Joey": "male", "Ross": "male",
}  # fmt: skip

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
_AGAIN = "get the label file again; see data/README.md#meld"


def annotations(root: Path | str, *, labels: dict[str, str]) -> tuple[pd.DataFrame, list[Problem]]:
    """Read the label files.

    Args:
        root: the folder that holds them, or their folders of the split's name.
        labels: the emotions' names in the files -> ours.

    Returns:
        One row an utterance, in the files' order: `split`, `dialogue` ("train_dia0"), `utterance` ("train_dia0_utt3"),
        `number` (within the dialogue), `speaker`, `text`, `emotion`, `season`, `episode`, `start_s` and `end_s` on the
        episode's clock, `odd` (its kinds out of `ODD`, in a tuple). And the lines and files that cannot be read.

    Raises:
        CorpusError: there is no label file, or not one good line in them.
    """
    found: list[Problem] = []
    rows: list[dict] = []
    files = {split: label_file(root, split) for split in FILES}
    if not any(files.values()):
        raise CorpusError(
            f"no MELD under {root}: expected train_sent_emo.csv, dev_sent_emo.csv and test_sent_emo.csv there; "
            "see data/README.md#meld"
        )
    for split, path in files.items():
        if path is None:
            found.append(Problem(FILES[split], "missing labels", "no such file: the split is left out", _AGAIN))
        else:
            rows += _rows(path, split, path.relative_to(root).as_posix(), labels, found)
    if not rows:
        first = max(found, key=lambda problem: problem.problem != "missing labels")
        raise CorpusError(f"meld under {root} has no usable utterance; the first problem: {first.file}: {first.detail}")
    table = pd.DataFrame(rows)
    return table.assign(odd=_odd(table)), found


def label_file(root: Path | str, split: str) -> Path | None:
    """The label file of a split: at the top, or in the split's folder, where some copies have it; None if it is not there."""
    candidates = (Path(root) / FILES[split], Path(root) / split / FILES[split])
    return next((path for path in candidates if path.is_file()), None)


def _rows(path: Path, split: str, where: str, labels: dict[str, str], found: list[Problem]) -> Iterator[dict]:
    """The rows of one file; lines that do not parse are noted by number."""
    seen: set[str] = set()
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    lacking = set(_COLUMNS) - set(reader.fieldnames or ())
    if lacking:
        detail = f"no column {min(lacking)}: the split is left out"
        found.append(Problem(where, "bad label file", detail, _AGAIN))
        return
    try:
        for line in reader:
            try:
                row = _row(line, split, labels)
                if row["utterance"] in seen:
                    raise ValueError(f"{row['utterance']} is listed a second time")
            except ValueError as error:
                found.append(Problem(where, "bad label line", f"line {reader.line_num}: {error}", _AGAIN))
            else:
                seen.add(row["utterance"])
                yield row
    except csv.Error as error:
        detail = f"line {reader.line_num}: not readable as CSV ({error}); all from there on is left out"
        found.append(Problem(where, "bad label line", detail, _AGAIN))


def read_text(path: Path) -> str:
    """A label file's text: UTF-8, with or without its mark, or Windows' code page, whole or in single characters.

    The published files are UTF-8. Copies that went through a spreadsheet are in code page 1252, and old versions of the
    files hold its quotes as control characters (\\x92 for a closing quote).
    """
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    return re.sub("[\x80-\x9f]", lambda sign: sign[0].encode("latin-1").decode("cp1252", errors="replace"), text)


def _row(line: dict[str, str], split: str, labels: dict[str, str]) -> dict:
    if any(line.get(column) is None for column in _COLUMNS) or None in line:
        raise ValueError("not as many fields as the header")
    emotion = line["Emotion"].strip().lower()
    if emotion not in labels:
        raise ValueError(f"unknown emotion {line['Emotion']!r}")
    dialogue = f"{split}_dia{int(line['Dialogue_ID'])}"
    number = int(line["Utterance_ID"])
    return {
        "split": split,
        "dialogue": dialogue,
        "utterance": f"{dialogue}_utt{number}",
        "number": number,
        "speaker": speaker(line["Speaker"]),
        "text": line["Utterance"].strip(),
        "emotion": labels[emotion],
        "season": int(line["Season"]),
        "episode": int(line["Episode"]),
        "start_s": seconds(line["StartTime"]),
        "end_s": seconds(line["EndTime"]),
    }


def seconds(clock: str) -> float:
    """A moment of the episode, written "00:16:16,059" or "0:16:16,059", in seconds.

    Raises:
        ValueError: it is written in another way.
    """
    parts = _TIME.fullmatch(clock.strip())
    if not parts:
        raise ValueError(f"{clock!r} is no time as 00:16:16,059")
    hours, minutes, whole, fraction = parts.groups()
    return int(hours) * 3600 + int(minutes) * 60 + int(whole) + int(fraction.ljust(3, "0")) / 1000


def speaker(name: str) -> str:
    """A character's name in one spelling: plain quotes, single spaces, no full stop at the end, the friends capitalised."""
    plain = " ".join(name.translate(_QUOTES).split()).removesuffix(".")
    return plain.capitalize() if plain.capitalize() in SEX else plain


def _odd(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """What is odd about each row, by the rows of its dialogue."""
    numbered = table.sort_values(["dialogue", "number"])
    timed = table[~_too_long(table)].sort_values(["dialogue", "start_s", "number"])
    reach = timed.groupby("dialogue")["end_s"].transform(lambda ends: ends.cummax().shift())
    kinds = {
        "no length": table["end_s"] <= table["start_s"],
        "over a minute": _too_long(table),
        "starts before the one before": numbered["start_s"] < numbered.groupby("dialogue")["start_s"].shift(),
        "same span as another": table.duplicated(["dialogue", "start_s", "end_s"], keep=False),
        "overlaps one before": timed["start_s"] < reach,
        "after a jump": timed["start_s"] - reach > SILENCE_S,
        "at the same time as another dialogue": _at_once(timed),
    }
    flags = pd.DataFrame({kind: rows.reindex(table.index, fill_value=False) for kind, rows in kinds.items()})
    return [tuple(flags.columns[row]) for row in flags.to_numpy()]


def odd_rows(annotations: pd.DataFrame) -> pd.DataFrame:
    """Count the odd rows of the label files.

    Args:
        annotations: from `annotations`.

    Returns:
        One row a kind of `ODD`, in its order: `kind`, `rows` (how many; a row may be of several kinds), `done` (with them).
    """
    counted = annotations["odd"].explode().value_counts()
    rows = [{"kind": kind, "rows": int(counted.get(kind, 0)), "done": done} for kind, done in ODD.items()]
    return pd.DataFrame(rows)


def _at_once(timed: pd.DataFrame) -> pd.Series:
    """Which rows last while a row of another dialogue of their episode does."""
    found = pd.Series(False, index=timed.index)
    for _, rows in timed.groupby(["season", "episode"]):
        start, end, dialogue = (rows[name].to_numpy() for name in ("start_s", "end_s", "dialogue"))
        together = np.minimum(end[:, np.newaxis], end) > np.maximum(start[:, np.newaxis], start)
        found[rows.index] = (together & (dialogue[:, np.newaxis] != dialogue)).any(axis=1)
    return found


def _too_long(table: pd.DataFrame) -> pd.Series:
    """Which rows are of no known moment, and so no part of what a dialogue's other rows are held against."""
    return table["end_s"] - table["start_s"] > LONGEST_S
