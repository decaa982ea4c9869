"""Train one recogniser: from an utterance table with its parts to a folder in SpeechBrain's checkpoint format.

The folder holds the checkpoint, `split.csv` (which utterance was in which part), `log.csv` (one row an epoch and stage) and
`training.json` (settings and the key of all that the training depends on). A training that is there already, with the same
data, settings and code, is not run again; a killed one goes on from its last whole epoch, in `.training/` beside the folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import speechbrain as sb
import torch
import transformers
from filelock import FileLock
from hyperpyyaml import load_hyperpyyaml
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.dataio.sampler import ReproducibleRandomSampler
from speechbrain.nnet.schedulers import update_learning_rate
from speechbrain.utils.checkpoints import Checkpointer
from speechbrain.utils.epoch_loop import EpochCounter
from torch.utils.data import DataLoader
from transformers import Wav2Vec2Config

from .. import audio, compute, labels, paths
from ..compute import torch_threads
from ..encoders import hub, wav2vec2
from ..settings import Recogniser

SAMPLE_RATE = 16_000  # Hz
TRAIN, VALID, TEST = PARTS = ("train", "valid", "test")
LOG, RECORD, SPLIT = "log.csv", "training.json", "split.csv"

#: What an utterance must have for an objective to learn from it.
NEEDED = {
    "classification": ["emotion"],
    "regression": ["valence", "arousal"],
    "multiobjective": ["emotion", "valence", "arousal"],
}
OBJECTIVES = tuple(NEEDED)

#: Reports progress: (steps done in all, steps in all, text).
Report = Callable[[int, int, str], None]

_WHOLE = "WHOLE"  # SpeechBrain writes a checkpoint's files one by one: this one last
_CONFIG, _WEIGHTS = ("config.json", "preprocessor_config.json"), ("model.safetensors", "pytorch_model.bin")
_HPARAMS = Path(__file__).parent / "hparams"
#: What of the settings a training depends on, and what of an utterance it reads.
_FIT = (
    "epochs", "batch_size", "learning_rate_head", "learning_rate_encoder", "annealing_factor", "crop_s", "precision",
)  # fmt: skip
_READ = ["utterance", "audio", "start_s", "end_s", "emotion", "valence", "arousal"]


def usable(table: pd.DataFrame, *, objective: str) -> pd.DataFrame:
    """The utterances (of the four classes or of none) that an objective can learn from (`NEEDED`), with a fresh index."""
    return table.dropna(subset=NEEDED[objective]).reset_index(drop=True)


def loader(
    table: pd.DataFrame, root: Path | str, *, crop_s: float | None, batch_size: int, shuffle: bool, seed: int
) -> DataLoader:
    """Batches of utterances, padded at their ends; the order of each epoch follows from seed and epoch alone.

    Items are `id`, `sig` (float32, (samples,), 16 kHz), `emotion` (the number in `labels.FOUR`, or -1) and `dimensions`
    (valence, arousal or NaN; float32, (2,)). `crop_s`: length in seconds of random crops, which keep a step's cost the same;
    None for whole utterances, as in SpeechBrain's recipe. What is shorter stays as it is.
    """
    numbers = {emotion: number for number, emotion in enumerate(labels.FOUR)}
    rows = {
        row.utterance: {
            "path": str(Path(root) / row.audio), "start_s": row.start_s, "end_s": row.end_s,
            "emotion": numbers.get(row.emotion, -1), "valence": row.valence, "arousal": row.arousal,
        }
        for row in table.itertuples()
    }  # fmt: skip

    def sound(path: str, start_s: float, end_s: float) -> torch.Tensor:
        waveform = audio.read(Path(path), start_s=start_s, end_s=end_s, sample_rate=SAMPLE_RATE)
        length = len(waveform) if crop_s is None else round(crop_s * SAMPLE_RATE)
        if len(waveform) > length:  # torch's generator draws, which the training seeds for each epoch
            start = int(torch.randint(len(waveform) - length + 1, ()))
            waveform = waveform[start : start + length]
        return torch.from_numpy(waveform.astype(np.float32))

    def both(valence: float, arousal: float) -> torch.Tensor:
        return torch.tensor([valence, arousal], dtype=torch.float32)

    made = DynamicItemDataset(rows, output_keys=["id", "sig", "emotion", "dimensions"])
    made.add_dynamic_item(sound, takes=["path", "start_s", "end_s"], provides="sig")
    made.add_dynamic_item(both, takes=["valence", "arousal"], provides="dimensions")
    sampler = ReproducibleRandomSampler(made, seed=seed) if shuffle else None
    return DataLoader(made, batch_size=batch_size, sampler=sampler, collate_fn=PaddedBatch)


class EpochBrain(sb.Brain):
    """SpeechBrain's `Brain`, but a training goes on after a kill as if there had been none, to the same numbers.

    `hparams` must hold `seed`, `epoch_counter`, `log_file`, and `checkpointer` with all that an epoch changes. Subclasses may
    give `scores`: a stage's figures, of which `error` chooses the epoch that is kept.
    """

    def run(self, batches: DataLoader, held: DataLoader, report: Report | None = None) -> int:
        """Train the epochs that are left, then load the best: the least validation error, of equals the earliest.

        `held` validates, and `report` is told after each step. Returns the number of the epoch that was loaded, from 1.
        """
        self.steps_per_epoch, self.train_sampler = len(batches), batches.sampler
        self.report = report or (lambda done, total, text: None)
        self.fit(self.hparams.epoch_counter, batches, held)
        return int(self.checkpointer.recover_if_possible(min_key="error").meta["epoch"])

    def on_fit_start(self) -> None:
        """Make the optimizers, then go on from the newest whole checkpoint; the log forgets later epochs."""
        self.init_optimizers()
        for found in self.checkpointer.list_checkpoints():
            if not (Path(found.path) / _WHOLE).is_file():  # a kill came between
                shutil.rmtree(found.path)
        self.checkpointer.recover_if_possible()
        path = Path(self.hparams.log_file)
        rows = pd.read_csv(path) if path.is_file() else pd.DataFrame({"epoch": []})
        self.log = rows[rows["epoch"] <= self.hparams.epoch_counter.current].to_dict("records")

    def on_stage_start(self, stage: sb.Stage, epoch: int | None = None) -> None:
        """Seed the stage by the run's seed and the epoch: what came before does not matter."""
        if stage == sb.Stage.TRAIN:
            torch.manual_seed(self.hparams.seed * 10_007 + epoch)
            self._began = time.perf_counter()
        self._sums: dict[str, tuple[float, int]] = {}

    def steps_done(self) -> tuple[int, int]:
        """The steps that have begun, of all epochs, and the steps of the whole training."""
        counter = self.hparams.epoch_counter
        return (counter.current - 1) * self.steps_per_epoch + self.step, counter.limit * self.steps_per_epoch

    def on_fit_batch_end(self, batch, outputs, loss, should_step) -> None:
        """Report a step."""
        counter = self.hparams.epoch_counter
        self.report(*self.steps_done(), f"epoch {counter.current}/{counter.limit}, loss {self.avg_train_loss:.3f}")

    def on_stage_end(self, stage: sb.Stage, stage_loss: float, epoch: int | None = None) -> None:
        """Log a stage; after validation anneal, write log and checkpoint, and drop all but the newest and the best."""
        scores = {"loss": float(stage_loss), **self.scores(stage, float(stage_loss))}
        self.log.append({"epoch": epoch, "stage": stage.name.lower(), **scores})
        if stage != sb.Stage.VALID:
            return
        self.log[-1]["seconds"] = round(time.perf_counter() - self._began, 2)
        self.anneal(scores["error"])
        with paths.replacing(Path(self.hparams.log_file)) as partial:
            pd.DataFrame(self.log).to_csv(partial, index=False)
        # of equal errors the earliest is the best: SpeechBrain would take any
        made = self.checkpointer.save_checkpoint(meta={"error": scores["error"] + epoch * 1e-9, "epoch": epoch})
        (made.path / _WHOLE).touch()
        self.checkpointer.delete_checkpoints(num_to_keep=1, min_keys=["error"])

    def anneal(self, error: float) -> None:
        """Change the learning rate after an epoch; by default it stays."""

    def scores(self, stage: sb.Stage, loss: float) -> dict[str, float]:
        """The figures of a stage that has ended; `error` is among them, and less is better."""
        return {"error": loss}


