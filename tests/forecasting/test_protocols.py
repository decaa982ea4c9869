import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate

from emocast.forecasting import protocols, sharing

#: Those that test each event once and leave no row out.
WHOLE = ("random", "dialogue", "speaker", "session", "episode")
EACH_WHOLE = pytest.mark.parametrize("protocol", WHOLE)


@EACH_WHOLE
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_event_is_tested_once(make_windows, protocol, seed):
    windows = make_windows()
    splits = protocols.folds(windows, protocol=protocol, n_splits=5, random_state=seed)
    assert len(splits) == (5 if protocol in ("random", "dialogue") else 3)  # there are three sessions
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(len(windows)))
    for train, test in splits:
        assert _is_partition(train, test, len(windows))


@EACH_WHOLE
def test_holdout_is_a_partition(make_windows, protocol):
    windows = make_windows(n_dialogues=30)
    train, test = protocols.holdout(windows, protocol=protocol, test_fraction=0.2, random_state=0)
    assert _is_partition(train, test, len(windows))
    whole = 0.2 if protocol in ("random", "dialogue") else 1 / 3  # one of three sessions
    assert len(test) / len(windows) == pytest.approx(whole, abs=0.03)


def _is_partition(train, test, n_events):
    return len(test) > 0 and np.array_equal(np.sort(np.r_[train, test]), np.arange(n_events))


@pytest.mark.parametrize("protocol", ["random", "purged", "dialogue"])
def test_seed_fixes_the_division(make_windows, protocol):
    windows = make_windows(n_dialogues=60, events=8)
    tests = [protocols.holdout(windows, protocol=protocol, random_state=seed)[1] for seed in (3, 3, 4)]
    assert np.array_equal(tests[0], tests[1]) and not np.array_equal(tests[0], tests[2])
    tests = [protocols.folds(windows, protocol=protocol, random_state=seed)[0][1] for seed in (3, 3, 4)]
    assert np.array_equal(tests[0], tests[1]) and not np.array_equal(tests[0], tests[2])


@pytest.mark.parametrize(("n_events", "n_test"), [(1954, 391), (2931, 587), (3908, 782)])
def test_random_holdout_has_the_published_sizes(n_events, n_test):
    windows = pd.DataFrame({"utterance": np.arange(n_events), "emotion": "neutral"})
    assert len(protocols.holdout(windows, protocol="random", test_fraction=0.2, random_state=0)[1]) == n_test


def test_random_is_not_stratified():
    """The preprint's supports (187, 201, 199) are unequal although its classes were balanced."""
    windows = pd.DataFrame({"utterance": np.arange(2931), "emotion": np.repeat(["a", "b", "c"], 977)})
    _, test = protocols.holdout(windows, protocol="random", random_state=0)
    counts = windows["emotion"].iloc[test].value_counts()
    assert counts.max() - counts.min() > 1
    tests = [test for _, test in protocols.folds(windows, protocol="random", random_state=0)]
    assert any(np.ptp(windows["emotion"].iloc[test].value_counts().to_numpy()) > 1 for test in tests)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_dialogue_shares_nothing(make_windows, seed):
    windows = make_windows()
    splits = protocols.folds(windows, protocol="dialogue", n_splits=4, random_state=seed)
    for train, test in [*splits, protocols.holdout(windows, protocol="dialogue", random_state=seed)]:
        shown = protocols.proof(windows, train, test)
        assert shown["dialogues_shared"] == 0
        assert shown["seconds_shared"] == 0
        assert shown["test_windows_overlapping"] == 0
        assert shown["speakers_shared"] > 0  # a speaker has several dialogues: this rung does not hold them apart


def test_random_shares_much(make_windows):
    windows = make_windows()
    for train, test in protocols.folds(windows, protocol="random", n_splits=4, random_state=0):
        shown = protocols.proof(windows, train, test)
        assert shown["dialogues_shared"] == 12
        assert shown["seconds_shared"] > 60
        assert shown["test_windows_overlapping"] > 0.9 * len(test)


def test_dialogue_holdout_balances_classes(make_windows):
    windows = make_windows(n_dialogues=60)
    _, test = protocols.holdout(windows, protocol="dialogue", test_fraction=0.25, random_state=0)
    shares = windows["emotion"].iloc[test].value_counts() / windows["emotion"].value_counts()
    assert shares.between(0.21, 0.29).all()


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


def test_unknown_protocol_lists_those_known(make_windows):
    with pytest.raises(ValueError, match="unknown protocol 'season'; known are random, purged, dialogue"):
        protocols.folds(make_windows(), protocol="season", random_state=0)


def test_too_few_groups_are_counted(make_windows):
    with pytest.raises(ValueError, match="at least 5 dialogues, the windows have 3"):
        protocols.folds(make_windows(n_dialogues=3), protocol="dialogue", n_splits=5, random_state=0)
    with pytest.raises(ValueError, match="at least 2 dialogues, the windows have 1"):
        protocols.holdout(make_windows(n_dialogues=1), protocol="dialogue", random_state=0)
    with pytest.raises(ValueError, match="3 events cannot fill 5 folds"):
        protocols.folds(make_windows().head(3), protocol="random", n_splits=5, random_state=0)


