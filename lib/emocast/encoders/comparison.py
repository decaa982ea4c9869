"""Encoders side by side: how large each is, how fast here and now, and what half the digits change.

A list of encoders' speeds holds for the machine it was made on. So each one is made, hears the same windows and is timed in
the run that shows it; one whose checkpoint is not there is a row with the reason, not the end of the notebook.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from .. import audio, device
from . import Encoder, get, hub, resolved

# How files of weights are called; the first of these that a folder holds are what its encoder reads.
_WEIGHTS = ("wav2vec2.ckpt", "*.safetensors", "*.bin", "*.pt")

_EMULATED_BYTES = 50_000_000  # wav2vec2-base, of 378 MB, takes a minute and more a window


def side_by_side(names: Sequence[str], windows: pd.DataFrame, root: Path | str, *, precision: str) -> pd.DataFrame:
    """Measure encoders on the same windows, all of which are really computed: the store is not asked.

    Args:
        names: encoders' names (`encoders.get`).
        windows: the windows to hear, some ten: the columns audio (relative to `root`), start_s and end_s (seconds) are used.
        root: the corpus root.
        precision: "fp32", "bf16" or "auto", as for `encoders.get`.

    Returns:
        One row an encoder: encoder, dimension (how many values an embedding has), sample_rate (Hz), precision, megabytes
        (of the files of its weights; 0 without any), windows (how many were timed), speed (seconds of sound embedded a
        second; neither reading nor a first window that warms it up is timed), and problem: why an encoder was left out,
        else empty.

    Raises:
        audio.AudioError: a window cannot be read.
    """
    rows = []
    for name in names:
        try:
            encoder = get(name, precision=precision)
        except ValueError as error:  # CheckpointError is one
            rows.append({"encoder": name, "problem": str(error)})
            continue
        face = {"dimension": encoder.dimension, "sample_rate": encoder.sample_rate, "precision": encoder.precision}
        size = {"megabytes": weights_size(name) / 1e6}
        timed = {"windows": len(windows), "speed": _speed(encoder, windows, root), "problem": ""}
        rows.append({"encoder": name, **face, **size, **timed})
    columns = ["encoder", "dimension", "sample_rate", "precision", "megabytes", "windows", "speed", "problem"]
    return pd.DataFrame(rows, columns=columns)


def in_bf16(names: Sequence[str], windows: pd.DataFrame, root: Path | str) -> pd.DataFrame:
    """Compare embeddings computed in bf16 with those in fp32.

    Any processor can take this measure; one that does not compute in bf16 emulates it, which takes minutes for a large
    network. There only small ones (`_EMULATED_BYTES`) are measured.

    Args:
        names: encoders' names.
        windows: as for `side_by_side`.
        root: the corpus root.

    Returns:
        One row an encoder: encoder, windows, median and percentile_1 (the first percentile over the windows) of the cosine
        between the two embeddings of a window, and problem: why there is none, else empty.

    Raises:
        audio.AudioError: a window cannot be read.
    """
    rows, computes = [], device.precision("auto") == "bf16"
    for name in names:
        try:
            both = [get(name, precision=precision) for precision in ("fp32", "bf16")]
        except ValueError as error:
            rows.append({"encoder": name, "problem": str(error)})
            continue
        if not computes and weights_size(name) > _EMULATED_BYTES:
            rows.append(
                {"encoder": name, "problem": "this machine does not compute in bf16, and this network is large"}
            )
            continue
        waveforms = _read(both[0], windows, root)
        cosines = _cosines(*(encoder.encode(waveforms) for encoder in both))
        spread = {"median": np.median(cosines), "percentile_1": np.percentile(cosines, 1)}
        rows.append({"encoder": name, "windows": len(windows), **spread, "problem": ""})
    return pd.DataFrame(rows, columns=["encoder", "windows", "median", "percentile_1", "problem"])


def weights_size(name: str) -> int:
    """Bytes of the files that hold an encoder's weights; 0 for an encoder that has none.

    Args:
        name: of an encoder that `encoders.get` can make.

    Returns:
        The size on disk, where some checkpoints hold a little more than the encoder: their heads.
    """
    source = resolved(name).partition(":")[2]
    if not source:
        return 0
    place = _place(source)
    if place.is_file():
        return place.stat().st_size
    found = next((files for pattern in _WEIGHTS if (files := list(place.glob(pattern)))), [])
    return sum(file.stat().st_size for file in found)


def _place(source: str) -> Path:
    """Where a checkpoint is: a folder or a file on this machine, perhaps with "@layer" behind it, or in the hub's cache."""
    for name in (source, source.rpartition("@")[0]):
        here = hub.local(name) if name else None
        if here:
            return here
    if source.count("/") > 1:  # owner/name/file.pt
        return hub.find_file(source)
    return hub.find(source.partition("@")[0], needed=())


def _speed(encoder: Encoder, windows: pd.DataFrame, root: Path | str) -> float:
    """Seconds of sound that an encoder embeds in a second."""
    waveforms = _read(encoder, windows, root)
    encoder.encode(waveforms[:1])
    started = time.perf_counter()
    encoder.encode(waveforms)
    taken = time.perf_counter() - started
    return sum(len(waveform) for waveform in waveforms) / encoder.sample_rate / taken


def _read(encoder: Encoder, windows: pd.DataFrame, root: Path | str) -> list[np.ndarray]:
    """The sound of windows at the encoder's rate."""
    rows = windows[["audio", "start_s", "end_s"]].itertuples(index=False)
    return [
        audio.read(Path(root) / name, start_s=start, end_s=end, sample_rate=encoder.sample_rate)
        for name, start, end in rows
    ]


def _cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The cosine between each two rows of arrays of shape (n, dimension): (n,)."""
    first, second = first.astype(np.float64), second.astype(np.float64)
    return (first * second).sum(axis=1) / (np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1))
