import numpy as np
import pandas as pd
import pytest
from scipy import stats

from emocast import metrics, published


@pytest.fixture
def ratings():
    generator = np.random.default_rng(3)
    true = generator.normal(3, 0.9, size=500)
    return true, 0.5 * true + 1.2 + generator.normal(0, 0.4, size=500)


def test_identical_input_has_no_error():
    scores = metrics.evaluate_regression([1, 2, 4.5], [1, 2, 4.5])
    perfect = {"mse": 0, "max_error": 0, "error_mean": 0, "error_std": 0, "correlation": 1, "ccc": 1, "n": 3}
    assert scores == pytest.approx(perfect)


def test_formulas_by_hand():
    """Errors 1, 1, -1: their mean is 1/3, their variance 1 - 1/9; true varies by 2/3, predicted by 2/9."""
    scores = metrics.evaluate_regression([1, 2, 3], [2, 3, 2])
    assert scores["mse"] == pytest.approx(1)
    assert scores["max_error"] == 1
    assert scores["error_mean"] == pytest.approx(1 / 3)
    assert scores["error_std"] == pytest.approx(np.sqrt(8 / 9))
    assert scores["correlation"] == pytest.approx(0, abs=1e-12)
    # One point too high everywhere: covariance and both variances are 2/3, the means lie 1 apart.
    assert metrics.ccc([1, 2, 3], [2, 3, 4]) == pytest.approx(2 * (2 / 3) / (4 / 3 + 1))
    assert metrics.correlation([1, 2, 3], [2, 3, 4]) == pytest.approx(1)


def test_the_largest_error_may_be_downwards():
    assert metrics.evaluate_regression([4, 2], [1, 3])["max_error"] == 3


def test_agrees_with_scipy_and_with_lins_decomposition(ratings):
    """Lin (1989) writes CCC as correlation times a bias correction out of the ratio of the spreads and the shift."""
    true, predicted = ratings
    assert metrics.correlation(true, predicted) == pytest.approx(stats.pearsonr(true, predicted).statistic)
    ratio = true.std() / predicted.std()
    shift = (true.mean() - predicted.mean()) / np.sqrt(true.std() * predicted.std())
    correction = 2 / (ratio + 1 / ratio + shift**2)
    assert metrics.ccc(true, predicted) == pytest.approx(stats.pearsonr(true, predicted).statistic * correction)


@pytest.mark.parametrize("experiment", ["ser-regression", "ser-multiobjective"])
@pytest.mark.parametrize("dimension", ["valence", "arousal"])
def test_the_thesis_divides_by_n_too(experiment, dimension):
    """MSE = mean² + deviation² holds for its printed figures within their last digit."""
    rows = published.select(experiment)
    printed = rows[rows["class"] == dimension].set_index("metric")["value"]
    slack = 0.00005 + 2 * 0.00005 * (abs(printed["error_mean"]) + printed["error_std"])
    assert printed["mse"] == pytest.approx(printed["error_mean"] ** 2 + printed["error_std"] ** 2, abs=slack)


def test_our_deviation_keeps_the_same_identity(ratings):
    scores = metrics.evaluate_regression(*ratings)
    assert scores["mse"] == pytest.approx(scores["error_mean"] ** 2 + scores["error_std"] ** 2)


def test_a_constant_prediction_has_no_correlation():
    scores = metrics.evaluate_regression(np.linspace(1, 5, 7), np.full(7, 0.1))  # 0.1 has no exact mean
    assert np.isnan(scores["correlation"])
    assert scores["ccc"] == 0
    assert np.isnan(metrics.ccc([2, 2], [2, 2]))


def test_tables_of_pandas_own_numbers(ratings):
    true, predicted = (pd.Series(side).astype("Float64") for side in ratings)
    assert metrics.evaluate_regression(true, predicted) == metrics.evaluate_regression(*ratings)


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
def test_faulty_input_is_named(true, predicted, message):
    with pytest.raises(ValueError, match=message):
        metrics.evaluate_regression(true, predicted)
