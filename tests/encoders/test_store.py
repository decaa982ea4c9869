import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast.cache import Cache
from emocast.encoders import handcrafted, store


@pytest.fixture
def corpus(tmp_path):
    """Three files of noise with two windows each; the root and the window table."""
    rng = np.random.default_rng(0)
    for name in "abc":
        soundfile.write(tmp_path / f"{name}.wav", rng.normal(0, 0.1, 3 * 16_000), 16_000)
    rows = [(f"{name}.wav", start, start + 1.0) for start in (0.0, 1.5) for name in "cab"]
    return tmp_path, pd.DataFrame(rows, columns=["audio", "start_s", "end_s"], index=range(10, 16))


def test_rows_stay_beside_their_windows_whatever_the_number_of_processes(corpus):
    root, windows = corpus
    embeddings, failed = store.embed("handcrafted", windows, root)
    assert failed.empty
    for row, embedding in zip(windows.itertuples(), embeddings, strict=True):
        expected = handcrafted.Handcrafted().encode_spans(root / row.audio, [row.start_s], [row.end_s])[0]
        np.testing.assert_array_equal(embedding, expected)
    np.testing.assert_array_equal(store.embed("handcrafted", windows, root, jobs=2)[0], embeddings)


def test_a_bad_file_is_listed_and_the_others_go_on(corpus):
    root, windows = corpus
    (root / "b.wav").write_bytes(b"")
    embeddings, failed = store.embed("handcrafted", windows, root)
    assert failed[["audio", "windows"]].to_dict("records") == [{"audio": "b.wav", "windows": 2}]
    assert "empty" in failed["problem"].iloc[0]
    assert np.isnan(embeddings[(windows["audio"] == "b.wav").to_numpy()]).all()
    assert np.isfinite(embeddings[(windows["audio"] != "b.wav").to_numpy()]).all()


def test_what_was_computed_is_not_computed_again(corpus, tmp_path, monkeypatch):
    root, windows = corpus
    memory = Cache(tmp_path / "cache")
    first, _ = store.embed("handcrafted", windows[windows["audio"] != "c.wav"], root, memory=memory)  # as if killed
    seen = []
    original = handcrafted.Handcrafted.encode_spans
    monkeypatch.setattr(
        handcrafted.Handcrafted,
        "encode_spans",
        lambda self, path, *spans: seen.append(path.name) or original(self, path, *spans),
    )
    again, _ = store.embed("handcrafted", windows, root, memory=memory)
    assert seen == ["c.wav"]
    np.testing.assert_array_equal(again[(windows["audio"] != "c.wav").to_numpy()], first)


def test_a_changed_file_is_computed_again(corpus, tmp_path):
    root, windows = corpus
    memory = Cache(tmp_path / "cache")
    before, _ = store.embed("handcrafted", windows, root, memory=memory)
    soundfile.write(root / "a.wav", np.random.default_rng(9).normal(0, 0.2, 3 * 16_000), 16_000)
    after, _ = store.embed("handcrafted", windows, root, memory=memory)
    changed = (before != after).any(axis=1)
    assert list(changed) == list(windows["audio"] == "a.wav")


def test_what_is_saved_is_read_back(corpus, tmp_path):
    _, windows = corpus
    values = np.arange(12, dtype=np.float32).reshape(6, 2)
    store.save(tmp_path / "out", windows, values)
    windows_back, back = store.load(tmp_path / "out")
    pd.testing.assert_frame_equal(windows_back, windows.reset_index(drop=True))
    np.testing.assert_array_equal(back, values)


def test_what_does_not_belong_together_is_refused(corpus, tmp_path):
    _, windows = corpus
    with pytest.raises(ValueError, match="do not belong together"):
        store.save(tmp_path / "out", windows, np.zeros((5, 2)))
    with pytest.raises(ValueError, match="not finite"):
        store.save(tmp_path / "out", windows, np.full((6, 2), np.nan))
    with pytest.raises(FileNotFoundError, match="run notebook 03_embedding_extraction first"):
        store.load(tmp_path / "out")


def test_a_fault_that_is_not_the_sounds_stops_the_run(corpus, tmp_path):
    """A cache that cannot be written (a full disk, a file in its place) must not pass for an unreadable recording."""
    root, windows = corpus
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(OSError):
        store.embed("handcrafted", windows, root, memory=Cache(tmp_path / "cache"))
