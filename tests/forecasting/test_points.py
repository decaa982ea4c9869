import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from emocast import metrics
from emocast.forecasting.evaluate import cross_validate, sweep
from emocast.forecasting.points import compare, recalls, summary

CLASSES = ["excitement", "sadness", "neutral"]
SHIFTS = (0.0, 10.0, 20.0)


def test_summary_by_hand():
    table = pd.DataFrame(
        {
            "event_set": "fixed",
            "shift_s": 2.0,
            "fold": [0, 0, 0, 0, 1, 1],
            "dialogue": list("aabbcc"),
            "emotion": ["neutral", "neutral", "neutral", "sadness", "sadness", "neutral"],
            "predicted": ["neutral", "neutral", "sadness", "sadness", "neutral", "neutral"],
        }
    )
    point = summary(table, random_state=0).iloc[0]
    assert (point["event_set"], point["shift_s"], point["n"]) == ("fixed", 2.0, 6)
    assert point["cv_mean"] == pytest.approx((75 + 50) / 2)
    assert point["cv_std"] == pytest.approx(12.5)
    assert point["accuracy"] == pytest.approx(100 * 4 / 6)
    assert point["uar"] == pytest.approx(100 * (3 / 4 + 1 / 2) / 2)
    columns = (table[name] for name in ("emotion", "predicted", "dialogue"))
    expected = metrics.bootstrap_interval(*columns, method="expanded", random_state=0)
    assert (point["accuracy_low"], point["accuracy_high"]) == pytest.approx([100 * end for end in expected])


def test_summary_of_a_sweep(make_windows, embed):
    windows = make_windows(n_dialogues=18, shifts=SHIFTS)
    options = {"classes": CLASSES, "protocol": "dialogue", "n_splits": 3, "random_state": 0, "progress": False}
    table = sweep(LogisticRegression(), windows, embed(windows), **options)
    points = summary(table, random_state=0)
    assert list(zip(points["event_set"], points["shift_s"], strict=True)) == [
        (name, shift) for name in ("fixed", "moving") for shift in SHIFTS
    ]
    assert points["accuracy"].between(points["accuracy_low"], points["accuracy_high"]).all()
    assert (points["accuracy"] > 50).all()


def test_summary_of_one_cross_validation(make_windows, embed):
    windows = make_windows()
    table = cross_validate(LogisticRegression(), embed(windows), windows, protocol="random", random_state=0)
    points = summary(table, by=(), random_state=0)
    assert points.shape == (1, 7)
    assert points["n"].item() == len(windows)


def test_recalls_by_hand():
    """Two emotions at one shift in two dialogues: 3 of 4 and 1 of 2 are found."""
    predictions = pd.DataFrame(
        {
            "shift_s": 0.0,
            "fold": 0,
            "dialogue": ["a", "a", "b", "b", "a", "b"],
            "emotion": ["sadness"] * 4 + ["neutral"] * 2,
            "predicted": ["sadness", "sadness", "sadness", "neutral", "neutral", "sadness"],
        }
    )
    table = recalls(predictions, draws=20, random_state=0)
    assert table["emotion"].to_list() == ["neutral", "sadness"]
    assert table["n"].to_list() == [2, 4]
    assert table["recall"].to_list() == [50.0, 75.0]
    assert (table["recall_low"] <= table["recall"]).all()
    assert (table["recall"] <= table["recall_high"]).all()


def test_two_sweeps_are_compared_event_by_event():
    utterances, dialogues = [f"u{number}" for number in range(40)], np.repeat([f"d{n}" for n in range(8)], 5)
    true = np.where(np.arange(40) % 2, "neutral", "sadness")
    wrong = np.where(true == "neutral", "sadness", "neutral")
    table = pd.DataFrame({"shift_s": 2.0, "utterance": utterances, "dialogue": dialogues, "emotion": true})
    first = table.assign(predicted=np.where(np.arange(40) < 20, true, wrong))
    second = table.assign(predicted=true).iloc[::-1]  # in another order, and with a shift that the first lacks
    second = pd.concat([second, second.assign(shift_s=4.0)])
    found = compare(first, second, random_state=0).iloc[0]
    assert list(found[["shift_s", "n", "first", "second", "difference"]]) == [2.0, 40, 50.0, 100.0, 50.0]
    assert 0 <= found["low"] < 50 < found["high"] <= 100
    assert len(compare(first, second, random_state=0)) == 1
    assert compare(first, first, random_state=0)[["difference", "low", "high"]].eq(0).all(axis=None)
