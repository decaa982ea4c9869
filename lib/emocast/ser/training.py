"""Train one recogniser: from an utterance table with its parts to a folder in SpeechBrain's checkpoint format.

The folder holds the checkpoint (`encoders.checkpoint`), and beside it `split.csv` (which utterance was in which part),
`log.csv` (one row an epoch and stage) and `training.json` (settings and what identifies the training). A training that is
there already, with the same data, settings and code, is not run again; a killed one goes on from its last whole epoch.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from hyperpyyaml import load_hyperpyyaml
from torch.utils.data import DataLoader
from transformers import Wav2Vec2Config

from .. import cache, device, labels, paths
from ..encoders import checkpoint, hub
from ..profile import Recogniser
from ..threads import of_torch
from . import data, kept
from .brain import EmotionBrain, Report
from .kept import LOG, RECORD
from .kept import is_trained as is_trained
from .splits import TEST, TRAIN, VALID

OBJECTIVES = ("classification", "regression", "multiobjective")
SPLIT = "split.csv"

_CONFIG = ("config.json", "preprocessor_config.json")
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_HPARAMS = Path(__file__).parent / "hparams"
#: What of the settings a training depends on, and what of an utterance it reads.
_FIT = (
    "epochs", "batch_size", "learning_rate_head", "learning_rate_encoder", "annealing_factor", "crop_s", "precision",
)  # fmt: skip
_IDENTITY = ["utterance", "audio", "start_s", "end_s", "emotion", "valence", "arousal"]


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
    """Fine-tune wav2vec 2.0 with one objective, or find that this was done.

    Args:
        folder: where the model goes; it takes its place whole.
        table: an utterance table, its `emotion` brought to the four classes (`labels.four_classes`). Utterances that the
            objective cannot learn from are left out.
        root: the corpus root.
        parts: the part of each row (`splits`), with the table's index. Test utterances are never read.
        objective: one of `OBJECTIVES`.
        settings: the profile's block `ser`.
        seed: seed of weights, order and crops.
        report: is told (steps done, steps in all, text) after each step.
        threads: of the processor; None leaves them as they are. Sums in another number of threads differ in their
            last digits.

    Returns:
        The folder.

    Raises:
        ValueError: unknown objective, or a part without a usable utterance.
        hub.CheckpointError: there is no wav2vec 2.0 to start from; the message says where to put it.
        audio.AudioError: an utterance cannot be read.
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"no objective {objective!r}; there are {', '.join(OBJECTIVES)}")
    folder, source = Path(folder), find_source(settings.source)
    chosen = data.usable(table.assign(part=parts), objective=objective)
    key = _key(chosen, root, source, objective, settings, seed)
    with kept.making(folder, key) as work:
        if work:
            with _quiet(), of_torch(threads), torch.random.fork_rng():
                hparams = _hparams(objective, source, work, settings, seed)
                best = _fit(hparams, chosen, root, settings, report)
                _export(folder, hparams, objective)
            _record(folder, chosen, work, {"key": key, "objective": objective, "kept_epoch": best, "seed": seed})
    return folder


def is_done(
    folder: Path | str,
    table: pd.DataFrame,
    root: Path | str,
    parts: pd.Series,
    *,
    objective: str,
    settings: Recogniser,
    seed: int,
) -> bool:
    """Whether `train` with these arguments would find its work done."""
    if not is_trained(folder):
        return False
    chosen = data.usable(table.assign(part=parts), objective=objective)
    return is_trained(folder, _key(chosen, root, find_source(settings.source), objective, settings, seed))


def find_source(source: str) -> Path:
    """The folder of a wav2vec 2.0 in the manner of transformers: configuration, preprocessor, weights (`hub.find`)."""
    folder = hub.find(source, needed=_CONFIG, optional=_WEIGHTS)
    if not any((folder / name).is_file() for name in _WEIGHTS):
        raise hub.CheckpointError(f"no {' or '.join(_WEIGHTS)} in {paths.relative(folder)}: put the weights there")
    return folder


