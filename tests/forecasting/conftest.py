"""Window tables like those that `emocast.windows` cuts, and embeddings with a known signal."""

import numpy as np
import pandas as pd
import pytest

EMOTIONS = ("neutral", "excitement", "sadness")


@pytest.fixture
def make_windows():
    """Return a maker of window tables: dialogues of two speakers, events some seconds apart, one row a shift."""

    def make(*, n_dialogues=12, events=16, shifts=(0.0,), seed=0):
        generator = np.random.default_rng(seed)
        rows = []
        for dialogue in range(n_dialogues):
            onset = 8.0
            for event in range(events):
                onset += generator.uniform(1.0, 6.0)
                emotion = generator.choice(EMOTIONS, p=[0.4, 0.35, 0.25])
                rows += [_row(dialogue, event, onset, emotion, shift) for shift in shifts if onset >= 10 + shift]
        table = pd.DataFrame(rows)
        return table.sort_values("shift_s", kind="stable").reset_index(drop=True)

    return make


def _row(dialogue, event, onset, emotion, shift):
    session = dialogue % 3
    return {
        "utterance": f"d{dialogue:02}_{event:03}",
        "dialogue": f"d{dialogue:02}",
        "session": session,
        "scenario": f"impro{dialogue // 3}",
        "speaker": f"s{session}{'FM'[event % 2]}",
        "emotion": emotion,
        "audio": f"d{dialogue:02}.wav",
        "onset_s": onset,
        "utterance_end_s": onset + 1.0,  # events lie at least a second apart
        "shift_s": shift,
        "start_s": onset - shift - 10,
        "end_s": onset - shift,
    }


@pytest.fixture
def embed():
    """Return a maker of embeddings that carry the emotion with a known strength: (n, d) float32."""

    def make(windows, *, strength=1.5, width=8, seed=0):
        noise = np.random.default_rng(seed).normal(size=(len(windows), width))
        noise[np.arange(len(windows)), windows["emotion"].map(EMOTIONS.index)] += strength
        return noise.astype(np.float32)

    return make
