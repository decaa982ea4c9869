"""What one epoch of a training does: SpeechBrain's `Brain` with the thesis's three objectives.

`EpochBrain` is what all trainings share: one seed an epoch, a log, a checkpoint after each epoch that counts only when it
is whole, progress reports. `EmotionBrain` adds forward pass, losses and NewBob annealing of the emotion recognisers.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import speechbrain as sb
import torch
from speechbrain.nnet.schedulers import update_learning_rate
from speechbrain.utils.checkpoints import Checkpoint
from torch.utils.data import DataLoader

from .. import paths

#: Reports progress: (steps done in all, steps in all, text).
Report = Callable[[int, int, str], None]

_WHOLE = "WHOLE"  # SpeechBrain writes a checkpoint's files one by one: this one last


class EpochBrain(sb.Brain):
    """A `Brain` that goes on after a kill as if there had been none, to the same numbers.

    `hparams` must hold `seed`, `epoch_counter`, `log_file`, and `checkpointer` with all that an epoch changes. Subclasses
    may give `scores(stage, loss)`: a mapping of a stage's figures, of which `error` chooses the epoch that is kept.

    Attributes:
        report: is told of each step.
        steps_per_epoch: the number of training batches.
    """

    report: Report = staticmethod(lambda done, total, text: None)
    steps_per_epoch: int = 0

    def run(self, batches: DataLoader, held: DataLoader, report: Report | None = None) -> int:
        """Train the epochs that are left, then load the best.

        Args:
            batches: what is learned from, in an order that follows from seed and epoch (`data.loader`).
            held: what validates.
            report: is told (steps done, steps in all, text) after each step.

        Returns:
            The number of the epoch that was loaded, from 1.
        """
        self.steps_per_epoch, self.train_sampler = len(batches), batches.sampler
        self.report = report or self.report
        self.fit(self.hparams.epoch_counter, batches, held)
        return self.recover_best()

    def on_fit_start(self) -> None:
        """Make the optimizers, then go on from the newest whole checkpoint; the log forgets later epochs."""
        self.init_optimizers()
        for checkpoint in self.checkpointer.list_checkpoints():
            if not is_whole(checkpoint):  # a kill came between
                shutil.rmtree(checkpoint.path)
        self.checkpointer.recover_if_possible()
        path = Path(self.hparams.log_file)
        rows = pd.read_csv(path) if path.is_file() else pd.DataFrame({"epoch": []})
        self.log = rows[rows["epoch"] <= self.hparams.epoch_counter.current].to_dict("records")

    def on_stage_start(self, stage: sb.Stage, epoch: int | None = None) -> None:
        """Seed the stage by the run's seed and the epoch: what came before does not matter."""
        if stage == sb.Stage.TRAIN:
            torch.manual_seed(self.hparams.seed * 10_007 + epoch)
            self._began = time.perf_counter()
        self.reset(stage)

    def on_fit_batch_end(self, batch, outputs, loss, should_step) -> None:
        """Report a step."""
        counter = self.hparams.epoch_counter
        total = counter.limit * self.steps_per_epoch
        done = (counter.current - 1) * self.steps_per_epoch + self.step
        self.report(done, total, f"epoch {counter.current}/{counter.limit}, loss {self.avg_train_loss:.3f}")

    def on_stage_end(self, stage: sb.Stage, stage_loss: float, epoch: int | None = None) -> None:
        """Log a stage; after validation anneal and keep the epoch."""
        scores = {"loss": float(stage_loss), **self.scores(stage, float(stage_loss))}
        self.log.append({"epoch": epoch, "stage": stage.name.lower(), **scores})
        if stage == sb.Stage.VALID:
            self.log[-1]["seconds"] = round(time.perf_counter() - self._began, 2)
            self.anneal(scores["error"])
            self._keep(epoch, scores["error"])

    def _keep(self, epoch: int, error: float) -> None:
        """Write log and checkpoint; then drop checkpoints that are neither the newest nor the best."""
        with paths.replacing(Path(self.hparams.log_file)) as partial:
            pd.DataFrame(self.log).to_csv(partial, index=False)
        # of equal errors the earliest is the best: SpeechBrain would take any
        made = self.checkpointer.save_checkpoint(meta={"error": error + epoch * 1e-9, "epoch": epoch})
        (made.path / _WHOLE).touch()
        self.checkpointer.delete_checkpoints(num_to_keep=1, min_keys=["error"])

    def anneal(self, error: float) -> None:
        """Change the learning rate after an epoch; by default it stays."""

    def reset(self, stage: sb.Stage) -> None:
        """Forget what was counted in an earlier stage."""

    def scores(self, stage: sb.Stage, loss: float) -> dict[str, float]:
        """The figures of a stage that has ended; `error` is among them, and less is better."""
        return {"error": loss}

    def recover_best(self) -> int:
        """Load the epoch with the least validation error, the earliest of equals; returns its number."""
        best = self.checkpointer.recover_if_possible(min_key="error")
        return int(best.meta["epoch"])


