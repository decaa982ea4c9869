"""The demo's own contrastive model as an encoder: sound and texts as vectors of one space.

SOURCE is a folder that `contrastive.training` made, for example `demo/models/contrastive` below `outputs/`. It holds
`config.json` (the architecture of the wav2vec 2.0, and the sizes of all else) and `model.safetensors` (the weights of
`dual_model.DualModel`), both read as data.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from transformers import Wav2Vec2Config

from .. import cache, device
from . import batches, convolutions, foreign, hub, text_towers
from . import checkpoint_files as files
from .dual_model import DualModel, Sizes

CONFIG, WEIGHTS = files.CONFIG, "model.safetensors"

_KIND = "emocast-dual"
_MADE_BY = "the demo's model is trained by notebook 02 (contrastive.training)"
_TEXTS = 256  # of a batch


class Dual:
    """The embeddings of one model, all of length 1: the product of a sound's and a text's is their cosine.

    Args:
        source: a folder, as for `hub.find`.

    Raises:
        hub.CheckpointError: the model is missing, damaged or of another kind.
    """

    sample_rate = files.SAMPLE_RATE
    precision = "fp32"
    threaded = True

    def __init__(self, source: str) -> None:
        """Read the model, unless it is in memory."""
        self.name = f"dual:{source}"
        try:
            folder = hub.find(source, needed=(CONFIG, WEIGHTS))
        except hub.CheckpointError as error:
            raise hub.CheckpointError(f"{error}; {_MADE_BY}") from error
        self._model, self.digest = foreign.loaded(_load, folder / CONFIG, folder / WEIGHTS)

    @property
    def dimension(self) -> int:
        """How many values an embedding has."""
        return self._model.audio.projection.out_features

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at 16 kHz, each of shape (samples,) and heard whole: float32, shape (n, dimension).

        Raises:
            ValueError: a waveform is shorter than one frame, or has more than one channel.
        """
        tensors = batches.mono(waveforms, shortest=self._model.audio.shortest)
        embeddings = np.empty((len(tensors), self.dimension), np.float32)
        where = self._model.log_scale.device
        # transformers draws a random number for each layer even where none is dropped: the caller's are left as they were
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            for rows in batches.equal_lengths([len(tensor) for tensor in tensors]):
                embeddings[rows] = self._model.audio([tensors[row].to(where) for row in rows]).cpu().numpy()
        return embeddings

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Embed n texts: float32, shape (n, dimension). What stands beside a text does not change its embedding.

        Raises:
            ValueError: a text is no string, or has no words.
        """
        texts = text_towers.checked(texts)
        embeddings = np.empty((len(texts), self.dimension), np.float32)
        with torch.inference_mode():
            for first in range(0, len(texts), _TEXTS):
                some = slice(first, first + _TEXTS)
                embeddings[some] = self._model.text(texts[some]).cpu().numpy()
        return embeddings


def save(folder: Path, model: DualModel, sizes: Sizes) -> None:
    """Write a model into a folder that is there: `CONFIG` and `WEIGHTS`, from which `Dual` reads the same embeddings."""
    audio = files.architecture(model.audio.wav2vec2.config)
    settings = {"model_type": _KIND, "audio": audio, "sizes": dataclasses.asdict(sizes)}
    (folder / CONFIG).write_text(json.dumps(settings, indent=1, default=str) + "\n", encoding="utf-8")
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    safetensors.torch.save_file(weights, folder / WEIGHTS)


@functools.lru_cache(maxsize=2)
def _load(config: Path, weights: Path, stamp: tuple[tuple[int, int], ...]) -> tuple[DualModel, str]:
    """Read a model. `stamp` stands for what its files hold: part of the key under which the result stays in memory."""
    settings = files.read_json(config)
    if settings.get("model_type") != _KIND:
        raise hub.CheckpointError(
            f"{config}: model_type is {settings.get('model_type')!r}, expected {_KIND!r}; {_MADE_BY}"
        )
    model = _empty(settings, config)
    foreign.fill(model, files.read_tensors(weights), weights, expected=f"the weights that {CONFIG} asks for")
    convolutions.replace(model.audio.wav2vec2.to(device.best()))
    digest = hashlib.sha256((cache.file_digest(config) + cache.file_digest(weights)).encode()).hexdigest()
    return model.to(device.best()), digest


def _empty(settings: dict[str, Any], config: Path) -> DualModel:
    """A model with random weights, of the architecture that a configuration describes; others' random numbers stay."""
    try:
        known = files.architecture(Wav2Vec2Config(**settings["audio"])).keys()
        audio = Wav2Vec2Config(**{name: value for name, value in settings["audio"].items() if name in known})
        with torch.random.fork_rng(devices=[]):
            return DualModel(audio, Sizes(**settings["sizes"]))
    except Exception as error:  # a missing or wrong setting shows itself in many ways
        raise hub.CheckpointError(f"{config}: no model can have these settings ({error!r}); {_MADE_BY}") from error
