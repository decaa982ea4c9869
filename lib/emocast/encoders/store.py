"""The store: an embedding that was computed once is kept by what it was made of, and never computed again.

`<encoder>-<precision>-<identity>/<SHA-256 of the sound>.npz` holds the embeddings of one sound file by their frames at its
own rate; of one voice alone (`audio.Voice`) its turns and microphone are hashed too. So a renamed file or a copy of the corpus
finds what is there, and a changed recording, other weights or changed code do not. An .npz carries a checksum of each array: a
damaged file is noticed, and computed anew. What is made of a file of features (`features:FILE`) is not kept: it is read.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import random
import re
import zlib
from collections import ChainMap, Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from filelock import FileLock
from tqdm import tqdm

from .. import audio, compute, paths
from . import Encoder, get, modules, packages, resolved

_CHUNK_S = 240.0  # of sound between two writes: what a kill can lose, and what one core computes
_SHARED = 8  # so many times that much for an encoder that does once what the windows of a file have in common
_WINDOWS, _EMBEDDINGS = "windows.parquet", "embeddings.npy"

Span = tuple[int, int]  # a window of a sound file: its first frame and the one after its last, at the file's own rate


class StoreError(OSError):
    """The store's folder cannot be read or written. The message names it and says what to do."""


class _Sound(NamedTuple):
    """A sound file of a window table, or one voice in it, with the span that each row asks for."""

    audio: str
    path: str
    voice: audio.Voice | None
    digest: str
    stamp: tuple[int, int] | None
    rate: int
    spans: dict[int, Span]


