"""Speech by the eSpeak NG library inside the espeakng-loader wheel, the same bytes on every run.

The library keeps state from clip to clip (noise, flutter) and seeds its generator from the clock, so two equal calls
give different samples. Here every clip is spoken, with its own seed, in a fresh fork of a process that has never
spoken: equal clips give equal bytes whatever was said before and however many processes work side by side.

`speak` forks its processes. Call it before a library that starts threads (torch, Dask) is imported; this package
imports none. eSpeak NG is GPL-3.0-or-later and is used at run time only.
"""

from __future__ import annotations

import ctypes
import functools
import multiprocessing
import multiprocessing.pool
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import espeakng_loader
import numpy as np

#: Samples a second of every clip; `Engine` checks that the library agrees.
SAMPLE_RATE = 22050

# From eSpeak NG's speak_lib.h: https://github.com/espeak-ng/espeak-ng/blob/master/src/include/espeak-ng/speak_lib.h
_PARAMETERS = {"rate": 1, "pitch": 3, "pitch_range": 4, "word_gap": 7}
_LIMITS = {"rate": (80, 450), "pitch": (0, 99), "pitch_range": (0, 99), "word_gap": (0, 50)}
_SYNCHRONOUS = 2
_DO_NOT_EXIT = 0x8000
_UTF8 = 1
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class EngineError(RuntimeError):
    """eSpeak NG did not start or did not speak."""


@dataclass(frozen=True)
class Clip:
    """One sentence to be spoken.

    Attributes:
        text: what is said.
        voice: a voice and variant of eSpeak NG, as `en-us+f2`; see `check_voice`.
        rate: words a minute, 80 to 450.
        pitch: 0 to 99; 50 is the variant's own pitch.
        pitch_range: 0 (monotone) to 99; 50 is the variant's own range.
        word_gap: pause between words in units of 10 ms (at the library's default rate), 0 to 50.
        seed: seed of the library's noise generator.
    """

    text: str
    voice: str
    rate: int
    pitch: int
    pitch_range: int
    word_gap: int
    seed: int

    def __post_init__(self) -> None:
        """Refuse values that eSpeak NG would change in silence."""
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"clip with {name}={value}: eSpeak NG takes {low} to {high}")


def check_voice(voice: str) -> None:
    """Check that a variant exists, because eSpeak NG speaks with the plain voice when it does not.

    Args:
        voice: a voice with an optional variant, as `en-us+f2`.

    Raises:
        ValueError: the data folder of eSpeak NG holds no such variant.
    """
    _, plus, variant = voice.partition("+")
    folder = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    if plus and not (variant and variant in _names(folder)):
        raise ValueError(f"no variant {variant!r} of voice {voice!r} under {folder}; there are f1 to f5, m1 to m8, ...")


@functools.cache
def _names(folder: Path) -> frozenset[str]:
    """List a folder's names: `exists` would take F1 for f1 on a file system that ignores case."""
    return frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()


class Engine:
    """The library, started once in a process; `speak` is reproducible only for the first clip of a process."""

    def __init__(self) -> None:
        """Load and start the library.

        Raises:
            EngineError: the library or its data are not where espeakng-loader says.
        """
        data = espeakng_loader.get_data_path()
        try:
            self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        except OSError as error:
            raise EngineError(f"eSpeak NG cannot be loaded ({error}); reinstall espeakng-loader") from error
        self._declare()
        rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(data), _DO_NOT_EXIT)
        if rate != SAMPLE_RATE:
            raise EngineError(f"eSpeak NG started with {rate} samples a second, not {SAMPLE_RATE}; its data: {data}")
        self._chunks: list[bytes] = []
        self._callback = _CALLBACK(self._collect)  # ctypes keeps no reference: without ours, the library would crash
        self._library.espeak_SetSynthCallback(self._callback)

    def _declare(self) -> None:
        library = self._library
        library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        library.espeak_SetParameter.argtypes = [ctypes.c_int] * 3
        library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
        library.espeak_Synth.argtypes = [ctypes.c_char_p, ctypes.c_size_t, *[ctypes.c_uint] * 4, *[ctypes.c_void_p] * 2]

    def _collect(self, samples, count: int, _events) -> int:
        if count > 0:
            self._chunks.append(ctypes.string_at(samples, 2 * count))
        return 0

    def speak(self, clip: Clip) -> bytes:
        """Speak one clip.

        Args:
            clip: what to say and how.

        Returns:
            Samples of 16 bits in the machine's order, mono, 22,050 Hz.

        Raises:
            EngineError: the voice is unknown or nothing was spoken.
        """
        if self._library.espeak_SetVoiceByName(clip.voice.encode()) != 0:
            raise EngineError(f"eSpeak NG has no voice {clip.voice!r}")
        for name, number in _PARAMETERS.items():
            self._library.espeak_SetParameter(number, int(getattr(clip, name)), 0)
        self._library.espeak_ng_SetRandSeed(clip.seed)
        self._chunks.clear()
        text = clip.text.encode() + b"\0"
        status = self._library.espeak_Synth(text, len(text), 0, 0, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        if status != 0 or not self._chunks:
            raise EngineError(f"eSpeak NG did not speak {clip} (status {status})")
        return b"".join(self._chunks)


@functools.cache
def _engine() -> Engine:
    return Engine()


def _speak_in_a_fork(clip: Clip) -> np.ndarray:
    """Speak in a child of this process, which itself never speaks, and read the samples from a pipe."""
    engine = _engine()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _speak_and_exit(engine, clip, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        samples = stream.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        raise EngineError(f"eSpeak NG was killed by signal {os.WTERMSIG(status)} at {clip}")
    if status != 0:
        raise EngineError(samples.decode(errors="replace"))
    return np.frombuffer(samples, dtype=np.int16)


def _speak_and_exit(engine: Engine, clip: Clip, writer: int) -> None:
    """Run in the child: write the samples, or the error, and end without the clean-up of the parent's objects."""
    code = 1
    try:
        with os.fdopen(writer, "wb") as stream:
            try:
                stream.write(engine.speak(clip))
                code = 0
            except Exception as error:
                stream.write(str(error).encode())
    finally:
        os._exit(code)


def speak(clips: Iterable[Clip], *, processes: int | None = None) -> Iterator[np.ndarray]:
    """Speak clips side by side and give them back one by one in their order.

    The processes are forked by this call itself, not by the first step of the iterator, so that a progress bar (which
    starts a thread) may be put around what it returns.

    Args:
        clips: what to say; every voice is checked before the first one is spoken.
        processes: how many work at a time; None for one a core. The samples do not depend on it.

    Returns:
        An iterator over the clips' samples, each of shape (n,), int16, 22,050 Hz. It raises `EngineError` when a clip
        cannot be spoken.

    Raises:
        ValueError: a voice has an unknown variant, or `processes` is below 1.
        EngineError: the library did not start.
    """
    clips = list(clips)
    for voice in sorted({clip.voice for clip in clips}):
        check_voice(voice)
    count = (os.cpu_count() or 1) if processes is None else processes
    if count < 1:
        raise ValueError(f"processes={processes}: at least one is needed")
    _engine()  # started here once, so that every fork begins from the same state
    pool = multiprocessing.get_context("fork").Pool(count)
    return _results(pool, clips)


def _results(pool: multiprocessing.pool.Pool, clips: list[Clip]) -> Iterator[np.ndarray]:
    with pool:
        yield from pool.imap(_speak_in_a_fork, clips)
