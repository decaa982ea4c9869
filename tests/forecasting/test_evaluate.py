import re

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from emocast.cache import Cache
from emocast.forecasting import protocols
from emocast.forecasting.evaluate import cross_validate, sweep
from emocast.forecasting.fcdnn import FCDNNClassifier

CLASSES = ["excitement", "sadness", "neutral"]
SHIFTS = (0.0, 10.0, 20.0)


class Counted(LogisticRegression):
    """A classifier that counts its fits, notes what it was given, and can be told to break down."""

    fits = 0
    breaks_at = None
    seen: list = []  # noqa: RUF012 - shared by the clones on purpose

    def fit(self, X, y):
        if Counted.fits == Counted.breaks_at:
            raise KeyboardInterrupt
        Counted.fits += 1
        Counted.seen.append((len(X), self.random_state, _most_threads()))
        return super().fit(X, y)


def _most_threads():
    """The largest number of threads that any of torch's libraries may use."""
    return max(
        int(number)
        for number in re.findall(r"(?:get_num|get_max)_threads\(\) : (\d+)", torch.__config__.parallel_info())
    )


@pytest.fixture(autouse=True)
def counting(monkeypatch):
    monkeypatch.setattr(Counted, "fits", 0)
    monkeypatch.setattr(Counted, "breaks_at", None)
    monkeypatch.setattr(Counted, "seen", [])


@pytest.fixture
def windows(make_windows):
    return make_windows(n_dialogues=18, shifts=SHIFTS)


@pytest.fixture
def run(windows, embed):
    """Run a sweep of little cost."""
    embeddings = embed(windows)

    def run(estimator=None, **options):
        options = {"protocol": "dialogue", "n_splits": 3, "random_state": 0, "progress": False, **options}
        estimator = estimator or Counted(max_iter=200)
        return sweep(estimator, windows, embeddings, classes=CLASSES, **options)

    return run


# The synthetic table has no official parts; all other protocols test each event once.
@pytest.mark.parametrize("protocol", [name for name in protocols.PROTOCOLS if name != "official"])
def test_predictions_are_out_of_fold(make_windows, embed, protocol):
    windows = make_windows()
    X = embed(windows)
    table = cross_validate(LogisticRegression(), X, windows, protocol=protocol, n_splits=3, random_state=0)
    assert table["utterance"].tolist() == windows["utterance"].tolist()
    shares = table[["p_neutral", "p_excitement", "p_sadness"]]
    assert np.allclose(shares.sum(axis=1), 1)
    assert table["predicted"].tolist() == shares.idxmax(axis=1).str.removeprefix("p_").tolist()
    for fold, (train, test) in enumerate(protocols.folds(windows, protocol=protocol, n_splits=3, random_state=0)):
        assert (table["fold"].iloc[test] == fold).all()
        model = LogisticRegression().fit(X[train], windows["emotion"].iloc[train])
        assert np.allclose(shares.iloc[test], model.predict_proba(X[test])[:, [1, 0, 2]])


def test_test_rows_leave_no_trace(make_windows, embed):
    """The scaler within the network learns from a fold's training rows alone: poison one event, and only itself moves."""
    windows = make_windows()
    X = embed(windows)
    model = FCDNNClassifier(hidden_layers=1, hidden_units=8, learning_rate=1e-2, epochs=2, standardize=True)
    options = {"protocol": "dialogue", "n_splits": 3, "random_state": 0}
    clean = cross_validate(model, X, windows, **options)
    poisoned = X.copy()
    poisoned[5] = 1e4
    dirty = cross_validate(model, poisoned, windows, **options)
    same_fold = (clean["fold"] == clean["fold"].iloc[5]) & (clean.index != 5)
    columns = ["p_neutral", "p_excitement", "p_sadness"]
    assert clean.loc[same_fold, columns].equals(dirty.loc[same_fold, columns])
    assert not clean.loc[clean["fold"] != clean["fold"].iloc[5], columns].equals(
        dirty.loc[clean["fold"] != clean["fold"].iloc[5], columns]
    )


