import numpy as np
import pandas as pd
import pytest

import window_tables
from emocast.corpora import meld
from emocast.forecasting import labelled, ladder, protocols, sharing
from emocast.sample import undersampled_positions


def _windows(bounds, *, audio="a.wav"):
    table = pd.DataFrame(bounds, columns=["start_s", "end_s"])
    return table.assign(audio=audio, dialogue=audio, speaker=pd.NA)


@pytest.mark.parametrize(
    ("train", "test", "seconds", "overlapping"),
    [
        ([(0, 10)], [(10, 20)], 0, 0),  # touching is not sharing
        ([(0, 10)], [(9.98, 19.98)], 0.02, 1),
        ([(0, 10), (5, 15)], [(2, 12), (4, 14)], 12, 2),  # each second once: (2, 14)
        ([(0, 10), (20, 30)], [(5, 25)], 10, 1),
        ([(0, 30)], [(5, 10), (40, 50)], 5, 1),  # a window within another
        ([(5, 10), (0, 30)], [(28, 38)], 2, 1),  # a long window that outlasts later ones
        ([(12.3 - 10, 12.3)], [(12.1 + 0.2, 22.3)], 0, 0),  # the same bound reached by another sum
    ],
)
def test_shared_seconds_are_exact(train, test, seconds, overlapping):
    windows = pd.concat([_windows(train), _windows(test)], ignore_index=True)
    shown = protocols.proof(windows, np.arange(len(train)), np.arange(len(train), len(windows)))
    assert shown["seconds_shared"] == pytest.approx(seconds, abs=1e-9)
    assert shown["test_windows_overlapping"] == overlapping
    assert shown["speakers_shared"] == 0  # unknown speakers are not one speaker


def test_files_are_told_apart():
    windows = pd.concat([_windows([(0, 10)]), _windows([(0, 10)], audio="b.wav")], ignore_index=True)
    assert protocols.proof(windows, [0], [1])["seconds_shared"] == 0


def _one_evening():
    """Two dialogues of one session with a file each: the second begins at 30 s of the first; a third of another session."""
    rows = [("d", "a", "s", "c", 40.0), ("e", "b", "s", "c", 14.0), ("f", "b", "t", "c", 14.0)]
    return window_tables.table(rows).assign(session_offset_s=[5.0, 35.0, 35.0])


def test_files_of_one_session_are_laid_on_its_clock():
    """On the session's clock the first window is 35 to 45 s with an utterance to 47 s, the second 39 to 49 s and to 51 s."""
    windows = _one_evening()
    shown = protocols.proof(windows, [0], [1])
    assert (shown["seconds_shared"], shown["test_windows_overlapping"]) == (6.0, 1)
    assert (shown["test_utterances_heard"], shown["test_windows_hearing"]) == (0, 1)
    assert shown["dialogues_shared"] == 0
    # Another session has another clock, and where no offset is known a file is a file.
    assert protocols.proof(windows, [0], [2])["seconds_shared"] == 0
    apart = windows.assign(session_offset_s=[5.0, np.nan, np.nan])
    assert protocols.proof(apart, [0], [1])["seconds_shared"] == 0
    assert protocols.proof(windows.drop(columns="session_offset_s"), [0], [1])["seconds_shared"] == 0


def test_purged_drops_what_sounds_at_the_same_time_in_another_file():
    train, test = sharing.purged(_one_evening(), np.array([0, 2]), np.array([1]))
    assert (list(train), list(test)) == ([2], [1])


def test_melds_dialogues_overlap_in_their_episodes(real):
    cut = labelled.cut(labelled.utterances_of_meld(meld.annotations(real("meld"))), [0.0])
    chosen = undersampled_positions(cut["emotion"], classes=labelled.MELD_CLASSES, random_state=0)
    table = ladder.ladder_table(cut.iloc[chosen], protocols.MELD_LADDER, random_state=0).set_index("protocol")
    shares = table[["seconds_shared", "test_windows_overlapping"]]
    assert (shares.loc[["official", "dialogue"]] > 0).all(axis=None), "dialogues apart, but not their sound"
    assert (shares.loc[["purged", "episode"]] == 0).all(axis=None)
    # The labels themselves, pair by pair: test utterances inside a training window's span, in another dialogue.
    assert table.loc["dialogue", "test_utterances_heard"] == 8


