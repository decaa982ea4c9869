"""Emotion models on wav2vec 2.0, as folders in SpeechBrain's format: one reader, one writer, and the encoder `wav2vec2:`.

The format is that of https://huggingface.co/speechbrain/emotion-recognition-wav2vec2-IEMOCAP (SpeechBrain: Ravanelli et
al. 2021, arXiv 2106.04624), for the three objectives of the thesis (section 4.2): `hyperparams.yaml` (the recipe, whose key
`objective` the official file lacks), `wav2vec2.ckpt` (the encoder), `model.ckpt` (the heads) and `label_encoder.txt` (what
their units stand for). Without a `config.json`, or where it names no wav2vec 2.0, the encoder is a `facebook/wav2vec2-base`.

A checkpoint is data: weights are read with `weights_only=True` and every key and shape is checked, no class named in
the folder is made, no tag of the recipe run, and no Python file run or so much as downloaded.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import torch
import yaml
from torch import nn
from torch.nn import functional
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from .. import compute, labels, paths
from . import hub
from .hub import CheckpointError, embed_batches

OFFICIAL = "speechbrain/emotion-recognition-wav2vec2-IEMOCAP"
SAMPLE_RATE = 16_000  # Hz

RECIPE, ENCODER, HEAD, LABELS = "hyperparams.yaml", "wav2vec2.ckpt", "model.ckpt", "label_encoder.txt"
CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
NEEDED, OPTIONAL = (RECIPE, ENCODER, HEAD, LABELS), (CONFIG, PREPROCESSOR)

CLASSIFICATION, REGRESSION = "classification", "regression"
#: The heads of each objective, in the order of their numbers.
OBJECTIVES: dict[str, tuple[str, ...]] = {
    "classification": (CLASSIFICATION,),
    "regression": (REGRESSION,),
    "multiobjective": (CLASSIFICATION, REGRESSION),
}
#: What a regression's units stand for.
DIMENSIONS = ("valence", "arousal")
#: SpeechBrain's codes for IEMOCAP's emotions; its "hap" holds excitement too. Other emotions go by their own names.
CODES = {"neu": "neutral", "ang": "anger", "hap": "happiness", "sad": "sadness"}

_SECTIONS = ("output_mlp", "regression_mlp")  # of the first and of the second head, in the recipe
_SEPARATOR = "================"  # exactly SpeechBrain's
_EXPECTED = (
    f"what {RECIPE} (objective, bias), {CONFIG} (without one: facebook/wav2vec2-base) and {LABELS} say; get all files from "
    f"one place"
)


@dataclass(frozen=True, eq=False)  # tensors have no single truth of being equal
class Head:
    """A linear layer on an embedding: weight of shape (units, hidden), and a bias of shape (units,) or none."""

    weight: torch.Tensor
    bias: torch.Tensor | None = None

    def __call__(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Apply it to embeddings of shape (n, hidden): shape (n, units)."""
        return functional.linear(embeddings, self.weight, self.bias)


