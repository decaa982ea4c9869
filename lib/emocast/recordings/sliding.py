"""The window that ends at each second of a recording, cut from a stream of blocks.

A window holds the samples before its end and no other: resampling, too, sees the window alone, as where the networks were
trained (`audio.read_frames`). So nothing after a moment can reach a forecast that is made at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from .. import audio

#: A window whose loudest sample is lower (of full scale: -60 dB) is silent: there is nothing in it to hear.
SILENT = 1e-3


class Window(NamedTuple):
    """A window: its end in seconds, its samples (None where it is silent)."""

    end_s: float
    samples: np.ndarray | None


def windows(
    blocks: Iterable[np.ndarray], *, rate: int, length_s: float, step_s: float, sample_rate: int, passed: int = 0
) -> Iterator[Window]:
    """Slide over a recording.

    Args:
        blocks: consecutive samples at `rate`, each of shape (n,).
        rate: samples a second of the blocks.
        length_s: the windows' length in seconds; the first one ends there.
        step_s: seconds from one window to the next.
        sample_rate: what the windows are brought to, in Hz.
        passed: so many windows at the beginning are passed over.

    Yields:
        The other windows in order, none of them reaching beyond the recording; equally many samples in each.

    Raises:
        ValueError: a length or step that is not positive.
    """
    if not (length_s > 0 and step_s > 0):
        raise ValueError(f"windows of {length_s} s every {step_s} s: both must be positive")
    held, first, number = np.empty(0, np.float32), 0, 0  # `first`: where in the recording `held` begins
    size = round(length_s * rate)
    for block in blocks:
        held = np.concatenate([held, block])
        while True:
            end_s = length_s + number * step_s
            stop = int(end_s * rate + 1e-6)  # rounded down, as `audio.span` does: never past the end
            start = stop - min(stop, size)
            if stop > first + held.size:
                break
            if number >= passed:
                yield _window(end_s, held[start - first : stop - first], rate, sample_rate)
            number += 1
        spare = min(held.size, start - first)
        held, first = held[spare:], first + spare


def _window(end_s: float, samples: np.ndarray, rate: int, sample_rate: int) -> Window:
    if np.abs(samples).max(initial=0.0) < SILENT:
        return Window(end_s, None)
    return Window(end_s, samples.copy() if rate == sample_rate else audio.resample(samples, rate, sample_rate))
