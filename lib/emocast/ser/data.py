"""Utterances as SpeechBrain's datasets: sound read when it is needed, targets beside it.

Whole utterances as in SpeechBrain's recipe, or random crops of one length, which keep a step's cost the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.dataio.sampler import ReproducibleRandomSampler
from torch.utils.data import DataLoader

from .. import audio

SAMPLE_RATE = 16_000  # Hz


def dataset(
    table: pd.DataFrame, root: Path | str, *, classes: Sequence[str], crop_s: float | None
) -> DynamicItemDataset:
    """Make a dataset of utterances.

    Args:
        table: an utterance table; what is missing of emotion, valence or arousal is given as -1 or NaN.
        root: the corpus root that `audio` is relative to.
        classes: the emotions in the order of the units.
        crop_s: length in seconds of random crops; None for whole utterances. One shorter than that stays as it is.

    Returns:
        A dataset whose items are `id`, `sig` (float32, (samples,), 16 kHz), `emotion` (class number) and `dimensions`
        (valence, arousal; float32, (2,)).
    """
    numbers = {emotion: number for number, emotion in enumerate(classes)}
    rows = {
        row.utterance: {
            "path": str(Path(root) / row.audio), "start_s": row.start_s, "end_s": row.end_s,
            "emotion": numbers.get(row.emotion, -1), "valence": row.valence, "arousal": row.arousal,
        }
        for row in table.itertuples()
    }  # fmt: skip

    def sound(path: str, start_s: float, end_s: float) -> torch.Tensor:
        waveform = audio.read(Path(path), start_s=start_s, end_s=end_s, sample_rate=SAMPLE_RATE)
        return _crop(torch.from_numpy(waveform.astype(np.float32)), crop_s)

    def both(valence: float, arousal: float) -> torch.Tensor:
        return torch.tensor([valence, arousal], dtype=torch.float32)

    made = DynamicItemDataset(rows, output_keys=["id", "sig", "emotion", "dimensions"])
    made.add_dynamic_item(sound, takes=["path", "start_s", "end_s"], provides="sig")
    made.add_dynamic_item(both, takes=["valence", "arousal"], provides="dimensions")
    return made


def _crop(waveform: torch.Tensor, crop_s: float | None) -> torch.Tensor:
    """A random stretch of the asked length; torch's generator draws, which the training seeds for each epoch."""
    length = len(waveform) if crop_s is None else round(crop_s * SAMPLE_RATE)
    if len(waveform) <= length:
        return waveform
    start = int(torch.randint(len(waveform) - length + 1, ()))
    return waveform[start : start + length]


def loader(made: DynamicItemDataset, *, batch_size: int, shuffle: bool, seed: int) -> DataLoader:
    """Batches of a dataset, padded at their ends; the order of each epoch follows from seed and epoch alone."""
    sampler = ReproducibleRandomSampler(made, seed=seed) if shuffle else None
    return DataLoader(made, batch_size=batch_size, sampler=sampler, collate_fn=PaddedBatch)


def usable(table: pd.DataFrame, *, objective: str) -> pd.DataFrame:
    """The utterances that an objective can learn from, with a fresh index.

    Args:
        table: an utterance table whose `emotion` holds the classes in play (`labels.four_classes`) or is missing.
        objective: "classification" (an emotion), "regression" (valence and arousal) or "multiobjective" (all three).
    """
    needed = {
        "classification": ["emotion"],
        "regression": ["valence", "arousal"],
        "multiobjective": ["emotion", "valence", "arousal"],
    }[objective]
    return table.dropna(subset=needed).reset_index(drop=True)
