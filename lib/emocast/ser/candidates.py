"""Published emotion classifiers with one face, so that they can be held against each other (thesis, section 4.2).

A candidate is a folder or a hub id in one of two formats: SpeechBrain's (`hyperparams.yaml`; `encoders.checkpoint` reads
it), or that of transformers' audio classification (`config.json` with `id2label`), which this module reads for wav2vec 2.0,
HuBERT and WavLM: `superb/wav2vec2-base-superb-er` is one. Whatever classes it was trained on, it is asked about the four of
`labels.FOUR`: labels that mean the same are added up, excitement counts as happiness as in `labels.four_classes`, others
are left out and the rest is brought to a sum of 1.

A candidate is data: files are fetched by name, weights are safetensors or read with `weights_only=True`, and no Python file
is run. Weights must fit the architecture to the last key. Where they do not, transformers' own loader fills the gap with
random numbers and a warning; a published model with a head of its own kind would then be scored with a random head.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from .. import cache, labels, paths
from ..encoders import checkpoint, hub
from ..encoders import checkpoint_files as files
from ..encoders.convolutions import shortest
from .application import SAMPLE_RATE
from .predictions import model_digest

#: The sources below `lib/emocast` that determine what a candidate says.
MODULES = ("ser/candidates.py", "ser/predictions.py")

_SAFE, _PICKLED = _WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_KINDS = {
    "wav2vec2": (transformers.Wav2Vec2Config, transformers.Wav2Vec2ForSequenceClassification),
    "hubert": (transformers.HubertConfig, transformers.HubertForSequenceClassification),
    "wavlm": (transformers.WavLMConfig, transformers.WavLMForSequenceClassification),
}
_EXTRACTOR = "Wav2Vec2FeatureExtractor"
_UNUSED = "masked_spec_embed"  # stands for what is masked in training: some files have it and some do not

#: The spellings of emotions in published models, in lower case.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "neutral": ("neu", "neutral", "neutrality", "calm", "calmness"),
    "excitement": ("exc", "excited", "excitement"),
    "happiness": ("hap", "happy", "happiness", "joy", "joyful"),
    "sadness": ("sad", "sadness"),
    "anger": ("ang", "angry", "anger"),
    "frustration": ("fru", "frustrated", "frustration"),
    "fear": ("fea", "fear", "fearful"),
    "surprise": ("sur", "surprise", "surprised", "ps", "pleasant surprise"),
    "disgust": ("dis", "disgust", "disgusted"),
    "boredom": ("bor", "bored", "boredom"),
    "other": ("oth", "other"),
}
_EMOTION_OF = {spelling: emotion for emotion, spellings in SPELLINGS.items() for spelling in spellings}


@dataclass(frozen=True, eq=False)
class Candidate:
    """A published classifier, asked about four emotions.

    Attributes:
        name: the folder or hub id.
        units: what each unit of the model stands for, a name of `labels.EMOTIONS`; None for a label that is unknown.
        digest: SHA-256 of weights and settings.
        shortest: samples of the shortest waveform that it hears.
        every: gives the probability of each unit for waveforms at 16 kHz, (n, units).
    """

    name: str
    units: tuple[str | None, ...]
    digest: str
    shortest: int
    every: Callable[[Sequence[np.ndarray]], torch.Tensor]

    columns = tuple(f"p_{emotion}" for emotion in labels.FOUR)

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions that it knows, in the project's order."""
        return tuple(labels.ordered(unit for unit in self.units if unit))

    @property
    def lacks(self) -> tuple[str, ...]:
        """The classes of `labels.FOUR` that it does not have."""
        return tuple(emotion for emotion in labels.FOUR if emotion not in self._merged())

    def classify(self, waveforms: Sequence[np.ndarray]) -> torch.Tensor:
        """The probability of each of `labels.FOUR`, given that it is one of those that the candidate has.

        Args:
            waveforms: n float waveforms at 16 kHz, each (samples,), not shorter than `shortest`. Nothing is padded.

        Returns:
            float32, shape (n, 4), rows sum to 1; 0 for a class that the candidate lacks.
        """
        if not waveforms:
            return torch.empty((0, len(labels.FOUR)))
        every = self.every(waveforms).double()  # what is left of a sure model's other classes is small
        four = torch.zeros((len(waveforms), len(labels.FOUR)), dtype=torch.float64)
        for unit, emotion in enumerate(self._merged()):
            if emotion in labels.FOUR:
                four[:, labels.FOUR.index(emotion)] += every[:, unit]
        return (four / four.sum(dim=1, keepdim=True)).float()

    def values(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """As `classify`, an array: the face of `application.Model`."""
        return self.classify(waveforms).numpy()

    def _merged(self) -> list[str | None]:
        return ["happiness" if unit == "excitement" else unit for unit in self.units]


def emotion_of(label: str) -> str | None:
    """The emotion (`labels.EMOTIONS`) that a published label means, or None: "Happy", "hap" and "JOY" are happiness."""
    return _EMOTION_OF.get(re.sub(r"[\s_-]+", " ", str(label)).strip().lower())


def load(source: Path | str) -> Candidate:
    """Read a candidate; one that is in memory and unchanged on disk is not read again.

    Args:
        source: a folder or a hub id, looked for as `hub.find` says.

    Returns:
        The candidate, in float32, on the processor unless it is in SpeechBrain's format (`checkpoint.load`).

    Raises:
        hub.CheckpointError: it is missing, damaged, of another kind, or has fewer than two of the four classes; the
            message names the file.
    """
    folder = hub.find(source, needed=(), optional=(files.RECIPE, files.CONFIG))
    if (folder / files.RECIPE).is_file():
        candidate = _of_speechbrain(str(source), checkpoint.load(source))
    elif (folder / files.CONFIG).is_file():
        folder, weights = _complete(source)
        read = [folder / name for name in (files.CONFIG, files.PREPROCESSOR, weights)]
        stamp = tuple((file.stat().st_mtime_ns, file.stat().st_size) for file in read)
        candidate = _of_transformers(str(source), folder, weights, stamp)
    else:
        raise hub.CheckpointError(
            f"neither {files.RECIPE} nor {files.CONFIG} in {paths.relative(folder)}: a candidate is in SpeechBrain's format or "
            f"in that of transformers; get it again"
        )
    if len(candidate.lacks) > len(labels.FOUR) - 2:
        raise hub.CheckpointError(
            f"{source}: knows {', '.join(candidate.emotions) or 'no emotion'}; to be compared it must have two or more of "
            f"{', '.join(labels.FOUR)}"
        )
    return candidate


def _of_speechbrain(source: str, model: checkpoint.Checkpoint) -> Candidate:
    if not model.emotions:
        raise hub.CheckpointError(f"{source}: its objective is {model.objective}; a candidate must name emotions")
    return Candidate(source, model.emotions, model_digest(model), model.shortest, model.classify)


def _complete(source: Path | str) -> tuple[Path, str]:
    """The folder with all files, and the name of the one with the weights: pickled ones only where no others are."""
    needed = (files.CONFIG, files.PREPROCESSOR)
    for weights in _WEIGHTS:
        folder = hub.find(source, needed=needed, optional=(weights,))
        if (folder / weights).is_file():
            return folder, weights
    raise hub.CheckpointError(f"no {' or '.join(_WEIGHTS)} in {paths.relative(folder)}: put the weights there")


@functools.lru_cache(maxsize=2)
def _of_transformers(source: str, folder: Path, weights: str, stamp: tuple[tuple[int, int], ...]) -> Candidate:
    """Read a folder. `stamp` stands for what its files hold: part of the key under which the result stays in memory."""
    settings = files.read_json(folder / files.CONFIG)
    units = _units(settings.get("id2label"), folder / files.CONFIG)
    extractor, model = _extractor(folder / files.PREPROCESSOR), _model(settings, len(units), folder / files.CONFIG)
    _fill(model, files.read_tensors(folder / weights), folder / weights)
    digests = [cache.file_digest(folder / name) for name in (files.CONFIG, files.PREPROCESSOR, weights)]
    digest = hashlib.sha256(json.dumps(digests).encode()).hexdigest()
    least = shortest(model.config.conv_kernel, model.config.conv_stride)
    every = functools.partial(_probabilities, model.requires_grad_(False).eval(), extractor)
    return Candidate(source, tuple(emotion_of(label) for label in units), digest, least, every)


def _units(id2label: Any, path: Path) -> list[str]:
    try:
        named = {int(unit): str(label) for unit, label in id2label.items()}
    except (AttributeError, TypeError, ValueError):
        named = {}
    if not named or sorted(named) != list(range(len(named))):
        raise hub.CheckpointError(
            f'{path}: id2label is {id2label!r}; expected labels of the classes, such as {{"0": "neu"}}'
        )
    return [named[unit] for unit in range(len(named))]


def _extractor(path: Path) -> transformers.Wav2Vec2FeatureExtractor:
    """How the model hears: raw waveforms or normalised ones."""
    settings = files.read_json(path)
    kind, rate = settings.get("feature_extractor_type", _EXTRACTOR), settings.get("sampling_rate", SAMPLE_RATE)
    normalise = settings.get("do_normalize", True)  # transformers' own default
    if kind != _EXTRACTOR or rate != SAMPLE_RATE or not isinstance(normalise, bool):
        raise hub.CheckpointError(
            f"{path}: {kind} at {rate} Hz, do_normalize {normalise}; only {_EXTRACTOR} at {SAMPLE_RATE} Hz is read"
        )
    return transformers.Wav2Vec2FeatureExtractor(do_normalize=normalise, sampling_rate=SAMPLE_RATE)


def _model(settings: Mapping[str, Any], classes: int, path: Path) -> transformers.PreTrainedModel:
    """A classifier without weights. Only numbers and names of its architecture are taken: other settings fetch code."""
    kind = settings.get("model_type")
    if kind not in tuple(_KINDS):
        raise hub.CheckpointError(f"{path}: model_type is {kind!r}; read are {', '.join(_KINDS)}")
    configuration, classifier = _KINDS[kind]
    known = set(inspect.signature(configuration.__init__).parameters) - {"self", "kwargs"}
    try:
        config = configuration(**{name: value for name, value in settings.items() if name in known}, num_labels=classes)
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            return classifier(config)
    except Exception as error:  # settings that cannot be show themselves in many ways
        raise hub.CheckpointError(f"{path}: no {kind} can have these settings ({error})") from error


def _fill(model: transformers.PreTrainedModel, weights: dict[str, torch.Tensor], path: Path) -> None:
    """Put weights into a model: all of its own and no others."""
    unused = {name: torch.zeros(tensor.shape) for name, tensor in model.state_dict().items() if _UNUSED in name}
    given = {name: tensor.to(torch.float32) for name, tensor in weights.items() if _UNUSED not in name}
    try:
        fit = model.load_state_dict(given | unused, strict=False, assign=True)
    except RuntimeError as error:  # a shape
        raise hub.CheckpointError(
            f"{path}: does not fit {files.CONFIG}: {str(error).splitlines()[-1].strip()}"
        ) from error
    for problem, names in (("has no key", fit.missing_keys), ("has an unknown key", fit.unexpected_keys)):
        if names:
            raise hub.CheckpointError(
                f"{path}: {problem} {min(names)} ({len(names)} in all): it is not the {type(model).__name__} that "
                f"{files.CONFIG} describes, and without all of its weights it would answer at random"
            )


def _probabilities(
    model: transformers.PreTrainedModel,
    extractor: transformers.Wav2Vec2FeatureExtractor,
    waveforms: Sequence[np.ndarray],
) -> torch.Tensor:
    """The probability of each unit, waveform by waveform: (n, units)."""
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        heard = [extractor(one, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_values for one in waveforms]
        return torch.cat([model(one.float()).logits.softmax(dim=-1) for one in heard])
