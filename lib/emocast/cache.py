"""What costs time is computed once: results kept on disk by their inputs, so that a killed run goes on where it was.

`joblib.Memory` is the known tool for this, and was used here first. It throws a function's results away when the
function's source changes, and two processes that notice this at the same time trip over each other's files. So here is
the part of it that is needed: joblib's hash of the arguments as the key, one file a result, written whole or not at all.
What a result depends on besides its arguments (code, library versions) the caller puts among the arguments.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import joblib

from . import paths


@dataclass(frozen=True)
class Cache:
    """A folder of kept results; processes beside each other may share it.

    Attributes:
        folder: where results lie, a folder a function; safe to delete.
    """

    folder: Path

    def cache(self, function: Callable, *, ignore: Sequence[str] = ()) -> Callable:
        """A function's twin that computes each result once.

        Args:
            function: a function of a module, so that it can be sent to other processes.
            ignore: names of arguments on which the result does not depend.

        Returns:
            The twin: it takes positional arguments.
        """
        return partial(_kept, self.folder, function, tuple(ignore))


def _kept(folder: Path, function: Callable, ignore: tuple[str, ...], *arguments: Any) -> Any:
    named = signature(function).bind(*arguments).arguments
    key = joblib.hash({name: value for name, value in named.items() if name not in ignore})
    file = folder / function.__module__ / function.__name__ / f"{key}.pkl"
    try:
        return joblib.load(file)
    except FileNotFoundError:
        pass
    except (OSError, EOFError, ValueError, KeyError, IndexError, pickle.UnpicklingError):
        file.unlink(missing_ok=True)  # damaged on the disk: computed anew
    result = function(*arguments)
    with paths.replacing(file) as partial_file:
        joblib.dump(result, partial_file)
    return result


def memory(profile: str) -> Cache:
    """The cache of a profile, under `outputs/<profile>/.cache`; safe to delete at any time."""
    return Cache(paths.cache_folder(profile))


def file_digest(path: Path | str) -> str:
    """SHA-256 of a file's bytes, as hexadecimal."""
    with Path(path).open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def code_digest(*modules: str) -> str:
    """SHA-256 of the sources of modules or packages of this project, so that changed code finds no old results.

    Args:
        modules: paths below `lib/emocast`, for example "audio.py" or "forecasting".

    Raises:
        FileNotFoundError: there is no such module.
    """
    digest = hashlib.sha256()
    for module in modules:
        path = Path(__file__).parent / module
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        for file in files:
            digest.update(file.read_bytes())
    return digest.hexdigest()
