"""Where things lie, the only module that names folders; and files that are written whole or not at all, by one at a time.

The project root is the checkout that holds this package. `EMOCAST_DATA` and `EMOCAST_OUTPUTS` move the two large folders
elsewhere (another disk, a test's temporary folder); the Makefile sets them from `DATA=` and `OUTPUTS=`.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import filelock

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
REFERENCE = ROOT / "outputs" / "reference"
PROFILES = Path(__file__).resolve().parent / "profiles"
LICENCES = ROOT / "data" / "LICENCES.md"
PUBLISHED = Path(__file__).resolve().parent / "published.csv"
#: The environment variable in which the runner names the folder of a run to the notebook.
RUN_FOLDER = "EMOCAST_RUN_FOLDER"


def data() -> Path:
    """The folder that holds the corpora: `$EMOCAST_DATA`, or `data/` of the checkout."""
    return Path(os.environ.get("EMOCAST_DATA") or ROOT / "data").resolve()


def outputs() -> Path:
    """The folder that holds what runs make: `$EMOCAST_OUTPUTS`, or `outputs/` of the checkout."""
    return Path(os.environ.get("EMOCAST_OUTPUTS") or ROOT / "outputs").resolve()


def variant(parameters: Mapping[str, str]) -> Path:
    """Where runs of notebooks with these parameters stand, relative to the profile's outputs, as `variants/corpus=meld`."""
    if not parameters:
        return Path()
    said = "-".join(f"{key}={parameters[key]}" for key in sorted(parameters))
    return Path("variants") / re.sub(r"[^\w.@=-]+", "-", said)


def cache_folder(profile: str) -> Path:
    """What a profile's runs keep between them so that a killed run goes on; safe to delete."""
    return outputs() / profile / ".cache"


def store() -> Path:
    """What `encoders.store` keeps: embeddings by their content, shared by all profiles; safe to delete."""
    return outputs() / "embeddings"


def relative(path: Path | str) -> str:
    """The path as a reader knows it: relative to the checkout where it lies inside, whole otherwise."""
    path = Path(path)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Write a file whole or not at all.

    Yields a temporary path of the same name, which takes the target's place when the block ends well. A block that raises, or a
    process that is killed, leaves the old target as it was. The target's folder is made.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".writing-", dir=target.parent))
    try:
        partial = folder / target.name
        yield partial
        partial.replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def alone(file: Path, *, busy: str) -> Iterator[None]:
    """Let no other process that asks with the same file run the block at the same time; `busy` is said while one does."""
    lock = filelock.FileLock(file)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        print(f"  {busy} by another process: waiting for its end", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
