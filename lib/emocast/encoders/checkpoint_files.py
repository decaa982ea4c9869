"""The files of a checkpoint in SpeechBrain's format (`checkpoint.py`), each read as data, checked, and written.

What a file names is never made, imported or run: weights are read with `weights_only=True`, and of `config.json` only
the numbers and names of an architecture are taken. The recipe has a module of its own, `checkpoint_recipe.py`.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from transformers import Wav2Vec2Config

from .. import labels
from .checkpoint_recipe import DIMENSIONS
from .hub import CheckpointError

SAMPLE_RATE = 16_000  # Hz

RECIPE, ENCODER, HEAD, LABELS = "hyperparams.yaml", "wav2vec2.ckpt", "model.ckpt", "label_encoder.txt"
CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
NEEDED = (RECIPE, ENCODER, HEAD, LABELS)
OPTIONAL = (CONFIG, PREPROCESSOR)

#: SpeechBrain's codes for IEMOCAP's emotions; its "hap" holds excitement too. Other emotions go by their own names.
CODES = {"neu": "neutral", "ang": "anger", "hap": "happiness", "sad": "sadness"}

_OLD_NAMES = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}
_SEPARATOR = "================"  # exactly SpeechBrain's


def check_preprocessor(folder: Path) -> None:
    """Refuse a model that hears raw waveforms: `Checkpoint` normalises them."""
    path = folder / PREPROCESSOR
    if path.is_file() and read_json(path).get("do_normalize") is False:
        raise CheckpointError(f"{path}: do_normalize is false; only models with true are read")


def read_json(path: Path) -> dict[str, Any]:
    """The settings in a JSON file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path}: not valid JSON ({error}); get it again") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: expected an object of settings; get it again")
    return value


def architecture(config: Wav2Vec2Config) -> dict[str, Any]:
    """What `read_config` takes of a configuration."""
    return {name: getattr(config, name) for name in _architecture_names() if hasattr(config, name)}


def _architecture_names() -> set[str]:
    return set(inspect.signature(Wav2Vec2Config.__init__).parameters) - {"self", "kwargs"}


def read_config(folder: Path) -> Wav2Vec2Config:
    """The encoder's architecture; the defaults of transformers are those of facebook/wav2vec2-base."""
    settings = read_json(folder / CONFIG) if (folder / CONFIG).is_file() else {}
    if settings.get("model_type") is None:
        return Wav2Vec2Config()
    if settings["model_type"] != "wav2vec2":
        raise CheckpointError(
            f"{folder / CONFIG}: model_type is {settings['model_type']!r}; only wav2vec2 encoders are read"
        )
    known = _architecture_names()  # nothing else: some settings make transformers fetch code
    try:
        return Wav2Vec2Config(**{name: value for name, value in settings.items() if name in known})
    except Exception as error:  # a wrong value shows itself in many ways
        raise CheckpointError(f"{folder / CONFIG}: not the settings of a wav2vec2 encoder ({error})") from error


def read_emotions(path: Path) -> list[str]:
    """The emotion (`labels.EMOTIONS`) of each class of a classification."""
    return _read_labels(path, "emotion", CODES | {emotion: emotion for emotion in labels.EMOTIONS})


def check_dimensions(path: Path) -> None:
    """Refuse the units of a regression where they are not named valence and arousal, in this order."""
    found = _read_labels(path, "dimension", {dimension: dimension for dimension in DIMENSIONS})
    if found != list(DIMENSIONS):
        raise CheckpointError(f"{path}: expected the dimensions {', '.join(DIMENSIONS)}, found {', '.join(found)}")


