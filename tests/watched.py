"""A run of the store that notes each window it embeds, in a process of its own that a test may kill.

Tests take `noting` and `lines` from here, start `run` in another process, and have the workers of a Dask cluster load this
module (`dask_setup`).
"""

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd

from emocast.encoders import store
from emocast.encoders.wav2vec2 import Wav2Vec2

LOG, STORE, MOST = "WATCHED_LOG", "WATCHED_STORE", "WATCHED_MOST"  # environment variables of a Dask cluster's workers
CHUNK_S = 2.0  # seconds of sound in a chunk, in place of minutes


def noting(encode, log, pause_s=0.0, wait=lambda: None):
    """An encoder's `encode` that first writes a line for each window (process, digest of its samples), and takes longer.

    `pause_s` is how much longer each batch takes; `wait` is called before each.
    """

    def noted(self, waveforms):
        wait()
        text = "".join(f"{os.getpid()} {digest(waveform)}\n" for waveform in waveforms)
        with Path(log).open("ab", buffering=0) as file:  # one write: processes beside each other do not mix
            file.write(text.encode())
        time.sleep(pause_s)
        return encode(self, waveforms)

    return noted


def kept(folder):
    """What a store holds: the sound's digest and the frames of each window."""
    files = {path.stem: store._read(path) for path in Path(folder).glob("*/*.npz")}
    return {(name, *span) for name, spans in files.items() for span in spans}


def holding(folder, most):
    """A function that waits while a store has `most` windows or more: who kills a run finds it in the middle.

    It leaves the file `held-<process>` in the store then, and the file `go` there ends the waiting.
    """

    def wait():
        while len(kept(folder)) >= most and not (Path(folder) / "go").exists():
            (Path(folder) / f"held-{os.getpid()}").touch()
            time.sleep(0.005)

    return wait


def digest(waveform):
    """A waveform's name in the log."""
    return hashlib.sha256(np.asarray(waveform, np.float32).tobytes()).hexdigest()[:16]


def lines(log):
    """What was noted so far: (process, digest of a window), in order."""
    text = Path(log).read_text() if Path(log).exists() else ""
    return [(int(process), name) for process, name in map(str.split, text.splitlines())]


def run(encoder, root, folder, log, pause_s, most, gate=None):
    """Embed the windows of a corpus (`windows.parquet` in its root) in small chunks; fails where one is missing.

    Args:
        encoder: its name.
        root: the corpus root.
        folder: the store.
        log: where windows are noted.
        pause_s: how much longer each batch takes.
        most: the number of windows at which it waits for its end.
        gate: a folder: wait there until it holds the file `go`.
    """
    store._CHUNK_S = CHUNK_S
    Wav2Vec2.encode = noting(Wav2Vec2.encode, log, pause_s, holding(folder, most))
    if gate:
        (gate / f"ready-{os.getpid()}").touch()
        while not (gate / "go").exists():
            time.sleep(0.005)
    windows = pd.read_parquet(root / "windows.parquet")
    found, failed = store.embed(encoder, windows, root, precision="fp32", folder=folder, progress=False)
    assert failed.empty and np.isfinite(found).all()


def dask_setup(worker):
    """Watch the encoder in a worker of a Dask cluster."""
    wait = holding(os.environ[STORE], int(os.environ[MOST]))
    Wav2Vec2.encode = noting(Wav2Vec2.encode, os.environ[LOG], wait=wait)
