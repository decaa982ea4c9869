"""How events are divided into train and test: the question on which a claim of forecasting stands or falls.

A split at random, as published, puts neighbouring windows of one dialogue on both sides: they share seconds of audio, and a
model may recognise the dialogue instead of forecasting. Each protocol names what may not stand on both sides (`PROTOCOLS`), and
`proof` counts for any split what does, by code that knows nothing of how the split was made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import GroupShuffleSplit, KFold, StratifiedGroupKFold, train_test_split

from ..corpora.table import BETWEEN_VOICES
from ..windows import undersample, undersampled_positions

#: Protocol -> what may not stand on both sides, in words for a table.
PROTOCOLS: dict[str, str] = {
    # Shuffled and *not* stratified, as published: the supports of the preprint's table 2 (187, 201, 199) are unequal although
    # its classes were balanced, so its split knew nothing of the classes.
    "random": "nothing",
    # The folds of `random`, without the training rows whose sound a test event knows (`purged`).
    "purged": "seconds of sound",
    # Whole groups on one side (`together`), the classes as even between the sides as they allow.
    "dialogue": "dialogues",
    "speaker": "speakers",
    "session": "sessions",
    # The test is one cell of (group of sessions) x (group of scenarios), the training has neither; each event is tested once,
    # and each fold leaves out the rows that share one of the two.
    "scenario": "sessions and scenarios",
    # Sessions of MELD, which are episodes.
    "episode": "episodes",
    # MELD's own parts, which share episodes: the last is tested, the others train.
    "official": "the corpus's own parts",
}

#: The protocols of corpora like IEMOCAP, from the published one to the hardest.
IEMOCAP_PROTOCOLS: tuple[str, ...] = ("random", "purged", "dialogue", "session", "speaker", "scenario")

#: Those of MELD, whose main characters speak in every episode and which plays no scenario twice.
MELD_PROTOCOLS: tuple[str, ...] = ("random", "purged", "official", "dialogue", "episode")

#: Those under which training and test share dialogues, so that it is worth something to know which dialogue this is.
SHARING: tuple[str, ...] = ("random", "purged")

#: The protocols that hold a group together -> the column of the window table that names it.
GROUPS = {name: name for name in ("dialogue", "speaker", "session", "scenario")} | {"episode": "session"}

#: The protocols that hold out more than dialogues -> what is drawn whole of them, in words.
DRAWN = {"session": "sessions", "speaker": "sets of speakers", "scenario": "sessions", "episode": "episodes"}

Sides = tuple[np.ndarray, np.ndarray]  # positions of the training rows and of the test rows, each ascending

_SCENARIO_GROUPS = 3  # so a fold of five sessions tests a 15th of the events and trains on more than half of them
_CANDIDATES = 100  # splits drawn for a grouped hold-out, of which the best balanced is taken: whole groups rarely fit
_ROUNDING_S = 1e-6  # window bounds are sums of decimals: less than this (a sixtieth of a sample) is their rounding
_OFFSET = "session_offset_s"  # leads from a file's clock to its session's (`corpora.table.OPTIONAL`)
_WINDOW, _UTTERANCE = ["start_s", "end_s"], ["onset_s", "utterance_end_s"]


@dataclass(frozen=True)
class Split:
    """How the events of an experiment are chosen and divided.

    Attributes:
        classes: the emotions in play; each is cut to the size of the smallest.
        protocol: a name in `PROTOCOLS`.
        folds: number of folds, at least 2. Where there are fewer sessions, episodes or components of speakers, each of them is
            a fold; `scenario` has so many groups of sessions times up to three of scenarios; `official` has one fold.
        seed: seed of balancing, folds and models.
        order: how events lie before a random hold-out is drawn: "time", as in the corpus, or "class", all of the first class,
            then all of the second, as the preprint laid them (`experiments.run`).
        repeats: how many seeds, `seed` and those after it: each draws the events that balance, the folds and the models anew.
        balanced: cut the classes of each fold's training part to one size, too. Groups are uneven, and a class that is common
            in the training is rare in the test; so a protocol's shares would pull every model.
    """

    classes: Sequence[str]
    protocol: str
    folds: int
    seed: int
    order: str = "time"
    repeats: int = 1
    balanced: bool = False

    @property
    def seeds(self) -> range:
        """The seeds of all repeats."""
        return range(self.seed, self.seed + self.repeats)

    def of_seed(self, seed: int) -> Split:
        """The one repeat of this seed."""
        return dataclasses.replace(self, seed=seed, repeats=1)

    def under(self, protocol: str) -> Split:
        """The same under another protocol."""
        return dataclasses.replace(self, protocol=protocol)


def of_corpus(corpus: str) -> tuple[str, ...]:
    """Name the protocols of a corpus, from the published one to the hardest."""
    return MELD_PROTOCOLS if corpus == "meld" else IEMOCAP_PROTOCOLS


def chosen(protocol: str, *, default: str) -> str:
    """Say which protocol a notebook's headline runs with: its parameter, or the profile's where that is empty."""
    if protocol and protocol not in PROTOCOLS:
        known = ", ".join(PROTOCOLS)
        raise ValueError(f"protocol is {protocol!r}; it is one of {known}, or empty for the profile's ({default})")
    return protocol or default


def holdout(windows: pd.DataFrame, split: Split, *, test_fraction: float) -> Sides:
    """Divide events once into train and test.

    Args:
        windows: the window table of one shift, one row an event.
        split: protocol and seed; nothing is balanced here.
        test_fraction: share of the events to test, between 0 and 1. `random` and `purged` round the number up, as
            scikit-learn does (the preprint's 391, 587 and 782); with groups it is met as nearly as whole groups allow.
            `scenario` holds out this share of the sessions' events and of those a third, by scenarios; `official` takes
            the corpus's own parts whatever it says.

    Raises:
        ValueError: unknown protocol, a fraction outside (0, 1), repeated events, missing or too few groups.
    """
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction is {test_fraction}; it is a share between 0 and 1, such as 0.2")
    _check(windows, split.protocol)
    if split.protocol == "official":
        return _official(windows)
    if split.protocol == "scenario":
        of_sessions = _drawn(windows, together(windows, "session"), test_fraction, split.seed)
        of_scenarios = _drawn(windows, together(windows, "scenario"), 1 / _SCENARIO_GROUPS, split.seed)
        return _neither(of_sessions, of_scenarios)
    if split.protocol in GROUPS:
        return _drawn(windows, together(windows, split.protocol), test_fraction, split.seed)
    train, test = train_test_split(np.arange(len(windows)), test_size=test_fraction, random_state=split.seed)
    sides = np.sort(train), np.sort(test)
    return purged(windows, *sides) if split.protocol == "purged" else sides


def folds(windows: pd.DataFrame, split: Split) -> list[Sides]:
    """Divide events into folds, so that each is tested exactly once (by `official`, those of the last part alone).

    Takes the window table of one shift, one row an event; of the split protocol, folds and seed, and whether the training
    parts are balanced. With groups the seed decides only between divisions of equal balance: with a dozen dialogues every seed
    may give the same folds. scikit-learn takes them as they are: `cross_validate(model, X, y, cv=folds(windows, split))`.

    Raises:
        ValueError: unknown protocol, repeated events, missing groups, or fewer events or groups than folds.
    """
    sides = _divided(windows, split)
    return [(balanced(windows, train, split.seed), test) for train, test in sides] if split.balanced else sides


def balanced(windows: pd.DataFrame, rows: np.ndarray, seed: int, *, size: int | None = None) -> np.ndarray:
    """Cut the classes that some rows (positions) have to one size, at random: that of the smallest, or `size` rows in all."""
    emotion = windows["emotion"].iloc[rows]
    kept = rows[undersampled_positions(emotion, classes=sorted(emotion.unique()), random_state=seed)]
    if size is None or size >= len(kept):
        return kept
    codes = pd.factorize(windows["emotion"].iloc[kept])[0]
    order = np.random.default_rng(seed).permutation(len(kept))
    place = pd.Series(order).groupby(codes[order]).cumcount().to_numpy()  # of a row among those of its class
    return np.sort(kept[order[place < max(1, round(size / (codes.max() + 1)))]])


def _divided(windows: pd.DataFrame, split: Split) -> list[Sides]:
    protocol, seed = split.protocol, split.seed
    if split.folds < 2:
        raise ValueError(f"a split of {split.folds} folds; at least 2 are needed")
    _check(windows, protocol)
    if protocol == "official":
        return [_official(windows)]
    if protocol == "scenario":
        return _cells(windows, split)
    if protocol in GROUPS:
        groups = together(windows, protocol, at_least=split.folds if protocol == "dialogue" else 2)
        return _grouped(windows, groups, split.folds, seed)
    if len(windows) < split.folds:
        raise ValueError(f"{len(windows)} events cannot fill {split.folds} folds; ask for fewer folds")
    shuffled = list(KFold(split.folds, shuffle=True, random_state=seed).split(windows))
    return [purged(windows, *sides) for sides in shuffled] if protocol == "purged" else shuffled


def _official(windows: pd.DataFrame) -> Sides:
    parts = ("train", "dev", "test")  # in the order in which they are used up; a dialogue's name begins with its part
    part = windows["dialogue"].astype("string").str.extract(r"^([^_]+)_", expand=False)
    stranger = windows["dialogue"][~part.isin(parts)]
    if len(stranger):
        raise ValueError(
            f"the dialogue {stranger.iloc[0]!r} is of no official part: names begin with {', '.join(parts)} and an "
            "underscore; for corpora without parts choose another protocol"
        )
    *others, last = (name for name in parts if (part == name).any())
    if not others:
        raise ValueError(f"all events are of the part {last!r}; protocol 'official' needs another to test or train")
    return np.flatnonzero(part != last), np.flatnonzero(part == last)


def purged(windows: pd.DataFrame, train_index: np.ndarray, test_index: np.ndarray) -> Sides:
    """Drop training rows until no sound of a test event is known from the training; the test loses none.

    A training row goes if its window shares sound with a test window or with a test event's utterance, or if its own
    utterance (whose label the training knows) lies in a test window or overlaps a test utterance. ValueError where the table
    does not say when utterances end (`utterance_end_s`), or nothing is left to train on.
    """
    missing = [name for name in (*_WINDOW, *_UTTERANCE, "audio") if name not in windows.columns]
    if missing:
        raise ValueError(f"the window table has no {missing[0]}; protocol 'purged' needs tables of windows.before")
    train, test = windows.iloc[train_index], windows.iloc[test_index]
    guilty = np.any([_touching(train, test, *pair) for pair in product((_WINDOW, _UTTERANCE), repeat=2)], axis=0)
    if guilty.all():
        raise ValueError(
            f"each of {len(train)} training windows shares sound with a test window: nothing is left to train on; ask for "
            "more folds, or hold out dialogues"
        )
    return np.asarray(train_index)[~guilty], np.asarray(test_index)


def together(windows: pd.DataFrame, protocol: str, *, at_least: int = 2) -> pd.Series:
    """Name for each event the group that may not be divided: read off the table, never guessed from file names.

    A window holds the voices of all who speak in the dialogue. So with a speaker goes every dialogue in which he or she speaks,
    and with those their other speakers: the connected components of speakers over dialogues. In IEMOCAP these are its sessions.
    ValueError where an event has no group, or there are fewer groups than `at_least`.
    """
    column = GROUPS[protocol]
    lacking = int(windows[column].isna().sum()) if column in windows.columns else len(windows)
    if lacking:
        raise ValueError(f"{lacking} events have no {column}, so it cannot be held together")
    groups = _components(windows) if protocol == "speaker" else windows[column]
    count = groups.nunique()
    if count < at_least:
        apart = "sets of speakers who never meet" if protocol == "speaker" else f"{protocol}s"
        joined = f": {windows[column].nunique()} speakers are joined by their dialogues" * (protocol == "speaker")
        raise ValueError(f"protocol {protocol!r} needs at least {at_least} {apart}, the windows have {count}{joined}")
    return groups


def drawn(windows: pd.DataFrame, protocol: str) -> dict[str, str]:
    """Utterance -> what is drawn whole when a claim is made under a protocol: what it holds out (`DRAWN`), else dialogues.

    The claim is of new people, and a dialogue more of the same ones is none.
    """
    column = "session" if protocol == "scenario" else protocol
    names = together(windows, column) if protocol in DRAWN else windows["dialogue"]
    return dict(zip(windows["utterance"], names.astype(str), strict=True))


def proofs(windows: pd.DataFrame, protocols: Sequence[str], split: Split) -> pd.DataFrame:
    """Prove each protocol on its own folds of the balanced events of one shift; that of the split is not read.

    Returns:
        One row a protocol: `protocol`, `held_apart` (what may not be shared, in words), `folds`, `n_test` (events tested
        in all folds), `train_share` (mean over folds of the training rows' share of all rows); then `proof`: overlaps
        summed over the folds, all else of the fold that has most of it.
    """
    events = undersample(windows, classes=split.classes, random_state=split.seed)
    rows = []
    for name in protocols:
        sides = folds(events, split.under(name))
        train, test = ([len(side) for side in part] for part in zip(*sides, strict=True))
        row = {"protocol": name, "held_apart": PROTOCOLS[name], "folds": len(sides), "n_test": sum(test)}
        row["train_share"] = float(np.mean(train)) / len(events)
        for column, counts in pd.DataFrame([proof(events, *each) for each in sides]).items():
            # A fold's test rows are its own.
            row[column] = counts.sum(skipna=False) if column.startswith("test_") else counts.max()
        rows.append(row)
    return pd.DataFrame(rows)


def proof(windows: pd.DataFrame, train_index: np.ndarray, test_index: np.ndarray) -> dict[str, float]:
    """Count what stands on both sides of a split, given by positions in a window table.

    Sound is told apart by its file, but where the table says where a file lies in its session (`session_offset_s`), by the
    session and its clock: MELD's dialogues overlap in their episode, and each has a file of its own. Counted there is time that
    both sides cover, also where one of them is silent in its own file: rather too much than too little.

    Returns:
        `dialogues_shared`, `speakers_shared` (all who speak in an event's dialogue), `sessions_shared`, `scenarios_shared`
        (counts; missing ones are no value, and a column that the table has not is NaN); `seconds_shared`, the length of audio
        that lies in some training window and in some test window, each second counted once; `test_windows_overlapping`, the
        number of test windows of which more than a rounding error lies in a training window; `test_utterances_in_training`, the
        number of test events of whose utterance some lies in a training window, and `test_windows_with_training`, the number of
        test windows in which some of a training event's utterance lies (both NaN without `utterance_end_s`);
        `rows_dropped`, the rows of the table that stand on neither side.
    """
    train, test = windows.iloc[train_index], windows.iloc[test_index]
    known = set(_UTTERANCE) <= set(windows.columns)
    trained, tested = _on_one_line((train, _WINDOW), (test, _WINDOW))
    columns = ("dialogue", "speaker", "session", "scenario")
    return {
        **{f"{column}s_shared": _shared(train, test, column) for column in columns},
        "seconds_shared": float(_covered_s(_union(tested), _union(trained)).sum()),
        "test_windows_overlapping": int(_touching(test, train, _WINDOW, _WINDOW).sum()),
        "test_utterances_in_training": int(_touching(test, train, _UTTERANCE, _WINDOW).sum()) if known else np.nan,
        "test_windows_with_training": int(_touching(test, train, _WINDOW, _UTTERANCE).sum()) if known else np.nan,
        "rows_dropped": len(windows) - len(train) - len(test),
    }


def _touching(rows: pd.DataFrame, others: pd.DataFrame, bounds: list[str], other_bounds: list[str]) -> np.ndarray:
    """Say of each row whether its interval (two columns) shares more than a rounding error with one of the others, (n,).

    One whose bounds are not known shares nothing.
    """
    known = others.dropna(subset=other_bounds)
    own, of_others = _on_one_line((rows, bounds), (known, other_bounds))
    return _covered_s(own, _union(of_others)) > _ROUNDING_S if len(of_others) else np.zeros(len(rows), dtype=bool)


def _check(windows: pd.DataFrame, protocol: str) -> None:
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; known are {', '.join(PROTOCOLS)}")
    if len(windows) < 2:
        raise ValueError(f"{len(windows)} event{'s' * (len(windows) != 1)} cannot be divided: at least 2 are needed")
    # Two windows of one event on two sides would make any protocol a leak.
    repeated = windows["utterance"][windows["utterance"].duplicated()]
    if len(repeated):
        raise ValueError(f"the event {repeated.iloc[0]!r} has several windows; divide the windows of one shift")


def _grouped(windows: pd.DataFrame, groups: pd.Series, n_splits: int, seed: int) -> list[Sides]:
    """Divide whole groups into folds, the classes as even as they allow."""
    n_splits, largest = min(n_splits, groups.nunique()), int(windows["emotion"].value_counts().max())
    if largest < n_splits:
        raise ValueError(
            f"{n_splits} folds need a class of as many events, the largest has {largest}; ask for fewer folds"
        )
    splitter = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
    return [sides for sides in splitter.split(windows, windows["emotion"], groups) if len(sides[1])]


def _cells(windows: pd.DataFrame, split: Split) -> list[Sides]:
    """Cross groups of sessions with groups of scenarios; a cell without an event is no fold."""
    rows = _grouped(windows, together(windows, "session"), split.folds, split.seed)
    columns = _grouped(windows, together(windows, "scenario"), _SCENARIO_GROUPS, split.seed)
    tested = [cell for cell in (_neither(*pair) for pair in product(rows, columns)) if len(cell[1])]
    if any(len(train) == 0 for train, _ in tested):
        raise ValueError("a cell of sessions and scenarios has no event that shares neither: too few are played")
    return tested


def _neither(one: Sides, other: Sides) -> Sides:
    """Cross two splits: what both train on, and what both test."""
    return np.intersect1d(one[0], other[0]), np.intersect1d(one[1], other[1])


def _drawn(windows: pd.DataFrame, groups: pd.Series, test_fraction: float, seed: int) -> Sides:
    """Draw whole groups for the test, several times, and take the draw whose classes come nearest to their share."""
    splitter = GroupShuffleSplit(n_splits=_CANDIDATES, test_size=test_fraction, random_state=seed)
    emotion = windows["emotion"]
    wanted = emotion.value_counts() * test_fraction

    def distance(sides: Sides) -> float:
        counts = emotion.iloc[sides[1]].value_counts()
        return float((counts.reindex(wanted.index, fill_value=0) - wanted).abs().sum())

    return min(splitter.split(windows, groups=groups), key=distance)


def _voices(windows: pd.DataFrame) -> pd.Series:
    """All who speak in each event's dialogue, where the table tells, else who speaks the event; a row a voice, by index."""
    speaker = windows["speaker"]
    known = windows["voices"].fillna(speaker) if "voices" in windows.columns else speaker
    return known.str.split(BETWEEN_VOICES, regex=False).explode().dropna()


def _components(windows: pd.DataFrame) -> pd.Series:
    """Number the connected components of the graph that joins each dialogue to all who speak in it."""
    dialogue, dialogues = pd.factorize(windows["dialogue"])
    of_rows = _voices(windows.reset_index(drop=True))
    speaker, speakers = pd.factorize(of_rows)
    size, ends = len(dialogues) + len(speakers), (dialogue[of_rows.index], len(dialogues) + speaker)
    _, component = connected_components(coo_matrix((np.ones(len(of_rows)), ends), shape=(size, size)), directed=False)
    return pd.Series(component[dialogue], index=windows.index)


def _shared(train: pd.DataFrame, test: pd.DataFrame, column: str) -> float:
    """Count the values present on both sides; missing ones are not the same thing twice."""
    if column not in train.columns:
        return np.nan
    own, others = (_voices(rows) if column == "speaker" else rows[column].dropna() for rows in (train, test))
    return len(set(own) & set(others))


def _on_one_line(*tables: tuple[pd.DataFrame, list[str]]) -> list[np.ndarray]:
    """Lay all clocks one behind the other, with a second between, so that intervals of all are seen at once."""
    clocks = [_clock(table) for table, _ in tables]
    files = pd.factorize(np.concatenate([names for names, _ in clocks]))[0]
    bounds = [table[columns].to_numpy(dtype=float) for table, columns in tables]
    at = np.concatenate([part + moved[:, np.newaxis] for part, (_, moved) in zip(bounds, clocks, strict=True)])
    longest = np.nanmax(at, initial=0.0) - np.nanmin(at, initial=0.0) + 1.0
    return np.split(at + longest * files[:, np.newaxis], np.cumsum([len(part) for part in bounds])[:-1])


def _clock(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The clock of each row, (n,), and how many seconds lead to it from the row's own: (n,)."""
    names, moved = ("file " + table["audio"].astype(str)).to_numpy(dtype=object), np.zeros(len(table))
    if _OFFSET in table.columns:
        known = (table[_OFFSET].notna() & table["session"].notna()).to_numpy(dtype=bool)
        names[known] = "session " + table.loc[known, "session"].astype(str)
        moved[known] = table.loc[known, _OFFSET]
    return names, moved


def _union(bounds: np.ndarray) -> np.ndarray:
    """Merge intervals of one line into disjoint ones, ascending: (k, 2) seconds."""
    bounds = bounds[np.argsort(bounds[:, 0], kind="stable")]
    reached = np.maximum.accumulate(bounds[:, 1])
    first = np.r_[True, bounds[1:, 0] > reached[:-1]]
    last = np.r_[first[1:], True]
    return np.column_stack([bounds[first, 0], reached[last]])


def _covered_s(intervals: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Return how many seconds of each interval are covered by disjoint, ascending ones: (k,)."""
    steps = np.column_stack([np.diff(by, axis=1).ravel(), np.zeros(len(by))]).ravel()
    before = by.ravel(), np.r_[0.0, np.cumsum(steps)[:-1]]  # covered seconds before each bound, to interpolate between
    return np.interp(intervals[:, 1], *before) - np.interp(intervals[:, 0], *before)
