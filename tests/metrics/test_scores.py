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


FOUR = ["neutral", "happiness", "sadness", "anger"]


@pytest.fixture
def recognised():
    """A corpus of 4,000 with unequal classes and a model that leans to neutral."""
    generator = np.random.default_rng(4)
    true = generator.choice(FOUR, size=4000, p=[0.5, 0.1, 0.15, 0.25])
    guess = generator.choice(FOUR, size=4000, p=[0.55, 0.05, 0.05, 0.35])
    return true, np.where(generator.random(4000) < 0.45, true, guess)


def test_draws_are_distributed_as_drawn_rows_are(recognised):
    """Against the plain way: choose the rows with `undersampled_positions`, score them with `evaluate`."""
    true, predicted = recognised
    drawing = {"labels": FOUR, "draws": 4000, "random_state": 0}
    drawn = metrics.balanced_draws(true, predicted, level=0.8, **drawing)
    assert drawn.index.tolist() == ["accuracy", "uar", "f1_macro"]
    by_rows = []
    for seed in range(300):
        rows = undersampled_positions(pd.Series(true), classes=FOUR, random_state=seed)
        by_rows.append(metrics.evaluate(true[rows], predicted[rows], labels=FOUR))
    by_rows = pd.DataFrame(by_rows)[drawn.index]
    spread = by_rows.std()
    assert ((drawn["mean"] - by_rows.mean()).abs() < 4 * spread / np.sqrt(300)).all()
    ends = by_rows.quantile([0.1, 0.9]).T.to_numpy()
    assert (np.abs(drawn[["low", "high"]].to_numpy() - ends) < 0.4 * spread.to_numpy()[:, None]).all()
    with pytest.raises(ValueError, match=r"no row of the class 'fear'.*'neutral': "):
        metrics.balanced_draws(*recognised, level=0.95, **{**drawing, "labels": [*FOUR, "fear"]})


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
        ([1.0, 2.0], [1.0, np.inf], "y_pred holds infinite values"),
        ([1.0], ["sadness"], "could not convert string to float: 'sadness'"),
    ],
)
def test_faulty_numbers_are_named(true, predicted, message):
    with pytest.raises(ValueError, match=message):
        metrics.evaluate_regression(true, predicted)


def test_an_event_shifts_where_the_emotion_is_another_than_the_last():
    last = ["neutral", "joy", "joy", None, pd.NA, np.nan]
    now = ["neutral", "sadness", "joy", "joy", "joy", "joy"]
    assert metrics.shift_events(last, now).tolist() == [False, True, False, False, False, False]

    with pytest.raises(ValueError, match="Lengths must match"):
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
