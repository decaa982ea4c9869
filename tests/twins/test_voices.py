"""Speakers, what an emotion and a culture do to them, and eSpeak NG."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from emocast import labels
from emocast_twins import cultures, sentences, voices
from emocast_twins.process import STATES

CLIP = voices.Clip("The lamp is on.", "en-us+f2", rate=170, pitch=50, pitch_range=50, word_gap=0, seed=3)


def test_equal_clips_give_equal_samples_whatever_was_said_before():
    clips = [CLIP, replace(CLIP, voice="en-us+m1"), CLIP, replace(CLIP, pitch=70), CLIP]
    one = list(voices.speak(clips, processes=1))
    two = list(voices.speak(clips, processes=2))
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(one[0], one[2])
    np.testing.assert_array_equal(one[0], one[4])
    assert not np.array_equal(one[0], one[3])
    assert one[0].dtype == np.int16 and 0.5 < one[0].size / voices.SAMPLE_RATE < 3
    assert np.abs(one[0].astype(int)).max() > 3000


@pytest.mark.parametrize("voice", ["en-us+f99", "en-us+F2", "en-us+"])
def test_an_unknown_variant_is_refused(voice):
    with pytest.raises(ValueError, match="no variant"):
        voices.speak([CLIP, replace(CLIP, voice=voice)], processes=1)


def test_what_cannot_be_spoken_is_refused():
    with pytest.raises(voices.EngineError, match="no voice 'xx'"):
        list(voices.speak([replace(CLIP, voice="xx")], processes=1))
    with pytest.raises(ValueError, match="rate=20: eSpeak NG takes 80 to 450"):
        replace(CLIP, rate=20)
    with pytest.raises(ValueError, match="at least one"):
        voices.speak([CLIP], processes=0)


def test_the_package_imports_no_library_that_starts_threads():
    code = "import sys, emocast_twins.__main__; print([m for m in ('torch', 'librosa', 'dask') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_shifts_have_the_directions_of_the_literature():
    shift = {name: dict(zip(voices.DIMENSIONS, values, strict=True)) for name, values in cultures.SHIFTS.items()}
    assert set(voices.SHIFTS) == set(STATES) and voices.SHIFTS.items() <= cultures.SHIFTS.items()
    for dimension in ("pitch", "pitch_range", "rate", "level", "tilt"):
        assert shift["sadness"][dimension] < 0 < shift["excitement"][dimension]
    for dimension in ("tilt", "level"):
        assert shift["anger"][dimension] == max(values[dimension] for values in shift.values())
    assert shift["sadness"]["pause"] > 0 > shift["anger"]["pause"]
    assert shift["boredom"]["rate"] < 0 < shift["fear"]["rate"]


@pytest.mark.parametrize("culture", [cultures.ENGLISH, cultures.GERMAN, cultures.PERSIAN])
def test_a_culture_is_stronger_than_the_conversations_and_unlike_them(culture):
    assert culture.strength > 1 and culture.shifts["neutral"] == voices.NOWHERE
    assert any(not np.allclose(culture.shifts[name], voices.SHIFTS[name]) for name in voices.SHIFTS)
    for emotions in (sentences.CREMAD_EMOTIONS, sentences.EMODB_EMOTIONS, sentences.SHEMO_EMOTIONS):
        assert set(emotions.values()) <= set(culture.shifts) <= set(labels.EMOTIONS)


def test_deliveries_move_with_the_emotion_vary_and_stay_within_what_espeak_takes():
    rng, speaker = np.random.default_rng(1), voices.SPEAKERS["Ses01F"]
    levels = {
        emotion: np.array([voices.deliver(speaker, emotion, rng).level for _ in range(200)]) for emotion in STATES
    }
    assert levels["sadness"].mean() < levels["neutral"].mean() < levels["anger"].mean()
    assert levels["neutral"].max() > levels["anger"].min()  # the classes overlap
    delivery = voices.Delivery(2.0, pitch=140, pitch_range=-20, rate=900, level=0, tilt=0, pause=20)
    clip = voices.clip(speaker, delivery, "So it is.", seed=1)
    assert (clip.pitch, clip.pitch_range, clip.rate, clip.word_gap) == (99, 0, 400, 10)
