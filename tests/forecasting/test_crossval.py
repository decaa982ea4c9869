"""Predictions are out of fold, kept, the same wherever they are computed, and scored as by hand."""

import dask
import numpy as np
import pandas as pd
import pytest
import torch
from distributed import LocalCluster
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from emocast import labels, metrics
from emocast.compute import Cache
from emocast.forecasting import crossval, splits
from emocast.forecasting.crossval import Computing, scores, sweep
from emocast.forecasting.fcdnn import FCDNNClassifier
from emocast.forecasting.splits import Split
from emocast.metrics import Resampling

CLASSES = ["excitement", "sadness", "neutral"]
SHARES = ["p_neutral", "p_excitement", "p_sadness"]
SHIFTS = (0.0, 10.0, 20.0)
QUIET = Computing(progress=False)
AT_RANDOM, BY_DIALOGUE = Split(CLASSES, "random", 3, 0), Split(CLASSES, "dialogue", 3, 0)


def cross_validate(model, X, windows, split):
    """Out-of-fold predictions of all rows, in their order."""
    fits = crossval.fold_fits(windows, np.arange(len(windows)), split)
    table = crossval.predictions(fits, model, windows, X, classes=labels.ordered(CLASSES), computing=QUIET)
    return table.sort_values("row", ignore_index=True)


class Counted(LogisticRegression):
    """A classifier that counts its fits, notes what it was given, and can be told to break down."""

    fits = 0
    breaks_at = None
    seen: list = []  # noqa: RUF012 - shared by the clones on purpose

    def fit(self, X, y):
        if Counted.fits == Counted.breaks_at:
            raise KeyboardInterrupt
        Counted.fits += 1
        Counted.seen.append((len(X), self.random_state, torch.get_num_threads()))
        return super().fit(X, y)


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

    def run(estimator=None, split=BY_DIALOGUE, event_sets=("fixed",), **computing):
        computing = Computing(**{"progress": False, **computing})
        estimator = estimator or Counted(max_iter=200)
        return sweep(estimator, windows, embeddings, split, event_sets=event_sets, computing=computing)

    return run


# The synthetic table has no official parts; all other protocols test each event once.
@pytest.mark.parametrize("protocol", [name for name in splits.PROTOCOLS if name != "official"])
def test_predictions_are_out_of_fold(make_windows, embed, protocol):
    windows = make_windows()
    X = embed(windows)
    table = cross_validate(LogisticRegression(), X, windows, AT_RANDOM.under(protocol))
    assert table["utterance"].tolist() == windows["utterance"].tolist()
    shares = table[SHARES]
    assert np.allclose(shares.sum(axis=1), 1)
    assert table["predicted"].tolist() == shares.idxmax(axis=1).str.removeprefix("p_").tolist()
    for fold, (train, test) in enumerate(splits.folds(windows, AT_RANDOM.under(protocol))):
        assert (table["fold"].iloc[test] == fold).all()
        model = LogisticRegression().fit(X[train], windows["emotion"].iloc[train])
        assert np.allclose(shares.iloc[test], model.predict_proba(X[test])[:, [1, 0, 2]])


def test_test_rows_leave_no_trace(make_windows, embed):
    """The scaler within the network learns from a fold's training rows alone: poison one event, and only itself moves."""
    windows = make_windows()
    X = embed(windows)
    model = FCDNNClassifier(hidden_layers=1, hidden_units=8, learning_rate=1e-2, epochs=2, standardize=True)
    clean = cross_validate(model, X, windows, BY_DIALOGUE)
    poisoned = X.copy()
    poisoned[5] = 1e4
    dirty = cross_validate(model, poisoned, windows, BY_DIALOGUE)
    same_fold = (clean["fold"] == clean["fold"].iloc[5]) & (clean.index != 5)
    assert clean.loc[same_fold, SHARES].equals(dirty.loc[same_fold, SHARES])
    other_folds = clean["fold"] != clean["fold"].iloc[5]
    assert not clean.loc[other_folds, SHARES].equals(dirty.loc[other_folds, SHARES])


