"""Emotion models on wav2vec 2.0, as folders in SpeechBrain's format: one reader, one writer, and the encoder `wav2vec2:`.

The format is that of https://huggingface.co/speechbrain/emotion-recognition-wav2vec2-IEMOCAP (SpeechBrain: Ravanelli et
al. 2021, arXiv 2106.04624), for the three objectives of the thesis (section 4.2): `hyperparams.yaml` (the recipe, whose key
`objective` the official file lacks), `wav2vec2.ckpt` (the encoder), `model.ckpt` (the heads) and `label_encoder.txt` (what
their units stand for). Without a `config.json`, or where it names no wav2vec 2.0, the encoder is a `facebook/wav2vec2-base`.

A checkpoint is data: every key and shape is checked, no class named in the folder is made, no tag of the recipe run, and no
Python file run or so much as downloaded.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import torch
import yaml
from torch.nn import functional
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from .. import compute, labels, paths
from . import hub
from .hub import CheckpointError

OFFICIAL = "speechbrain/emotion-recognition-wav2vec2-IEMOCAP"
SAMPLE_RATE = 16_000  # Hz

RECIPE, ENCODER, HEAD, LABELS = "hyperparams.yaml", "wav2vec2.ckpt", "model.ckpt", "label_encoder.txt"
CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
NEEDED, OPTIONAL = (RECIPE, ENCODER, HEAD, LABELS), (CONFIG, PREPROCESSOR)

CLASSIFICATION, REGRESSION = "classification", "regression"
#: The heads of each objective, in the order of their numbers.
OBJECTIVES: dict[str, tuple[str, ...]] = {kind: (kind,) for kind in (CLASSIFICATION, REGRESSION)}
OBJECTIVES["multiobjective"] = (CLASSIFICATION, REGRESSION)
#: What a regression's units stand for.
DIMENSIONS = ("valence", "arousal")
#: SpeechBrain's codes for IEMOCAP's emotions; its "hap" holds excitement too. Other emotions go by their own names.
CODES = {"neu": "neutral", "ang": "anger", "hap": "happiness", "sad": "sadness"}

_SECTIONS = ("output_mlp", "regression_mlp")  # of the first and of the second head, in the recipe
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


class Wav2Vec2:
    """An emotion model: encoder, pooling and heads, exactly as SpeechBrain's recipe has them; no gradients.

    waveform, normalised -> wav2vec 2.0 -> its output normalised over time and channels -> mean over time = the embedding, 768
    values with `OFFICIAL` -> one linear head a task (the thesis, section 4.2.3, averages after the heads: the same, for they
    are linear).

    Attributes:
        objective, heads: one of `OBJECTIVES`, and the head of each task that it has, by name.
        emotions, dimensions: the emotion (`labels.EMOTIONS`) of each class of a classification; `DIMENSIONS` of a regression.
        shortest: how many samples one frame needs (400, 25 ms, in the base model).
        digest: SHA-256 of what determines an embedding: the encoder's file and configuration, not the heads.
    """

    sample_rate, threaded = SAMPLE_RATE, True

    def __init__(self, source: Path | str, precision: str = "fp32") -> None:
        """Read a checkpoint: see `load`."""
        self.name, self.precision = f"wav2vec2:{source}", compute.precision(precision)
        folder = hub.find(source, needed=NEEDED, optional=OPTIONAL)
        present = [folder / name for name in (*NEEDED, *OPTIONAL) if (folder / name).is_file()]
        options = (folder, compute.best_device(), self.precision)
        self.model, self.objective, self.heads, self.emotions, self.digest = hub.loaded(
            _load, *present, options=options
        )
        self.dimensions = DIMENSIONS if REGRESSION in self.heads else ()
        self.dimension = self.model.config.hidden_size
        self.shortest = shortest(self.model.config.conv_kernel, self.model.config.conv_stride)

    @staticmethod
    def weights(source: str) -> list[Path]:
        """The file that holds the encoder's weights; CheckpointError where the checkpoint is incomplete."""
        return [hub.find(source, needed=NEEDED, optional=OPTIONAL) / ENCODER]

    def encode(self, waveforms: Sequence[Any]) -> np.ndarray:
        """Embed n waveforms at 16 kHz, each (samples,): float32, shape (n, dimension); see `hub.embed_batches`."""
        return hub.embed_batches(waveforms, self._embed, dimension=self.dimension, shortest=self.shortest)

    def _embed(self, batch: torch.Tensor) -> torch.Tensor:
        batch = batch.to(self.model.device)
        normal = functional.layer_norm(batch, batch.shape[1:])  # in float32, whatever the encoder computes in
        if _SHARED is None:
            hidden = self.model(normal.to(self.model.dtype)).last_hidden_state.float()
        else:
            frames = _frames(self.model.feature_extractor, normal.to(self.model.dtype)).transpose(1, 2)
            hidden = self.model.encoder(self.model.feature_projection(frames)[0]).last_hidden_state.float()
        return functional.layer_norm(hidden, hidden.shape[1:]).mean(dim=1)

    def outputs(self, waveforms: Sequence[Any]) -> dict[str, torch.Tensor]:
        """What all heads say of waveforms, in one pass through the encoder: see `of_embeddings`."""
        return self.of_embeddings(torch.from_numpy(self.encode(waveforms)))

    def of_embeddings(self, embeddings: torch.Tensor) -> dict[str, torch.Tensor]:
        """What the model's heads say of embeddings, float32 of shape (n, dimension), as the store gives them: float32 too.

        "classification": probabilities of `emotions`, shape (n, classes); "regression": values of `dimensions`, shape (n, 2),
        on the scale that the model was trained on.
        """
        found = {name: head(embeddings) for name, head in self.heads.items()}
        if CLASSIFICATION in found:
            found[CLASSIFICATION] = found[CLASSIFICATION].softmax(dim=-1)
        return found

    def classify(self, waveforms: Sequence[Any]) -> torch.Tensor:
        """The classification of `outputs` alone; KeyError where the model has no such head."""
        return self.outputs(waveforms)[CLASSIFICATION]


