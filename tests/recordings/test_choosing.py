"""Which recording is taken, and the copy to listen to."""

import os

import numpy as np
import pytest
from IPython.display import HTML, Audio

from emocast import paths
from emocast.recordings import choosing, listening
from emocast.recordings.reading import Recording, RecordingError


@pytest.fixture
def dropped(tmp_path, monkeypatch):
    """An empty data/recordings/."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    choosing.folder().mkdir(parents=True)
    return choosing.folder()


def test_the_named_one_then_the_newest(dropped, wav, noise, tmp_path, monkeypatch):
    first, second = wav(noise(1.1), "first.wav"), wav(noise(1.1), "second.wav")
    options = {"length_s": 1.0, "seed": 1, "scratch": tmp_path / "scratch"}
    assert choosing.choose(str(first), **options).path == first
    for number, path in enumerate((second, first)):
        path.rename(dropped / path.name)
        os.utime(dropped / path.name, (1000 + number, 1000 + number))
    (dropped / ".hidden").touch()
    chosen = choosing.choose("", **options)
    assert chosen.path == dropped / "first.wav" and "newest of 2" in chosen.why and chosen.turns is None
    assert choosing.choose("second.wav", **options).path == dropped / "second.wav"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecordingError, match=r"third\.wav: no such file"):
        choosing.choose("third.wav", **options)


def test_what_cannot_be_used_is_passed_over_and_named(dropped, wav, noise, tmp_path, monkeypatch):
    for number, (name, seconds) in enumerate([("good.wav", 1.1), ("short.wav", 0.5)]):
        wav(noise(seconds), name).rename(dropped / name)
        os.utime(dropped / name, (1000 + number,) * 2)
    (dropped / "notes.txt").write_text("what was said")
    options = {"length_s": 1.0, "seed": 1, "scratch": tmp_path / "scratch"}
    chosen = choosing.choose("", **options)
    assert chosen.path == dropped / "good.wav" and chosen.why.endswith("that can be used")
    assert [path.partition(": ")[0] for path in chosen.unusable] == [
        str(dropped / n) for n in ("notes.txt", "short.wav")
    ]
    (dropped / "good.wav").unlink()
    monkeypatch.setattr(choosing, "spoken", lambda *_, **__: ("sound", "truth"))
    chosen = choosing.choose("", **options)
    assert chosen.path == "sound" and chosen.why.startswith("none of the files") and len(chosen.unusable) == 2


def test_without_any_a_conversation_is_spoken(dropped, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        choosing, "spoken", lambda *given, **options: asked.append((given, options)) or ("sound", "truth")
    )
    chosen = choosing.choose("", length_s=1.0, seed=5, scratch=tmp_path)
    assert (chosen.path, chosen.turns) == ("sound", "truth") and "synthetic" in chosen.why
    assert asked == [((tmp_path,), {"seed": 5})]


def test_a_spoken_conversation_comes_with_its_truth(tmp_path):
    path, turns = choosing.spoken(tmp_path / "one", seed=5, turns=6)
    assert len(turns) == 6 and turns["speaker"].nunique() == 2
    recording = Recording(path)
    assert recording.channels == 2 and recording.promised_s > turns["end_s"].max()
    sound = np.concatenate(list(recording.blocks()))
    loud = [np.abs(sound[int(row.start_s * 16_000) : int(row.end_s * 16_000)]).mean() for row in turns.itertuples()]
    quiet = np.abs(sound[: int(0.9 * turns["start_s"].min() * 16_000)]).mean()
    assert min(loud) > 2 * quiet, "turns are where the truth says"
    again, _ = choosing.spoken(tmp_path / "two", seed=5, turns=6)
    assert again.read_bytes() == path.read_bytes()


def test_one_that_cannot_be_spoken_is_said(tmp_path):
    with pytest.raises(RuntimeError, match="was not spoken: error: "):
        choosing.spoken(tmp_path, seed=-1)


def test_the_copy_is_small_and_sounds_the_same(wav, tmp_path):
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(5 * 44_100) / 44_100)
    copy = listening.compact(wav(np.stack([tone, tone], axis=1), rate=44_100), tmp_path / "copy.m4a")
    heard = Recording(copy)
    samples = np.concatenate(list(heard.blocks()))
    assert copy.stat().st_size < 40_000
    assert heard.seconds == pytest.approx(5, abs=0.2) and heard.channels == 1
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.fft.rfftfreq(samples.size, 1 / heard.rate)[spectrum.argmax()] == pytest.approx(440, abs=2)


def test_a_long_recording_is_linked_and_not_put_into_the_page(wav, noise, tmp_path, monkeypatch):
    copy = listening.compact(wav(noise(1)), tmp_path / "copy.m4a")
    assert isinstance(listening.player(copy, 60), Audio)
    linked = listening.player(copy, 3 * 3600)
    assert isinstance(linked, HTML) and f'src="{os.path.relpath(copy)}"' in linked.data, (
        "by hand: from the notebook's folder"
    )
    monkeypatch.setenv(paths.RUN_FOLDER, str(tmp_path))
    assert 'src="copy.m4a"' in listening.player(copy, 3 * 3600).data, "beside the page"
