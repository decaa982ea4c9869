"""Encoders: audio in, embeddings out, all with the same face.

An encoder has a `name`, the `sample_rate` in Hz that it hears, its `dimension`, `encode(waveforms) -> (n, dimension)` for a
batch of equally long waveforms, and `encode_spans(path, starts_s, ends_s)` for spans of one file, where work that spans
share is done once. `store.embed` runs an encoder over a window table and `store.save` keeps what comes out.
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
        name: "handcrafted".

    Returns:
        The encoder.

    Raises:
        ValueError: there is no such encoder; the message lists those there are.
    """
    if name == "handcrafted":
        from .handcrafted import Handcrafted

        return Handcrafted()
    raise ValueError(f"no encoder {name!r}; there is handcrafted")
