"""Which recordings cannot be forecast from, though they are sound: too short for one window, or silent throughout."""

from __future__ import annotations

import numpy as np

from .reading import Recording, RecordingError
from .sliding import SILENT

_SHORT_S = 600.0  # to read this much takes a second


def short(recording: Recording, length_s: float) -> RecordingError:
    """The error for a recording that was read and is shorter than a window of `length_s` seconds."""
    return RecordingError(
        f"{recording.path}: lasts {recording.seconds:.1f} s, but a forecast hears {length_s:g} s; give a longer one"
    )


def silent(recording: Recording) -> RecordingError:
    """The error for a recording in which there is nothing to hear."""
    decibels = 20 * np.log10(SILENT)
    return RecordingError(
        f"{recording.path}: silent throughout (nothing above {decibels:.0f} dB of full scale); was the microphone on?"
    )


def check(recording: Recording, length_s: float) -> None:
    """Look through a recording of some minutes at once, so that it is not refused only when a model has been loaded for it.

    A longer one, and one that does not say how long it is, is not read: what is wrong with it shows while it is heard.

    Args:
        recording: not read yet.
        length_s: a window's length in seconds.

    Raises:
        RecordingError: it is too short, silent, or cannot be decoded.
    """
    if recording.promised_s is None or recording.promised_s > _SHORT_S:
        return
    loudest = max((float(np.abs(block).max()) for block in recording.blocks()), default=0.0)
    if recording.seconds < length_s:
        raise short(recording, length_s)
    if loudest < SILENT:
        raise silent(recording)
