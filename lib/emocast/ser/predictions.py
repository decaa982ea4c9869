"""What recognisers say of the utterances of a corpus: the profile's own on all test sets, and published ones on a sample.

A recogniser's answer is its heads applied to the stored embedding of the whole utterance. A published candidate, in
SpeechBrain's format or in that of transformers' audio classification, is asked about `labels.FOUR`: labels that mean the same
are added up, others left out, the rest brought to a sum of 1. It is data: no Python file is run, and weights must fit to the
last key, where transformers' own loader would fill a gap with random numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
import transformers
from tqdm import tqdm

from .. import audio, corpora, labels
from ..corpora.table import CorpusError
from ..encoders import hub, store, wav2vec2
from ..encoders.wav2vec2 import CONFIG, PREPROCESSOR, RECIPE, SAMPLE_RATE
from ..settings import Profile
from .training import WEIGHTS, find_source

#: What the table of predictions takes over from the utterance table.
TRUTH = ("utterance", "speaker", "dialogue", "emotion", "valence", "arousal")

#: The spellings of the four classes in published models, in lower case; excitement counts as happiness.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "neutral": ("neu", "neutral", "neutrality", "calm", "calmness"),
    "happiness": ("hap", "happy", "happiness", "joy", "joyful", "exc", "excited", "excitement"),
    "sadness": ("sad", "sadness"),
    "anger": ("ang", "angry", "anger"),
}

_KINDS = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM"}
_EXTRACTOR = "Wav2Vec2FeatureExtractor"


class Predictions(NamedTuple):
    """The table of what was predicted, and the list of what could not be read."""

    table: pd.DataFrame
    unreadable: pd.DataFrame


def predict(source: Path | str, table: pd.DataFrame, root: Path | str, **options: Any) -> Predictions:
    """Apply a recogniser to every utterance of a table; what was embedded before is read from the store.

    Takes a checkpoint in SpeechBrain's format, of any objective (errors as `wav2vec2.load`), an utterance table, its corpus
    root, and as `options` jobs, folder and progress, as for `store.embed`.

    Returns:
        `table`: one row a readable utterance, in the order given, with a fresh index. The columns `TRUTH` (missing where the
        corpus has none); `predicted`, the most probable class; `p_<emotion>`, a class's probability; `predicted_valence` and
        `predicted_arousal`, on the scale of the training corpus; where the model has them. `unreadable`: audio, utterances
        (how many), problem.
    """
    model = wav2vec2.load(str(source))
    embeddings, unreadable = store.embed(f"wav2vec2:{source}", table, root, precision="fp32", **options)
    values = torch.cat(list(model.of_embeddings(torch.from_numpy(embeddings)).values()), dim=1).numpy()
    readable = np.isfinite(values).all(axis=1)
    odd = table["audio"][~readable & np.isfinite(embeddings).all(axis=1)].value_counts()
    unreadable = unreadable.rename(columns={"windows": "utterances"})
    for name, count in odd.items():
        unreadable.loc[len(unreadable)] = [name, count, "the model gives no finite number"]
    made, values = table.loc[readable, list(TRUTH)].reset_index(drop=True), values[readable]
    made["predicted"] = pd.Series(pd.NA, index=made.index, dtype="string")
    if model.emotions:
        classes = values[:, : len(model.emotions)].argmax(axis=1)
        made["predicted"] = pd.array(np.array(model.emotions, dtype=object)[classes], dtype="string")
    columns = [f"p_{name}" for name in model.emotions] + [f"predicted_{name}" for name in model.dimensions]
    return Predictions(made.assign(**dict(zip(columns, values.T, strict=True))), unreadable)


def lacking(source: Path | str) -> str:
    """Why a checkpoint in SpeechBrain's format cannot be scored on the four classes, and what to do; or nothing."""
    try:
        emotions = wav2vec2.load(source).emotions
    except hub.CheckpointError as error:
        return f"{error}. `make checkpoints` does it" if error.advice else str(error)
    if set(emotions) != set(labels.FOUR):
        return f"{source} names {', '.join(emotions) or 'no emotion'}; it must name {', '.join(labels.FOUR)}"
    return ""


class TestSet(NamedTuple):
    """Utterances (`emotion` of the four classes or missing), corpus root, and the commonest language ("de", "not stated")."""

    table: pd.DataFrame
    root: Path
    language: str


def load_test_sets(profile: Profile) -> tuple[dict[str, TestSet], pd.DataFrame]:
    """Read the test sets whose corpora are there: the thesis's, and the corpora of one's own that the profile names.

    Returns the test sets by name in this order, and a table of those that were left out: test_set, reason.
    """
    found, left_out = {}, {}
    for name, (corpus, options) in {**corpora.test_sets(), **{name: (name, {}) for name in profile.loaders}}.items():
        if corpus not in profile.corpora:
            left_out[name] = f"the profile {profile.name!r} names no folder for {corpus}"
            continue
        root = profile.corpus_root(corpus)
        try:
            table = corpora.get(corpus).load_alone(root, **options)
        except CorpusError as error:
            left_out[name] = str(error)
            continue
        language = next(iter(table["language"].mode()), "not stated")
        found[name] = TestSet(table.assign(emotion=labels.four_classes(table["emotion"])), root, language)
    return found, pd.DataFrame(list(left_out.items()), columns=["test_set", "reason"])


