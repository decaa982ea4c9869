"""What one notebook hands to the next belongs together, and is read back as it was."""

import numpy as np
import pandas as pd
import pytest

from emocast.encoders import store

WINDOWS = pd.DataFrame(
    {"audio": list("abcabc"), "start_s": np.arange(6.0), "end_s": np.arange(6.0) + 1}, index=range(10, 16)
)
VALUES = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)


def test_what_is_saved_is_read_back(tmp_path):
    store.save(tmp_path / "out", WINDOWS, VALUES.astype(np.float64))
    windows, embeddings = store.load(tmp_path / "out")
    pd.testing.assert_frame_equal(windows, WINDOWS.reset_index(drop=True))
    np.testing.assert_array_equal(embeddings, VALUES)
    assert embeddings.dtype == np.float32


def test_what_does_not_belong_together_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="6 windows and 5 embeddings do not belong together"):
        store.save(tmp_path / "out", WINDOWS, VALUES[:5])
    with pytest.raises(ValueError, match="not finite"):
        store.save(tmp_path / "out", WINDOWS, np.full((6, 2), np.nan))
    assert not (tmp_path / "out").exists()


def test_what_was_not_saved_is_named_with_who_does(tmp_path):
    with pytest.raises(FileNotFoundError, match="run notebook 03_embedding_extraction first"):
        store.load(tmp_path / "out")
    store.save(tmp_path / "out", WINDOWS, VALUES)
    (tmp_path / "out" / "embeddings.npy").unlink()
    with pytest.raises(FileNotFoundError, match="run notebook 03_embedding_extraction first"):
        store.load(tmp_path / "out")


def test_a_run_killed_between_the_two_files_is_noticed(tmp_path):
    store.save(tmp_path / "out", WINDOWS, VALUES)
    store.save(tmp_path / "other", WINDOWS[:4], VALUES[:4])
    (tmp_path / "other" / "windows.parquet").replace(tmp_path / "out" / "windows.parquet")
    with pytest.raises(ValueError, match="4 windows and 6 embeddings; run 03 again"):
        store.load(tmp_path / "out")
