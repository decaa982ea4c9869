"""What a protocol holds together: a dialogue, all who meet in dialogues, a session, a scenario, a corpus's own parts.

A division can only be as clean as these groups: they are read off the window table, never guessed from file names.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from .sharing import Split, voices

#: What can be held together -> the column of the window table that tells it.
LEVELS: dict[str, str] = {
    "dialogue": "dialogue",
    "speaker": "speaker",
    "session": "session",
    "scenario": "scenario",
    "episode": "session",
}

#: The parts of a corpus that comes divided, in the order in which they are used up; a dialogue's name begins with its part.
PARTS: tuple[str, ...] = ("train", "dev", "test")


def together(windows: pd.DataFrame, level: str, *, at_least: int = 2) -> pd.Series:
    """Name for each event the group that may not be divided.

    Args:
        windows: the window table.
        level: a name in `LEVELS`.
        at_least: how many groups there must be.

    Returns:
        One value an event, with the index of `windows`: its dialogue, session (for "episode" too) or scenario; for
        "speaker" the number of the component of speakers, joined by the dialogues in which they speak (`sharing.voices`).

    Raises:
        ValueError: an event has no group, or there are fewer groups than asked for.
    """
    column = LEVELS[level]
    if column not in windows.columns or windows[column].isna().any():
        lacking = int(windows[column].isna().sum()) if column in windows.columns else len(windows)
        raise ValueError(f"{lacking} events have no {column}, so it cannot be held together")
    groups = _components(windows) if level == "speaker" else windows[column]
    found = groups.nunique()
    if found < at_least and level == "speaker":
        raise ValueError(
            f"protocol 'speaker' needs at least {at_least} sets of speakers who never meet, the windows have {found}: "
            f"{windows[column].nunique()} speakers are joined by their dialogues"
        )
    if found < at_least:
        raise ValueError(f"protocol {level!r} needs at least {at_least} {level}s, the windows have {found}")
    return groups


def official(windows: pd.DataFrame) -> Split:
    """Divide by the corpus's own parts: the last one that there is is tested, those before it train.

    Args:
        windows: the window table; each dialogue's name begins with one of `PARTS` and an underscore.

    Returns:
        Positions of the training events and of the test events, each ascending.

    Raises:
        ValueError: a dialogue of no part, or events of one part only.
    """
    part = windows["dialogue"].astype("string").str.extract(r"^([^_]+)_", expand=False)
    stranger = windows["dialogue"][~part.isin(PARTS)]
    if len(stranger):
        raise ValueError(
            f"the dialogue {stranger.iloc[0]!r} is of no official part: names begin with {', '.join(PARTS)} and an "
            "underscore; for corpora without parts choose another protocol"
        )
    present = [name for name in PARTS if (part == name).any()]
    if len(present) < 2:
        raise ValueError(
            f"all events are of the part {present[0]!r}; protocol 'official' needs another to test or train"
        )
    tested = (part == present[-1]).to_numpy(dtype=bool)
    return np.flatnonzero(~tested), np.flatnonzero(tested)


def _components(windows: pd.DataFrame) -> pd.Series:
    """Number the connected components of the graph that joins each dialogue to all who speak in it."""
    rows = windows.reset_index(drop=True)
    dialogue, dialogues = pd.factorize(rows["dialogue"])
    heard = voices(rows)
    speaker, speakers = pd.factorize(heard)
    size = len(dialogues) + len(speakers)
    ends = dialogue[heard.index], len(dialogues) + speaker
    edges = coo_matrix((np.ones(len(heard)), ends), shape=(size, size))
    _, component = connected_components(edges, directed=False)
    return pd.Series(component[dialogue], index=windows.index)
