"""One file of the store: some windows and their embeddings, written once and never changed.

A shard is a safetensors file whose name ends in the SHA-256 of its bytes, so that it proves itself when it is read: a byte
that flipped on the disk is noticed. It names each window by its content: the sound file's SHA-256 and the frames from
`start` to `stop` at the file's own rate.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from ... import paths

SUFFIX = ".safetensors"
_META = "emocast"
_NO_SHARD = (SafetensorError, KeyError, ValueError, IndexError, TypeError)  # what reading another file ends in


class StoreError(OSError):
    """The store's folder cannot be read or written. The message names it and says what to do."""


class Key(NamedTuple):
    """A window by its content: SHA-256 of the sound file, first frame, and the frame after the last."""

    audio: str
    start: int
    stop: int


class Shard(NamedTuple):
    """What a file holds: the windows' keys, and their embeddings, float32 of shape (len(keys), dimension)."""

    keys: list[Key]
    embeddings: np.ndarray


class DamagedError(ValueError):
    """A shard's bytes are not those that its name promises."""


def write(folder: Path, plan: str, keys: Sequence[Key], embeddings: np.ndarray, *, sounds: Sequence[str]) -> Path:
    """Write a shard whole or not at all.

    Args:
        folder: where shards lie.
        plan: which piece of work this is; the file's name begins with it.
        keys: the windows.
        embeddings: shape (len(keys), dimension).
        sounds: for each window the path of its sound file, for people who look what is in the store.

    Returns:
        The file. The same windows and values give the same bytes.

    Raises:
        StoreError: the folder cannot be written (a full disk, a read-only folder).
    """
    files = list(dict.fromkeys(zip((key.audio for key in keys), sounds, strict=True)))
    number = {audio: row for row, (audio, _) in enumerate(files)}
    tensors = {
        "embeddings": np.ascontiguousarray(embeddings, np.float32),
        "audio": np.array([number[key.audio] for key in keys], np.int32),
        "start": np.array([key.start for key in keys], np.int64),
        "stop": np.array([key.stop for key in keys], np.int64),
    }
    # one entry: safetensors writes several in no fixed order, and the bytes must be the same each time
    content = to_bytes(tensors, {_META: json.dumps({"sounds": files})})
    target = folder / f"{plan}-{hashlib.sha256(content).hexdigest()}{SUFFIX}"
    try:
        with paths.replacing(target) as partial, partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise not_writable(folder, error) from error
    return target


def not_writable(folder: Path, error: OSError) -> StoreError:
    """What to say of a folder of the store on a full disk, or that may only be read."""
    return StoreError(
        f"{paths.relative(folder)}: cannot be written ({error.strerror or error}). What was computed before is kept; make "
        f"room or give OUTPUTS=another folder, and run again"
    )


def read(path: Path) -> Shard:
    """Read a shard and check it.

    Args:
        path: the file.

    Returns:
        Its keys and embeddings.

    Raises:
        DamagedError: its bytes are not what they were when it was written, or it is gone.
        StoreError: it cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise _gone(path) from error
    except OSError as error:
        raise StoreError(f"{paths.relative(path)}: cannot be read ({error.strerror or error})") from error
    if hashlib.sha256(content).hexdigest() != path.stem.rpartition("-")[2]:
        raise DamagedError(f"{paths.relative(path)}: its content is not what its name says")
    try:
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])  # as the format has it
        tensors = from_bytes(content)
        return Shard(_keys(tensors, header["__metadata__"]), tensors["embeddings"])
    except _NO_SHARD as error:
        raise _foreign(path, error) from error


def read_keys(path: Path) -> list[Key]:
    """Read a shard's keys alone, which are a small part of it, without the check of `read`.

    Raises:
        DamagedError: it is no shard, or gone.
        StoreError: it cannot be read.
    """
    with _opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in ("audio", "start", "stop")}
        return _keys(tensors, file.metadata())


def sounds(path: Path) -> dict[str, str]:
    """The sound files of a shard: SHA-256 -> path as it was then.

    Raises:
        DamagedError: it is no shard, or gone.
        StoreError: it cannot be read.
    """
    with _opened(path) as file:
        return {audio: name for audio, name in json.loads(file.metadata()[_META])["sounds"]}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except FileNotFoundError as error:
        raise _gone(path) from error
    except OSError as error:
        raise StoreError(f"{paths.relative(path)}: cannot be read ({error.strerror or error})") from error
    except _NO_SHARD as error:
        raise _foreign(path, error) from error


def _gone(path: Path) -> DamagedError:
    return DamagedError(f"{paths.relative(path)}: is gone")  # a run beside this one put it aside, or someone dropped it


def _foreign(path: Path, error: Exception) -> DamagedError:
    return DamagedError(f"{paths.relative(path)}: no shard of embeddings ({error})")


def _keys(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> list[Key]:
    files = [audio for audio, _ in json.loads(metadata[_META])["sounds"]]
    columns = (tensors[name].tolist() for name in ("audio", "start", "stop"))
    return [Key(files[audio], start, stop) for audio, start, stop in zip(*columns, strict=True)]
