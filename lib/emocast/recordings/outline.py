"""The waveform of a recording in little: the lowest and highest sample of each short stretch, gathered block by block."""

from __future__ import annotations

import numpy as np
import pandas as pd

BIN_S = 0.05


class Outline:
    """Gathers the waveform's outline while a recording is read.

    Args:
        rate: samples a second.
        bin_s: length of a stretch in seconds.
    """

    def __init__(self, rate: int, *, bin_s: float = BIN_S) -> None:
        """Begin with nothing."""
        self._size, self._rate = max(1, round(bin_s * rate)), rate
        self._rest = np.empty(0, np.float32)
        self._parts: list[np.ndarray] = []

    def add(self, block: np.ndarray) -> np.ndarray:
        """Take in the next samples, shape (n,), and give them back."""
        samples = np.concatenate([self._rest, block])
        whole = samples.size - samples.size % self._size
        bins = samples[:whole].reshape(-1, self._size)
        if whole:
            self._parts.append(np.stack([bins.min(axis=1), bins.max(axis=1)], axis=1))
        self._rest = samples[whole:].copy()
        return block

    def table(self, *, rows: int | None = None) -> pd.DataFrame:
        """Give the outline.

        Args:
            rows: at most so many, each over more stretches; None for all.

        Returns:
            start_s, low and high (samples in [-1, 1]), one row a stretch. A last stretch that is not full is left out.
        """
        bins = np.concatenate(self._parts) if self._parts else np.empty((0, 2), np.float32)
        together = 1 if rows is None else max(1, -(-len(bins) // rows))
        starts = np.arange(0, len(bins), together)
        low, high = (
            (np.minimum.reduceat(bins[:, 0], starts), np.maximum.reduceat(bins[:, 1], starts)) if len(bins) else bins.T
        )
        return pd.DataFrame({"start_s": starts * self._size / self._rate, "low": low, "high": high})
