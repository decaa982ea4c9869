"""Train one recogniser, or the small encoder it begins with: to a folder with the model, `log.csv` and `training.json`.

A recogniser is in SpeechBrain's checkpoint format, with `split.csv` (which utterance was in which part). The log has a row an
epoch (from 1) and stage: loss, error_rate (share), nll (nats), mse (squared points), error (which chooses the epoch), lr (of
the heads), seconds (of the epoch). A training that is there, with the same data, settings and code, is not run again; a killed
one goes on from its last whole epoch, in `.training/` beside the folder.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import librosa
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
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from .. import audio, compute, labels, paths
from ..encoders import hub, wav2vec2
from ..encoders.wav2vec2 import CONFIG, DIMENSIONS, PREPROCESSOR, SAMPLE_RATE
from ..settings import Recogniser, Start

TRAIN, VALID, TEST = PARTS = ("train", "valid", "test")
LOG, RECORD, SPLIT = "log.csv", "training.json", "split.csv"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")

#: What an utterance must have for an objective to learn from it.
NEEDED = {"classification": ["emotion"], "regression": [*DIMENSIONS], "multiobjective": ["emotion", *DIMENSIONS]}
OBJECTIVES = tuple(NEEDED)

#: Is told after each step: (steps done in all, steps in all, text).
Report = Callable[[int, int, str], None]

_WHOLE = "WHOLE"  # SpeechBrain writes a checkpoint's files one by one: this one last
_HPARAMS = Path(__file__).parent / "hparams"
#: What of the settings a recogniser's training depends on, and what of an utterance it reads.
_RATES = ("epochs", "learning_rate_head", "learning_rate_encoder", "annealing_factor")
_FIT = (*_RATES, "batch_size", "crop_s", "precision", "cnn_once")
_READ = ["utterance", "audio", "start_s", "end_s", "emotion", "valence", "arousal"]

_SPECTRUM = 1024  # samples: 64 ms
_LOWEST, _HIGHEST = 3, 64  # bins of 15.6 Hz: from 47 Hz to 1 kHz
_MEL_BANDS = 32
_TARGETS = _HIGHEST - _LOWEST + _MEL_BANDS


def usable(table: pd.DataFrame, *, objective: str) -> pd.DataFrame:
    """The utterances (of the four classes or of none) that an objective can learn from (`NEEDED`), with a fresh index."""
    return table.dropna(subset=NEEDED[objective]).reset_index(drop=True)


class Heard(NamedTuple):
    """What a frozen CNN gives of utterances: all frames one after the other, (frames, channels), and where each one's lie."""

    frames: np.ndarray
    spans: dict[str, tuple[int, int]]
    rate: float  # frames a second


def hear(source: Path, table: pd.DataFrame, root: Path | str) -> Heard:
    """Let the CNN of a wav2vec 2.0 (a folder of `find_source`) hear each whole utterance, normalised, once.

    It is frozen in all trainings, and takes as much time as what is trained. An audio.AudioError where sound cannot be read.
    """
    cnn, parts = Wav2Vec2Model.from_pretrained(source).feature_extractor.eval(), []
    for row in table.itertuples():
        waveform = audio.read(Path(root) / row.audio, start_s=row.start_s, end_s=row.end_s, sample_rate=SAMPLE_RATE)
        with torch.inference_mode():
            sound = torch.from_numpy(waveform)[None]
            parts.append(cnn(functional.layer_norm(sound, sound.shape[1:]))[0].T.numpy())
    ends = np.cumsum([len(part) for part in parts]).tolist()
    spans = dict(zip(table["utterance"], zip([0, *ends], ends, strict=False), strict=True))
    hop = math.prod(layer.conv.stride[0] for layer in cnn.conv_layers)
    return Heard(np.concatenate(parts), spans, SAMPLE_RATE / hop)