class CosineBrain(EpochBrain):
    """One AdamW; its rates rise in the first `warm_up` (a share) of the steps, then fall to zero as half a cosine."""

    warm_up = 0.1

    @classmethod
    def of(cls, modules: Mapping[str, torch.nn.Module], work: Path, *, epochs: int, seed: int, **hparams: Any):
        """Make a brain whose state is kept in the folder `work`."""
        counter = EpochCounter(epochs)
        checkpointer = Checkpointer(work, {"modules": torch.nn.ModuleDict(modules), "counter": counter})
        hparams |= {"seed": seed, "epoch_counter": counter, "log_file": str(work / LOG)}
        return cls(modules, hparams=hparams, run_opts={"noprogressbar": True}, checkpointer=checkpointer)

    def rates(self) -> list[tuple[list[torch.nn.Parameter], float]]:
        """Which parameters learn at which full rate: by default all at `hparams.lr`."""
        return [(list(self.modules.parameters()), self.hparams.lr)]

    def init_optimizers(self) -> None:
        """Make it, and have each checkpoint hold its state."""
        self.optimizer = torch.optim.AdamW([{"params": some, "lr": rate, "full": rate} for some, rate in self.rates()])
        self.optimizers_dict = {"all": self.optimizer}
        self.checkpointer.add_recoverable("optimizer", self.optimizer)

    def on_fit_batch_start(self, batch, should_step: bool) -> None:
        """Set the learning rates by how far the training is."""
        done, total = self.steps_done()
        share, rise = (done - 1) / total, self.warm_up
        share = share / rise if share < rise else (1 + math.cos(math.pi * (share - rise) / (1 - rise))) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = group["full"] * share + 1e-8


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
        trainable = [parameter for parameter in self.modules.wav2vec2.parameters() if parameter.requires_grad]
        self.wav2vec2_optimizer = self.hparams.wav2vec2_opt_class(trainable)
        self.optimizer = self.hparams.opt_class(self.hparams.model.parameters())
        self.optimizers_dict = {"wav2vec2": self.wav2vec2_optimizer, "heads": self.optimizer}
        self.checkpointer.add_recoverable("wav2vec2_optimizer", self.wav2vec2_optimizer)
        self.checkpointer.add_recoverable("optimizer", self.optimizer)

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

    def scores(self, stage: sb.Stage, loss: float) -> dict[str, float]:
        """Means over the utterances of the stage: error_rate, nll, mse where they apply, and the error that counts."""
        means = {name: total / rows for name, (total, rows) in self._sums.items()}
        counted = {"classification": ["error_rate"], "regression": ["mse"]}.get(self.hparams.objective, ["nll", "mse"])
        error = sum(means[name] for name in counted)
        return {**means, "error": error, "lr": self.optimizer.param_groups[0]["lr"]}

    def anneal(self, error: float) -> None:
        """NewBob on both rates."""
        update_learning_rate(self.optimizer, self.hparams.lr_annealing(error)[1])
        update_learning_rate(self.wav2vec2_optimizer, self.hparams.lr_annealing_wav2vec2(error)[1])