class Checkpoint(nn.Module):
    """An emotion model: encoder, pooling and heads, exactly as SpeechBrain's recipe has them; no gradients.

    waveform, normalised -> wav2vec 2.0 -> its output normalised over time and channels -> mean over time = the embedding
    -> one linear head a task (the thesis, section 4.2.3, averages after the heads: the same, for they are linear).

    Attributes:
        objective: one of `OBJECTIVES`; heads: the head of each task that it has, by name.
        emotions: the emotion (`labels.EMOTIONS`) of each class of a classification; dimensions: `DIMENSIONS` of a regression.
        dimension: how many values an embedding has; shortest: how many samples one frame needs (400, 25 ms, in the base model).
        digest: SHA-256 of what determines an embedding: the encoder's file and configuration, not the heads.
    """

    def __init__(
        self, model: Wav2Vec2Model, objective: str, heads: Mapping[str, Head], emotions: Sequence[str], digest: str
    ) -> None:
        """Put loaded parts together: see `load`."""
        super().__init__()
        self.model = model
        self.objective = objective
        self.heads = dict(heads)  # they stay on the processor, where embeddings come back to: they are small
        self.emotions = tuple(emotions)
        self.dimensions = DIMENSIONS if REGRESSION in heads else ()
        self.dimension = model.config.hidden_size
        self.shortest = shortest(model.config.conv_kernel, model.config.conv_stride)
        self.digest = digest
        self.requires_grad_(False).eval()

    def embed(self, waveforms: Sequence[Any]) -> torch.Tensor:
        """Embed n waveforms at 16 kHz, each (samples,): float32, shape (n, dimension); see `hub.embed_batches`."""
        found = embed_batches(waveforms, self._embed, dimension=self.dimension, shortest=self.shortest)
        return torch.from_numpy(found)

    def _embed(self, batch: torch.Tensor) -> torch.Tensor:
        batch = batch.to(self.model.device)
        normal = functional.layer_norm(batch, batch.shape[1:])  # in float32, whatever the encoder computes in
        hidden = self.model(normal.to(self.model.dtype)).last_hidden_state.float()
        return functional.layer_norm(hidden, hidden.shape[1:]).mean(dim=1)

    def outputs(self, waveforms: Sequence[Any]) -> dict[str, torch.Tensor]:
        """What all heads say of waveforms (as for `embed`), in one pass through the encoder: see `of_embeddings`."""
        return self.of_embeddings(self.embed(waveforms))

    def of_embeddings(self, embeddings: torch.Tensor) -> dict[str, torch.Tensor]:
        """What all heads that the model has say of embeddings, float32 of shape (n, dimension), as the store gives them.

        "classification": probabilities of `emotions`, shape (n, classes); "regression": values of `dimensions`, shape (n, 2),
        on the scale that the model was trained on. Both float32, on the processor.
        """
        found = {name: head(embeddings) for name, head in self.heads.items()}
        if CLASSIFICATION in found:
            found[CLASSIFICATION] = found[CLASSIFICATION].softmax(dim=-1)
        return found

    def classify(self, waveforms: Sequence[Any]) -> torch.Tensor:
        """The classification of `outputs` alone; KeyError where the model has no such head."""
        return self.outputs(waveforms)[CLASSIFICATION]


class Wav2Vec2:
    """The embeddings of one checkpoint: the preprint's, 768 values with `OFFICIAL`. For arguments and errors see `load`."""

    sample_rate = SAMPLE_RATE
    threaded = True

    def __init__(self, source: str, precision: str = "fp32") -> None:
        """Read the checkpoint."""
        self.name, self.precision = f"wav2vec2:{source}", precision
        self.checkpoint = load(source, precision=precision)
        self.dimension, self.digest = self.checkpoint.dimension, self.checkpoint.digest

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at 16 kHz, each of shape (samples,): float32, shape (n, dimension); see `Checkpoint.embed`."""
        return self.checkpoint.embed(waveforms).numpy()


def shortest(kernels: Sequence[int], strides: Sequence[int]) -> int:
    """The samples that one frame of a wav2vec 2.0 needs, from its convolutions' kernels and strides."""
    samples = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples


def load(source: Path | str, *, precision: str = "fp32") -> Checkpoint:
    """Read a checkpoint; one that is in memory and unchanged on disk is not read again.

    Args:
        source: a folder or a hub id such as `OFFICIAL`, looked for as `hub.find` says; a hub.CheckpointError names the file
            that is missing, damaged or of another kind.
        precision: "fp32", "bf16" or "auto" (`compute.precision`): how the encoder computes.
    """
    folder = hub.find(source, needed=NEEDED, optional=OPTIONAL)
    present = [folder / name for name in (*NEEDED, *OPTIONAL) if (folder / name).is_file()]
    return hub.loaded(_load, *present, options=(folder, compute.best_device(), compute.precision(precision)))


@functools.lru_cache(maxsize=2)
def _load(*given: Any) -> Checkpoint:
    """Read a folder. Its files and their stamp are part of the key under which the result stays in memory."""
    *_, folder, device, precision = given
    (objective, biases), config = _read_recipe(folder / RECIPE), read_config(folder)
    check_preprocessor(folder)
    names = _read_labels(folder / LABELS, regression=CLASSIFICATION not in biases)
    emotions = names if CLASSIFICATION in biases else []
    model = _empty(config, folder)
    encoder, outputs = hub.read_tensors(folder / ENCODER), hub.read_tensors(folder / HEAD)
    hub.check(encoder, _shapes(model), folder / ENCODER, expected=_EXPECTED)
    hub.check(outputs, _head_shapes(biases, len(emotions), config.hidden_size), folder / HEAD, expected=_EXPECTED)
    model.load_state_dict({name.removeprefix("model."): value.float() for name, value in encoder.items()}, assign=True)
    parts = {name: value.float().contiguous() for name, value in outputs.items()}
    heads = {name: Head(parts[f"{n}.w.weight"], parts.get(f"{n}.w.bias")) for n, name in enumerate(biases)}
    model = model.to(device, torch.bfloat16 if precision == "bf16" else torch.float32)
    return Checkpoint(
        model,
        objective,
        heads,
        emotions,
        hub.digest(folder / ENCODER, settings=hub.declared(Wav2Vec2Config, vars(config))),
    )


