"""How utterances are divided to train a recogniser: as published, and so that no speaker is on both sides.

Each function gives every utterance its part, in the table's order, so that the lists can be stored beside the model.
The published split is at random over utterances: speakers, and sentences of one dialogue, stand in all three parts.
SpeechBrain's authors report 79.58 % speaker-dependent against 73.01 % speaker-independent for this recipe
(https://arxiv.org/abs/2111.02735, table 2), which is why both are here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit

TRAIN, VALID, TEST = PARTS = ("train", "valid", "test")


def at_random(table: pd.DataFrame, *, fractions: Sequence[float] = (0.8, 0.1, 0.1), seed: int) -> pd.Series:
    """Divide at random over utterances (thesis 4.2.1; SpeechBrain's `iemocap_prepare.py`, same-speaker mode).

    Args:
        table: one row an utterance.
        fractions: the shares of train, valid and test; sizes of train and valid are rounded down, as there.
        seed: seed of the shuffle.

    Returns:
        The part of each row ("train", "valid" or "test"), with the table's index.

    Raises:
        ValueError: the shares are not three positive numbers that sum to 1, or a part gets no utterance.
    """
    if len(fractions) != 3 or min(fractions) <= 0 or not np.isclose(sum(fractions), 1):
        raise ValueError(
            f"the shares of train, valid and test are {list(fractions)}; they must be positive and sum to 1"
        )
    order = np.random.default_rng(seed).permutation(len(table))
    train, valid = (int(len(table) * share) for share in fractions[:2])
    parts = np.full(len(table), TEST, dtype=object)
    parts[order[:train]], parts[order[train : train + valid]] = TRAIN, VALID
    return _checked(pd.Series(parts, index=table.index, name="part", dtype="string"))


def leave_out(
    table: pd.DataFrame, held_out: Sequence[str], *, column: str, valid_fraction: float = 0.1, seed: int
) -> pd.Series:
    """Hold out whole groups, such as a session with both of its speakers.

    What stops the training early is no speaker of the test either: valid is taken from the other groups, as whole
    dialogues where the corpus has them, else as whole speakers, else as single utterances.

    Args:
        table: an utterance table.
        held_out: the groups to test.
        column: the column that holds the groups: "session" or "speaker".
        valid_fraction: share of the other utterances that validates.
        seed: seed of the choice of valid.

    Returns:
        The part of each row, with the table's index.

    Raises:
        ValueError: a group is not in the table, or a part gets no utterance.
    """
    unknown = set(held_out) - set(table[column].dropna())
    if unknown:
        known = ", ".join(sorted(table[column].dropna().unique()))
        raise ValueError(f"no {column} {min(unknown)!r} to hold out; there are {known}")
    tested = table[column].isin(held_out).fillna(False).to_numpy(dtype=bool)
    others = np.flatnonzero(~tested)
    parts = np.full(len(table), TRAIN, dtype=object)
    parts[tested] = TEST
    parts[others[_choose(table.iloc[others], valid_fraction, seed)]] = VALID
    return _checked(pd.Series(parts, index=table.index, name="part", dtype="string"))


def _choose(table: pd.DataFrame, fraction: float, seed: int) -> np.ndarray:
    """Positions of about a fraction of the rows, in whole dialogues or speakers where there are several."""
    for column in ("dialogue", "speaker"):
        if table[column].notna().all() and len(table[column].unique()) > 1:
            splitter = GroupShuffleSplit(n_splits=1, test_size=fraction, random_state=seed)
            return next(splitter.split(table, groups=table[column]))[1]
    return next(ShuffleSplit(n_splits=1, test_size=fraction, random_state=seed).split(table))[1]


def _checked(parts: pd.Series) -> pd.Series:
    missing = set(PARTS) - set(parts)
    if missing:
        raise ValueError(f"{len(parts)} utterances are too few: no utterance is left for {', '.join(sorted(missing))}")
    return parts


def proof(table: pd.DataFrame, parts: pd.Series) -> pd.Series:
    """Count what stands both in train or valid and in test.

    Args:
        table: an utterance table.
        parts: what one of the functions above gave for it.

    Returns:
        The numbers of utterances in each part (`train`, `valid`, `test`), and of utterances, speakers, dialogues and
        sessions that are on both sides (`utterances_shared`, ...).
    """
    fitted, tested = table[parts.ne(TEST)], table[parts.eq(TEST)]
    counts = {part: int(parts.eq(part).sum()) for part in PARTS}
    for column in ("utterance", "speaker", "dialogue", "session"):
        counts[f"{column}s_shared"] = len(set(fitted[column].dropna()) & set(tested[column].dropna()))
    return pd.Series(counts)