def key(table: pd.DataFrame, root: Path | str, columns: Sequence[str], source: Path | None, *parts: Any) -> str:
    """The SHA-256 of what a training depends on: what it reads of utterances (these columns, and the bytes of their sound
    files), the wav2vec 2.0 that it begins with, further parts that JSON can hold, and the versions of what computes.
    """
    rows = table[list(columns)].astype("string").fillna("").to_csv(index=False)
    sounds = [compute.file_digest(Path(root) / name) for name in sorted(table["audio"].unique())]
    files = [source / name for name in (*_CONFIG, *_WEIGHTS)] if source else []
    weights = [compute.file_digest(file) for file in files if file.is_file()]
    versions = (torch.__version__, sb.__version__, transformers.__version__)
    parts = json.dumps([rows, sounds, weights, parts, versions], sort_keys=True)
    return hashlib.sha256(parts.encode()).hexdigest()


def is_trained(folder: Path | str, key: str | None = None) -> bool:
    """Whether a finished training is in a folder, and whether it is the one of this key."""
    path = Path(folder) / RECORD
    return path.is_file() and (key is None or json.loads(path.read_text(encoding="utf-8"))["key"] == key)


def once(folder: Path, key: str, learn: Callable[[Path], Any], save: Callable[[Path, Any], Mapping[str, Any]]) -> Path:
    """Train what is not there, one process at a time: others that want the same wait for it. Returns the folder.

    `learn` trains with its state in the folder it is given, which outlives an error or a kill and no success, and leaves its
    log there; it may draw random numbers. `save` writes what `learn` returned into the folder it is given, which takes its
    place whole, and returns facts for the record.
    """
    work = folder.parent / ".training" / f"{folder.name}-{key[:12]}"
    work.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{work}.lock"):
        if is_trained(folder, key):
            return folder
        with torch.random.fork_rng():
            learned = learn(work)
        with paths.replacing(folder) as partial:
            partial.mkdir()
            facts = {"key": key, **save(partial, learned)}
            shutil.copyfile(work / LOG, partial / LOG)
            (partial / RECORD).write_text(json.dumps(facts, indent=1), encoding="utf-8")
            if folder.exists():
                folder.replace(partial.parent / ".old")  # inside the temporary folder, which is deleted
        shutil.rmtree(work)
    return folder


