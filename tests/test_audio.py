import numpy as np
import pytest
import soundfile

from emocast import audio


@pytest.fixture
def stereo(tmp_path):
    """Two seconds at 8 kHz: left channel 0.5, right channel 0.1, but for a click on both at 1 s."""
    samples = np.tile([0.5, 0.1], (16_000, 1))
    samples[8_000] = 0.9
    path = tmp_path / "stereo.wav"
    soundfile.write(path, samples, 8_000, subtype="FLOAT")
    return path


def test_inspect_reads_the_header(stereo):
    info = audio.inspect(stereo)
    assert (info.sample_rate, info.channels, info.frames, info.duration_s, info.missing_s) == (8_000, 2, 16_000, 2.0, 0)


def test_read_mixes_down_and_slices_without_the_end(stereo):
    before = audio.read(stereo, start_s=0.25, end_s=1.0, sample_rate=8_000)
    assert before.dtype == np.float32
    assert before.shape == (6_000,)
    np.testing.assert_allclose(before, 0.3, atol=1e-6)  # the click at 1 s is not in it
    after = audio.read(stereo, start_s=1.0, end_s=1.25, sample_rate=8_000)
    assert after[0] == pytest.approx(0.9)


def test_slices_of_one_length_have_one_number_of_samples(stereo):
    lengths = {len(audio.read(stereo, start_s=s, end_s=s + 0.7, sample_rate=8_000)) for s in np.arange(0, 1.3, 0.0137)}
    assert lengths == {5_600}


def test_resampling_keeps_a_tone_and_sees_the_slice_alone(tmp_path):
    rate, path = 44_100, tmp_path / "tone.flac"
    time = np.arange(rate) / rate
    tone = 0.5 * np.sin(2 * np.pi * 440 * time)
    soundfile.write(path, tone, rate)
    got = audio.read(path, end_s=0.5)
    assert len(got) == 8_000
    spectrum = np.abs(np.fft.rfft(got * np.hanning(len(got))))
    assert np.argmax(spectrum) * 16_000 / len(got) == pytest.approx(440, abs=2)
    tone[rate // 2 :] = np.random.default_rng(0).uniform(-1, 1, rate - rate // 2)  # another future
    soundfile.write(path, tone, rate)
    np.testing.assert_array_equal(audio.read(path, end_s=0.5), got)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"these are words and no sound", "not readable as sound"),
    ],
)
def test_what_is_no_sound_is_named(tmp_path, content, message):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(audio.AudioError, match=r"a\.wav") as caught:
        audio.inspect(path)
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(audio.AudioError, match=r"b\.wav: no such file"):
        audio.read(tmp_path / "b.wav")


def test_a_cut_file_says_how_much_is_missing(tmp_path):
    path = tmp_path / "cut.wav"
    soundfile.write(path, np.zeros((16_000, 2)), 16_000, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[: 44 + 16_000])  # a quarter of the samples
    info = audio.inspect(path)
    assert info.duration_s == pytest.approx(0.25)
    assert info.missing_s == pytest.approx(0.75)
    with pytest.raises(audio.AudioError, match=r"ends at 0\.250 s"):
        audio.read(path, end_s=0.5)


@pytest.mark.parametrize(("start", "end"), [(-1, 1), (1, 0.5)])
def test_impossible_slices_are_refused(stereo, start, end):
    with pytest.raises(audio.AudioError, match="no sound can be read"):
        audio.read(stereo, start_s=start, end_s=end)
