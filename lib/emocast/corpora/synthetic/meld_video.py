"""Small mp4 files as MELD's clips are: a picture stream, and AAC sound of two channels or six.

PyAV writes them without dates and versions, so that a clip has the same bytes whenever the same build writes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from emocast.corpora.synthetic import files

#: Samples a second of the clips' sound: half of a film's, which is twice as quick.
SAMPLE_RATE = 24_000

#: The sound's bits a second, for each channel.
BITS = 24_000

#: Width and height of the picture, and pictures a second: just enough to be a film.
SIZE = 32
PICTURES = 5

_QUICK = {"aac_coder": "fast"}  # FFmpeg's own choice takes eight times as long


def write(path: Path, sound: np.ndarray, *, layout: str, corpus: str) -> None:
    """Write a clip whose metadata say that it is synthetic.

    Args:
        path: the file; its folder is there.
        sound: shape (channels, n), float32, full scale 1, at `SAMPLE_RATE`, in the layout's order of channels.
        layout: FFmpeg's name of it: "mono", "stereo" or "5.1" (left, right, centre, low frequencies, back left and right).
        corpus: the name of the corpus whose layout is used.
    """
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        container.metadata["title"] = files.TITLE.format(corpus=corpus)
        container.metadata["comment"] = files.COMMENT.format(corpus=corpus)
        picture = container.add_stream("mpeg4", rate=PICTURES, width=SIZE, height=SIZE, pix_fmt="yuv420p")
        voice = container.add_stream("aac", rate=SAMPLE_RATE, layout=layout, format="fltp", options=_QUICK)
        voice.bit_rate = BITS * len(sound)
        for stream in (picture, voice):
            stream.codec_context.flags |= av.codec.context.Flags.bitexact
            stream.codec_context.thread_count = 1
        seconds = sound.shape[1] / SAMPLE_RATE
        for stream, frames in ((picture, _pictures(seconds)), (voice, _frames(sound, layout))):
            for frame in [*frames, None]:  # None: what the encoder still holds
                container.mux(stream.encode(frame))


def _pictures(seconds: float) -> Iterator[av.VideoFrame]:
    """A grey picture that brightens."""
    count = max(1, round(seconds * PICTURES))
    for number in range(count):
        grey = np.full((SIZE * 3 // 2, SIZE), 128, dtype=np.uint8)  # brightness above, two colour planes below
        grey[:SIZE] = 40 + 150 * number // count
        frame = av.VideoFrame.from_ndarray(grey, format="yuv420p")
        frame.pts = number
        yield frame


def _frames(sound: np.ndarray, layout: str, *, size: int = 1024) -> Iterator[av.AudioFrame]:
    """The sound in frames of the length that AAC codes at a time."""
    for start in range(0, sound.shape[1], size):
        samples = np.ascontiguousarray(sound[:, start : start + size], dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.sample_rate = SAMPLE_RATE
        frame.pts = start
        yield frame
