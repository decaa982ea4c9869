"""Embeddings of a window table: computed file by file, kept as they come, saved beside the windows they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from .. import audio, cache, paths
from . import get, modules

_WINDOWS = "windows.parquet"
_EMBEDDINGS = "embeddings.npy"


def embed(
    encoder: str, windows: pd.DataFrame, root: Path | str, *, memory: cache.Cache | None = None, jobs: int = 1
) -> tuple[np.ndarray, pd.DataFrame]:
    """Embed every window, all windows of a file together.

    Args:
        encoder: an encoder's name (`encoders.get`).
        windows: a window table: the columns audio, start_s, end_s are used.
        root: the corpus root that `audio` is relative to.
        memory: keeps each file's embeddings, so that a killed run goes on (`cache.memory`).
        jobs: processes side by side; the result does not depend on it.

    Returns:
        float32 embeddings, shape (len(windows), dimension), row by row as in `windows`; a row of a file that could not
        be read holds NaN. And the list of those files: a table with the columns audio, windows, problem.
    """
    places = [(audio, rows) for audio, rows in windows.reset_index(drop=True).groupby("audio", sort=True)]
    made = get(encoder)
    weights = getattr(made, "digest", "")
    code = cache.code_digest(*modules(encoder))
    one_file = memory.cache(_encode_file, ignore=["path"]) if memory else _encode_file
    tasks = (
        joblib.delayed(_try_file)(
            one_file, encoder, Path(root) / name, rows["start_s"].tolist(), rows["end_s"].tolist(), code, weights
        )
        for name, rows in places
    )
    results = joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks)
    embeddings = np.full((len(windows), made.dimension), np.nan, np.float32)
    failed = []
    for (name, rows), (values, problem) in zip(
        places, tqdm(results, total=len(places), desc=encoder, unit="file"), strict=True
    ):
        if problem:
            failed.append({"audio": name, "windows": len(rows), "problem": problem})
        else:
            embeddings[rows.index] = values
    return embeddings, pd.DataFrame(failed, columns=["audio", "windows", "problem"])


def _try_file(one_file, encoder: str, path: Path, starts_s: Sequence[float], ends_s: Sequence[float], *key: str):
    """One file's embeddings, or what is wrong with the file: one bad file must not stop the others.

    Only what is wrong with the *sound file* counts as such: a full disk or a fault of ours stops the run.
    """
    try:
        content = cache.file_digest(path)
    except OSError as error:
        return None, str(error)
    try:
        return one_file(encoder, path, content, starts_s, ends_s, *key), None
    except audio.AudioError as error:
        return None, str(error)


def _encode_file(
    encoder: str, path: Path, content: str, starts_s: Sequence[float], ends_s: Sequence[float], code: str, weights: str
) -> np.ndarray:
    """Embed spans of one file. `content`, `code` and `weights` are digests: part of the key of what is kept."""
    made = get(encoder)
    if getattr(made, "digest", "") != weights:
        raise RuntimeError(f"the weights of {encoder} changed while embeddings were computed: run again")
    return made.encode_spans(path, starts_s, ends_s)


def save(folder: Path | str, windows: pd.DataFrame, embeddings: np.ndarray) -> None:
    """Keep windows and their embeddings side by side in a folder.

    Args:
        folder: is made where it is missing.
        windows: a window table.
        embeddings: shape (len(windows), dimension).

    Raises:
        ValueError: not as many embeddings as windows, or one that is not finite.
    """
    if len(windows) != len(embeddings):
        raise ValueError(f"{len(windows)} windows and {len(embeddings)} embeddings do not belong together")
    if not np.isfinite(embeddings).all():
        raise ValueError("an embedding is not finite: leave out the windows whose file could not be read")
    with paths.replacing(Path(folder) / _WINDOWS) as partial:
        windows.to_parquet(partial, index=False)
    with paths.replacing(Path(folder) / _EMBEDDINGS) as partial:
        np.save(partial, np.asarray(embeddings, np.float32), allow_pickle=False)


def load(folder: Path | str) -> tuple[pd.DataFrame, np.ndarray]:
    """Read what `save` kept.

    Args:
        folder: the same folder.

    Returns:
        The window table, and the embeddings of shape (len(windows), dimension), float32.

    Raises:
        FileNotFoundError: nothing was saved there; the message names the notebook that does.
        ValueError: the two files do not belong together.
    """
    folder = Path(folder)
    if not (folder / _WINDOWS).is_file() or not (folder / _EMBEDDINGS).is_file():
        raise FileNotFoundError(
            f"no embeddings in {paths.relative(folder)}: run notebook 03_embedding_extraction first (`make reproduce` does)"
        )
    windows, embeddings = pd.read_parquet(folder / _WINDOWS), np.load(folder / _EMBEDDINGS, allow_pickle=False)
    if len(windows) != len(embeddings):
        raise ValueError(
            f"{paths.relative(folder)}: {len(windows)} windows and {len(embeddings)} embeddings; run 03 again"
        )
    return windows, embeddings
