"""The shelf of one encoder: a folder with all shards of its embeddings, and an index that says which window is where.

Only the shards are the truth. The index saves opening them all: it is made anew from them where it is missing, damaged or
behind, and what it says is checked against the shard that is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from ... import paths
from . import shards
from .shards import Key, StoreError

RECORD = "encoder.json"
_INDEX = "index.parquet"


class Shelf:
    """The embeddings of one encoder in one precision.

    Args:
        folder: where they lie; `create` makes it.
    """

    def __init__(self, folder: Path) -> None:
        """Look at a folder; nothing is read yet."""
        self.folder = folder
        self.shards = folder / "shards"

    def create(self, record: dict) -> None:
        """Make the folder, with a record of what the encoder is.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            self.shards.mkdir(parents=True, exist_ok=True)
            if not (self.folder / RECORD).is_file():
                with paths.replacing(self.folder / RECORD) as partial:
                    partial.write_text(json.dumps(record, indent=1), encoding="utf-8")
        except OSError as error:
            raise StoreError(
                f"{paths.relative(self.folder)}: cannot be made ({error.strerror or error}); give OUTPUTS=a folder that can "
                f"be written"
            ) from error

    def record(self) -> dict:
        """What `create` was given."""
        return json.loads((self.folder / RECORD).read_text(encoding="utf-8"))

    def files(self) -> list[Path]:
        """All shards, in the order of their names."""
        return sorted(self.shards.glob(f"*{shards.SUFFIX}"))

    def size(self) -> int:
        """Bytes of all shards."""
        return sum(path.stat().st_size for path in self.files())

    def places(self) -> dict[Key, str]:
        """The name of the shard in which each window lies. A window that stands twice is taken from the first.

        A damaged shard whose keys cannot be read is put aside (`discard`): its windows count as missing.
        """
        index = _read_index(self.folder / _INDEX)
        present = {path.name for path in self.files()}
        known, fresh = index.keys() & present, sorted(present - index.keys())
        found = {name: index[name] for name in known}
        for name in fresh:
            try:
                found[name] = shards.read_keys(self.shards / name)
            except shards.DamagedError:
                self.discard(name)
        if fresh or known != index.keys():
            _write_index(self.folder / _INDEX, found)
        return {
            key: name for name in sorted(found, reverse=True) for key in found[name]
        }  # the first overwrites the others

    def missing(self, keys: Sequence[Key]) -> list[int]:
        """The positions of the keys that are not on the shelf."""
        places = self.places()
        return [position for position, key in enumerate(keys) if key not in places]

    def read(self, keys: Sequence[Key], dimension: int) -> tuple[np.ndarray, list[int]]:
        """Read embeddings.

        Args:
            keys: of windows; one may stand there twice.
            dimension: values of an embedding.

        Returns:
            float32, shape (len(keys), dimension), NaN where there is none; and the positions of those. What a damaged shard
            held counts as missing, and the shard is put aside; so does what the index looks for in the wrong shard.
        """
        places = self.places()
        embeddings = np.full((len(keys), dimension), np.nan, np.float32)
        wanted: dict[str, list[int]] = {}
        missing = []
        for position, key in enumerate(keys):
            if key in places:
                wanted.setdefault(places[key], []).append(position)
            else:
                missing.append(position)
        for name, positions in wanted.items():
            try:
                shard = shards.read(self.shards / name)
            except shards.DamagedError:
                self.discard(name)
                missing += positions
                continue
            rows = {key: row for row, key in enumerate(shard.keys)}  # the shard proves itself, the index does not
            held = [position for position in positions if keys[position] in rows]
            embeddings[held] = shard.embeddings[[rows[keys[position]] for position in held]]
            missing += [position for position in positions if keys[position] not in rows]
        return embeddings, sorted(missing)

    def forget_index(self) -> None:
        """Have the index made anew from the shards, where it may be deleted."""
        with suppress(OSError):
            (self.folder / _INDEX).unlink()

    def discard(self, name: str) -> None:
        """Put a damaged shard aside, where nothing reads it; its index entry goes too.

        Raises:
            StoreError: it cannot be moved.
        """
        aside = self.folder / "damaged"
        try:
            aside.mkdir(exist_ok=True)
            (self.shards / name).replace(aside / name)
            (self.folder / _INDEX).unlink(missing_ok=True)
        except FileNotFoundError:
            return  # a run beside this one was quicker
        except OSError as error:
            raise StoreError(
                f"{paths.relative(self.shards / name)} is damaged and cannot be put aside ({error.strerror or error}): delete "
                f"it and run again"
            ) from error

    @contextmanager
    def working_on(self, plan: str, *, wait: bool = False) -> Iterator[bool]:
        """Claim a piece of work, so that runs beside each other do not do it twice; a killed run's claim is void.

        Args:
            plan: its name.
            wait: whether to wait for who has it; otherwise the answer may be no.

        Yields:
            Whether it is ours to do: nobody else has it in hand, and it is not done.

        Raises:
            StoreError: the folder cannot be written.
        """
        place = self.folder / "locks" / f"{plan}.lock"
        lock = FileLock(place, timeout=-1 if wait else 0)
        try:
            place.parent.mkdir(exist_ok=True)
            lock.acquire()
        except Timeout:
            yield False
            return
        except OSError as error:
            raise shards.not_writable(self.folder, error) from error
        try:
            yield not self.is_done(plan)
        finally:
            lock.release()
            with suppress(OSError):  # it does no harm there
                place.unlink()

    def is_done(self, plan: str) -> bool:
        """Whether the shard of a piece of work is there and sound; a damaged one is put aside."""
        for path in self.shards.glob(f"{plan}-*{shards.SUFFIX}"):
            try:
                shards.read(path)
            except shards.DamagedError:
                self.discard(path.name)
            else:
                return True
        return False


def _read_index(path: Path) -> dict[str, list[Key]]:
    """Each shard's keys by its name; nothing where the index is missing or damaged."""
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        columns = [table.column(name).to_pylist() for name in ("shard", "audio", "start", "stop")]
    except (OSError, KeyError, pa.ArrowException):
        return {}
    index: dict[str, list[Key]] = {}
    for shard, *key in zip(*columns, strict=True):
        index.setdefault(shard, []).append(Key(*key))
    return index


def _write_index(path: Path, index: dict[str, list[Key]]) -> None:
    """Write the index; where that is not possible it is missing, which only costs time."""
    names = [name for name in sorted(index) for _ in index[name]]
    keys = [key for name in sorted(index) for key in index[name]]
    columns = {"shard": names, **{field: [getattr(key, field) for key in keys] for field in Key._fields}}
    try:
        with paths.replacing(path) as partial:
            pq.write_table(pa.table(columns), partial, write_page_checksum=True)
    except OSError:
        return
