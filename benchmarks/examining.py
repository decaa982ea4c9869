"""(f): what it costs to listen to every sound file of a copy, as `make data`'s check does."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from emocast.corpora import emodb, validate

from .measure import Result, rounds, spread

FILES = 12_000
SAMPLES = 50_000  # 3.1 s, 100 kB
RATE = 16_000
ROUNDS = 2


def examining(scratch: Path) -> Result:
    """(f) A copy of many short clips examined, against a loop that reads and digests them and against headers alone."""
    root = _copy(scratch / "clips")
    ways = {
        "a loop of reads and digests": lambda: _plain(root),
        "headers and names (validate)": lambda: emodb.validate(root),
        "every sample (examine)": lambda: validate.examine("emodb", root, progress=False),
    }
    seconds = rounds(ways, number=ROUNDS, warm=False)
    plain = seconds["a loop of reads and digests"]
    rows = [
        {
            "what": way,
            "files": FILES,
            "seconds": spread(seconds[way], 1),
            "share of the loop": spread(seconds[way] / plain),
        }
        for way in ways
    ]
    megabytes = FILES * SAMPLES * 2 / 1e6
    said = f"{megabytes:,.0f} MB of 16-bit WAV files, {ROUNDS} rounds in turn; median (range). Files in the system's cache."
    return Result("(f) Examining a copy", pd.DataFrame(rows), [said])


def _copy(root: Path) -> Path:
    """Write clips with names of EmoDB: no two alike."""
    (root / "wav").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(-3000, 3000, size=FILES + SAMPLES, dtype=np.int16)
    parts = itertools.product(emodb.SPEAKERS, "ab", range(100), emodb.LABELS, "abcdefghijklmnopqrstuvwxyz")
    for number, (speaker, text, sentence, code, take) in zip(range(FILES), parts, strict=False):
        path = root / "wav" / f"{speaker}{text}{sentence:02d}{code}{take}.wav"
        soundfile.write(path, noise[number : number + SAMPLES], RATE)
    return root


def _plain(root: Path) -> dict[str, Path]:
    return {
        hashlib.sha256(soundfile.read(path, dtype="int16")[0].tobytes()).hexdigest(): path
        for path in (root / "wav").iterdir()
    }
