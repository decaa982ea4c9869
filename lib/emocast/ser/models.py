"""Which recognisers a profile asks for and where they are: three objectives, on the published split and on unseen speakers.

A model is a folder `outputs/<profile>/models/<name>`. The published split is at random over utterances ("classification");
beside it stand models that never heard the two speakers of a session ("classification-without-Ses05").
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import torch

from .. import corpora, labels, paths, threads
from ..corpora.table import CorpusError
from ..profile import Profile
from . import cards, data, progress, splits, start, training

_START = "start"


@dataclass(frozen=True)
class Plan:
    """One model to train.

    Attributes:
        objective: one of `training.OBJECTIVES`.
        held_out: the session whose speakers it never hears; None for the published split at random.
    """

    objective: str
    held_out: str | None = None

    @property
    def name(self) -> str:
        """The model's name, for example "classification-without-Ses05"."""
        return self.objective if self.held_out is None else f"{self.objective}-without-{self.held_out}"

    def parts(self, table: pd.DataFrame, profile: Profile) -> pd.Series:
        """The part of each utterance that the objective can use, with the table's index.

        Args:
            table: an utterance table, only of utterances that the objective can use (`data.usable`).
            profile: the run's settings; the shares of `ser.fractions` and the seed count.

        Raises:
            ValueError: too few utterances, or none of the session: see `splits`.
        """
        if self.held_out is None:
            return splits.at_random(table, fractions=profile.ser.fractions, seed=profile.seed)
        share = profile.ser.fractions[1] / sum(profile.ser.fractions[:2])
        return splits.leave_out(table, [self.held_out], column="session", valid_fraction=share, seed=profile.seed)


def table(profile: Profile) -> pd.DataFrame:
    """The utterances of the profile's main corpus, their emotion brought to the four classes or missing.

    Raises:
        CorpusError: the corpus is not there.
    """
    utterances = corpora.get(profile.corpus).load(profile.corpus_root())
    return utterances.assign(emotion=labels.four_classes(utterances["emotion"]))


def plans(profile: Profile, utterances: pd.DataFrame) -> list[Plan]:
    """The models that a profile asks for: three on the published split, then three for each session held out.

    Args:
        profile: the run's settings.
        utterances: what `table` gives.

    Raises:
        ValueError: a session to hold out is not in the corpus.
    """
    sessions = sorted(utterances["session"].dropna().unique())
    held_out = sessions if profile.ser.held_out is None else profile.ser.held_out
    unknown = set(held_out) - set(sessions)
    if unknown:
        raise ValueError(f"ser.held_out: no session {min(unknown)!r} in the corpus; there are {', '.join(sessions)}")
    return [Plan(objective, session) for session in (None, *held_out) for objective in training.OBJECTIVES]


def folder(profile: Profile, name: str) -> Path:
    """Where a model of a profile is, or will be."""
    return paths.outputs() / profile.name / "models" / name


def train_all(profile: Profile) -> dict[str, Path]:
    """Train all models of a profile that are not there yet, some side by side, with a bar for each.

    Args:
        profile: the run's settings.

    Returns:
        Each model's name and folder, in the order of `plans`.

    Raises:
        CorpusError, CheckpointError, ValueError: as `training.train` and `start.train`.
    """
    utterances = table(profile)
    wanted = {plan.name: plan for plan in plans(profile, utterances)}
    with progress.bars() as reporter:
        _start(profile, reporter(_START))
        asked = {name: _training(plan, utterances, profile) for name, plan in wanted.items()}
        # Looked at here: workers, which take long to start, are for what is not there.
        missing = {name: options for name, options in asked.items() if not training.is_done(**options)}
        share = max(1, torch.get_num_threads() // profile.ser.jobs)
        joblib.Parallel(n_jobs=profile.ser.jobs)(
            joblib.delayed(training.train)(**options, threads=share, report=reporter(name))
            for name, options in missing.items()
        )
    return {name: folder(profile, name) for name in wanted}


def _training(plan: Plan, utterances: pd.DataFrame, profile: Profile) -> dict[str, Any]:
    """What `training.train` is asked for.

    Utterances that the objective cannot use are dropped before the split, as published.
    """
    chosen = data.usable(utterances, objective=plan.objective)
    return {
        "folder": folder(profile, plan.name),
        "table": chosen,
        "root": profile.corpus_root(),
        "parts": plan.parts(chosen, profile),
        "objective": plan.objective,
        # found here: a worker that another run left may know other folders
        "settings": replace(profile.ser, source=str(training.find_source(profile.ser.source))),
        "seed": profile.seed,
    }


def _start(profile: Profile, report: progress.Reporter) -> None:
    """Train the small encoder to begin with, where the profile asks for one."""
    if profile.ser.start is None:
        return
    root = profile.corpus_root(profile.ser.start.corpus)
    files = [path for path in root.rglob("*") if path.suffix in {".flac", ".wav"} and not path.name.startswith(".")]
    if not files:
        raise CorpusError(
            f"no sound (.flac, .wav) below {paths.relative(root)} to train an encoder on; see data/README.md"
        )
    target = paths.outputs() / profile.ser.source
    # One thread: alone a fifth slower than two, beside another notebook twice as fast, and the same weights on all machines.
    with threads.of_torch(1):
        start.train(target, files, settings=profile.ser.start, seed=profile.seed, report=report)
    cards.write_start(profile, target, len(files))


def kept_epoch(model: Path | str) -> int:
    """The number of the epoch that a model's training kept: the one with the least validation error.

    Raises:
        FileNotFoundError: no finished training is in the folder.
    """
    return int(json.loads((Path(model) / training.RECORD).read_text(encoding="utf-8"))["kept_epoch"])
