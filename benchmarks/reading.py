"""(c) and (e): cutting windows, reading them off the disk, and reading embeddings that are there."""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pandas as pd

from emocast import audio, windows
from emocast.encoders import store

from .measure import Result, rounds, spread

EVENTS = 2_931  # of the preprint's four classes on IEMOCAP, rounded up to what its sweep needs
SHIFTS_S = range(0, 21, 2)
READ = 200
ROUNDS = 5
DIMENSION = 768
DIALOGUES = 151  # IEMOCAP's


def cutting_and_reading(root: Path, cut: pd.DataFrame) -> Result:
    """(c) The windows of the whole sweep cut, and some read, against a loop of rows and `librosa.load`."""
    events = _events()
    some = cut.sample(READ, random_state=0, replace=len(cut) < READ)
    ways = {
        "cut, a row at a time": lambda: _by_rows(events),
        "cut": lambda: windows.sweep(events, SHIFTS_S, length_s=10.0),
        "read, librosa.load": lambda: [_librosa(root, row, 16_000) for row in some.itertuples()],
        "read": lambda: [_ours(root, row, 16_000) for row in some.itertuples()],
        "read at 48 kHz, librosa.load": lambda: [_librosa(root, row, 48_000) for row in some.itertuples()],
        "read at 48 kHz": lambda: [_ours(root, row, 48_000) for row in some.itertuples()],
    }
    seconds = rounds(ways, number=ROUNDS)
    rows = []
    for plain, ours in zip(list(ways)[::2], list(ways)[1::2], strict=True):
        number = READ if "read" in ours else len(windows.sweep(events, SHIFTS_S, length_s=10.0))
        rows.append(
            {
                "what": ours,
                "windows": number,
                "microseconds a window": spread(1e6 * seconds[ours] / number, 1),
                "plain": plain,
                "times the plain way": spread(seconds[plain] / seconds[ours]),
            }
        )
    said = f"{ROUNDS} rounds in turn; median (range). The same process, one thread, files in the system's cache."
    return Result("(c) Cutting and reading windows", pd.DataFrame(rows), [said])


def warm(scratch: Path) -> Result:
    """(e) As many embeddings as the full sweep has, read from the files of the store."""
    per_file = -(-EVENTS * len(SHIFTS_S) // DIALOGUES)
    values = np.random.default_rng(0).normal(size=(DIALOGUES, per_file, DIMENSION)).astype(np.float32)
    spans = np.array([(16 * number, 16 * number + 160_000) for number in range(per_file)])
    files = [scratch / f"{number:03}.npz" for number in range(DIALOGUES)]
    for file, some in zip(files, values, strict=True):
        np.savez(file, spans=spans, embeddings=some)
    seconds = rounds({"read": lambda: [store._read(file) for file in files]}, number=ROUNDS)["read"]
    if not all(
        np.array_equal(list(store._read(file).values()), some) for file, some in zip(files, values, strict=True)
    ):
        raise AssertionError("the store gave back something else")
    row = {
        "embeddings": per_file * DIALOGUES,
        "values": DIMENSION,
        "files": len(files),
        "megabytes": sum(file.stat().st_size for file in files) / 1e6,
        "seconds to read": spread(seconds),
    }
    said = (
        "Every file is read whole and its checksums compared, every time. The values were those that had been written."
    )
    return Result("(e) A warm store", pd.DataFrame([row]), [said])


def _events() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    start_s = np.sort(rng.uniform(30, 300, EVENTS))
    return pd.DataFrame({**dict.fromkeys(windows.EVENT_COLUMNS, "x"), "start_s": start_s, "end_s": start_s + 4})


def _by_rows(events: pd.DataFrame) -> list[dict]:
    rows = []
    for shift_s in SHIFTS_S:
        for _, event in events.iterrows():
            if event["start_s"] - shift_s >= 10:
                end_s = event["start_s"] - shift_s
                rows.append({**event, "shift_s": shift_s, "start_s": end_s - 10, "end_s": end_s})
    return rows


def _librosa(root: Path, row, rate: int) -> np.ndarray:
    return librosa.load(root / row.audio, sr=rate, offset=row.start_s, duration=row.end_s - row.start_s)[0]


def _ours(root: Path, row, rate: int) -> np.ndarray:
    return audio.read(root / row.audio, start_s=row.start_s, end_s=row.end_s, sample_rate=rate)
