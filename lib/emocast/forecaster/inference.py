"""Forecast from each window of a recording: one table, also as CSV while it is made, a picture and a few sentences.

The next windows are read and resampled while the network computes those before. What a stopped run has written the next one
does not compute again.
"""

from __future__ import annotations

import io
import json
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
from tqdm import tqdm

from .. import cards, compute, encoders, paths
from ..encoders import Encoder
from . import recordings
from .model import Forecaster, ForecasterError
from .recordings import Envelope, Recording, Window, sliding_windows
from .training import encoder_words, held_out_words

PART = ".part"
_BATCH = 128  # windows: 82 MB of sound at 16 kHz
_CLIPPED = 1e-3  # share of samples at full scale from which it is said
_DIGITS = "%.7g"  # more than the networks are sure of, and short


@dataclass(frozen=True, eq=False)
class Forecasts:
    """A recording, its length and format in words; its forecasts and envelope; what a reader should know, in sentences."""

    path: Path
    seconds: float
    format: str
    table: pd.DataFrame
    envelope: pd.DataFrame
    notes: list[str]


def forecast(
    path: Path | str,
    forecaster: Forecaster,
    *,
    step_s: float = 1.0,
    csv: Path | None = None,
    jobs: int = 1,
    progress: bool = True,
) -> Forecasts:
    """Forecast from every window of a recording.

    `step_s` are the seconds between two windows' ends; `jobs` threads compute side by side. The table is written to `csv` too,
    and what an earlier run that was stopped has written of it is not computed again (and has the digits of the file).

    Returns:
        The forecasts. Columns of the table: `second` (the window's end), `shift_s`, `about_s` (the second spoken about),
        `forecast` (the likeliest emotion), `p_<emotion>` (mean of the networks), `low_<emotion>` and `high_<emotion>` (least
        and greatest of the networks), `agreement` (share of the networks with the same likeliest emotion), `abstains`, and
        `why` ("unsure", "unlike the training" or "silent"; else empty). A silent window has no probabilities.

    Raises:
        RecordingError: the file cannot be used: unreadable, without sound, shorter than a window, silent.
        ForecasterError, ValueError: the encoder has other weights than in training, or is not there.
    """
    recording = Recording(path)
    recordings.validate(recording, forecaster.length_s)
    encoder, envelope = _encoder(forecaster), Envelope(recording.rate)
    made_of = {
        "recording": compute.file_digest(recording.path),
        "forecaster": forecaster.identity,
        "step_s": repr(float(step_s)),
        "code": compute.code_digest("audio.py", "forecaster", *encoders.modules(encoder.name)),
    }
    form = "{l_bar}{bar}| {n:.0f}/{total:.0f} s of sound [{elapsed}<{remaining}]" if recording.promised_s else None
    look = {"total": recording.promised_s, "desc": recording.path.name, "unit": "s", "bar_format": form}
    with (
        append_csv(csv, made_of, batch=_BATCH * len(forecaster.shifts_s)) as rows,
        tqdm(**look, disable=not progress) as bar,
    ):
        windows = sliding_windows(
            map(envelope.add, recording.blocks()), rate=recording.rate, length_s=forecaster.length_s, step_s=step_s,
            sample_rate=encoder.sample_rate, passed=rows.tables[0]["second"].nunique() if rows.tables else 0
        )  # fmt: skip
        with closing(_tables(windows, forecaster, encoder, jobs=jobs)) as tables:
            for end_s, batch in tables:
                rows.add(batch)
                bar.update(end_s - bar.n)
        if not rows.tables:
            raise recordings.refused(recording, forecaster.length_s)
        table = pd.concat(rows.tables, ignore_index=True)
        if (table["why"] == "silent").all():
            raise recordings.refused(recording)
    words = f"{recording.codec}, {recording.rate:,} Hz, {recording.channels} channel{'s' * (recording.channels > 1)}"
    return Forecasts(recording.path, recording.seconds, words, table, envelope.table(), _notes(recording, table))


def _encoder(forecaster: Forecaster) -> Encoder:
    """The encoder whose embeddings a forecaster was trained on."""
    wanted = forecaster.encoder
    made = encoders.get(wanted["name"], precision=wanted["precision"])
    if made.digest != wanted["digest"]:
        raise ForecasterError(
            f"the encoder {wanted['name']} has other weights than the forecaster was trained on: run notebooks "
            "03_embedding_extraction and 08_forecast_a_recording again"
        )
    return made


