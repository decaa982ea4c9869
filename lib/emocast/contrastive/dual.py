"""What one epoch of the contrastive training does: CLIP's loss between utterances and captions drawn for them anew.

In a batch every utterance should be most like its own caption, and every caption most like its own utterance. Several
captions of a batch may be true of one utterance (there are few emotions): what the model then learns is how often each
belongs to it, and the loss cannot fall to zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import speechbrain as sb
import torch
from torch.nn import functional

from ..encoders.dual_model import DualModel
from ..ser.brain import EpochBrain
from . import captions

_WARM_UP = 0.1  # share of the steps in which the learning rates rise; then they fall to zero as a cosine
_MOST = math.log(100)  # CLIP's limit of the scale (section 2.5)


def contrastive_loss(audio: torch.Tensor, text: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """CLIP's loss (Radford et al. 2021, https://arxiv.org/abs/2103.00020, figure 3).

    Args:
        audio: embeddings of n utterances, each of length 1, shape (n, dimension).
        text: those of their captions in the same order.
        scale: what cosines are multiplied by, one over the temperature.

    Returns:
        The mean of two cross-entropies in nats: of finding the caption for each utterance, and the utterance for each caption.
    """
    likeness = scale * audio @ text.T
    own = torch.arange(len(likeness), device=likeness.device)
    return (functional.cross_entropy(likeness, own) + functional.cross_entropy(likeness.T, own)) / 2


class DualBrain(EpochBrain):
    """Trains both towers.

    `modules` must hold `dual`, a `DualModel`; `hparams` also `learning_rate` and `learning_rate_encoder`.

    Attributes:
        facts: what captions may say of each utterance, by its name.
    """

    facts: Mapping[str, captions.Facts]

    def init_optimizers(self) -> None:
        """One AdamW: the wav2vec 2.0 at its own rate, all else at the other."""
        model: DualModel = self.modules.dual
        encoder = [parameter for parameter in model.audio.wav2vec2.parameters() if parameter.requires_grad]
        rest = [*model.audio.projection.parameters(), *model.text.parameters(), model.log_scale]
        groups = [(encoder, self.hparams.learning_rate_encoder), (rest, self.hparams.learning_rate)]
        self.optimizer = torch.optim.AdamW([{"params": some, "lr": rate, "full": rate} for some, rate in groups])
        self.optimizers_dict = {"all": self.optimizer}
        self.checkpointer.add_recoverable("optimizer", self.optimizer)

    def on_stage_start(self, stage: sb.Stage, epoch: int | None = None) -> None:
        """Seed the captions too: anew for each epoch that trains, the same for all that validate."""
        super().on_stage_start(stage, epoch)
        drawn = epoch if stage == sb.Stage.TRAIN else 0
        self._numbers = np.random.default_rng([self.hparams.seed, drawn])

    def on_fit_batch_start(self, batch, should_step: bool) -> None:
        """Set the learning rates by how far the training is."""
        done = (self.hparams.epoch_counter.current - 1) * self.steps_per_epoch + self.step - 1
        share = share_of_rate(done / (self.hparams.epoch_counter.limit * self.steps_per_epoch))
        for group in self.optimizer.param_groups:
            group["lr"] = group["full"] * share + 1e-8

    def compute_forward(self, batch, stage: sb.Stage) -> tuple[torch.Tensor, torch.Tensor]:
        """The embeddings of utterances and of their captions."""
        padded, shares = batch.to(self.device).sig
        lengths = (shares * padded.shape[1]).round().long().tolist()
        texts = [captions.compose(self.facts[name], self._numbers) for name in batch.id]
        waveforms = [waveform[:length] for waveform, length in zip(padded, lengths, strict=True)]
        return self.modules.dual.audio(waveforms), self.modules.dual.text(texts)

    def compute_objectives(self, predictions: tuple[torch.Tensor, ...], batch, stage: sb.Stage) -> torch.Tensor:
        """The contrastive loss."""
        scale = self.modules.dual.log_scale.clamp(max=_MOST).exp()
        return contrastive_loss(*predictions, scale)


def share_of_rate(done: float) -> float:
    """The share of the full learning rate when a share of the training is done: a rise, then half a cosine to zero."""
    if done < _WARM_UP:
        return done / _WARM_UP
    return (1 + math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP))) / 2
