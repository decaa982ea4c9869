"""Train the demo's contrastive model: from an utterance table to a folder that the encoder "dual:" reads.

The published models that put sound and text into one space have heard hundreds of hours with their captions. Where none of
them can be downloaded, a small one learns it from the demo's own corpus, without the sessions that are held out: neither
their sound nor what the table says of them is read.

The folder holds the model (`encoders.dual`), and beside it `log.csv` (one row an epoch and stage) and `training.json` (what
identifies the training). A training that is there already is not run again; a killed one goes on from its last whole epoch.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import torch
from speechbrain.utils.checkpoints import Checkpointer
from speechbrain.utils.epoch_loop import EpochCounter
from torch.utils.data import DataLoader
from transformers import Wav2Vec2Model

from .. import cache, paths
from ..encoders import checkpoint_files, dual
from ..encoders.dual_model import DualModel, Sizes
from ..profile import ContrastTraining
from ..ser import data, kept, splits
from ..ser.brain import Report
from ..ser.kept import LOG, RECORD
from ..ser.training import find_source
from . import captions
from .dual import DualBrain

_VALID_FRACTION = 0.1
_SOURCE = ("config.json", "preprocessor_config.json", "model.safetensors", "pytorch_model.bin")
_CODE = (
    "audio.py", "contrastive/captions.py", "contrastive/dual.py", "contrastive/training.py", "encoders/batches.py",
    "encoders/dual_model.py", "encoders/dual_words.py", "ser/brain.py", "ser/data.py",
)  # fmt: skip
_IDENTITY = ["utterance", "audio", "start_s", "end_s", "emotion", "sex", "language", "arousal", "part"]
_FIT = (
    "epochs", "batch_size", "learning_rate_encoder", "learning_rate", "crop_s", "dimension", "text_dimension",
)  # fmt: skip


def held_out(utterances: pd.DataFrame, settings: ContrastTraining) -> pd.Series:
    """Which utterances the training never hears: those of the sessions that the settings hold out.

    Args:
        utterances: an utterance table.
        settings: the profile's block `contrastive.dual`.

    Returns:
        True or False for each row, with the table's index.

    Raises:
        ValueError: a session is not in the table.
    """
    return _parts(utterances, settings, seed=0).eq(splits.TEST).rename("held_out").astype(bool)


def _parts(utterances: pd.DataFrame, settings: ContrastTraining, *, seed: int) -> pd.Series:
    """The part of each utterance: whole dialogues of the other sessions validate."""
    if not settings.held_out:
        raise ValueError("contrastive.dual.held_out names no session: nothing would be left to ask the model about")
    return splits.leave_out(utterances, settings.held_out, column="session", valid_fraction=_VALID_FRACTION, seed=seed)


def train(
    folder: Path | str,
    utterances: pd.DataFrame,
    root: Path | str,
    *,
    settings: ContrastTraining,
    seed: int,
    report: Report | None = None,
) -> Path:
    """Train the model, or find that this was done; a killed training goes on.

    Args:
        folder: where it goes; it takes its place whole, and an older model there is replaced.
        utterances: an utterance table. Those without an emotion are heard too: captions say what else is known of them.
        root: the corpus root.
        settings: the profile's block `contrastive.dual`.
        seed: seed of weights, order, crops and captions.
        report: is told (steps done, steps in all, text) after each step.

    Returns:
        The folder; its `log.csv` has a row an epoch and stage, the loss in nats.

    Raises:
        ValueError: a session is not in the table, or too few utterances are left.
        hub.CheckpointError: there is no wav2vec 2.0 to start from; the message says where to put it.
        audio.AudioError: an utterance cannot be read.
    """
    folder = Path(folder)
    parts = _parts(utterances, settings, seed=seed)
    table = utterances.assign(part=parts)[parts.ne(splits.TEST)]
    source = find_source(settings.source)
    key = _key(table, root, source, settings, seed)
    with kept.making(folder, key) as work:
        if work:
            model = _fit(table, root, source, work, settings, seed, report)
            _write(folder, model, work, settings, {"key": key, "held_out": settings.held_out, "seed": seed})
    return folder


def _key(table: pd.DataFrame, root: Path | str, source: Path, settings: ContrastTraining, seed: int) -> str:
    """What the model depends on, as one digest: what is heard and said, the start, settings, code, seed."""
    rows = table[_IDENTITY].astype("string").fillna("").to_csv(index=False)
    sounds = [cache.file_digest(Path(root) / name) for name in sorted(table["audio"].unique())]
    weights = [cache.file_digest(file) for file in sorted(source.iterdir()) if file.name in _SOURCE]
    fit = {name: getattr(settings, name) for name in _FIT}
    return kept.key(rows, sounds, weights, fit, cache.code_digest(*_CODE), seed)


def _fit(
    table: pd.DataFrame,
    root: Path | str,
    source: Path,
    work: Path,
    settings: ContrastTraining,
    seed: int,
    report: Report | None,
) -> DualModel:
    """Train all epochs that are left; returns the model as its best epoch left it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # the first weights of what does not come from the source
        brain = _brain(_started(source, settings), work, settings, seed)
        brain.facts = captions.facts(table, limits=captions.levels(_rows(table, splits.TRAIN)["arousal"]))
        brain.run(*_batches(table, root, settings, seed), report)
    return brain.modules.dual.cpu()


def _started(source: Path, settings: ContrastTraining) -> DualModel:
    """The model before training: the source's wav2vec 2.0 hears, all else is random."""
    checkpoint_files.check_preprocessor(source)
    heard = Wav2Vec2Model.from_pretrained(source)
    model = DualModel(heard.config, Sizes(settings.dimension, settings.text_dimension))
    model.audio.wav2vec2.load_state_dict(heard.state_dict())
    return model


def _brain(model: DualModel, work: Path, settings: ContrastTraining, seed: int) -> DualBrain:
    counter = EpochCounter(settings.epochs)
    checkpointer = Checkpointer(work, {"dual": model, "counter": counter})
    rates = {name: getattr(settings, name) for name in ("learning_rate", "learning_rate_encoder")}
    hparams = {"seed": seed, "epoch_counter": counter, "log_file": str(work / LOG), **rates}
    options = {"noprogressbar": True}
    return DualBrain({"dual": model}, hparams=hparams, run_opts=options, checkpointer=checkpointer)


def _batches(
    table: pd.DataFrame, root: Path | str, settings: ContrastTraining, seed: int
) -> tuple[DataLoader, DataLoader]:
    """Random crops to train on, shuffled, and whole utterances that validate."""
    learned = data.dataset(_rows(table, splits.TRAIN), root, classes=(), crop_s=settings.crop_s)
    valid = data.dataset(_rows(table, splits.VALID), root, classes=(), crop_s=None)
    batches = data.loader(learned, batch_size=settings.batch_size, shuffle=True, seed=seed)
    return batches, data.loader(valid, batch_size=settings.batch_size, shuffle=False, seed=seed)


def _rows(table: pd.DataFrame, part: str) -> pd.DataFrame:
    return table[table["part"].eq(part)]


def _write(folder: Path, model: DualModel, work: Path, settings: ContrastTraining, facts: dict) -> None:
    """Put all files into the folder's place at once; an older model there is replaced."""
    with paths.replacing(folder) as partial:
        partial.mkdir()
        dual.save(partial, model, Sizes(settings.dimension, settings.text_dimension))
        shutil.copyfile(work / LOG, partial / LOG)
        record = {**facts, "parameters": sum(values.numel() for values in model.parameters())}
        (partial / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
        if folder.exists():
            folder.replace(partial.parent / ".old")  # inside the temporary folder, which is deleted
