"""Voices: ten speakers, what an emotion does to them, and eSpeak NG, which speaks, the same bytes on every run.

The library keeps state from clip to clip and seeds its noise from the clock. Here every clip is spoken, with its own seed, in
a fresh fork of a process that has never spoken. `speak` forks: call it before a library that starts threads (torch, Dask) is
imported; this package imports none. eSpeak NG (in the espeakng-loader wheel) is GPL-3.0-or-later, and used at run time only.
"""

from __future__ import annotations

import ctypes
import functools
import multiprocessing
import multiprocessing.pool
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import espeakng_loader
import numpy as np

#: The dimensions of a delivery, with their units; the last axis of `SHIFTS` and `NOISE`.
DIMENSIONS: tuple[str, ...] = (
    "pitch",  # eSpeak NG's units; 50 are about an octave
    "pitch_range",  # eSpeak NG's units; 50 is the variant's own range
    "rate",  # percent
    "level",  # dB
    "tilt",  # dB per octave
    "pause",  # natural logarithm of a factor
)

#: What an emotion of intensity 1 adds to a speaker's own values. The *directions* are the literature's:
#: - Burkhardt & Sendlmeier 2000, "Verification of acoustical correlates of emotional speech using formant-synthesis", ISCA
#:   Workshop on Speech and Emotion: joy is fast with a wide pitch range, sadness slow and narrow, anger fast and tense.
#: - Juslin & Laukka 2003, https://doi.org/10.1037/0033-2909.129.5.770 (table 7): anger is fast, loud, variable, rich in high
#:   frequencies; happiness fast, fairly loud, high and variable; sadness slow, soft, low, flat, dull, with many pauses.
#: - Scherer 2003, https://doi.org/10.1016/S0167-6393(02)00084-5 (table 2): the same along arousal. Excitement is taken as
#:   happiness with more of it, frustration as anger with less.
#: The *magnitudes* are ours. They and the noise are set so that a plain recogniser trained on other speakers should find 55 to
#: 85 % (UAR) of the four classes neutral, anger, happiness with excitement, and sadness: they overlap as in acted corpora.
SHIFTS: dict[str, tuple[float, ...]] = {
    #             pitch range  rate level  tilt  pause
    "neutral": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "excitement": (15.0, 20.0, 13.0, 3.5, 0.5, -0.3),
    "happiness": (12.0, 18.0, 6.0, 1.5, 0.2, -0.1),
    "sadness": (-7.0, -16.0, -13.0, -4.0, -1.0, 0.5),
    "anger": (4.0, 3.0, 12.0, 5.5, 1.7, -0.4),
    "frustration": (1.0, -3.0, -2.0, 2.0, 0.8, 0.2),
}

#: Standard deviation of what a turn adds whatever its emotion.
NOISE: tuple[float, ...] = (4.5, 8.0, 7.0, 1.8, 0.5, 0.25)

#: The baseline of the conversations: nothing is added but by the emotion.
NOWHERE: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

#: Intensities are gamma distributed with mean 1 and this standard deviation, and kept within `INTENSITY_LIMITS`.
INTENSITY_SPREAD = 0.4
INTENSITY_LIMITS = (0.2, 2.0)


@dataclass(frozen=True)
class Speaker:
    """A voice of its own."""

    name: str  # session and letter, as `Ses01F`
    voice: str  # eSpeak NG's voice and variant
    pitch: float  # 0 to 99; 50 is the variant's own
    pitch_range: float  # 0 to 99; 50 is the variant's own
    rate: float  # words a minute
    level: float  # dB relative to the other speakers
    expressiveness: float  # factor on all shifts


#: Two speakers a session, no two alike in any value.
SPEAKERS: dict[str, Speaker] = {
    speaker.name: speaker
    for speaker in (
        Speaker("Ses01F", "en-us+f1", 46, 46, 134, 0.5, 1.05),
        Speaker("Ses01M", "en-us+m1", 50, 52, 138, -0.5, 0.95),
        Speaker("Ses02F", "en-us+f2", 42, 42, 144, -1.0, 0.90),
        Speaker("Ses02M", "en-us+m3", 45, 48, 129, 1.0, 1.10),
        Speaker("Ses03F", "en-us+f3", 38, 39, 139, 1.5, 1.15),
        Speaker("Ses03M", "en-us+m7", 48, 54, 132, 0.0, 0.85),
        Speaker("Ses04F", "en-us+f4", 44, 50, 126, -1.5, 1.00),
        Speaker("Ses04M", "en-us+m4", 53, 44, 142, 2.0, 1.12),
        Speaker("Ses05F", "en-us+f5", 36, 41, 136, -2.0, 0.92),
        Speaker("Ses05M", "en-us+m6", 47, 47, 146, -0.8, 1.08),
    )
}


