import numpy as np
import pytest
import soundfile

from emocast.corpora import doctor_material
from emocast.corpora.doctor_material import hear, hear_clip


@pytest.fixture
def sound():
    return np.random.default_rng(0).integers(-999, 999, size=(10_000, 2), dtype=np.int16)


def write(path, sound, rate=16_000, subtype="PCM_16"):
    soundfile.write(path, sound, rate, subtype=subtype)
    return hear(path)


def test_a_whole_file_is_heard(tmp_path, sound):
    heard = write(tmp_path / "a.wav", sound)
    assert (heard.seconds, heard.ends_s, heard.damage) == (10_000 / 16_000, 10_000 / 16_000, None)
    assert (heard.sample_rate, heard.channels) == (16_000, 2)


@pytest.mark.parametrize("length", [1, 4_000, 9_999])
@pytest.mark.parametrize("block", [1_000, 1 << 20])
def test_the_moment_after_which_all_is_zero_is_exact(tmp_path, sound, length, block, monkeypatch):
    monkeypatch.setattr(doctor_material, "_BLOCK", block)
    sound[length:] = 0
    sound[length - 1] = (0, 7)  # one channel is enough
    heard = write(tmp_path / "a.wav", sound)
    assert heard.ends_s == length / 16_000
    assert heard.seconds == 10_000 / 16_000


def test_only_samples_rate_and_channels_make_the_digest(tmp_path, sound, monkeypatch):
    whole = write(tmp_path / "a.wav", sound).digest
    assert write(tmp_path / "b.wav", sound).digest == whole
    monkeypatch.setattr(doctor_material, "_BLOCK", 999)
    assert hear(tmp_path / "b.wav").digest == whole
    assert write(tmp_path / "c.wav", sound, rate=8_000).digest != whole
    assert write(tmp_path / "d.wav", sound.reshape(-1, 1)).digest != whole
    sound[5_000, 1] += 1
    assert write(tmp_path / "e.wav", sound).digest != whole


def test_a_quiet_sample_of_24_bits_is_no_silence(tmp_path):
    sound = np.zeros((1_000, 1))
    sound[500] = 2.0**-20  # below what 16 bits hold
    assert write(tmp_path / "a.wav", sound, subtype="PCM_24").ends_s == 501 / 16_000


def test_a_sample_that_is_no_number_is_damage(tmp_path):
    sound = np.full((1_000, 1), 0.1)
    sound[500] = np.nan
    assert "no finite number" in write(tmp_path / "a.wav", sound, subtype="FLOAT").damage


@pytest.mark.parametrize("read", [hear, hear_clip])
@pytest.mark.parametrize("content", [b"", b"RIFF", b"words " * 99, None])
def test_a_bad_file_is_damage_and_no_error(tmp_path, read, content):
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    assert read(path).damage
    assert read(tmp_path).damage  # a folder
