"""Encoders: audio in, embeddings out, all with the same face.

An encoder has a `name`, the `sample_rate` in Hz that it hears, its `dimension`, `encode(waveforms) -> (n, dimension)` for a
batch of equally long waveforms, and `encode_spans(path, starts_s, ends_s)` for spans of one file, where work that spans
share is done once. An encoder whose weights come from a file has a `digest` of them too.
`store.embed` runs an encoder over a window table and `store.save` keeps what comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np


class Encoder(Protocol):
    """The face of all encoders. Embeddings are float32."""

    name: str
    sample_rate: int
    dimension: int

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at `sample_rate`, each of shape (samples,): the result has shape (n, dimension)."""
        ...

    def encode_spans(self, path: Path, starts_s: Sequence[float], ends_s: Sequence[float]) -> np.ndarray:
        """Embed n spans (seconds) of one sound file: shape (n, dimension). Nothing after a span's end reaches it."""
        ...


def get(name: str) -> Encoder:
    """Make an encoder by its name; heavy packages are imported only here.

    Args:
        name: "handcrafted", or "wav2vec2:" and the folder or hub id of a checkpoint (`hub.find`), for example
            "wav2vec2:speechbrain/emotion-recognition-wav2vec2-IEMOCAP".

    Returns:
        The encoder.

    Raises:
        ValueError: there is no such encoder; the message lists those there are.
        hub.CheckpointError: the encoder's checkpoint is missing or damaged (a ValueError too).
    """
    kind, _, source = name.partition(":")
    if name == "handcrafted":
        from .handcrafted import Handcrafted

        return Handcrafted()
    if kind == "wav2vec2" and source:
        from .wav2vec2 import Wav2Vec2

        return Wav2Vec2(source)
    raise ValueError(f"no encoder {name!r}; there is handcrafted, and wav2vec2:<folder or hub id of a checkpoint>")


def modules(name: str) -> tuple[str, ...]:
    """The sources below `lib/emocast` that determine an encoder's embeddings, for `cache.code_digest`."""
    kind = name.partition(":")[0]
    parts = ("checkpoint", "checkpoint_model", "checkpoint_files", "checkpoint_recipe") if kind == "wav2vec2" else ()
    shared = tuple(f"encoders/{part}.py" for part in parts)
    return ("audio.py", f"encoders/{kind}.py", *shared)