_SHARED: dict[bytes, torch.Tensor] | None = None  # within `shared_cnn`, what convolutions gave of which waveforms


@contextmanager
def shared_cnn() -> Iterator[None]:
    """Within it what a CNN gives of a waveform is kept: models of one frozen CNN compute it once, to the same bits."""
    global _SHARED
    _SHARED = {}
    try:
        yield
    finally:
        _SHARED = None


def _frames(cnn: torch.nn.Module, waveforms: torch.Tensor) -> torch.Tensor:
    parts = [waveforms, *cnn.state_dict().values()]
    key = hashlib.sha256(b"".join(part.float().cpu().numpy().tobytes() for part in parts)).digest()
    if key not in _SHARED:
        _SHARED[key] = cnn(waveforms)
    return _SHARED[key]


def shortest(kernels: Sequence[int], strides: Sequence[int]) -> int:
    """The samples that one frame of a wav2vec 2.0 needs, from its convolutions' kernels and strides."""
    samples = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples


def load(source: Path | str, *, precision: str = "fp32") -> Wav2Vec2:
    """Read a checkpoint (`hub.find`), unless it is in memory; a CheckpointError names the file that is missing or damaged."""
    return Wav2Vec2(source, precision)


@functools.lru_cache(maxsize=2)
def _load(*given: Any) -> tuple[Wav2Vec2Model, str, dict[str, Head], tuple[str, ...], str]:
    """Read a folder. Its files and their stamp are part of the key under which the result stays in memory."""
    *_, folder, device, precision = given
    (objective, biases), config = _read_recipe(folder / RECIPE), read_config(folder)
    check_preprocessor(folder)
    names = _read_labels(folder / LABELS, regression=CLASSIFICATION not in biases)
    emotions = names if CLASSIFICATION in biases else ()
    model, shapes = _empty(config, folder)
    encoder, outputs = hub.read_tensors(folder / ENCODER), hub.read_tensors(folder / HEAD)
    hub.check(encoder, shapes, folder / ENCODER, expected=_EXPECTED)
    hub.check(outputs, _head_shapes(biases, len(emotions), config.hidden_size), folder / HEAD, expected=_EXPECTED)
    model.load_state_dict({name.removeprefix("model."): value.float() for name, value in encoder.items()}, assign=True)
    parts = {name: value.float().contiguous() for name, value in outputs.items()}
    heads = {name: Head(parts[f"{n}.w.weight"], parts.get(f"{n}.w.bias")) for n, name in enumerate(biases)}
    model = model.to(device, torch.bfloat16 if precision == "bf16" else torch.float32).requires_grad_(False).eval()
    digest = hub.digest(folder / ENCODER, settings=hub.declared(Wav2Vec2Config, vars(config)))
    return model, objective, heads, tuple(emotions), digest  # heads stay on the processor: they are small


def _empty(config: Wav2Vec2Config, folder: Path) -> tuple[Wav2Vec2Model, dict[str, torch.Size]]:
    """An encoder without weights, for which no memory is taken and no random number drawn; and the shapes it needs."""
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            model = Wav2Vec2Model(config)
    except Exception as error:  # settings that cannot be show themselves in many ways
        raise CheckpointError(f"{folder / CONFIG}: no encoder can have these settings ({error})") from error
    return model, {f"model.{name}": tensor.shape for name, tensor in model.state_dict().items()}


def _head_shapes(biases: Mapping[str, bool], classes: int, hidden: int) -> dict[str, tuple[int, ...]]:
    """The weights in `model.ckpt`: SpeechBrain's `Linear`, called `w`, in a list of modules."""
    shapes: dict[str, tuple[int, ...]] = {}
    for number, (name, bias) in enumerate(biases.items()):
        units = classes if name == CLASSIFICATION else len(DIMENSIONS)
        shapes |= {f"{number}.w.weight": (units, hidden)} | ({f"{number}.w.bias": (units,)} if bias else {})
    return shapes


