import numpy as np
import pytest
import soundfile

from emocast import audio
from emocast.encoders import get
from emocast.encoders.handcrafted import HOP, SUPPORT


@pytest.fixture(scope="module")
def encoder():
    return get("handcrafted")


def voice(seconds, hz, rate=16_000):
    """A harmonic tone with a slow tremor of loudness: enough of a voice for pitch."""
    time = np.arange(round(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 8))
    return (0.1 * tone * (1.2 + np.sin(2 * np.pi * 3 * time))).astype(np.float32)


@pytest.fixture
def dialogue(tmp_path):
    """Twelve seconds of a voice over noise, written as a 16 kHz file."""
    samples = voice(12, 150) + np.random.default_rng(0).normal(0, 0.01, 12 * 16_000)
    path = tmp_path / "d.wav"
    soundfile.write(path, samples, 16_000, subtype="FLOAT")
    return path


def spans(encoder, path, starts_s, ends_s):
    """Embed spans that are given in seconds."""
    info = audio.inspect(path)
    pairs = zip(starts_s, ends_s, strict=True)
    return encoder.encode_spans(path, [audio.span(path, info, start_s=start, end_s=end) for start, end in pairs])


def test_pitch_and_loudness_are_what_they_are_called(encoder):
    names = encoder.feature_names
    low, high = encoder.encode([voice(2, 110), 0.5 * voice(2, 220)])
    pitch, energy = names.index("log_pitch_p50"), names.index("log_energy_mean")
    assert np.exp(low[pitch]) == pytest.approx(110, rel=0.02)
    assert np.exp(high[pitch]) == pytest.approx(220, rel=0.02)
    assert low[energy] - high[energy] == pytest.approx(np.log(2), abs=0.1)
    rising = 0.05 * np.sin(np.arange(64_000.0)) * np.exp(0.5 * np.arange(64_000) / 16_000)  # by 0.5 nats a second
    assert encoder.encode([rising])[0][names.index("log_energy_slope")] == pytest.approx(0.5, abs=0.02)


def test_a_frame_sees_its_own_samples_alone(encoder):
    samples = voice(1, 150)
    frames = encoder.frames(samples)
    first_of_row_20 = 20 * HOP
    changed = samples.copy()
    changed[:first_of_row_20] = 0.3
    changed[first_of_row_20 + SUPPORT :] = -0.3
    np.testing.assert_array_equal(encoder.frames(changed)[20], frames[20])
    assert len(frames) == 1 + (len(samples) - SUPPORT) // HOP


@pytest.mark.parametrize("end", [9.0, 9.005, 7.3333, 10.9999])
def test_nothing_outside_a_window_reaches_its_embedding(encoder, dialogue, end):
    """Moving a window's end by 20 ms past t - d makes this fail."""
    samples, rate = soundfile.read(dialogue, dtype="float32")
    embedding = spans(encoder, dialogue, [end - 6], [end])
    samples[int(np.ceil(end * rate)) :] = 0.9
    samples[: int((end - 6) * rate)] = 0.9
    soundfile.write(dialogue, samples, rate, subtype="FLOAT")
    np.testing.assert_array_equal(spans(encoder, dialogue, [end - 6], [end]), embedding)
    past = spans(encoder, dialogue, [end - 6], [end + 0.020])
    assert not np.array_equal(past, embedding), "the planted noise would not have been seen"


def test_frames_of_a_file_give_what_the_window_alone_gives(encoder, dialogue):
    whole = spans(encoder, dialogue, [1.0, 2.0], [9.0, 11.5])
    alone = [encoder.encode([audio.read(dialogue, start_s=a, end_s=b)])[0] for a, b in [(1.0, 9.0), (2.0, 11.5)]]
    np.testing.assert_allclose(whole, alone, atol=1e-5)


def test_a_file_of_another_rate_leaks_nothing_through_the_resampling(encoder, tmp_path):
    path, rate = tmp_path / "d48.wav", 48_000
    samples = voice(3, 150, rate)
    soundfile.write(path, samples, rate, subtype="FLOAT")
    embedding = spans(encoder, path, [0.5], [2.0])
    samples[2 * rate :] = 0.9
    soundfile.write(path, samples, rate, subtype="FLOAT")
    np.testing.assert_array_equal(spans(encoder, path, [0.5], [2.0]), embedding)


def test_spans_beyond_the_sound_are_refused(encoder, dialogue):
    with pytest.raises(audio.AudioError, match=r"d\.wav: ends (at|before)"):
        spans(encoder, dialogue, [8.0], [13.0])
