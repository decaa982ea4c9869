"""How events are divided into train and test: the question on which a claim of forecasting stands or falls.

A split at random, as published, puts neighbouring windows of one dialogue on both sides: they share seconds of audio,
and a model may recognise the dialogue instead of forecasting. Each protocol here is a rung of a ladder: it names what
may not stand on both sides. `proof` counts, for any split, what does, so that a notebook shows it.

- `random`: shuffled and *not* stratified, as published: the supports of the preprint's Table 2 (187, 201, 199)
  are unequal although its classes were balanced, so its split knew nothing of the classes.
- `purged`: the same folds, but training rows go until no training window shares sound with a test window or a test
  utterance, and no training utterance lies in a test window. The dialogue's identity is still on both sides.
- `dialogue`: no dialogue on both sides; the classes as even between the sides as whole dialogues allow.
- `speaker`: no speaker on both sides. A window hears whoever speaks in the dialogue, so with a speaker goes every
  dialogue in which he or she has an event, and with those their other speakers: what is held together are the connected
  components of speakers over dialogues. In IEMOCAP, where a session is one pair, these are its sessions.
- `session`: nothing recorded together on both sides. `episode` is the same for MELD, whose sessions are episodes.
- `scenario`: session *and* scenario are new. The test is one cell of (group of sessions) x (group of scenarios), the
  training has neither; each event is tested once, and each fold leaves out the rows that share one of the two.
- `official`: MELD's own parts, told by the dialogue's name ("train_dia0"): the last part that the table has (test, or dev
  where there is no test) is tested, the parts before it train. Its parts share episodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit, KFold, StratifiedGroupKFold, train_test_split

from .groups import LEVELS, official, together
from .sharing import Split, proof, purged

__all__ = ["LADDER", "MELD_LADDER", "PROTOCOLS", "Folds", "Split", "folds", "holdout", "proof"]

#: Protocol -> what may not stand on both sides, in words for a table.
PROTOCOLS: dict[str, str] = {
    "random": "nothing",
    "purged": "seconds of sound",
    "dialogue": "dialogues",
    "speaker": "speakers",
    "session": "sessions",
    "scenario": "sessions and scenarios",
    "episode": "episodes",
    "official": "the corpus's own parts",
}

#: The rungs for corpora like IEMOCAP, from the published one to the hardest.
LADDER: tuple[str, ...] = ("random", "purged", "dialogue", "speaker", "session", "scenario")

#: The rungs for MELD, whose main characters speak in every episode and which plays no scenario twice.
MELD_LADDER: tuple[str, ...] = ("random", "purged", "official", "dialogue", "episode")

# Groups of scenarios: with 3, a fold of five sessions tests a 15th of the events and trains on more than half of them.
_SCENARIO_GROUPS = 3

# Divisions drawn for a grouped hold-out, of which the best balanced is taken: whole groups rarely fit at first try.
_CANDIDATES = 100


@dataclass(frozen=True, eq=False)
class Folds:
    """A protocol as a splitter of scikit-learn: `cross_validate(model, X, y, cv=Folds(windows, protocol="purged"))`.

    Attributes:
        windows: the window table of one shift; X and y belong to it row for row.
        protocol: a name in `PROTOCOLS`.
        n_splits: number of folds, as for `folds`.
        random_state: seed of the division.
    """

    windows: pd.DataFrame
    protocol: str
    n_splits: int = 5
    random_state: int = 0

    def split(self, X: object = None, y: object = None, groups: object = None) -> Iterator[Split]:
        """Yield for each fold the positions of its training rows and of its test rows; see `folds`.

        Raises:
            ValueError: X has not one row a window, or the folds cannot be made.
        """
        if X is not None and len(X) != len(self.windows):
            raise ValueError(f"{len(self.windows)} windows but {len(X)} rows of X; they belong together row for row")
        yield from folds(self.windows, protocol=self.protocol, n_splits=self.n_splits, random_state=self.random_state)

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return how many folds `split` gives, which some protocols decide by the groups that there are."""
        return len(list(self.split(X)))


def holdout(windows: pd.DataFrame, *, protocol: str, test_fraction: float = 0.2, random_state: int) -> Split:
    """Divide events once into train and test.

    Args:
        windows: the window table of one shift, one row an event.
        protocol: a name in `PROTOCOLS`.
        test_fraction: share of the events to test, between 0 and 1. `random` and `purged` round the number up, as
            scikit-learn does (the preprint's 391, 587 and 782); with groups it is met as nearly as whole groups allow.
            `scenario` holds out this share of the sessions' events and of those a third, by scenarios; `official` takes
            the corpus's own parts whatever it says.
        random_state: seed of the division.

    Returns:
        Positions of the training events and of the test events, each ascending.

    Raises:
        ValueError: unknown protocol, a fraction outside (0, 1), repeated events, missing or too few groups.
    """
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction is {test_fraction}; it is a share between 0 and 1, such as 0.2")
    _check(windows, protocol)
    drawing = {"test_fraction": test_fraction, "random_state": random_state}
    if protocol == "official":
        return official(windows)
    if protocol == "scenario":
        of_sessions = _drawn(windows, together(windows, "session"), **drawing)
        drawing["test_fraction"] = 1 / _SCENARIO_GROUPS
        return _neither(*of_sessions, *_drawn(windows, together(windows, "scenario"), **drawing))
    if protocol in LEVELS:
        return _drawn(windows, together(windows, protocol), **drawing)
    train, test = train_test_split(np.arange(len(windows)), test_size=test_fraction, random_state=random_state)
    split = np.sort(train), np.sort(test)
    return purged(windows, *split) if protocol == "purged" else split


