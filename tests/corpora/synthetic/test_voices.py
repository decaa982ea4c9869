from dataclasses import astuple

import numpy as np
import pytest

from emocast.corpora.synthetic import engine, voices
from emocast.corpora.synthetic.process import STATES


def test_ten_speakers_differ_in_every_value():
    assert len(voices.SPEAKERS) == 10
    for values in zip(*(astuple(speaker) for speaker in voices.SPEAKERS.values()), strict=True):
        assert len(set(values)) == 10


@pytest.mark.parametrize("name", voices.SPEAKERS)
def test_every_variant_exists(name):
    engine.check_voice(voices.SPEAKERS[name].voice)


def test_shifts_have_the_directions_of_the_literature():
    shift = {name: dict(zip(voices.DIMENSIONS, values, strict=True)) for name, values in voices.SHIFTS.items()}
    assert set(shift) == set(STATES)
    for dimension in ("pitch", "pitch_range", "rate", "level", "tilt"):
        assert shift["sadness"][dimension] < 0 < shift["excitement"][dimension]
    assert shift["anger"]["tilt"] == max(values["tilt"] for values in shift.values())
    assert shift["anger"]["level"] == max(values["level"] for values in shift.values())
    assert shift["sadness"]["pause"] > 0 > shift["anger"]["pause"]


def test_deliveries_move_with_the_emotion_and_vary():
    rng, speaker = np.random.default_rng(1), voices.SPEAKERS["Ses01F"]
    levels = {
        emotion: np.array([voices.deliver(speaker, emotion, rng).level for _ in range(200)]) for emotion in STATES
    }
    assert levels["sadness"].mean() < levels["neutral"].mean() < levels["anger"].mean()
    assert levels["neutral"].max() > levels["anger"].min()  # the classes overlap


def test_extreme_deliveries_stay_within_what_espeak_takes():
    delivery = voices.Delivery(2.0, pitch=140, pitch_range=-20, rate=900, level=0, tilt=0, pause=20)
    clip = voices.clip(voices.SPEAKERS["Ses01F"], delivery, "So it is.", seed=1)
    assert (clip.pitch, clip.pitch_range, clip.rate, clip.word_gap) == (99, 0, 400, 10)