def _empty(config: Wav2Vec2Config, folder: Path) -> Wav2Vec2Model:
    """An encoder without weights: no memory is taken and no random number drawn for what is replaced at once."""
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            return Wav2Vec2Model(config)
    except Exception as error:  # settings that cannot be show themselves in many ways
        raise CheckpointError(f"{folder / CONFIG}: no encoder can have these settings ({error})") from error


def _shapes(model: Wav2Vec2Model) -> dict[str, torch.Size]:
    return {f"model.{name}": tensor.shape for name, tensor in model.state_dict().items()}


def _head_shapes(biases: Mapping[str, bool], classes: int, hidden: int) -> dict[str, tuple[int, ...]]:
    """The weights in `model.ckpt`: SpeechBrain's `Linear`, called `w`, in a list of modules."""
    shapes: dict[str, tuple[int, ...]] = {}
    for number, (name, bias) in enumerate(biases.items()):
        units = classes if name == CLASSIFICATION else len(DIMENSIONS)
        shapes |= {f"{number}.w.weight": (units, hidden)} | ({f"{number}.w.bias": (units,)} if bias else {})
    return shapes


class _PlainLoader(yaml.SafeLoader):
    """Reads HyperPyYAML as plain data: what a tag would make, import or run is left as the values below the tag."""

    def plain(self, suffix: str, node: yaml.Node) -> Any:
        """The values below a tag."""
        if isinstance(node, yaml.ScalarNode):
            return self.construct_scalar(node)
        made = self.construct_mapping if isinstance(node, yaml.MappingNode) else self.construct_sequence
        return made(node, deep=True)


_PlainLoader.add_multi_constructor("", _PlainLoader.plain)


def _read_recipe(path: Path) -> tuple[str, dict[str, bool]]:
    """The objective, and for each of its heads whether it has a bias."""
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)  # a SafeLoader: makes plain data only
        normal = found["wav2vec2"]["output_norm"]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: not read as SpeechBrain's recipe of a wav2vec2 model; get it again") from error
    if normal is not True:
        raise CheckpointError(
            f"{path}: wav2vec2.output_norm is {normal!r}; only models with output_norm: True are read"
        )
    objective, biases = _known(found.get("objective", "classification"), f"{path}: objective"), {}
    for name, section in zip(OBJECTIVES[objective], _SECTIONS, strict=False):  # most objectives have one head only
        if not isinstance(found.get(section), dict):
            raise CheckpointError(f"{path}: no settings of a head under {section}; get it again")
        biases[name] = found[section].get("bias", True)
        if not isinstance(biases[name], bool):
            raise CheckpointError(
                f"{path}: {section}.bias is {biases[name]!r}; write True or False, as its weights have one or not"
            )
    return objective, biases


def _known(objective: Any, where: str) -> str:
    if objective not in tuple(OBJECTIVES):
        raise CheckpointError(f"{where} is {objective!r}; known are {', '.join(OBJECTIVES)}")
    return objective


def check_preprocessor(folder: Path) -> None:
    """Refuse a model of raw waveforms (CheckpointError): `Checkpoint` normalises them."""
    path = folder / PREPROCESSOR
    if path.is_file() and hub.read_json(path).get("do_normalize") is False:
        raise CheckpointError(f"{path}: do_normalize is false; only models with true are read")


def read_config(folder: Path) -> Wav2Vec2Config:
    """The encoder's architecture; the defaults of transformers are those of facebook/wav2vec2-base."""
    path = folder / CONFIG
    settings = hub.read_json(path) if path.is_file() else {}
    if settings.get("model_type") not in (None, "wav2vec2"):
        raise CheckpointError(f"{path}: model_type is {settings['model_type']!r}; only wav2vec2 encoders are read")
    return hub.made(Wav2Vec2Config, settings if settings.get("model_type") else {}, path)


