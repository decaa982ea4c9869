"""The approximate mode: windows put together from short blocks that are embedded once.

In a sweep the windows of one event overlap: at shifts of 0, 2, ..., 20 s they hold 110 s of sound, of which 30 s are different.
The exact embedding of a window cannot be had from parts of it: wav2vec 2.0 normalises over the whole window and attends from
each frame to every other. So this is another embedding, and is called so: the mean of the embeddings of the window's
blocks, each heard for itself. Blocks lie on each event's own grid, so that no block reaches past a window's end. What it
costs in accuracy notebook 05 measures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .embedding import embed


def embed_blocks(
    encoder: str, windows: pd.DataFrame, root: Path | str, *, block_s: float, **options: Any
) -> tuple[np.ndarray, pd.DataFrame]:
    """Embed every window as the mean of its blocks.

    Args:
        encoder: an encoder's name (`encoders.get`).
        windows: a window table: the columns audio, start_s, end_s are used.
        root: the corpus root that `audio` is relative to.
        block_s: the length of a block in seconds; windows are whole numbers of blocks long.
        options: as for `embed`. Blocks are kept in the store as what they are: short windows.

    Returns:
        As `embed`: float32 embeddings, shape (len(windows), dimension), NaN where a block could not be embedded, and the
        list of what could not.

    Raises:
        ValueError: a window is no whole number of blocks long, or as `embed`.
    """
    blocks = cut(windows, block_s=block_s)
    distinct = blocks.drop_duplicates(["audio", "stop_ms"])
    values, failed = embed(encoder, distinct, root, **options)
    row = pd.Series(np.arange(len(distinct)), index=pd.MultiIndex.from_frame(distinct[["audio", "stop_ms"]]))
    rows = row.loc[pd.MultiIndex.from_frame(blocks[["audio", "stop_ms"]])].to_numpy()
    count = len(blocks) // max(len(windows), 1)
    embeddings = np.zeros((len(windows), values.shape[1]), np.float32)
    for number in range(count):  # block by block: all of them at once would take count times the memory
        embeddings += values[rows[number::count]] / count
    return embeddings, failed.rename(columns={"windows": "blocks"})


def cut(windows: pd.DataFrame, *, block_s: float) -> pd.DataFrame:
    """Cut windows into blocks, the latest first.

    Args:
        windows: the columns audio, start_s, end_s are used.
        block_s: the length of a block in seconds.

    Returns:
        One row a block, those of a window one after the other: audio, start_s, end_s in seconds, and stop_ms, the end in
        milliseconds, by which blocks that windows share are known.

    Raises:
        ValueError: windows differ in length, or are no whole number of blocks long.
    """
    counts = ((windows["end_s"] - windows["start_s"]) / block_s).round(6)
    if (counts != counts.iloc[:1].sum()).any() or not (counts % 1 == 0).all() or (counts < 1).any():
        raise ValueError(f"windows must be of one length, a whole number of blocks of {block_s} s")
    count = int(counts.iloc[0]) if len(windows) else 1
    rows = windows.loc[windows.index.repeat(count), ["audio", "end_s"]].reset_index(drop=True)
    end_s = rows["end_s"] - block_s * np.tile(np.arange(count), len(windows))
    blocks = pd.DataFrame({"audio": rows["audio"], "start_s": (end_s - block_s).clip(lower=0.0), "end_s": end_s})
    return blocks.assign(stop_ms=(1000 * end_s).round(3))