def test_each_fold_has_its_own_seed(make_windows, embed):
    windows = make_windows()
    cross_validate(Counted(), embed(windows), windows, protocol="random", n_splits=4, random_state=0)
    assert len({seed for _, seed, _ in Counted.seen}) == 4
    pipeline = make_pipeline(StandardScaler(), Counted())
    cross_validate(pipeline, embed(windows), windows, protocol="random", n_splits=4, random_state=0)
    assert Counted.seen[:4] == Counted.seen[4:]
    assert pipeline.get_params()["counted__random_state"] is None


def test_estimator_without_probabilities(make_windows, embed):
    windows = make_windows()
    table = cross_validate(LinearSVC(), embed(windows), windows, protocol="random", n_splits=3, random_state=0)
    assert table[["p_neutral", "p_excitement", "p_sadness"]].isna().all(axis=None)
    assert (table["predicted"] == table["emotion"]).mean() > 0.6


def test_class_missing_from_training_has_no_probability(make_windows, embed):
    """Where a dialogue holds all of a class, the fold that tests it never saw that class."""
    windows = make_windows()
    windows.loc[windows["emotion"] == "sadness", "emotion"] = "neutral"
    windows.loc[windows["dialogue"] == "d03", "emotion"] = "sadness"
    table = cross_validate(LogisticRegression(), embed(windows), windows, protocol="dialogue", random_state=0)
    unseen = table["fold"] == table.loc[table["dialogue"] == "d03", "fold"].iloc[0]
    assert (table.loc[unseen, "p_sadness"] == 0).all()
    assert (table.loc[~unseen, "p_sadness"] > 0).all()


def test_rows_must_belong_together(windows, embed):
    with pytest.raises(ValueError, match="windows but"):
        sweep(Counted(), windows, embed(windows)[1:], classes=CLASSES, protocol="random", random_state=0)


def test_columns_and_order(run):
    table = run()
    leading = ["event_set", "shift_s", "fold", "utterance", "dialogue", "emotion", "predicted"]
    assert list(table) == [*leading, "p_neutral", "p_excitement", "p_sadness"]
    assert list(table.groupby(["event_set", "shift_s"], sort=False).groups) == [
        (name, shift) for name in ("fixed", "moving") for shift in SHIFTS
    ]


