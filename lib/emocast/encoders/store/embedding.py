"""Embed a table of windows: what is on the shelf is read, what is missing is computed, and kept as it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from ... import executor, paths
from .. import Encoder, get, resolved
from . import identity, spans, work
from .shelf import RECORD, Shelf
from .spans import Span


def embed(
    encoder: str,
    windows: pd.DataFrame,
    root: Path | str,
    *,
    precision: str = "auto",
    jobs: int = 1,
    folder: Path | None = None,
    progress: bool = True,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Embed every window.

    Whatever was computed before, by whichever profile, is taken from the store. A killed run goes on where it was, and runs
    beside each other share the work. Sound is read as it is needed; memory grows with the result alone.

    Args:
        encoder: an encoder's name (`encoders.get`).
        windows: a window table: the columns audio, start_s, end_s are used.
        root: the corpus root that `audio` is relative to.
        precision: "fp32", "bf16", or "auto": bf16 where encoder and machine compute in it.
        jobs: threads or processes side by side on this machine; the result does not depend on it. `executor` says how
            the work goes to a cluster instead.
        folder: the store; `paths.store()` by default.
        progress: whether to show a bar.

    Returns:
        float32 embeddings, shape (len(windows), dimension), row by row as in `windows`; a row that could not be embedded
        holds NaN. And the list of those: a table with the columns audio, windows (how many have the problem), problem.

    Raises:
        ValueError: there is no such encoder, or its checkpoint is missing or damaged.
        StoreError: the store's folder cannot be read or written.
    """
    made = get(encoder, precision=precision)
    shelf = open_shelf(made, folder=folder)
    asked = spans.of(windows, root)
    rows = [row for row, span in enumerate(asked.rows) if span is not None]
    keys = [asked.rows[row].key for row in rows]
    failed: dict[Any, str] = {}
    missing = shelf.missing(keys)
    found = np.empty((len(keys), 0))
    for _ in range(2):  # a second time for what a damaged shard held, or a damaged index hid
        wanted = {keys[position]: asked.rows[rows[position]] for position in missing if keys[position] not in failed}
        failed |= fill(made, list(wanted.values()), shelf, jobs=jobs, progress=progress, known=len(keys) - len(missing))
        found, missing = shelf.read(keys, made.dimension)
        if all(keys[position] in failed for position in missing):
            break
        shelf.forget_index()
    embeddings = np.full((len(windows), made.dimension), np.nan, np.float32)
    embeddings[rows] = found
    names = windows["audio"].astype(str).tolist()
    for position in missing:
        asked.note(names[rows[position]], failed.get(keys[position], "was not embedded; run again"))
    return embeddings, _listed(asked.problems)


def open_shelf(encoder: Encoder, *, folder: Path | None = None) -> Shelf:
    """The shelf of an encoder, made where it is missing; that of the same weights under another name where there is one.

    Args:
        encoder: from `encoders.get`.
        folder: the store; `paths.store()` by default.

    Raises:
        StoreError: it cannot be made.
    """
    facts = identity.of(encoder)
    place = folder or paths.store()
    same = sorted(place.glob(f"*-{identity.mark(facts)}/{RECORD}"))
    shelf = Shelf(same[0].parent if same else place / identity.folder_name(facts))
    shelf.create(facts)
    return shelf


def fill(
    encoder: Encoder, wanted: Sequence[Span], shelf: Shelf, *, jobs: int = 1, progress: bool = True, known: int = 0
) -> dict[Any, str]:
    """Compute windows and put them on the shelf; memory does not grow with their number.

    Args:
        encoder: from `encoders.get`.
        wanted: the windows, none twice.
        shelf: the encoder's.
        jobs: as for `embed`.
        progress: whether to show a bar.
        known: windows that are there already, for the bar.

    Returns:
        What could not be embedded: key -> problem.
    """
    failed: dict[Any, str] = {}
    left = dict(work.cut(wanted))
    name, expected = resolved(encoder.name), identity.digest(identity.of(encoder))
    with tqdm(total=known + len(wanted), initial=known, desc=encoder.name, unit="window", disable=not progress) as bar:
        for wait in (False, True):  # first what nobody has in hand, then what others did not finish
            if not left:
                break
            given = (str(shelf.folder), name, encoder.precision, expected, wait)
            tasks = [(*given, (piece, rows)) for piece, rows in left.items()]
            with executor.pieces(work.compute, tasks, jobs=jobs, threaded=encoder.threaded) as results:
                for piece, count, problems in results:
                    bar.update(count)
                    failed |= problems
                    if count:
                        del left[piece]
    return failed


def _listed(problems: dict[tuple[str, str], int]) -> pd.DataFrame:
    counts = Counter(problems)
    rows = [
        {"audio": audio, "windows": counts[audio, problem], "problem": problem} for audio, problem in sorted(counts)
    ]
    return pd.DataFrame(rows, columns=["audio", "windows", "problem"])
