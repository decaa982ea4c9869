"""Any file that people have gives the samples that are in it; one that cannot be used is named in one line."""

import os
import shutil

import numpy as np
import pytest
import soundfile

from emocast import audio
from emocast.recordings.reading import Recording, RecordingError


def read(path, **options):
    recording = Recording(path)
    return np.concatenate(list(recording.blocks(**options))), recording


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("channels", [1, 2])
def test_wav_gives_what_the_store_reads(wav, noise, subtype, channels):
    samples = np.stack([noise(1.3, seed=seed) for seed in range(channels)], axis=1)
    path = wav(samples, rate=22_050, subtype=subtype)
    found, recording = read(path)
    np.testing.assert_array_equal(found, audio.read(path, sample_rate=recording.rate))
    assert (recording.rate, recording.channels, recording.frames) == (22_050, channels, round(1.3 * 16_000))


def test_flac_too(tmp_path, noise):
    soundfile.write(tmp_path / "a.flac", noise(1), 16_000)
    np.testing.assert_array_equal(read(tmp_path / "a.flac")[0], audio.read(tmp_path / "a.flac"))


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [("a.mp3", "libmp3lame", 44_100), ("a.ogg", "libvorbis", 48_000), ("a.opus", "libopus", 48_000), ("a.m4a", "aac", 44_100)],
)  # fmt: skip
def test_lossy_formats_give_nearly_what_went_in(tmp_path, encoded, name, codec, rate):
    tone = 0.3 * np.sin(2 * np.pi * 300 * np.arange(2 * rate) / rate)
    found, recording = read(encoded(tmp_path / name, np.stack([tone, tone], axis=1), codec=codec, rate=rate))
    assert recording.rate == rate and recording.channels == 2
    assert recording.seconds == pytest.approx(2, abs=0.1) and recording.promised_s == pytest.approx(2, abs=0.1)
    middle = found[rate // 2 : -rate // 2]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


def test_of_a_video_the_sound_is_read(tmp_path, encoded, noise):
    path = encoded(tmp_path / "a.mp4", noise(1), codec="aac", picture=True)
    assert read(path)[1].seconds == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("seconds", [0.1, 0.37, 5.0])
def test_blocks_are_equally_long_and_lose_nothing(wav, noise, seconds):
    samples = noise(1.7)
    blocks = list(Recording(wav(samples)).blocks(seconds=seconds))
    assert {block.size for block in blocks[:-1]} <= {round(seconds * 16_000)}
    np.testing.assert_array_equal(np.concatenate(blocks), samples)


def test_a_name_with_spaces_and_any_letters(wav, noise):
    samples = noise(0.2)
    for name in ("ein Gespräch – 日本 #1.wav", "50%d.wav", "a:b.wav", "-x.wav"):
        np.testing.assert_array_equal(read(wav(samples, name))[0], samples)


def test_clipping_is_counted(wav):
    samples = np.tile(np.array([0.1, 1.0, -1.0, 0.5], np.float32), 4000)
    assert read(wav(samples))[1].clipped == 8000
    assert read(wav(samples * 0.5, "b.wav"))[1].clipped == 0


def test_a_damaged_stretch_is_passed_over(tmp_path, encoded, noise):
    path = encoded(tmp_path / "a.mp3", noise(4), codec="libmp3lame")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 600] = b"\xff" * 600
    path.write_bytes(data)
    found, _ = read(path)
    assert 3 < found.size / 16_000 < 4.2


def _problem(path):
    with pytest.raises(RecordingError) as raised:
        list(Recording(path).blocks())
    message = str(raised.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_what_cannot_be_used_is_named(tmp_path, encoded, wav, noise):
    assert _problem(tmp_path / "none.wav") == "no such file"
    assert _problem(tmp_path).startswith("a folder")
    (tmp_path / "empty.wav").touch()
    assert _problem(tmp_path / "empty.wav").startswith("the file is empty")
    (tmp_path / "text.wav").write_text("this is no sound\n" * 100)
    assert _problem(tmp_path / "text.wav").startswith("not readable as sound")
    path = encoded(tmp_path / "silent film.mp4", noise(1), codec="aac", picture=True, sound=False)
    assert _problem(path).startswith("there is no sound in it (only video)")
    samples = noise(1)
    samples[9_000] = np.nan
    assert _problem(wav(samples)).startswith("a sample near 0.") and "not a finite number" in _problem(wav(samples))
    header = wav(noise(1), "header.wav").read_bytes()[:80]
    (tmp_path / "header.wav").write_bytes(header)
    assert "no sound could be decoded" in _problem(tmp_path / "header.wav")


@pytest.mark.parametrize(
    "text", ["#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile {}\n"]
)
def test_a_list_of_other_files_is_no_recording(tmp_path, wav, noise, text):
    other = wav(noise(1), "other.wav")
    for name in ("list.wav", "list.m3u8", "list.txt"):
        (tmp_path / name).write_text(text.format(other.name))
        assert _problem(tmp_path / name).startswith(("not readable as sound", "there is no sound"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(wav, noise):
    path = wav(noise(0.1))
    path.chmod(0)
    assert _problem(path).startswith("not readable as sound")


def test_a_file_that_goes_away_is_named(wav, noise):
    path = wav(noise(0.1))
    recording = Recording(path)
    shutil.move(path, path.with_suffix(".gone"))
    with pytest.raises(RecordingError, match="no such file"):
        next(recording.blocks())
