"""Emotion models on wav2vec 2.0, as folders in SpeechBrain's format: one reader and one writer.

The format is that of https://huggingface.co/speechbrain/emotion-recognition-wav2vec2-IEMOCAP (SpeechBrain: Ravanelli et
al. 2021, arXiv 2106.04624), for the three objectives of the thesis (section 4.2). A folder holds

- `hyperparams.yaml`: how SpeechBrain puts the parts together; read as data (`checkpoint_recipe.py`), its tags are not run
- `wav2vec2.ckpt`: the encoder, keys `model.` + the names of transformers' `Wav2Vec2Model`
- `model.ckpt`: the heads. Classification: `0.w.weight` of shape (classes, hidden), and `0.w.bias` where the recipe has it.
  Regression: `0.w.weight` of shape (2, hidden), valence and arousal. Multi-objective: the classification is head 0, the
  regression head 1
- `label_encoder.txt`: which class is which emotion; in a regression, which unit is which dimension
- `config.json`, `preprocessor_config.json` (not needed): the encoder's architecture in transformers' manner. Without it,
  or where it names no wav2vec 2.0 (the official one names an interface), the encoder is a `facebook/wav2vec2-base`.

A checkpoint is data: weights are read with `weights_only=True` and every key and shape is checked, no class named in
the folder is made, and no Python file is run or so much as downloaded.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from .. import cache, labels, paths
from .. import device as devices
from . import checkpoint_files as files
from . import checkpoint_recipe as recipes
from . import convolutions, hub
from .checkpoint_model import Checkpoint, Head
from .checkpoint_recipe import CLASSIFICATION

__all__ = ["OFFICIAL", "Checkpoint", "Head", "load", "save"]

OFFICIAL = "speechbrain/emotion-recognition-wav2vec2-IEMOCAP"


def load(source: Path | str, *, device: str = "auto", precision: str = "fp32") -> Checkpoint:
    """Read a checkpoint; one that is in memory and unchanged on disk is not read again.

    Args:
        source: a folder or a hub id such as `OFFICIAL`, looked for as `hub.find` says.
        device: where the encoder runs, in PyTorch's names; "auto" as `device.best` says.
        precision: "fp32", "bf16" or "auto" (`device.precision`): how the encoder computes.

    Returns:
        The model.

    Raises:
        ValueError: no such precision.
        hub.CheckpointError: the checkpoint is missing, damaged or of another kind; the message names the file.
    """
    folder = hub.find(source, needed=files.NEEDED, optional=files.OPTIONAL)
    present = [folder / name for name in (*files.NEEDED, *files.OPTIONAL) if (folder / name).is_file()]
    device = devices.best() if device == "auto" else device
    precision = devices.precision(precision)
    return _load(
        folder, device, precision, tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in present)
    )


@functools.lru_cache(maxsize=2)
def _load(folder: Path, device: str, precision: str, stamp: tuple[tuple[str, int, int], ...]) -> Checkpoint:
    """Read a folder. `stamp` stands for what its files hold: part of the key under which the result stays in memory."""
    recipe, config = recipes.read(folder / files.RECIPE), files.read_config(folder)
    files.check_preprocessor(folder)
    emotions = _emotions(folder / files.LABELS, recipe)
    model = _empty(config, folder)
    encoder = files.read_weights(folder / files.ENCODER, _shapes(model))
    heads = files.read_weights(folder / files.HEAD, recipe.shapes(len(emotions), config.hidden_size))
    model.load_state_dict({name.removeprefix("model."): tensor for name, tensor in encoder.items()}, assign=True)
    named = {
        name: Head(heads[recipes.weight_key(number)], heads.get(recipes.bias_key(number)))
        for number, name in enumerate(recipe.biases)
    }
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    convolutions.replace(model.to(device), dtype)
    return Checkpoint(model.to(dtype), recipe.objective, named, emotions, _digest(folder, config))


def _emotions(path: Path, recipe: recipes.Recipe) -> list[str]:
    if CLASSIFICATION in recipe.biases:
        return files.read_emotions(path)
    files.check_dimensions(path)
    return []


def _empty(config: Wav2Vec2Config, folder: Path) -> Wav2Vec2Model:
    """An encoder without weights: no memory is taken and no random number drawn for what is replaced at once."""
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            return Wav2Vec2Model(config)
    except Exception as error:  # settings that cannot be show themselves in many ways
        raise hub.CheckpointError(f"{folder / files.CONFIG}: no encoder can have these settings ({error})") from error


def _shapes(model: Wav2Vec2Model) -> dict[str, torch.Size]:
    return {f"model.{name}": tensor.shape for name, tensor in model.state_dict().items()}


def _digest(folder: Path, config: Wav2Vec2Config) -> str:
    architecture = json.dumps(files.architecture(config), sort_keys=True, default=str)
    return hashlib.sha256((cache.file_digest(folder / files.ENCODER) + architecture).encode()).hexdigest()


def save(
    folder: Path | str,
    *,
    encoder: Mapping[str, torch.Tensor],
    config: Wav2Vec2Config,
    objective: str,
    heads: Mapping[str, Head],
    emotions: Sequence[str] = (),
) -> Path:
    """Write a checkpoint that `load` reads, and SpeechBrain too (its `hyperparams.yaml` says how).

    Args:
        folder: takes its place whole when all files are written; an older one is replaced.
        encoder: the state dict of a `Wav2Vec2Model`, or of SpeechBrain's `Wav2Vec2` (whose keys begin with `model.`).
        config: the encoder's architecture.
        objective: "classification", "regression" or "multiobjective".
        heads: "classification", "regression" or both, as the objective has them; each with a bias or without. A
            regression's units are valence and arousal, in this order.
        emotions: the emotion (`labels.EMOTIONS`) of each class; none for a regression.

    Returns:
        The folder.

    Raises:
        ValueError: the objective or an emotion is unknown, an emotion is named twice, or heads, keys or shapes do not fit
            the objective, the architecture and the emotions.
    """
    folder = Path(folder)
    weights = {f"model.{name.removeprefix('model.')}": tensor.detach().cpu() for name, tensor in encoder.items()}
    files.check_weights(weights, _shapes(_empty(config, folder)), "encoder")
    recipe = _recipe_of(objective, heads, emotions)
    outputs = _head_weights([heads[name] for name in recipe.biases])
    files.check_weights(outputs, recipe.shapes(len(labels.ordered(emotions)), config.hidden_size), "heads")
    with paths.replacing(folder) as partial:
        partial.mkdir()
        torch.save(weights, partial / files.ENCODER)
        torch.save(outputs, partial / files.HEAD)
        recipes.write(partial / files.RECIPE, recipe, classes=len(emotions), hidden=config.hidden_size)
        files.write_labels(partial / files.LABELS, emotions or recipes.DIMENSIONS)
        files.write_architecture(partial, config)
        if folder.exists():
            folder.replace(partial.parent / ".old")  # inside the temporary folder, which is deleted
    return folder


def _recipe_of(objective: str, heads: Mapping[str, Head], emotions: Sequence[str]) -> recipes.Recipe:
    recipes.check_objective(objective, "the objective")
    expected = recipes.OBJECTIVES[objective]
    if set(heads) != set(expected):
        raise ValueError(f"{objective} has the heads {', '.join(expected)}; given are {', '.join(heads) or 'none'}")
    if bool(emotions) != (CLASSIFICATION in heads):
        raise ValueError(f"{objective}: emotions name the classes of a classification head, given are {list(emotions)}")
    return recipes.Recipe(objective, {name: heads[name].bias is not None for name in expected})


def _head_weights(heads: Sequence[Head]) -> dict[str, torch.Tensor]:
    weights = {}
    for number, head in enumerate(heads):
        weights[recipes.weight_key(number)] = head.weight.detach().cpu().clone()  # a view would save all it looks into
        if head.bias is not None:
            weights[recipes.bias_key(number)] = head.bias.detach().cpu().clone()
    return weights