def test_each_fold_has_its_own_seed(make_windows, embed):
    windows = make_windows()
    split = Split(CLASSES, "random", 4, 0)
    cross_validate(Counted(), embed(windows), windows, split)
    assert len({seed for _, seed, _ in Counted.seen}) == 4
    pipeline = make_pipeline(StandardScaler(), Counted())
    cross_validate(pipeline, embed(windows), windows, split)
    assert Counted.seen[:4] == Counted.seen[4:]
    assert pipeline.get_params()["counted__random_state"] is None


def test_estimator_without_probabilities(make_windows, embed):
    windows = make_windows()
    table = cross_validate(LinearSVC(), embed(windows), windows, AT_RANDOM)
    assert table[SHARES].isna().all(axis=None)
    assert (table["predicted"] == table["emotion"]).mean() > 0.6


def test_class_missing_from_training_has_no_probability(make_windows, embed):
    """Where a dialogue holds all of a class, the fold that tests it never saw that class."""
    windows = make_windows()
    windows.loc[windows["emotion"] == "sadness", "emotion"] = "neutral"
    windows.loc[windows["dialogue"] == "d03", "emotion"] = "sadness"
    table = cross_validate(LogisticRegression(), embed(windows), windows, Split(CLASSES, "dialogue", 5, 0))
    unseen = table["fold"] == table.loc[table["dialogue"] == "d03", "fold"].iloc[0]
    assert (table.loc[unseen, "p_sadness"] == 0).all()
    assert (table.loc[~unseen, "p_sadness"] > 0).all()


def test_columns_and_order_and_the_moving_set(run, windows):
    table = run(event_sets=crossval.EVENT_SETS)
    leading = ["event_set", "shift_s", "seed", "fold", "utterance", "dialogue", "emotion", "predicted"]
    assert list(table) == [*leading, *SHARES]
    assert list(table.groupby(["event_set", "shift_s"], sort=False).groups) == [
        (name, shift) for name in ("fixed", "moving") for shift in SHIFTS
    ]
    moving = table[table["event_set"] == "moving"]
    assert (moving.groupby("shift_s").size().diff().dropna() < 0).all(), "each shift has its own events"
    for shift, events in moving.groupby("shift_s"):
        of_shift = windows[windows["shift_s"] == shift]
        assert len(events) == 3 * of_shift["emotion"].value_counts().min()


