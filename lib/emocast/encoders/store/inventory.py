"""What is in the store, whether it is still of use, and how to be rid of what is not: `python -m emocast store`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from ... import cache, paths
from .. import get
from . import identity, shards
from .shelf import RECORD, Shelf

CURRENT = "current"


def shelves(folder: Path | None = None) -> list[Shelf]:
    """All shelves of the store, `paths.store()` by default."""
    return [Shelf(record.parent) for record in sorted((folder or paths.store()).glob(f"*/{RECORD}"))]


def table(folder: Path | None = None, *, sounds: bool = False) -> pd.DataFrame:
    """What is in the store.

    Args:
        folder: the store; `paths.store()` by default.
        sounds: whether to look at the sound files too, which reads all of them.

    Returns:
        One row a shelf: shelf (its folder's name), encoder, precision, values, windows, shards, megabytes, and state:
        "current", or why it is of no use any more, or why that cannot be said. With `sounds` also unheard: windows whose
        sound file is gone or changed.
    """
    digests: dict[str, str | None] = {}
    rows = []
    for shelf in shelves(folder):
        record = _record(shelf)
        row = {
            "shelf": shelf.folder.name,
            "encoder": record.get("name", "?"),
            "precision": record.get("precision", "?"),
            "values": record.get("dimension", 0),
            "windows": len(shelf.places()),
            "shards": len(shelf.files()),
            "megabytes": shelf.size() / 1e6,
            "state": state(shelf),
        }
        if sounds:
            row["unheard"] = sum(len(gone) for gone in _unheard(shelf, digests).values())
        rows.append(row)
    columns = ["shelf", "encoder", "precision", "values", "windows", "shards", "megabytes", "state"]
    return pd.DataFrame(rows, columns=[*columns, *(["unheard"] if sounds else [])])


def state(shelf: Shelf) -> str:
    """Whether a run would find a shelf: "current", or what changed, or what is missing to say so."""
    record = _record(shelf)
    if not record:
        return f"damaged: no readable {RECORD}"
    try:
        now = identity.of(get(record["name"], precision=record["precision"]))
    except (ValueError, OSError, ImportError) as error:
        return f"unknown: {error}"
    changed = [part for part in now if part != "name" and now[part] != record.get(part)]
    return f"stale: other {', '.join(changed)}" if changed else CURRENT


def check(folder: Path | None = None) -> list[str]:
    """Read every shard of the store.

    Returns:
        What is wrong, a line a damaged shard; the shards stay where they are (a run that needs them computes them anew).
    """
    problems = []
    files = [(shelf, path) for shelf in shelves(folder) for path in shelf.files()]
    for _, path in tqdm(files, desc="shards", unit="shard"):
        try:
            shards.read(path)
        except (shards.DamagedError, shards.StoreError) as error:
            problems.append(str(error))
    return problems


def drop(
    names: Sequence[str] = (), *, stale: bool = False, sounds: bool = False, folder: Path | None = None
) -> list[str]:
    """Delete from the store.

    Args:
        names: shelves, by the names of their folders.
        stale: delete all shelves that no run would find any more; those of which that cannot be said stay.
        sounds: delete the shards of which no window's sound file is there any more.
        folder: the store; `paths.store()` by default.

    Returns:
        What was deleted, a line each.

    Raises:
        ValueError: there is no shelf of such a name; nothing is deleted then.
    """
    there = {shelf.folder.name: shelf for shelf in shelves(folder)}
    unknown = [name for name in names if name not in there]
    if unknown:
        raise ValueError(
            f"no shelf {unknown[0]!r} in {paths.relative(folder or paths.store())}; `store show` lists them"
        )
    gone = [shelf for name, shelf in there.items() if name in names or (stale and state(shelf).startswith("stale"))]
    lines = []
    for shelf in gone:
        lines.append(f"{shelf.folder.name}: {len(shelf.files())} shards, {shelf.size() / 1e6:.1f} MB")
        shutil.rmtree(shelf.folder)
    digests: dict[str, str | None] = {}
    for shelf in [shelf for shelf in there.values() if shelf not in gone] if sounds else ():
        for path, missing in _unheard(shelf, digests).items():
            if len(missing) == len(shards.read_keys(path)):
                lines.append(f"{shelf.folder.name}: {path.name}")
                path.unlink(missing_ok=True)
    return lines


def _record(shelf: Shelf) -> dict:
    try:
        return shelf.record()
    except (OSError, json.JSONDecodeError):
        return {}


def _unheard(shelf: Shelf, digests: dict[str, str | None]) -> dict[Path, list[shards.Key]]:
    """The windows of each shard whose sound file is gone or changed. `digests` remembers files that were read."""
    found = {}
    for path in tqdm(shelf.files(), desc="sounds", unit="shard"):
        try:
            named, keys = shards.sounds(path), shards.read_keys(path)
        except shards.DamagedError:
            continue
        present = {audio for audio, name in named.items() if _digest(name, digests) == audio}
        missing = [key for key in keys if key.audio not in present]
        if missing:
            found[path] = missing
    return found


def _digest(name: str, digests: dict[str, str | None]) -> str | None:
    if name not in digests:
        try:
            digests[name] = cache.file_digest(paths.data() / name)  # an absolute path stays what it is
        except OSError:
            digests[name] = None
    return digests[name]