def test_fixed_set_is_one_sample_with_one_division(run, windows):
    table = run(event_sets=["fixed"])
    points = [events.set_index("utterance") for _, events in table.groupby("shift_s")]
    for point in points:
        assert point["fold"].equals(points[0]["fold"])
        assert point["emotion"].value_counts().to_dict() == dict.fromkeys(CLASSES, len(points[0]) // 3)
    everywhere = set.intersection(*(set(part["utterance"]) for _, part in windows.groupby("shift_s")))
    in_play = windows[windows["utterance"].isin(everywhere) & (windows["shift_s"] == 0)]
    assert set(points[0].index) <= everywhere
    assert len(points[0]) == 3 * in_play["emotion"].value_counts().min()


def test_moving_set_is_each_shifts_own(run, windows):
    table = run(event_sets=["moving"])
    for shift, events in table.groupby("shift_s"):
        of_shift = windows[windows["shift_s"] == shift]
        assert len(events) == 3 * of_shift["emotion"].value_counts().min()
        assert events["utterance"].isin(of_shift["utterance"]).all()
    assert table.groupby("shift_s").size().is_monotonic_decreasing
    assert table.groupby("shift_s").size().nunique() == 3


def test_order_of_the_table_does_not_matter_within_shifts(windows, embed):
    """Fixed events keep sample and folds at every shift even if a shift's rows stand in another order."""
    later = windows["shift_s"] == 10
    shuffled = pd.concat([windows[~later], windows[later].sample(frac=1, random_state=0)], ignore_index=True)
    options = {"protocol": "random", "event_sets": ["fixed"], "random_state": 0, "progress": False}
    table = sweep(LogisticRegression(), shuffled, embed(shuffled), classes=CLASSES, **options)
    points = [events.set_index("utterance")["fold"].sort_index() for _, events in table.groupby("shift_s")]
    assert points[0].equals(points[1]) and points[0].equals(points[2])


def test_embeddings_stay_with_their_windows(windows):
    """Embeddings that spell out the answer are read without an error only if no row is ever misplaced."""
    answer = np.eye(3, dtype=np.float32)[windows["emotion"].map(CLASSES.index)]
    answer *= 1 + windows["shift_s"].to_numpy(dtype=np.float32)[:, None]
    table = sweep(
        LogisticRegression(), windows, answer, classes=CLASSES, protocol="random", random_state=0, progress=False
    )
    assert (table["predicted"] == table["emotion"]).all()


@pytest.mark.parametrize("event_set", ["fixed", "moving"])
def test_a_point_of_the_sweep_is_a_cross_validation_of_its_events(windows, embed, event_set):
    X = embed(windows)
    options = {"protocol": "dialogue", "n_splits": 3, "random_state": 0}
    table = sweep(LogisticRegression(), windows, X, classes=CLASSES, progress=False, **options)
    for shift in SHIFTS:
        point = table[(table["event_set"] == event_set) & (table["shift_s"] == shift)]
        rows = np.flatnonzero((windows["shift_s"] == shift) & windows["utterance"].isin(point["utterance"]))
        alone = cross_validate(LogisticRegression(), X[rows], windows.iloc[rows], **options)
        pd.testing.assert_frame_equal(point[list(alone)].reset_index(drop=True), alone)


def test_processes_and_threads_do_not_matter(run):
    model = FCDNNClassifier(hidden_layers=1, hidden_units=16, learning_rate=1e-2, epochs=2)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        alone, beside = run(model, n_jobs=1), run(model, n_jobs=2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    pd.testing.assert_frame_equal(alone, beside, check_exact=True)


def test_fits_run_in_one_thread_and_give_it_back(run):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    # Names the threads of OpenMP and of MKL too, which torch can set apart from each other.
    all_threads = torch.__config__.parallel_info()
    try:
        run()
        assert {threads for _, _, threads in Counted.seen} == {1}
        Counted.breaks_at = Counted.fits
        with pytest.raises(KeyboardInterrupt):
            run()
        assert torch.__config__.parallel_info() == all_threads
    finally:
        torch.set_num_threads(before)


def test_second_run_computes_nothing(run, tmp_path):
    memory = Cache(tmp_path)
    first = run(memory=memory)
    # At the largest shift both sets are the same events, so the same fits: 3 folds x (3 + 3 - 1) points.
    assert Counted.fits == 15
    again = run(memory=memory)
    assert Counted.fits == 15
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    pd.testing.assert_frame_equal(first, run(), check_exact=True)


def test_broken_run_goes_on(run, tmp_path):
    memory = Cache(tmp_path)
    Counted.breaks_at = 7
    with pytest.raises(KeyboardInterrupt):
        run(memory=memory)
    Counted.breaks_at = None
    resumed = run(memory=memory)
    assert Counted.fits == 15
    pd.testing.assert_frame_equal(resumed, run(), check_exact=True)


def test_kept_fits_serve_other_processes(run, tmp_path):
    memory = Cache(tmp_path)
    model = FCDNNClassifier(hidden_layers=1, hidden_units=8, epochs=1)
    beside = run(model, memory=memory, n_jobs=2)
    kept = sorted(tmp_path.rglob("*.pkl"))
    alone = run(model, memory=memory, n_jobs=1)
    assert sorted(tmp_path.rglob("*.pkl")) == kept and len(kept) == 15
    pd.testing.assert_frame_equal(beside, alone, check_exact=True)


@pytest.mark.parametrize("change", [{"random_state": 1}, {"n_splits": 4}, {"estimator": Counted(C=0.1)}])
def test_other_input_is_not_taken_for_the_same(run, tmp_path, change):
    memory = Cache(tmp_path)
    run(memory=memory, event_sets=["fixed"])
    before = Counted.fits
    run(memory=memory, event_sets=["fixed"], **change)
    assert Counted.fits - before == 3 * change.get("n_splits", 3)


def test_other_code_is_not_taken_for_the_same(run, tmp_path, monkeypatch):
    memory = Cache(tmp_path)
    run(memory=memory, event_sets=["fixed"])
    before = Counted.fits
    monkeypatch.setattr("emocast.forecasting.runs._CODE", "edited")
    run(memory=memory, event_sets=["fixed"])
    assert Counted.fits == 2 * before


def test_unknown_event_set_is_named(run):
    with pytest.raises(ValueError, match="unknown event set 'all'; known are fixed, moving"):
        run(event_sets=["all"])
