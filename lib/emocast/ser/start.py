"""A small wav2vec 2.0 to begin with, trained on sound alone: what `facebook/wav2vec2-base` is to the published recipe.

The recipe fine-tunes an encoder that has heard much speech, and keeps its CNN frozen. Where no such encoder can be
downloaded, the project trains a small one of the same class: from the waveform, CNN and transformer learn to give the
spectrogram, fine below 1 kHz, where pitch is, and in mel bands above. That is one of the self-supervised tasks of PASE (Pascual
et al. 2019, https://arxiv.org/abs/1904.03416), and far quicker for a small network than wav2vec 2.0's own contrastive
task. No label is read, and no utterance of a corpus that a recogniser is trained or tested on.

The result is a folder in the manner of transformers: configuration, preprocessor, `model.safetensors`.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pandas as pd
import speechbrain as sb
import torch
from speechbrain.utils.checkpoints import Checkpointer
from speechbrain.utils.epoch_loop import EpochCounter
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from .. import audio, cache, paths
from ..profile import Start
from . import data, kept
from .brain import EpochBrain, Report
from .kept import LOG, RECORD

SPECTRUM = 1024  # samples: 64 ms
LOWEST, HIGHEST = 3, 64  # bins of 15.6 Hz: from 47 Hz to 1 kHz
MEL_BANDS = 32
_TARGETS = HIGHEST - LOWEST + MEL_BANDS
_WARM_UP = 0.3  # share of the steps in which the learning rate rises; then it falls to zero as a cosine
_VALID_EVERY = 10  # every tenth file validates


class Spectrogram(nn.Module):
    """The task's targets: log power at 61 low frequencies and in 32 mel bands, each scaled over the batch."""

    def __init__(self, hop: int) -> None:
        """`hop`: samples from one row to the next, as many as the encoder's."""
        super().__init__()
        self.hop = hop
        mel = librosa.filters.mel(sr=data.SAMPLE_RATE, n_fft=SPECTRUM, n_mels=MEL_BANDS)
        self.register_buffer("mel", torch.from_numpy(mel))
        self.register_buffer("window", torch.hann_window(SPECTRUM))

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Targets of waveforms (n, samples): (n, rows, 93)."""
        spectrum = (
            torch.stft(waveforms, SPECTRUM, self.hop, window=self.window, center=False, return_complex=True).abs() ** 2
        )
        rows = torch.log(torch.cat([spectrum[:, LOWEST:HIGHEST], self.mel @ spectrum], dim=1) + 1e-2)
        mean, spread = rows.mean(dim=(0, 2), keepdim=True), rows.std(dim=(0, 2), keepdim=True)
        return ((rows - mean) / (spread + 1e-3)).transpose(1, 2)


class StartBrain(EpochBrain):
    """Learns the spectrogram at two places: after the CNN and after the transformer; the loss is the mean of the errors."""

    def init_optimizers(self) -> None:
        """One AdamW for all."""
        self.optimizer = torch.optim.AdamW(self.modules.parameters(), lr=self.hparams.lr)
        self.optimizers_dict = {"all": self.optimizer}
        self.checkpointer.add_recoverable("optimizer", self.optimizer)

    def on_fit_batch_start(self, batch, should_step: bool) -> None:
        """Set the learning rate by how far the training is."""
        done = (self.hparams.epoch_counter.current - 1) * self.steps_per_epoch + self.step - 1
        share = done / (self.hparams.epoch_counter.limit * self.steps_per_epoch)
        rising = share / _WARM_UP
        falling = (1 + math.cos(math.pi * (share - _WARM_UP) / (1 - _WARM_UP))) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = self.hparams.lr * (rising if share < _WARM_UP else falling) + 1e-8

    def compute_forward(self, batch, stage: sb.Stage) -> tuple[torch.Tensor, ...]:
        """What CNN and transformer say, and the targets; rows that only one of them has are left out."""
        waveforms = batch.to(self.device).sig.data
        waveforms = functional.layer_norm(waveforms, waveforms.shape[1:])
        targets = self.modules.spectrogram(waveforms)
        heard = self.modules.wav2vec2.feature_extractor(waveforms).transpose(1, 2)
        hidden = self.modules.wav2vec2.encoder(self.modules.wav2vec2.feature_projection(heard)[0]).last_hidden_state
        rows = min(targets.shape[1], hidden.shape[1])
        said = self.modules.after_cnn(heard), self.modules.after_transformer(hidden)
        return *(values[:, :rows] for values in said), targets[:, :rows]

    def compute_objectives(self, predictions: tuple[torch.Tensor, ...], batch, stage: sb.Stage) -> torch.Tensor:
        """The mean absolute error, in standard deviations of the targets."""
        after_cnn, after_transformer, targets = predictions
        return (functional.l1_loss(after_cnn, targets) + functional.l1_loss(after_transformer, targets)) / 2


def train(
    folder: Path | str, files: Sequence[Path], *, settings: Start, seed: int, report: Report | None = None
) -> Path:
    """Train the small encoder, or find that this was done; a killed training goes on.

    Args:
        folder: where it goes; it takes its place whole, and an older encoder there is replaced.
        files: sound files of speech; each gives one random crop an epoch, every tenth only validates.
        settings: the profile's block `ser.start`.
        seed: seed of weights, order and crops.
        report: is told (steps done, steps in all, text) after each step.

    Returns:
        The folder; its `log.csv` has a row an epoch and stage, the loss in standard deviations of the targets.

    Raises:
        ValueError: fewer than two files, or settings of which no encoder can be made.
        audio.AudioError: a file cannot be read.
    """
    folder, files = Path(folder), sorted(files)
    if len(files) < 2:
        raise ValueError(f"{len(files)} sound files are too few to train an encoder on; see data/README.md")
    key = _key(files, settings, seed)
    with kept.making(folder, key) as work:
        if work:
            model = _fit(files, work, settings, seed, report)
            _write(folder, model, work, key)
    return folder


def _key(files: Sequence[Path], settings: Start, seed: int) -> str:
    """What the encoder depends on, as one digest: sounds, settings, code, seed."""
    code = cache.code_digest("audio.py", "ser/start.py", "ser/brain.py", "ser/data.py")
    return kept.key([cache.file_digest(file) for file in files], asdict(settings), code, seed)


def _fit(files: Sequence[Path], work: Path, settings: Start, seed: int, report: Report | None) -> Wav2Vec2Model:
    """Train all epochs that are left; returns the encoder as its best epoch left it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # the first weights
        brain = _brain(work, settings, seed)
        brain.run(*_batches(files, settings, seed), report)
    return brain.modules.wav2vec2.cpu()


