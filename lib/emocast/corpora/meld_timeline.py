"""MELD's dialogues on one clock: where each utterance lies in its dialogue's recording, and what is heard there.

A clip of MELD holds one utterance. A forecast hears what was said *before* it, so the clips of a dialogue are put where the
labels say that they lie in the episode. `meld_recordings` writes the result as one WAV file a dialogue.

The rules: the clock begins with the dialogue's earliest utterance. A clip lies from its StartTime; what it holds beyond its
EndTime is cut off. Where two clips cover the same moment the one that began first keeps it (the sound is the same; they are
never added up). Between clips there is silence, after a jump of the labels no more than `meld_labels.SILENCE_S`. A clip
never reaches before its own start, so nothing of an event is in the window before it. A clip that cannot be used is silence.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from . import meld_labels
from .meld_clips import SAMPLE_RATE

#: To be raised with the rules: recordings of an older version are rendered anew.
VERSION = 1


def place(annotations: pd.DataFrame) -> pd.DataFrame:
    """Put utterances on the clocks of their dialogues' recordings.

    Args:
        annotations: from `meld_labels.annotations`.

    Returns:
        The rows whose moment is known, by dialogue and start, with `from_s` and `to_s`: seconds within the recording.
        `to_s` is missing where the label has no length. And `offset_s`: seconds of the episode at which the recording's
        clock stands at zero, as it runs at that utterance: after each jump of the labels it is a later one.
    """
    known = ~annotations["odd"].map(lambda kinds: "over a minute" in kinds).astype(bool)
    rows = annotations[known].sort_values(["dialogue", "start_s", "number"], kind="stable")
    dialogues = rows.groupby("dialogue", sort=False)
    reach = dialogues["end_s"].transform(lambda ends: ends.cummax().shift())
    left_out = (rows["start_s"] - reach - meld_labels.SILENCE_S).clip(lower=0).fillna(0.0)
    origin = dialogues["start_s"].transform("min") + left_out.groupby(rows["dialogue"]).cumsum()
    ends = rows["end_s"].where(rows["end_s"] > rows["start_s"])
    from_s, to_s = (rows["start_s"] - origin).round(3), (ends - origin).round(3)
    return rows.assign(from_s=from_s, to_s=to_s, offset_s=origin.round(3))


def lay(parts: list[dict], decode: Callable[[dict], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Lay clips on one clock.

    Args:
        parts: the clips in the order of their start, as from `plan`.
        decode: gives the sound of a part, shape (n,), float, 16 kHz; nothing where it cannot be used.

    Returns:
        The sound, int16, and which samples a clip covers, bool; both of shape (n,).
    """
    pieces = []
    for part in parts:
        start, samples = round(part["from_s"] * SAMPLE_RATE), decode(part)
        end = start + samples.size if part["to_s"] is None else round(part["to_s"] * SAMPLE_RATE)
        pieces.append((start, end, samples[: end - start]))
    line = np.zeros(max(end for _, end, _ in pieces), dtype=np.int16)
    covered = np.zeros(line.size, dtype=bool)
    for start, _, samples in pieces:
        span = slice(start, start + samples.size)
        free = ~covered[span]
        line[span][free] = np.clip(np.rint(samples[free] * 32768), -32768, 32767)
        covered[span] = True
    return line, covered


def spans(covered: np.ndarray) -> list[list[float]]:
    """Where sound begins and ends.

    Args:
        covered: which samples a clip covers, from `lay`.

    Returns:
        Pairs of seconds, ascending.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], covered, [False]]).astype(np.int8)))
    return (edges.reshape(-1, 2) / SAMPLE_RATE).tolist()