def embed(
    encoder: str,
    windows: pd.DataFrame,
    root: Path | str,
    *,
    turns: pd.DataFrame | None = None,
    precision: str = "auto",
    jobs: int = 1,
    folder: Path | None = None,
    progress: bool = True,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Embed every window of a table; what was computed before is read, and runs beside each other share the work.

    Args:
        encoder, precision: as for `encoders.get`, whose errors are raised.
        windows: the columns audio (relative to `root`), start_s and end_s (seconds) are used, and `voice` where there is one.
        root: the corpus root.
        turns: all utterances of the corpus, of which `features:FILE` makes windows; encoders of sound do not look at them.
        jobs: threads or processes side by side here (or a cluster: `compute.pieces`); the result does not depend on it.
        folder: the store; `paths.store()` by default. A StoreError says that it cannot be read or written.
        progress: whether to show a bar.

    Returns:
        float32 embeddings, shape (len(windows), dimension), NaN in a row that could not be embedded; and the list of those:
        a table with the columns audio, windows (how many have the problem), problem.
    """
    made = get(encoder, precision=precision)
    if hasattr(made, "encode_turns"):
        return _of_turns(made, windows, turns)
    if len(windows) and not audio.is_there(windows["audio"]):
        advice = "put its recordings there, or give `encoder: features:FILE`"
        raise audio.AudioError(f"{encoder} needs sound, and the corpus was loaded from its annotation alone: {advice}")
    place, (sounds, problems) = _place(made, folder or paths.store()), _sounds(windows, root)
    embeddings = np.full((len(windows), made.dimension), np.nan, np.float32)
    wanted = [(sound, missing) for sound in sounds if (missing := _take(place, sound, embeddings))]
    failed = _compute(made, place, wanted, jobs=jobs, progress=progress) if wanted else {}
    for sound, _ in wanted:
        for span in _take(place, sound, embeddings):
            problems[sound.audio, failed.get((sound.digest, span), "was not embedded; run again")] += 1
    rows = [(name, problems[name, problem], problem) for name, problem in sorted(problems)]
    return embeddings, pd.DataFrame(rows, columns=["audio", "windows", "problem"])


def _of_turns(made: Any, windows: pd.DataFrame, turns: pd.DataFrame | None) -> tuple[np.ndarray, pd.DataFrame]:
    """As `embed`, of features a turn: nothing is kept, for to read the file again takes no longer than the store would."""
    if turns is None:
        raise ValueError(
            f"{made.name} makes windows of the corpus's turns: give all of them, `embed(..., turns=utterances)`"
        )
    embeddings, lacking = made.encode_turns(windows, turns)
    problem = f"{lacking} of {len(turns):,} turns are not in {made.place}, and count as not heard"
    rows = [(audio.NO_SOUND, int(np.isnan(embeddings).any(axis=1).sum()), problem)] if lacking else []
    return embeddings, pd.DataFrame(rows, columns=["audio", "windows", "problem"])


_version = functools.cache(version)  # to look one up takes longer than to embed an utterance


def _identity(encoder: Encoder) -> str:
    """SHA-256 of all that determines an encoder's embeddings; a copy of the same weights under another name has the same."""
    facts = {name: getattr(encoder, name) for name in ("precision", "sample_rate", "dimension", "digest")}
    code, versions = compute.code_digest(*modules(encoder.name)), {p: _version(p) for p in packages(encoder.name)}
    kind = encoder.name.partition(":")[0]
    return hashlib.sha256(json.dumps([kind, facts, code, versions], sort_keys=True).encode()).hexdigest()


def _place(encoder: Encoder, folder: Path) -> Path:
    """The folder of an encoder's embeddings, made where it is missing; one of the same weights under another name counts."""
    mark, readable = _identity(encoder)[:12], re.sub(r"[^\w.@-]+", "-", encoder.name).strip("-.")
    readable = readable if len(readable) <= 60 else f"{readable[:15]}_{readable[-44:]}"  # both ends tell most
    same = sorted(folder.glob(f"*-{encoder.precision}-{mark}"))
    place = same[0] if same else folder / f"{readable}-{encoder.precision}-{mark}"
    with _writing(place):
        place.mkdir(parents=True, exist_ok=True)
    return place


@contextlib.contextmanager
def _writing(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        advice = "what was computed before is kept; make room or give OUTPUTS=another folder, and run again"
        problem = f"cannot be written ({error.strerror or error})"
        raise StoreError(f"{paths.relative(place)}: {problem}: {advice}") from error


def _sounds(windows: pd.DataFrame, root: Path | str) -> tuple[list[_Sound], Counter[tuple[str, str]]]:
    """Look at the sound files of a table: those that can be read, and how many windows of a file have which problem."""
    sounds, problems, rows = [], Counter(), windows.reset_index(drop=True)
    names = rows["audio"].astype(str)  # as text: a name that is missing is listed too
    voices = rows["voice"].map(repr) if "voice" in rows else names
    for (name, _), some in rows.groupby([names, voices], sort=True):
        voice = some["voice"].iloc[0] if "voice" in rows else None
        path, spans = Path(root) / name, {}
        stamp = _stamp(path)  # first: a change while the file is read must show afterwards
        try:
            info, digest = audio.inspect(path), compute.file_digest(path)
            digest = digest if voice is None else hashlib.sha256(f"{digest} {voice}".encode()).hexdigest()
        except (audio.AudioError, OSError) as error:
            problems[name, str(error)] += len(some)
            continue
        for row, start_s, end_s in zip(some.index, some["start_s"], some["end_s"], strict=True):
            try:
                spans[row] = audio.span(path, info, start_s=start_s, end_s=end_s)
            except audio.AudioError as error:
                problems[name, str(error)] += 1
        sounds.append(_Sound(name, str(path), voice, digest, stamp, info.sample_rate, spans))
    return sounds, problems


def _stamp(path: Path | str) -> tuple[int, int] | None:
    """A file's size and date, by which a change shows; None where it is gone."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _take(place: Path, sound: _Sound, embeddings: np.ndarray) -> list[Span]:
    """Put what the store holds of a sound into its rows; gives the spans that it lacks."""
    known = _read(place / f"{sound.digest}.npz")
    for row, span in sound.spans.items():
        embeddings[row] = known.get(span, np.nan)
    return [span for span in sound.spans.values() if span not in known]


def _read(file: Path) -> dict[Span, np.ndarray]:
    """The embeddings in a file; none where it is missing or damaged."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:  # no damage: what is in it must not be written over
        raise StoreError(f"{paths.relative(file)}: cannot be read ({error})") from error
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as kept:
            return dict(zip(map(tuple, kept["spans"].tolist()), kept["embeddings"], strict=True))
    except Exception:  # damage shows itself in many ways
        return {}


def _compute(
    encoder: Encoder, place: Path, wanted: list[tuple[_Sound, list[Span]]], *, jobs: int, progress: bool
) -> dict[tuple[str, Span], str]:
    """Compute what is missing, chunk by chunk; gives what could not be embedded and why, by the sound's digest and span."""
    longest_s = _CHUNK_S * (_SHARED if hasattr(encoder, "encode_spans") else 1)
    given, failed, tasks = (str(place), resolved(encoder.name), encoder.precision, _identity(encoder)), {}, []
    for sound, spans in wanted:  # a long file is cut into several chunks
        ordered = sorted(set(spans))
        size = max(1, int(longest_s * sound.rate / max(stop - start for start, stop in ordered)))
        chunks = [ordered[first : first + size] for first in range(0, len(ordered), size)]
        tasks += [(*given, sound.digest, sound.path, sound.voice, sound.stamp, chunk) for chunk in chunks]
    random.Random().shuffle(tasks)  # so that runs beside each other seldom want the same chunk, and share the work
    with (
        tqdm(total=sum(len(task[-1]) for task in tasks), desc=encoder.name, unit="window", disable=not progress) as bar,
        compute.pieces(_compute_chunk, tasks, jobs=jobs, threaded=encoder.threaded) as results,
    ):
        for count, problems in results:
            failed |= problems
            bar.update(count)
    return failed


def _compute_chunk(
    folder: str, encoder: str, precision: str, expected: str,
    digest: str, path: str, voice: audio.Voice | None, stamp: tuple[int, int], spans: Sequence[Span],
) -> tuple[int, dict[tuple[str, Span], str]]:  # fmt: skip
    """Embed some windows of a sound and keep them: how many there are, and what could not be embedded."""
    file, locks = Path(folder) / f"{digest}.npz", Path(folder) / "locks"
    claim = FileLock(locks / f"{zlib.crc32(f'{digest}{spans[0]}'.encode()) % 1000:03}.lock")
    with _writing(file):
        claimed = claim.acquire(poll_interval=0.01)  # a run beside this one may have the chunk in hand
    with claimed:
        made, known = get(encoder, precision=precision), _read(file)
        if _identity(made) != expected:
            raise RuntimeError(f"the weights or the code of {encoder} changed while they were used: run again")
        missing = [span for span in spans if span not in known]
        # one thread of torch a chunk: the result does not depend on how many compute, and chunks are quicker than threads
        with compute.torch_threads(1) if made.threaded else contextlib.nullcontext():
            found, problems = _embed(made, path, voice, stamp, missing) if missing else ({}, [])
        if found:
            with _writing(file), FileLock(locks / f"{digest[:2]}.lock"):  # one at a time writes a file
                known = dict(sorted((_read(file) | found).items()))
                with paths.replacing(file) as partial:
                    np.savez(partial, spans=np.array(list(known)), embeddings=np.stack(list(known.values())))
    return len(spans), {(digest, span): problem for span, problem in problems}


def _embed(
    encoder: Any, path: str, voice: audio.Voice | None, stamp: tuple[int, int] | None, spans: Sequence[Span]
) -> tuple[dict[Span, np.ndarray], list[tuple[Span, str]]]:
    """The embeddings of windows, and what is wrong with those that have none; one that is bad harms no other."""
    rate, problem = encoder.sample_rate, f"{path}: the encoder gives a value that is not finite"
    try:
        if voice is None and hasattr(encoder, "encode_spans"):
            values = encoder.encode_spans(Path(path), spans)
        else:
            values = encoder.encode([audio.read_frames(path, *span, sample_rate=rate, voice=voice) for span in spans])
        good = np.isfinite(values).all(axis=1)
    except (ValueError, OSError) as error:
        if len(spans) > 1:  # which one it is shows when each is embedded for itself
            found, problems = zip(*(_embed(encoder, path, voice, stamp, [span]) for span in spans), strict=True)
            return dict(ChainMap(*found)), list(chain(*problems))
        values, good, problem = spans, [False], str(error) if path in str(error) else f"{path}: {error}"
    if _stamp(path) != stamp:  # afterwards: what changed before shows then too
        return {}, [(span, f"{path}: changed while it was read; run again") for span in spans]
    found = {span: value for span, value, fine in zip(spans, values, good, strict=True) if fine}
    return found, [(span, problem) for span in spans if span not in found]


def embed_blocks(
    encoder: str, windows: pd.DataFrame, root: Path | str, *, block_s: float, **options: Any
) -> tuple[np.ndarray, pd.DataFrame]:
    """The approximate way: embed every window as the mean of its blocks, each embedded once and for itself.

    wav2vec 2.0 normalises over a whole window and attends from each frame to every other: this is another embedding, and
    what it costs in accuracy notebook 05 measures. Arguments, result and errors are those of `embed` and `cut_blocks`, but
    that the list counts `blocks` in place of windows.
    """
    blocks = cut_blocks(windows, block_s=block_s)
    distinct = blocks.drop_duplicates(["audio", "stop_ms"])
    values, failed = embed(encoder, distinct, root, **options)
    row = pd.Series(np.arange(len(distinct)), index=pd.MultiIndex.from_frame(distinct[["audio", "stop_ms"]]))
    rows = row.loc[pd.MultiIndex.from_frame(blocks[["audio", "stop_ms"]])].to_numpy()
    count = len(blocks) // max(len(windows), 1)
    embeddings = np.zeros((len(windows), values.shape[1]), np.float32)
    for number in range(count):  # block by block: all of them at once would take count times the memory
        embeddings += values[rows[number::count]] / count
    return embeddings, failed.rename(columns={"windows": "blocks"})


def cut_blocks(windows: pd.DataFrame, *, block_s: float) -> pd.DataFrame:
    """Cut windows, all of one length, into blocks of `block_s` seconds (ValueError where they are no whole number of them).

    Gives one row a block, those of a window one after the other, the latest first: audio, start_s, end_s in seconds, and
    stop_ms, the end in milliseconds, by which blocks that windows share are known. None reaches past its window's end.
    """
    counts = ((windows["end_s"] - windows["start_s"]) / block_s).round(6)
    if (counts != counts.iloc[:1].sum()).any() or not (counts % 1 == 0).all() or (counts < 1).any():
        raise ValueError(f"windows must be of one length, a whole number of blocks of {block_s} s")
    count = int(counts.iloc[0]) if len(windows) else 1
    rows = windows.loc[windows.index.repeat(count), ["audio", "end_s"]].reset_index(drop=True)
    end_s = rows["end_s"] - block_s * np.tile(np.arange(count), len(windows))
    blocks = pd.DataFrame({"audio": rows["audio"], "start_s": (end_s - block_s).clip(lower=0.0), "end_s": end_s})
    return blocks.assign(stop_ms=(1000 * end_s).round(3))


def save(folder: Path | str, windows: pd.DataFrame, embeddings: np.ndarray) -> None:
    """Keep a window table and its embeddings, shape (len(windows), dimension), all finite (ValueError), for other notebooks."""
    if len(windows) != len(embeddings):
        raise ValueError(f"{len(windows)} windows but {len(embeddings)} embeddings; they belong together row for row")
    if not np.isfinite(embeddings).all():
        raise ValueError("an embedding is not finite: leave out the windows that could not be embedded")
    with paths.replacing(Path(folder) / _WINDOWS) as partial:
        windows.to_parquet(partial, index=False)
    with paths.replacing(Path(folder) / _EMBEDDINGS) as partial:
        np.save(partial, np.asarray(embeddings, np.float32), allow_pickle=False)


def load(folder: Path | str) -> tuple[pd.DataFrame, np.ndarray]:
    """Read what `save` kept: the window table, and the embeddings, float32, shape (len(windows), dimension).

    FileNotFoundError where nothing was saved, ValueError where the two files do not belong together.
    """
    windows, embeddings, place = Path(folder) / _WINDOWS, Path(folder) / _EMBEDDINGS, paths.relative(Path(folder))
    if not windows.is_file() or not embeddings.is_file():
        raise FileNotFoundError(f"no embeddings in {place}: run notebook 03_embedding_extraction first")
    windows, embeddings = pd.read_parquet(windows), np.load(embeddings, allow_pickle=False)
    if len(windows) != len(embeddings):
        raise ValueError(f"{place}: {len(windows)} windows and {len(embeddings)} embeddings; run 03 again")
    return windows, embeddings
