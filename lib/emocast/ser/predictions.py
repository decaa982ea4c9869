"""What a trained recogniser says of the utterances of a corpus: one table that all scores and figures begin from.

The truth stands beside what is predicted, as the corpus gives it: a class that the recogniser does not have stays in the
table, and the corpus's valence and arousal keep their own scale. What is scored is chosen later, in `tables`.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from .. import cache, encoders
from ..encoders import checkpoint
from .application import apply

#: What the table takes over from the utterance table.
TRUTH = ("utterance", "speaker", "dialogue", "emotion", "valence", "arousal")

_MODULES = ("ser/application.py", "ser/predictions.py", *encoders.modules("wav2vec2"))


class Predictions(NamedTuple):
    """The table of what was predicted, and the list of what could not be read."""

    table: pd.DataFrame
    unreadable: pd.DataFrame


def predict(
    source: Path | str,
    table: pd.DataFrame,
    root: Path | str,
    *,
    memory: cache.Cache | None = None,
    jobs: int = 1,
    progress: bool = True,
) -> Predictions:
    """Apply a recogniser to every utterance of a table.

    Args:
        source: a checkpoint's folder or hub id (`encoders.checkpoint`), of any objective.
        table: an utterance table.
        root: the corpus root that `audio` is relative to.
        memory: keeps what was heard, file by file (`cache.memory`).
        jobs: processes side by side, each with one thread of torch.
        progress: whether to show a bar.

    Returns:
        `table`: one row a readable utterance, in the order given, with a fresh index. The columns `TRUTH` (emotion, valence
        and arousal are the true ones, missing where the corpus has none); `predicted`, the class with the largest
        probability (missing where the model has no classes); `p_<emotion>`, a class's probability, rows sum to 1;
        `predicted_valence` and `predicted_arousal`, on the scale of the training corpus. The latter where the model has them.
        `unreadable`: audio, utterances (how many), problem.

    Raises:
        hub.CheckpointError: the checkpoint is missing, damaged or of another kind.
        KeyError: the table lacks a column.
    """
    model = _load(str(source))
    code = cache.code_digest(*_MODULES)
    applied = apply(_load, source, table, root, code=code, memory=memory, jobs=jobs, progress=progress)
    readable = ~np.isnan(applied.array).any(axis=1)
    values = applied.array[readable]
    truth = table.loc[readable, list(TRUTH)].reset_index(drop=True)
    predicted = pd.Series(pd.NA, index=truth.index, dtype="string")
    emotions = model.checkpoint.emotions
    if emotions:
        classes = values[:, : len(emotions)].argmax(axis=1)
        predicted = pd.Series(np.array(emotions, dtype=object)[classes], index=truth.index, dtype="string")
    made = truth.assign(predicted=predicted, **dict(zip(model.columns, values.T, strict=True)))
    return Predictions(made, applied.unreadable)


def model_digest(model: checkpoint.Checkpoint) -> str:
    """SHA-256 of a whole checkpoint: its encoder, its heads and what their units stand for."""
    digest = hashlib.sha256(json.dumps([model.digest, model.objective, model.emotions, model.dimensions]).encode())
    for head in model.heads.values():
        for part in (head.weight, head.bias):
            digest.update(b"none" if part is None else part.numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class _Recogniser:
    """A checkpoint with the face of `application.Model`."""

    checkpoint: checkpoint.Checkpoint
    digest: str

    @property
    def columns(self) -> tuple[str, ...]:
        probabilities = [f"p_{emotion}" for emotion in self.checkpoint.emotions]
        return (*probabilities, *(f"predicted_{dimension}" for dimension in self.checkpoint.dimensions))

    @property
    def shortest(self) -> int:
        return self.checkpoint.shortest

    def values(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        outputs = self.checkpoint.outputs(waveforms)
        return np.concatenate([values.numpy() for values in outputs.values()], axis=1)


def _load(source: str) -> _Recogniser:
    return _wrapped(checkpoint.load(source))


@functools.lru_cache(maxsize=2)  # `checkpoint.load` gives the same object for what did not change
def _wrapped(model: checkpoint.Checkpoint) -> _Recogniser:
    return _Recogniser(model, model_digest(model))
