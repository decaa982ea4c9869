import subprocess
import sys
import time
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from emocast import metrics

LABELS = ["neutral", "excitement", "sadness", "anger"]


@pytest.fixture
def guesses():
    """Predictions that are right half of the time; anger is predicted but never true."""
    generator = np.random.default_rng(1)
    true = generator.choice(LABELS[:3], size=400, p=[0.6, 0.3, 0.1])
    return true, np.where(generator.random(400) < 0.5, true, generator.choice(LABELS, size=400))


def test_identical_input_scores_one():
    true = np.array(["sadness", "neutral", "neutral", "anger"])
    assert metrics.evaluate(true, true, labels=LABELS) == {"accuracy": 1, "uar": 1, "f1_macro": 1, "n": 4}
    table = metrics.per_class(true, true, labels=["sadness", "neutral", "anger"])
    assert (table[["precision", "recall", "f1"]] == 1).all(axis=None)
    assert metrics.bootstrap_interval(true, true, [1, 2, 3, 4], random_state=0) == (1, 1)


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


@pytest.mark.parametrize("options", [{"metric": "kappa"}, {"level": 95}, {"draws": 0}])
def test_faulty_bootstrap_options_are_named(guesses, options):
    with pytest.raises(ValueError, match=str(next(iter(options)))):
        metrics.bootstrap_interval(*guesses, np.arange(400), random_state=0, **options)


def test_one_group_has_no_interval(guesses):
    with pytest.warns(UserWarning, match="no interval"):
        interval = metrics.bootstrap_interval(*guesses, ["one"] * 400, random_state=0)
    assert np.isnan(interval).all()


def test_counted_bootstrap_is_the_bootstrap_over_rows(guesses):
    """The shortcut by counts has to agree with drawing the rows themselves, up to the chance of the draws."""
    groups = np.random.default_rng(2).integers(40, size=400)
    for name, function in {"accuracy": accuracy_score, "uar": _uar_by_rows}.items():
        counted = metrics.bootstrap_interval(*guesses, groups, metric=name, draws=4000, random_state=3)
        by_rows = metrics.bootstrap_interval(*guesses, groups, metric=function, draws=2000, random_state=4)
        assert counted == pytest.approx(by_rows, abs=0.01)


def _uar_by_rows(true, predicted):
    return np.mean([(predicted[true == name] == name).mean() for name in np.unique(true)])


def test_whole_groups_are_drawn():
    """Two dialogues, one all right and one all wrong: a draw of whole groups scores 0, 1/2 or 1, and no draw else."""
    true = np.array(["neutral"] * 100)
    predicted = np.repeat(["neutral", "sadness"], 50)
    assert metrics.bootstrap_interval(true, predicted, np.repeat([0, 1], 50), random_state=0) == (0, 1)
    low, high = metrics.bootstrap_interval(true, predicted, np.arange(100), random_state=0)
    assert 0.35 < low < 0.45 < 0.55 < high < 0.65


def test_seed_fixes_the_interval(guesses):
    groups = np.arange(400) // 10
    first, again, other = (metrics.bootstrap_interval(*guesses, groups, random_state=seed) for seed in (5, 5, 6))
    assert first == again != other


def test_intervals_cover_the_truth():
    """Of 200 simulated studies with correlated dialogues, about 95 % of the intervals hold the true accuracy."""
    generator = np.random.default_rng(7)
    covered = ignorant = 0
    for _ in range(200):
        # The accuracy of a dialogue is itself random, with mean 0.7: correct answers are correlated within dialogues.
        of_dialogue = generator.beta(3.5, 1.5, size=60)
        groups = np.repeat(np.arange(60), generator.integers(5, 25, size=60))
        hit = generator.random(len(groups)) < of_dialogue[groups]
        true, predicted = np.full(len(groups), "neutral"), np.where(hit, "neutral", "sadness")
        covered += _holds(metrics.bootstrap_interval(true, predicted, groups, random_state=generator), 0.7)
        rows = np.arange(len(groups))
        ignorant += _holds(metrics.bootstrap_interval(true, predicted, rows, draws=200, random_state=generator), 0.7)
    assert 0.88 <= covered / 200 <= 0.99
    assert ignorant / 200 < 0.85  # what drawing single rows would claim: the simulation does tell the two apart


def _holds(interval, truth):
    return interval[0] <= truth <= interval[1]


def test_a_thousand_draws_take_milliseconds():
    generator = np.random.default_rng(8)
    true, predicted = generator.choice(LABELS, size=(2, 3000))
    groups = generator.integers(150, size=3000)
    started = time.process_time()
    metrics.bootstrap_interval(true, predicted, groups, metric="uar", random_state=0)
    assert time.process_time() - started < 0.25


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
