"""The speech models of transformers as encoders, from a folder or the model hub.

A checkpoint holds `config.json`, `preprocessor_config.json` and weights: `model.safetensors`, the shards that
`model.safetensors.index.json` lists, or `pytorch_model.bin`. How each family hears is in `speech_families.py`; here is
what all have in common. transformers' own `from_pretrained` gives random values to weights that a file lacks, and only
warns; here every weight's name and shape is checked. Nothing that a checkpoint names is imported or run, and of its
settings only those that a family's class declares are taken.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from .. import cache
from .. import device as devices
from . import batches, convolutions, hub
from . import checkpoint_files as files
from .speech_families import FAMILIES, Family, Hearing, declared

_SHARDED = "model.safetensors.index.json"
_WEIGHTS = ("model.safetensors", _SHARDED, "pytorch_model.bin")  # the first that is there is read
_UNUSED = "masked_spec_embed"  # heard in training alone, and not in every file

_reading = threading.Lock()


class SpeechModel:
    """The embeddings of one of transformers' speech models.

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
    folder, names = _find(source)
    stats = [(name, (folder / name).stat()) for name in (files.CONFIG, files.PREPROCESSOR, *names)]
    stamp = tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
    with _reading:  # the store's threads all ask at once: one reads, the others find it in memory
        return _read(folder, names, layer, devices.best(), precision, stamp)


def _find(source: str) -> tuple[Path, tuple[str, ...]]:
    """The folder of a checkpoint, and the names of its weights' files."""
    settings = (files.CONFIG, files.PREPROCESSOR)
    problems = []
    for weights in _WEIGHTS:
        try:
            folder = hub.find(source, needed=(*settings, weights))
        except hub.CheckpointError as error:
            problems.append(error)
            continue
        if weights != _SHARDED:
            return folder, (weights,)
        shards = _shards(folder / weights)
        return hub.find(source, needed=(*settings, weights, *shards)), shards
    raise hub.CheckpointError(f"{problems[0]} (in place of {_WEIGHTS[0]}, {_WEIGHTS[2]} is read too)") from problems[0]


def _shards(index: Path) -> tuple[str, ...]:
    names = files.read_json(index).get("weight_map")
    shards = sorted({str(name) for name in names.values()}) if isinstance(names, dict) else []
    if not shards or not all(re.fullmatch(r"[\w-][\w.-]*\.safetensors", name) for name in shards):
        raise hub.CheckpointError(f"{index}: expected a weight_map to files beside it, found {shards}; get it again")
    return tuple(shards)


@functools.lru_cache(maxsize=2)
def _read(
    folder: Path,
    names: tuple[str, ...],
    layer: int | None,
    device: str,
    precision: str,
    stamp: tuple[tuple[str, int, int], ...],
) -> _Loaded:
    """Read a folder. `stamp` stands for what its files hold: part of the key under which the result stays in memory."""
    family, settings = _family(folder / files.CONFIG)
    config = _made(family.config, settings, folder / files.CONFIG)
    extractor = _made(family.extractor, files.read_json(folder / files.PREPROCESSOR), folder / files.PREPROCESSOR)
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
    return _Loaded(hearing, hashlib.sha256(parts.encode()).hexdigest())


def _family(path: Path) -> tuple[Family, dict[str, Any]]:
    """The family of a checkpoint, and the settings of its encoder."""
    settings = files.read_json(path)
    kind = settings.get("model_type")
    if kind not in FAMILIES:
        raise hub.CheckpointError(f"{path}: model_type is {kind!r}; those that are read are {', '.join(FAMILIES)}")
    inner = FAMILIES[kind].settings
    return FAMILIES[kind], settings if inner is None else inner(settings)


def _made(kind: type, settings: Mapping[str, Any], path: Path) -> Any:
    """An object of transformers with those of the settings that its class declares: others can make it fetch code."""
    try:
        return kind(**declared(kind, settings))
    except Exception as error:  # a wrong value shows itself in many ways
        raise hub.CheckpointError(f"{path}: {kind.__name__} cannot have these settings ({error})") from error


def _filled(family: Family, config: Any, folder: Path, names: Sequence[str]) -> nn.Module:
    """The network with the weights of a folder's files, in float32."""
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):  # no memory, no random numbers
            model = family.model(config)
    except Exception as error:  # settings that cannot be show themselves in many ways
        raise hub.CheckpointError(f"{folder / files.CONFIG}: no model can have these settings ({error})") from error
    found: dict[str, torch.Tensor] = {}
    for name in names:
        found |= {files.new_name(key): tensor for key, tensor in files.read_tensors(folder / name).items()}
    where = ", ".join(str(folder / name) for name in names[:1]) + (" and its fellows" if len(names) > 1 else "")
    model.load_state_dict(_chosen(found, model.state_dict(), family.prefixes, where), assign=True)
    return model


def _chosen(
    found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor], prefixes: Sequence[str], where: str
) -> dict[str, torch.Tensor]:
    """The weights that an encoder has among all that a file holds: heads and decoders are left out."""
    chosen = {}
    for name in expected:
        keys = [f"{prefix}{name}" for prefix in prefixes if f"{prefix}{name}" in found]
        if keys:
            chosen[name] = found[keys[0]]
        elif name == _UNUSED:
            chosen[name] = torch.zeros(expected[name].shape)
    if missing := sorted(expected.keys() - chosen.keys()):
        some = ", ".join(missing[:3])
        raise hub.CheckpointError(
            f"{where}: no weights {some} ({len(missing)} in all), which {files.CONFIG} asks for; get both from one place"
        )
    wrong = [name for name, tensor in chosen.items() if tensor.shape != expected[name].shape]
    if wrong:
        name, shape = wrong[0], tuple(expected[wrong[0]].shape)
        raise hub.CheckpointError(
            f"{where}: {name} has the shape {tuple(chosen[name].shape)}, by {files.CONFIG} it would be {shape} "
            f"({len(wrong)} such in all); get both from one place"
        )
    return {name: _own(tensor) for name, tensor in chosen.items()}


def _own(tensor: torch.Tensor) -> torch.Tensor:
    """A weight in memory of its own: one that is mapped from a file would change with the file."""
    return tensor.to(torch.float32 if tensor.is_floating_point() else tensor.dtype, copy=True)
