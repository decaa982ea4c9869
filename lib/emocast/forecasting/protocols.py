"""How events are divided into train and test: the question on which a claim of forecasting stands or falls.

A split at random, as published, puts neighbouring windows of one dialogue on both sides: they share seconds of audio,
and a model may recognise the dialogue instead of forecasting. Each protocol here is a rung of a ladder: it names what
may not stand on both sides. `proof` counts, for any split, what does, so that a notebook shows it.

- `random`: shuffled and *not* stratified, as published: the supports of the preprint's Table 2 (187, 201, 199)
  are unequal although its classes were balanced, so its split knew nothing of the classes.
- `dialogue`: no dialogue on both sides; the classes as even between the sides as whole dialogues allow.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit, KFold, StratifiedGroupKFold, train_test_split

Split = tuple[np.ndarray, np.ndarray]

#: Protocol -> the column whose values may not stand on both sides; None if nothing is held together.
PROTOCOLS: dict[str, str | None] = {"random": None, "dialogue": "dialogue"}

# Divisions drawn for a grouped hold-out, of which the best balanced is taken: whole groups rarely fit at first try.
_CANDIDATES = 100

# Seconds: window bounds are sums of decimals, and less than this (a sixtieth of a sample at 16 kHz) is their rounding.
_ROUNDING_S = 1e-6


def holdout(windows: pd.DataFrame, *, protocol: str, test_fraction: float = 0.2, random_state: int) -> Split:
    """Divide events once into train and test.

    Args:
        windows: the window table of one shift, one row an event.
        protocol: a name in `PROTOCOLS`.
        test_fraction: share of the events to test, between 0 and 1. `random` rounds the number up, as scikit-learn
            does (the preprint's 391, 587 and 782); with groups it is met as nearly as whole groups allow.
        random_state: seed of the division.

    Returns:
        Positions of the training events and of the test events, each ascending.

    Raises:
        ValueError: unknown protocol, a fraction outside (0, 1), repeated events, missing or too few groups.
    """
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction is {test_fraction}; it is a share between 0 and 1, such as 0.2")
    groups = _groups(windows, protocol=protocol, at_least=2)
    if groups is None:
        divided = train_test_split(np.arange(len(windows)), test_size=test_fraction, random_state=random_state)
        return np.sort(divided[0]), np.sort(divided[1])
    splitter = GroupShuffleSplit(n_splits=_CANDIDATES, test_size=test_fraction, random_state=random_state)
    candidates = list(splitter.split(windows, groups=groups))
    wanted = windows["emotion"].value_counts() * test_fraction
    return min(candidates, key=lambda split: _distance(windows["emotion"].iloc[split[1]], wanted))


def folds(windows: pd.DataFrame, *, protocol: str, n_splits: int = 5, random_state: int) -> list[Split]:
    """Divide events into folds, so that each is tested exactly once.

    Args:
        windows: the window table of one shift, one row an event.
        protocol: a name in `PROTOCOLS`.
        n_splits: number of folds, at least 2.
        random_state: seed of the division. With groups it decides only between divisions of equal balance
            (scikit-learn's StratifiedGroupKFold): with a dozen dialogues every seed may give the same folds.

    Returns:
        For each fold the positions of its training events and of its test events, each ascending.

    Raises:
        ValueError: unknown protocol, repeated events, missing groups, or fewer events or groups than folds.
    """
    if n_splits < 2:
        raise ValueError(f"n_splits is {n_splits}; at least 2 folds are needed")
    groups = _groups(windows, protocol=protocol, at_least=n_splits)
    if groups is None:
        if len(windows) < n_splits:
            raise ValueError(f"{len(windows)} events cannot fill {n_splits} folds; ask for fewer folds")
        splitter = KFold(n_splits, shuffle=True, random_state=random_state)
        return list(splitter.split(windows))
    splitter = StratifiedGroupKFold(n_splits, shuffle=True, random_state=random_state)
    return list(splitter.split(windows, windows["emotion"], groups))


def proof(windows: pd.DataFrame, train_index: np.ndarray, test_index: np.ndarray) -> dict[str, float]:
    """Count what stands on both sides of a split.

    Args:
        windows: the window table; uses `dialogue`, `speaker`, `audio`, `start_s` and `end_s` (seconds in that file).
        train_index: positions of the training windows.
        test_index: positions of the test windows.

    Returns:
        `dialogues_shared` and `speakers_shared` (counts); `seconds_shared`, the length of audio that lies in some
        training window and in some test window, each second counted once; `test_windows_overlapping`, the number of
        test windows of which more than a rounding error lies in a training window.
    """
    train, test = windows.iloc[train_index], windows.iloc[test_index]
    seconds, overlapping = 0.0, 0
    trained = dict(tuple(train.groupby("audio")))
    for audio, tested in test.groupby("audio"):
        if audio in trained:
            covered = _coverage(_union(trained[audio]))
            seconds += float(_covered_s(_union(tested), covered).sum())
            overlapping += int((_covered_s(tested[["start_s", "end_s"]].to_numpy(), covered) > _ROUNDING_S).sum())
    return {
        "dialogues_shared": _shared(train["dialogue"], test["dialogue"]),
        "speakers_shared": _shared(train["speaker"], test["speaker"]),
        "seconds_shared": seconds,
        "test_windows_overlapping": overlapping,
    }


def _groups(windows: pd.DataFrame, *, protocol: str, at_least: int) -> pd.Series | None:
    """Return the column that the protocol holds together, checked; None if it holds nothing together."""
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; known are {', '.join(PROTOCOLS)}")
    # Two windows of one event on two sides would make any protocol a leak.
    repeated = windows["utterance"][windows["utterance"].duplicated()]
    if len(repeated):
        raise ValueError(f"the event {repeated.iloc[0]!r} has several windows; divide the windows of one shift")
    column = PROTOCOLS[protocol]
    if column is None:
        return None
    if windows[column].isna().any():
        raise ValueError(f"{int(windows[column].isna().sum())} events have no {column}, so it cannot be held together")
    if windows[column].nunique() < at_least:
        found = windows[column].nunique()
        raise ValueError(f"protocol {protocol!r} needs at least {at_least} {column}s, the windows have {found}")
    return windows[column]


def _distance(emotions: pd.Series, wanted: pd.Series) -> float:
    """Say by how many events a test set misses the wanted number of each class."""
    return float((emotions.value_counts().reindex(wanted.index, fill_value=0) - wanted).abs().sum())


def _shared(train: pd.Series, test: pd.Series) -> int:
    """Count the values present on both sides; missing ones are not the same thing twice."""
    return len(set(train.dropna()) & set(test.dropna()))


def _union(windows: pd.DataFrame) -> np.ndarray:
    """Merge the windows of one file into disjoint intervals, ascending: (k, 2) seconds."""
    bounds = windows[["start_s", "end_s"]].sort_values("start_s").to_numpy(dtype=float)
    reached = np.maximum.accumulate(bounds[:, 1])
    first = np.r_[True, bounds[1:, 0] > reached[:-1]]
    last = np.r_[first[1:], True]
    return np.column_stack([bounds[first, 0], reached[last]])


def _coverage(intervals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tabulate how many covered seconds lie before each bound of disjoint intervals, to interpolate between."""
    steps = np.column_stack([np.diff(intervals, axis=1).ravel(), np.zeros(len(intervals))]).ravel()
    return intervals.ravel(), np.r_[0.0, np.cumsum(steps)[:-1]]


def _covered_s(intervals: np.ndarray, covered: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return how many seconds of each interval are covered: (k,)."""
    return np.interp(intervals[:, 1], *covered) - np.interp(intervals[:, 0], *covered)
