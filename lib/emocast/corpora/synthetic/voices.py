"""Ten speakers and what an emotion does to their voices.

The *directions* of the shifts are the literature's: what speakers do and what listeners take for an emotion.
- Burkhardt & Sendlmeier 2000, "Verification of acoustical correlates of emotional speech using formant-synthesis",
  ISCA Workshop on Speech and Emotion: joy is faster with a wide pitch range, sadness slow with a narrow one, anger fast
  with tense phonation.
- Juslin & Laukka 2003, Psychological Bulletin 129, 770-814, https://doi.org/10.1037/0033-2909.129.5.770 (table 7):
  anger is fast, loud, variable, rich in high frequencies; happiness is fast, fairly loud, high with much variation;
  sadness is slow, soft, low, flat, dull, with many pauses.
- Scherer 2003, Speech Communication 40, 227-256, https://doi.org/10.1016/S0167-6393(02)00084-5 (table 2): the same
  along arousal. Excitement is taken as happiness with more of it, frustration as anger with less.

The *magnitudes* are ours. They and the noise are set so that the classes overlap as they do in acted corpora: a plain
recogniser trained on other speakers should find between 55 and 85 % of the four classes neutral, anger, happiness with
excitement, and sadness (unweighted average recall against the gold labels), not all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emocast.corpora.synthetic.engine import Clip

#: The dimensions of a delivery, with their units; the last axis of `SHIFTS` and `NOISE`.
DIMENSIONS: tuple[str, ...] = (
    "pitch",  # eSpeak NG's units; 50 are about an octave
    "pitch_range",  # eSpeak NG's units; 50 is the variant's own range
    "rate",  # percent
    "level",  # dB
    "tilt",  # dB per octave
    "pause",  # natural logarithm of a factor
)

#: What an emotion of intensity 1 adds to a speaker's own values.
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
    """A voice of its own.

    Attributes:
        name: session and letter, as `Ses01F`.
        voice: eSpeak NG's voice and variant.
        pitch: 0 to 99; 50 is the variant's own.
        pitch_range: 0 to 99; 50 is the variant's own.
        rate: words a minute.
        level: dB relative to the other speakers.
        expressiveness: factor on all shifts.
    """

    name: str
    voice: str
    pitch: float
    pitch_range: float
    rate: float
    level: float
    expressiveness: float


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
    """How one turn is spoken.

    Attributes:
        intensity: how strongly the emotion is acted, 1 on average.
        pitch: eSpeak NG's units, 0 to 99.
        pitch_range: eSpeak NG's units, 0 to 99.
        rate: words a minute.
        level: dB relative to a plain turn.
        tilt: dB per octave added to the spectrum.
        pause: factor on the pauses before the turn and between its words.
    """

    intensity: float
    pitch: float
    pitch_range: float
    rate: float
    level: float
    tilt: float
    pause: float


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


def clip(speaker: Speaker, delivery: Delivery, text: str, *, seed: int) -> Clip:
    """Put a delivery into eSpeak NG's terms; level and tilt are left to `room`.

    Args:
        speaker: who speaks.
        delivery: how.
        text: what.
        seed: seed of eSpeak NG's noise.

    Returns:
        The clip, its values rounded and kept within what eSpeak NG takes.
    """
    return Clip(
        text=text,
        voice=speaker.voice,
        rate=int(np.clip(round(delivery.rate), 90, 400)),
        pitch=int(np.clip(round(delivery.pitch), 0, 99)),
        pitch_range=int(np.clip(round(delivery.pitch_range), 0, 99)),
        word_gap=int(np.clip(round(2 * (delivery.pause - 1)), 0, 10)),
        seed=seed,
    )
