"""MELD's dialogues as recordings: each rendered once as a WAV file, so that whatever reads a dialogue's file reads MELD's too.

Beside `timelines/train_dia0.wav` stands `train_dia0.json`: from which clips and by which rules (`meld_timeline`) it was
rendered, what is wrong with them, and which parts hold sound. A recording is rendered anew when its clips, its labels or the
rules have changed.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import filelock
import numpy as np
import pandas as pd
import soundfile
from tqdm import tqdm

from .. import paths
from . import meld_clips, meld_labels, meld_timeline
from .meld_clips import SAMPLE_RATE, ClipError
from .table import CorpusError

#: The folder of the recordings, below the corpus folder.
FOLDER = "timelines"

_MANY = 100  # recordings to render; fewer are done before a progress bar is read


def update(base: Path, placed: pd.DataFrame, *, jobs: int | None = None, progress: bool = True) -> dict[str, dict]:
    """Render the recordings that are missing or no longer what the clips and labels say.

    Args:
        base: the corpus folder.
        placed: from `meld_timeline.place`.
        jobs: how many are rendered at a time; None for one a core.
        progress: whether a bar is shown when there are many.

    Returns:
        Dialogue -> its record (the content of its .json file), for the dialogues of which there is a usable clip or a
        damaged one; not for those without any clip.

    Raises:
        CorpusError: the folder of the recordings cannot be written.
    """
    plans = plan(base, placed)
    records = current(base, plans)
    if len(records) == len(plans):
        return records
    try:
        (base / FOLDER).mkdir(exist_ok=True)
        with filelock.FileLock(base / FOLDER / ".lock"):
            records = current(base, plans)  # another process may have rendered them meanwhile
            stale = [dialogue for dialogue in plans if dialogue not in records]
            records |= _render_all(base, {name: plans[name] for name in stale}, jobs=jobs, progress=progress)
    except (OSError, soundfile.LibsndfileError) as error:
        raise CorpusError(
            f"MELD's dialogues cannot be rendered into {base / FOLDER} ({error}): make room there, or "
            f"make {FOLDER} a link to a folder that can be written; see data/README.md#meld"
        ) from error
    return records


def plan(base: Path, placed: pd.DataFrame) -> dict[str, list[dict]]:
    """What each recording is to be rendered from.

    Args:
        base: the corpus folder.
        placed: from `meld_timeline.place`.

    Returns:
        Dialogue -> its clips in the order of their start: `utterance`, `clip` (relative to the folder; None where there is
        none), its size and time of change, `from_s`, `to_s` (None where the clip's own length counts). Only dialogues of
        which there is any clip.
    """
    clips = {name: path for split in meld_labels.FILES for name, path in meld_clips.find(base, split).items()}
    plans: dict[str, list[dict]] = {}
    for row in placed.itertuples():
        path = clips.get(row.utterance)
        status = path.stat() if path else None
        plans.setdefault(row.dialogue, []).append(
            {
                "utterance": row.utterance,
                "clip": path.relative_to(base).as_posix() if path else None,
                "bytes": status.st_size if status else None,
                "changed": status.st_mtime_ns if status else None,
                "from_s": row.from_s,
                "to_s": None if np.isnan(row.to_s) else row.to_s,
            }
        )
    return {name: parts for name, parts in plans.items() if any(part["clip"] for part in parts)}


def current(base: Path, plans: dict[str, list[dict]]) -> dict[str, dict]:
    """The records of the recordings that are there and are what the plans say.

    Args:
        base: the corpus folder.
        plans: from `plan`.
    """
    found = {}
    for dialogue, parts in plans.items():
        recording = base / FOLDER / f"{dialogue}.wav"
        try:
            record = json.loads(recording.with_suffix(".json").read_text(encoding="utf-8"))
            whole = recording.stat().st_size == record["bytes"] and record["version"] == meld_timeline.VERSION
        except (OSError, ValueError, KeyError, TypeError):  # not there yet, or no record of ours: it is made anew
            continue
        if whole and [{key: clip.get(key) for key in parts[0]} for clip in record["clips"]] == parts:
            found[dialogue] = record
    return found


def silence(root: Path | str, windows: pd.DataFrame) -> pd.Series:
    """How much of each window no clip covers.

    Args:
        root: the corpus folder as `load` was given it.
        windows: a table with `audio`, `start_s` and `end_s`, as windows or utterances.

    Returns:
        The share of silence of each, from 0 to 1; same index.

    Raises:
        CorpusError: a recording's record is not there.
    """
    shares = pd.Series(np.nan, index=windows.index, name="silence")
    for name, rows in windows.groupby("audio"):
        record = (Path(root) / name).with_suffix(".json")
        if not record.is_file():
            raise CorpusError(f"{record}: no such file; load the corpus, which renders {name} and says what it holds")
        spans = np.array(json.loads(record.read_text(encoding="utf-8"))["spans"]).reshape(-1, 2)
        starts, ends = rows["start_s"].to_numpy()[:, np.newaxis], rows["end_s"].to_numpy()[:, np.newaxis]
        heard = (np.minimum(ends, spans[:, 1]) - np.maximum(starts, spans[:, 0])).clip(min=0).sum(axis=1)
        shares[rows.index] = (1 - heard / (ends - starts)[:, 0]).clip(0, 1)
    return shares


def _render_all(base: Path, plans: dict[str, list[dict]], *, jobs: int | None, progress: bool) -> dict[str, dict]:
    """Render recordings side by side; decoding leaves Python's lock, so threads are enough."""
    with ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        done = pool.map(lambda item: _render(base, *item), plans.items())
        shown = progress and len(plans) >= _MANY
        return dict(zip(plans, tqdm(done, "MELD's dialogues", len(plans), disable=not shown), strict=True))


def _render(base: Path, dialogue: str, parts: list[dict]) -> dict:
    """Render one recording and write it with its record, each whole or not at all: the record last."""
    said: dict[str, dict] = {}

    def decode(part: dict) -> np.ndarray:
        samples, said[part["utterance"]] = _sound(base, part)
        return samples

    line, covered = meld_timeline.lay(parts, decode)
    recording = base / FOLDER / f"{dialogue}.wav"
    with paths.replacing(recording) as partial:
        soundfile.write(partial, line, SAMPLE_RATE, subtype="PCM_16")
    record = {
        "version": meld_timeline.VERSION,
        "bytes": recording.stat().st_size,
        "clips": [{**part, **said[part["utterance"]]} for part in parts],
        "spans": meld_timeline.spans(covered),
    }
    with paths.replacing(recording.with_suffix(".json")) as partial:
        partial.write_text(json.dumps(record), encoding="utf-8")
    return record


def _sound(base: Path, part: dict) -> tuple[np.ndarray, dict]:
    """The sound of a part, and what the record says of it."""
    try:
        if part["clip"] is None:
            raise ClipError("no such file")
        sound = meld_clips.decode(base / part["clip"])
    except ClipError as error:
        return np.zeros(0, dtype=np.float32), {"problem": str(error)}
    return sound.samples, {"layout": sound.layout, "used": sound.used, "seconds": sound.seconds}
