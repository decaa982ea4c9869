"""What costs time is computed once: results kept on disk by their inputs, so that a killed run goes on where it was.

The keeping is joblib's `Memory`: each result is written whole or not at all, and runs beside each other may share it.
A result's key holds the arguments and a digest of the code that computes it; both must be named by the caller.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import joblib

from . import paths


def memory(profile: str) -> joblib.Memory:
    """The cache of a profile, under `outputs/<profile>/.cache`; safe to delete at any time."""
    return joblib.Memory(paths.cache_folder(profile), verbose=0)


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