def _brain(work: Path, settings: Start, seed: int) -> StartBrain:
    modules, counter = _modules(settings), EpochCounter(settings.epochs)
    checkpointer = Checkpointer(work, {"modules": nn.ModuleDict(modules), "counter": counter})
    hparams = {"seed": seed, "epoch_counter": counter, "log_file": str(work / LOG), "lr": settings.learning_rate}
    return StartBrain(modules, hparams=hparams, run_opts={"noprogressbar": True}, checkpointer=checkpointer)


def _batches(files: Sequence[Path], settings: Start, seed: int) -> tuple[DataLoader, DataLoader]:
    """Random crops to train on, shuffled, and those that validate."""
    table = _table(files)
    valid = np.arange(len(table)) % _VALID_EVERY == 0
    learned, held = (
        data.dataset(rows, Path(), classes=(), crop_s=settings.crop_s) for rows in (table[~valid], table[valid])
    )
    batches = data.loader(learned, batch_size=settings.batch_size, shuffle=True, seed=seed)
    return batches, data.loader(held, batch_size=settings.batch_size, shuffle=False, seed=seed)


def _modules(settings: Start) -> dict[str, nn.Module]:
    """The encoder, a linear layer at each of its two places, and the targets."""
    unknown = set(settings.architecture) - set(Wav2Vec2Config().to_dict())
    if unknown:  # transformers would keep the name and build its own large network
        raise ValueError(
            f"ser.start.architecture: unknown setting {min(unknown)!r}; take the names of transformers' Wav2Vec2Config"
        )
    try:
        config = Wav2Vec2Config(**settings.architecture, apply_spec_augment=False)
        model = Wav2Vec2Model(config)
    except Exception as error:  # settings that cannot be show themselves in many ways
        raise ValueError(f"ser.start.architecture: no wav2vec 2.0 can have these settings ({error})") from error
    return {
        "wav2vec2": model,
        "after_cnn": nn.Linear(config.conv_dim[-1], _TARGETS),
        "after_transformer": nn.Linear(config.hidden_size, _TARGETS),
        "spectrogram": Spectrogram(math.prod(config.conv_stride)),
    }


def _table(files: Sequence[Path]) -> pd.DataFrame:
    """The files as rows of an utterance table."""
    seconds = [audio.inspect(file).duration_s for file in files]
    rows = {"utterance": [str(file) for file in files], "audio": [str(file) for file in files], "end_s": seconds}
    return pd.DataFrame(rows).assign(start_s=0.0, emotion=pd.NA, valence=np.nan, arousal=np.nan)


def _write(folder: Path, model: Wav2Vec2Model, work: Path, key: str) -> None:
    """Put all files into the folder's place at once; an older encoder there is replaced."""
    with paths.replacing(folder) as partial:
        model.save_pretrained(partial)
        Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False).save_pretrained(partial)
        shutil.copyfile(work / LOG, partial / LOG)
        record: dict[str, Any] = {"key": key, "parameters": sum(values.numel() for values in model.parameters())}
        (partial / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
        if folder.exists():
            folder.replace(partial.parent / ".old")  # inside the temporary folder, which is deleted
