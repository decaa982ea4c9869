"""MELD's sound: its clips, and the recordings of whole dialogues that are rendered from them, once.

A clip is an mp4 file of one utterance; what a forecast needs is the sound *before* it. So the clips of a dialogue are put where
the labels say that they lie in the episode (`meld.place`), and written as `timelines/train_dia0.wav`, beside it a .json file:
from which clips, what is wrong with them, and which parts hold sound. What has changed is rendered anew.

Rules: a clip lies from its StartTime; what it holds beyond its EndTime is cut off. Where two clips cover the same moment the
one that began first keeps it (they are never added up). Between clips there is silence, as there is for a clip that cannot be
used. A clip never reaches before its own start: nothing of an event is in the window before it.

Channels: a front centre beside others (5.1) is taken alone, for film sound has the dialogue there, the audience and the music
mostly around it; else the mean of all but the low-frequency one.
"""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import av
import filelock
import numpy as np
import pandas as pd
import soundfile
from tqdm import tqdm

from .. import audio, paths
from .table import CorpusError

#: Split -> the folder of its clips in the published archive; some copies have it in a folder of the split's name.
FOLDERS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
SAMPLE_RATE = 16_000  # of clips as `decode` gives them, and of recordings
FOLDER = "timelines"  # of the recordings, below the corpus folder
VERSION = 1  # to be raised with the rules: recordings of an older version are rendered anew

_NAME = re.compile(r"(dia\d+_utt\d+)\.mp4")  # neither `._dia0_utt0.mp4` of macOS nor `final_videos_testdia101_utt0.mp4`


class ClipError(ValueError):
    """A clip cannot be used. The message says what is wrong with it."""


# --- clips


def clips(root: Path) -> dict[str, dict[str, Path]]:
    """Split -> utterance ("train_dia0_utt3") -> its clip, for all files of the published kind of name."""
    found = {}
    for split, place in FOLDERS.items():
        folder = next((folder for folder in (root / place, root / split / place) if folder.is_dir()), None)
        names = (_NAME.fullmatch(entry.name) for entry in os.scandir(folder)) if folder else ()
        found[split] = {f"{split}_{name[1]}": folder / name[0] for name in names if name}
    return found


def problem(path: Path) -> str | None:
    """What is wrong with a clip by a look without decoding it (missing, empty, cut short, no mp4 file, no sound), or None."""
    try:
        with _opened(path):
            return None
    except ClipError as error:
        return str(error)


def decode(path: Path) -> np.ndarray:
    """Decode the sound of a clip from its beginning: float32, mono, 16 kHz, shape (n,); ClipError where there is none."""
    pieces: list[np.ndarray] = []
    begins_s = None
    with _opened(path) as container:
        stream = container.streams.audio[0]
        rate, places = stream.rate, _voices([channel.name for channel in stream.layout.channels])
        planar = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)  # floats, channel by channel
        for frame in container.decode(stream):
            if begins_s is None:
                begins_s = (frame.time or 0.0) - (container.start_time or 0) / 1e6
            pieces += [piece.to_ndarray()[places].mean(axis=0) for piece in planar.resample(frame)]
        length_s = float(stream.duration * stream.time_base) if stream.duration else None
    if not pieces:
        raise ClipError("its sound stream is empty")
    # a codec's last frame is filled up with silence
    samples = np.concatenate(pieces)[: None if length_s is None else round(length_s * rate)]
    begins = round(begins_s * rate)  # onto the clip's clock: sound may begin late, or before the clip
    samples = np.pad(samples, (begins, 0)) if begins > 0 else samples[-begins:]
    return samples if rate == SAMPLE_RATE else audio.resample(samples, rate, SAMPLE_RATE)


@contextmanager
def _opened(path: Path) -> Iterator[av.container.InputContainer]:
    if said := audio.no_sound(path) or _cut_short(path):
        raise ClipError(said)
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.audio:
                raise ClipError("it has no sound stream")
            yield container
    except av.error.FFmpegError as error:
        raise ClipError(f"its sound cannot be decoded ({error.strerror})") from error


def _cut_short(path: Path) -> str | None:
    """Hold the lengths that an mp4 file's parts state (ISO/IEC 14496-12, 4.2) against the file's own, as no decoder does."""
    size, position = path.stat().st_size, 0
    with path.open("rb") as file:
        if file.read(8)[4:] != b"ftyp":
            return "no mp4 file: it does not begin as one (ftyp)"
        while position < size:
            file.seek(position)
            length, _, longer = struct.unpack(">I4sQ", file.read(16).ljust(16, b"\0"))
            length = {0: size - position, 1: longer}.get(length, length)  # 0: to the file's end
            position += max(length, 8)
    return f"cut short: {position - size:,} bytes of {position:,} are missing" if position > size else None


def _voices(channels: list[str]) -> list[int]:
    """The places of the channels (FFmpeg's names: FL, FR, FC, LFE, ...) whose mean is taken."""
    if "FC" in channels:
        return [channels.index("FC")]
    return [place for place, name in enumerate(channels) if name != "LFE"]


# --- recordings of dialogues


