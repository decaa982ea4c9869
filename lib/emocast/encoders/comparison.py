"""Encoders side by side: whether each is there, how large, how fast here and now, and what half the digits change."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from .. import audio, compute
from . import Encoder, clap, dual, emotion2vec, get, hub, speech, wav2vec2

_EMULATED_BYTES = 50_000_000  # wav2vec2-base, of 378 MB, takes a minute and more a window


def side_by_side(names: Sequence[str], windows: pd.DataFrame, root: Path | str, *, precision: str) -> pd.DataFrame:
    """Make encoders and time them on the same windows, in this run and on this machine: the store is not asked.

    Args:
        names: encoders' names; one whose checkpoint is not there is a row with the reason.
        windows: some ten: the columns audio (relative to `root`), start_s and end_s (seconds) are used.
        root: the corpus root; an audio.AudioError is raised where a window cannot be read.
        precision: "fp32", "bf16" or "auto", as for `encoders.get`.

    Returns:
        One row an encoder: encoder, dimension, sample_rate (Hz), precision, megabytes (of its weights), windows, speed (seconds
        of sound embedded a second, without reading and a first window), and problem: why it was left out, else empty.
    """
    rows = []
    for name in names:
        try:
            encoder = get(name, precision=precision)
        except ValueError as error:  # CheckpointError is one
            rows.append({"encoder": name, "problem": str(error)})
            continue
        face = {fact: getattr(encoder, fact) for fact in ("dimension", "sample_rate", "precision")}
        waveforms = _read(encoder, windows, root)
        encoder.encode(waveforms[:1])
        started = time.perf_counter()
        encoder.encode(waveforms)
        seconds = sum(len(waveform) for waveform in waveforms) / encoder.sample_rate
        timed = {"windows": len(windows), "speed": seconds / (time.perf_counter() - started), "problem": ""}
        rows.append({"encoder": name, **face, "megabytes": weights_size(name) / 1e6, **timed})
    columns = ["encoder", "dimension", "sample_rate", "precision", "megabytes", "windows", "speed", "problem"]
    return pd.DataFrame(rows, columns=columns)


def in_bf16(names: Sequence[str], windows: pd.DataFrame, root: Path | str) -> pd.DataFrame:
    """Compare embeddings computed in bf16 with those in fp32; arguments and errors as for `side_by_side`.

    A processor that does not compute in bf16 emulates it, which takes minutes for a large network: there only small ones
    (`_EMULATED_BYTES`) are measured.

    Returns:
        One row an encoder: encoder, windows, median and percentile_1 (the first percentile over the windows) of the cosine
        between the two embeddings of a window, and problem: why there is none, else empty.
    """
    rows, computes = [], compute.precision("auto") == "bf16"
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


def weights(name: str) -> list[Path]:
    """The files that hold an encoder's weights (and some their heads); none for an encoder that has none.

    Raises:
        hub.CheckpointError: they are not there; the message says which files to put where.
    """
    kind, _, source = name.partition(":")
    if kind == "wav2vec2":
        return [hub.find(source, needed=wav2vec2.NEEDED, optional=wav2vec2.OPTIONAL) / wav2vec2.ENCODER]
    if kind == "transformers":
        folder, files = speech.find(speech.parted(source)[0])
        return [folder / file for file in files]
    if kind == "emotion2vec":
        return [emotion2vec.find(source)[1]]
    if kind == "dual":
        return [hub.find(source, needed=(dual.CONFIG, dual.WEIGHTS)) / dual.WEIGHTS]
    return [hub.find_file(source)] if source else []


def weights_size(name: str) -> int:
    """Bytes of the files of `weights`."""
    return sum(file.stat().st_size for file in weights(name))


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


def missing(name: str, *, texts: bool = False) -> str:
    """Say which files of an encoder's checkpoint to put where; empty when nothing is missing.

    Args:
        name: an encoder's name (`encoders.get`). Damage shows only when a model is read; where a network may be used
            (`hub.find`), what is missing is downloaded.
        texts: whether texts are embedded too, for which some need a tokenizer beside.
    """
    kind, lacking = name.partition(":")[0], []
    looks = [] if kind == "dual" else [partial(weights, name)]  # a model of the demo's own, which nobody must bring
    looks += [partial(clap.tokenizer_files, clap.TOKENIZERS[kind])] if texts and kind in clap.TOKENIZERS else []
    for look in looks:
        try:
            look()
        except hub.CheckpointError as error:
            lacking.append(error.advice or str(error))
    return "; ".join(lacking)


def missing_classifier(source: str) -> str:
    """The same of a published classifier (`ser.predictions`), which has the files of one format or of the other."""
    return missing(f"wav2vec2:{source}") and missing(f"transformers:{source}")