def loader(
    table: pd.DataFrame, root: Path | str, *,
    crop_s: float | None, batch_size: int, shuffle: bool, seed: int, heard: Heard | None = None,
) -> DataLoader:  # fmt: skip
    """Batches of utterances, padded at their ends; the order of each epoch follows from seed and epoch alone.

    Items are `id`, `sig` (float32, (samples,), 16 kHz; of utterances that were `heard` the frames, (frames, channels)),
    `emotion` (the number in `labels.FOUR`, or -1) and `dimensions` (valence, arousal or NaN; float32, (2,)). `crop_s`: length
    in seconds of random crops of what is longer; None for whole utterances, as in SpeechBrain's recipe.
    """
    numbers = {emotion: number for number, emotion in enumerate(labels.FOUR)}
    rows = {
        row.utterance: {
            "path": str(Path(root) / row.audio), "start_s": row.start_s, "end_s": row.end_s,
            "emotion": numbers.get(row.emotion, -1),
            "dimensions": torch.tensor([row.valence, row.arousal], dtype=torch.float32),
        }
        for row in table.itertuples()
    }  # fmt: skip

    def sound(name: str, path: str, start_s: float, end_s: float) -> torch.Tensor:
        if heard:
            values, rate = heard.frames[slice(*heard.spans[name])], heard.rate
        else:
            rate, options = SAMPLE_RATE, {"start_s": start_s, "end_s": end_s, "sample_rate": SAMPLE_RATE}
            values = audio.read(Path(path), **options)
        length = len(values) if crop_s is None else round(crop_s * rate)
        if len(values) > length:  # torch's generator draws, which the training seeds for each epoch
            start = int(torch.randint(len(values) - length + 1, ()))
            values = values[start : start + length]
        return torch.from_numpy(np.array(values, np.float32))

    made = DynamicItemDataset(rows, output_keys=["id", "sig", "emotion", "dimensions"])
    made.add_dynamic_item(sound, takes=["id", "path", "start_s", "end_s"], provides="sig")
    sampler = ReproducibleRandomSampler(made, seed=seed) if shuffle else None
    return DataLoader(made, batch_size=batch_size, sampler=sampler, collate_fn=PaddedBatch)


class EpochBrain(sb.Brain):
    """SpeechBrain's `Brain`, but a training goes on after a kill as if there had been none, to the same numbers."""

    def run(self, batches: DataLoader, held: DataLoader, report: Report | None = None) -> int:
        """Train the epochs that are left, then load the best, the earliest of the least error on `held`; returns its number."""
        self.steps_per_epoch, self.train_sampler = len(batches), batches.sampler
        self.report = report or (lambda done, total, text: None)
        self.fit(self.hparams.epoch_counter, batches, held)
        return int(self.checkpointer.recover_if_possible(min_key="error").meta["epoch"])

    def init_optimizers(self) -> None:
        """Make those of `optimizers`, a method of subclasses, and have each checkpoint hold their state."""
        self.optimizers_dict = self.optimizers()
        for name, optimizer in self.optimizers_dict.items():
            self.checkpointer.add_recoverable(name, optimizer)

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
        scores = {"loss": float(stage_loss), **self.scores(float(stage_loss))}
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

    def scores(self, loss: float) -> dict[str, float]:
        """The figures of a stage that has ended; `error` is among them, and less is better."""
        return {"error": loss}


class CosineBrain(EpochBrain):
    """One AdamW; its rates rise in the first `warm_up` (a share) of the steps, then fall to zero as half a cosine."""

    warm_up = 0.1

    @classmethod
    def of(cls, modules: Mapping[str, nn.Module], work: Path, rates: Sequence[tuple], *, epochs: int, seed: int):
        """Make a brain whose state is kept in the folder `work`; `rates`: parameters that learn, and their full rate."""
        counter = EpochCounter(epochs)
        checkpointer = Checkpointer(work, {"modules": nn.ModuleDict(modules), "counter": counter})
        hparams = {"seed": seed, "epoch_counter": counter, "log_file": str(work / LOG), "rates": rates}
        return cls(modules, hparams=hparams, run_opts={"noprogressbar": True}, checkpointer=checkpointer)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """One AdamW."""
        groups = [{"params": list(some), "lr": rate, "full": rate} for some, rate in self.hparams.rates]
        return {"optimizer": torch.optim.AdamW(groups)}

    def on_fit_batch_start(self, batch, should_step: bool) -> None:
        """Set the learning rates by how far the training is."""
        done, total = self.steps_done()
        share, rise = (done - 1) / total, self.warm_up
        share = share / rise if share < rise else (1 + math.cos(math.pi * (share - rise) / (1 - rise))) / 2
        for group in self.optimizers_dict["optimizer"].param_groups:
            group["lr"] = group["full"] * share + 1e-8


