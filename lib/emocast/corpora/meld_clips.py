"""MELD's clips: where they lie, whether one is whole, and its sound.

A clip is an mp4 file of picture and sound. PyAV decodes it; of several channels one is taken, or a mean of some:

- a front centre beside others (5.1 and its like): the front centre alone. Film sound has the dialogue there, while the
  laughing audience and the music lie mostly left, right and behind;
- two channels: their mean, for no channel has the voices alone;
- one: as it is; several without a centre: the mean of all but the low-frequency one.
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from .. import audio

#: Split -> the folder of its clips in the published archive; some copies have it in a folder of the split's name.
FOLDERS: dict[str, str] = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}
#: Samples a second of what `decode` gives.
SAMPLE_RATE = 16_000

_NAME = re.compile(r"(dia\d+_utt\d+)\.mp4")  # neither `._dia0_utt0.mp4` of macOS nor `final_videos_testdia101_utt0.mp4`
_LFS_POINTER = b"version https://git-lfs"


class ClipError(ValueError):
    """A clip cannot be used. The message says what is wrong with it."""


@dataclass(frozen=True, eq=False)
class Sound:
    """The sound of a clip.

    Attributes:
        samples: shape (n,), float32, mono, 16 kHz, from the clip's beginning.
        layout: the channels that the clip has, as "stereo" or "5.1".
        used: which of them `samples` are.
    """

    samples: np.ndarray
    layout: str
    used: str

    @property
    def seconds(self) -> float:
        """How long the sound is."""
        return self.samples.size / SAMPLE_RATE


def find(root: Path, split: str) -> dict[str, Path]:
    """List the clips of a split.

    Args:
        root: the corpus folder.
        split: a key of `FOLDERS`.

    Returns:
        Utterance ("train_dia0_utt3") -> file, for all files of the published kind of name; those that macOS leaves and the
        test folder's duplicates (`final_videos_test...`) are passed over.
    """
    for folder in (root / FOLDERS[split], root / split / FOLDERS[split]):
        if folder.is_dir():
            names = (_NAME.fullmatch(entry.name) for entry in os.scandir(folder))
            return {f"{split}_{name[1]}": folder / name[0] for name in names if name}
    return {}


def check(path: Path) -> None:
    """Look at a clip without decoding it: is the file whole, and has it sound?

    Args:
        path: the clip.

    Raises:
        ClipError: it is missing, empty, a git-LFS pointer, cut short, no mp4 file, or without a sound stream.
    """
    _check_boxes(path)
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            _stream(container)
    except av.error.FFmpegError as error:
        raise ClipError(f"not readable as mp4 ({error.strerror})") from error


def decode(path: Path) -> Sound:
    """Decode the sound of a clip.

    Args:
        path: the clip.

    Returns:
        Its sound, mono, at 16 kHz.

    Raises:
        ClipError: as `check`, or the sound cannot be decoded, or there is none in the stream.
    """
    _check_boxes(path)
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = _stream(container)
            layout, rate = stream.layout.name, stream.rate
            places, used = channels_used([channel.name for channel in stream.layout.channels])
            pieces, begins_s = _decoded(container, stream, places)
            length_s = float(stream.duration * stream.time_base) if stream.duration else None
    except av.error.FFmpegError as error:
        raise ClipError(f"its sound cannot be decoded ({error.strerror})") from error
    if not pieces:
        raise ClipError("its sound stream is empty")
    samples = np.concatenate(pieces)
    if length_s is not None:
        samples = samples[: round(length_s * rate)]  # a codec's last frame is filled up with silence
    samples = _from_the_beginning(samples, round(begins_s * rate))
    resampled = samples if rate == SAMPLE_RATE else audio.resample(samples, rate, SAMPLE_RATE)
    return Sound(resampled, layout, used)


def channels_used(names: list[str]) -> tuple[list[int], str]:
    """Choose among the channels of a clip.

    Args:
        names: the channels by FFmpeg's names, as FL, FR, FC, LFE, BL, BR.

    Returns:
        The places of those whose mean is taken, and the same in words.
    """
    if len(names) == 1:
        return [0], "mono as it is"
    if "FC" in names:
        return [names.index("FC")], "front centre alone"
    if len(names) == 2:
        return [0, 1], "mean of both"
    return [place for place, name in enumerate(names) if name != "LFE"], "mean of all but LFE"


def _stream(container: av.container.InputContainer) -> av.AudioStream:
    if not container.streams.audio:
        raise ClipError("it has no sound stream")
    return container.streams.audio[0]


def _decoded(
    container: av.container.InputContainer, stream: av.AudioStream, places: list[int]
) -> tuple[list[np.ndarray], float]:
    """The mono sound frame by frame at the stream's own rate, and when it begins within the clip, in seconds."""
    planar = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)  # floats, channel by channel
    pieces: list[np.ndarray] = []
    begins_s = None
    for frame in container.decode(stream):
        if begins_s is None:
            begins_s = (frame.time or 0.0) - (container.start_time or 0) / 1e6
        pieces += [piece.to_ndarray()[places].mean(axis=0) for piece in planar.resample(frame)]
    return pieces, begins_s or 0.0


def _from_the_beginning(samples: np.ndarray, begins: int) -> np.ndarray:
    """Sound on the clip's clock: silence where it begins late, cut where it begins before the clip."""
    return np.pad(samples, (begins, 0)) if begins > 0 else samples[-begins:]


def _check_boxes(path: Path) -> None:
    """Hold the lengths that an mp4 file's parts state against the file's own: a file that was cut short is found so."""
    if not path.is_file():
        raise ClipError("no such file")
    size, position, kinds = path.stat().st_size, 0, set()
    with path.open("rb") as file:
        start = file.read(len(_LFS_POINTER))
        if start == _LFS_POINTER:
            raise ClipError("a git-LFS pointer stands in place of the clip; run `git lfs pull` in its repository")
        while position < size:
            file.seek(position)
            length, kind = _box(file.read(16), size - position)
            kinds.add(kind)
            position += length
    if size == 0:
        raise ClipError("the file is empty")
    if b"ftyp" not in kinds:  # a web page's first bytes are no length
        raise ClipError("no mp4 file: it does not begin as one (ftyp)")
    if position > size:
        raise ClipError(f"cut short: {position - size:,} bytes of {position:,} are missing")
    if b"moov" not in kinds:
        raise ClipError("cut short, or no mp4 file: it holds no index (moov)")


def _box(head: bytes, rest: int) -> tuple[int, bytes]:
    """The length and the kind of a part of an mp4 file (ISO/IEC 14496-12, 4.2) from its first bytes.

    Args:
        head: its first 16 bytes, or fewer at the file's end.
        rest: how many bytes the file has from there on.
    """
    if len(head) < 8:
        return 8, b""
    length, kind = struct.unpack(">I4s", head[:8])
    if length == 0:  # to the file's end
        return rest, kind
    if length == 1 and len(head) == 16:
        (length,) = struct.unpack(">Q", head[8:])
    if length < 8:
        raise ClipError("no mp4 file")
    return length, kind
