"""wav2vec 2.0 emotion classifiers as encoders: what a checkpoint (`checkpoint.py`) hears in a window, as one vector.

The preprint's embedding: the mean over time of the encoder's output in SpeechBrain's emotion classifier
(https://huggingface.co/speechbrain/emotion-recognition-wav2vec2-IEMOCAP), 768 values there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import checkpoint, checkpoint_files


class Wav2Vec2:
    """The embeddings of one checkpoint.

    Args:
        source: a folder or a hub id, as for `hub.find`.
        precision: "fp32" or "bf16".

    Raises:
        hub.CheckpointError: the checkpoint is missing, damaged or of another kind.
    """

    sample_rate = checkpoint_files.SAMPLE_RATE
    threaded = True

    def __init__(self, source: str, precision: str = "fp32") -> None:
        """Read the checkpoint."""
        self.name = f"wav2vec2:{source}"
        self.precision = precision
        self.checkpoint = checkpoint.load(source, precision=precision)

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