class EmotionBrain(EpochBrain):
    """Fine-tunes a wav2vec 2.0 with the heads that `hparams` has.

    The error that anneals the rates and chooses the epoch is the share of wrong classes (as in SpeechBrain's recipe), the
    mean squared error, or for both objectives the sum of both losses (our choice: the thesis does not say).
    """

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """One Adam for the encoder and one for the heads."""
        trainable = [parameter for parameter in self.modules.wav2vec2.parameters() if parameter.requires_grad]
        heads = self.hparams.opt_class(self.hparams.model.parameters())
        return {"wav2vec2_optimizer": self.hparams.wav2vec2_opt_class(trainable), "optimizer": heads}

    def compute_forward(self, batch, stage: sb.Stage) -> dict[str, torch.Tensor]:
        """Encode, average over time, apply the heads: "emotion" (n, 4) log-probabilities, "dimensions" (n, 2) in points."""
        values, lengths = batch.to(self.device).sig
        hidden = self.modules.wav2vec2(values, lengths) if values.ndim == 2 else self.after_cnn(values, lengths)
        pooled = self.modules.avg_pool(hidden, lengths).squeeze(1)
        outputs = {}
        if "output_mlp" in self.modules:
            outputs["emotion"] = self.hparams.log_softmax(self.modules.output_mlp(pooled))
        if "regression_mlp" in self.modules:
            outputs["dimensions"] = self.modules.regression_mlp(pooled)
        return outputs

    def after_cnn(self, frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """What SpeechBrain's wrapper makes of a CNN's frames (n, frames, channels), of which these shares are no padding."""
        model, known = self.modules.wav2vec2.model, torch.arange(frames.shape[1], device=frames.device)
        mask = known < (lengths * frames.shape[1]).round()[:, None]
        hidden = model.encoder(model.feature_projection(frames)[0], attention_mask=mask).last_hidden_state
        return functional.layer_norm(hidden, hidden.shape[1:])

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

    def scores(self, loss: float) -> dict[str, float]:
        """Means over the utterances of the stage: error_rate, nll, mse where they apply, and the error that counts."""
        means = {name: total / rows for name, (total, rows) in self._sums.items()}
        counted = {"classification": ["error_rate"], "regression": ["mse"]}.get(self.hparams.objective, ["nll", "mse"])
        error = sum(means[name] for name in counted)
        return {**means, "error": error, "lr": self.optimizers_dict["optimizer"].param_groups[0]["lr"]}

    def anneal(self, error: float) -> None:
        """NewBob on both rates."""
        schedules = {"optimizer": self.hparams.lr_annealing, "wav2vec2_optimizer": self.hparams.lr_annealing_wav2vec2}
        for name, schedule in schedules.items():
            update_learning_rate(self.optimizers_dict[name], schedule(error)[1])


def key(table: pd.DataFrame, root: Path | str, columns: Sequence[str], source: Path | None, *parts: Any) -> str:
    """SHA-256 of what a training reads (these columns, the sound, the source, further parts in JSON) and of versions."""
    rows = table[list(columns)].astype("string").fillna("").to_csv(index=False)
    sounds = [compute.file_digest(Path(root) / name) for name in sorted(table["audio"].unique())]
    files = [source / name for name in (CONFIG, PREPROCESSOR, *WEIGHTS)] if source else []
    weights = [compute.file_digest(file) for file in files if file.is_file()]
    versions = (torch.__version__, sb.__version__, transformers.__version__)
    return hashlib.sha256(json.dumps([rows, sounds, weights, parts, versions], sort_keys=True).encode()).hexdigest()


def is_trained(folder: Path, key: str) -> bool:
    """Whether the finished training of this key is in a folder."""
    path = folder / RECORD
    return path.is_file() and json.loads(path.read_text(encoding="utf-8"))["key"] == key


def once(folder: Path, key: str, learn: Callable[[Path], Any], save: Callable[[Path, Any], Mapping[str, Any]]) -> Path:
    """Train what is not there, one process at a time: others that want the same wait for it. Returns the folder.

    `learn` trains with its state and log in the folder it is given, which outlives an error or a kill and no success; `save`
    writes what `learn` returned into the folder it is given, which takes its place whole, and returns facts for the record.
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
    folder: Path | str, table: pd.DataFrame, root: Path | str, parts: pd.Series, *, objective: str, settings: Recogniser,
    seed: int, report: Report | None = None, threads: int | None = None, heard: Heard | None = None,
) -> Path:  # fmt: skip
    """Fine-tune wav2vec 2.0 with one objective, or find that this was done. Returns the folder, which the model takes whole.

    `table` is an utterance table, its `emotion` brought to the four classes, below the corpus `root`; `parts` the part of each
    row (`models.divide`), with its index. Test sound is never read. `settings` are the profile's block `ser`; `seed` is that of
    weights, order and crops. With another number of processor `threads` (None: as they are) the last digits differ. `heard`:
    what the source's CNN gave of these utterances, where trainings share it (with `cnn_once` it is computed here otherwise).
    Raises a hub.CheckpointError that says where to put a wav2vec 2.0 to start from, or an audio.AudioError.
    """
    chosen, source = usable(table.assign(part=parts), objective=objective), find_source(settings.source)

    def learn(work: Path) -> tuple[dict[str, Any], int]:
        learned, valid = (chosen[chosen["part"].eq(part)] for part in (TRAIN, VALID))
        if learned.empty or valid.empty:
            lacks = TRAIN if learned.empty else VALID
            raise ValueError(f"no usable utterance is left for {lacks}: the model for {objective} cannot be trained")
        known = (heard or hear(source, chosen[chosen["part"].ne(TEST)], root)) if settings.cnn_once else None
        fit = {"crop_s": settings.crop_s, "batch_size": settings.batch_size, "seed": seed, "heard": known}
        held = loader(valid, root, crop_s=None, batch_size=1, shuffle=False, seed=seed, heard=known)
        with compute.torch_threads(threads), contextlib.ExitStack() as quiet:
            # The libraries remark on what is meant here: a frozen CNN, weights that pre-training alone needs.
            quiet.callback(logging.disable, logging.root.manager.disable)
            logging.disable(logging.WARNING)  # each of SpeechBrain's loggers has a level of its own
            made = hparams(objective, source, work, settings, seed)
            options = {"precision": compute.precision(settings.precision), "noprogressbar": True}
            brain = EmotionBrain(made["modules"], hparams=made, run_opts=options, checkpointer=made["checkpointer"])
            return made, brain.run(loader(learned, root, shuffle=True, **fit), held, report)

    def save(partial: Path, learned: tuple[dict[str, Any], int]) -> dict[str, Any]:
        made, best = learned
        model = made["wav2vec2"].model.float().cpu()
        modules = {"classification": "output_mlp", "regression": "regression_mlp"}
        layers = {name: made[module].w for name, module in modules.items() if module in made["modules"]}
        heads = {name: wav2vec2.Head(layer.weight, layer.bias) for name, layer in layers.items()}
        config = Wav2Vec2Config.from_dict(model.config.to_dict())
        options = {"heads": heads, "emotions": labels.FOUR if "classification" in heads else ()}
        wav2vec2.save(partial, encoder=model.state_dict(), config=config, objective=objective, **options)
        chosen[["utterance", "part"]].to_csv(partial / SPLIT, index=False)
        return {"objective": objective, "kept_epoch": best, "seed": seed}

    needed = key_of(table, root, parts, objective=objective, settings=settings, seed=seed)
    return once(Path(folder), needed, learn, save)


def key_of(
    table: pd.DataFrame, root: Path | str, parts: pd.Series, *, objective: str, settings: Recogniser, seed: int
) -> str:
    """The `key` of `train` with these arguments; of test utterances it holds their names alone."""
    chosen = usable(table.assign(part=parts), objective=objective)
    lists = chosen[["utterance", "part"]].to_csv(index=False)
    fit = {name: getattr(settings, name) for name in _FIT}
    recipe = (_HPARAMS / f"{objective}.yaml").read_text(encoding="utf-8")
    code, source = compute.code_digest("audio.py", "ser/training.py"), find_source(settings.source)
    return key(chosen[chosen["part"].ne(TEST)], root, _READ, source, lists, fit, code, recipe, seed)


def find_source(source: Path | str) -> Path:
    """The folder of a model in the manner of transformers, with weights: pickled ones only where no others are."""
    for weights in WEIGHTS:
        folder = hub.find(source, needed=(CONFIG, PREPROCESSOR), optional=(weights,))
        if (folder / weights).is_file():
            return folder
    raise hub.CheckpointError(f"no {' or '.join(WEIGHTS)} in {paths.relative(folder)}: put the weights there")


def hparams(objective: str, source: Path, work: Path, settings: Recogniser, seed: int) -> dict[str, Any]:
    """What the objective's HyperPyYAML file makes of the settings: modules, optimizers, schedulers and their state."""
    overrides = {name: getattr(settings, name) for name in _RATES} | {"source": str(source), "save_folder": str(work)}
    overrides["encoder_dim"] = hub.read_json(source / CONFIG)["hidden_size"]
    with (_HPARAMS / f"{objective}.yaml").open(encoding="utf-8") as file:
        torch.manual_seed(seed)  # the heads' first weights
        made = load_hyperpyyaml(file, overrides)
    made["wav2vec2"].model.freeze_feature_encoder()  # the CNN: no gradient is computed for it; it changes nothing else
    return {**made, "seed": seed, "log_file": str(work / LOG)}


def spectrogram(waveforms: torch.Tensor, hop: int) -> torch.Tensor:
    """Log power at 61 low frequencies and in 32 mel bands, each scaled over the batch: the small encoder's targets.

    Takes waveforms (n, samples), and the samples from one row to the next, as many as the encoder's; gives (n, rows, 93).
    """
    window = torch.hann_window(_SPECTRUM, device=waveforms.device)
    power = torch.stft(waveforms, _SPECTRUM, hop, window=window, center=False, return_complex=True).abs() ** 2
    rows = torch.log(torch.cat([power[:, _LOWEST:_HIGHEST], _mel_bands().to(power) @ power], dim=1) + 1e-2)
    mean, spread = rows.mean(dim=(0, 2), keepdim=True), rows.std(dim=(0, 2), keepdim=True)
    return ((rows - mean) / (spread + 1e-3)).transpose(1, 2)


@functools.cache
def _mel_bands() -> torch.Tensor:
    return torch.from_numpy(librosa.filters.mel(sr=SAMPLE_RATE, n_fft=_SPECTRUM, n_mels=_MEL_BANDS))


class StartBrain(CosineBrain):
    """Learns the spectrogram at two places: after the CNN and after the transformer; the loss is the mean of the errors."""

    warm_up = 0.3

    def compute_forward(self, batch, stage: sb.Stage) -> tuple[torch.Tensor, ...]:
        """What CNN and transformer predict, and the targets; rows that only one of them has are left out."""
        waveforms, model = batch.to(self.device).sig.data, self.modules.wav2vec2
        waveforms = functional.layer_norm(waveforms, waveforms.shape[1:])
        targets = spectrogram(waveforms, math.prod(model.config.conv_stride))
        features = model.feature_extractor(waveforms).transpose(1, 2)
        hidden = model.encoder(model.feature_projection(features)[0]).last_hidden_state
        rows = min(targets.shape[1], hidden.shape[1])
        predicted = self.modules.after_cnn(features), self.modules.after_transformer(hidden)
        return *(values[:, :rows] for values in predicted), targets[:, :rows]

    def compute_objectives(self, predictions: tuple[torch.Tensor, ...], batch, stage: sb.Stage) -> torch.Tensor:
        """The mean absolute error, in standard deviations of the targets."""
        after_cnn, after_transformer, targets = predictions
        return (functional.l1_loss(after_cnn, targets) + functional.l1_loss(after_transformer, targets)) / 2


def train_start(
    folder: Path | str, files: Sequence[Path], *, settings: Start, seed: int, report: Report | None = None
) -> Path:
    """Train a small wav2vec 2.0 to begin with on sound alone, or find that this was done; a killed training goes on.

    Where `facebook/wav2vec2-base` cannot be downloaded, CNN and transformer learn to give the `spectrogram`, fine where pitch
    is: one of the tasks of PASE (Pascual et al. 2019, https://arxiv.org/abs/1904.03416), far quicker for a small network than
    wav2vec 2.0's own. `files` of speech: each gives one random crop an epoch, every tenth only validates. `folder` is in the
    manner of transformers. `settings` are the profile's `ser.start`; `seed` and `report` as for `train`. A ValueError of fewer
    than two files, or settings of which no encoder can be made; an audio.AudioError where a file cannot be read.
    """
    files = sorted(files)
    if len(files) < 2:
        raise ValueError(f"{len(files)} sound files are too few to train an encoder on; see data/README.md")
    names, seconds = [str(file) for file in files], [audio.inspect(file).duration_s for file in files]
    table = pd.DataFrame({"utterance": names, "audio": names, "start_s": 0.0, "end_s": seconds})
    table = table.assign(emotion=pd.NA, valence=np.nan, arousal=np.nan)

    def learn(work: Path) -> Wav2Vec2Model:
        torch.manual_seed(seed)  # the first weights
        model = _start_model(settings)
        places = {"after_cnn": model.config.conv_dim[-1], "after_transformer": model.config.hidden_size}
        modules = {"wav2vec2": model, **{name: nn.Linear(size, _TARGETS) for name, size in places.items()}}
        rates = [(nn.ModuleDict(modules).parameters(), settings.learning_rate)]
        brain = StartBrain.of(modules, work, rates, epochs=settings.epochs, seed=seed)
        valid = np.arange(len(table)) % 10 == 0
        options = {"crop_s": settings.crop_s, "batch_size": settings.batch_size, "seed": seed}
        brain.run(*(loader(table[rows], "", shuffle=rows is not valid, **options) for rows in (~valid, valid)), report)
        return model.cpu()

    def save(partial: Path, model: Wav2Vec2Model) -> dict[str, int]:
        model.save_pretrained(partial)
        Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False).save_pretrained(partial)
        return {"parameters": sum(values.numel() for values in model.parameters())}

    code = compute.code_digest("audio.py", "ser/training.py")
    return once(Path(folder), key(table, "", [], None, vars(settings), code, seed), learn, save)


def _start_model(settings: Start) -> Wav2Vec2Model:
    unknown = set(settings.architecture) - set(Wav2Vec2Config().to_dict())
    try:
        if unknown:  # transformers would keep the name and build its own large network
            raise ValueError(f"unknown setting {min(unknown)!r}; take the names of transformers' Wav2Vec2Config")
        return Wav2Vec2Model(Wav2Vec2Config(**settings.architecture, apply_spec_augment=False))
    except Exception as error:  # settings that cannot be show themselves in many ways
        raise ValueError(f"ser.start.architecture: no wav2vec 2.0 can have these settings ({error})") from error
