"""Encoders: audio in, embeddings out, all with the same face.

| name | what it is |
|---|---|
| `handcrafted` | pitch, energy, MFCC, mel bands, pooled: fitted to nothing |
| `wav2vec2:SOURCE` | an emotion model in SpeechBrain's checkpoint format |
| `transformers:SOURCE` or `transformers:SOURCE@LAYER` | one of transformers': wav2vec 2.0, HuBERT, WavLM, Whisper, CLAP |
| `laion-clap:SOURCE` | LAION-CLAP through the package of its makers |
| `msclap:SOURCE` | Microsoft CLAP through the package of its makers |
| `emotion2vec:SOURCE` | emotion2vec through funasr, an optional extra |
| `dual:SOURCE` | the demo's own contrastive model, which notebook 02 trains |

SOURCE is a folder, a file or a hub id (`hub.find`). `store.embed` runs an encoder over a table of windows and keeps what
comes out.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

from .. import audio, compute


class Encoder(Protocol):
    """The face of all encoders."""

    name: str  # as given to `get`
    sample_rate: int  # of the waveforms that it takes, in Hz
    dimension: int  # how many values an embedding has
    precision: str  # the number format in which it computes, "fp32" or "bf16"
    digest: str  # SHA-256 of weights and settings: with another digest embeddings differ; empty without weights
    threaded: bool  # whether threads of one process may share it; where it is False, processes side by side are quicker

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n mono waveforms at `sample_rate`, each of shape (samples,): float32, shape (n, dimension).

        What stands beside a waveform does not change its embedding. ValueError where one is too short for one frame, or has
        more than one channel.
        """
        ...


class _Kind(NamedTuple):
    """How an encoder is made, `maker` of `module`; and what its embeddings depend on besides: other modules, packages."""

    module: str
    maker: str
    packages: tuple[str, ...]
    sources: tuple[str, ...] = ("hub",)
    sourced: bool = True  # whether a SOURCE follows the name
    reduced: bool = False  # whether it computes in bf16 too


_KINDS = {
    "handcrafted": _Kind("handcrafted", "Handcrafted", ("librosa",), (), sourced=False),
    "wav2vec2": _Kind("wav2vec2", "Wav2Vec2", ("transformers",), reduced=True),
    "transformers": _Kind("speech", "SpeechModel", ("transformers",), ("hub", "wav2vec2"), reduced=True),
    "laion-clap": _Kind("clap", "LaionClap", ("laion-clap",)),
    "msclap": _Kind("clap", "MicrosoftClap", ("msclap",)),
    "emotion2vec": _Kind("speech", "Emotion2Vec", ("funasr",)),
    "dual": _Kind("dual", "Dual", ("transformers",), ("hub", "wav2vec2")),
}

#: How the names of encoders begin; after a colon follows a folder, a file or a hub id.
NAMES = tuple(f"{kind}:" if row.sourced else kind for kind, row in _KINDS.items())

_EMULATED_BYTES = 50_000_000  # wav2vec2-base, of 378 MB, takes a minute and more a window


def get(name: str, *, precision: str = "fp32") -> Encoder:
    """Make an encoder by its name; heavy packages are imported only here. One that was made before is given again.

    Args:
        name: see the table above. ValueError where there is no such encoder (the message lists those there are), or its
            checkpoint is missing or damaged (`hub.CheckpointError`).
        precision: "fp32", "bf16", or "auto": bf16 where encoder and machine compute in it, otherwise fp32.
    """
    kind, source = _parsed(name)
    if not kind.reduced and precision == "bf16":
        raise ValueError(f"the encoder {name} computes in fp32 only")
    options = {"precision": compute.precision(precision)} if kind.reduced else {}
    return _maker(kind)(*([source] if source else []), **options)


def modules(name: str) -> tuple[str, ...]:
    """The sources below `lib/emocast` that determine an encoder's embeddings (of a kind, "wav2vec2", too)."""
    kind = _KINDS[name.partition(":")[0]]
    return ("audio.py", *(f"encoders/{module}.py" for module in (kind.module, *kind.sources)))


def packages(name: str) -> tuple[str, ...]:
    """The distributions whose versions belong to an encoder's identity. PyTorch's does not: only last digits depend on it."""
    return _KINDS[name.partition(":")[0]].packages


def resolved(name: str) -> str:
    """The same encoder by a name that holds in a process with other folders: a local checkpoint by its whole path."""
    from . import hub  # here and below: it imports huggingface_hub

    kind, _, source = name.partition(":")
    path, at, layer = source.rpartition("@")
    for place, rest in ((source, ""), (path, at + layer)):
        if place and (found := hub.local(place)):
            return f"{kind}:{found}{rest}"
    return name


