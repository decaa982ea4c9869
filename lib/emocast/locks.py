"""One process at a time: who comes second is told, and waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock


@contextmanager
def alone(file: Path, *, busy: str) -> Iterator[None]:
    """Let no other process that asks with the same file run the block at the same time.

    Args:
        file: the lock, in a folder that is there.
        busy: what is printed where another process has it, for example "04_question is being run".
    """
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