def _notes(recording: Recording, table: pd.DataFrame) -> list[str]:
    notes, clipped = [], 100 * recording.clipped / recording.frames
    if recording.damaged:
        said = "damaged pieces of the file were passed over; later seconds lie that much too early"
        notes.append(f"{recording.damaged} {said}")
    if clipped > 100 * _CLIPPED:
        said = "of the samples are at full scale: the recording is clipped, and forecasts of it doubtful"
        notes.append(f"{clipped:.1f} % {said}")
    if silent := table["why"].eq("silent").mean():
        notes.append(f"{100 * silent:.1f} % of the windows are silent and were not forecast from")
    return notes


def _tables(
    windows: Iterable[Window], forecaster: Forecaster, encoder: Encoder, *, jobs: int
) -> Iterator[tuple[float, pd.DataFrame]]:
    """The rows of batches of windows in order, each with its last end: some are computed while the next is read.

    Whoever stops does not wait: batches that have not begun never do, and those in hand end for nobody.
    """
    source, pending, jobs = iter(windows), deque(), jobs if encoder.threaded else 1
    workers = ThreadPoolExecutor(jobs)
    try:
        with (
            compute.one_thread()
        ):  # a batch, as in the store: batches side by side are quicker than threads that share one
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
    loud = np.array([window.samples is not None for window in batch])
    shape = (len(forecaster.shifts_s), len(batch))
    name, why, agreement = np.full(shape, "", object), np.full(shape, "silent", object), np.full(shape, np.nan)
    spread = np.full((3, *shape, len(forecaster.classes)), np.nan)
    if loud.any():
        votes = forecaster.ask(encoder.encode([window.samples for window in batch if window.samples is not None]))
        spread[:, :, loud] = votes.mean, votes.probabilities.min(axis=0), votes.probabilities.max(axis=0)
        name[:, loud] = np.array(forecaster.classes, object)[votes.mean.argmax(axis=2)]
        agreement[:, loud], why[:, loud] = votes.agreement, votes.why
    seconds, shifts = np.meshgrid([window.end_s for window in batch], forecaster.shifts_s)
    columns = {"second": seconds, "shift_s": shifts, "about_s": seconds + shifts + forecaster.guard_s, "forecast": name}
    for place, emotion in enumerate(forecaster.classes):
        columns |= {f"{end}_{emotion}": spread[row, :, :, place] for row, end in enumerate(("p", "low", "high"))}
    columns |= {"agreement": agreement, "abstains": why != "", "why": why}
    return pd.DataFrame({name: column.T.ravel() for name, column in columns.items()})


class Rows:
    """The rows so far: `tables` holds them in order, a table a batch, after those that an earlier run has left."""

    def __init__(self, file: IO[str] | None = None, kept: pd.DataFrame | None = None) -> None:
        """Begin with what was kept, which is in the file already."""
        self._file, self.tables = file, [] if kept is None else [kept]

    def add(self, rows: pd.DataFrame) -> None:
        """Take in the rows of a batch; they are in the file when this returns."""
        if self._file is not None:
            rows.to_csv(self._file, index=False, header=not self.tables, float_format=_DIGITS)
            self._file.flush()
        self.tables.append(rows)


@contextmanager
def append_csv(csv: Path | None, made_of: dict[str, str], *, batch: int) -> Iterator[Rows]:
    """A table that grows in a file (None for nowhere), and goes on where an earlier run of the same was stopped.

    It grows as `<name>.part`, whose first line says what it was made of, and takes its name when all is there. A run of the
    same goes on behind the last whole batch of so many rows, any other begins anew; a second run waits for the first. A
    ValueError in the block says that the recording cannot be used: nothing is left on the disk then.
    """
    if csv is None:
        yield Rows()
        return
    part, lock, made = csv.with_name(csv.name + PART), csv.with_name(f".{csv.name}.lock"), f"# {json.dumps(made_of)}\n"
    ours = not csv.parent.exists()
    csv.parent.mkdir(parents=True, exist_ok=True)
    try:
        with paths.alone(lock, busy=f"{paths.relative(csv)} is being written"):
            try:
                lines = part.read_text("utf-8").splitlines(keepends=True) if part.is_file() else []
                whole = sum(line.endswith("\n") for line in lines) - 2  # a kill may have cut off the last one
                lines = lines[1 : 2 + whole - whole % batch] if lines[:1] == [made] and whole >= batch else []
                # There are no missing words: an empty one is a word.
                kept = pd.read_csv(io.StringIO("".join(lines))).fillna({"forecast": "", "why": ""}) if lines else None
                with part.open("w", encoding="utf-8", newline="") as file:
                    file.writelines([made, *lines])
                    yield Rows(file, kept)
                with paths.replacing(csv) as whole_csv:
                    whole_csv.write_text(part.read_text("utf-8").removeprefix(made), encoding="utf-8")
                part.unlink()
            finally:
                with suppress(OSError):  # held by us while it goes: who waits for it takes a new one
                    lock.unlink()
    except ValueError:
        part.unlink(missing_ok=True)
        if ours:
            with suppress(OSError):  # somebody may have put a file into it meanwhile
                csv.parent.rmdir()
        raise