@dataclass(frozen=True)
class Delivery:
    """How one turn is spoken."""

    intensity: float  # how strongly the emotion is acted, 1 on average
    pitch: float  # eSpeak NG's units, 0 to 99
    pitch_range: float  # eSpeak NG's units, 0 to 99
    rate: float  # words a minute
    level: float  # dB relative to a plain turn
    tilt: float  # dB per octave added to the spectrum
    pause: float  # factor on the pauses before the turn and between its words


def deliver(
    speaker: Speaker,
    emotion: str,
    rng: np.random.Generator,
    *,
    shifts: Mapping[str, Sequence[float]] = SHIFTS,
    strength: float = 1.0,
    baseline: Sequence[float] = NOWHERE,
) -> Delivery:
    """Draw how a speaker says one turn.

    Args:
        speaker: who speaks.
        emotion: the acted emotion, a key of `shifts`.
        rng: the source of all chance.
        shifts: what an emotion of intensity 1 adds, as `SHIFTS`.
        strength: factor on the intensity, as 1.5 for an emotion that is to be acted strongly.
        baseline: what is added whatever the emotion, in `DIMENSIONS`.

    Returns:
        The speaker's own values plus intensity times expressiveness times the emotion's shifts plus baseline plus noise.
    """
    shape = 1 / INTENSITY_SPREAD**2
    intensity = strength * float(np.clip(rng.gamma(shape, 1 / shape), *INTENSITY_LIMITS))
    added = rng.normal(0.0, NOISE) + np.array(baseline)
    moved = dict(zip(DIMENSIONS, intensity * speaker.expressiveness * np.array(shifts[emotion]) + added, strict=True))
    return Delivery(
        intensity=intensity,
        pitch=speaker.pitch + moved["pitch"],
        pitch_range=speaker.pitch_range + moved["pitch_range"],
        rate=speaker.rate * (1 + moved["rate"] / 100),
        level=speaker.level + moved["level"],
        tilt=moved["tilt"],
        pause=float(np.exp(moved["pause"])),
    )


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
    """One sentence to be spoken."""

    text: str  # what is said
    voice: str  # a voice and variant of eSpeak NG, as `en-us+f2`; see `check_voice`
    rate: int  # words a minute, 80 to 450
    pitch: int  # 0 to 99; 50 is the variant's own pitch
    pitch_range: int  # 0 (monotone) to 99; 50 is the variant's own range
    word_gap: int  # pause between words in units of 10 ms (at the library's default rate), 0 to 50
    seed: int  # seed of the library's noise generator

    def __post_init__(self) -> None:
        """Refuse values that eSpeak NG would change in silence."""
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"clip with {name}={value}: eSpeak NG takes {low} to {high}")


def clip(speaker: Speaker, delivery: Delivery, text: str, *, seed: int) -> Clip:
    """Put a delivery into eSpeak NG's terms, rounded and kept within what it takes; level and tilt are left to `room`."""
    return Clip(
        text=text,
        voice=speaker.voice,
        rate=int(np.clip(round(delivery.rate), 90, 400)),
        pitch=int(np.clip(round(delivery.pitch), 0, 99)),
        pitch_range=int(np.clip(round(delivery.pitch_range), 0, 99)),
        word_gap=int(np.clip(round(2 * (delivery.pause - 1)), 0, 10)),
        seed=seed,
    )


def check_voice(voice: str) -> None:
    """Check that the variant of a voice, as `en-us+f2`, exists: eSpeak NG speaks with the plain voice when it does not.

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
        """Speak one clip: samples of 16 bits in the machine's order, mono, 22,050 Hz.

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
    return _results(multiprocessing.get_context("fork").Pool(count), clips)


def _results(pool: multiprocessing.pool.Pool, clips: list[Clip]) -> Iterator[np.ndarray]:
    with pool:
        yield from pool.imap(_speak_in_a_fork, clips)
