"""What the tests of the store share: a corpus of short sounds, and a small piece of work."""

import multiprocessing

import numpy as np
import pandas as pd
import pytest
import soundfile

import watched
from emocast.encoders.store import work
from emocast.encoders.wav2vec2 import Wav2Vec2

RATE = 16_000


@pytest.fixture
def corpus(tmp_path):
    """Twelve sounds of 3 s with two windows of 1 s each, and one of 12 s with ten; its root and the window table."""
    root, rng, rows = tmp_path / "corpus", np.random.default_rng(0), []
    root.mkdir()
    for number in range(13):
        name, length_s, starts = (f"{number:02}.wav", 3, (0.0, 1.5)) if number else ("00.wav", 12, np.arange(10.0))
        # 16 bits: libsndfile writes the time of day into files of floats, and names of shards would depend on it
        soundfile.write(root / name, rng.normal(0, 0.1, length_s * RATE), RATE, subtype="PCM_16")
        rows += [(name, start, start + 1.0) for start in starts]
    windows = pd.DataFrame(rows, columns=["audio", "start_s", "end_s"])
    windows = windows.sample(frac=1.0, random_state=1)  # in no order, and with an index of its own
    windows.to_parquet(root / "windows.parquet")
    return root, windows


@pytest.fixture
def folder(tmp_path):
    """Where the store is."""
    return tmp_path / "store"


@pytest.fixture
def encoder(checkpoint_folder):
    """The name of a small wav2vec 2.0."""
    return f"wav2vec2:{checkpoint_folder}"


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Pieces of two windows of a sound, or of four of the long one."""
    monkeypatch.setattr(work, "_PIECE_S", watched.PIECE_S)
    monkeypatch.setattr(work, "_LONGEST", watched.LONGEST)


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Where wav2vec 2.0 notes in this process which windows it embeds: `watched.lines` reads it."""
    monkeypatch.setattr(Wav2Vec2, "encode", watched.noting(Wav2Vec2.encode, tmp_path / "log"))
    return tmp_path / "log"


@pytest.fixture
def contents():
    """A function that gives the name and the bytes of each shard below a folder."""
    return lambda folder: {path.name: path.read_bytes() for path in folder.glob("*/shards/*.safetensors")}


@pytest.fixture(scope="session")
def processes():
    """Processes that begin with the heavy packages imported: they are forked off one that has done it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["emocast.encoders.store", "emocast.encoders.wav2vec2"])
    first = context.Process()
    first.start()  # now that one is begun, and nobody else's settings (Dask's) change what it imports
    first.join()
    return context
