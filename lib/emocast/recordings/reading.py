"""Decode any sound file as a stream: blocks of mono samples at the file's own rate, in flat memory.

FFmpeg (through PyAV) reads wav, flac, mp3, ogg, opus, m4a, mp4, mkv and more; of a video the first sound stream is heard.
Samples are what `audio.read` gives of the same file: floats in [-1, 1], the mean of the channels. Nothing is resampled here:
a resampler looks ahead, and what is ahead of a window must not reach it (`sliding` resamples each window for itself).

A lossy codec mixes some hundredths of a second before a sample is a sample; that is in the file, and no reader can undo it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

#: What FFmpeg may take a file for: containers that hold sound. Playlists and scripts, which name other files, are none.
FORMATS = (
    "wav,w64,rf64,flac,mp3,ogg,mov,mp4,m4a,3gp,matroska,webm,aac,ac3,eac3,aiff,au,caf,amr,wv,ape,tta,asf,avi,mpegts,mpeg,flv,"
    "opus,alaw,mulaw"
)
FULL_SCALE = 1.0
_SCALES = {np.dtype(np.int16): 2.0**15, np.dtype(np.int32): 2.0**31, np.dtype(np.int64): 2.0**63}


class RecordingError(ValueError):
    """A recording cannot be used. The message names the file, what is wrong with it and what to do."""


class Recording:
    """One sound file, to be read once from its beginning to its end.

    Args:
        path: the file.

    Attributes:
        path: the file.
        rate: its samples a second.
        channels: how many it has.
        codec: FFmpeg's name of what it is written in, as "mp3".
        promised_s: its length in seconds as its header says; None where it does not.
        frames: samples read so far.
        clipped: of these, how many are at full scale in any channel.
        damaged: packets that could not be decoded, and were passed over.

    Raises:
        RecordingError: it is missing, a folder, empty, not readable as sound, or has no sound stream.
    """

    def __init__(self, path: Path | str) -> None:
        """Look at the file without reading its sound."""
        self.path = Path(path)
        self.frames = self.clipped = self.damaged = 0
        with self._opened() as container:
            stream = container.streams.audio[0]
            self.rate, self.channels = stream.rate, stream.channels
            self.codec = stream.codec_context.name
            length = stream.duration * stream.time_base if stream.duration else (container.duration or 0) / 1e6
            self.promised_s = float(length) or None

    @property
    def seconds(self) -> float:
        """How much was read so far."""
        return self.frames / self.rate

    def blocks(self, *, seconds: float = 10.0) -> Iterator[np.ndarray]:
        """Read the file.

        Args:
            seconds: the length of a block.

        Yields:
            float32 samples, shape (n,), at `rate`: equally long blocks, and what is left.

        Raises:
            RecordingError: a sample is no finite number, nothing can be decoded, or rate or channels change on the way.
        """
        self.frames = self.clipped = self.damaged = 0
        size, pieces, held = round(seconds * self.rate), [], 0
        for piece in self._pieces():
            pieces.append(piece)
            held += piece.size
            if held >= size:
                whole = np.concatenate(pieces)
                cut = held - held % size
                yield from np.split(whole[:cut], cut // size)
                pieces, held = [whole[cut:].copy()], held - cut
        if held:
            yield np.concatenate(pieces)

    def _pieces(self) -> Iterator[np.ndarray]:
        """Mono samples as the decoder gives them, counted and checked."""
        with self._opened() as container:
            for frame in self._frames(container):
                channels = _floats(frame)
                self.clipped += int((np.abs(channels) >= FULL_SCALE - 2**-15).any(axis=0).sum())
                mono = channels.mean(axis=0)
                if not np.isfinite(mono).all():
                    raise RecordingError(
                        f"{self.path}: a sample near {self.seconds:.1f} s is not a finite number; export the recording again"
                    )
                self.frames += mono.size
                yield mono
        if not self.frames:
            raise RecordingError(f"{self.path}: no sound could be decoded ({self.codec}); convert it to wav first")

    def _frames(self, container: av.container.InputContainer) -> Iterator[av.AudioFrame]:
        """Decoded frames; a packet that is damaged is passed over, as players do."""
        stream = container.streams.audio[0]
        stream.thread_type = "NONE"
        for packet in self._packets(container, stream):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                self.damaged += 1
                continue
            for frame in frames:
                if (frame.sample_rate, frame.layout.nb_channels) != (self.rate, self.channels):
                    raise RecordingError(
                        f"{self.path}: its rate or channels change at {self.seconds:.1f} s; convert it to wav first"
                    )
                yield frame

    def _packets(self, container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[av.Packet]:
        """Packets up to the end, or to where a file that was cut short breaks off."""
        try:
            yield from container.demux(stream)
        except av.error.FFmpegError:
            self.damaged += 1

    def _opened(self) -> av.container.InputContainer:
        problem = _no_file(self.path)
        if problem:
            raise RecordingError(f"{self.path}: {problem}")
        options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
        try:
            container = av.open(f"file:{self.path.resolve()}", metadata_errors="replace", options=options)
        except (av.error.FFmpegError, ValueError) as error:
            raise RecordingError(
                f"{self.path}: not readable as sound ({_reason(error)}); give a wav, flac, mp3, ogg, m4a or mp4 file"
            ) from error
        streams = container.streams.audio
        if not streams or not streams[0].rate or not streams[0].channels:
            kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "no stream at all"
            container.close()
            raise RecordingError(f"{self.path}: there is no sound in it (only {kinds}); give a file with a sound track")
        return container


def _no_file(path: Path) -> str:
    """Why a path is nothing to be opened; empty where it is."""
    if path.is_dir():
        return "a folder, not a recording; give one file in it"
    if not path.is_file():
        return "no such file"
    return "" if path.stat().st_size else "the file is empty; record or copy it again"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _floats(frame: av.AudioFrame) -> np.ndarray:
    """A frame as float32 in [-1, 1], shape (channels, n): scaled as libsndfile does."""
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = np.ascontiguousarray(values.reshape(-1, frame.layout.nb_channels).T)
    if values.dtype == np.uint8:
        return (values.astype(np.float32) - 128) / np.float32(128)
    if values.dtype in _SCALES:
        return values.astype(np.float32) / np.float32(_SCALES[values.dtype])
    return values.astype(np.float32)