def train(
    folder: Path | str,
    table: pd.DataFrame,
    root: Path | str,
    parts: pd.Series,
    *,
    objective: str,
    settings: Recogniser,
    seed: int,
    report: Report | None = None,
    threads: int | None = None,
) -> Path:
    """Fine-tune wav2vec 2.0 with one objective, or find that this was done. Returns the folder.

    Args:
        folder: where the model goes; it takes its place whole.
        table, root: an utterance table, its `emotion` brought to the four classes, and the corpus root.
        parts: the part of each row (`models.at_random`, `leave_out`), with the table's index. Test sound is never read.
        objective, settings: one of `OBJECTIVES`, and the profile's block `ser`.
        seed: seed of weights, order and crops.
        report: is told (steps done, steps in all, text) after each step.
        threads: of the processor (None: as they are); with another number sums differ in their last digits.

    Raises:
        ValueError: unknown objective, or a part without a usable utterance.
        hub.CheckpointError: there is no wav2vec 2.0 to start from; the message says where to put it.
        audio.AudioError: an utterance cannot be read.
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"no objective {objective!r}; there are {', '.join(OBJECTIVES)}")
    chosen, source = usable(table.assign(part=parts), objective=objective), find_source(settings.source)

    def learn(work: Path) -> tuple[dict[str, Any], int]:
        batches = []
        for part, crop_s, size in ((TRAIN, settings.crop_s, settings.batch_size), (VALID, None, 1)):
            rows = chosen[chosen["part"].eq(part)]
            if rows.empty:
                raise ValueError(f"no usable utterance is left for {part}: {objective} cannot be trained")
            batches.append(loader(rows, root, crop_s=crop_s, batch_size=size, shuffle=part == TRAIN, seed=seed))
        with torch_threads(threads), contextlib.ExitStack() as quiet:
            # The libraries remark on what is meant here: a frozen CNN, weights that pre-training alone needs.
            quiet.callback(logging.disable, logging.root.manager.disable)
            logging.disable(logging.WARNING)  # each of SpeechBrain's loggers has a level of its own
            made = _hparams(objective, source, work, settings, seed)
            options = {"precision": compute.precision(settings.precision), "noprogressbar": True}
            brain = EmotionBrain(made["modules"], hparams=made, run_opts=options, checkpointer=made["checkpointer"])
            return made, brain.run(*batches, report)

    def save(partial: Path, learned: tuple[dict[str, Any], int]) -> dict[str, Any]:
        made, best = learned
        model = made["wav2vec2"].model.float().cpu()
        heads = {
            name: wav2vec2.Head(made[module].w.weight, made[module].w.bias)
            for name, module in (("classification", "output_mlp"), ("regression", "regression_mlp"))
            if module in made["modules"]
        }
        parts = {
            "encoder": model.state_dict(),
            "config": Wav2Vec2Config.from_dict(model.config.to_dict()),
            "heads": heads,
        }
        emotions = labels.FOUR if "classification" in heads else ()
        wav2vec2.save(partial, objective=objective, emotions=emotions, **parts)
        chosen[["utterance", "part"]].to_csv(partial / SPLIT, index=False)
        return {"objective": objective, "kept_epoch": best, "seed": seed}

    needed = key_of(table, root, parts, objective=objective, settings=settings, seed=seed)
    return once(Path(folder), needed, learn, save)


def key_of(
    table: pd.DataFrame, root: Path | str, parts: pd.Series, *, objective: str, settings: Recogniser, seed: int
) -> str:
    """What `train` with these arguments depends on: data, start, settings, code, seed; of test utterances which they are."""
    chosen = usable(table.assign(part=parts), objective=objective)
    lists = chosen[["utterance", "part"]].to_csv(index=False)
    fit = {name: getattr(settings, name) for name in _FIT}
    recipe = (_HPARAMS / f"{objective}.yaml").read_text(encoding="utf-8")
    code, source = compute.code_digest("audio.py", "ser/training.py"), find_source(settings.source)
    return key(chosen[chosen["part"].ne(TEST)], root, _READ, source, lists, fit, code, recipe, seed)


def find_source(source: str) -> Path:
    """The folder of a wav2vec 2.0 in the manner of transformers: configuration, preprocessor, weights (`hub.find`)."""
    folder = hub.find(source, needed=_CONFIG, optional=_WEIGHTS)
    if not any((folder / name).is_file() for name in _WEIGHTS):
        raise hub.CheckpointError(f"no {' or '.join(_WEIGHTS)} in {paths.relative(folder)}: put the weights there")
    return folder


def _hparams(objective: str, source: Path, work: Path, settings: Recogniser, seed: int) -> dict[str, Any]:
    overrides = {
        "source": str(source),
        "save_folder": str(work),
        "encoder_dim": json.loads((source / "config.json").read_text(encoding="utf-8"))["hidden_size"],
        "number_of_epochs": settings.epochs,
        "lr": settings.learning_rate_head,
        "annealing_factor": settings.annealing_factor,
        "lr_wav2vec2": settings.learning_rate_encoder,
    }
    with (_HPARAMS / f"{objective}.yaml").open(encoding="utf-8") as file:
        torch.manual_seed(seed)  # the heads' first weights
        hparams = load_hyperpyyaml(file, overrides)
    return {**hparams, "seed": seed, "log_file": str(work / LOG)}


def log(folder: Path | str) -> pd.DataFrame:
    """A training's log, one row an epoch (from 1) and stage ("train", "valid").

    The columns epoch, stage, loss, error_rate (share), nll (nats), mse (squared units of the corpus's scale), as the objective
    has them, error (which chooses the epoch), lr (of the heads), seconds (of the epoch).
    """
    return pd.read_csv(Path(folder) / LOG)


def split(folder: Path | str) -> pd.DataFrame:
    """Which utterance was in which part: the columns utterance and part."""
    return pd.read_csv(Path(folder) / SPLIT, dtype="string")
