"""From spoken clips to a recording: placing the turns of a dialogue, two microphones, a room; or one studio microphone.

IEMOCAP was recorded by one microphone a speaker, left for the female and right for the male one, with overlapping speech and
the partner audible in the background. Every dialogue has a sound of its own, which a model may recognise: room and
microphones. A loader that mixes down, cuts windows or trusts levels should meet all of it.
Positions are whole multiples of `GRID` samples, so that a time of four decimals names a sample exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
import soxr

from . import voices

#: Samples a second of the recording.
SAMPLE_RATE = 16000

#: Turns begin and end on multiples of this many samples: 8 samples are 0.5 ms.
GRID = 8

#: Root mean square of a plain turn at the own microphone, dB re full scale.
SPEECH_LEVEL = -30.0

#: Root mean square of the room's noise, dB re full scale.
NOISE_LEVEL = -52.0

#: No sample of a recording is larger, as a share of full scale.
PEAK = 0.95

#: Speech is turned up or down by the tilt around this frequency, in Hz, and only within the band.
TILT_CENTRE = 500.0
TILT_BAND = (80.0, 8000.0)

#: Seconds between two turns as their labels cut them, at so many percent of the turns: negative where they overlap, which they
#: mostly do, for the cuts hold the silence around a turn. After the partner's turn, and after the speaker's own, as in IEMOCAP
#: (`benchmarks/fit_conversations.py`).
GAPS_AT = (0, 5, 10, 25, 50, 75, 90, 95, 100)
GAPS_S = {
    "partner": (-6.0, -3.5, -2.4, -0.9, -0.55, -0.29, 0.18, 0.65, 2.4),
    "own": (0.0, 0.01, 0.01, 0.04, 0.11, 0.6, 1.4, 2.4, 4.5),
}

#: Seconds of silence that a cut holds before and after a turn of a conversation.
CUT_S = (0.25, 0.35)

#: The first turn begins so many seconds into the recording.
ONSET_S = (2.0, 9.5)

#: How rooms and days differ: a room's echoes (how many, of which delays and levels), the noise around its level, and how much
#: of the low frequencies a microphone takes more or less of.
ECHOES = 5
ECHO_SAMPLES = (60, 900)
ECHO_DB = (-26.0, -12.0)
NOISE_DB = (-4.0, 6.0)
COLOUR = (-0.5, 0.5)

#: Seconds after the last turn.
TAIL_S = 1.0

#: Seconds of silence before and after a sentence in the studio: fewest and most.
MARGIN_S = (0.08, 0.3)

LEFT, RIGHT = 0, 1


@dataclass(frozen=True, eq=False)
class Turn:
    """A turn as it sounds at its own microphone."""

    samples: np.ndarray  # shape (n,), float, full scale 1, 16 kHz; n is a multiple of `GRID`
    channel: int  # `LEFT` or `RIGHT`, the microphone of who speaks
    pause: float  # factor on the silence before the turn


def trim(samples: np.ndarray, *, threshold: float = 0.01, margin: int = 300) -> np.ndarray:
    """Cut the silence that eSpeak NG leaves around its speech.

    Args:
        samples: shape (n,).
        threshold: what counts as silence, as a share of the largest sample.
        margin: samples that stay before and after.

    Raises:
        ValueError: there is nothing but silence.
    """
    loud = np.flatnonzero(np.abs(samples.astype(float)) > threshold * np.abs(samples.astype(float)).max(initial=0))
    if loud.size == 0:
        raise ValueError(f"a clip of {samples.size} samples holds only silence")
    return samples[max(loud[0] - margin, 0) : loud[-1] + 1 + margin]


def tilted(samples: np.ndarray, tilt: float) -> np.ndarray:
    """Add `tilt` dB per octave to the spectrum of samples, (n,) at 16 kHz, around `TILT_CENTRE` within `TILT_BAND`."""
    size = scipy.fft.next_fast_len(samples.size, real=True)
    frequencies = np.clip(scipy.fft.rfftfreq(size, 1 / SAMPLE_RATE), *TILT_BAND)
    gain = 10 ** (tilt * np.log2(frequencies / TILT_CENTRE) / 20)
    return scipy.fft.irfft(scipy.fft.rfft(samples, size) * gain, size)[: samples.size]


def turn(
    clip: np.ndarray, delivery: voices.Delivery, *, channel: int = LEFT, around_s: tuple[float, float] = (0.0, 0.0)
) -> Turn:
    """Prepare a spoken clip: trimmed, at 16 kHz, with its tilt and its level.

    Args:
        clip: shape (n,), int16, mono, as `voices.speak` gives it.
        delivery: how it is said.
        channel: `LEFT` or `RIGHT`.
        around_s: seconds of silence that are part of the turn, before and after the speech.
    """
    samples = tilted(soxr.resample(trim(clip) / 32768, voices.SAMPLE_RATE, SAMPLE_RATE), delivery.tilt)
    samples = np.pad(samples, (0, -samples.size % GRID))
    samples *= 10 ** ((SPEECH_LEVEL + delivery.level) / 20) / np.sqrt(np.mean(samples**2))
    around = [round(seconds * SAMPLE_RATE / GRID) * GRID for seconds in around_s]
    return Turn(np.pad(samples, around), channel, delivery.pause)


def place(
    turns: Sequence[Turn],
    rng: np.random.Generator,
    *,
    at: Sequence[float] = GAPS_AT,
    gaps_s: Mapping[str, Sequence[float]] = GAPS_S,
) -> np.ndarray:
    """Choose where the turns begin: first samples, shape (len(turns),), ascending multiples of `GRID`.

    No speaker begins before the own last turn has ended. `Turn.channel` tells the speakers apart.
    """
    free, last = {turn.channel: int(rng.uniform(*ONSET_S) * SAMPLE_RATE) for turn in turns[:1]}, None
    starts: list[int] = []
    for current in turns:
        same = last is not None and last.channel == current.channel
        gap = float(np.interp(100 * rng.random(), at, gaps_s["own" if same else "partner"]))
        if last is not None:
            begin = starts[-1] + last.samples.size + int(gap * (current.pause if gap > 0 else 1) * SAMPLE_RATE)
            begin = max(begin, free.get(current.channel, 0), starts[-1] + GRID)
        else:
            begin = free[current.channel]
        starts.append(begin + -begin % GRID)
        free[current.channel], last = starts[-1] + current.samples.size, current
    return np.array(starts)


def mix(turns: Sequence[Turn], starts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Record the turns with two microphones in a room. How both sound is drawn anew for each dialogue: no two days are alike.

    Args:
        turns: in their order.
        starts: where each begins, as from `place`.
        rng: draws the microphones' levels and colour, the room's echoes and noise, the crosstalk and its delay.

    Returns:
        Shape (n, 2), int16, columns left and right.
    """
    ends = starts + [current.samples.size for current in turns]
    size = int(ends.max() + TAIL_S * SAMPLE_RATE)
    crosstalk = 10 ** (rng.uniform(-18, -12, size=2) / 20)
    delays = rng.integers(30, 91, size=2)  # 2 to 6 ms: 0.6 to 2 m
    own = np.zeros((2, size), dtype=np.float32)
    for current, start, end in zip(turns, starts, ends, strict=True):
        own[current.channel, start:end] += current.samples
    mixed = own.copy()
    for channel in (LEFT, RIGHT):
        delay = delays[channel]
        mixed[channel, delay:] += crosstalk[channel] * own[1 - channel, :-delay]
    for delay, level in zip(rng.integers(*ECHO_SAMPLES, size=ECHOES), rng.uniform(*ECHO_DB, size=ECHOES), strict=True):
        mixed[:, delay:] += 10 ** (level / 20) * own[:, :-delay]
    gains = 10 ** (rng.uniform(-2.5, 2.5, size=2) / 20)
    noise = _noise((2, size), NOISE_LEVEL + rng.uniform(*NOISE_DB), rng)
    return _rounded((_coloured(mixed, rng.uniform(*COLOUR, size=2)) * gains[:, np.newaxis] + noise).T)