def _read_labels(path: Path, *, regression: bool) -> list[str]:
    """What each unit of the first head stands for, from lines such as `'neu' => 0` up to a line of `=`."""
    kind, found = ("dimension" if regression else "emotion"), {}
    names = {name: name for name in (DIMENSIONS if regression else labels.EMOTIONS)} | ({} if regression else CODES)
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if line.startswith("==="):
            break
        where, parts = f"{path}, line {number}", re.fullmatch(r"(['\"])([\w -]+)\1 => (\d+)", line.strip())
        if parts is None:
            raise CheckpointError(f"{where}: expected a line such as 'neu' => 0, found {line!r}; get the file again")
        code, index = parts[2], int(parts[3])
        if code not in names:
            raise CheckpointError(f"{where}: unknown {kind} {code!r}; known are {', '.join(names)}")
        if index in found:
            raise CheckpointError(f"{where}: class {index} has two labels; get the file again")
        found[index] = names[code]
    ordered = [found[index] for index in sorted(found)]
    if not found or max(found) >= len(found) or len(set(ordered)) != len(found):
        raise CheckpointError(f"{path}: expected labels of the classes 0, 1, 2 ..., found {found}; get the file again")
    if regression and ordered != list(DIMENSIONS):
        raise CheckpointError(f"{path}: expected the dimensions {', '.join(DIMENSIONS)}, found {', '.join(ordered)}")
    return ordered


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
        objective: one of `OBJECTIVES`; a ValueError says what does not fit it.
        heads: those of the objective, by name; a regression's units are valence and arousal, in this order.
        emotions: the emotion (`labels.EMOTIONS`) of each class; none for a regression.
    """
    folder, expected = Path(folder), OBJECTIVES[_known(objective, "the objective")]
    if set(heads) != set(expected):
        raise ValueError(f"{objective} has the heads {', '.join(expected)}; given are {', '.join(heads) or 'none'}")
    if bool(emotions) != (CLASSIFICATION in heads):
        raise ValueError(f"{objective}: emotions name the classes of a classification head, given are {list(emotions)}")
    weights = {f"model.{name.removeprefix('model.')}": tensor.detach().cpu() for name, tensor in encoder.items()}
    hub.check(weights, _shapes(_empty(config, folder)), "encoder", expected=_EXPECTED)
    biases, outputs = {name: heads[name].bias is not None for name in expected}, {}
    for number, name in enumerate(expected):
        for part, tensor in (("weight", heads[name].weight), ("bias", heads[name].bias)):
            if tensor is not None:
                outputs[f"{number}.w.{part}"] = tensor.detach().cpu().clone()  # a view would save all it looks into
    shapes = _head_shapes(biases, len(labels.ordered(emotions)), config.hidden_size)
    hub.check(outputs, shapes, "heads", expected=_EXPECTED)
    with paths.replacing(folder) as partial:
        partial.mkdir()
        torch.save(weights, partial / ENCODER)
        torch.save(outputs, partial / HEAD)
        parts = [
            {"name": name, "section": section, "units": shapes[f"{number}.w.weight"][0], "bias": biases[name]}
            for number, (name, section) in enumerate(zip(expected, _SECTIONS, strict=False))
        ]
        options = {"loader": jinja2.FileSystemLoader(paths.TEMPLATES), "keep_trailing_newline": True}
        recipe = jinja2.Environment(trim_blocks=True, **options).get_template("speechbrain_hyperparams.yaml")
        text = recipe.render(objective=objective, heads=parts, hidden=config.hidden_size)
        (partial / RECIPE).write_text(text, encoding="utf-8")
        codes = {emotion: code for code, emotion in CODES.items()}
        lines = [f"{codes.get(name, name)!r} => {index}" for index, name in enumerate(emotions or DIMENSIONS)]
        text = "\n".join([*lines, _SEPARATOR, "'starting_index' => 0", ""])
        (partial / LABELS).write_text(text, encoding="utf-8")
        (partial / CONFIG).write_text(config.to_json_string(use_diff=False), encoding="utf-8")
        Wav2Vec2FeatureExtractor().save_pretrained(partial)
        if folder.exists():
            folder.replace(partial.parent / ".old")  # inside the temporary folder, which is deleted
    return folder
