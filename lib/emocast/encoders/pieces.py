"""Sound that is longer than a network hears at once, in consecutive pieces.

Both CLAP packages cut what is too long at random, so that no two runs agree. Here every sample is heard once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from . import batches

_TOGETHER = 4  # pieces of a batch: more take memory and no less time on a processor

_Change = Callable[[torch.Tensor], torch.Tensor]


def embed(waveforms: Sequence[Any], hear: _Change, *, longest: int, fill: _Change, dimension: int) -> np.ndarray:
    """Embed waveforms of any length.

    A waveform is cut from its start into pieces of `longest`, the last one being what is left. Its embedding is the mean of
    theirs, each counting as much as it is long.

    Args:
        waveforms: n float waveforms (arrays or tensors), each of shape (samples,).
        hear: embeds a batch: shape (pieces, longest) to (pieces, dimension).
        longest: the samples that the network hears at once.
        fill: makes `longest` samples of a piece of any length.
        dimension: how many values an embedding has.

    Returns:
        float32, shape (n, dimension).

    Raises:
        ValueError: a waveform is empty or has more than one channel.
    """
    tensors = batches.mono(waveforms)
    parts = [(row, piece) for row, tensor in enumerate(tensors) for piece in tensor.split(longest)]
    embeddings = torch.zeros((len(tensors), dimension))
    with torch.inference_mode():
        for first in range(0, len(parts), _TOGETHER):
            some = parts[first : first + _TOGETHER]
            heard = hear(torch.stack([fill(piece) for _, piece in some])).cpu()
            for (row, piece), embedding in zip(some, heard, strict=True):
                embeddings[row] += embedding * (len(piece) / len(tensors[row]))
    return embeddings.numpy()
