"""What each protocol promises is kept, and the proof counts what is not: by hand, by a second way, and on planted leaks."""

import numpy as np
import pandas as pd
import pytest

import window_tables
from emocast import windows as cutting
from emocast.corpora import meld
from emocast.forecasting import experiments, splits
from emocast.forecasting.splits import Split

#: Those that test each event once and leave no row out.
WHOLE = ("random", "dialogue", "speaker", "session", "episode")


def folds(windows, protocol, n=5, seed=0):
    return splits.folds(windows, Split((), protocol, n, seed))


def holdout(windows, protocol, fraction=0.2, seed=0):
    return splits.holdout(windows, Split((), protocol, 5, seed), test_fraction=fraction)


@pytest.mark.parametrize("protocol", WHOLE)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_event_is_tested_once(make_windows, protocol, seed):
    windows = make_windows(n_dialogues=30)
    sides = folds(windows, protocol, 5, seed)
    assert len(sides) == (5 if protocol in ("random", "dialogue") else 3)  # there are three sessions
    assert sorted(np.concatenate([test for _, test in sides])) == list(range(len(windows)))
    held = holdout(windows, protocol, 0.2, seed)
    for train, test in [*sides, held]:
        assert len(test) > 0 and np.array_equal(np.sort(np.r_[train, test]), np.arange(len(windows)))
    whole = 0.2 if protocol in ("random", "dialogue") else 1 / 3  # one of three sessions
    assert len(held[1]) / len(windows) == pytest.approx(whole, abs=0.03)


@pytest.mark.parametrize("protocol", ["random", "purged", "dialogue"])
def test_seed_fixes_the_division(make_windows, protocol):
    windows = make_windows(n_dialogues=60, events=8)
    tests = [holdout(windows, protocol, 0.2, seed)[1] for seed in (3, 3, 4)]
    assert np.array_equal(tests[0], tests[1]) and not np.array_equal(tests[0], tests[2])
    tests = [folds(windows, protocol, 5, seed)[0][1] for seed in (3, 3, 4)]
    assert np.array_equal(tests[0], tests[1]) and not np.array_equal(tests[0], tests[2])


@pytest.mark.parametrize(("n_events", "n_test"), [(1954, 391), (2931, 587), (3908, 782)])
def test_random_holdout_has_the_published_sizes(n_events, n_test):
    windows = pd.DataFrame({"utterance": np.arange(n_events), "emotion": "neutral"})
    assert len(holdout(windows, "random")[1]) == n_test


def test_unknown_protocols_are_named_and_too_few_groups_counted(make_windows):
    with pytest.raises(ValueError, match="unknown protocol 'season'; known are random, purged, dialogue"):
        folds(make_windows(), "season")
    with pytest.raises(ValueError, match="at least 5 dialogues, the windows have 3"):
        folds(make_windows(n_dialogues=3), "dialogue")
    with pytest.raises(ValueError, match="at least 2 dialogues, the windows have 1"):
        holdout(make_windows(n_dialogues=1), "dialogue")
    with pytest.raises(ValueError, match="3 events cannot fill 5 folds"):
        folds(make_windows().head(3), "random")
    for fraction in (1.0, 20):
        with pytest.raises(ValueError, match="test_fraction"):
            holdout(make_windows(), "random", fraction)


@pytest.mark.parametrize("protocol", list(splits.PROTOCOLS))
def test_windows_of_several_shifts_are_refused(make_windows, protocol):
    with pytest.raises(ValueError, match="several windows"):
        folds(make_windows(shifts=(0.0, 2.0)), protocol, 5, 0)