def update(base: Path, placed: pd.DataFrame) -> dict[str, dict]:
    """Render the recordings that are missing or no longer what the clips of a folder and `meld.place` say.

    Gives dialogue -> its record (the content of its .json file), for the dialogues of which there is any clip.
    """
    plans = _plan(base, placed)
    records = current(base, placed)
    if len(records) == len(plans):
        return records
    try:
        (base / FOLDER).mkdir(exist_ok=True)
        with filelock.FileLock(base / FOLDER / ".lock"), ThreadPoolExecutor(os.cpu_count()) as pool:
            records = current(base, placed)  # another process may have rendered them meanwhile
            stale = [dialogue for dialogue in plans if dialogue not in records]
            # decoding leaves Python's lock, so threads are enough
            done = pool.map(lambda dialogue: _render(base, dialogue, plans[dialogue]), stale)
            bar = tqdm(done, "MELD's dialogues", len(stale), disable=len(stale) < 100)
            return records | dict(zip(stale, bar, strict=True))
    except (OSError, soundfile.LibsndfileError) as error:
        raise CorpusError(
            f"MELD's dialogues cannot be rendered into {base / FOLDER} ({error}): make room there, or "
            f"make {FOLDER} a link to a folder that can be written; see data/README.md#meld"
        ) from error


def current(base: Path, placed: pd.DataFrame) -> dict[str, dict]:
    """The records of the recordings that are there and are what the clips and labels say; arguments as for `update`."""
    found = {}
    for dialogue, parts in _plan(base, placed).items():
        recording = base / FOLDER / f"{dialogue}.wav"
        try:
            record = json.loads(recording.with_suffix(".json").read_text(encoding="utf-8"))
            whole = recording.stat().st_size == record["bytes"] and record["version"] == VERSION
        except (OSError, ValueError, KeyError, TypeError):  # not there yet, or no record of ours: it is made anew
            continue
        if whole and [{key: clip.get(key) for key in parts[0]} for clip in record["clips"]] == parts:
            found[dialogue] = record
    return found


def _plan(base: Path, placed: pd.DataFrame) -> dict[str, list[dict]]:
    """Dialogue of which there is any clip -> its clips in the order of their start: what its recording is rendered from."""
    files = {name: path for found in clips(base).values() for name, path in found.items()}
    plans: dict[str, list[dict]] = {}
    for row in placed.itertuples():
        path = files.get(row.utterance)
        status = path.stat() if path else None
        plans.setdefault(row.dialogue, []).append(
            {
                "utterance": row.utterance,
                "clip": path.relative_to(base).as_posix() if path else None,
                "bytes": status.st_size if status else None,
                "changed": status.st_mtime_ns if status else None,
                "from_s": row.from_s,
                "to_s": None if np.isnan(row.to_s) else row.to_s,  # then the clip's own length counts
            }
        )
    return {name: parts for name, parts in plans.items() if any(part["clip"] for part in parts)}


def _render(base: Path, dialogue: str, parts: list[dict]) -> dict:
    """Render one recording and write it with its record, each whole or not at all: the record last."""
    said, sounds = [], []
    for part in parts:
        try:
            sounds.append(decode(base / (part["clip"] or f"{part['utterance']}.mp4")))
            said.append({**part, "seconds": sounds[-1].size / SAMPLE_RATE})
        except ClipError as error:
            sounds.append(np.zeros(0, dtype=np.float32))
            said.append({**part, "problem": str(error)})
    line, spans = lay(parts, sounds)
    recording = base / FOLDER / f"{dialogue}.wav"
    with paths.replacing(recording) as partial:
        soundfile.write(partial, line, SAMPLE_RATE, subtype="PCM_16")
    record = {"version": VERSION, "bytes": recording.stat().st_size, "clips": said, "spans": spans}
    with paths.replacing(recording.with_suffix(".json")) as partial:
        partial.write_text(json.dumps(record), encoding="utf-8")
    return record


def lay(parts: list[dict], sounds: list[np.ndarray]) -> tuple[np.ndarray, list[list[float]]]:
    """Lay clips on one clock, by the rules above: gives the sound, int16, and where clips cover it, in pairs of seconds.

    `parts` are the clips in the order of their start, with `from_s` and `to_s` (None where the clip's own length counts);
    `sounds` has the sound of each, float, 16 kHz, of no sample where it cannot be used.
    """
    spans = []
    for part, samples in zip(parts, sounds, strict=True):
        start = round(part["from_s"] * SAMPLE_RATE)
        spans.append((start, start + samples.size if part["to_s"] is None else round(part["to_s"] * SAMPLE_RATE)))
    line = np.zeros(max(end for _, end in spans), dtype=np.int16)
    covered = np.zeros(line.size, dtype=bool)
    for (start, end), samples in zip(spans, sounds, strict=True):
        sound = samples[: end - start]
        span = slice(start, start + sound.size)
        free = ~covered[span]
        line[span][free] = np.clip(np.rint(sound[free] * 32768), -32768, 32767)
        covered[span] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[False], covered, [False]]).astype(np.int8)))
    return line, (edges.reshape(-1, 2) / SAMPLE_RATE).tolist()


def silence(root: Path | str, windows: pd.DataFrame) -> pd.Series:
    """The share of each of some `windows` or utterances, from 0 to 1, that no clip covers; same index."""
    shares = pd.Series(np.nan, index=windows.index, name="silence")
    for name, rows in windows.groupby("audio"):
        record = (Path(root) / name).with_suffix(".json")
        spans = np.array(json.loads(record.read_text(encoding="utf-8"))["spans"]).reshape(-1, 2)
        starts, ends = rows["start_s"].to_numpy()[:, np.newaxis], rows["end_s"].to_numpy()[:, np.newaxis]
        sounding = (np.minimum(ends, spans[:, 1]) - np.maximum(starts, spans[:, 0])).clip(min=0).sum(axis=1)
        shares[rows.index] = (1 - sounding / (ends - starts)[:, 0]).clip(0, 1)
    return shares
