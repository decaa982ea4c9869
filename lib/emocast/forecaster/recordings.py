"""Any recording that people have: read as a stream in flat memory, cut into windows, checked, chosen."""

from __future__ import annotations

import html
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pandas as pd
import soundfile
import soxr

from .. import audio, paths

#: What FFmpeg may take a file for: containers that hold sound. Playlists and scripts, which name other files, are none.
FORMATS = (
    "wav,w64,rf64,flac,mp3,ogg,mov,mp4,m4a,3gp,matroska,webm,aac,ac3,eac3,aiff,au,caf,amr,wv,ape,tta,asf,avi,mpegts,mpeg,flv,"
    "opus,alaw,mulaw"
)
#: A window whose loudest sample is lower (of full scale: -60 dB) is silent: there is nothing in it to forecast from.
SILENT = 1e-3
#: A longer recording is linked from the notebook's page, not put into it.
EMBEDDED_S = 600.0


class RecordingError(ValueError):
    """A recording cannot be used. The message names the file, what is wrong with it and what to do."""


class Recording:
    """One sound file in any format that FFmpeg reads; of a video the first sound stream. A RecordingError if there is none.

    Samples are what `audio.read` gives of the same file: floats in [-1, 1], the mean of the channels, at the file's own rate.

    Attributes:
        rate, channels, codec: its samples a second, how many channels it has, and FFmpeg's name of its format, as "mp3".
        promised_s: its length in seconds as its header says; None where it does not.
        frames, clipped: samples read so far, and how many of them are at full scale in any channel.
        damaged: packets that could not be decoded, and were passed over.
    """

    def __init__(self, path: Path | str) -> None:
        """Look at the file without reading its sound."""
        self.path = Path(path)
        self.frames = self.clipped = self.damaged = 0
        with self._opened() as container:
            stream = container.streams.audio[0]
            self.rate, self.channels, self.codec = stream.rate, stream.channels, stream.codec_context.name
            length = stream.duration * stream.time_base if stream.duration else (container.duration or 0) / 1e6
            self.promised_s = float(length) or None

    @property
    def seconds(self) -> float:
        """How much was read so far."""
        return self.frames / self.rate

    def blocks(self) -> Iterator[np.ndarray]:
        """Read the file from its beginning: float32 samples, (n,), in blocks of ten seconds or a little more."""
        self.frames = self.clipped = self.damaged = 0
        pieces = []
        for piece in self._mono():
            pieces.append(piece)
            if sum(map(len, pieces)) >= 10 * self.rate:
                yield np.concatenate(pieces)
                pieces = []
        if pieces:
            yield np.concatenate(pieces)

    def _mono(self) -> Iterator[np.ndarray]:
        """Mono samples as the decoder gives them, counted and checked."""
        with self._opened() as container:
            floats = av.AudioResampler(format="fltp")  # the numbers alone: a resampler of rates would look ahead
            for frame in self._frames(container):
                frame.pts = None
                for part in floats.resample(frame):
                    channels = part.to_ndarray()
                    self.clipped += int((np.abs(channels) >= 1 - 2**-15).any(axis=0).sum())
                    mono = channels.mean(axis=0)
                    if not np.isfinite(mono).all():
                        said = f"a sample near {self.seconds:.1f} s is not a finite number; export the recording again"
                        raise RecordingError(f"{self.path}: {said}")
                    self.frames += mono.size
                    yield mono
        if not self.frames:
            raise RecordingError(f"{self.path}: no sound could be decoded ({self.codec}); convert it to wav first")

    def _frames(self, container: av.container.InputContainer) -> Iterator[av.AudioFrame]:
        """Decoded frames; a packet that is damaged is passed over, as players do, and a file cut short ends there."""
        stream = container.streams.audio[0]
        stream.thread_type = "NONE"
        packets = container.demux(stream)
        while True:
            try:
                frames = next(packets).decode()
            except StopIteration:
                return
            except av.error.FFmpegError:  # of a damaged packet; where the file ends in one, the next is none
                self.damaged += 1
                continue
            for frame in frames:
                if (frame.sample_rate, frame.layout.nb_channels) != (self.rate, self.channels):
                    said = f"its rate or channels change at {self.seconds:.1f} s; convert it to wav first"
                    raise RecordingError(f"{self.path}: {said}")
                yield frame

    def _opened(self) -> av.container.InputContainer:
        options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
        try:
            container = av.open(f"file:{self.path.resolve()}", metadata_errors="replace", options=options)
        except (av.error.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            said = f"not readable as sound ({reason}); give a wav, flac, mp3, ogg, m4a or mp4 file"
            raise RecordingError(f"{self.path}: {said}") from error
        streams = container.streams.audio
        if not streams or not streams[0].rate or not streams[0].channels:
            kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "no stream at all"
            container.close()
            raise RecordingError(f"{self.path}: there is no sound in it (only {kinds}); give a file with a sound track")
        return container


#: A window: its end in seconds, its samples (None where it is silent).
Window = tuple[float, np.ndarray | None]


def sliding_windows(
    blocks: Iterable[np.ndarray], *, rate: int, length_s: float, step_s: float, sample_rate: int, passed: int = 0
) -> Iterator[Window]:
    """Slide over a recording's blocks, each (n,): the windows of `length_s` that end every `step_s`, the first at `length_s`.

    A window holds the samples before its end and no other; resampling to `sample_rate`, too, sees the window alone. So nothing
    after a moment can reach a forecast that is made at it. The first `passed` windows are left out.
    """
    if not (length_s > 0 and step_s > 0):
        raise ValueError(f"windows of {length_s:g} s every {step_s:g} s: both must be more than 0")
    buffer, first, number = np.empty(0, np.float32), 0, 0  # `first`: where in the recording `buffer` begins
    size = round(length_s * rate)
    for block in blocks:
        buffer = np.concatenate([buffer, block])
        while True:
            end_s = length_s + number * step_s
            stop = int(end_s * rate + 1e-6)  # rounded down, as `audio.span` does: never past the end
            start = stop - min(stop, size)
            if stop > first + buffer.size:
                break
            if number >= passed:
                samples = buffer[start - first : stop - first]
                if np.abs(samples).max(initial=0.0) < SILENT:
                    yield end_s, None
                else:
                    yield end_s, samples.copy() if rate == sample_rate else audio.resample(samples, rate, sample_rate)
            number += 1
        spare = min(buffer.size, start - first)
        buffer, first = buffer[spare:], first + spare


def envelope(block: np.ndarray, start: int, rate: int) -> pd.DataFrame:
    """The lowest and highest sample of each 0.05 s of a block, (n,), that begins at sample `start`: start_s, low, high."""
    edges = np.arange(0, block.size, max(1, round(0.05 * rate)))
    ends = {"low": np.minimum.reduceat(block, edges), "high": np.maximum.reduceat(block, edges)}
    return pd.DataFrame({"start_s": (start + edges) / rate, **ends})


def refuse(recording: Recording, length_s: float, *, silent: bool) -> None:
    """Raise a RecordingError for a recording that was read and is shorter than a window of `length_s`, or silent."""
    if recording.seconds < length_s:
        said = f"lasts {recording.seconds:.1f} s, but a forecast needs {length_s:g} s; give a longer one"
        raise RecordingError(f"{recording.path}: {said}")
    if silent:
        said = f"silent throughout (nothing above {20 * np.log10(SILENT):.0f} dB of full scale); was the microphone on?"
        raise RecordingError(f"{recording.path}: {said}")


def validate(recording: Recording, length_s: float) -> None:
    """Read a recording of up to ten minutes, which takes a second, and `refuse` it; in a longer one it shows later."""
    if recording.promised_s is not None and recording.promised_s <= 600:
        loudest = max((float(np.abs(block).max()) for block in recording.blocks()), default=0.0)
        refuse(recording, length_s, silent=loudest < SILENT)


class Chosen(NamedTuple):
    """A recording and why it was taken; of a synthetic one its turns; why newer files were passed over, a sentence each."""

    path: Path
    why: str
    turns: pd.DataFrame | None = None
    unusable: tuple[str, ...] = ()


def folder() -> Path:
    """Where people drop recordings."""
    return paths.data() / "recordings"


def choose(recording: str, *, length_s: float, seed: int, scratch: Path) -> Chosen:
    """Choose a recording: the one that is named, else the newest in `folder()` of at least `length_s`, else a synthetic one.

    `recording` is a path, whole or relative to the working folder, the checkout or `folder()`. `scratch` is a folder for the
    synthetic conversation.
    """
    if recording:
        given = Path(recording).expanduser()
        for path in (given, paths.ROOT / given, folder() / given):
            if path.exists():
                return Chosen(path.resolve(), "the parameter `recording` names it")
        raise RecordingError(f"{recording}: no such file, neither here nor in {paths.relative(folder())}")
    dropped, unusable = [path for path in folder().glob("[!.]*") if path.is_file()], []
    for path in sorted(dropped, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True):
        try:
            validate(Recording(path), length_s)
        except RecordingError as error:
            unusable.append(str(error))
        else:
            why = f"it is the newest of {len(dropped)} in data/recordings/ that can be used"
            return Chosen(path, why, None, tuple(unusable))
    path, truth = spoken(scratch, seed=seed)
    why = "none of the files in data/recordings/ can be used" if dropped else "data/recordings/ is empty"
    return Chosen(path, f"{why}, so a synthetic conversation was spoken anew", truth, tuple(unusable))


def spoken(scratch: Path, *, seed: int, turns: int = 40) -> tuple[Path, pd.DataFrame]:
    """Have a conversation spoken by a process of its own (the synthesiser forks, which threads forbid): recording and turns."""
    options = {"--conversation": scratch, "--seed": seed, "--turns": turns}
    command = [sys.executable, "-m", "emocast_twins", *(str(word) for pair in options.items() for word in pair)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the synthetic conversation was not spoken: {done.stderr.strip()[-500:]}")
    return scratch / "conversation.wav", pd.read_csv(scratch / "turns.csv")


def compact(path: Path | str, target: Path) -> Path:
    """Write a small mono copy of a recording, an mp3, to listen to."""
    recording, rate = Recording(path), 16_000
    resampler = soxr.ResampleStream(recording.rate, rate, 1)  # that it looks ahead does no harm here
    with paths.replacing(target) as partial, soundfile.SoundFile(partial, "w", rate, 1, format="MP3") as file:
        for block in recording.blocks():
            file.write(resampler.resample_chunk(block))
        file.write(resampler.resample_chunk(np.empty(0, np.float32), last=True))
    return target


def player(copy: Path, seconds: float) -> object:
    """A player of `compact`'s copy for a notebook: with the sound in it, or for a long recording with a link to the file."""
    from IPython.display import HTML, Audio

    if seconds <= EMBEDDED_S:
        return Audio(filename=str(copy), embed=True)
    # Run by hand, the notebook lies elsewhere.
    beside = copy.name if paths.RUN_FOLDER in os.environ else os.path.relpath(copy)
    return HTML(f'<audio controls preload="none" src="{html.escape(beside)}"></audio>')
