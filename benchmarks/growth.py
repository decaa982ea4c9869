"""(d): memory and time against the size of the corpus, each size in a process of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from .measure import Result, apart, straight

SIZES = (1, 2, 4)
NETWORK_WINDOWS = 12  # at size 1: 2 minutes of sound
HANDCRAFTED_WINDOWS = 400
LIMIT_MB = 2_000

_EMBED = """
import time
from pathlib import Path
import pandas as pd
from emocast import compute
from emocast.encoders import store
encoder, table, root, folder, jobs = arguments
folder = Path(folder)
windows = pd.read_parquet(table)
store.embed(encoder, windows.iloc[:1], root, folder=folder, jobs=1, progress=False)  # imports and weights
started = time.perf_counter()
store.embed(encoder, windows.iloc[1:], root, folder=folder, jobs=jobs, progress=False)
result = {"seconds": time.perf_counter() - started, "precision": compute.precision("auto")}
"""


def growth(encoder: str, root: Path, cut: pd.DataFrame, scratch: Path, jobs: int) -> Result:
    """(d) Extraction of 1, 2 and 4 times as many windows: seconds and the greatest memory of the process."""
    rows, sentences = [], []
    for name, shown, count in (
        (encoder, "wav2vec2-base", NETWORK_WINDOWS),
        ("handcrafted", "handcrafted", HANDCRAFTED_WINDOWS),
    ):
        some = [_measured(name, root, cut, scratch, count * size, jobs) for size in SIZES]
        for size, found in zip(SIZES, some, strict=True):
            rows.append({"encoder": shown, "size": f"x{size}", "windows": count * size, **found})
        seconds, peaks = (np.array([found[key] for found in some]) for key in ("seconds", "peak MB"))
        slope, away = straight(np.array(SIZES) * count, seconds)
        sentences.append(
            f"{shown}: {1000 * slope:.0f} ms a window, at most {100 * away:.1f} % away from the straight line; memory grows by "
            f"{(peaks[-1] - peaks[0]) / (count * (SIZES[-1] - SIZES[0])):.2f} MB a window, {peaks.max():.0f} MB at most "
            f"({'under' if peaks.max() < LIMIT_MB else 'OVER'} {LIMIT_MB} MB)."
        )
    said = (
        "Each row is a process of its own; seconds are counted after imports and the first window, the memory is the most that "
        "was resident at any time, libraries included."
    )
    return Result("(d) Memory and time against the corpus's size", pd.DataFrame(rows), [said, *sentences])


def _measured(encoder: str, root: Path, cut: pd.DataFrame, scratch: Path, count: int, jobs: int) -> dict[str, float]:
    table = scratch / f"windows-{count}.parquet"
    cut.iloc[np.linspace(0, len(cut) - 1, count + 1).astype(int)].to_parquet(table)
    # a process a core for what is no network: memory is that of the one that is measured, so it works alone there
    jobs = jobs if encoder.startswith("wav2vec2") else 1
    found = apart(_EMBED, encoder, table, root, scratch / f"growth-{encoder.partition(':')[0]}-{count}", jobs)
    return {"seconds": found["seconds"], "peak MB": found["peak_mb"]}