def _coloured(samples: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """What microphones of a colour, (2,), hear of samples, (2, n): above 0 more of the low frequencies, below 0 less."""
    from scipy.signal import lfilter  # here: see `_noise`

    low = lfilter([0.3], [1, -0.7], samples, axis=-1)
    return samples + colour[:, np.newaxis] * low


def studio(spoken: Turn, rng: np.random.Generator, *, noise_level: float) -> np.ndarray:
    """Record one sentence on its own with one microphone: shape (n,), int16. Its channel and its pause play no part.

    Args:
        spoken: the sentence.
        rng: draws the silence around it, the microphone's level and the noise.
        noise_level: root mean square of the noise, dB re full scale.
    """
    before, after = (int(seconds * SAMPLE_RATE) for seconds in rng.uniform(*MARGIN_S, size=2))
    gain = 10 ** (rng.uniform(-1.5, 1.5) / 20)
    recorded = gain * np.pad(spoken.samples, (before, after))
    return _rounded(recorded + _noise((recorded.size,), noise_level, rng))


def _rounded(samples: np.ndarray) -> np.ndarray:
    return np.rint(samples * 32767 * min(1.0, PEAK / np.abs(samples).max())).astype(np.int16)


def _noise(shape: tuple[int, ...], level: float, rng: np.random.Generator) -> np.ndarray:
    """Draw slightly low-passed noise of a level in dB re full scale; time is the last axis."""
    from scipy.signal import lfilter  # here: it takes a second to import, and most who import this module make no noise

    pole = 0.6
    coloured = lfilter([np.sqrt(1 - pole**2)], [1, -pole], rng.standard_normal(shape), axis=-1)
    return coloured * 10 ** (level / 20)
