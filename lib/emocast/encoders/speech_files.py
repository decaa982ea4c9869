"""The files of transformers' models: which of them hold the weights, and whether these are all there.

transformers' own `from_pretrained` gives random values to weights that a file lacks, and only warns; here every weight's
name and shape is checked. Of a checkpoint's settings only those that a class declares are taken: others can make
transformers fetch code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from . import checkpoint_files as files
from . import hub
from .speech_families import declared

_SHARDED = "model.safetensors.index.json"
_WEIGHTS = ("model.safetensors", _SHARDED, "pytorch_model.bin")  # the first that is there is read
_UNUSED = "masked_spec_embed"  # heard in training alone, and not in every file

#: When files were written and how long they are: name, nanoseconds and bytes of each.
Stamp = tuple[tuple[str, int, int], ...]


def find(source: str) -> tuple[Path, tuple[str, ...]]:
    """The folder of a checkpoint, and the names of its weights' files.

    Raises:
        hub.CheckpointError: it is missing or incomplete.
    """
    settings = files.CONFIG, files.PREPROCESSOR
    problems = []
    for file in _WEIGHTS:
        try:
            folder = hub.find(source, needed=(*settings, file))
        except hub.CheckpointError as error:
            problems.append(error)
            continue
        if file != _SHARDED:
            return folder, (file,)
        shards = _shards(folder / file)
        return hub.find(source, needed=(*settings, file, *shards)), shards
    also = f"(in place of {_WEIGHTS[0]}, {_WEIGHTS[2]} is read too)"
    raise hub.CheckpointError(f"{problems[0]} {also}", advice=problems[0].advice) from problems[0]


def _shards(index: Path) -> tuple[str, ...]:
    names = files.read_json(index).get("weight_map")
    shards = sorted({str(name) for name in names.values()}) if isinstance(names, dict) else []
    if not shards or not all(re.fullmatch(r"[\w-][\w.-]*\.safetensors", name) for name in shards):
        raise hub.CheckpointError(f"{index}: expected a weight_map to files beside it, found {shards}; get it again")
    return tuple(shards)


def stamp(folder: Path, names: Sequence[str]) -> Stamp:
    """What the files of a checkpoint hold, without reading them: as long as it is the same, so are they."""
    stats = [(name, (folder / name).stat()) for name in (files.CONFIG, files.PREPROCESSOR, *names)]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def made(kind: type, settings: Mapping[str, Any], path: Path) -> Any:
    """An object of transformers with those of the settings that its class declares.

    Args:
        kind: the class of a network's settings, or of what stands before the network.
        settings: from a checkpoint's file.
        path: that file, for the message of an error.

    Raises:
        hub.CheckpointError: they are impossible.
    """
    try:
        return kind(**declared(kind, settings))
    except Exception as error:  # a wrong value shows itself in many ways
        raise hub.CheckpointError(f"{path}: {kind.__name__} cannot have these settings ({error})") from error


def weights(
    folder: Path, names: Sequence[str], expected: Mapping[str, torch.Tensor], *, prefixes: Sequence[str] = ("",)
) -> dict[str, torch.Tensor]:
    """Those of a checkpoint's weights that a network has: heads, decoders and other towers are left out.

    Args:
        folder: of the checkpoint.
        names: of its weights' files.
        expected: what the network has, by its own names.
        prefixes: what may stand before these in a file; the first that fits counts.

    Returns:
        The weights, in memory of their own and in float32.

    Raises:
        hub.CheckpointError: a file is damaged, or a weight is missing or has another shape.
    """
    found: dict[str, torch.Tensor] = {}
    for name in names:
        found |= {files.new_name(key): tensor for key, tensor in files.read_tensors(folder / name).items()}
    where = ", ".join(str(folder / name) for name in names[:1]) + (" and its fellows" if len(names) > 1 else "")
    return _chosen(found, expected, prefixes, where)


def _chosen(
    found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor], prefixes: Sequence[str], where: str
) -> dict[str, torch.Tensor]:
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