def test_fixed_set_is_one_sample_with_one_split(run, windows):
    table = run()
    points = [events.set_index("utterance") for _, events in table.groupby("shift_s")]
    for point in points:
        assert point["fold"].equals(points[0]["fold"])
        assert point["emotion"].value_counts().to_dict() == dict.fromkeys(CLASSES, len(points[0]) // 3)
    everywhere = set.intersection(*(set(part["utterance"]) for _, part in windows.groupby("shift_s")))
    in_play = windows[windows["utterance"].isin(everywhere) & (windows["shift_s"] == 0)]
    assert set(points[0].index) <= everywhere
    assert len(points[0]) == 3 * in_play["emotion"].value_counts().min()


def test_embeddings_stay_with_their_windows(windows):
    """Embeddings that spell out the answer are read without an error only if no row is ever misplaced."""
    answer = np.eye(3, dtype=np.float32)[windows["emotion"].map(CLASSES.index)]
    answer *= 1 + windows["shift_s"].to_numpy(dtype=np.float32)[:, None]
    table = sweep(LogisticRegression(), windows, answer, AT_RANDOM, computing=QUIET)
    assert (table["predicted"] == table["emotion"]).all()


@pytest.mark.parametrize("event_set", ["fixed", "moving"])
def test_a_point_of_the_sweep_is_a_cross_validation_of_its_events(windows, embed, event_set):
    X = embed(windows)
    table = sweep(LogisticRegression(), windows, X, BY_DIALOGUE, event_sets=[event_set], computing=QUIET)
    for shift in SHIFTS:
        point = table[table["shift_s"] == shift]
        rows = np.flatnonzero((windows["shift_s"] == shift) & windows["utterance"].isin(point["utterance"]))
        alone = cross_validate(LogisticRegression(), X[rows], windows.iloc[rows], BY_DIALOGUE)
        columns = [name for name in alone if name != "row"]
        pd.testing.assert_frame_equal(point[columns].reset_index(drop=True), alone[columns])


def test_processes_and_threads_do_not_matter(run):
    model = FCDNNClassifier(hidden_layers=1, hidden_units=16, learning_rate=1e-2, epochs=2)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run()
        assert {threads for _, _, threads in Counted.seen} == {1}
        alone, beside = run(model, n_jobs=1), run(model, n_jobs=2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    pd.testing.assert_frame_equal(alone, beside, check_exact=True)


def test_second_run_computes_nothing(run, tmp_path):
    memory = Cache(tmp_path)
    first = run(memory=memory)
    assert Counted.fits == 9
    again = run(memory=memory)
    assert Counted.fits == 9
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    pd.testing.assert_frame_equal(first, run(), check_exact=True)


def test_broken_run_goes_on(run, tmp_path):
    memory = Cache(tmp_path)
    Counted.breaks_at = 7
    with pytest.raises(KeyboardInterrupt):
        run(memory=memory)
    Counted.breaks_at = None
    resumed = run(memory=memory)
    assert Counted.fits == 9
    pd.testing.assert_frame_equal(resumed, run(), check_exact=True)


@pytest.mark.parametrize(
    "change",
    [
        {"split": Split(CLASSES, "dialogue", 3, 1)},
        {"split": Split(CLASSES, "dialogue", 4, 0)},
        {"estimator": Counted(C=0.1)},
    ],
)
def test_other_input_or_code_is_not_taken_for_the_same(run, tmp_path, monkeypatch, change):
    memory = Cache(tmp_path)
    run(memory=memory)
    before = Counted.fits
    run(memory=memory, **change)
    own = 3 * change.get("split", BY_DIALOGUE).folds
    assert Counted.fits - before == own
    for place in ((crossval, "_VERSIONS", ("edited",)), (crossval.compute, "best_device", lambda: "cuda")):
        monkeypatch.setattr(*place)  # what was learned on another kind of device is another result, too
        run(memory=memory, **change)
        own += 3 * change.get("split", BY_DIALOGUE).folds
        assert Counted.fits - before == own


def test_an_event_set_that_is_none_is_an_error(run):
    with pytest.raises(ValueError, match="unknown event set 'movng'; known are fixed, moving"):
        run(event_sets=["movng"])


def test_rows_that_do_not_belong_together_are_an_error(windows, embed):
    with pytest.raises(ValueError, match="windows but"):
        sweep(Counted(), windows, embed(windows)[1:], AT_RANDOM)


def test_the_table_is_in_the_order_of_the_fits(make_windows, embed):
    """Fits of unequal length come back in no order."""
    windows = make_windows()
    long, *others = crossval.fold_fits(windows, np.arange(len(windows)), AT_RANDOM)
    fits = [long, *(crossval.Fit(fit.train[:20], fit.test, fit.seed, fit.marks) for fit in others)]
    network = FCDNNClassifier(hidden_layers=1, hidden_units=8, epochs=2, device="cpu")
    alone, beside = (
        crossval.predictions(
            fits, network, windows, embed(windows), classes=CLASSES, computing=Computing(n_jobs, None, False)
        )
        for n_jobs in (1, 2)
    )
    assert beside["fold"].drop_duplicates().to_list() == [fit.marks["fold"] for fit in fits]
    pd.testing.assert_frame_equal(beside, alone, check_exact=True)


def test_a_cluster_predicts_the_same(run, tmp_path, monkeypatch):
    network = FCDNNClassifier(hidden_layers=1, hidden_units=8, epochs=2, device="cpu")
    expected = run(network)
    with (
        dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}),
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(tmp_path / "dask"),
            silence_logs=60,
        ) as cluster,
    ):  # fmt: skip
        monkeypatch.setenv("EMOCAST_EXECUTOR", "dask")
        monkeypatch.setenv("EMOCAST_SCHEDULER", cluster.scheduler_address)
        memory = Cache(tmp_path / "kept")
        pd.testing.assert_frame_equal(run(network, memory=memory), expected, check_exact=True)
    assert len(list(memory.folder.rglob("*.pkl"))) == 9


