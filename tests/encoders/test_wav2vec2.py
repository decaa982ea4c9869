"""An encoder is its checkpoint: the same embeddings, whatever stands beside a window in a batch or in its file."""

import numpy as np
import pytest
import soundfile

from emocast import audio, encoders
from emocast.encoders import checkpoint

RATE = 16_000


@pytest.fixture
def encoder(checkpoint_folder):
    return encoders.get(f"wav2vec2:{checkpoint_folder}")


@pytest.fixture
def sound(tmp_path):
    """Six seconds of noise at 16 kHz."""
    path = tmp_path / "a.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 6 * RATE), RATE, subtype="FLOAT")
    return path


def test_an_encoder_is_named_by_its_checkpoint_and_knows_its_weights(encoder, checkpoint_folder):
    assert encoder.name == f"wav2vec2:{checkpoint_folder}"
    assert (encoder.sample_rate, encoder.dimension, encoder.precision) == (RATE, 32, "fp32")
    assert encoder.digest == checkpoint.load(checkpoint_folder).digest


def test_many_windows_of_several_lengths_are_those_of_the_checkpoint(encoder, checkpoint_folder, sound):
    starts = np.linspace(0, 4, 40)
    ends = starts + np.tile([1.0, 1.5], 20)
    waveforms = [audio.read(sound, start_s=start, end_s=end) for start, end in zip(starts, ends, strict=True)]
    expected = np.stack([checkpoint.load(checkpoint_folder).embed([waveform])[0].numpy() for waveform in waveforms])
    np.testing.assert_allclose(encoder.encode(waveforms), expected, atol=1e-4)
    assert encoder.encode([]).shape == (0, 32)


def test_nothing_outside_a_window_reaches_its_embedding(encoder, sound):
    before = encoder.encode([audio.read(sound, start_s=1.0, end_s=3.0)])
    samples, rate = soundfile.read(sound, dtype="float32")
    samples[:rate], samples[3 * rate :] = 0.9, -0.9
    soundfile.write(sound, samples, rate, subtype="FLOAT")
    np.testing.assert_array_equal(encoder.encode([audio.read(sound, start_s=1.0, end_s=3.0)]), before)


def test_what_cannot_be_heard_is_refused_with_its_place(encoder):
    second = np.zeros(RATE, np.float32)
    with pytest.raises(ValueError, match="waveform 1: 160 samples are shorter than one frame"):
        encoder.encode([second, second[:160]])
    with pytest.raises(ValueError, match=r"waveform 0 has the shape \(2, 8000\)"):
        encoder.encode([second.reshape(2, -1)])
