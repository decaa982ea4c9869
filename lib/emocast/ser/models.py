"""Which recognisers a profile asks for, how their utterances are divided, and one call that trains what is missing.

A model is a folder `outputs/<profile>/models/<name>`: "classification" on the published split, at random over utterances;
"classification-seed1", the same with another seed of split, weights and order; and "classification-without-Ses05", trained
without the two speakers of a session. SpeechBrain's authors report 79.58 %
speaker-dependent against 73.01 % speaker-independent for this recipe (https://arxiv.org/abs/2111.02735, table 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit
from tqdm import tqdm

from .. import compute, corpora, labels, paths
from ..corpora.table import CorpusError
from ..encoders.hub import CheckpointError
from ..settings import Profile
from . import other_corpus, training
from .training import PARTS, TEST, TRAIN, VALID


def at_random(table: pd.DataFrame, *, fractions: Sequence[float] = (0.8, 0.1, 0.1), seed: int) -> pd.Series:
    """The part of each row ("train", "valid" or "test"), at random (thesis 4.2.1; SpeechBrain's `iemocap_prepare.py`).

    `fractions` are the shares of these parts, rounded down for the first two; a ValueError where one gets no utterance.
    """
    order = np.random.default_rng(seed).permutation(len(table))
    train, valid = (int(len(table) * share) for share in fractions[:2])
    return _parts(table, {TEST: order[train + valid :], TRAIN: order[:train], VALID: order[train : train + valid]})


def leave_out(
    table: pd.DataFrame, held_out: Sequence[str], *, column: str, valid_fraction: float = 0.1, seed: int
) -> pd.Series:
    """Hold out whole groups of `column` ("session" or "speaker"), such as a session with both of its speakers.

    About `valid_fraction` of the other utterances validates, as whole dialogues where the corpus has them, else as whole
    speakers, else as single utterances. Returns the part of each row; a ValueError where a group is not in the table, or a part
    gets no utterance.
    """
    unknown = set(held_out) - set(table[column].dropna())
    if unknown:
        known = ", ".join(sorted(table[column].dropna().unique()))
        raise ValueError(f"no {column} {min(unknown)!r} to hold out; there are {known}")
    tested = table[column].isin(held_out).fillna(False).to_numpy(dtype=bool)
    others = np.flatnonzero(~tested)
    rest = table.iloc[others]
    whole = [name for name in ("dialogue", "speaker") if rest[name].notna().all() and len(rest[name].unique()) > 1]
    splitter = (GroupShuffleSplit if whole else ShuffleSplit)(n_splits=1, test_size=valid_fraction, random_state=seed)
    chosen = next(splitter.split(rest, groups=rest[whole[0]] if whole else None))[1]
    return _parts(table, {TRAIN: others, TEST: tested, VALID: others[chosen]})


def _parts(table: pd.DataFrame, rows: dict[str, np.ndarray]) -> pd.Series:
    """The part of each row; of parts that name the same row the last one counts."""
    parts = np.full(len(table), TRAIN, dtype=object)
    for part, some in rows.items():
        parts[some] = part
    missing = set(PARTS) - set(parts)
    if missing:
        raise ValueError(f"{len(table)} utterances are too few: no utterance is left for {', '.join(sorted(missing))}")
    return pd.Series(parts, index=table.index, name="part", dtype="string")


def proof(table: pd.DataFrame, parts: pd.Series) -> pd.Series:
    """Count the utterances of each part (`train`, `valid`, `test`), and what stands both in train or valid and in test:
    `utterances_shared`, and the same of speakers, dialogues and sessions.
    """
    fitted, tested = table[parts.ne(TEST)], table[parts.eq(TEST)]
    counts = {part: int(parts.eq(part).sum()) for part in PARTS}
    for column in ("utterance", "speaker", "dialogue", "session"):
        counts[f"{column}s_shared"] = len(set(fitted[column].dropna()) & set(tested[column].dropna()))
    return pd.Series(counts)


def table(profile: Profile) -> pd.DataFrame:
    """The utterances of the profile's main corpus, their emotion brought to the four classes or missing."""
    utterances = corpora.get(profile.corpus).load_alone(profile.corpus_root())
    return utterances.assign(emotion=labels.four_classes(utterances["emotion"]))


def lacking(profile: Profile) -> str:
    """Why a profile's recognisers cannot be trained, in words that say what to do; empty where they can."""
    if profile.corpus != "iemocap":
        return other_corpus(profile)
    try:
        table(profile)
        if profile.ser.start is None:
            training.find_source(profile.ser.source)
    except (CorpusError, CheckpointError) as error:
        return str(error)
    return ""


class Plan(NamedTuple):
    """One training: its objective, the session held out (None: the published split), and the seed."""

    objective: str
    session: str | None
    seed: int


def plans(profile: Profile, utterances: pd.DataFrame) -> dict[str, Plan]:
    """The models that a profile asks for, by name: on the published split with `ser.repeats` seeds, without a session with one.

    No session has the seed of another. A ValueError where one to hold out is not among the utterances (from `table`).
    """
    sessions = sorted(utterances["session"].dropna().unique())
    held_out = sessions if profile.ser.held_out is None else profile.ser.held_out
    unknown = set(held_out) - set(sessions)
    if unknown:
        raise ValueError(f"ser.held_out: no session {min(unknown)!r} in the corpus; there are {', '.join(sessions)}")
    asked = {f"-seed{repeat}" if repeat else "": (None, repeat) for repeat in range(profile.ser.repeats)}
    asked |= {f"-without-{session}": (session, sessions.index(session)) for session in held_out}
    return {
        objective + name: Plan(objective, session, profile.seed + number)
        for name, (session, number) in asked.items()
        for objective in training.OBJECTIVES
        if session is None or objective in profile.ser.held_out_for
    }


def divide(table: pd.DataFrame, profile: Profile, plan: Plan) -> pd.Series:
    """The part of each utterance of a table that holds those that an objective can use; errors as `at_random`."""
    shares = profile.ser.fractions
    if plan.session is None:
        return at_random(table, fractions=shares, seed=plan.seed)
    share = shares[1] / sum(shares[:2])
    return leave_out(table, [plan.session], column="session", valid_fraction=share, seed=plan.seed)


def folder(profile: Profile, name: str) -> Path:
    """Where a model of a profile is, or will be."""
    return paths.outputs() / profile.name / "models" / name


def train_all(profile: Profile) -> dict[str, Path]:
    """Train all models of a profile that are not there yet, some side by side, with a bar for each: name -> folder.

    Raises what `training.train` and `training.train_start` raise, and a CorpusError where a corpus is not there.
    """
    utterances, folders, missing = table(profile), {}, []
    wanted = plans(profile, utterances)
    if profile.ser.start is not None:
        # One thread: alone a fifth slower than two, beside another notebook twice as fast; everywhere the same weights.
        with compute.torch_threads(1):
            options = {"settings": profile.ser.start, "seed": profile.seed, "report": Bar("start")}
            training.train_start(paths.outputs() / profile.ser.source, speech(profile), **options)
    # found here: a worker that another run left may know other folders
    settings = replace(profile.ser, source=str(training.find_source(profile.ser.source)))
    for name, plan in wanted.items():
        # what the objective cannot use is dropped before the split, as published
        chosen, folders[name] = training.usable(utterances, objective=plan.objective), folder(profile, name)
        asked = {"table": chosen, "root": profile.corpus_root(), "parts": divide(chosen, profile, plan)}
        asked |= {"objective": plan.objective, "settings": settings, "seed": plan.seed}
        # looked at here: workers, which take long to start, are for what is not there
        if not training.is_trained(folders[name], training.key_of(**asked)):
            missing.append({"folder": folders[name], **asked, "report": Bar(name, len(missing))})
    heard = None
    if missing and settings.cnn_once:  # joblib lets its processes share large arrays
        with compute.torch_threads(1):
            heard = training.hear(Path(settings.source), utterances, profile.corpus_root())
    share = 1 if profile.ser.start else max(1, torch.get_num_threads() // profile.ser.jobs)  # small ones: as above
    jobs = (joblib.delayed(training.train)(**asked, threads=share, heard=heard) for asked in missing)
    joblib.Parallel(n_jobs=profile.ser.jobs)(jobs)
    return folders


def speech(profile: Profile) -> list[Path]:
    """The sound files that the initial encoder (`ser.start`) is trained on; a CorpusError where there are none."""
    root = profile.corpus_root(profile.ser.start.corpus)
    files = [path for path in root.rglob("*") if path.suffix in {".flac", ".wav"} and not path.name.startswith(".")]
    if not files:
        raise CorpusError(f"no sound (.flac, .wav) below {paths.relative(root)} to train on; see data/README.md")
    return files


class Bar:
    """A training's bar, to report to, `position` lines below the first; drawn by the process that trains."""

    def __init__(self, name: str, position: int = 0) -> None:
        """Nothing is drawn yet."""
        self.name, self.position, self._bar = name, position, None

    def __call__(self, done: int, total: int, text: str) -> None:
        """Move it to `done` steps of `total`, and show a text beside it."""
        if self._bar is None:
            self._bar = tqdm(total=total, desc=self.name, unit="step", position=self.position, mininterval=1.0)
        self._bar.set_postfix_str(text, refresh=done == total)
        self._bar.update(done - self._bar.n)
        if done == total:
            self._bar.close()