def _key(table: pd.DataFrame, root: Path | str, source: Path, objective: str, settings: Recogniser, seed: int) -> str:
    """What a training depends on, as one digest: data, start, settings, code, seed.

    Of test utterances only which they are counts, for the stored lists.
    """
    lists = table[["utterance", "part"]].to_csv(index=False)
    read = table[table["part"].ne(TEST)]
    rows = read[_IDENTITY].astype("string").fillna("").to_csv(index=False)
    sounds = [cache.file_digest(Path(root) / name) for name in sorted(read["audio"].unique())]
    weights = [cache.file_digest(source / name) for name in (*_CONFIG, *_WEIGHTS) if (source / name).is_file()]
    fit = {name: getattr(settings, name) for name in _FIT}
    code = cache.code_digest("audio.py", "ser/training.py", "ser/brain.py", "ser/data.py")
    recipe = (_HPARAMS / f"{objective}.yaml").read_text(encoding="utf-8")
    return kept.key(lists, rows, sounds, weights, fit, code, recipe, seed)


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


def _fit(
    hparams: dict[str, Any], table: pd.DataFrame, root: Path | str, settings: Recogniser, report: Report | None
) -> int:
    """Train all epochs that are left and load the best one; returns its number."""
    batches, held = _batches(table, root, settings, objective=hparams["objective"], seed=hparams["seed"])
    brain = EmotionBrain(
        hparams["modules"],
        hparams=hparams,
        run_opts={"precision": device.precision(settings.precision), "noprogressbar": True},
        checkpointer=hparams["checkpointer"],
    )
    return brain.run(batches, held, report)


def _batches(
    table: pd.DataFrame, root: Path | str, settings: Recogniser, *, objective: str, seed: int
) -> tuple[DataLoader, DataLoader]:
    """Shuffled batches to train on, and single whole utterances that validate."""
    made = {}
    for part, crop_s in ((TRAIN, settings.crop_s), (VALID, None)):
        rows = table[table["part"].eq(part)]
        if rows.empty:
            raise ValueError(f"no usable utterance is left for {part}: {objective} cannot be trained")
        made[part] = data.dataset(rows, root, classes=labels.FOUR, crop_s=crop_s)
    batches = data.loader(made[TRAIN], batch_size=settings.batch_size, shuffle=True, seed=seed)
    return batches, data.loader(made[VALID], batch_size=1, shuffle=False, seed=seed)


def _export(folder: Path, hparams: dict[str, Any], objective: str) -> None:
    """Write encoder and heads in SpeechBrain's checkpoint format."""
    model = hparams["wav2vec2"].model.float().cpu()
    heads = {}
    if "output_mlp" in hparams["modules"]:
        heads["classification"] = _head(hparams["output_mlp"])
    if "regression_mlp" in hparams["modules"]:
        heads["regression"] = _head(hparams["regression_mlp"])
    emotions = labels.FOUR if "classification" in heads else ()
    config = Wav2Vec2Config.from_dict(model.config.to_dict())
    checkpoint.save(
        folder, encoder=model.state_dict(), config=config, objective=objective, heads=heads, emotions=emotions
    )


def _head(linear: torch.nn.Module) -> checkpoint.Head:
    bias = linear.w.bias
    return checkpoint.Head(
        linear.w.weight.detach().float().cpu(), None if bias is None else bias.detach().float().cpu()
    )


def _record(folder: Path, table: pd.DataFrame, work: Path, facts: Mapping[str, Any]) -> None:
    """Put the lists, the log and the facts beside the checkpoint; the facts come last and say that all is there."""
    with paths.replacing(folder / SPLIT) as partial:
        table[["utterance", "part"]].to_csv(partial, index=False)
    with paths.replacing(folder / LOG) as partial:
        shutil.copyfile(work / LOG, partial)
    with paths.replacing(folder / RECORD) as partial:
        partial.write_text(json.dumps(facts, indent=1), encoding="utf-8")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries' remarks on what is meant here (a frozen CNN, weights that pre-training alone needs) silent."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # each of SpeechBrain's loggers has a level of its own
    try:
        yield
    finally:
        logging.disable(before)


def log(folder: Path | str) -> pd.DataFrame:
    """The training's log: one row an epoch and stage ("train", "valid").

    Args:
        folder: where `train` put a model.

    Returns:
        The columns epoch (from 1), stage, loss, error_rate (share), nll (nats), mse (squared units of the corpus's
        scale), as the objective has them, error (which chooses the epoch), lr (of the heads), seconds (of the epoch).
    """
    return pd.read_csv(Path(folder) / LOG)


def split(folder: Path | str) -> pd.DataFrame:
    """Which utterance was in which part: the columns utterance and part."""
    return pd.read_csv(Path(folder) / SPLIT, dtype="string")
