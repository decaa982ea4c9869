"""A window is named by the content of its sound file and its frames, whatever file and table say besides."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast import cache
from emocast.encoders.store import spans

RATE = 8_000


@pytest.fixture
def sound(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 3 * RATE), RATE)
    return tmp_path / "a.wav"


def table(*times, audio="a.wav"):
    return pd.DataFrame(times, columns=["start_s", "end_s"]).assign(audio=audio)


def test_a_window_is_its_files_content_and_its_frames(sound):
    found = spans.of(table((0.5, 1.5), (2.0, 3.0)).set_axis([7, 7]), sound.parent)
    digest = cache.file_digest(sound)
    assert [span.key for span in found.rows] == [(digest, 4000, 12000), (digest, 16000, 24000)]
    assert found.rows[0].seconds == 1.0
    assert found.problems == {}


@pytest.mark.parametrize("times", [(-0.1, 1.0), (2.0, 1.0), (2.5, 3.5), (np.nan, 1.0), (0.0, np.nan), (0.0, np.inf)])
def test_times_that_cannot_be_are_listed(sound, times):
    found = spans.of(table((0.0, 1.0), times), sound.parent)
    assert found.rows[0] is not None and found.rows[1] is None
    (((name, problem), count),) = found.problems.items()
    assert (name, count) == ("a.wav", 1) and str(sound) in problem


def test_a_file_is_read_once_whatever_its_windows(sound, monkeypatch):
    read, original = [], cache.file_digest
    monkeypatch.setattr(cache, "file_digest", lambda path: read.append(path) or original(path))
    spans.of(table(*[(0.0, 1.0)] * 5), sound.parent)
    assert read == [sound]


def test_a_file_that_changes_while_it_is_looked_at_does_not_pass_for_what_it_was(sound, monkeypatch):
    """The stamp must not be of a later content than the digest."""
    original = cache.file_digest

    def changing(path):
        digest = original(path)
        soundfile.write(sound, np.random.default_rng(1).normal(0, 0.1, 4 * RATE), RATE)
        return digest

    monkeypatch.setattr(cache, "file_digest", changing)
    (span,) = spans.of(table((0.0, 1.0)), sound.parent).rows
    assert span.key.audio != original(sound)
    assert span.stamp != spans.stamp_of(sound)


def test_a_path_below_the_data_folder_is_shown_short(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path))
    assert spans.shown(str(tmp_path / "corpus" / "a.wav")) == "corpus/a.wav"
    assert spans.shown("/elsewhere/a.wav") == "/elsewhere/a.wav"
