import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from emocast import metrics

LABELS = ["neutral", "excitement", "sadness", "anger"]


def test_identical_input_scores_one():
    true = np.array(["sadness", "neutral", "neutral", "anger"])
    assert metrics.evaluate(true, true, labels=LABELS) == {"accuracy": 1, "uar": 1, "f1_macro": 1, "n": 4}
    table = metrics.per_class(true, true, labels=["sadness", "neutral", "anger"])
    assert (table[["precision", "recall", "f1"]] == 1).all(axis=None)


def test_formulas_by_hand():
    true = ["neutral"] * 3 + ["sadness"] * 2
    predicted = ["neutral", "neutral", "sadness", "sadness", "anger"]
    table = metrics.per_class(true, predicted, labels=LABELS)
    assert table.loc["neutral"].tolist() == pytest.approx([1, 2 / 3, 4 / 5, 3])
    assert table.loc["sadness"].tolist() == pytest.approx([1 / 2, 1 / 2, 1 / 2, 2])
    assert table.loc["anger"].tolist() == pytest.approx([0, np.nan, 0, 0], nan_ok=True)
    assert table.loc["excitement", ["precision", "recall", "f1"]].isna().all()
    scores = metrics.evaluate(true, predicted, labels=LABELS)
    assert scores["accuracy"] == pytest.approx(3 / 5)
    assert scores["uar"] == pytest.approx((2 / 3 + 1 / 2) / 2)  # anger is never true: it has no recall
    assert scores["f1_macro"] == pytest.approx((4 / 5 + 1 / 2 + 0) / 3)  # but its false alarms count here


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_agrees_with_scikit_learn(guesses):
    scores = metrics.evaluate(*guesses, labels=LABELS)
    assert scores["accuracy"] == pytest.approx(accuracy_score(*guesses))
    assert scores["uar"] == pytest.approx(balanced_accuracy_score(*guesses))
    assert scores["f1_macro"] == pytest.approx(f1_score(*guesses, average="macro"))


def test_confusion_has_true_classes_in_its_rows():
    counts = metrics.confusion(["sadness", "sadness", "neutral"], ["neutral", "sadness", "neutral"], labels=LABELS)
    assert counts.loc["sadness", "neutral"] == 1
    assert counts.loc["neutral", "sadness"] == 0
    assert counts.to_numpy().sum() == 3


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        (["neutral"], ["neutral", "sadness"], "y_true has 1 rows, y_pred has 2"),
        ([], [], "nothing to score"),
        (["neutral"], ["joy"], "y_pred holds 'joy'"),
        (["neutral", None], ["neutral", "neutral"], "y_true misses 1 of 2"),
        ([["neutral"]], ["neutral"], "shape"),
    ],
)
def test_faulty_input_is_named(true, predicted, message):
    with pytest.raises(ValueError, match=message):
        metrics.evaluate(true, predicted, labels=LABELS)


def test_shares_by_hand():
    """Three of five are neutral and two are predicted so; sadness is never predicted, anger never true."""
    true = ["neutral"] * 3 + ["sadness"] * 2
    shares = metrics.class_shares(true, ["neutral", "anger", "anger", "neutral", "anger"], labels=LABELS)
    assert shares.loc["neutral"].tolist() == pytest.approx([0.6, 0.4, -0.2])
    assert shares.loc["sadness"].tolist() == pytest.approx([0.4, 0.0, -0.4])
    assert shares.loc["anger"].tolist() == pytest.approx([0.0, 0.6, 0.6])
    assert shares.loc["excitement"].tolist() == [0, 0, 0]


def test_shares_count_as_pandas_counts(guesses):
    shares = metrics.class_shares(*guesses, labels=LABELS)
    for side, column in zip(guesses, ("true_share", "predicted_share"), strict=True):
        counted = pd.Series(side).value_counts(normalize=True).reindex(LABELS, fill_value=0)
        np.testing.assert_allclose(shares[column], counted)
    assert shares["difference"].sum() == pytest.approx(0)


def test_tables_may_be_series(guesses):
    true, predicted = (pd.Series(side, index=np.arange(400)[::-1]) for side in guesses)
    assert metrics.evaluate(true, predicted, labels=LABELS) == metrics.evaluate(*guesses, labels=LABELS)


def test_no_warning_for_an_absent_class(guesses):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics.per_class(*guesses, labels=LABELS)


def test_needs_no_torch():
    """Lower rooms know nothing of higher ones; importing torch would also cost every reader of a table a second."""
    code = "import sys, emocast.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0
