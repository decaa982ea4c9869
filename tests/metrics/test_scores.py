import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from emocast import metrics
from emocast.windows import undersampled_positions

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


FOUR = ["neutral", "happiness", "sadness", "anger"]


@pytest.fixture
def recognised():
    """A corpus of 4,000 with unequal classes and a model that leans to neutral."""
    generator = np.random.default_rng(4)
    true = generator.choice(FOUR, size=4000, p=[0.5, 0.1, 0.15, 0.25])
    guess = generator.choice(FOUR, size=4000, p=[0.55, 0.05, 0.05, 0.35])
    return true, np.where(generator.random(4000) < 0.45, true, guess)


def test_draws_are_distributed_as_drawn_rows_are(recognised):
    """Against the plain way: choose the rows with `sample`, score them with `evaluate`."""
    true, predicted = recognised
    drawn = metrics.balanced_draws(true, predicted, labels=FOUR, draws=4000, random_state=0)
    by_rows = []
    for seed in range(300):
        rows = undersampled_positions(pd.Series(true), classes=FOUR, random_state=seed)
        by_rows.append(metrics.evaluate(true[rows], predicted[rows], labels=FOUR))
    by_rows = pd.DataFrame(by_rows)
    assert (drawn["n"] == by_rows["n"].iloc[0]).all()
    for name in ("accuracy", "uar", "f1_macro"):
        spread = by_rows[name].std()
        assert drawn[name].mean() == pytest.approx(by_rows[name].mean(), abs=4 * spread / np.sqrt(300))
        assert drawn[name].std() == pytest.approx(spread, rel=0.2)


def test_summary_by_hand():
    scores = np.arange(101) / 100
    table = pd.DataFrame({"draw": range(101), "accuracy": scores, "uar": scores, "f1_macro": scores / 2, "n": 8})
    summary = metrics.summarise_draws(table, level=0.9)
    assert summary.loc["accuracy"].tolist() == pytest.approx([0.5, 0.05, 0.95])
    assert summary.loc["f1_macro"].tolist() == pytest.approx([0.25, 0.025, 0.475])
    assert summary.index.tolist() == ["accuracy", "uar", "f1_macro"]


def test_faulty_draws_are_named(recognised):
    with pytest.raises(ValueError, match=r"no row of the class 'fear'.*'neutral': "):
        metrics.balanced_draws(*recognised, labels=[*FOUR, "fear"], random_state=0)
    with pytest.raises(ValueError, match="draws is 0"):
        metrics.balanced_draws(*recognised, labels=FOUR, draws=0, random_state=0)
    with pytest.raises(ValueError, match="level is 95"):
        metrics.summarise_draws(metrics.balanced_draws(*recognised, labels=FOUR, random_state=0), level=95)


@pytest.fixture
def ratings():
    generator = np.random.default_rng(3)
    true = generator.normal(3, 0.9, size=500)
    return true, 0.5 * true + 1.2 + generator.normal(0, 0.4, size=500)


def test_formulas_of_numbers_by_hand():
    """Errors 1, 1, -1: their mean is 1/3, their variance 1 - 1/9; true varies by 2/3, predicted by 2/9."""
    scores = metrics.evaluate_regression([1, 2, 3], [2, 3, 2])
    assert scores["mse"] == pytest.approx(1)
    assert scores["max_error"] == 1
    assert scores["error_mean"] == pytest.approx(1 / 3)
    assert scores["error_std"] == pytest.approx(np.sqrt(8 / 9))
    assert scores["correlation"] == pytest.approx(0, abs=1e-12)
    # One point too high everywhere: covariance and both variances are 2/3, the means lie 1 apart.
    assert metrics.ccc([1, 2, 3], [2, 3, 4]) == pytest.approx(2 * (2 / 3) / (4 / 3 + 1))


def test_agrees_with_scipy_and_with_lins_decomposition(ratings):
    """Lin (1989) writes CCC as correlation times a bias correction out of the ratio of the spreads and the shift."""
    true, predicted = ratings
    assert metrics.evaluate_regression(true, predicted)["correlation"] == pytest.approx(
        stats.pearsonr(true, predicted).statistic
    )
    ratio = true.std() / predicted.std()
    shift = (true.mean() - predicted.mean()) / np.sqrt(true.std() * predicted.std())
    correction = 2 / (ratio + 1 / ratio + shift**2)
    assert metrics.ccc(true, predicted) == pytest.approx(stats.pearsonr(true, predicted).statistic * correction)


def test_a_constant_prediction_has_no_correlation():
    scores = metrics.evaluate_regression(np.linspace(1, 5, 7), np.full(7, 0.1))  # 0.1 has no exact mean
    assert np.isnan(scores["correlation"])
    assert scores["ccc"] == 0
    assert np.isnan(metrics.ccc([2, 2], [2, 2]))


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        ([1.0], [1.0, 2.0], "y_true has 1 rows, y_pred has 2"),
        ([1.0, np.nan], [1.0, 2.0], "y_true misses 1 of 2"),
        ([1.0, 2.0], [1.0, np.inf], "y_pred holds 1 infinite values of 2"),
        ([1.0], ["sadness"], "y_pred holds something that is no number"),
        ([], [], "nothing to score"),
    ],
)
def test_faulty_numbers_are_named(true, predicted, message):
    with pytest.raises(ValueError, match=message):
        metrics.evaluate_regression(true, predicted)


def test_an_event_shifts_where_the_emotion_is_another_than_the_last():
    last = ["neutral", "joy", "joy", None, pd.NA, np.nan]
    now = ["neutral", "sadness", "joy", "joy", "joy", "joy"]
    assert metrics.shift_events(last, now).tolist() == [False, True, False, False, False, False]


@pytest.mark.parametrize("metric", ["accuracy", "uar", "f1_macro"])
def test_persistence_scores_nothing_on_shift_events_and_everything_on_the_others(metric):
    generator = np.random.default_rng(0)
    last, now = generator.choice(["neutral", "joy", "sadness"], size=(2, 200), p=[0.6, 0.3, 0.1])
    shift = metrics.shift_events(last, now)
    assert 0 < shift.sum() < 200
    labels = ["neutral", "joy", "sadness"]
    assert metrics.evaluate(now[shift], last[shift], labels=labels)[metric] == 0
    assert metrics.evaluate(now[~shift], last[~shift], labels=labels)[metric] == 1


def test_faulty_columns_are_refused():
    with pytest.raises(ValueError, match="one value an event"):
        metrics.shift_events(["joy"], ["joy", "joy"])
    with pytest.raises(ValueError, match="1 of 2 events have no emotion"):
        metrics.shift_events(["joy", "joy"], ["joy", None])


def test_a_name_is_imported_when_it_is_asked_for():
    """A notebook that scores classes loads neither torch nor what clusters embeddings."""
    code = (
        "import sys; from emocast import metrics; metrics.confusion; "
        "loaded = {name for name in sys.modules if name.startswith('emocast.metrics.')}; "
        "sys.exit('torch' in sys.modules or loaded != {'emocast.metrics.scores'})"
    )
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'kappa'"):
        _ = metrics.kappa
