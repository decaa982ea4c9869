"""The speech models of transformers as encoders, from a folder or the model hub.

A checkpoint holds `config.json`, `preprocessor_config.json` and weights: `model.safetensors`, the shards that
`model.safetensors.index.json` lists, or `pytorch_model.bin`. How each family hears is in `speech_families.py`, how the
files are read and checked in `speech_files.py`, how CLAP reads texts in `speech_text.py`; here is what all have in common.
Nothing that a checkpoint names is imported or run.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from .. import cache
from .. import device as devices
from . import batches, convolutions, hub, speech_files, speech_text, text_towers
from . import checkpoint_files as files
from .speech_families import FAMILIES, Family, Hearing, declared

_reading = threading.Lock()


class SpeechModel:
    """The embeddings of one of transformers' speech models.

    A CLAP has a method `embed_text` too, which embeds n texts in the space of its sounds: float32, shape (n, dimension).
    What it needs, and what it refuses, `speech_text` says.

    Args:
        source: a folder or a hub id, as for `hub.find`. `@LAYER` after it chooses one of transformers' hidden states: 0 is
            what goes into the first layer, N what comes out of layer N. Without it, the model's last hidden state.
        precision: "fp32" or "bf16".

    Raises:
        ValueError: there is no such layer.
        hub.CheckpointError: the checkpoint is missing, damaged or of another kind.
    """

    threaded = True

    def __init__(self, source: str, precision: str = "fp32") -> None:
        """Read the checkpoint, unless it is in memory."""
        self.name = f"transformers:{source}"
        self.precision = devices.precision(precision)
        place, layer = _parted(source)
        loaded = _load(place, layer, self.precision)
        self._hearing, self.digest = loaded.hearing, loaded.digest
        self.sample_rate, self.dimension = self._hearing.sample_rate, self._hearing.dimension
        if loaded.reader is not None:
            self.embed_text = functools.partial(text_towers.embed, load=loaded.reader, dimension=self.dimension)

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at `sample_rate`, each of shape (samples,): float32, shape (n, dimension).

        What stands beside a waveform does not change its embedding.

        Raises:
            ValueError: a waveform is shorter than one frame, or has more than one channel.
        """
        tensors = batches.mono(waveforms, shortest=self._hearing.shortest)
        embeddings = np.empty((len(tensors), self.dimension), np.float32)
        # transformers draws a random number for each layer even where none is dropped: the caller's are left as they were
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            for rows, found in self._hearing.embed(tensors):
                embeddings[rows] = found.cpu().numpy()
        return embeddings


class _Loaded(NamedTuple):
    hearing: Hearing
    digest: str
    reader: Callable[[], text_towers.Tower] | None  # loads the text tower


def _parted(source: str) -> tuple[str, int | None]:
    """A checkpoint and the layer; a folder whose own name holds an @ is taken as it stands."""
    place, at, layer = source.rpartition("@")
    if not at or hub.local(source) is not None:
        return source, None
    if not re.fullmatch(r"[0-9]+", layer):
        raise ValueError(
            f"transformers:{source}: there is no such folder, and {layer!r} is no layer: after the @ stands a number from "
            f"0 (what goes into the first layer), as in {place}@6"
        )
    return place, int(layer)


def _load(source: str, layer: int | None, precision: str) -> _Loaded:
    """Read a checkpoint; one that is in memory and unchanged on disk is not read again."""
    folder, names = speech_files.find(source)
    with _reading:  # the store's threads all ask at once: one reads, the others find it in memory
        return _read(source, folder, names, layer, devices.best(), precision, speech_files.stamp(folder, names))


@functools.lru_cache(maxsize=2)
def _read(
    source: str,
    folder: Path,
    names: tuple[str, ...],
    layer: int | None,
    device: str,
    precision: str,
    stamp: speech_files.Stamp,
) -> _Loaded:
    """Read a folder. `stamp` stands for what its files hold: part of the key under which the result stays in memory."""
    family, settings = _family(folder / files.CONFIG)
    config = speech_files.made(family.config, settings, folder / files.CONFIG)
    extractor = speech_files.made(
        family.extractor, files.read_json(folder / files.PREPROCESSOR), folder / files.PREPROCESSOR
    )
    model = _filled(family, config, folder, names)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    convolutions.replace(model.to(device), dtype)
    model = model.to(dtype).requires_grad_(False).eval()
    try:
        hearing = family.hearing(model, extractor, layer)
    except hub.CheckpointError as error:
        raise hub.CheckpointError(f"{folder}: {error}") from error
    settled = [declared(family.config, vars(config)), declared(family.extractor, vars(extractor)), layer]
    weights = [cache.file_digest(folder / name) for name in names]
    parts = json.dumps([weights, settled], sort_keys=True, default=str)
    reads = family.model is speech_text.BESIDE
    reader = functools.partial(speech_text.load, source, folder, names, device, dtype, stamp) if reads else None
    return _Loaded(hearing, hashlib.sha256(parts.encode()).hexdigest(), reader)


def _family(path: Path) -> tuple[Family, dict[str, Any]]:
    """The family of a checkpoint, and the settings of its encoder."""
    settings = files.read_json(path)
    kind = settings.get("model_type")
    if kind not in FAMILIES:
        raise hub.CheckpointError(f"{path}: model_type is {kind!r}; those that are read are {', '.join(FAMILIES)}")
    inner = FAMILIES[kind].settings
    return FAMILIES[kind], settings if inner is None else inner(settings)


def _filled(family: Family, config: Any, folder: Path, names: Sequence[str]) -> nn.Module:
    """The network with the weights of a folder's files, in float32."""
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):  # no memory, no random numbers
            model = family.model(config)
    except Exception as error:  # settings that cannot be show themselves in many ways
        raise hub.CheckpointError(f"{folder / files.CONFIG}: no model can have these settings ({error})") from error
    weights = speech_files.weights(folder, names, model.state_dict(), prefixes=family.prefixes)
    model.load_state_dict(weights, assign=True)
    return model
