"""How a scene of MELD's twin sounds: voices on an episode's track, and an audience that laughs around them.

As in a film mix the voices are in the front centre; the laughter (noise in bursts) is left, right and behind, where a loader
that keeps to the centre hears next to nothing of it. Episodes on two channels have both everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr

from emocast.corpora.synthetic import engine, meld_video, room
from emocast.corpora.synthetic.meld_scenes import PlannedTurn, Scene

#: Level of the laughter and of the track's noise, dB re full scale.
LAUGHTER_LEVEL = -26.0
NOISE_LEVEL = -58.0

#: How often the audience laughs after a turn labelled joy and after another one, and for how long, in seconds.
LAUGHS = {True: 0.35, False: 0.06}
LAUGH_S = (1.0, 3.5)

_MILLISECOND = room.SAMPLE_RATE // 1000  # times are whole milliseconds, as the labels' are
_DELAY = meld_video.SAMPLE_RATE // 125  # 8 ms: from one side of the room to the other


@dataclass(frozen=True, eq=False)
class Track:
    """What is heard in a scene, before it is cut.

    Attributes:
        voices: shape (n,), float32, at the clips' rate.
        laughter: the same shape.
        starts_ms: when each turn begins, shape (turns,), the first at 0.
        ends_ms: when each ends.
    """

    voices: np.ndarray
    laughter: np.ndarray
    starts_ms: np.ndarray
    ends_ms: np.ndarray

    def cut(self, start_ms: int, end_ms: int, *, layout: str) -> np.ndarray:
        """Mix a part of the track.

        Args:
            start_ms: where it begins.
            end_ms: where it ends.
            layout: "5.1" or "stereo".

        Returns:
            Shape (channels, m), float32, at the clips' rate.
        """
        part = slice(start_ms * meld_video.SAMPLE_RATE // 1000, end_ms * meld_video.SAMPLE_RATE // 1000)
        voices, laughter = self.voices[part], self.laughter[part]
        late = np.concatenate([np.zeros(min(_DELAY, laughter.size), np.float32), laughter[:-_DELAY]])
        if layout == "5.1":
            sides = [laughter + 0.05 * voices, late + 0.05 * voices]
            mixed = [*sides, voices + 0.02 * laughter, np.zeros_like(voices), late / 2, laughter / 2]
        else:
            mixed = [0.7 * voices + laughter, 0.7 * voices + late]
        return np.clip(np.stack(mixed), -1, 1)


def record(scene: Scene, spoken: Sequence[np.ndarray]) -> Track:
    """Put the turns of a scene on its track.

    Args:
        scene: the scene.
        spoken: its turns as eSpeak NG gives them.

    Returns:
        The track.
    """
    rng = scene.sound
    turns = [_turn(turn, samples) for turn, samples in zip(scene.turns, spoken, strict=True)]
    laughs = np.array([_laugh(turn.label == "joy", rng) for turn in scene.turns])
    starts = room.place(turns, rng)
    starts = starts - starts[0] + np.concatenate([[0], np.cumsum(laughs)[:-1]])
    starts -= starts % _MILLISECOND
    ends = starts + [-(-turn.samples.size // _MILLISECOND) * _MILLISECOND for turn in turns]
    heard = np.zeros((2, int(ends.max()) + int(laughs[-1]) + room.SAMPLE_RATE), dtype=np.float32)
    heard[0] = rng.standard_normal(heard.shape[1]) * 10 ** (NOISE_LEVEL / 20)
    for turn, start, end, length in zip(turns, starts, ends, laughs, strict=True):
        heard[0, start : start + turn.samples.size] += turn.samples
        heard[1, end : end + length] += _laughter(int(length), rng)
    heard *= min(1.0, room.PEAK / np.abs(heard).max())
    voices, laughter = (soxr.resample(part, room.SAMPLE_RATE, meld_video.SAMPLE_RATE) for part in heard)
    return Track(voices, laughter, starts // _MILLISECOND, ends // _MILLISECOND)


def _turn(planned: PlannedTurn, samples: np.ndarray) -> room.Turn:
    delivery = planned.delivery
    return room.turn(
        samples,
        rate=engine.SAMPLE_RATE,
        channel=room.LEFT,
        level=delivery.level,
        tilt=delivery.tilt,
        pause=delivery.pause,
    )


def _laugh(joyful: bool, rng: np.random.Generator) -> int:
    """How long the audience laughs after a turn, in samples."""
    laughs, seconds = rng.random() < LAUGHS[joyful], rng.uniform(*LAUGH_S)
    return int(seconds * 1000) * _MILLISECOND if laughs else 0


def _laughter(size: int, rng: np.random.Generator) -> np.ndarray:
    """Noise in bursts, five a second, that fades."""
    time = np.arange(size) / room.SAMPLE_RATE
    bursts = (0.55 + 0.45 * np.sin(2 * np.pi * 5 * time)) * np.linspace(1, 0.2, size)
    return bursts * rng.standard_normal(size) * 10 ** (LAUGHTER_LEVEL / 20)