def is_whole(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint was written to its end."""
    return (Path(checkpoint.path) / _WHOLE).is_file()


class EmotionBrain(EpochBrain):
    """Fine-tunes a wav2vec 2.0 with the heads that `hparams` has; `hparams.objective` says which errors count.

    The error that anneals the rates and chooses the epoch is the share of wrong classes (as in SpeechBrain's recipe), the
    mean squared error for regression, and the sum of both losses for the two objectives together (our choice: the
    thesis does not say).
    """

    def on_fit_start(self) -> None:
        """Freeze the CNN as transformers does, so that no gradient is computed for it; it changes nothing else."""
        self.modules.wav2vec2.model.freeze_feature_encoder()
        super().on_fit_start()

    def init_optimizers(self) -> None:
        """One Adam for the encoder and one for the heads."""
        self.wav2vec2_optimizer = self.hparams.wav2vec2_opt_class(self._trainable(self.modules.wav2vec2))
        self.optimizer = self.hparams.opt_class(self.hparams.model.parameters())
        self.optimizers_dict = {"wav2vec2": self.wav2vec2_optimizer, "heads": self.optimizer}
        self.checkpointer.add_recoverable("wav2vec2_optimizer", self.wav2vec2_optimizer)
        self.checkpointer.add_recoverable("optimizer", self.optimizer)

    @staticmethod
    def _trainable(module: torch.nn.Module) -> list[torch.nn.Parameter]:
        return [parameter for parameter in module.parameters() if parameter.requires_grad]

    def compute_forward(self, batch, stage: sb.Stage) -> dict[str, torch.Tensor]:
        """Encode, average over time, apply the heads: "emotion" (n, 4) log-probabilities, "dimensions" (n, 2).

        The dimensions are valence and arousal on the corpus's own scale.
        """
        waveforms, lengths = batch.to(self.device).sig
        pooled = self.modules.avg_pool(self.modules.wav2vec2(waveforms, lengths), lengths).squeeze(1)
        outputs = {}
        if "output_mlp" in self.modules:
            outputs["emotion"] = self.hparams.log_softmax(self.modules.output_mlp(pooled))
        if "regression_mlp" in self.modules:
            outputs["dimensions"] = self.modules.regression_mlp(pooled)
        return outputs

    def compute_objectives(self, predictions: dict[str, torch.Tensor], batch, stage: sb.Stage) -> torch.Tensor:
        """The loss: negative log-likelihood, mean squared error, or their sum."""
        losses = {}
        if "emotion" in predictions:
            losses["nll"] = self.hparams.nll(predictions["emotion"], batch.emotion)
            self._count("error_rate", (predictions["emotion"].argmax(dim=-1) != batch.emotion).float())
        if "dimensions" in predictions:
            losses["mse"] = self.hparams.mse(predictions["dimensions"], batch.dimensions.data)
        for name, loss in losses.items():
            self._count(name, loss.detach().expand(len(batch.id)))
        return sum(losses.values())

    def _count(self, name: str, values: torch.Tensor) -> None:
        total, rows = self._sums.get(name, (0.0, 0))
        self._sums[name] = (total + float(values.sum()), rows + len(values))

    def reset(self, stage: sb.Stage) -> None:
        """Forget what was counted in an earlier stage."""
        self._sums: dict[str, tuple[float, int]] = {}

    def scores(self, stage: sb.Stage, loss: float) -> dict[str, float]:
        """Means over the utterances of the stage: error_rate, nll, mse where they apply, and the error that counts."""
        means = {name: total / rows for name, (total, rows) in self._sums.items()}
        error = {
            "classification": means.get("error_rate"),
            "regression": means.get("mse"),
            "multiobjective": means.get("nll", 0.0) + means.get("mse", 0.0),
        }[self.hparams.objective]
        return {**means, "error": error, "lr": self.optimizer.param_groups[0]["lr"]}

    def anneal(self, error: float) -> None:
        """NewBob on both rates."""
        for scheduler, optimizer in (
            (self.hparams.lr_annealing, self.optimizer),
            (self.hparams.lr_annealing_wav2vec2, self.wav2vec2_optimizer),
        ):
            update_learning_rate(optimizer, scheduler(error)[1])
