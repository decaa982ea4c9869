"""Which waveforms a network hears together: only equally long ones, so that none is padded.

Zero padding changes the embeddings of the wav2vec 2.0 family by 0.3 to 0.6: its first normalisation, its attention and the
pooling all see the padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

MOST_SAMPLES = 320_000  # two windows of 10 s at 16 kHz: larger batches take memory and no less time


def mono(waveforms: Sequence[Any], *, shortest: int = 1) -> list[torch.Tensor]:
    """Check waveforms and make tensors of them.

    Args:
        waveforms: arrays or tensors, each of shape (samples,).
        shortest: the fewest samples that an encoder can hear.

    Returns:
        float32 tensors of shape (samples,).

    Raises:
        ValueError: one has more than one axis, or fewer samples than `shortest`; the message says which.
    """
    tensors = [torch.as_tensor(waveform, dtype=torch.float32) for waveform in waveforms]
    for number, tensor in enumerate(tensors):
        if tensor.ndim != 1:
            raise ValueError(f"waveform {number} has the shape {tuple(tensor.shape)}; expected (samples,)")
        if len(tensor) < shortest:
            raise ValueError(f"waveform {number}: {len(tensor)} samples are shorter than one frame of the encoder")
    return tensors


def equal_lengths(lengths: Sequence[int], *, most_samples: int = MOST_SAMPLES) -> list[list[int]]:
    """Divide positions into batches of one length each.

    Args:
        lengths: samples of each waveform.
        most_samples: the most samples of a batch; a longer waveform is a batch of its own.

    Returns:
        The positions of each batch; every position once.
    """
    positions: dict[int, list[int]] = {}
    for position, length in enumerate(lengths):
        positions.setdefault(length, []).append(position)
    batches = []
    for length, rows in positions.items():
        size = max(1, most_samples // max(length, 1))
        batches += [rows[first : first + size] for first in range(0, len(rows), size)]
    return batches