def test_scores_by_hand():
    table = pd.DataFrame(
        {
            "event_set": "fixed",
            "shift_s": 2.0,
            "seed": 0,
            "fold": [0, 0, 0, 0, 1, 1],
            "dialogue": list("aabbcc"),
            "emotion": ["neutral", "neutral", "neutral", "sadness", "sadness", "neutral"],
            "predicted": ["neutral", "neutral", "sadness", "sadness", "neutral", "neutral"],
        }
    )
    point = scores(table, Resampling()).iloc[0]
    assert (point["event_set"], point["shift_s"], point["n"]) == ("fixed", 2.0, 6)
    assert point["cv_mean"] == pytest.approx((75 + 50) / 2)
    assert point["cv_std"] == pytest.approx(12.5)
    assert point["accuracy"] == pytest.approx(100 * 4 / 6)
    assert point["uar"] == pytest.approx(100 * (3 / 4 + 1 / 2) / 2)
    columns = (table[name] for name in ("emotion", "predicted", "dialogue"))
    expected = metrics.bootstrap_interval(*columns, random_state=0)
    assert (point["accuracy_low"], point["accuracy_high"]) == pytest.approx([100 * end for end in expected])
    assert np.isnan(point["seed_sd"]), "one training has no spread"
    better = table.assign(seed=1, predicted=table["emotion"])
    both = scores(pd.concat([table, better]), Resampling()).iloc[0]
    assert both["n"] == 6, "events, not rows"
    assert both["accuracy"] == pytest.approx(100 * 10 / 12)
    assert both["seed_sd"] == pytest.approx(np.std([400 / 6, 100], ddof=1))
    assert both["cv_std"] == pytest.approx((12.5 + 0) / 2), "of folds, within each seed"


def test_each_repeat_is_the_split_of_its_seed(windows):
    several = Split(CLASSES, "random", 3, 4, repeats=3)
    fits = crossval.plan(windows, several)
    assert list(dict.fromkeys(fit.marks["seed"] for fit in fits)) == [4, 5, 6]
    for seed in several.seeds:
        alone = crossval.plan(windows, Split(CLASSES, "random", 3, seed))
        own = [fit for fit in fits if fit.marks["seed"] == seed]
        assert len(own) == len(alone)
        for one, other in zip(own, alone, strict=True):
            assert one.seed == other.seed and np.array_equal(one.train, other.train)
            assert np.array_equal(one.test, other.test)
    assert len({fit.test.tobytes() for fit in fits if fit.marks["shift_s"] == SHIFTS[0]}) == 9, "other folds each time"


@pytest.mark.parametrize("protocol", ["random", "purged", "dialogue", "session"])
def test_training_parts_are_balanced_and_nothing_is_tested_less(windows, protocol):
    plain = crossval.plan(windows, Split(CLASSES, protocol, 3, 0))
    even = crossval.plan(windows, Split(CLASSES, protocol, 3, 0, balanced=True))
    emotion, cut = windows["emotion"].to_numpy(), 0
    for one, other in zip(plain, even, strict=True):
        assert np.array_equal(one.test, other.test) and set(other.train) <= set(one.train)
        counts = pd.Series(emotion[other.train]).value_counts()
        assert set(counts) == {counts.iloc[0]} and counts.iloc[0] == pd.Series(emotion[one.train]).value_counts().min()
        cut += len(one.train) - len(other.train)
    assert cut > 0