@pytest.mark.parametrize("protocol", list(protocols.PROTOCOLS))
def test_windows_of_several_shifts_are_refused(make_windows, protocol):
    with pytest.raises(ValueError, match="several windows"):
        protocols.folds(make_windows(shifts=(0.0, 2.0)), protocol=protocol, random_state=0)


def test_event_without_dialogue_is_refused(make_windows):
    windows = make_windows()
    windows.loc[3, "dialogue"] = None
    with pytest.raises(ValueError, match="1 events have no dialogue"):
        protocols.holdout(windows, protocol="dialogue", random_state=0)


@pytest.mark.parametrize("options", [{"test_fraction": 1.0}, {"test_fraction": 20}])
def test_fraction_out_of_range_is_refused(make_windows, options):
    with pytest.raises(ValueError, match="test_fraction"):
        protocols.holdout(make_windows(), protocol="random", random_state=0, **options)


def _table(rows, *, seconds=10.0):
    """A window table of rows (dialogue, speaker, session, scenario, onset): shift 0, utterances of two seconds."""
    table = pd.DataFrame(rows, columns=["dialogue", "speaker", "session", "scenario", "onset_s"])
    return table.assign(
        utterance=[f"u{row}" for row in range(len(table))],
        emotion="neutral",
        audio=table["dialogue"] + ".wav",
        utterance_end_s=table["onset_s"] + 2.0,
        start_s=table["onset_s"] - seconds,
        end_s=table["onset_s"],
    )


