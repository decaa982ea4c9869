"""The approximate mode: each block once, the mean of a window's blocks, and no sound from outside the window."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast import audio, encoders, windows
from emocast.encoders import store
from emocast.encoders.store import blocks

RATE = 16_000


@pytest.fixture
def corpus(tmp_path):
    """Two dialogues of 40 s and the windows of three events at shifts of 0 to 20 s; the store's folder."""
    rng = np.random.default_rng(0)
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", rng.normal(0, 0.1, 40 * RATE), RATE, subtype="FLOAT")
    columns = dict.fromkeys(windows.EVENT_COLUMNS, "x")
    events = pd.DataFrame(
        [
            {**columns, "audio": f"{n}.wav", "start_s": s, "end_s": s + 1.0}
            for n, s in [("a", 31.3), ("b", 33.7), ("b", 39.0)]
        ]
    )
    return tmp_path, windows.sweep(events, range(0, 21, 2)), tmp_path / "store"


def test_a_window_is_the_mean_of_its_blocks(corpus, checkpoint_folder):
    root, cut, folder = corpus
    name = f"wav2vec2:{checkpoint_folder}"
    found, failed = store.embed_blocks(name, cut, root, block_s=2.0, precision="fp32", folder=folder, progress=False)
    assert failed.empty
    for row in (0, 17, len(cut) - 1):
        window = cut.iloc[row]
        ends = [window["end_s"] - 2.0 * number for number in range(5)]
        waveforms = [audio.read(root / window["audio"], start_s=end - 2.0, end_s=end) for end in ends]
        np.testing.assert_allclose(found[row], encoders.get(name).encode(waveforms).mean(axis=0), atol=1e-4)


def test_what_windows_share_is_embedded_once(corpus):
    _, cut, _ = corpus
    table = blocks.cut(cut, block_s=2.0)
    assert len(table) == 5 * len(cut)
    assert len(table.drop_duplicates(["audio", "stop_ms"])) == 3 * 15  # 30 s of sound an event


def test_no_block_reaches_out_of_its_window(corpus):
    _, cut, _ = corpus
    table = blocks.cut(cut, block_s=2.5)
    ends, starts = cut["end_s"].repeat(4).to_numpy(), cut["start_s"].repeat(4).to_numpy()
    assert (table["end_s"].to_numpy() <= ends + 1e-9).all()
    assert (table["start_s"].to_numpy() >= starts - 1e-9).all()


def test_sound_after_a_window_changes_nothing(corpus, checkpoint_folder):
    root, cut, _ = corpus
    name, one = f"wav2vec2:{checkpoint_folder}", cut.iloc[[4]]
    options = {"block_s": 2.0, "precision": "fp32", "progress": False}
    before, _ = store.embed_blocks(name, one, root, folder=root / "s1", **options)
    path = root / one["audio"].iloc[0]
    samples, rate = soundfile.read(path, dtype="float32")
    samples[int(np.ceil(one["end_s"].iloc[0] * rate)) :] = 0.9
    soundfile.write(path, samples, rate, subtype="FLOAT")
    after, _ = store.embed_blocks(name, one, root, folder=root / "s2", **options)
    np.testing.assert_array_equal(after, before)


def test_a_block_that_cannot_be_heard_takes_its_window_with_it(corpus):
    root, cut, folder = corpus
    (root / "a.wav").write_bytes(b"")
    found, failed = store.embed_blocks("handcrafted", cut, root, block_s=2.0, folder=folder, progress=False)
    assert list(np.isnan(found).any(axis=1)) == list(cut["audio"] == "a.wav")
    assert failed[["audio", "blocks"]].to_dict("records") == [{"audio": "a.wav", "blocks": 15}]


@pytest.mark.parametrize("block_s", [3.0, 20.0])
def test_a_window_must_be_whole_blocks(corpus, block_s):
    _, cut, _ = corpus
    with pytest.raises(ValueError, match=f"a whole number of blocks of {block_s} s"):
        blocks.cut(cut, block_s=block_s)


def test_no_windows_give_no_embeddings(corpus):
    root, cut, folder = corpus
    found, failed = store.embed_blocks("handcrafted", cut.iloc[:0], root, block_s=2.0, folder=folder, progress=False)
    assert found.shape == (0, 253)
    assert failed.empty