class _PlainLoader(yaml.SafeLoader):
    """Reads HyperPyYAML as plain data: what a tag would make, import or run is left as the values below the tag."""


def _plain(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    made = loader.construct_mapping if isinstance(node, yaml.MappingNode) else loader.construct_sequence
    return made(node, deep=True)


_PlainLoader.add_multi_constructor("", _plain)


def _read_recipe(path: Path) -> tuple[str, dict[str, bool]]:
    """The objective, and for each of its heads whether it has a bias."""
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)  # a SafeLoader: makes plain data only
        normal, objective = found["wav2vec2"]["output_norm"], found.get("objective", CLASSIFICATION)
        heads = dict(zip(OBJECTIVES[objective], _SECTIONS, strict=False))  # most objectives have one head only
        biases = {name: found[section].get("bias", True) for name, section in heads.items()}
    except Exception as error:  # damage shows itself in many ways
        raise CheckpointError(
            f"{path}: not SpeechBrain's recipe of a wav2vec2 model with one of the objectives {', '.join(OBJECTIVES)} and its "
            f"heads under {', '.join(_SECTIONS)} ({error!r}); get it again"
        ) from error
    if normal is not True or not set(biases.values()) <= {True, False}:
        raise CheckpointError(
            f"{path}: wav2vec2.output_norm is {normal!r} and the heads' bias {biases}; only models with output_norm: True and "
            f"True or False for each bias are read"
        )
    return objective, biases


def check_preprocessor(folder: Path) -> None:
    """Refuse a model of raw waveforms (CheckpointError): `Wav2Vec2` normalises them."""
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
    names = {name: name for name in DIMENSIONS} if regression else dict.fromkeys(labels.EMOTIONS) | CODES
    found, known = {}, f"known are {', '.join(names)}"
    text = path.read_text(encoding="utf-8", errors="replace").partition("\n===")[0]
    for number, line in enumerate(text.splitlines(), start=1):
        parts = re.fullmatch(r"(['\"])([\w -]+)\1 => (\d+)", line.strip())
        if parts is None or parts[2] not in names or int(parts[3]) in found:
            raise CheckpointError(f"{path}, line {number}: expected 'neu' => 0 or the like, found {line!r}; {known}")
        found[int(parts[3])] = names[parts[2]] or parts[2]
    ordered = [found[index] for index in sorted(found)]
    if not found or max(found) >= len(found) or len(set(ordered)) < len(found):
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
        objective: one of `OBJECTIVES`; a ValueError says what does not fit it (KeyError: there is no such objective).
        heads: those of the objective, by name; a regression's units are valence and arousal, in this order.
        emotions: the emotion (`labels.EMOTIONS`) of each class; none for a regression.
    """
    folder, expected = Path(folder), OBJECTIVES[objective]
    if set(heads) != set(expected) or bool(emotions) != (CLASSIFICATION in heads):
        raise ValueError(
            f"{objective} has the heads {', '.join(expected)}, and emotions name the classes of a classification; given are "
            f"the heads {', '.join(heads) or 'none'} and the emotions {list(emotions)}"
        )
    weights = {f"model.{name.removeprefix('model.')}": tensor.detach().cpu() for name, tensor in encoder.items()}
    hub.check(weights, _empty(config, folder)[1], "encoder", expected=_EXPECTED)
    biases, outputs = {name: heads[name].bias is not None for name in expected}, {}
    for number, name in enumerate(expected):  # cloned: a view would save all it looks into
        tensors = {f"{number}.w.weight": heads[name].weight, f"{number}.w.bias": heads[name].bias}
        outputs |= {key: tensor.detach().cpu().clone() for key, tensor in tensors.items() if tensor is not None}
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
        template = Path(__file__).with_name("speechbrain_hyperparams.yaml").read_text(encoding="utf-8")
        recipe = jinja2.Template(template, trim_blocks=True, keep_trailing_newline=True)
        text = recipe.render(objective=objective, heads=parts, hidden=config.hidden_size)
        (partial / RECIPE).write_text(text, encoding="utf-8")
        codes = {emotion: code for code, emotion in CODES.items()}
        lines = [f"{codes.get(name, name)!r} => {index}" for index, name in enumerate(emotions or DIMENSIONS)]
        text = "\n".join([*lines, "=" * 16, "'starting_index' => 0", ""])
        (partial / LABELS).write_text(text, encoding="utf-8")
        (partial / CONFIG).write_text(config.to_json_string(use_diff=False), encoding="utf-8")
        Wav2Vec2FeatureExtractor().save_pretrained(partial)
        if folder.exists():
            folder.replace(partial.parent / ".old")  # inside the temporary folder, which is deleted
    return folder
