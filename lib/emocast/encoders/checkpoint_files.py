"""The files of a checkpoint in SpeechBrain's format (`checkpoint.py`), each read as data, checked, and written.

What a file names is never made, imported or run: tags in the recipe are dropped, weights are read with
`weights_only=True`, and of `config.json` only the numbers and names of an architecture are taken.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from transformers import Wav2Vec2Config

from .. import labels, paths
from .hub import CheckpointError

SAMPLE_RATE = 16_000  # Hz

RECIPE, ENCODER, HEAD, LABELS = "hyperparams.yaml", "wav2vec2.ckpt", "model.ckpt", "label_encoder.txt"
CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
NEEDED = (RECIPE, ENCODER, HEAD, LABELS)
OPTIONAL = (CONFIG, PREPROCESSOR)
HEAD_KEY = "0.w.weight"

#: SpeechBrain's codes for IEMOCAP's emotions; its "hap" holds excitement too. Other emotions go by their own names.
CODES = {"neu": "neutral", "ang": "anger", "hap": "happiness", "sad": "sadness"}

_OLD_NAMES = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}
_SEPARATOR = "================"  # exactly SpeechBrain's
_TEMPLATE = paths.TEMPLATES / "speechbrain_hyperparams.yaml"


class _PlainLoader(yaml.SafeLoader):
    """Reads HyperPyYAML as plain data: what a tag would make, import or run is left as the values below the tag."""


def _plain(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_PlainLoader.add_multi_constructor("", _plain)


def check_recipe(folder: Path) -> None:
    """Refuse a recipe that would normalise otherwise than `Checkpoint` does: its embeddings would be wrong in silence."""
    path = folder / RECIPE
    try:
        recipe = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)  # a SafeLoader: makes plain data only
        normal = recipe["wav2vec2"]["output_norm"]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path}: not read as SpeechBrain's recipe of a wav2vec2 classifier; get it again"
        ) from error
    if normal is not True:
        raise CheckpointError(
            f"{path}: wav2vec2.output_norm is {normal!r}; only models with output_norm: True are read"
        )
    if (folder / PREPROCESSOR).is_file() and _read_json(folder / PREPROCESSOR).get("do_normalize") is False:
        raise CheckpointError(f"{folder / PREPROCESSOR}: do_normalize is false; only models with true are read")


def _read_json(path: Path) -> dict[str, Any]:
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
    settings = _read_json(folder / CONFIG) if (folder / CONFIG).is_file() else {}
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


def read_labels(path: Path) -> list[str]:
    """The emotion of each class, from lines such as `'neu' => 0` up to a line of `=`."""
    found: dict[int, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if line.startswith("==="):
            break
        code, index = _read_label(line, f"{path}, line {number}")
        if index in found:
            raise CheckpointError(f"{path}, line {number}: class {index} has two labels; get the file again")
        found[index] = CODES.get(code, code)
    if not found or sorted(found) != list(range(len(found))) or len(set(found.values())) != len(found):
        raise CheckpointError(f"{path}: expected labels of the classes 0, 1, 2 ..., found {found}; get the file again")
    return [found[index] for index in range(len(found))]


def _read_label(line: str, where: str) -> tuple[str, int]:
    parts = re.fullmatch(r"((['\"])[\w -]+\2) => (\d+)", line.strip())
    if parts is None:
        raise CheckpointError(f"{where}: expected a line such as 'neu' => 0, found {line!r}; get the file again")
    code = ast.literal_eval(parts[1])
    if CODES.get(code, code) not in labels.EMOTIONS:
        raise CheckpointError(f"{where}: unknown emotion {code!r}; known are {', '.join([*CODES, *labels.EMOTIONS])}")
    return code, int(parts[3])


def read_weights(path: Path, shapes: Mapping[str, Sequence[int]]) -> dict[str, torch.Tensor]:
    """Read tensors of exactly these names and shapes, as float32; no code in the file is run.

    Raises:
        CheckpointError: the file is damaged, holds more than tensors, or names and shapes are others.
    """
    weights = {_new_name(name): tensor for name, tensor in _unpickle(path).items()}
    check_weights(weights, shapes, str(path))
    return {name: tensor.to(torch.float32).contiguous() for name, tensor in weights.items()}


def check_weights(weights: Mapping[str, torch.Tensor], shapes: Mapping[str, Sequence[int]], where: str) -> None:
    """Refuse weights whose names or shapes are not the expected ones; `where` opens the message of the error."""
    hint = f"expected is what {CONFIG} (without one: facebook/wav2vec2-base) and {LABELS} say; get all files from one place"
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


def _new_name(name: str) -> str:
    """The positional convolution's weights had other names before PyTorch 2.1."""
    start, _, end = name.rpartition(".")
    return f"{start}.{_OLD_NAMES[end]}" if end in _OLD_NAMES else name


def _unpickle(path: Path) -> dict[str, torch.Tensor]:
    with path.open("rb") as file:
        if file.read(23) == b"version https://git-lfs":
            raise CheckpointError(f"{path}: a git-LFS pointer stands in place of the weights; run `git lfs pull`")
    try:
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


def write_texts(folder: Path, config: Wav2Vec2Config, emotions: Sequence[str]) -> None:
    """Write all files but the weights."""
    codes = {emotion: code for code, emotion in CODES.items()}
    lines = [f"{codes.get(emotion, emotion)!r} => {index}" for index, emotion in enumerate(emotions)]
    (folder / LABELS).write_text("\n".join([*lines, _SEPARATOR, "'starting_index' => 0", ""]), encoding="utf-8")
    recipe = _TEMPLATE.read_text(encoding="utf-8")
    recipe = recipe.replace("{hidden}", str(config.hidden_size)).replace("{classes}", str(len(emotions)))
    (folder / RECIPE).write_text(recipe, encoding="utf-8")
    (folder / CONFIG).write_text(config.to_json_string(use_diff=False), encoding="utf-8")
    hearing = {"do_normalize": True, "feature_size": 1, "padding_value": 0.0, "sampling_rate": SAMPLE_RATE}
    hearing["feature_extractor_type"] = "Wav2Vec2FeatureExtractor"
    (folder / PREPROCESSOR).write_text(json.dumps(hearing, indent=2) + "\n", encoding="utf-8")
