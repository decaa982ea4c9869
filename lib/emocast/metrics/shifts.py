"""Shift events: those whose emotion differs from the one heard last. On them a forecast is news.

Emotions last, so most events repeat what was heard before, and carrying it forward (persistence) is right on all of those
and on no other: on shift events it scores 0 by definition. What a model scores there is what it adds.

Read it beside the other half. A model that always names something other than the last emotion knows nothing, and on shift
events of k classes is right once in k - 1; it pays with every event at which nothing changes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def shift_events(last_emotion: ArrayLike, emotion: ArrayLike) -> np.ndarray:
    """Say which events change the emotion.

    Args:
        last_emotion: the emotion of the latest utterance before each event, (n,); missing where none was heard.
        emotion: the emotion of each event, (n,).

    Returns:
        True where both are known and differ, (n,); an event before which nothing was heard shifts nothing.

    Raises:
        ValueError: the lengths differ or an event has no emotion.
    """
    last, now = np.asarray(last_emotion, dtype=object), np.asarray(emotion, dtype=object)
    if last.shape != now.shape or now.ndim != 1:
        raise ValueError(f"last_emotion has the shape {last.shape}, emotion {now.shape}; both need one value an event")
    if pd.isna(now).any():
        raise ValueError(f"{int(pd.isna(now).sum())} of {len(now)} events have no emotion; drop those rows first")
    known = ~pd.isna(last)
    shifts = np.zeros(len(now), dtype=bool)
    shifts[known] = last[known] != now[known]
    return shifts
