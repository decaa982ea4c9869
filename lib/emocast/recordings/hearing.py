"""Hear a recording window by window, and forecast at each step: one table, and the same as CSV while it is made.

The next windows are read and resampled while the network computes those before. A run that was stopped is gone on with
(`growing`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from .. import cache, encoders, threads
from ..encoders import Encoder
from ..encoders.store import identity as encoder_identity
from ..forecaster import Forecaster, ForecasterError, identity
from . import usable
from .growing import growing
from .outline import Outline
from .reading import Recording
from .sliding import Window, windows

_BATCH = 128  # windows: 82 MB of sound at 16 kHz
_CLIPPED = 1e-3  # share of samples at full scale from which it is said
_CODE = cache.code_digest("audio.py", "recordings", "forecaster")


@dataclass(frozen=True, eq=False)
class Heard:
    """A recording and its forecasts.

    Attributes:
        path: the file.
        seconds: its length.
        format: codec, rate and channels in words.
        table: one row a second and shift, see `forecast`.
        outline: the waveform in little (`outline.Outline.table`).
        notes: what a reader should know of the file, in sentences.
    """

    path: Path
    seconds: float
    format: str
    table: pd.DataFrame
    outline: pd.DataFrame
    notes: list[str]


def encoder_of(forecaster: Forecaster) -> Encoder:
    """The encoder whose embeddings a forecaster was trained on.

    Raises:
        ForecasterError: the encoder that is there has other weights.
        ValueError: it is not there (`encoders.get`).
    """
    wanted = forecaster.encoder
    made = encoders.get(wanted["name"], precision=wanted["precision"])
    if made.digest != wanted["digest"]:
        raise ForecasterError(
            f"the encoder {wanted['name']} has other weights than the forecaster was trained on: run notebooks "
            "03_embedding_extraction and 08_forecast_a_recording again"
        )
    return made


def forecast(
    path: Path | str,
    forecaster: Forecaster,
    *,
    step_s: float = 1.0,
    csv: Path | None = None,
    jobs: int = 1,
    progress: bool = True,
) -> Heard:
    """Forecast from every window of a recording.

    Args:
        path: any sound file (`reading.Recording`).
        forecaster: from `forecaster.load`.
        step_s: seconds between two windows' ends.
        csv: where the table is written too; None for nowhere. What an earlier run that was stopped has written of it is
            not computed again (and has the digits of the file).
        jobs: threads side by side, each with some windows; the result does not depend on it.
        progress: show a bar over the recording.

    Returns:
        The forecasts. Columns of the table: `second` (the window's end), `shift_s`, `about_s` (the second spoken about),
        `forecast` (the likeliest emotion), `p_<emotion>` (mean of the networks), `low_<emotion>` and `high_<emotion>` (least
        and greatest of the networks), `agreement` (share of the networks with the same likeliest emotion), `abstains`, and
        `why` ("unsure", "unlike the training" or "silent"; else empty). A silent window has no probabilities.

    Raises:
        RecordingError: the file cannot be used: unreadable, without sound, shorter than a window, silent.
        ForecasterError: the encoder has other weights than the forecaster was trained on.
    """
    recording = Recording(path)
    usable.check(recording, forecaster.length_s)
    encoder, outline = encoder_of(forecaster), Outline(recording.rate)
    batch = _BATCH * len(forecaster.shifts_s)
    with (
        growing(csv, _made_of(recording, forecaster, encoder, step_s), batch=batch) as rows,
        _bar(recording, progress) as bar,
    ):
        passed = rows.tables[0]["second"].nunique() if rows.tables else 0
        sounds = windows(
            map(outline.add, recording.blocks()), rate=recording.rate, length_s=forecaster.length_s, step_s=step_s,
            sample_rate=encoder.sample_rate, passed=passed,
        )  # fmt: skip
        with closing(_tables(sounds, forecaster, encoder, jobs=jobs)) as tables:
            for end_s, batch_rows in tables:
                rows.add(batch_rows)
                bar.update(end_s - bar.n)
        if not rows.tables:
            raise usable.short(recording, forecaster.length_s)
        table = pd.concat(rows.tables, ignore_index=True)
        if (table["why"] == "silent").all():
            raise usable.silent(recording)
    words = f"{recording.codec}, {recording.rate:,} Hz, {recording.channels} channel{'s' * (recording.channels > 1)}"
    return Heard(recording.path, recording.seconds, words, table, outline.table(), _notes(recording, table))


def _made_of(recording: Recording, forecaster: Forecaster, encoder: Encoder, step_s: float) -> dict[str, str]:
    """What the rows of a recording's table depend on."""
    return {
        "recording": cache.file_digest(recording.path),
        "encoder": encoder_identity.digest(encoder_identity.of(encoder)),
        "forecaster": identity(forecaster),
        "step_s": repr(float(step_s)),
        "code": _CODE,
    }


def _notes(recording: Recording, table: pd.DataFrame) -> list[str]:
    notes = []
    if recording.damaged:
        notes.append(
            f"{recording.damaged} damaged pieces of the file were passed over; later seconds lie that much too early"
        )
    share = recording.clipped / recording.frames
    if share > _CLIPPED:
        notes.append(
            f"{100 * share:.1f} % of the samples are at full scale: the recording is clipped, and forecasts of it doubtful"
        )
    silent = table["why"].eq("silent").mean()
    if silent:
        notes.append(f"{100 * silent:.1f} % of the windows are silent and were not forecast from")
    return notes


def _tables(
    sounds: Iterable[Window], forecaster: Forecaster, encoder: Encoder, *, jobs: int
) -> Iterator[tuple[float, pd.DataFrame]]:
    """The rows of batches of windows in order, each with its last end: some are computed while the next is read.

    Whoever stops does not wait: batches that have not begun never do, and those in hand end for nobody.
    """
    source, pending = iter(sounds), deque()
    jobs = jobs if encoder.threaded else 1
    workers = ThreadPoolExecutor(jobs)
    try:
        with threads.one():  # a batch, as in the store: batches side by side are quicker than threads that share one
            while batch := list(islice(source, _BATCH)):
                pending.append((batch[-1].end_s, workers.submit(_table, batch, forecaster, encoder)))
                if len(pending) > jobs:
                    end_s, rows = pending.popleft()
                    yield end_s, rows.result()
            for end_s, rows in pending:
                yield end_s, rows.result()
    finally:
        workers.shutdown(wait=False, cancel_futures=True)


def _table(batch: list[Window], forecaster: Forecaster, encoder: Encoder) -> pd.DataFrame:
    """The rows of some windows, second by second."""
    heard = np.array([window.samples is not None for window in batch])
    shape = (len(forecaster.shifts_s), len(batch))
    values: dict[str, Any] = {"forecast": np.full(shape, "", object), "agreement": np.full(shape, np.nan)}
    values["why"] = np.full(shape, "silent", object)
    spread = np.full((3, *shape, len(forecaster.classes)), np.nan)
    if heard.any():
        votes = forecaster.ask(encoder.encode([window.samples for window in batch if window.samples is not None]))
        spread[:, :, heard] = votes.mean, votes.probabilities.min(axis=0), votes.probabilities.max(axis=0)
        values["forecast"][:, heard] = np.array(forecaster.classes, object)[votes.mean.argmax(axis=2)]
        values["agreement"][:, heard], values["why"][:, heard] = votes.agreement, votes.why
    seconds, shifts = np.meshgrid([window.end_s for window in batch], forecaster.shifts_s)
    columns = {"second": seconds, "shift_s": shifts, "about_s": seconds + shifts + forecaster.guard_s}
    columns["forecast"] = values["forecast"]
    for place, name in enumerate(forecaster.classes):
        columns |= {f"{end}_{name}": spread[row, :, :, place] for row, end in enumerate(("p", "low", "high"))}
    columns |= {"agreement": values["agreement"], "abstains": values["why"] != "", "why": values["why"]}
    return pd.DataFrame({name: column.T.ravel() for name, column in columns.items()})


def _bar(recording: Recording, progress: bool) -> tqdm:
    form = "{l_bar}{bar}| {n:.0f}/{total:.0f} s of sound [{elapsed}<{remaining}]" if recording.promised_s else None
    return tqdm(total=recording.promised_s, desc=recording.path.name, unit="s", disable=not progress, bar_format=form)
