"""A small wav2vec 2.0 to begin with, trained on sound alone: what `facebook/wav2vec2-base` is to the published recipe.

Where no such encoder can be downloaded, the project trains a small one of the same class: from the waveform, CNN and
transformer learn to give the spectrogram, fine below 1 kHz, where pitch is, and in mel bands above. That is one of the
self-supervised tasks of PASE (Pascual et al. 2019, https://arxiv.org/abs/1904.03416), far quicker for a small network than
wav2vec 2.0's own. No label is read, and no utterance of a corpus that a recogniser is trained or tested on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import speechbrain as sb
import torch
from torch import nn
from torch.nn import functional
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from .. import audio, compute
from ..settings import Start
from . import training

SPECTRUM = 1024  # samples: 64 ms
LOWEST, HIGHEST = 3, 64  # bins of 15.6 Hz: from 47 Hz to 1 kHz
MEL_BANDS = 32
_TARGETS = HIGHEST - LOWEST + MEL_BANDS
_VALID_EVERY = 10  # every tenth file validates


class Spectrogram(nn.Module):
    """The task's targets: log power at 61 low frequencies and in 32 mel bands, each scaled over the batch."""

    def __init__(self, hop: int) -> None:
        """`hop`: samples from one row to the next, as many as the encoder's."""
        super().__init__()
        self.hop = hop
        mel = librosa.filters.mel(sr=training.SAMPLE_RATE, n_fft=SPECTRUM, n_mels=MEL_BANDS)
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


class InitialBrain(training.CosineBrain):
    """Learns the spectrogram at two places: after the CNN and after the transformer; the loss is the mean of the errors."""

    warm_up = 0.3

    def compute_forward(self, batch, stage: sb.Stage) -> tuple[torch.Tensor, ...]:
        """What CNN and transformer predict, and the targets; rows that only one of them has are left out."""
        waveforms = batch.to(self.device).sig.data
        waveforms = functional.layer_norm(waveforms, waveforms.shape[1:])
        targets = self.modules.spectrogram(waveforms)
        features = self.modules.wav2vec2.feature_extractor(waveforms).transpose(1, 2)
        hidden = self.modules.wav2vec2.encoder(self.modules.wav2vec2.feature_projection(features)[0]).last_hidden_state
        rows = min(targets.shape[1], hidden.shape[1])
        predicted = self.modules.after_cnn(features), self.modules.after_transformer(hidden)
        return *(values[:, :rows] for values in predicted), targets[:, :rows]

    def compute_objectives(self, predictions: tuple[torch.Tensor, ...], batch, stage: sb.Stage) -> torch.Tensor:
        """The mean absolute error, in standard deviations of the targets."""
        after_cnn, after_transformer, targets = predictions
        return (functional.l1_loss(after_cnn, targets) + functional.l1_loss(after_transformer, targets)) / 2


def train(
    folder: Path | str, files: Sequence[Path], *, settings: Start, seed: int, report: training.Report | None = None
) -> Path:
    """Train the small encoder, or find that this was done; a killed training goes on.

    Args:
        folder: where it goes, in the manner of transformers; its `log.csv` has the loss in standard deviations of the targets.
        files: sound files of speech; each gives one random crop an epoch, every tenth only validates.
        settings, seed, report: the profile's block `ser.start`; seed of weights, order and crops; as for `training.train`.

    Raises:
        ValueError: fewer than two files, or settings of which no encoder can be made.
        audio.AudioError: a file cannot be read.
    """
    files = sorted(files)
    if len(files) < 2:
        raise ValueError(f"{len(files)} sound files are too few to train an encoder on; see data/README.md")

    names, seconds = [str(file) for file in files], [audio.inspect(file).duration_s for file in files]
    table = pd.DataFrame({"utterance": names, "audio": names, "start_s": 0.0, "end_s": seconds})
    table = table.assign(emotion=pd.NA, valence=np.nan, arousal=np.nan)

    def learn(work: Path) -> Wav2Vec2Model:
        torch.manual_seed(seed)  # the first weights
        options = {"epochs": settings.epochs, "seed": seed, "lr": settings.learning_rate}
        brain = InitialBrain.of(_modules(settings), work, **options)
        valid = np.arange(len(table)) % _VALID_EVERY == 0
        options = {"crop_s": settings.crop_s, "batch_size": settings.batch_size, "seed": seed}
        parts = [training.loader(table[rows], Path(), shuffle=rows is not valid, **options) for rows in (~valid, valid)]
        brain.run(*parts, report)
        return brain.modules.wav2vec2.cpu()

    def save(partial: Path, model: Wav2Vec2Model) -> dict[str, int]:
        model.save_pretrained(partial)
        Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False).save_pretrained(partial)
        return {"parameters": sum(values.numel() for values in model.parameters())}

    code = compute.code_digest("audio.py", "ser/initial.py", "ser/training.py")
    key = training.key(table, Path(), [], None, vars(settings), code, seed)
    return training.once(Path(folder), key, learn, save)


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