def draw(found: Forecasts, forecaster: Forecaster, target: Path) -> list[Path]:
    """Draw the picture into a folder, as PNG and SVG."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    from .. import figures

    figures.style()
    figure, written = plt.figure(figsize=(10, 9.5)), [target / f"forecast.{suffix}" for suffix in ("png", "svg")]
    shown = {"shifts_s": shown_shifts(forecaster.shifts_s), "title": title(found, forecaster)}
    figures.recording(figure, found.table, found.envelope, **shown)
    for path in written:
        with paths.replacing(path) as partial:
            figure.savefig(partial, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
    return written


def shown_shifts(shifts_s: list[float]) -> list[float]:
    """The nearest, the middle and the farthest shift: those that sentences and bands show."""
    return sorted({shifts_s[0], shifts_s[len(shifts_s) // 2], shifts_s[-1]})


def answers(table: pd.DataFrame) -> pd.DataFrame:
    """Count the answers in a table of forecasts, a row a shift: shift_s, windows, answered, unsure, unlike and silent (shares
    of the windows), agreement, and of the answers the share of each emotion, `forecast_<emotion>` (NaN without an answer).
    """
    classes, rows = [column.removeprefix("p_") for column in table.columns if column.startswith("p_")], []
    for shift, some in table.groupby("shift_s"):
        said = some.loc[~some["abstains"], "forecast"]
        row = {"shift_s": shift, "windows": len(some), "answered": len(said) / len(some)}
        row |= {why.split()[0]: some["why"].eq(why).mean() for why in ("unsure", "unlike the training", "silent")}
        row["agreement"] = some["agreement"].mean()
        rows.append(row | {f"forecast_{name}": said.eq(name).mean() for name in classes})
    return pd.DataFrame(rows)


def against(table: pd.DataFrame, turns: pd.DataFrame | None, forecaster: Forecaster) -> pd.DataFrame:
    """Hold forecasts against the true `turns` (start_s, emotion; None where nobody knows: no row), a row a shift.

    Columns: shift_s; turns, those whose emotion can be named and for which a forecast was made, the last one at or before their
    beginning minus the shift; answered; hit, of all of them; answered_hit.
    """
    rows = []
    for shift, some in table[table["forecast"] != ""].groupby("shift_s") if turns is not None else ():
        named = turns[turns["emotion"].isin(forecaster.classes)].sort_values("start_s")
        found = pd.merge_asof(named, some.sort_values("about_s"), left_on="start_s", right_on="about_s")
        step = float(some["second"].diff().median()) if len(some) > 1 else 1.0  # how old the latest forecast may be
        found = found[found["start_s"] - found["about_s"] < step]
        hit, answered = found["forecast"] == found["emotion"], ~found["abstains"].astype(bool)
        rows.append((shift, len(found), answered.sum(), hit.sum(), (hit & answered).sum()))
    return pd.DataFrame(rows, columns=["shift_s", "turns", "answered", "hit", "answered_hit"])


def summary(found: Forecasts, forecaster: Forecaster) -> list[str]:
    """Tell a recording's forecasts in sentences, one a line; the last one is `of_model`."""
    counted = answers(found.table)
    rows = counted[counted["shift_s"].isin(shown_shifts(forecaster.shifts_s))].to_dict("records")
    for row in rows:
        why = (("too unsure", row["unsure"]), ("unlike the training", row["unlike"]), ("silent", row["silent"]))
        row["reasons"] = [(name, share) for name, share in why if share > 0]
        shares = sorted(((row[f"forecast_{name}"], name) for name in forecaster.classes), reverse=True)
        row["named"] = [(name, share) for share, name in shares if share > 0]  # none where nothing is answered
    facts = {"found": found, "counted": rows, "windows": int(counted["windows"].iloc[0])}
    return [*_told("summary", forecaster, **facts).splitlines(), of_model(forecaster)]


def of_model(forecaster: Forecaster) -> str:
    """Say in a sentence which model it is, how good it was on what is new to it, and what its encoder knows."""
    return _told("model", forecaster, shown=shown_shifts(forecaster.shifts_s))


def title(found: Forecasts, forecaster: Forecaster) -> str:
    """The title of a recording's picture: the file, and in short which model."""
    return _told("title", forecaster, name=found.path.name)


def _told(part: str, forecaster: Forecaster, **facts: object) -> str:
    words = {"new": held_out_words(forecaster.facts["settings"]["protocol"]), "known": encoder_words(forecaster.facts)}
    return cards.render("recording.txt", part=part, made=forecaster, **words, **facts).strip()
