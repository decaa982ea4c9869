"""A model hears the utterances of a corpus: sound file by sound file, each file's values kept, in several processes.

What a recogniser of ours (`predictions`) and a published candidate (`candidates`) have in common. Files are heard one by
one, so that no corpus is ever in memory; short ones share a task, for sending a clip of two seconds to another process
costs more than hearing it; and each file is kept for itself, so that a killed run goes on and a changed file is heard anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from .. import audio, cache
from ..threads import of_torch

SAMPLE_RATE = 16_000  # Hz

_TASK_S = 120.0  # seconds of sound in a task: a second of work or more
_TOGETHER = 16  # utterances in memory at once


class Model(Protocol):
    """What can be applied to utterances.

    Attributes:
        columns: what the values of an utterance stand for.
        digest: SHA-256 of all weights and settings that determine them.
        shortest: samples of the shortest waveform that it hears.
    """

    columns: tuple[str, ...]
    digest: str
    shortest: int

    def values(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Hear n waveforms at `SAMPLE_RATE`, each (samples,), none shorter than `shortest`: (n, len(columns))."""
        ...


class Applied(NamedTuple):
    """Values of shape (utterances, columns), NaN in the rows of what could not be heard; and the list of that."""

    array: np.ndarray
    unreadable: pd.DataFrame


#: Makes a model: a function of a module, so that other processes find it; it keeps in memory what it made last.
Load = Callable[[str], Model]


class _Place(NamedTuple):
    """A sound file, and its utterances: their rows in the table, and where they begin and end in seconds."""

    audio: str
    rows: np.ndarray
    starts_s: list[float]
    ends_s: list[float]


def apply(
    load: Load,
    source: Path | str,
    table: pd.DataFrame,
    root: Path | str,
    *,
    code: str,
    memory: cache.Cache | None = None,
    jobs: int = 1,
    progress: bool = True,
) -> Applied:
    """Apply a model to every utterance of a table.

    Args:
        load: makes the model.
        source: the model's folder or hub id, given to `load`.
        table: an utterance table: the columns audio, start_s and end_s are used.
        root: the corpus root that `audio` is relative to.
        code: digest of the code that determines the values (`cache.code_digest`).
        memory: keeps each file's values, so that a killed run goes on.
        jobs: processes side by side, each with one thread of torch; with 1 torch's threads are as the caller has them.
            The last digits of a value depend on the number of threads.
        progress: whether to show a bar.

    Returns:
        The values, row by row as in `table`, float32; and what is unreadable: a table with the columns audio, utterances
        (how many have the problem) and problem.

    Raises:
        Whatever `load` raises: without a model nothing can be heard.
    """
    model = load(str(source))
    places = _places(table)
    hear = memory.cache(_hear, ignore=["source", "path"]) if memory else _hear
    tasks = (
        joblib.delayed(_hear_all)(hear, load, str(source), Path(root), some, model.digest, code, jobs != 1)
        for some in _grouped(places)
    )
    results = joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks)
    values = np.full((len(table), len(model.columns)), np.nan, np.float32)
    failed = []
    with tqdm(total=len(table), desc=Path(source).name, unit="utterance", disable=not progress) as bar:
        for place, (heard, problems) in zip(places, (one for some in results for one in some), strict=True):
            values[place.rows] = heard
            failed += [{"audio": place.audio, "problem": problem} for problem in problems if problem]
            bar.update(len(place.rows))
    return Applied(values, _counted(failed))


def _places(table: pd.DataFrame) -> list[_Place]:
    groups = table.reset_index(drop=True).groupby("audio", sort=True)
    return [
        _Place(name, rows.index.to_numpy(), rows["start_s"].tolist(), rows["end_s"].tolist()) for name, rows in groups
    ]


def _grouped(places: Sequence[_Place]) -> Iterator[list[_Place]]:
    """Sound files in tasks of `_TASK_S` or a little more; a long file is a task of its own."""
    some: list[_Place] = []
    length_s = 0.0
    for place in places:
        some.append(place)
        length_s += sum(place.ends_s) - sum(place.starts_s)
        if length_s >= _TASK_S:
            yield some
            some, length_s = [], 0.0
    if some:
        yield some


def _counted(failed: Sequence[dict]) -> pd.DataFrame:
    found = pd.DataFrame(failed, columns=["audio", "problem"])
    counts = found.value_counts(["audio", "problem"], sort=False).rename("utterances").reset_index()
    return counts[["audio", "utterances", "problem"]]


def _hear_all(
    hear: Callable, load: Load, source: str, root: Path, places: Sequence[_Place], weights: str, code: str, alone: bool
) -> list[tuple[np.ndarray | float, list[str | None]]]:
    """A task: the values and problems of some files. `alone`: with one thread, for other processes have the others."""
    results = []
    with of_torch(1 if alone else None):
        for place in places:
            path = root / place.audio
            try:
                content = cache.file_digest(path)
            except OSError as error:
                results.append((np.nan, [error.strerror or str(error)] * len(place.rows)))
                continue
            results.append(hear(load, source, path, content, place.starts_s, place.ends_s, weights, code))
    return results


def _hear(
    load: Load,
    source: str,
    path: Path,
    content: str,
    starts_s: Sequence[float],
    ends_s: Sequence[float],
    weights: str,
    code: str,
) -> tuple[np.ndarray, list[str | None]]:
    """One file's values (n, columns) and what is wrong with each utterance.

    `content`, `weights` and `code` are digests: part of the key of what is kept.
    """
    model = load(source)
    if model.digest != weights:
        raise RuntimeError(f"the weights of {source} changed while it was applied: run again")
    values = np.full((len(starts_s), len(model.columns)), np.nan, np.float32)
    problems: list[str | None] = [None] * len(starts_s)
    for first in range(0, len(starts_s), _TOGETHER):
        waveforms = {}
        for row in range(first, min(first + _TOGETHER, len(starts_s))):
            try:
                waveforms[row] = _read(path, starts_s[row], ends_s[row], model.shortest)
            except audio.AudioError as error:
                problems[row] = str(error).removeprefix(f"{path}: ")
        if waveforms:
            values[list(waveforms)] = model.values(list(waveforms.values()))
    for row in np.flatnonzero(~np.isfinite(values).all(axis=1)):
        problems[row] = problems[row] or f"{starts_s[row]:.3f} to {ends_s[row]:.3f} s: the model gives no finite number"
    return values, problems


def _read(path: Path, start_s: float, end_s: float, least: int) -> np.ndarray:
    waveform = audio.read(path, start_s=start_s, end_s=end_s, sample_rate=SAMPLE_RATE)
    if len(waveform) < least:
        raise audio.AudioError(
            f"{path}: {start_s:.3f} to {end_s:.3f} s are {len(waveform)} samples, shorter than one frame of the encoder "
            f"({least})"
        )
    return waveform