def missing(name: str, *, texts: bool = False) -> str:
    """Say which files of an encoder's checkpoint to put where; empty when nothing is missing.

    Damage shows only when a model is read; where a network may be used (`hub.find`), what is missing is downloaded. With
    `texts`, the tokenizer that some need beside is looked for too.
    """
    from . import clap

    kind, lacking = name.partition(":")[0], []
    looks = {} if kind == "dual" else {_bytes: name}  # a model of the demo's own, which nobody must bring
    looks |= {clap.tokenizer_files: clap.TOKENIZERS[kind]} if texts and kind in clap.TOKENIZERS else {}
    for look, what in looks.items():
        try:
            look(what)
        except ValueError as error:  # CheckpointErrors, and names that are none
            lacking.append(getattr(error, "advice", "") or str(error))
    return "; ".join(lacking)


def side_by_side(names: Sequence[str], windows: pd.DataFrame, root: Path | str, *, precision: str) -> pd.DataFrame:
    """Make encoders and time them on the same windows, in this run and on this machine: the store is not asked.

    Args:
        names: encoders' names; one whose checkpoint is not there is a row with the reason.
        windows, root: some ten windows, as for `store.embed`; an audio.AudioError is raised where one cannot be read.
        precision: as for `get`.

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
        speed = sum(map(len, waveforms)) / encoder.sample_rate / (time.perf_counter() - started)
        timed = {"megabytes": _bytes(name) / 1e6, "windows": len(windows), "speed": speed, "problem": ""}
        rows.append({"encoder": name, **face, **timed})
    columns = ["encoder", "dimension", "sample_rate", "precision", "megabytes", "windows", "speed", "problem"]
    return pd.DataFrame(rows, columns=columns)


def in_bf16(names: Sequence[str], windows: pd.DataFrame, root: Path | str) -> pd.DataFrame:
    """Compare embeddings computed in bf16 with those in fp32; arguments and errors as for `side_by_side`.

    A processor that does not compute in bf16 emulates it, which takes minutes for a large network: it is left out.

    Returns:
        One row an encoder: encoder, windows, median and percentile_1 (the first percentile over the windows) of the cosine
        between the two embeddings of a window, and problem: why there is none, else empty.
    """
    rows, computes = [], compute.precision("auto") == "bf16"
    for name in names:
        try:
            if not computes and _bytes(name) > _EMULATED_BYTES:
                raise ValueError("this machine does not compute in bf16, and this network is large")
            both = [get(name, precision=precision) for precision in ("fp32", "bf16")]
        except ValueError as error:
            rows.append({"encoder": name, "problem": str(error)})
            continue
        waveforms = _read(both[0], windows, root)
        first, second = (encoder.encode(waveforms).astype(np.float64) for encoder in both)
        lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
        cosines = (first * second).sum(axis=1) / lengths
        spread = {"median": np.median(cosines), "percentile_1": np.percentile(cosines, 1)}
        rows.append({"encoder": name, "windows": len(windows), **spread, "problem": ""})
    return pd.DataFrame(rows, columns=["encoder", "windows", "median", "percentile_1", "problem"])


def _maker(kind: _Kind) -> Any:
    return getattr(import_module(f".{kind.module}", __name__), kind.maker)


def _bytes(name: str) -> int:
    """The size of the files that hold an encoder's weights; hub.CheckpointError where they are not there."""
    kind, source = _parsed(name)
    return sum(file.stat().st_size for file in _maker(kind).weights(source)) if source else 0


def _read(encoder: Encoder, windows: pd.DataFrame, root: Path | str) -> list[np.ndarray]:
    """The sound of windows at the encoder's rate."""
    rows, rate = windows[["audio", "start_s", "end_s"]].itertuples(index=False), encoder.sample_rate
    return [audio.read(Path(root) / name, start_s=start, end_s=end, sample_rate=rate) for name, start, end in rows]


def _parsed(name: str) -> tuple[_Kind, str]:
    kind, colon, source = name.partition(":")
    if kind not in _KINDS or _KINDS[kind].sourced != bool(source) or (colon and not source):
        known = [f"{known}<folder, file or hub id>" if known.endswith(":") else known for known in NAMES]
        raise ValueError(f"no encoder {name!r}; there is {', '.join(known)}")
    return _KINDS[kind], source
