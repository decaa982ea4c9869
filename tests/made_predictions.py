"""Predictions that nobody made, of which it is known how often each model is right, and the criteria to judge them by."""

import numpy as np
import pandas as pd

from emocast.forecasting import claims
from emocast.metrics import Resampling

CLASSES = np.array(["neutral", "excitement", "sadness"])
CRITERIA = claims.Criteria(Resampling(level=0.95, draws=300, random_state=0), permutations=999, tolerance=0.05)


def predictions(
    right, *, where=(), dialogues=60, events=9, shifts=(0.0, 10.0, 20.0), protocols=("random", "dialogue"), seed=0
):
    """Predictions of several models: each is right as often as `right` says, where `where` does not say otherwise.

    `right` is model -> share; `where` is (model, column, value, share). Half of the events change the last emotion.
    """
    generator, rows = np.random.default_rng(seed), []
    n = dialogues * events
    for protocol in protocols:
        for shift in shifts:
            emotion = CLASSES[np.arange(n) % 3]
            other = CLASSES[(np.arange(n) + 1 + generator.integers(2, size=n)) % 3]
            changed = generator.random(n) < 0.5
            event = {
                "protocol": protocol,
                "shift_s": shift,
                "seed": 0,
                "utterance": [f"u{number}" for number in range(n)],
                "dialogue": [f"d{number // events}" for number in range(n)],
                "drawn": [f"d{number // events}" for number in range(n)],
                "emotion": emotion,
                "last_emotion": np.where(changed, other, emotion),
                "changed": changed,
            }
            for model, share in right.items():
                table = pd.DataFrame({"model": model, **event})
                shares = np.full(n, share)
                for name, column, value, other_share in where:
                    shares[(name == model) & (table[column] == value).to_numpy()] = other_share
                hit = generator.random(n) < shares
                rows.append(table.assign(predicted=np.where(hit, emotion, other)))
    return pd.concat(rows, ignore_index=True)
