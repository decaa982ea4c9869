"""Any file that people have gives the samples that are in it, and windows of them; which is taken, and its copy."""

import os

import numpy as np
import pytest
from IPython.display import HTML, Audio

from emocast import audio, paths
from emocast.forecaster import recordings
from emocast.forecaster.recordings import Recording, RecordingError


def read(path):
    recording = Recording(path)
    return np.concatenate(list(recording.blocks())), recording


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("channels", [1, 2])
def test_wav_gives_what_the_store_reads(wav, noise, subtype, channels):
    samples = np.stack([noise(1.3, seed=seed) for seed in range(channels)], axis=1)
    path = wav(samples, rate=22_050, subtype=subtype)
    found, recording = read(path)
    np.testing.assert_array_equal(found, audio.read(path, sample_rate=recording.rate))
    assert (recording.rate, recording.channels, recording.frames) == (22_050, channels, round(1.3 * 16_000))


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [("a.mp3", "libmp3lame", 44_100), ("a.ogg", "libvorbis", 48_000), ("a.opus", "libopus", 48_000), ("a.mp4", "aac", 44_100)]
)  # fmt: skip
def test_lossy_formats_and_videos_give_nearly_what_went_in(tmp_path, encoded, name, codec, rate):
    tone = 0.3 * np.sin(2 * np.pi * 300 * np.arange(2 * rate) / rate)
    sound, options = np.stack([tone, tone], axis=1), {"codec": codec, "rate": rate, "picture": name == "a.mp4"}
    found, recording = read(encoded(tmp_path / name, sound, **options))
    assert recording.rate == rate and recording.channels == 2
    assert recording.seconds == pytest.approx(2, abs=0.1) and recording.promised_s == pytest.approx(2, abs=0.1)
    middle = found[rate // 2 : -rate // 2]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


def test_blocks_lose_nothing(wav, noise):
    samples = noise(34.7)
    blocks = list(Recording(wav(samples)).blocks())
    assert len(blocks) == 4 and all(10 <= block.size / 16_000 <= 10.3 for block in blocks[:-1])
    np.testing.assert_array_equal(np.concatenate(blocks), samples)


def test_a_name_with_spaces_and_any_letters(wav, noise):
    samples = noise(0.2)
    for name in ("ein Gespräch – 日本 #1.wav", "50%d.wav", "a:b.wav", "-x.wav"):
        np.testing.assert_array_equal(read(wav(samples, name))[0], samples)


def test_a_damaged_stretch_is_passed_over(tmp_path, encoded, noise):
    path = encoded(tmp_path / "a.mp3", noise(4), codec="libmp3lame")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 600] = b"\xff" * 600
    path.write_bytes(data)
    found, _ = read(path)
    assert 3 < found.size / 16_000 < 4.2


@pytest.mark.parametrize(
    "text", ["#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile {}\n"]
)
def test_a_list_of_other_files_is_no_recording(tmp_path, wav, noise, text):
    other = wav(noise(1), "other.wav")
    for name in ("list.wav", "list.m3u8", "list.txt"):
        (tmp_path / name).write_text(text.format(other.name))
        with pytest.raises(RecordingError, match=r"not readable as sound|there is no sound"):
            Recording(tmp_path / name)


def slide(samples, *, rate, block, step_s=0.5):
    blocks = [samples[first : first + block] for first in range(0, len(samples), block)]
    return list(recordings.sliding_windows(blocks, rate=rate, length_s=2.0, step_s=step_s, sample_rate=16_000))


@pytest.mark.parametrize("rate", [8_000, 16_000, 11_025, 44_100])
@pytest.mark.parametrize("block", [333, 5_000, 10**6])
def test_windows_are_what_the_store_reads(wav, noise, rate, block):
    samples = noise(4.3, rate=rate)
    path = wav(samples, rate=rate)
    found = slide(samples, rate=rate, block=block)
    assert [end_s for end_s, _ in found] == [2.0, 2.5, 3.0, 3.5, 4.0]
    for end_s, part in found:
        np.testing.assert_array_equal(part, audio.read(path, start_s=end_s - 2, end_s=end_s))


def test_a_silent_window_has_no_samples(noise):
    samples = np.concatenate([np.full(3 * 16_000, 5e-4, np.float32), noise(2)])
    silent = [part is None for _, part in slide(samples, rate=16_000, block=4_000, step_s=1.0)]
    assert silent == [True, True, False, False]


def test_what_is_held_does_not_grow():
    blocks = (np.ones(8_000, np.float32) for _ in range(300))  # five minutes at 800 Hz
    sliding_over = recordings.sliding_windows(blocks, rate=800, length_s=10, step_s=1, sample_rate=800)
    held = [sliding_over.gi_frame.f_locals["buffer"].size for _ in sliding_over]
    assert len(held) == 2991 and max(held) <= (10 + 10) * 800


