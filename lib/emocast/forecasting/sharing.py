"""What stands on both sides of a split: seconds of sound, dialogues, speakers, sessions, scenarios.

A protocol promises that something is not shared. Here it is counted on the rows themselves, by code that knows nothing of
how the split was made, so that a promise that is not kept is seen. `purged` makes good what a split at random lacks.

Sound is told apart by its file, but where the table says where a file lies in its session (`session_offset_s`), by the
session and its clock: MELD's dialogues overlap in their episode, and each has a file of its own. What is counted there is time
that both sides cover, also where one of them is silent in its own file: rather too much than too little.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..corpora.table import BETWEEN_VOICES

Split = tuple[np.ndarray, np.ndarray]

#: All who speak in an event's dialogue (`corpora.table.OPTIONAL`).
VOICES = "voices"

#: What is counted by its values: the name in a proof -> the column of the window table.
_COLUMNS = {
    "dialogues_shared": "dialogue",
    "speakers_shared": VOICES,
    "sessions_shared": "session",
    "scenarios_shared": "scenario",
}

# Seconds: window bounds are sums of decimals, and less than this (a sixtieth of a sample at 16 kHz) is their rounding.
_ROUNDING_S = 1e-6

#: Leads from a file's clock to its session's (`corpora.table.OPTIONAL`).
_OFFSET = "session_offset_s"

_WINDOW = ["start_s", "end_s"]
_UTTERANCE = ["onset_s", "utterance_end_s"]


def proof(windows: pd.DataFrame, train_index: np.ndarray, test_index: np.ndarray) -> dict[str, float]:
    """Count what stands on both sides of a split.

    Args:
        windows: the window table; uses `dialogue`, `speaker`, `session`, `scenario`, `audio`, `start_s`, `end_s` (the
            window's bounds), `onset_s` and `utterance_end_s` (the event's utterance), all in seconds in that file, and
            `session_offset_s` and `voices` where they are known.
        train_index: positions of the training windows.
        test_index: positions of the test windows.

    Returns:
        `dialogues_shared`, `speakers_shared` (all voices of the events' dialogues; where the table does not tell them, who
        speaks the events), `sessions_shared`, `scenarios_shared` (counts; missing ones are no value, and a column that the
        table has not is NaN); `seconds_shared`, the length of audio that lies in some
        training window and in some test window, each second counted once; `test_windows_overlapping`, the number of
        test windows of which more than a rounding error lies in a training window; `test_utterances_heard`, the number
        of test events of whose utterance a training window hears something, and `test_windows_hearing`, the number of
        test windows that hear something of a training event's utterance (both NaN without `utterance_end_s`);
        `rows_dropped`, the rows of the table that stand on neither side.
    """
    train, test = windows.iloc[train_index], windows.iloc[test_index]
    both = {name: _shared(train, test, column) for name, column in _COLUMNS.items()}
    known = set(_UTTERANCE) <= set(windows.columns)
    return {
        **both,
        "seconds_shared": _shared_s(train, test),
        "test_windows_overlapping": int(touching(test, train, _WINDOW, _WINDOW).sum()),
        "test_utterances_heard": int(touching(test, train, _UTTERANCE, _WINDOW).sum()) if known else np.nan,
        "test_windows_hearing": int(touching(test, train, _WINDOW, _UTTERANCE).sum()) if known else np.nan,
        "rows_dropped": len(windows) - len(train) - len(test),
    }


def purged(windows: pd.DataFrame, train_index: np.ndarray, test_index: np.ndarray) -> Split:
    """Drop training rows until no sound of a test event is known from the training.

    A training row goes if its window shares sound with a test window or with a test event's utterance, or if its own
    utterance (whose label the training knows) lies in a test window or overlaps a test utterance.

    Args:
        windows: the window table with `utterance_end_s`, as `windows.before` cuts it.
        train_index: positions of the training windows.
        test_index: positions of the test windows.

    Returns:
        The positions that stay in training, and those of the test, which loses none.

    Raises:
        ValueError: the table does not say where the utterances end, or nothing is left to train on.
    """
    missing = [column for column in (*_WINDOW, *_UTTERANCE, "audio") if column not in windows.columns]
    if missing:
        raise ValueError(f"the window table has no {missing[0]}; protocol 'purged' needs tables of windows.before")
    train, test = windows.iloc[train_index], windows.iloc[test_index]
    guilty = np.zeros(len(train), dtype=bool)
    for own in (_WINDOW, _UTTERANCE):
        for of_test in (_WINDOW, _UTTERANCE):
            guilty |= touching(train, test, own, of_test)
    if guilty.all():
        raise ValueError(
            f"each of {len(train)} training windows shares sound with a test window: nothing is left to train on; ask for "
            "more folds, or hold out dialogues"
        )
    return np.asarray(train_index)[~guilty], np.asarray(test_index)


def touching(rows: pd.DataFrame, others: pd.DataFrame, bounds: list[str], other_bounds: list[str]) -> np.ndarray:
    """Say of each row whether its interval shares more than a rounding error with an interval of the others.

    Args:
        rows: a table with `audio` and the two columns `bounds`, in seconds; `session` and `session_offset_s` if known.
        others: such a table with the two columns `other_bounds`.
        bounds: the columns of the rows' intervals: start and end.
        other_bounds: the same of the others.

    Returns:
        bool, (len(rows),). Intervals of different files share nothing unless the files lie on one session's clock; an
        interval whose bounds are not known shares nothing.
    """
    known = others.dropna(subset=other_bounds)
    own, of_others = _on_one_line((rows, bounds), (known, other_bounds))
    if not len(of_others):
        return np.zeros(len(rows), dtype=bool)
    return _covered_s(own, _coverage(_union(of_others))) > _ROUNDING_S


def _shared_s(train: pd.DataFrame, test: pd.DataFrame) -> float:
    """Sum the audio that lies in some window of both sides, in seconds."""
    trained, tested = _on_one_line((train, _WINDOW), (test, _WINDOW))
    if not len(trained) or not len(tested):
        return 0.0
    return float(_covered_s(_union(tested), _coverage(_union(trained))).sum())


def _on_one_line(*tables: tuple[pd.DataFrame, list[str]]) -> list[np.ndarray]:
    """Lay all clocks one behind the other, with a second between, so that intervals of all are seen at once."""
    clocks = [_clock(table) for table, _ in tables]
    files = pd.factorize(np.concatenate([names for names, _ in clocks]))[0]
    bounds = [table[columns].to_numpy(dtype=float) for table, columns in tables]
    together = np.concatenate([part + moved[:, np.newaxis] for part, (_, moved) in zip(bounds, clocks, strict=True)])
    longest = np.nanmax(together, initial=0.0) - np.nanmin(together, initial=0.0) + 1.0
    line = together + longest * files[:, np.newaxis]
    return np.split(line, np.cumsum([len(part) for part in bounds])[:-1])


def _clock(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Name the clock of each row, (n,), and say how many seconds lead to it from the row's own: (n,)."""
    names, moved = ("file " + table["audio"].astype(str)).to_numpy(dtype=object), np.zeros(len(table))
    if _OFFSET not in table.columns:
        return names, moved
    known = (table[_OFFSET].notna() & table["session"].notna()).to_numpy(dtype=bool)
    names[known] = "session " + table.loc[known, "session"].astype(str)
    moved[known] = table.loc[known, _OFFSET]
    return names, moved


def _shared(train: pd.DataFrame, test: pd.DataFrame, column: str) -> float:
    """Count the values present on both sides; missing ones are not the same thing twice."""
    if column == VOICES:
        return len(set(voices(train)) & set(voices(test))) if "speaker" in train.columns else np.nan
    if column not in train.columns:
        return np.nan
    return len(set(train[column].dropna()) & set(test[column].dropna()))


def voices(windows: pd.DataFrame) -> pd.Series:
    """Who may be heard in each window: a row a voice, with the index of its window.

    Args:
        windows: a window table.

    Returns:
        All who speak in the event's dialogue, where the table tells (`voices`); else who speaks the event.
    """
    speaker = windows["speaker"]
    heard = windows[VOICES].fillna(speaker) if VOICES in windows.columns else speaker
    return heard.str.split(BETWEEN_VOICES, regex=False).explode().dropna()


def _union(bounds: np.ndarray) -> np.ndarray:
    """Merge intervals of one file into disjoint ones, ascending: (k, 2) seconds."""
    bounds = bounds[np.argsort(bounds[:, 0], kind="stable")]
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
