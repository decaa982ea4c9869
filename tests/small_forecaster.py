"""A small forecaster for tests: trained in a second on windows whose embeddings carry the emotion to come."""

import functools
from dataclasses import replace

import numpy as np
import pandas as pd

from emocast import settings as profiles
from emocast.forecaster import training

EMOTIONS = ("neutral", "excitement", "sadness")
WIDTH = 32  # that of the small models' embeddings


def settings(**changes) -> profiles.Profile:
    """The smoke profile with one process and a small network."""
    smoke = profiles.load("smoke")
    network = replace(smoke.fcdnn, hidden_layers=1, hidden_units=16, epochs=8, batch_size=32, learning_rate=3e-3)
    return replace(smoke, jobs=1, fcdnn=network, **changes)


def table() -> pd.DataFrame:
    """Windows of three sessions, each event at each shift, as `windows.sweep` gives them."""
    rng, rows = np.random.default_rng(0), []
    for dialogue in range(15):
        onsets = 30 + np.cumsum(rng.uniform(2, 6, 16))
        for event, onset in enumerate(onsets):
            row = {
                "utterance": f"d{dialogue}_{event:03}", "dialogue": f"d{dialogue}", "session": f"s{dialogue % 3}",
                "scenario": "x", "speaker": f"s{dialogue % 3}{'FM'[event % 2]}", "emotion": EMOTIONS[rng.integers(3)],
                "audio": f"d{dialogue}.wav", "onset_s": onset, "utterance_end_s": onset + 1
            }  # fmt: skip
            rows += [row | {"shift_s": s, "start_s": onset - s - 10, "end_s": onset - s} for s in (0.0, 10.0)]
    return pd.DataFrame(rows).sort_values("shift_s", kind="stable").reset_index(drop=True)


def embed(windows: pd.DataFrame, *, strength: float = 2.0, seed: int = 0) -> np.ndarray:
    """Embeddings in which the emotion to come has a place of its own: (n, WIDTH)."""
    noise = np.random.default_rng(seed).normal(size=(len(windows), WIDTH))
    noise[np.arange(len(windows)), windows["emotion"].map(EMOTIONS.index)] += strength
    return noise.astype(np.float32)


def utterances(windows: pd.DataFrame) -> pd.DataFrame:
    """The utterance table behind the windows."""
    first = windows.drop_duplicates("utterance")
    own = first[["utterance", "dialogue", "session", "speaker", "emotion"]]
    return own.assign(start_s=first["onset_s"], end_s=first["utterance_end_s"], sex="f", language="en")


def trained(windows: pd.DataFrame, embeddings: np.ndarray, profile: profiles.Profile, *, encoder: dict | None = None):
    """A forecaster with all that the record and the sentences need, and its out-of-fold predictions."""
    encoder = encoder or {"name": "none", "digest": "0", "precision": "fp32"}
    made, predictions = training.train(profile, windows, embeddings, encoder=encoder)
    found = training.scores(profile, predictions, windows, utterances(windows))
    told = training.data(profile, utterances(windows), windows, predictions)
    made.facts.update(key="k", scores=found, data=told)
    return made, predictions


@functools.cache
def example(encoder: tuple[tuple[str, str], ...] = ()):
    """Windows, embeddings, a forecaster of them and its out-of-fold predictions; made once, not to be changed."""
    windows = table()
    embeddings = embed(windows)
    return windows, embeddings, *trained(windows, embeddings, settings(), encoder=dict(encoder) or None)
