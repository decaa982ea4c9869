"""wav2vec 2.0 emotion classifiers as encoders: what a checkpoint (`checkpoint.py`) hears in a window, as one vector.

The preprint's embedding: the mean over time of the encoder's output in SpeechBrain's emotion classifier
(https://huggingface.co/speechbrain/emotion-recognition-wav2vec2-IEMOCAP), 768 values there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import audio
from . import checkpoint, checkpoint_files

_SPANS = 16


class Wav2Vec2:
    """The embeddings of one checkpoint.

    Args:
        source: a folder or a hub id, as for `hub.find`.

    Raises:
        hub.CheckpointError: the checkpoint is missing, damaged or of another kind.
    """

    sample_rate = checkpoint_files.SAMPLE_RATE

    def __init__(self, source: str) -> None:
        """Read the checkpoint."""
        self.name = f"wav2vec2:{source}"
        self.checkpoint = checkpoint.load(source)

    @property
    def dimension(self) -> int:
        """How many values an embedding has."""
        return self.checkpoint.dimension

    @property
    def digest(self) -> str:
        """SHA-256 of the weights and the architecture: another digest, other embeddings."""
        return self.checkpoint.digest

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at 16 kHz, each of shape (samples,): float32, shape (n, dimension).

        What stands beside a waveform does not change its embedding: none is padded.

        Raises:
            ValueError: a waveform is shorter than one frame (25 ms in wav2vec2-base).
        """
        return self.checkpoint.embed(waveforms).numpy()

    def encode_spans(self, path: Path, starts_s: Sequence[float], ends_s: Sequence[float]) -> np.ndarray:
        """Embed spans of one file, each read for itself: no sample outside a span reaches its embedding.

        Args:
            path: the sound file.
            starts_s: where each span begins, in seconds, shape (n,).
            ends_s: where each span ends, in seconds, shape (n,).

        Returns:
            float32, shape (n, dimension).

        Raises:
            audio.AudioError: the file is unreadable, or a span is shorter than a frame or reaches beyond the file.
        """
        spans = list(zip(starts_s, ends_s, strict=True))
        embeddings = np.empty((len(spans), self.dimension), np.float32)
        for first in range(
            0, len(spans), _SPANS
        ):  # a file of many overlapping spans is never in memory many times over
            some = slice(first, first + _SPANS)
            waveforms = [audio.read(path, start_s=a, end_s=b, sample_rate=self.sample_rate) for a, b in spans[some]]
            try:
                embeddings[some] = self.encode(waveforms)
            except ValueError as error:
                raise audio.AudioError(f"{path}: {error}") from error
        return embeddings