def test_an_envelope_is_the_lowest_and_the_highest(noise):
    samples = noise(2.02)
    table, bins = recordings.envelope(samples, 3 * 16_000, 16_000), samples[: 40 * 800].reshape(40, 800)
    np.testing.assert_array_equal(table[["low", "high"]][:40], np.stack([bins.min(1), bins.max(1)], axis=1))
    np.testing.assert_allclose(table["start_s"], 3 + 0.05 * np.arange(41))


@pytest.fixture
def dropped(tmp_path, monkeypatch):
    """An empty data/recordings/."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    recordings.folder().mkdir(parents=True)
    return recordings.folder()


def test_the_named_one_then_the_newest(dropped, wav, noise, tmp_path, monkeypatch):
    first, second = wav(noise(1.1), "first.wav"), wav(noise(1.1), "second.wav")
    options = {"length_s": 1.0, "seed": 1, "scratch": tmp_path / "scratch"}
    assert recordings.choose(str(first), **options).path == first
    for number, path in enumerate((second, first)):
        path.rename(dropped / path.name)
        os.utime(dropped / path.name, (1000 + number, 1000 + number))
    (dropped / ".hidden").touch()
    chosen = recordings.choose("", **options)
    assert chosen.path == dropped / "first.wav" and "newest of 2" in chosen.why and chosen.turns is None
    assert recordings.choose("second.wav", **options).path == dropped / "second.wav"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecordingError, match=r"third\.wav: no such file"):
        recordings.choose("third.wav", **options)


def test_what_cannot_be_used_is_passed_over_and_named(dropped, wav, noise, tmp_path, monkeypatch):
    for number, (name, seconds) in enumerate([("good.wav", 1.1), ("short.wav", 0.5)]):
        wav(noise(seconds), name).rename(dropped / name)
        os.utime(dropped / name, (1000 + number,) * 2)
    (dropped / "notes.txt").write_text("what was said")
    options = {"length_s": 1.0, "seed": 1, "scratch": tmp_path / "scratch"}
    chosen = recordings.choose("", **options)
    assert chosen.path == dropped / "good.wav" and chosen.why.endswith("that can be used")
    unusable = [path.partition(": ")[0] for path in chosen.unusable]
    assert unusable == [str(dropped / name) for name in ("notes.txt", "short.wav")]
    (dropped / "good.wav").unlink()
    monkeypatch.setattr(recordings, "spoken", lambda scratch, seed: (scratch, seed))
    chosen = recordings.choose("", **options)
    assert (chosen.path, chosen.turns) == (tmp_path / "scratch", 1) and len(chosen.unusable) == 2
    assert chosen.why.startswith("none of the files") and "synthetic" in chosen.why


def test_a_spoken_conversation_comes_with_its_truth(tmp_path):
    path, turns = recordings.spoken(tmp_path / "one", seed=5, turns=6)
    assert len(turns) == 6 and turns["speaker"].nunique() == 2
    recording = Recording(path)
    assert recording.channels == 2 and recording.promised_s > turns["end_s"].max()
    sound = np.concatenate(list(recording.blocks()))
    loud = [np.abs(sound[int(row.start_s * 16_000) : int(row.end_s * 16_000)]).mean() for row in turns.itertuples()]
    quiet = np.abs(sound[: int(0.9 * turns["start_s"].min() * 16_000)]).mean()
    assert min(loud) > 2 * quiet, "turns are where the truth says"
    again, _ = recordings.spoken(tmp_path / "two", seed=5, turns=6)
    assert again.read_bytes() == path.read_bytes()


def test_the_copy_is_small_and_sounds_the_same(wav, tmp_path):
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(5 * 44_100) / 44_100)
    copy = recordings.compact(wav(np.stack([tone, tone], axis=1), rate=44_100), tmp_path / "copy.mp3")
    again_ = Recording(copy)
    samples = np.concatenate(list(again_.blocks()))
    assert copy.stat().st_size < 40_000
    assert again_.seconds == pytest.approx(5, abs=0.2) and again_.channels == 1
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.fft.rfftfreq(samples.size, 1 / again_.rate)[spectrum.argmax()] == pytest.approx(440, abs=2)


def test_a_long_recording_is_linked_and_not_put_into_the_page(wav, noise, tmp_path, monkeypatch):
    copy = recordings.compact(wav(noise(1)), tmp_path / "copy.mp3")
    assert isinstance(recordings.player(copy, 60), Audio)
    linked = recordings.player(copy, 3 * 3600)
    assert isinstance(linked, HTML) and f'src="{os.path.relpath(copy)}"' in linked.data, "from the notebook's folder"
    monkeypatch.setenv(paths.RUN_FOLDER, str(tmp_path))
    assert 'src="copy.mp3"' in recordings.player(copy, 3 * 3600).data, "beside the page"
