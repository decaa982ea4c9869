"""A training's folder: what is there already stays, and one process at a time makes what is not.

A finished training has a record (`training.json`), written last, with the key of what it depends on. One that goes on has
a work folder, `.training/<name>-<key>` beside the folder, where its checkpoints outlive a kill.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import speechbrain as sb
import torch
import transformers
from filelock import FileLock

LOG, RECORD = "log.csv", "training.json"


def key(*parts: Any) -> str:
    """The SHA-256 of what a training depends on, as hexadecimal: these parts and the versions of what computes.

    Args:
        parts: whatever JSON can hold: digests of sounds, weights and code, settings, the seed.
    """
    versions = (torch.__version__, sb.__version__, transformers.__version__)
    return hashlib.sha256(json.dumps([*parts, *versions], sort_keys=True).encode()).hexdigest()


def is_trained(folder: Path | str, key: str | None = None) -> bool:
    """Whether a finished training is in a folder, and whether it is the one of this key."""
    path = Path(folder) / RECORD
    return path.is_file() and (key is None or json.loads(path.read_text(encoding="utf-8"))["key"] == key)


@contextmanager
def making(folder: Path, key: str) -> Iterator[Path | None]:
    """Let one process make what is not there; others that want the same wait for it.

    Yields:
        The work folder, which is deleted when the block ends well; a block that raises, or a process that is killed,
        leaves it to the next call. None where the training is there already.
    """
    work = folder.parent / ".training" / f"{folder.name}-{key[:12]}"
    work.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{work}.lock"):
        if is_trained(folder, key):
            yield None
            return
        yield work
        shutil.rmtree(work)
