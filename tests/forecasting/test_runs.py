"""The same predictions wherever the fits are computed: one by one, in stacks, on a Dask cluster."""

import dask
import numpy as np
import pandas as pd
import pytest
from distributed import LocalCluster

from emocast.cache import Cache
from emocast.forecasting import runs, stacked
from emocast.forecasting.fcdnn import FCDNNClassifier

CLASSES = ["excitement", "neutral", "sadness"]
NETWORK = FCDNNClassifier(hidden_layers=1, hidden_units=8, epochs=2, learning_rate=1e-5, device="cpu")


@pytest.fixture
def predict(make_windows, embed):
    windows = make_windows()
    fits = list(runs.plan(windows, np.arange(len(windows)), protocol="random", n_splits=3, random_state=0))

    def predict(fits=fits, **options):
        options = {"classes": CLASSES, "n_jobs": 1, "memory": None, "progress": False, **options}
        return runs.predictions(fits, NETWORK, windows, embed(windows), **options)

    predict.fits = fits
    return predict


def test_stacks_predict_what_processes_predict(predict, monkeypatch):
    expected = predict()
    monkeypatch.setattr(stacked, "suits", lambda estimator: True)
    monkeypatch.setattr(runs, "_fit_predict", None)  # it is not asked
    found = predict()
    shares = [f"p_{name}" for name in CLASSES]
    np.testing.assert_allclose(found[shares], expected[shares], atol=1e-5)
    pd.testing.assert_frame_equal(
        found.drop(columns=[*shares, "predicted"]), expected.drop(columns=[*shares, "predicted"])
    )
    assert (found["predicted"] == expected["predicted"]).mean() > 0.99  # a tie may fall to the other side


def test_stacks_are_kept(predict, monkeypatch, tmp_path):
    monkeypatch.setattr(stacked, "suits", lambda estimator: True)
    monkeypatch.setattr(stacked, "MOST", 2)
    first = predict(memory=Cache(tmp_path))
    assert len(list(tmp_path.rglob("*.pkl"))) == 2  # three fits, two to a stack
    monkeypatch.setattr(stacked, "fit", None)
    pd.testing.assert_frame_equal(predict(memory=Cache(tmp_path)), first, check_exact=True)


def test_the_table_is_in_the_order_of_the_fits(predict):
    """Fits of unequal length come back in no order."""
    long, *others = predict.fits
    brief = [runs.Fit(fit.train[:20], fit.test, fit.seed, fit.marks) for fit in others]
    table = predict([long, *brief], n_jobs=2)
    assert table["fold"].drop_duplicates().to_list() == [fit.marks["fold"] for fit in predict.fits]
    pd.testing.assert_frame_equal(table, predict([long, *brief]), check_exact=True)


def test_a_cluster_predicts_the_same(predict, tmp_path, monkeypatch):
    expected = predict()
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
        pd.testing.assert_frame_equal(predict(memory=memory), expected, check_exact=True)
    assert len(list(memory.folder.rglob("*.pkl"))) == len(predict.fits)
