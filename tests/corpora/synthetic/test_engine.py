import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from emocast.corpora.synthetic import engine

CLIP = engine.Clip("The lamp is on.", "en-us+f2", rate=170, pitch=50, pitch_range=50, word_gap=0, seed=3)


def test_equal_clips_give_equal_samples_whatever_was_said_before():
    clips = [CLIP, replace(CLIP, voice="en-us+m1"), CLIP, replace(CLIP, pitch=70), CLIP]
    one = list(engine.speak(clips, processes=1))
    two = list(engine.speak(clips, processes=2))
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(one[0], one[2])
    np.testing.assert_array_equal(one[0], one[4])
    assert not np.array_equal(one[0], one[3])


def test_samples_are_speech():
    (samples,) = engine.speak([CLIP], processes=1)
    assert samples.dtype == np.int16
    assert 0.5 < samples.size / engine.SAMPLE_RATE < 3
    assert np.abs(samples.astype(int)).max() > 3000


@pytest.mark.parametrize("voice", ["en-us+f99", "en-us+F2", "en-us+"])
def test_an_unknown_variant_is_refused(voice):
    with pytest.raises(ValueError, match="no variant"):
        engine.speak([CLIP, replace(CLIP, voice=voice)], processes=1)


def test_an_unknown_voice_is_refused():
    with pytest.raises(engine.EngineError, match="no voice 'xx'"):
        list(engine.speak([replace(CLIP, voice="xx")], processes=1))


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match="rate=20: eSpeak NG takes 80 to 450"):
        replace(CLIP, rate=20)
    with pytest.raises(ValueError, match="at least one"):
        engine.speak([CLIP], processes=0)


def test_the_package_imports_no_library_that_starts_threads():
    code = "import sys, emocast.corpora.synthetic; print([m for m in ('torch', 'librosa', 'dask') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
