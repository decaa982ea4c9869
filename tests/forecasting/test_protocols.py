import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate

import window_tables
from emocast.forecasting import protocols

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
    windows = window_tables.random_table(seed)
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
    windows = window_tables.random_table(seed)
    # A dialogue of at least two test rows, so that one can go to the other side and one stays; close to it in time.
    for train, test in protocols.folds(windows, protocol=protocol, n_splits=4, random_state=seed):
        onsets = windows.iloc[test].sort_values(["dialogue", "onset_s"])
        near = (onsets["onset_s"].diff() < 9) & (onsets["dialogue"] == onsets["dialogue"].shift())
        moved = onsets.index[near.to_numpy()][0]
        shown = protocols.proof(windows, np.r_[train, moved], test[test != moved])
        assert all(shown[name] > 0 for name in PROMISES[protocol] if not name.startswith("test_"))


def test_speaker_is_session_where_a_session_is_a_pair():
    windows = window_tables.random_table(3)
    tests = [
        {frozenset(test) for _, test in protocols.folds(windows, protocol=name, n_splits=4, random_state=0)}
        for name in ("speaker", "session")
    ]
    assert tests[0] == tests[1]


def test_scenario_tests_a_cell_and_trains_on_neither():
    windows = window_tables.random_table(5)
    splits = protocols.folds(windows, protocol="scenario", n_splits=4, random_state=0)
    assert len(splits) == 12  # four sessions, six scenarios in three groups
    for train, test in splits:
        sessions, scenarios = windows["session"].iloc[test].unique(), windows["scenario"].iloc[test].unique()
        allowed = ~windows["session"].isin(sessions) & ~windows["scenario"].isin(scenarios)
        assert list(train) == list(np.flatnonzero(allowed))
    with pytest.raises(ValueError, match="needs at least 2 scenarios"):
        protocols.folds(windows[windows["scenario"] == "impro1"], protocol="scenario", random_state=0)
    one_each = window_tables.table(
        [("d", "a", "s1", "c1", 20.0), ("e", "a", "s1", "c2", 20.0), ("f", "b", "s2", "c1", 20.0)]
    )
    with pytest.raises(ValueError, match="too few of both are played"):
        protocols.folds(one_each, protocol="scenario", random_state=0)


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
