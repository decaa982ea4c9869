"""The pieces of work: which windows are embedded together, and how a piece becomes a shard.

A piece is cut so that what is left after a kill is cut the same way again: whole sound files in order, until a piece has
its fill. The same windows in the same piece give the same bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ... import audio
from .. import get
from . import identity, shards
from .shards import Key
from .shelf import Shelf
from .spans import Span, shown, stamp_of

# Seconds of sound in a piece. A piece is computed by one core: larger ones leave the others idle where there is little work.
_PIECE_S = 240.0
_LONGEST = 8  # so many times that much from one file: what its windows have in common is done once a piece
_READ_S = 80.0  # seconds of sound read at once, while the network hears what was read before

#: A piece as it travels to another process: plain values only (`executor.pieces`).
Piece = tuple[str, list[tuple[Key, str, int, tuple[int, int]]]]


def cut(spans: Iterable[Span]) -> Iterator[Piece]:
    """Cut windows into pieces.

    Args:
        spans: windows that are to be embedded, none twice.

    Yields:
        The name of each piece, and its windows.
    """
    some: list[Span] = []
    length_s = 0.0
    ordered = sorted(spans, key=lambda span: (span.path, span.key))
    for _, windows in groupby(ordered, key=lambda span: span.path):
        for window in windows:
            some.append(window)
            length_s += window.seconds
            if length_s >= _LONGEST * _PIECE_S:  # a long file is cut too
                yield _piece(some)
                some, length_s = [], 0.0
        if length_s >= _PIECE_S:
            yield _piece(some)
            some, length_s = [], 0.0
    if some:
        yield _piece(some)


def _piece(spans: Sequence[Span]) -> Piece:
    name = hashlib.sha256(repr([span.key for span in spans]).encode()).hexdigest()[:16]
    return name, [tuple(span) for span in spans]


def compute(folder: str, encoder: str, precision: str, expected: str, wait: bool, piece: Piece) -> tuple[str, int, Any]:
    """Embed the windows of a piece and put the shard on the shelf.

    Args:
        folder: the shelf's.
        encoder: an encoder's name.
        precision: "fp32" or "bf16".
        expected: the encoder's identity (`identity.digest`): the shelf is of that one.
        wait: whether to wait for a run beside this one that has the piece in hand.
        piece: as from `cut`.

    Returns:
        The piece's name; how many windows are done with; and what could not be embedded, a list of (key, problem). The
        number is 0 where another run has the piece in hand.

    Raises:
        RuntimeError: the encoder's weights or code changed since the run began.
        StoreError: the shelf cannot be written.
    """
    name, rows = piece
    shelf, spans = Shelf(Path(folder)), [Span(Key(*key), path, rate, tuple(stamp)) for key, path, rate, stamp in rows]
    with shelf.working_on(name, wait=wait) as ours:
        if not ours:
            return name, len(spans) if shelf.is_done(name) else 0, []
        made = get(encoder, precision=precision)
        if identity.digest(identity.of(made)) != expected:
            raise RuntimeError(
                f"the weights or the code of {encoder} changed while embeddings were computed: run again"
            )
        with _one_thread(made):
            done, problems = _embed(made, spans)
        if done:
            written, embeddings = zip(*done, strict=True)
            places = [shown(span.path) for span in written]
            shards.write(shelf.shards, name, [span.key for span in written], np.stack(embeddings), sounds=places)
    return name, len(spans), problems


def _one_thread(encoder: Any) -> contextlib.AbstractContextManager:
    """One thread of torch a piece: the result does not depend on how many compute, and pieces are quicker than threads."""
    if not encoder.threaded:
        return contextlib.nullcontext()
    from ... import threads  # here: it imports torch, which encoders without a network do not need

    return threads.of_torch(1)


def _embed(encoder: Any, spans: Sequence[Span]) -> tuple[list[tuple[Span, np.ndarray]], list[tuple[Key, str]]]:
    """Embed windows one batch after the other; one that cannot be is listed, and the others go on."""
    done, problems = [], []
    for batch, embeddings in _shared(encoder, spans) if hasattr(encoder, "encode_spans") else _single(encoder, spans):
        for span, embedding in zip(batch, embeddings, strict=True):
            if isinstance(embedding, str):
                problems.append((span.key, embedding))
            else:
                done.append((span, embedding))
    return done, problems


def _single(encoder: Any, spans: Sequence[Span]) -> Iterator[tuple[list[Span], list[Any]]]:
    for batch, waveforms in _ahead(_batches(spans), encoder):
        yield batch, _encode(encoder, batch, waveforms)


def _shared(encoder: Any, spans: Sequence[Span]) -> Iterator[tuple[list[Span], list[Any]]]:
    """For an encoder that does once what the windows of a file have in common."""
    for _, some in groupby(spans, key=lambda span: span.path):
        batch = list(some)
        yield batch, _encode_file(encoder, batch)


def _encode_file(encoder: Any, spans: Sequence[Span]) -> list[Any]:
    """For each window of a file its embedding, or what is wrong with it."""
    path = Path(spans[0].path)
    try:
        embeddings = encoder.encode_spans(path, [span.key[1:] for span in spans])
        _check_unchanged(spans[0])
    except (ValueError, OSError) as error:
        if len(spans) > 1:  # which one it is shows when each is heard for itself
            return [_encode_file(encoder, [span])[0] for span in spans]
        return [str(error) if str(path) in str(error) else f"{path}: {error}"]
    return _finite(spans, embeddings)


def _encode(encoder: Any, spans: Sequence[Span], waveforms: Sequence[Any]) -> list[Any]:
    """For each window its embedding, or what is wrong with it."""
    results: list[Any] = list(waveforms)
    heard = [row for row, waveform in enumerate(waveforms) if not isinstance(waveform, str)]
    try:
        embeddings = encoder.encode([waveforms[row] for row in heard])
    except ValueError as error:
        if len(heard) == 1:
            results[heard[0]] = f"{spans[heard[0]].path}: {error}"
            return results
        for row in heard:  # which one it is shows when each is heard for itself
            results[row] = _encode(encoder, [spans[row]], [waveforms[row]])[0]
        return results
    for row, result in zip(heard, _finite([spans[row] for row in heard], embeddings), strict=True):
        results[row] = result
    return results


def _finite(spans: Sequence[Span], embeddings: np.ndarray) -> list[Any]:
    """The embeddings; in place of one that is not finite stands that."""
    problem = "the encoder gives a value that is not finite"
    return [
        embedding if np.isfinite(embedding).all() else f"{span.path}: {problem}"
        for span, embedding in zip(spans, embeddings, strict=True)
    ]


def _ahead(batches: Iterable[list[Span]], encoder: Any) -> Iterator[tuple[list[Span], list[Any]]]:
    """Read a batch of windows while the one before is computed; in place of what cannot be read stands what is wrong."""
    with ThreadPoolExecutor(1) as reader:
        reading = None
        for batch in batches:
            upcoming = batch, reader.submit(_read, batch, encoder.sample_rate)
            if reading:
                yield reading[0], reading[1].result()
            reading = upcoming
        if reading:
            yield reading[0], reading[1].result()


def _batches(spans: Sequence[Span]) -> Iterator[list[Span]]:
    """Windows that are read at once."""
    some, length_s = [], 0.0
    for span in spans:
        some.append(span)
        length_s += span.seconds
        if length_s >= _READ_S:
            yield some
            some, length_s = [], 0.0
    if some:
        yield some


def _read(spans: Sequence[Span], sample_rate: int) -> list[Any]:
    waveforms: list[Any] = []
    for span in spans:
        try:
            waveform = audio.read_frames(span.path, span.key.start, span.key.stop, sample_rate=sample_rate)
            _check_unchanged(span)
            waveforms.append(waveform)
        except (audio.AudioError, OSError) as error:
            waveforms.append(str(error))
    return waveforms


def _check_unchanged(span: Span) -> None:
    """Afterwards: what changed before shows then too, and what was read is what the key says."""
    if stamp_of(span.path) != span.stamp:
        raise audio.AudioError(f"{span.path}: changed while it was read; run again")
