"""Sound off the disk: what a file holds, and its samples between two moments as mono at a wanted rate.

Any format, rate and channel count that libsndfile reads. A slice is read without the rest of the file, and resampling
sees the slice alone: nothing after its end reaches it, which a forecast depends on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

_CUT_SHORT = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
_LFS_POINTER = b"version https://git-lfs"


class AudioError(ValueError):
    """An audio file is missing, unreadable or shorter than what was asked of it. The message names the file."""


@dataclass(frozen=True)
class Info:
    """What a file's header says. `missing_s` is how much sound the header promises beyond what the file holds."""

    sample_rate: int
    channels: int
    frames: int
    missing_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length of the sound that is there, in seconds."""
        return self.frames / self.sample_rate


def inspect(path: Path | str) -> Info:
    """Read the header of a sound file.

    Returns:
        Its rate, channels and frames. A WAV file that was cut short has `missing_s` above 0.

    Raises:
        AudioError: the file is not there, or is no sound file that libsndfile reads.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError(f"{path}: no such file")
    try:
        header = soundfile.info(str(path), verbose=True)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path}: {_why_unreadable(path, error)}") from error
    cut = _CUT_SHORT.search(header.extra_info)
    present = header.frames / int(cut[2]) if cut and int(cut[2]) else 1 / (header.channels * 2)
    missing = (int(cut[1]) - int(cut[2])) * present / header.samplerate if cut else 0.0
    return Info(header.samplerate, header.channels, header.frames, missing)


def _why_unreadable(path: Path, error: Exception) -> str:
    if not path.is_file():
        return "no such file"
    with path.open("rb") as file:
        start = file.read(len(_LFS_POINTER))
    if not start:
        return "the file is empty; get it again"
    if start == _LFS_POINTER:
        return "a git-LFS pointer stands in place of the sound; run `git lfs pull` in the corpus's repository"
    return f"not readable as sound ({str(error).split(': ')[-1].rstrip('.')}); get it again"


def read(
    path: Path | str, *, start_s: float = 0.0, end_s: float | None = None, sample_rate: int = 16_000
) -> np.ndarray:
    """Read the sound between two moments, mixed down to mono, at the wanted rate.

    The last sample read lies before `end_s`; resampling adds none from beyond it. Two slices of equal length have
    equally many samples, wherever they begin.

    Args:
        path: the file.
        start_s: where the slice begins, in seconds from the file's beginning.
        end_s: where it ends, in seconds; the file's end by default.
        sample_rate: rate of the result in Hz.

    Returns:
        float32 samples in [-1, 1], shape (n,): the mean of the channels.

    Raises:
        AudioError: the file is unreadable, or does not hold the whole slice.
    """
    info = inspect(path)
    start, stop = span(path, info, start_s=start_s, end_s=info.duration_s if end_s is None else end_s)
    return read_frames(path, start, stop, sample_rate=sample_rate)


def span(path: Path | str, info: Info, *, start_s: float, end_s: float) -> tuple[int, int]:
    """The frames of a file that lie between two moments: what `read` reads.

    Args:
        path: the file, for the message; `info` is its header (`inspect`).
        start_s: where the slice begins, in seconds from the file's beginning, and `end_s` where it ends.

    Returns:
        The first frame, and the one after the last. Slices of equal length have equally many frames.

    Raises:
        AudioError: the file does not hold the whole slice.
    """
    if not 0 <= start_s <= end_s < np.inf:
        raise AudioError(f"{path}: no sound can be read from {start_s:.3f} s to {end_s:.3f} s")
    stop = int(end_s * info.sample_rate + 1e-6)  # rounded down: never past the end
    start = stop - min(stop, round((end_s - start_s) * info.sample_rate))
    if stop > info.frames:
        raise AudioError(f"{path}: ends at {info.duration_s:.3f} s, but {start_s:.3f} to {end_s:.3f} s were asked for")
    return start, stop


def read_frames(path: Path | str, start: int, stop: int, *, sample_rate: int) -> np.ndarray:
    """Read some frames of a file, mixed down to mono, at the wanted rate; resampling sees no others.

    Args:
        path: the file.
        start: the first frame, at the file's own rate.
        stop: the frame after the last.
        sample_rate: rate of the result in Hz.

    Returns:
        As `read`: float32 samples, shape (n,).

    Raises:
        AudioError: the file is unreadable, ends before `stop`, or holds a sample that is no finite number.
    """
    try:
        samples, rate = soundfile.read(str(path), start=start, stop=stop, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path}: {_why_unreadable(Path(path), error)}") from error
    if len(samples) != stop - start:
        raise AudioError(f"{path}: ends before {stop / rate:.3f} s, which its header promises; get it again")
    mono = np.ascontiguousarray(samples.T).mean(axis=0)  # channel by channel in memory: five times as quick
    if not np.isfinite(mono).all():
        raise AudioError(f"{path}: a sample from {start / rate:.3f} to {stop / rate:.3f} s is not finite; get it again")
    return mono if rate == sample_rate else resample(mono, rate, sample_rate)


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Sound at another rate (soxr, high quality): float32, shape (samples,)."""
    return soxr.resample(samples, rate, wanted, quality="HQ").astype(np.float32)
