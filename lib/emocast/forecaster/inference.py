"""Forecast from each window of a recording: one table, also as CSV while it is made, a picture and a few sentences.

The next windows are read while the network computes those before. What a stopped run has written is not computed again.
"""

from __future__ import annotations

import io
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from .. import cards, compute, encoders, paths
from ..encoders import Encoder
from . import recordings
from .recordings import Recording, Window, sliding_windows
from .training import Forecaster, ForecasterError, encoder_words, held_out_words

_BATCH = 128  # windows: 82 MB of sound at 16 kHz


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
    path: Path | str, forecaster: Forecaster, *, step_s: float = 1.0, csv: Path | None = None, jobs: int = 1
) -> Forecasts:
    """Forecast from every window of a recording, one each `step_s` seconds; `jobs` threads compute side by side.

    The table is written to `csv` too; what a stopped run has written of it is not computed again (and has the file's digits).

    Returns:
        The forecasts. Columns of the table: `second` (the window's end), `shift_s`, `about_s` (the second spoken about),
        `forecast` (the likeliest emotion), `p_<emotion>` (mean of the networks), `low_<emotion>` and `high_<emotion>` (least
        and greatest of the networks), `agreement` (share of the networks with the same likeliest emotion), `abstains`, and
        `why` ("unsure", "unlike the training" or "silent"; else empty). A silent window has no probabilities.

    Raises:
        RecordingError: the file cannot be used: unreadable, without sound, shorter than a window, silent.
        ForecasterError: the encoder has other weights than in training.
    """
    recording, wanted = Recording(path), forecaster.encoder
    encoder = encoders.get(wanted["name"], precision=wanted["precision"])
    if encoder.digest != wanted["digest"]:
        said = f"the encoder {wanted['name']} has other weights than the forecaster was trained on"
        raise ForecasterError(f"{said}: run notebooks 03_embedding_extraction and 08_forecast_a_recording again")
    made_of = {
        "recording": compute.file_digest(recording.path),
        "forecaster": forecaster.identity,
        "step_s": repr(float(step_s)),
        "code": compute.code_digest("audio.py", "forecaster", *encoders.modules(encoder.name)),
    }
    form = "{l_bar}{bar}| {n:.0f}/{total:.0f} s of sound [{elapsed}<{remaining}]" if recording.promised_s else None
    bar = tqdm(total=recording.promised_s, desc=recording.path.name, unit="s", bar_format=form)
    outline = []

    def outlined(block: np.ndarray) -> np.ndarray:
        outline.append(recordings.envelope(block, recording.frames - block.size, recording.rate))
        return block

    with append_csv(csv, made_of, batch=_BATCH * len(forecaster.shifts_s)) as (tables, add), bar:
        windows = sliding_windows(
            map(outlined, recording.blocks()), rate=recording.rate, length_s=forecaster.length_s, step_s=step_s,
            sample_rate=encoder.sample_rate, passed=tables[0]["second"].nunique() if tables else 0
        )  # fmt: skip
        with closing(_tables(windows, forecaster, encoder, jobs=jobs)) as batches:
            for end_s, batch in batches:
                add(batch)
                bar.update(end_s - bar.n)
        silent = all(batch["why"].eq("silent").all() for batch in tables)
        recordings.refuse(recording, forecaster.length_s, silent=silent)
    table, envelope = (pd.concat(parts, ignore_index=True) for parts in (tables, outline))
    words = f"{recording.codec}, {recording.rate:,} Hz, {recording.channels} channel{'s' * (recording.channels > 1)}"
    return Forecasts(recording.path, recording.seconds, words, table, envelope, _notes(recording, table))


def _notes(recording: Recording, table: pd.DataFrame) -> list[str]:
    damaged, clipped, silent = recording.damaged, recording.clipped / recording.frames, table["why"].eq("silent").mean()
    notes = {
        f"{damaged} damaged pieces of the file were passed over; later seconds lie that much too early": damaged,
        f"{100 * clipped:.1f} % of the samples are at full scale: clipped, and the forecasts doubtful": clipped > 1e-3,
        f"{100 * silent:.1f} % of the windows are silent and were not forecast from": silent,
    }
    return [said for said, so in notes.items() if so]


def _tables(windows: Iterable[Window], forecaster: Forecaster, encoder: Encoder, *, jobs: int) -> Iterator[tuple]:
    """The rows of batches of windows in order, each with its last end; whoever stops waits for none that is in hand."""
    source, pending, jobs = iter(windows), deque(), jobs if encoder.threaded else 1
    workers = ThreadPoolExecutor(jobs)
    try:
        with compute.one_thread():  # batches side by side are quicker than threads that share one
            while batch := list(islice(source, _BATCH)):
                pending.append((batch[-1][0], workers.submit(_table, batch, forecaster, encoder)))
                if len(pending) > jobs:
                    end_s, rows = pending.popleft()
                    yield end_s, rows.result()
            for end_s, rows in pending:
                yield end_s, rows.result()
    finally:
        workers.shutdown(wait=False, cancel_futures=True)