#: What each protocol promises: the entries of the proof that are zero in each of its folds.
PROMISES = {
    "purged": (
        "seconds_shared",
        "test_windows_overlapping",
        "test_utterances_in_training",
        "test_windows_with_training",
    ),
    "dialogue": ("dialogues_shared", "seconds_shared"),
    "speaker": ("speakers_shared", "dialogues_shared", "seconds_shared"),
    "session": ("sessions_shared", "speakers_shared", "dialogues_shared", "seconds_shared"),
    "episode": ("sessions_shared", "dialogues_shared", "seconds_shared"),
    "scenario": ("scenarios_shared", "sessions_shared", "speakers_shared", "dialogues_shared", "seconds_shared"),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("protocol", list(PROMISES))
def test_each_protocol_keeps_its_promise(protocol, seed):
    windows = window_tables.random_table(seed)
    sides = folds(windows, protocol, 4, seed)
    assert sorted(np.concatenate([test for _, test in sides])) == list(range(len(windows)))
    for train, test in [*sides, holdout(windows, protocol, 0.2, seed)]:
        assert len(train) and len(test) and not set(train) & set(test)
        shown = splits.proof(windows, train, test)
        assert {name: shown[name] for name in PROMISES[protocol]} == dict.fromkeys(PROMISES[protocol], 0)
        assert shown["rows_dropped"] == len(windows) - len(train) - len(test)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("protocol", list(PROMISES))
def test_a_planted_violation_is_found(protocol, seed):
    """Move one test row to the training: the proof of each protocol must no longer be clean."""
    windows = window_tables.random_table(seed)
    # A dialogue of at least two test rows, so that one can go to the other side and one stays; close to it in time.
    for train, test in folds(windows, protocol, 4, seed):
        onsets = windows.iloc[test].sort_values(["dialogue", "onset_s"])
        near = (onsets["onset_s"].diff() < 9) & (onsets["dialogue"] == onsets["dialogue"].shift())
        moved = onsets.index[near.to_numpy()][0]
        shown = splits.proof(windows, np.r_[train, moved], test[test != moved])
        assert all(shown[name] > 0 for name in PROMISES[protocol] if not name.startswith("test_"))


def test_scenario_tests_a_cell_and_trains_on_neither():
    windows = window_tables.random_table(5)
    sides = folds(windows, "scenario", 4, 0)
    assert len(sides) == 12  # four sessions, six scenarios in three groups
    for train, test in sides:
        sessions, scenarios = windows["session"].iloc[test].unique(), windows["scenario"].iloc[test].unique()
        allowed = ~windows["session"].isin(sessions) & ~windows["scenario"].isin(scenarios)
        assert list(train) == list(np.flatnonzero(allowed))
    with pytest.raises(ValueError, match="needs at least 2 scenarios"):
        folds(windows[windows["scenario"] == "impro1"], "scenario")
    one_each = window_tables.table(
        [("d", "a", "s1", "c1", 20.0), ("e", "a", "s1", "c2", 20.0), ("f", "b", "s2", "c1", 20.0)]
    )
    with pytest.raises(ValueError, match="too few are played"):
        folds(one_each, "scenario")


def test_speakers_who_meet_are_held_together():
    """a meets b in one dialogue and b meets c in another: none of the three may be divided from the others."""
    meetings = [("1", "a"), ("1", "b"), ("2", "b"), ("2", "c"), ("3", "x"), ("3", "y"), ("4", "y"), ("5", "z")]
    windows = window_tables.table(
        [(dialogue, speaker, "s", "c", 20.0 * place) for place, (dialogue, speaker) in enumerate(meetings)]
    )
    tests = [set(windows["speaker"].iloc[test]) for _, test in folds(windows, "speaker")]
    assert sorted(map(sorted, tests)) == [["a", "b", "c"], ["x", "y"], ["z"]]
    meeting = window_tables.table([("6", name, "s", "c", 9.0) for name in "axz"])
    joined = pd.concat([windows, meeting])
    joined["utterance"] = np.arange(len(joined))
    with pytest.raises(ValueError, match="6 speakers are joined by their dialogues"):
        folds(joined, "speaker")


def test_who_has_no_event_counts_as_a_speaker_too():
    """b has no event in dialogue 1, but its windows hold the voice of b, as those of dialogue 2 do."""
    turns = [("1", "a"), ("2", "b"), ("2", "c"), ("3", "x")]
    windows = window_tables.table([(dialogue, name, "s", "c", 20.0 * n) for n, (dialogue, name) in enumerate(turns)])
    apart = splits.together(windows, "speaker")
    assert apart.nunique() == 3, "as far as the events tell"
    known = windows.assign(voices=["a|b", "b|c", "b|c", "x"])
    assert splits.together(known, "speaker").tolist() == [0, 0, 0, 1]
    assert splits.proof(known, [0], [1, 2])["speakers_shared"] == 1
    assert splits.proof(windows, [0], [1, 2])["speakers_shared"] == 0


def test_official_tests_the_last_part():
    parts = ["train", "train", "dev", "test", "test"]
    windows = window_tables.table([(f"{part}_dia{place}", "a", "s", "c", 20.0) for place, part in enumerate(parts)])
    ((train, test),) = folds(windows, "official")
    assert (list(train), list(test)) == ([0, 1, 2], [3, 4])
    held = holdout(windows, "official")
    assert list(held[1]) == [3, 4]
    # What the hold-out trains on is itself divided into train and dev.
    ((train, test),) = folds(windows.iloc[held[0]], "official")
    assert (list(train), list(test)) == ([0, 1], [2])
    with pytest.raises(ValueError, match="all events are of the part 'train'"):
        folds(windows.head(2), "official")
    with pytest.raises(ValueError, match="'Ses01_impro01' is of no official part"):
        folds(windows.assign(dialogue="Ses01_impro01"), "official")


@pytest.mark.parametrize("level", list(splits.GROUPS))
def test_an_event_of_no_group_is_refused(level):
    windows = window_tables.random_table(0)
    column = splits.GROUPS[level]
    with pytest.raises(ValueError, match=f"2 events have no {column}"):
        splits.together(windows.assign(**{column: windows[column].where(windows.index > 1)}), level)
    with pytest.raises(ValueError, match=f"{len(windows)} events have no {column}"):
        splits.together(windows.drop(columns=column), level)


def test_a_row_a_protocol_with_what_it_shares(make_windows):
    windows = make_windows(n_dialogues=24)
    split = Split(("neutral", "excitement", "sadness"), "random", 3, 0)
    table = splits.proofs(windows, splits.IEMOCAP_PROTOCOLS, split).set_index("protocol")
    events = 3 * windows["emotion"].value_counts().min()
    assert list(table.index) == list(splits.IEMOCAP_PROTOCOLS) and (table["n_test"] == events).all()
    assert table.loc["random", "seconds_shared"] > 100
    assert table.loc["random", "test_windows_overlapping"] > 0.9 * events
    assert (table["seconds_shared"].drop("random") == 0).all()
    assert table.loc["purged", "rows_dropped"] > 0.4 * events  # windows lie close: few share nothing
    assert table.loc["purged", "dialogues_shared"] > 0 and table.loc["dialogue", "dialogues_shared"] == 0
    assert table.loc["dialogue", "speakers_shared"] > 0 and table.loc["speaker", "speakers_shared"] == 0
    assert table.loc["session", "scenarios_shared"] > 0 and table.loc["scenario", "scenarios_shared"] == 0
    assert table.loc["scenario", "folds"] == 9
    assert table.loc["scenario", "train_share"] == pytest.approx(4 / 9, abs=0.05)


def test_proofs_are_of_the_worst_fold_and_of_all_and_nothing_unknown_is_shown_as_clean():
    windows = window_tables.random_table(4)
    events = windows.assign(emotion=np.resize(["neutral", "sadness"], len(windows))).iloc[: len(windows) // 2 * 2]
    row = splits.proofs(events, ["random"], Split(("neutral", "sadness"), "", 4, 2)).iloc[0]
    sides = folds(events, "random", 4, 2)
    shown = [splits.proof(events, *each) for each in sides]
    assert row["seconds_shared"] == max(proof["seconds_shared"] for proof in shown)
    assert row["test_windows_overlapping"] == sum(proof["test_windows_overlapping"] for proof in shown)
    unknown = events.drop(columns=["utterance_end_s", "scenario"])
    row = splits.proofs(unknown, ["dialogue"], Split(("neutral", "sadness"), "", 4, 2)).iloc[0]
    assert np.isnan(row["test_utterances_in_training"]) and np.isnan(row["scenarios_shared"])


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
    shown = splits.proof(windows, np.arange(len(train)), np.arange(len(train), len(windows)))
    assert shown["seconds_shared"] == pytest.approx(seconds, abs=1e-9)
    assert shown["test_windows_overlapping"] == overlapping
    assert shown["speakers_shared"] == 0  # unknown speakers are not one speaker


def _one_evening():
    """Two dialogues of one session with a file each: the second begins at 30 s of the first; a third of another session."""
    rows = [("d", "a", "s", "c", 40.0), ("e", "b", "s", "c", 14.0), ("f", "b", "t", "c", 14.0)]
    return window_tables.table(rows).assign(session_offset_s=[5.0, 35.0, 35.0])


def test_files_of_one_session_are_laid_on_its_clock():
    """On the session's clock the first window is 35 to 45 s with an utterance to 47 s, the second 39 to 49 s and to 51 s."""
    windows = _one_evening()
    shown = splits.proof(windows, [0], [1])
    assert (shown["seconds_shared"], shown["test_windows_overlapping"]) == (6.0, 1)
    assert (shown["test_utterances_in_training"], shown["test_windows_with_training"]) == (0, 1)
    assert shown["dialogues_shared"] == 0
    # Another session has another clock, and where no offset is known a file is a file.
    assert splits.proof(windows, [0], [2])["seconds_shared"] == 0
    apart = windows.assign(session_offset_s=[5.0, np.nan, np.nan])
    assert splits.proof(apart, [0], [1])["seconds_shared"] == 0
    assert splits.proof(windows.drop(columns="session_offset_s"), [0], [1])["seconds_shared"] == 0


def test_purged_drops_what_sounds_at_the_same_time_in_another_file():
    train, test = splits.purged(_one_evening(), np.array([0, 2]), np.array([1]))
    assert (list(train), list(test)) == ([2], [1])


def test_melds_dialogues_overlap_in_their_episodes(real):
    talk = experiments.utterances_of_meld(meld.annotations(real("meld")))
    windows = cutting.sweep(talk[talk["emotion"].notna()], [0.0], length_s=10.0)
    split = Split(("neutral", "happiness", "sadness"), "random", 5, 0)
    table = splits.proofs(windows, splits.MELD_PROTOCOLS, split).set_index("protocol")
    shares = table[["seconds_shared", "test_windows_overlapping"]]
    assert (shares.loc["dialogue"] > 0).all(), "dialogues apart, but not their sound"
    assert (shares.loc[["purged", "episode"]] == 0).all(axis=None)
    # The labels themselves, pair by pair: test utterances inside a training window's span, in another dialogue.
    assert table.loc["dialogue", "test_utterances_in_training"] == 5


@pytest.mark.parametrize(
    ("trained", "heard", "hearing"),
    [
        (95.0, 0, 1),  # the training utterance (95 to 97 s) lies in the test window (90 to 100 s)
        (103.0, 1, 0),  # the training window (93 to 103 s) holds the test utterance (100 to 102 s)
        (112.0, 0, 0),  # it begins where the test utterance ends
    ],
)
def test_purged_drops_a_window_with_the_other_utterance(trained, heard, hearing):
    windows = window_tables.table(
        [("d", "a", "s", "c", 100.0), ("d", "b", "s", "c", trained), ("e", "a", "s", "c", 50.0)]
    )
    shown = splits.proof(windows, [1, 2], [0])
    assert (shown["test_utterances_in_training"], shown["test_windows_with_training"]) == (heard, hearing)
    train, test = splits.purged(windows, np.array([1, 2]), np.array([0]))
    assert list(test) == [0]
    assert list(train) == ([1, 2] if trained == 112 else [2])


def test_purged_keeps_all_that_it_may():
    """A second way, pair by pair: exactly the rows that share sound with a test row are dropped."""
    windows = window_tables.random_table(7)
    events = windows.to_dict("records")
    random = folds(windows, "random", 5, 1)
    for (before, test), (train, _) in zip(random, folds(windows, "purged", 5, 1), strict=True):
        kept = [row for row in before if not any(_pair_shares(events[row], events[other]) for other in test)]
        assert list(train) == kept and 0 < len(kept) < len(before)


def _pair_shares(first, second):
    spans = [[(row["start_s"], row["end_s"]), (row["onset_s"], row["utterance_end_s"])] for row in (first, second)]
    overlap = max(min(a[1], b[1]) - max(a[0], b[0]) for a in spans[0] for b in spans[1])
    return first["audio"] == second["audio"] and overlap > 1e-6


def test_purged_needs_to_know_where_utterances_end(make_windows):
    with pytest.raises(ValueError, match="no utterance_end_s"):
        folds(make_windows().drop(columns="utterance_end_s"), "purged")
    windows = window_tables.table([("d", "a", "s", "c", onset) for onset in (20.0, 21.0, 22.0, 23.0)])
    with pytest.raises(ValueError, match="nothing is left to train on"):
        folds(windows, "purged", 2, 0)


def test_the_protocols_of_a_notebook_and_of_a_corpus():
    assert splits.chosen("", default="random") == "random"
    assert splits.chosen("speaker", default="random") == "speaker"
    with pytest.raises(ValueError, match=r"protocol is 'dialog'; it is one of random, .* the profile's \(purged\)"):
        splits.chosen("dialog", default="purged")
    assert splits.of_corpus("iemocap") == splits.IEMOCAP_PROTOCOLS and splits.of_corpus("meld") == splits.MELD_PROTOCOLS
    split = Split(("sadness",), "random", 5, 1)
    assert split.under("session") == Split(("sadness",), "session", 5, 1)
