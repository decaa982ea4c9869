"""emotion2vec through funasr, the package of its makers (Ma et al. 2023, arXiv 2312.15185): an optional extra.

SOURCE is a folder or a hub id such as "emotion2vec/emotion2vec_base", with `config.yaml` and `model.pt` or
`emotion2vec_base.pt`. funasr would run code that such a folder names: it imports any Python file where the settings say
`trust_remote_code`, also by way of a second model, and evaluates one setting, `feature_encoder_spec`, as Python. So funasr
never sees the folder: it gets the numbers of the architecture, that one setting is the known
one, and the weights are read here.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from .. import compute
from . import hub
from .clap import guarded

CONFIG = "config.yaml"
WEIGHTS = ("model.pt", "emotion2vec_base.pt")

_SPECIFICATION = "[(512,10,5)]+[(512,3,2)]*4+[(512,2,2)]+[(512,2,2)]"  # the convolutions of all official models
_SHORTEST = 400  # samples: one frame of these convolutions, 25 ms
_EXPECTED = "an emotion2vec such as the hub's emotion2vec/emotion2vec_base, config.yaml and weights from one place"
_UNUSED = "modality_encoders.AUDIO.decoder."  # pre-training's: some files have it, some have not


class Emotion2Vec:
    """The embeddings of one checkpoint: the mean over time of the network's last layer, as funasr gives it.

    SOURCE is a folder or a hub id, as for `hub.find`; CheckpointError where it is of another kind, or funasr not installed.
    """

    sample_rate = 16_000
    precision = "fp32"
    threaded = False  # funasr changes the process while it computes: one at a time

    def __init__(self, source: str) -> None:
        """Read the checkpoint."""
        self.name = f"emotion2vec:{source}"
        self._model, self.dimension, self.digest = hub.loaded(_load, *find(source))

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at 16 kHz, each of shape (samples,): float32, shape (n, dimension).

        Raises:
            ValueError: a waveform is shorter than one frame (25 ms) or has more than one channel.
        """
        embeddings = np.empty((len(waveforms), self.dimension), np.float32)
        with guarded():
            for row, waveform in enumerate(hub.mono(waveforms, shortest=_SHORTEST)):
                found = self._model.generate(waveform.numpy(), granularity="utterance", extract_embedding=True)
                embeddings[row] = found[0]["feats"]
        return embeddings


def find(source: str) -> tuple[Path, Path]:
    """The settings and the weights of a checkpoint; CheckpointError where one is missing."""
    folder = hub.find(source, needed=[CONFIG], optional=WEIGHTS)
    for name in WEIGHTS:
        if (folder / name).is_file():
            return folder / CONFIG, folder / name
    advice = f"put {' or '.join(WEIGHTS)} into {folder}"
    raise hub.CheckpointError(f"no {' or '.join(WEIGHTS)} in {folder}: expected is {_EXPECTED}", advice=advice)


@functools.lru_cache(maxsize=1)
def _load(config: Path, weights: Path, stamp: tuple[tuple[int, int], ...]) -> tuple[Any, int, str]:
    """Read a checkpoint. `stamp` stands for what the files hold: part of the key under which the result stays in memory."""
    architecture = _architecture(config)
    tensors = _tensors(hub.read_training(weights), weights)
    with guarded():
        model = _empty(architecture, config)
    kept = {name: tensor for name, tensor in model.model.state_dict().items() if name.startswith(_UNUSED)}
    wanted = model.model.state_dict().keys()
    # what is left over: a classifier's last layer, and what pre-training alone needs
    found = {name: tensor for name, tensor in tensors.items() if name in wanted}
    hub.fill(model.model, kept | found, weights, expected=_EXPECTED)
    return model, int(architecture["embed_dim"]), hub.digest(config, weights)


def _empty(architecture: dict[str, Any], config: Path) -> Any:
    """A model of funasr without weights; nothing is downloaded."""
    try:
        from funasr import AutoModel
    except ImportError as error:
        raise hub.CheckpointError(
            f"emotion2vec needs the package funasr, which cannot be imported ({error}): it is an optional extra; install it "
            f'with `pip install -e ".[emotion2vec]"`'
        ) from error
    quiet = {"disable_update": True, "disable_pbar": True, "log_level": "ERROR"}
    try:
        return AutoModel(model="Emotion2vec", model_conf=architecture, device=compute.best_device(), **quiet)
    except Exception as error:  # settings that cannot be show themselves in many ways
        raise hub.CheckpointError(
            f"{config}: funasr makes no model of these settings ({error}): expected is {_EXPECTED}"
        ) from error


def _architecture(path: Path) -> dict[str, Any]:
    """The settings of the network; the only one that funasr takes for more than a value must be the known one."""
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
        kind, architecture = settings["model"], settings["model_conf"]
        specification = architecture["modalities"]["audio"]["feature_encoder_spec"]
        whole = isinstance(architecture["embed_dim"], int)
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise hub.CheckpointError(f"{path}: not the settings of a network: expected is {_EXPECTED}") from error
    if kind != "Emotion2vec" or not whole:
        raise hub.CheckpointError(f"{path}: the model is {kind!r}: expected is {_EXPECTED}")
    if "".join(str(specification).split()) != _SPECIFICATION:
        raise hub.CheckpointError(
            f"{path}: feature_encoder_spec is {specification!r}; funasr would run it as Python, so only the official one is "
            f"taken: {_SPECIFICATION}"
        )
    return architecture


def _tensors(content: dict[str, Any], path: Path) -> dict[str, Any]:
    for part in ("state_dict", "model_state_dict", "model"):  # funasr looks in these places, in this order
        content = content.get(part, content)
        if not isinstance(content, dict):
            raise hub.CheckpointError(f"{path}: {part} does not hold named weights: expected is {_EXPECTED}")
    return {str(name).removeprefix("module.").removeprefix("d2v_model."): tensor for name, tensor in content.items()}