def _table(batch: list[Window], forecaster: Forecaster, encoder: Encoder) -> pd.DataFrame:
    """The rows of some windows, second by second."""
    ends, samples = zip(*batch, strict=True)
    loud = np.array([one is not None for one in samples])
    shape = (len(forecaster.shifts_s), len(batch))
    name, why, agreement = np.full(shape, "", object), np.full(shape, "silent", object), np.full(shape, np.nan)
    spread = np.full((3, *shape, len(forecaster.classes)), np.nan)
    if loud.any():
        votes = forecaster.ask(encoder.encode([one for one in samples if one is not None]))
        spread[:, :, loud] = votes.mean, votes.probabilities.min(axis=0), votes.probabilities.max(axis=0)
        name[:, loud] = np.array(forecaster.classes, object)[votes.mean.argmax(axis=2)]
        agreement[:, loud], why[:, loud] = votes.agreement, votes.why
    seconds, shifts = np.meshgrid(ends, forecaster.shifts_s)
    columns = {"second": seconds, "shift_s": shifts, "about_s": seconds + shifts + forecaster.guard_s, "forecast": name}
    for place, emotion in enumerate(forecaster.classes):
        columns |= {f"{end}_{emotion}": spread[row, :, :, place] for row, end in enumerate(("p", "low", "high"))}
    columns |= {"agreement": agreement, "abstains": why != "", "why": why}
    return pd.DataFrame({name: column.T.ravel() for name, column in columns.items()})


@contextmanager
def append_csv(csv: Path | None, made_of: dict[str, str], *, batch: int) -> Iterator[tuple[list, Callable]]:
    """A table that grows in a file (None for nowhere), and goes on where an earlier run of the same was stopped.

    Yields its rows so far, a table a batch, and a function that adds a batch's. It grows as `<name>.part`, whose first line
    says what it was made of; a run of the same goes on behind the last whole batch of so many rows, any other begins anew, and
    a second run waits for the first. A ValueError in the block leaves no file.
    """
    if csv is None:
        yield (tables := []), tables.append
        return
    part, lock = csv.with_name(f"{csv.name}.part"), csv.with_name(f".{csv.name}.lock")
    made = f"# {json.dumps(made_of)}\n"
    csv.parent.mkdir(parents=True, exist_ok=True)
    with paths.alone(lock, busy=f"{paths.relative(csv)} is being written"):
        try:
            lines = part.read_text("utf-8").splitlines(keepends=True) if part.is_file() else []
            whole = sum(line.endswith("\n") for line in lines) - 2  # a kill may have cut off the last one
            lines = lines[1 : 2 + whole - whole % batch] if lines[:1] == [made] and whole >= batch else []
            # There are no missing words: an empty one is a word.
            kept = [pd.read_csv(io.StringIO("".join(lines))).fillna({"forecast": "", "why": ""})] if lines else []
            with part.open("w", encoding="utf-8", newline="") as file:
                file.writelines([made, *lines])

                def add(rows: pd.DataFrame) -> None:  # with more digits than the networks are sure of
                    rows.to_csv(file, index=False, header=not kept, float_format="%.7g")
                    file.flush()
                    kept.append(rows)

                yield kept, add
            with paths.replacing(csv) as whole_csv:
                whole_csv.write_text(part.read_text("utf-8").removeprefix(made), encoding="utf-8")
            part.unlink()
        except ValueError:
            part.unlink(missing_ok=True)
            raise
        finally:
            with suppress(OSError):  # held by us while it goes: who waits for it takes a new one
                lock.unlink()


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
    """Count the answers in a table of forecasts, a row a shift: windows, shares of these (answered, unsure, unlike, silent),
    agreement, and of the answers the share of each emotion, `forecast_<emotion>` (NaN without an answer).
    """
    classes, rows = [column.removeprefix("p_") for column in table.columns if column.startswith("p_")], []
    for shift, some in table.groupby("shift_s"):
        said = some.loc[~some["abstains"], "forecast"]
        row = {"shift_s": shift, "windows": len(some), "answered": len(said) / len(some)}
        row |= {why.split()[0]: some["why"].eq(why).mean() for why in ("unsure", "unlike the training", "silent")}
        shares = {f"forecast_{name}": said.eq(name).mean() for name in classes}
        rows.append(row | {"agreement": some["agreement"].mean(), **shares})
    return pd.DataFrame(rows)


def summary(found: Forecasts, forecaster: Forecaster) -> list[str]:
    """Tell a recording's forecasts in sentences; the last one of which model, how good on what is new to it."""
    counted = answers(found.table)
    rows = counted[counted["shift_s"].isin(shown_shifts(forecaster.shifts_s))].to_dict("records")
    for row in rows:
        why = (("too unsure", row["unsure"]), ("unlike the training", row["unlike"]), ("silent", row["silent"]))
        row["reasons"] = [(name, share) for name, share in why if share > 0]
        shares = sorted(((row[f"forecast_{name}"], name) for name in forecaster.classes), reverse=True)
        row["named"] = [(name, share) for share, name in shares if share > 0]  # none where nothing is answered
    facts = {"found": found, "counted": rows, "windows": int(counted["windows"].iloc[0])}
    of_model = _told("model", forecaster, shown=shown_shifts(forecaster.shifts_s))
    return [*_told("summary", forecaster, **facts).splitlines(), of_model]


def title(found: Forecasts, forecaster: Forecaster) -> str:
    """The title of a recording's picture: the file, and in short which model."""
    return _told("title", forecaster, name=found.path.name)


def _told(part: str, forecaster: Forecaster, **facts: object) -> str:
    words = {"new": held_out_words(forecaster.facts["settings"]["protocol"]), "known": encoder_words(forecaster.facts)}
    return cards.render("recording.txt", part=part, made=forecaster, **words, **facts).strip()