def _random_table(seed, *, n_dialogues=24):
    """Dialogues of one of four sessions (pairs of speakers) and six scenarios, now and then with overlapping turns."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(n_dialogues):
        session, onset = number % 4, 10.0
        for _ in range(generator.integers(6, 14)):
            onset += generator.choice([0.5, 3.0, 9.0, 25.0])
            speaker = f"s{session}{generator.choice(['F', 'M'])}"
            rows.append((f"train_dia{number}", speaker, f"S{session}", f"impro{number // 4}", onset))
    windows = _table(rows)
    return windows.assign(emotion=generator.choice(["neutral", "sadness"], size=len(windows)))


#: What each rung promises: the entries of the proof that are zero in each of its folds.
PROMISES = {
    "purged": ("seconds_shared", "test_windows_overlapping", "test_utterances_heard", "test_windows_hearing"),
    "dialogue": ("dialogues_shared", "seconds_shared"),
    "speaker": ("speakers_shared", "dialogues_shared", "seconds_shared"),
    "session": ("sessions_shared", "speakers_shared", "dialogues_shared", "seconds_shared"),
    "episode": ("sessions_shared", "dialogues_shared", "seconds_shared"),
    "scenario": ("scenarios_shared", "sessions_shared", "speakers_shared", "dialogues_shared", "seconds_shared"),
}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("protocol", list(PROMISES))
def test_each_rung_keeps_its_promise(protocol, seed):
    windows = _random_table(seed)
    splits = protocols.folds(windows, protocol=protocol, n_splits=4, random_state=seed)
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(len(windows)))
    for train, test in [*splits, protocols.holdout(windows, protocol=protocol, random_state=seed)]:
        assert len(train) and len(test) and not set(train) & set(test)
        shown = protocols.proof(windows, train, test)
        assert {name: shown[name] for name in PROMISES[protocol]} == dict.fromkeys(PROMISES[protocol], 0)
        assert shown["rows_dropped"] == len(windows) - len(train) - len(test)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("protocol", list(PROMISES))
def test_a_planted_violation_is_found(protocol, seed):
    """Move one test row to the training: the proof of each rung must no longer be clean."""
    windows = _random_table(seed)
    # A dialogue of at least two test rows, so that one can go to the other side and one stays; close to it in time.
    for train, test in protocols.folds(windows, protocol=protocol, n_splits=4, random_state=seed):
        onsets = windows.iloc[test].sort_values(["dialogue", "onset_s"])
        near = (onsets["onset_s"].diff() < 9) & (onsets["dialogue"] == onsets["dialogue"].shift())
        moved = onsets.index[near.to_numpy()][0]
        shown = protocols.proof(windows, np.r_[train, moved], test[test != moved])
        assert all(shown[name] > 0 for name in PROMISES[protocol] if not name.startswith("test_"))


@pytest.mark.parametrize(
    ("trained", "heard", "hearing"),
    [
        (95.0, 0, 1),  # the training utterance (95 to 97 s) lies in the test window (90 to 100 s)
        (103.0, 1, 0),  # the training window (93 to 103 s) hears the test utterance (100 to 102 s)
        (112.0, 0, 0),  # it begins where the test utterance ends
    ],
)
def test_purged_drops_what_hears_or_is_heard(trained, heard, hearing):
    windows = _table([("d", "a", "s", "c", 100.0), ("d", "b", "s", "c", trained), ("e", "a", "s", "c", 50.0)])
    shown = protocols.proof(windows, [1, 2], [0])
    assert (shown["test_utterances_heard"], shown["test_windows_hearing"]) == (heard, hearing)
    train, test = sharing.purged(windows, np.array([1, 2]), np.array([0]))
    assert list(test) == [0]
    assert list(train) == ([1, 2] if trained == 112 else [2])


def test_purged_drops_a_shifted_window_only_for_its_utterance():
    """At a shift of 30 s the training window lies far before, but its utterance is what the test window hears."""
    windows = _table([("d", "a", "s", "c", 100.0), ("d", "b", "s", "c", 65.0), ("e", "a", "s", "c", 50.0)])
    windows[["start_s", "end_s"]] -= 30.0
    assert protocols.proof(windows, [1], [0])["seconds_shared"] == 0
    assert list(sharing.purged(windows, np.array([1, 2]), np.array([0]))[0]) == [2]


def test_purged_keeps_all_that_it_may():
    """A second way, pair by pair: exactly the rows that share sound with a test row are dropped."""
    windows = _random_table(7)
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
    windows = _table([("d", "a", "s", "c", onset) for onset in (20.0, 21.0, 22.0, 23.0)])
    with pytest.raises(ValueError, match="nothing is left to train on"):
        protocols.folds(windows, protocol="purged", n_splits=2, random_state=0)


def test_speakers_who_meet_are_held_together():
    """a meets b in one dialogue and b meets c in another: none of the three may be divided from the others."""
    meetings = [("1", "a"), ("1", "b"), ("2", "b"), ("2", "c"), ("3", "x"), ("3", "y"), ("4", "y"), ("5", "z")]
    windows = _table(
        [(dialogue, speaker, "s", "c", 20.0 * place) for place, (dialogue, speaker) in enumerate(meetings)]
    )
    tests = [
        set(windows["speaker"].iloc[test])
        for _, test in protocols.folds(windows, protocol="speaker", n_splits=5, random_state=0)
    ]
    assert sorted(map(sorted, tests)) == [["a", "b", "c"], ["x", "y"], ["z"]]
    joined = pd.concat(
        [windows, _table([("6", "a", "s", "c", 9.0), ("6", "x", "s", "c", 9.0), ("6", "z", "s", "c", 9.0)])]
    )
    joined["utterance"] = np.arange(len(joined))
    with pytest.raises(ValueError, match="6 speakers are joined by their dialogues"):
        protocols.folds(joined, protocol="speaker", random_state=0)


def test_speaker_is_session_where_a_session_is_a_pair():
    windows = _random_table(3)
    tests = [
        {frozenset(test) for _, test in protocols.folds(windows, protocol=name, n_splits=4, random_state=0)}
        for name in ("speaker", "session")
    ]
    assert tests[0] == tests[1]


def test_scenario_tests_a_cell_and_trains_on_neither():
    windows = _random_table(5)
    splits = protocols.folds(windows, protocol="scenario", n_splits=4, random_state=0)
    assert len(splits) == 12  # four sessions, six scenarios in three groups
    for train, test in splits:
        sessions, scenarios = windows["session"].iloc[test].unique(), windows["scenario"].iloc[test].unique()
        allowed = ~windows["session"].isin(sessions) & ~windows["scenario"].isin(scenarios)
        assert list(train) == list(np.flatnonzero(allowed))
    with pytest.raises(ValueError, match="needs at least 2 scenarios"):
        protocols.folds(windows[windows["scenario"] == "impro1"], protocol="scenario", random_state=0)
    one_each = _table([("d", "a", "s1", "c1", 20.0), ("e", "a", "s1", "c2", 20.0), ("f", "b", "s2", "c1", 20.0)])
    with pytest.raises(ValueError, match="too few of both are played"):
        protocols.folds(one_each, protocol="scenario", random_state=0)


def test_official_tests_the_last_part():
    parts = ["train", "train", "dev", "test", "test"]
    windows = _table([(f"{part}_dia{place}", "a", "s", "c", 20.0) for place, part in enumerate(parts)])
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


@pytest.mark.parametrize("protocol", ["purged", "dialogue", "scenario"])
def test_folds_are_a_splitter_of_scikit_learn(protocol, embed, make_windows):
    windows = make_windows(n_dialogues=30)
    splitter = protocols.Folds(windows, protocol=protocol, n_splits=3, random_state=1)
    X, y = embed(windows), windows["emotion"].astype(str)
    scores = cross_validate(LogisticRegression(), X, y, cv=splitter)["test_score"]
    assert len(scores) == splitter.get_n_splits() == (9 if protocol == "scenario" else 3)
    expected = [
        LogisticRegression().fit(X[train], y.iloc[train]).score(X[test], y.iloc[test])
        for train, test in protocols.folds(windows, protocol=protocol, n_splits=3, random_state=1)
    ]
    assert np.allclose(scores, expected)
    with pytest.raises(ValueError, match="belong together row for row"):
        list(splitter.split(X[:-1]))