def test_shared_seconds_against_a_fine_grid(make_windows):
    """Count the shared audio a second way: in cells of 10 ms, for windows on whole cells."""
    windows = make_windows(n_dialogues=3)
    windows["start_s"], windows["end_s"] = windows["start_s"].round(2), windows["end_s"].round(2)
    train, test = protocols.holdout(windows, protocol="random", random_state=0)
    shared = _cells(windows.iloc[train]) & _cells(windows.iloc[test])
    assert protocols.proof(windows, train, test)["seconds_shared"] == pytest.approx(len(shared) / 100)


def _cells(windows):
    cells = set()
    for audio, start, end in windows[["audio", "start_s", "end_s"]].itertuples(index=False):
        cells |= {(audio, cell) for cell in range(round(100 * start), round(100 * end))}
    return cells


@pytest.mark.parametrize(
    ("trained", "heard", "hearing"),
    [
        (95.0, 0, 1),  # the training utterance (95 to 97 s) lies in the test window (90 to 100 s)
        (103.0, 1, 0),  # the training window (93 to 103 s) hears the test utterance (100 to 102 s)
        (112.0, 0, 0),  # it begins where the test utterance ends
    ],
)
def test_purged_drops_what_hears_or_is_heard(trained, heard, hearing):
    windows = window_tables.table(
        [("d", "a", "s", "c", 100.0), ("d", "b", "s", "c", trained), ("e", "a", "s", "c", 50.0)]
    )
    shown = protocols.proof(windows, [1, 2], [0])
    assert (shown["test_utterances_heard"], shown["test_windows_hearing"]) == (heard, hearing)
    train, test = sharing.purged(windows, np.array([1, 2]), np.array([0]))
    assert list(test) == [0]
    assert list(train) == ([1, 2] if trained == 112 else [2])


def test_purged_drops_a_shifted_window_only_for_its_utterance():
    """At a shift of 30 s the training window lies far before, but its utterance is what the test window hears."""
    windows = window_tables.table([("d", "a", "s", "c", 100.0), ("d", "b", "s", "c", 65.0), ("e", "a", "s", "c", 50.0)])
    windows[["start_s", "end_s"]] -= 30.0
    assert protocols.proof(windows, [1], [0])["seconds_shared"] == 0
    assert list(sharing.purged(windows, np.array([1, 2]), np.array([0]))[0]) == [2]


def test_purged_keeps_all_that_it_may():
    """A second way, pair by pair: exactly the rows that share sound with a test row are dropped."""
    windows = window_tables.random_table(7)
    events = windows.to_dict("records")
    random = protocols.folds(windows, protocol="random", random_state=1)
    for (before, test), (train, _) in zip(
        random, protocols.folds(windows, protocol="purged", random_state=1), strict=True
    ):
        kept = [row for row in before if not any(_pair_shares(events[row], events[other]) for other in test)]
        assert list(train) == kept and 0 < len(kept) < len(before)


def _pair_shares(first, second):
    spans = [[(row["start_s"], row["end_s"]), (row["onset_s"], row["utterance_end_s"])] for row in (first, second)]
    overlap = max(min(a[1], b[1]) - max(a[0], b[0]) for a in spans[0] for b in spans[1])
    return first["audio"] == second["audio"] and overlap > 1e-6


def test_purged_needs_to_know_where_utterances_end(make_windows):
    with pytest.raises(ValueError, match="no utterance_end_s"):
        protocols.folds(make_windows().drop(columns="utterance_end_s"), protocol="purged", random_state=0)
    windows = window_tables.table([("d", "a", "s", "c", onset) for onset in (20.0, 21.0, 22.0, 23.0)])
    with pytest.raises(ValueError, match="nothing is left to train on"):
        protocols.folds(windows, protocol="purged", n_splits=2, random_state=0)