@dataclass(frozen=True, eq=False)
class Candidate:
    """A published classifier, asked about the four classes; `shortest`: how many samples one frame needs."""

    classes: tuple[str | None, ...]  # what each unit of the model stands for; None: none of the four
    shortest: int
    every: Callable[[Sequence[np.ndarray]], torch.Tensor]  # the probability of each unit for waveforms, (n, units)

    @property
    def lacks(self) -> tuple[str, ...]:
        """The classes of `labels.FOUR` that it does not have."""
        return tuple(emotion for emotion in labels.FOUR if emotion not in self.classes)

    def classify(self, waveforms: Sequence[np.ndarray]) -> torch.Tensor:
        """The probability of each of `labels.FOUR`, given that it is one that the candidate has: float32, (n, 4).

        Takes n waveforms at 16 kHz, each (samples,), not shorter than `shortest`; none is padded. Rows sum to 1.
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
    if (hub.find(source, needed=(), optional=(RECIPE, CONFIG)) / RECIPE).is_file():
        model = wav2vec2.load(source)
        if not model.emotions:
            raise hub.CheckpointError(f"{source}: its objective is {model.objective}; a candidate must name emotions")
        found = Candidate(tuple(map(emotion_of, model.emotions)), model.shortest, model.classify)
    else:
        found = _of_transformers(find_source(source))
    if len(found.lacks) > len(labels.FOUR) - 2:
        known = ", ".join(sorted(set(filter(None, found.classes)))) or "no emotion"
        raise hub.CheckpointError(f"{source}: knows {known}; it must have two or more of {', '.join(labels.FOUR)}")
    return found


def _of_transformers(folder: Path) -> Candidate:
    weights = next(name for name in WEIGHTS if (folder / name).is_file())
    settings, prepared = hub.read_json(folder / CONFIG), hub.read_json(folder / PREPROCESSOR)
    kind, rate = prepared.get("feature_extractor_type", _EXTRACTOR), prepared.get("sampling_rate", SAMPLE_RATE)
    if (kind, rate) != (_EXTRACTOR, SAMPLE_RATE):
        what = f"{kind} at {rate} Hz; only {_EXTRACTOR} at {SAMPLE_RATE} Hz is read"
        raise hub.CheckpointError(f"{folder / PREPROCESSOR}: {what}")
    normalise = bool(prepared.get("do_normalize", True))  # transformers' own default
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=normalise, sampling_rate=SAMPLE_RATE)
    try:
        named = {int(unit): emotion_of(label) for unit, label in settings["id2label"].items()}
        units = tuple(named[unit] for unit in range(max(named) + 1))
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        labelled = f"id2label is {settings.get('id2label')!r}; expected labels of the classes"
        raise hub.CheckpointError(f'{folder / CONFIG}: {labelled}, such as {{"0": "neu"}}') from error
    model = _model(settings, len(units), folder / weights)

    def every(waveforms: Sequence[np.ndarray]) -> torch.Tensor:
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            inputs = [extractor(one, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_values for one in waveforms]
            return torch.cat([model(one.float()).logits.softmax(dim=-1) for one in inputs])

    shortest = wav2vec2.shortest(model.config.conv_kernel, model.config.conv_stride)
    return Candidate(units, shortest, every)


def _model(settings: Mapping[str, Any], classes: int, path: Path) -> transformers.PreTrainedModel:
    """The classifier with its weights. Only numbers and names of its architecture are taken: other settings fetch code."""
    kind, tensors = _KINDS.get(str(settings.get("model_type"))), hub.read_tensors(path)
    config_path = path.with_name(CONFIG)
    if kind is None:
        what = f"model_type is {settings.get('model_type')!r}; read are {', '.join(_KINDS)}"
        raise hub.CheckpointError(f"{config_path}: {what}")
    config = hub.made(getattr(transformers, f"{kind}Config"), settings, config_path)
    config.num_labels = classes
    classifier = getattr(transformers, f"{kind}ForSequenceClassification")
    options = {"output_loading_info": True, "ignore_mismatched_sizes": True, "dtype": torch.float32}
    try:
        with torch.random.fork_rng(devices=[]):
            model, fit = classifier.from_pretrained(None, config=config, state_dict=tensors, **options)
    except Exception as error:  # settings that cannot be show themselves in many ways
        raise hub.CheckpointError(f"{config_path}: {kind} cannot have these settings ({error})") from error
    for problem in ("missing", "unexpected", "mismatched"):
        # some files have what stands for masked frames in training, and some do not
        names = sorted(str(name) for name in fit[f"{problem}_keys"] if "masked_spec_embed" not in name)
        if names:
            raise hub.CheckpointError(
                f"{path}: {names[0]} ({len(names)} in all) is {problem}: it is not the {classifier.__name__} that "
                f"{CONFIG} describes, and without all of its weights it would answer at random"
            )
    return model.requires_grad_(False).eval()


def classified(
    candidate: Candidate, sample: pd.DataFrame, root: Path | str, *, bar: str
) -> tuple[list[str | None], list[str]]:
    """The class of each utterance of a table below `root`, None where there is none, and why; `bar`: what its bar is called."""
    answers, problems, spans = [], [], sample[["audio", "start_s", "end_s"]].itertuples(index=False)
    for name, start_s, end_s in tqdm(spans, bar, len(sample), unit="utterance"):
        path = Path(root) / name
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
