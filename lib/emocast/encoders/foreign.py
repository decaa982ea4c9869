"""Packages of others, as guests: what they change in the process is put back, and their checkpoints are read as data.

The CLAP packages and funasr are written to be a program of their own. One leaves its folder on `sys.path`, one silences all
warnings when it is imported, one seeds every random number and sets the number of threads; all three open logs, and all
three read checkpoints in a way that runs code in them or takes what fits and is silent about the rest.
"""

from __future__ import annotations

import logging
import os
import random
import sys
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .. import threads
from .hub import CheckpointError

_LOCK = threading.RLock()  # what is put back belongs to the whole process: one guest at a time
_LOGGERS = ("", "transformers")

# How a training's learning rate is written that numpy computed: a function that makes a number, under its name before and
# since numpy 2, and the types that it is given. None of them runs what it reads.
_SCALAR = np.float64(0).__reduce__()[0]
_NUMBERS = [
    (_SCALAR, "numpy.core.multiarray.scalar"),
    (_SCALAR, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(number)) for number in (np.float32, np.float64, np.int32, np.int64)),
]


@contextmanager
def guarded() -> Iterator[None]:
    """Put back, after the block, what a guest changed in it; other threads wait for their turn.

    That is `sys.path`, the environment, warnings, logs, the number of torch's threads, and the random numbers of Python,
    NumPy and torch.
    """
    with _LOCK, warnings.catch_warnings(), torch.random.fork_rng(devices=[]), threads.of_torch(None):
        path, environment = list(sys.path), dict(os.environ)
        numbers, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - others draw from the global one
        logs = [(log, log.level, list(log.handlers)) for log in map(logging.getLogger, _LOGGERS)]
        try:
            yield
        finally:
            sys.path[:] = path
            for name in os.environ.keys() - environment:
                del os.environ[name]
            os.environ.update(environment)
            random.setstate(numbers)
            np.random.set_state(legacy)  # noqa: NPY002 - as above
            for log, level, handlers in logs:
                log.setLevel(level)
                log.handlers[:] = handlers


def loaded(load: Callable[..., Any], *files: Path) -> Any:
    """Load from files what is in memory once a process, also where two threads ask at once.

    Args:
        load: takes the files and a stamp of what they hold, and remembers (`functools.lru_cache`).
        files: those that the result is read from.

    Returns:
        What `load` gives.
    """
    stamp = tuple((status.st_mtime_ns, status.st_size) for status in (file.stat() for file in files))
    with _LOCK:
        return load(*files, stamp)


def read(path: Path) -> dict[str, Any]:
    """Read a training's checkpoint: tensors and numbers, named. No code in the file is run.

    Raises:
        CheckpointError: the file is damaged, or holds more than that.
    """
    try:
        with _LOCK, torch.serialization.safe_globals(_NUMBERS):
            # mapped: what a training kept of its optimizer is twice as large as the weights, and is never touched
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # a damaged file shows itself in many ways
        raise CheckpointError(
            f"{path}: not read as weights: damaged, or it holds more than tensors and numbers, which could run code; nothing "
            f"of it was run. Get it again from a source you trust"
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: expected a checkpoint with named parts, found a {type(content).__name__}")
    return content


def fill(model: nn.Module, weights: Mapping[str, Any], path: Path, *, expected: str) -> None:
    """Give a model its weights, all of them and no others, and make it ready to listen.

    Args:
        model: keeps its number format; no gradients afterwards.
        weights: by the names of the model's state dict.
        path: where they come from, for the message of an error.
        expected: which file it should be, for the same message.

    Raises:
        CheckpointError: a name or a shape is another; the message says which.
    """
    own = model.state_dict()
    for problem, names in (("has no key", own.keys() - weights), ("has an unknown key", weights.keys() - own.keys())):
        if names:
            raise CheckpointError(f"{path}: {problem} {min(names)} ({len(names)} in all): expected is {expected}")
    for name, tensor in own.items():
        found = tuple(getattr(weights[name], "shape", ("no tensor",)))
        if found != tuple(tensor.shape):
            raise CheckpointError(
                f"{path}: {name} has the shape {found}, not {tuple(tensor.shape)}: expected is {expected}"
            )
    model.load_state_dict(weights)
    model.requires_grad_(False).eval()