def _read_labels(path: Path, kind: str, names: Mapping[str, str]) -> list[str]:
    """What each unit stands for, from lines such as `'neu' => 0` up to a line of `=`; `names` says what a code means."""
    found: dict[int, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if line.startswith("==="):
            break
        code, index = _read_label(line, f"{path}, line {number}")
        if code not in names:
            raise CheckpointError(f"{path}, line {number}: unknown {kind} {code!r}; known are {', '.join(names)}")
        if index in found:
            raise CheckpointError(f"{path}, line {number}: class {index} has two labels; get the file again")
        found[index] = names[code]
    if not found or sorted(found) != list(range(len(found))) or len(set(found.values())) != len(found):
        raise CheckpointError(f"{path}: expected labels of the classes 0, 1, 2 ..., found {found}; get the file again")
    return [found[index] for index in range(len(found))]


def _read_label(line: str, where: str) -> tuple[str, int]:
    parts = re.fullmatch(r"((['\"])[\w -]+\2) => (\d+)", line.strip())
    if parts is None:
        raise CheckpointError(f"{where}: expected a line such as 'neu' => 0, found {line!r}; get the file again")
    return ast.literal_eval(parts[1]), int(parts[3])


def read_weights(path: Path, shapes: Mapping[str, Sequence[int]]) -> dict[str, torch.Tensor]:
    """Read tensors of exactly these names and shapes, as float32; no code in the file is run.

    Raises:
        CheckpointError: the file is damaged, holds more than tensors, or names and shapes are others.
    """
    weights = {new_name(name): tensor for name, tensor in read_tensors(path).items()}
    check_weights(weights, shapes, str(path))
    return {name: tensor.to(torch.float32).contiguous() for name, tensor in weights.items()}


def check_weights(weights: Mapping[str, torch.Tensor], shapes: Mapping[str, Sequence[int]], where: str) -> None:
    """Refuse weights whose names or shapes are not the expected ones; `where` opens the message of the error."""
    hint = (
        f"expected is what {RECIPE} (objective, bias), {CONFIG} (without one: facebook/wav2vec2-base) and {LABELS} say; "
        f"get all files from one place"
    )
    for problem, names in (
        ("has no key", shapes.keys() - weights),
        ("has an unknown key", weights.keys() - shapes.keys()),
    ):
        if names:
            raise CheckpointError(f"{where}: {problem} {min(names)} ({len(names)} in all): {hint}")
    for name, shape in shapes.items():
        if tuple(weights[name].shape) != tuple(shape):
            found = tuple(weights[name].shape)
            raise CheckpointError(f"{where}: {name} has the shape {found}, expected {tuple(shape)}: {hint}")


def new_name(name: str) -> str:
    """The positional convolution's weights had other names before PyTorch 2.1."""
    start, _, end = name.rpartition(".")
    return f"{start}.{_OLD_NAMES[end]}" if end in _OLD_NAMES else name


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read named tensors, from safetensors or a file of PyTorch; no code in the file is run.

    Raises:
        CheckpointError: the file is damaged, or holds more than tensors.
    """
    with path.open("rb") as file:
        if file.read(23) == b"version https://git-lfs":
            raise CheckpointError(f"{path}: a git-LFS pointer stands in place of the weights; run `git lfs pull`")
    try:
        if path.suffix == ".safetensors":
            weights = safetensors.torch.load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file shows itself in many ways
        raise CheckpointError(
            f"{path}: not read as weights: damaged, or it holds more than tensors, which could run code; nothing of it was "
            f"run. Get it again from a source you trust"
        ) from error
    named = isinstance(weights, dict) and all(isinstance(name, str) for name in weights)
    if not named or not all(isinstance(value, torch.Tensor) for value in weights.values()):
        raise CheckpointError(f"{path}: expected named tensors and nothing else; get it again")
    return weights


def write_labels(path: Path, names: Sequence[str]) -> None:
    """Write what each unit of the first head stands for, as SpeechBrain's encoder of categories reads it."""
    codes = {emotion: code for code, emotion in CODES.items()}
    lines = [f"{codes.get(name, name)!r} => {index}" for index, name in enumerate(names)]
    path.write_text("\n".join([*lines, _SEPARATOR, "'starting_index' => 0", ""]), encoding="utf-8")


def write_architecture(folder: Path, config: Wav2Vec2Config) -> None:
    """Write the encoder's architecture, and how it hears, in transformers' manner."""
    (folder / CONFIG).write_text(config.to_json_string(use_diff=False), encoding="utf-8")
    hearing = {"do_normalize": True, "feature_size": 1, "padding_value": 0.0, "sampling_rate": SAMPLE_RATE}
    hearing["feature_extractor_type"] = "Wav2Vec2FeatureExtractor"
    (folder / PREPROCESSOR).write_text(json.dumps(hearing, indent=2) + "\n", encoding="utf-8")
