"""Published emotion classifiers with one face, and the test by which the thesis chose one of them (section 4.2).

A candidate, in SpeechBrain's format or in that of transformers' audio classification, is asked about `labels.FOUR`: labels that
mean the same are added up, others left out, the rest brought to a sum of 1. It is data: files are fetched by name, no Python
file is run, and weights must fit to the last key, where transformers' own loader would fill a gap with random numbers.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import transformers
from tqdm import tqdm

from .. import audio, compute, labels, metrics, paths
from ..encoders import hub
from ..encoders import wav2vec2 as files
from ..encoders.wav2vec2 import shortest
from .training import SAMPLE_RATE

SCORES = ("accuracy", "uar", "f1_macro")

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_KINDS = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM"}
_EXTRACTOR = "Wav2Vec2FeatureExtractor"
_UNUSED = "masked_spec_embed"  # stands for what is masked in training: some files have it and some do not

#: The spellings of the four classes in published models, in lower case; excitement counts as happiness.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "neutral": ("neu", "neutral", "neutrality", "calm", "calmness"),
    "happiness": ("hap", "happy", "happiness", "joy", "joyful", "exc", "excited", "excitement"),
    "sadness": ("sad", "sadness"),
    "anger": ("ang", "angry", "anger"),
}


@dataclass(frozen=True, eq=False)
class Candidate:
    """A published classifier, asked about the four classes.

    `classes` is what each unit of the model stands for (None: none of the four), `digest` the SHA-256 of weights and settings,
    `shortest` how many samples one frame needs; `every` gives the probability of each unit for waveforms at 16 kHz, (n, units).
    """

    classes: tuple[str | None, ...]
    digest: str
    shortest: int
    every: Callable[[Sequence[np.ndarray]], torch.Tensor]

    @property
    def lacks(self) -> tuple[str, ...]:
        """The classes of `labels.FOUR` that it does not have."""
        return tuple(emotion for emotion in labels.FOUR if emotion not in self.classes)

    def classify(self, waveforms: Sequence[np.ndarray]) -> torch.Tensor:
        """The probability of each of `labels.FOUR`, given that it is one of those that the candidate has.

        Takes n waveforms at 16 kHz, each (samples,), not shorter than `shortest`; none is padded. Returns float32, (n, 4),
        rows sum to 1; 0 for a class that the candidate lacks.
        """
        every = self.every(waveforms).double()  # what is left of a sure model's other classes is small
        four = torch.zeros((len(waveforms), len(labels.FOUR)), dtype=torch.float64)
        for unit, emotion in enumerate(self.classes):
            if emotion:
                four[:, labels.FOUR.index(emotion)] += every[:, unit]
        return (four / four.sum(dim=1, keepdim=True)).float()


def emotion_of(label: str) -> str | None:
    """The class of `labels.FOUR` that a published label means, or None: "Happy", "hap" and "JOY" are happiness."""
    plain = re.sub(r"[\s_-]+", " ", str(label)).strip().lower()
    return next((emotion for emotion, spellings in SPELLINGS.items() if plain in spellings), None)


def load(source: Path | str) -> Candidate:
    """Read a candidate, a folder or a hub id.

    Raises hub.CheckpointError where it is missing, damaged, of another kind, or has fewer than two of the four classes.
    """
    folder = hub.find(source, needed=(), optional=(files.RECIPE, files.CONFIG))
    if (folder / files.RECIPE).is_file():
        model = files.load(source)
        if not model.emotions:
            raise hub.CheckpointError(f"{source}: its objective is {model.objective}; a candidate must name emotions")
        digest = _digest(folder, [name for name in (*files.NEEDED, *files.OPTIONAL) if (folder / name).is_file()])
        found = Candidate(tuple(map(emotion_of, model.emotions)), digest, model.shortest, model.classify)
    elif (folder / files.CONFIG).is_file():
        found = _of_transformers(source)
    else:
        raise hub.CheckpointError(
            f"neither {files.RECIPE} nor {files.CONFIG} in {paths.relative(folder)}: a candidate is in SpeechBrain's format or "
            f"in that of transformers; get it again"
        )
    if len(found.lacks) > len(labels.FOUR) - 2:
        known = ", ".join(sorted(set(filter(None, found.classes)))) or "no emotion"
        raise hub.CheckpointError(
            f"{source}: knows {known}; to be compared it must have two or more of {', '.join(labels.FOUR)}"
        )
    return found


def _digest(folder: Path, names: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps([compute.file_digest(folder / name) for name in names]).encode()).hexdigest()


def _of_transformers(source: Path | str) -> Candidate:
    for weights in _WEIGHTS:  # pickled ones only where no others are
        folder = hub.find(source, needed=(files.CONFIG, files.PREPROCESSOR), optional=(weights,))
        if (folder / weights).is_file():
            break
    else:
        raise hub.CheckpointError(f"no {' or '.join(_WEIGHTS)} in {paths.relative(folder)}: put the weights there")
    settings = hub.read_json(folder / files.CONFIG)
    units, extractor = _units(settings, folder / files.CONFIG), _extractor(folder / files.PREPROCESSOR)
    model = _model(settings, len(units), folder / weights)

    def every(waveforms: Sequence[np.ndarray]) -> torch.Tensor:
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            inputs = [extractor(one, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_values for one in waveforms]
            return torch.cat([model(one.float()).logits.softmax(dim=-1) for one in inputs])

    digest = _digest(folder, (files.CONFIG, files.PREPROCESSOR, weights))
    return Candidate(units, digest, shortest(model.config.conv_kernel, model.config.conv_stride), every)


def _units(settings: Mapping[str, Any], path: Path) -> tuple[str | None, ...]:
    try:
        named = {int(unit): emotion_of(label) for unit, label in settings["id2label"].items()}
        return tuple(named[unit] for unit in range(max(named) + 1))
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        raise hub.CheckpointError(
            f'{path}: id2label is {settings.get("id2label")!r}; expected labels of the classes, such as {{"0": "neu"}}'
        ) from error


def _extractor(path: Path) -> transformers.Wav2Vec2FeatureExtractor:
    """What the model is given: raw waveforms or normalised ones."""
    settings = hub.read_json(path)
    kind, rate = settings.get("feature_extractor_type", _EXTRACTOR), settings.get("sampling_rate", SAMPLE_RATE)
    normalise = settings.get("do_normalize", True)  # transformers' own default
    if kind != _EXTRACTOR or rate != SAMPLE_RATE or not isinstance(normalise, bool):
        raise hub.CheckpointError(
            f"{path}: {kind} at {rate} Hz, do_normalize {normalise}; only {_EXTRACTOR} at {SAMPLE_RATE} Hz is read"
        )
    return transformers.Wav2Vec2FeatureExtractor(do_normalize=normalise, sampling_rate=SAMPLE_RATE)


def _model(settings: Mapping[str, Any], classes: int, path: Path) -> transformers.PreTrainedModel:
    """The classifier with its weights. Only numbers and names of its architecture are taken: other settings fetch code."""
    kind, tensors = settings.get("model_type"), hub.read_tensors(path)
    if kind not in tuple(_KINDS):
        raise hub.CheckpointError(
            f"{path.with_name(files.CONFIG)}: model_type is {kind!r}; read are {', '.join(_KINDS)}"
        )
    configuration = getattr(transformers, f"{_KINDS[kind]}Config")
    known = set(inspect.signature(configuration.__init__).parameters) - {"self", "kwargs"}
    try:
        config = configuration(**{name: value for name, value in settings.items() if name in known}, num_labels=classes)
        classifier = getattr(transformers, f"{_KINDS[kind]}ForSequenceClassification")
        options = {"output_loading_info": True, "ignore_mismatched_sizes": True, "dtype": torch.float32}
        with torch.random.fork_rng(devices=[]):
            model, fit = classifier.from_pretrained(None, config=config, state_dict=tensors, **options)
    except Exception as error:  # settings that cannot be show themselves in many ways
        what = f"no {kind} can have these settings ({error})"
        raise hub.CheckpointError(f"{path.with_name(files.CONFIG)}: {what}") from error
    for problem in ("missing", "unexpected", "mismatched"):
        names = sorted(str(name) for name in fit[f"{problem}_keys"] if _UNUSED not in name)
        if names:
            raise hub.CheckpointError(
                f"{path}: {names[0]} ({len(names)} in all) is {problem}: it is not the {classifier.__name__} that "
                f"{files.CONFIG} describes, and without all of its weights it would answer at random"
            )
    return model.requires_grad_(False).eval()


def screen(
    candidates: Sequence[str],
    corpora: Mapping[str, tuple[pd.DataFrame, Path | str]],
    *,
    n: int = 160,
    seed: int,
    level: float = 0.95,
    draws: int = 1000,
    memory: compute.Cache | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Score every candidate on the same n random utterances of every corpus ("160 random utterances" in the thesis).

    The thesis does not say whether these were of its four classes only; here they are, for a candidate cannot be right about
    others. So few utterances of so few speakers leave a wide interval, which stands beside each score.

    Args:
        candidates: folders or hub ids (`load`).
        corpora: by name, an utterance table and the corpus root that its `audio` is relative to.
        n, seed, level, draws: of the choice of utterances, and of the intervals by speaker.
        memory: keeps what a candidate answers for a corpus.
        progress: whether to show bars.

    Returns:
        One row a candidate and corpus: candidate, corpus, n (utterances that were scored); `accuracy`, `uar` and `f1_macro`
        as fractions, each with `_low` and `_high`; `lacks`, the classes that it does not have and so never predicts ("" for
        none); `problem`, why it could not be scored, or what of it was unreadable ("" for none).
    """
    classify = memory.cache(_classified, ignore=["candidate", "places", "bar"]) if memory else _classified
    code, drawing = compute.code_digest("audio.py", "ser/candidates.py"), {"level": level, "draws": draws}
    samples = {name: (choose(table, n=n, seed=seed), root) for name, (table, root) in corpora.items()}
    rows = []
    for source, (name, (sample, root)) in product(candidates, samples.items()):
        rows.append({"candidate": str(source), "corpus": name, "n": 0, "lacks": "", "problem": ""})
        try:
            candidate = load(source)
        except hub.CheckpointError as error:
            rows[-1]["problem"] = str(error)
            continue
        places = [Path(root) / place for place in sample["audio"]]
        contents = [compute.file_digest(place) if place.is_file() else None for place in places]
        spans, bar = sample[["start_s", "end_s"]].to_numpy(dtype=float), Path(source).name if progress else None
        answers, problems = classify(candidate, places, bar, contents, spans, candidate.digest, code)
        rows[-1]["lacks"] = ", ".join(candidate.lacks)
        if problems:
            rows[-1]["problem"] = f"{len(problems)} of {len(sample)} not readable, the first: {problems[0]}"
        known = sample.assign(predicted=pd.array(answers, dtype="string")).dropna(subset="predicted")
        if len(known):
            rows[-1] |= metrics.evaluate(known["emotion"], known["predicted"], labels=labels.FOUR)
            for score in SCORES:
                rows[-1][f"{score}_low"], rows[-1][f"{score}_high"] = metrics.bootstrap_interval(
                    known["emotion"], known["predicted"], known["speaker"], metric=score, random_state=seed, **drawing
                )
    scores = [f"{score}{end}" for score in SCORES for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["candidate", "corpus", "n", *scores, "lacks", "problem"])


