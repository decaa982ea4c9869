"""The benchmark of long recordings, on short ones: the sound that it makes, and what it says without a model."""

import numpy as np
import pytest
import soundfile
from benchmarks import recordings

from emocast.forecaster.recordings import Recording


@pytest.fixture
def spoken(tmp_path, monkeypatch):
    """A conversation of 7 s in place of a spoken one."""
    path = tmp_path / "conversation.wav"
    soundfile.write(path, 0.3 * np.sin(np.arange(7 * 16_000) / 9), 16_000)
    monkeypatch.setattr(recordings.recordings, "spoken", lambda *_, **__: (path, None))


def test_a_recording_is_as_long_as_it_should_be(spoken, tmp_path):
    recording = Recording(recordings.long_recording(tmp_path, 20 / 3600))
    blocks = list(recording.blocks())
    assert recording.seconds == pytest.approx(21, abs=0.2)  # whole conversations
    assert (recording.rate, recording.channels, recording.codec) == (44_100, 2, "mp3float")
    assert max(np.abs(block).max() for block in blocks) > 0.05


def test_speed_and_memory_are_those_of_the_process(spoken, tmp_path, monkeypatch):
    (tmp_path / "forecaster").mkdir()
    (tmp_path / "forecaster" / "forecaster.json").touch()
    monkeypatch.setattr(recordings.model, "folder", lambda _: tmp_path / "forecaster")
    monkeypatch.setattr(recordings, "HOURS", (10 / 3600, 20 / 3600))
    common = {"processor": 1.5}
    told = iter([{"seconds": 1.0, "peak_mb": 500.0} | common, {"seconds": 0.5, "peak_mb": 550.0} | common])
    monkeypatch.setattr(recordings, "apart", lambda *_: next(told))
    found = recordings.hours(tmp_path)
    np.testing.assert_allclose(found.table["times real time"], [10, 40])
    assert (
        "UNDER 20" in found.sentences[1] and "under 1500" in found.sentences[1] and "1.10 times" in found.sentences[1]
    )


def test_without_a_model_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path))
    assert "Not measured: no forecaster" in recordings.hours(tmp_path).sentences[0]
