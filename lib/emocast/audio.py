"""Sound off the disk: what a file holds, and its samples between two moments as mono at a wanted rate.

Any format, rate and channel count that libsndfile reads. A slice is read without the rest of the file, and resampling
sees the slice alone: nothing after its end reaches it, which a forecast depends on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

FADE_S = 0.01  # of a voice, into a turn and out of it
#: How the name of a sound begins that is not there because its corpus was loaded from the annotation alone.
NO_SOUND = "annotation only"

_CUT_SHORT = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
_LFS_POINTER = b"version https://git-lfs"


class AudioError(ValueError):
    """An audio file is missing, unreadable or shorter than what was asked of it. The message names the file."""


@dataclass(frozen=True)
class Info:
    """What a file's header says. `missing_s`: how much sound it promises beyond what the file holds (WAV, cut short)."""

    sample_rate: int
    channels: int
    frames: int
    missing_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length of the sound that is there, in seconds."""
        return self.frames / self.sample_rate


class Voice(NamedTuple):
    """What is kept of a recording so that one voice alone is left; all else is silence.

    Attributes:
        turns: start and end of each turn of the voice, in seconds within the recording.
        channel: its microphone's channel, from 0; the mean of all where it is None, or the file has no such channel.
    """

    turns: tuple[tuple[float, float], ...]
    channel: int | None = None

    def kept(self, start: int, stop: int, rate: int) -> np.ndarray:
        """How much is kept of each of the frames from `start` to before `stop`: 0 to 1, float32, (stop - start,).

        It rises over `FADE_S` from a turn's start and falls over `FADE_S` *after* its end: no frame asks what comes later.
        """
        share = np.zeros(stop - start, np.float32)
        for begin_s, end_s in self.turns:
            bounds = int(begin_s * rate), int((end_s + FADE_S) * rate) + 1
            first, last = np.clip(bounds, start, stop) - start
            seconds = np.arange(start + first, start + last) / rate
            ramps = np.minimum(seconds - begin_s, end_s + FADE_S - seconds) / FADE_S
            share[first:last] = np.maximum(share[first:last], ramps.clip(0, 1))
        return share


def inspect(path: Path | str) -> Info:
    """Read the header of a sound file: AudioError if it is not there, or no sound file that libsndfile reads."""
    try:
        header = soundfile.info(str(path), verbose=True)
    except soundfile.LibsndfileError as error:
        raise _unreadable(path, error) from error
    cut = _CUT_SHORT.search(header.extra_info)
    present = header.frames / int(cut[2]) if cut and int(cut[2]) else 1 / (header.channels * 2)
    missing = (int(cut[1]) - int(cut[2])) * present / header.samplerate if cut else 0.0
    return Info(header.samplerate, header.channels, header.frames, missing)


def is_there(names: Iterable[str]) -> bool:
    """Whether any of the sounds of a table is a recording; False for a corpus that was loaded from its annotation alone."""
    return any(not str(name).startswith(NO_SOUND) for name in names)


def no_sound(path: Path) -> str | None:
    """Why a file cannot hold sound, as its first bytes show: it is not there, empty, or a git-LFS pointer; else None."""
    if NO_SOUND in path.parts:
        return "there is no sound: the corpus was loaded from its annotation alone"
    if not path.is_file():
        return "no such file"
    with path.open("rb") as file:
        start = file.read(len(_LFS_POINTER))
    if start == _LFS_POINTER:
        return "a git-LFS pointer stands in place of the sound; run `git lfs pull` in the corpus's repository"
    return None if start else "the file is empty; get it again"


def _unreadable(path: Path | str, error: Exception) -> AudioError:
    why = f"not readable as sound ({str(error).split(': ')[-1].rstrip('.')}); get it again"
    return AudioError(f"{path}: {no_sound(Path(path)) or why}")


def read(
    path: Path | str,
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    sample_rate: int = 16_000,
    voice: Voice | None = None,
) -> np.ndarray:
    """Read the sound between two moments, mixed down to mono, at the wanted rate.

    The last sample read lies before `end_s`; resampling adds none from beyond it. Two slices of equal length have
    equally many samples, wherever they begin.

    Args:
        path: the file.
        start_s: where the slice begins, in seconds from the file's beginning, and `end_s` where it ends (the file's end).
        sample_rate: rate of the result in Hz.
        voice: whose sound alone is wanted; None for all.

    Returns:
        float32 samples in [-1, 1], shape (n,): the mean of the channels.

    Raises:
        AudioError: the file is unreadable, or does not hold the whole slice.
    """
    info = inspect(path)
    start, stop = span(path, info, start_s=start_s, end_s=info.duration_s if end_s is None else end_s)
    return read_frames(path, start, stop, sample_rate=sample_rate, voice=voice)


def span(path: Path | str, info: Info, *, start_s: float, end_s: float) -> tuple[int, int]:
    """The frames of a file from `start_s` to `end_s` seconds: the first, and the one after the last.

    Slices of equal length have equally many. AudioError where the file, whose header is `info`, does not hold the whole slice.
    """
    if not 0 <= start_s <= end_s < np.inf:
        raise AudioError(f"{path}: no sound can be read from {start_s:.3f} s to {end_s:.3f} s")
    stop = int(end_s * info.sample_rate + 1e-6)  # rounded down: never past the end
    start = stop - min(stop, round((end_s - start_s) * info.sample_rate))
    if stop > info.frames:
        raise AudioError(f"{path}: ends at {info.duration_s:.3f} s, but {start_s:.3f} to {end_s:.3f} s were asked for")
    return start, stop


def read_frames(path: Path | str, start: int, stop: int, *, sample_rate: int, voice: Voice | None = None) -> np.ndarray:
    """Read the frames from `start` to before `stop` (of the file's own rate) as `read` does: float32, shape (n,).

    Of a `voice` nothing else is left. AudioError where the file is unreadable, ends before `stop`, or holds a sample that is no
    finite number.
    """
    try:
        samples, rate = soundfile.read(str(path), start=start, stop=stop, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise _unreadable(path, error) from error
    if len(samples) != stop - start:
        raise AudioError(f"{path}: ends before {stop / rate:.3f} s, which its header promises; get it again")
    channels = np.ascontiguousarray(samples.T)  # channel by channel in memory: five times as quick
    known = voice is not None and voice.channel is not None and voice.channel < len(channels)
    mono = channels[voice.channel] if known else channels.mean(axis=0)
    mono = mono if voice is None else mono * voice.kept(start, stop, rate)
    if not np.isfinite(mono).all():
        raise AudioError(f"{path}: a sample from {start / rate:.3f} to {stop / rate:.3f} s is not finite; get it again")
    return mono if rate == sample_rate else resample(mono, rate, sample_rate)


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Sound at another rate (soxr, high quality): float32, shape (samples,)."""
    return soxr.resample(samples, rate, wanted, quality="HQ").astype(np.float32)