def choose(table: pd.DataFrame, *, n: int, seed: int) -> pd.DataFrame:
    """Draw n utterances of the four classes at random, or all: the rows in their order, with a fresh index.

    A ValueError where there is none.
    """
    usable = table.assign(emotion=labels.four_classes(table["emotion"])).dropna(subset=["emotion"])
    if usable.empty:
        raise ValueError(f"none of the {len(table)} utterances has one of the classes {', '.join(labels.FOUR)}")
    rows = np.random.default_rng(seed).permutation(len(usable))[:n]
    return usable.iloc[np.sort(rows)].reset_index(drop=True)


def _classified(
    candidate: Candidate, places: list[Path], bar: str | None, contents: list[str | None], spans: np.ndarray, *key: str
) -> tuple[list[str | None], list[str]]:
    """The class of each utterance, None where there is none, and why; `contents` and `key` are digests, for what is kept."""
    answers, problems = [], []
    for path, (start_s, end_s) in zip(tqdm(places, bar, unit="utterance", disable=not bar), spans, strict=True):
        answers.append(None)
        try:
            waveform = audio.read(path, start_s=start_s, end_s=end_s, sample_rate=SAMPLE_RATE)
            if len(waveform) < candidate.shortest:
                raise audio.AudioError(f"{path}: {len(waveform)} samples are shorter than one frame of the encoder")
            probabilities = candidate.classify([waveform])[0]
            if not probabilities.isfinite().all():
                raise audio.AudioError(f"{path}: the model gives no finite number")
            answers[-1] = labels.FOUR[int(probabilities.argmax())]
        except audio.AudioError as error:
            problems.append(str(error).replace(str(path), path.name))
    return answers, problems
