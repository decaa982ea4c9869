"""What one notebook hands to the next: windows and their embeddings, side by side in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ... import paths

_WINDOWS = "windows.parquet"
_EMBEDDINGS = "embeddings.npy"


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