def folds(windows: pd.DataFrame, *, protocol: str, n_splits: int = 5, random_state: int) -> list[Split]:
    """Divide events into folds, so that each is tested exactly once (by `official`, those of the last part alone).

    Args:
        windows: the window table of one shift, one row an event.
        protocol: a name in `PROTOCOLS`.
        n_splits: number of folds, at least 2. Where there are fewer sessions, episodes or components of speakers than
            that, each of them is a fold; `scenario` has `n_splits` groups of sessions times up to three of scenarios;
            `official` has one fold.
        random_state: seed of the division. With groups it decides only between divisions of equal balance
            (scikit-learn's StratifiedGroupKFold): with a dozen dialogues every seed may give the same folds.

    Returns:
        For each fold the positions of its training events and of its test events, each ascending.

    Raises:
        ValueError: unknown protocol, repeated events, missing groups, or fewer events or groups than folds.
    """
    if n_splits < 2:
        raise ValueError(f"n_splits is {n_splits}; at least 2 folds are needed")
    _check(windows, protocol)
    if protocol == "official":
        return [official(windows)]
    if protocol == "scenario":
        return _cells(windows, n_splits=n_splits, random_state=random_state)
    if protocol in LEVELS:
        groups = together(windows, protocol, at_least=n_splits if protocol == "dialogue" else 2)
        return _grouped(windows, groups, n_splits=n_splits, random_state=random_state)
    if len(windows) < n_splits:
        raise ValueError(f"{len(windows)} events cannot fill {n_splits} folds; ask for fewer folds")
    splits = list(KFold(n_splits, shuffle=True, random_state=random_state).split(windows))
    return [purged(windows, *split) for split in splits] if protocol == "purged" else splits


def _check(windows: pd.DataFrame, protocol: str) -> None:
    """Refuse an unknown protocol, what cannot be divided, and a table of several shifts."""
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; known are {', '.join(PROTOCOLS)}")
    if len(windows) < 2:
        raise ValueError(f"{len(windows)} event{'s' * (len(windows) != 1)} cannot be divided: at least 2 are needed")
    # Two windows of one event on two sides would make any protocol a leak.
    repeated = windows["utterance"][windows["utterance"].duplicated()]
    if len(repeated):
        raise ValueError(f"the event {repeated.iloc[0]!r} has several windows; divide the windows of one shift")


def _grouped(windows: pd.DataFrame, groups: pd.Series, *, n_splits: int, random_state: int) -> list[Split]:
    """Divide whole groups into folds, the classes as even as they allow."""
    n_splits, largest = min(n_splits, groups.nunique()), int(windows["emotion"].value_counts().max())
    if largest < n_splits:
        raise ValueError(
            f"{n_splits} folds need a class of as many events, the largest has {largest}; ask for fewer folds"
        )
    splitter = StratifiedGroupKFold(n_splits, shuffle=True, random_state=random_state)
    return [split for split in splitter.split(windows, windows["emotion"], groups) if len(split[1])]


def _cells(windows: pd.DataFrame, *, n_splits: int, random_state: int) -> list[Split]:
    """Cross groups of sessions with groups of scenarios; a cell without an event is no fold."""
    sessions, scenarios = together(windows, "session"), together(windows, "scenario")
    rows = _grouped(windows, sessions, n_splits=n_splits, random_state=random_state)
    columns = _grouped(windows, scenarios, n_splits=_SCENARIO_GROUPS, random_state=random_state)
    splits = [_neither(*row, *column) for row in rows for column in columns]
    tested = [split for split in splits if len(split[1])]
    if any(len(train) == 0 for train, _ in tested):
        raise ValueError(
            "a cell of sessions and scenarios has no event that shares neither: too few of both are played"
        )
    return tested


def _neither(train: np.ndarray, test: np.ndarray, other_train: np.ndarray, other_test: np.ndarray) -> Split:
    """Cross two splits: what both train on, and what both test."""
    return np.intersect1d(train, other_train), np.intersect1d(test, other_test)


def _drawn(windows: pd.DataFrame, groups: pd.Series, *, test_fraction: float, random_state: int) -> Split:
    """Draw whole groups for the test, several times, and take the draw whose classes come nearest to their share."""
    splitter = GroupShuffleSplit(n_splits=_CANDIDATES, test_size=test_fraction, random_state=random_state)
    wanted = windows["emotion"].value_counts() * test_fraction
    candidates = list(splitter.split(windows, groups=groups))
    return min(candidates, key=lambda split: _distance(windows["emotion"].iloc[split[1]], wanted))


def _distance(emotions: pd.Series, wanted: pd.Series) -> float:
    """Say by how many events a test set misses the wanted number of each class."""
    return float((emotions.value_counts().reindex(wanted.index, fill_value=0) - wanted).abs().sum())
