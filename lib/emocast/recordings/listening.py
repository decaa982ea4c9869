"""A small copy of a recording to listen to beside its forecast: AAC, mono, which every browser plays."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from IPython.display import HTML, Audio

from .. import paths
from .reading import Recording

BIT_RATE = 32_000  # a minute takes a quarter of a megabyte
EMBEDDED_S = 600.0  # a longer recording is linked from the page, not put into it
_RATE = 16_000


def compact(path: Path | str, target: Path) -> Path:
    """Write a small copy.

    Args:
        path: any sound file (`reading.Recording`).
        target: the copy, `.m4a`.

    Returns:
        `target`.

    Raises:
        RecordingError: the file cannot be used.
    """
    recording = Recording(path)
    with paths.replacing(target) as partial, av.open(str(partial), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=_RATE, layout="mono", bit_rate=BIT_RATE)
        for frame in _frames(recording):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target


def _frames(recording: Recording) -> Iterator[av.AudioFrame]:
    """The recording at the copy's rate. Looking ahead does no harm here: nothing is forecast from the copy."""
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=_RATE)
    position = 0
    for block in recording.blocks():
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block[None]), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = recording.rate, position
        position += block.size
        yield from resampler.resample(frame)
    yield from resampler.resample(None)


def player(copy: Path, seconds: float) -> Audio | HTML:
    """A player for a notebook: with the sound in it, or for a long recording with a link to the file.

    Args:
        copy: from `compact`, in the notebook's own folder.
        seconds: the recording's length.
    """
    if seconds <= EMBEDDED_S:
        return Audio(filename=str(copy), embed=True)
    beside = (
        copy.name if paths.RUN_FOLDER in os.environ else os.path.relpath(copy)
    )  # by hand the notebook lies elsewhere
    return HTML(f'<audio controls preload="none" src="{html.escape(beside)}"></audio>')
