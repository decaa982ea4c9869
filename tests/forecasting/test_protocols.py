import numpy as np
import pandas as pd
import pytest

from emocast.forecasting import protocols

BOTH = pytest.mark.parametrize("protocol", list(protocols.PROTOCOLS))


@BOTH
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_event_is_tested_once(make_windows, protocol, seed):
    windows = make_windows()
    splits = protocols.folds(windows, protocol=protocol, n_splits=5, random_state=seed)
    assert len(splits) == 5
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(len(windows)))
    for train, test in splits:
        assert _is_partition(train, test, len(windows))


@BOTH
def test_holdout_is_a_partition(make_windows, protocol):
    windows = make_windows(n_dialogues=30)
    train, test = protocols.holdout(windows, protocol=protocol, test_fraction=0.2, random_state=0)
    assert _is_partition(train, test, len(windows))
    assert len(test) / len(windows) == pytest.approx(0.2, abs=0.03)


def _is_partition(train, test, n_events):
    return len(test) > 0 and np.array_equal(np.sort(np.r_[train, test]), np.arange(n_events))


@BOTH
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
    with pytest.raises(ValueError, match="unknown protocol 'episode'; known are random, dialogue"):
        protocols.folds(make_windows(), protocol="episode", random_state=0)


def test_too_few_groups_are_counted(make_windows):
    with pytest.raises(ValueError, match="at least 5 dialogues, the windows have 3"):
        protocols.folds(make_windows(n_dialogues=3), protocol="dialogue", n_splits=5, random_state=0)
    with pytest.raises(ValueError, match="at least 2 dialogues, the windows have 1"):
        protocols.holdout(make_windows(n_dialogues=1), protocol="dialogue", random_state=0)
    with pytest.raises(ValueError, match="3 events cannot fill 5 folds"):
        protocols.folds(make_windows().head(3), protocol="random", n_splits=5, random_state=0)


@BOTH
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
