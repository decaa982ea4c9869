import numpy as np
import pandas as pd
import pytest

import window_tables
from emocast.forecasting import groups, protocols, sharing


def test_speakers_who_meet_are_held_together():
    """a meets b in one dialogue and b meets c in another: none of the three may be divided from the others."""
    meetings = [("1", "a"), ("1", "b"), ("2", "b"), ("2", "c"), ("3", "x"), ("3", "y"), ("4", "y"), ("5", "z")]
    windows = window_tables.table(
        [(dialogue, speaker, "s", "c", 20.0 * place) for place, (dialogue, speaker) in enumerate(meetings)]
    )
    tests = [
        set(windows["speaker"].iloc[test])
        for _, test in protocols.folds(windows, protocol="speaker", n_splits=5, random_state=0)
    ]
    assert sorted(map(sorted, tests)) == [["a", "b", "c"], ["x", "y"], ["z"]]
    joined = pd.concat(
        [
            windows,
            window_tables.table([("6", "a", "s", "c", 9.0), ("6", "x", "s", "c", 9.0), ("6", "z", "s", "c", 9.0)]),
        ]
    )
    joined["utterance"] = np.arange(len(joined))
    with pytest.raises(ValueError, match="6 speakers are joined by their dialogues"):
        protocols.folds(joined, protocol="speaker", random_state=0)


def test_who_is_only_heard_counts_as_a_speaker_too():
    """b has no event in dialogue 1, but its windows hear b, as those of dialogue 2 do."""
    turns = [("1", "a"), ("2", "b"), ("2", "c"), ("3", "x")]
    windows = window_tables.table([(dialogue, name, "s", "c", 20.0 * n) for n, (dialogue, name) in enumerate(turns)])
    apart = groups.together(windows, "speaker")
    assert apart.nunique() == 3, "as far as the events tell"
    known = windows.assign(voices=["a|b", "b|c", "b|c", "x"])
    assert groups.together(known, "speaker").tolist() == [0, 0, 0, 1]
    assert sharing.proof(known, [0], [1, 2])["speakers_shared"] == 1
    assert sharing.proof(windows, [0], [1, 2])["speakers_shared"] == 0


def test_official_tests_the_last_part():
    parts = ["train", "train", "dev", "test", "test"]
    windows = window_tables.table([(f"{part}_dia{place}", "a", "s", "c", 20.0) for place, part in enumerate(parts)])
    ((train, test),) = protocols.folds(windows, protocol="official", random_state=0)
    assert (list(train), list(test)) == ([0, 1, 2], [3, 4])
    held = protocols.holdout(windows, protocol="official", random_state=0)
    assert list(held[1]) == [3, 4]
    # What the hold-out trains on is itself divided into train and dev.
    ((train, test),) = protocols.folds(windows.iloc[held[0]], protocol="official", random_state=0)
    assert (list(train), list(test)) == ([0, 1], [2])
    with pytest.raises(ValueError, match="all events are of the part 'train'"):
        protocols.folds(windows.head(2), protocol="official", random_state=0)
    with pytest.raises(ValueError, match="'Ses01_impro01' is of no official part"):
        protocols.folds(windows.assign(dialogue="Ses01_impro01"), protocol="official", random_state=0)


@pytest.mark.parametrize("level", list(groups.LEVELS))
def test_an_event_of_no_group_is_refused(level):
    windows = window_tables.random_table(0)
    column = groups.LEVELS[level]
    with pytest.raises(ValueError, match=f"2 events have no {column}"):
        groups.together(windows.assign(**{column: windows[column].where(windows.index > 1)}), level)
    with pytest.raises(ValueError, match=f"{len(windows)} events have no {column}"):
        groups.together(windows.drop(columns=column), level)
