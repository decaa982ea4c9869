"""The ladder as a table: for each rung, what its folds share, counted on the rows.

A protocol that says "no speaker on both sides" is believed when this table shows a zero there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from . import protocols

#: What is summed over folds, because a fold's rows are its own; of all else the largest fold is shown.
_SUMMED = ("test_windows_overlapping", "test_utterances_heard", "test_windows_hearing")


def ladder_table(
    windows: pd.DataFrame,
    names: Sequence[str] = protocols.LADDER,
    *,
    n_splits: int = 5,
    random_state: int,
) -> pd.DataFrame:
    """Prove each protocol on its own folds.

    Args:
        windows: the window table of one shift, one row an event.
        names: protocols of `protocols.PROTOCOLS`, in the order of the rows.
        n_splits: number of folds, as for `protocols.folds`.
        random_state: seed of the divisions.

    Returns:
        One row a protocol: `protocol`, `held_apart` (what may not be shared, in words), `folds`, `n_test` (events tested
        in all folds together), `train_share` (mean over folds of the training rows' share of all rows); then `proof`:
        windows and utterances that overlap summed over the folds, dialogues, speakers, sessions, scenarios, seconds and
        rows dropped of the fold that has most of them.

    Raises:
        ValueError: a protocol cannot divide these windows; the message is that of `protocols.folds`.
    """
    rows = [_row(windows, name, n_splits=n_splits, random_state=random_state) for name in names]
    return pd.DataFrame(rows)


def _row(windows: pd.DataFrame, name: str, *, n_splits: int, random_state: int) -> dict[str, object]:
    splits = protocols.folds(windows, protocol=name, n_splits=n_splits, random_state=random_state)
    shared = pd.DataFrame([protocols.proof(windows, *split) for split in splits])
    return {
        "protocol": name,
        "held_apart": protocols.PROTOCOLS[name],
        "folds": len(splits),
        "n_test": sum(len(test) for _, test in splits),
        "train_share": float(np.mean([len(train) for train, _ in splits])) / len(windows),
        **{
            column: shared[column].sum(skipna=False) if column in _SUMMED else shared[column].max()
            for column in shared.columns
        },
    }
