import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from emocast import metrics

LABELS = ["neutral", "joy", "sadness"]


def _events(count, power, seed):
    """Events drawn from probabilities, and the same probabilities with their logits multiplied by a power."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1.5, size=(count, 3))
    shares = softmax(logits, axis=1)
    true = (generator.random((count, 1)) > shares.cumsum(axis=1)[:, :2]).sum(axis=1)
    return softmax(power * logits, axis=1), np.array(LABELS)[true]


@pytest.mark.parametrize("power", [0.5, 1.0, 3.0])
def test_the_temperature_is_found(power):
    scaling = metrics.TemperatureScaling(LABELS).fit(*_events(20_000, power, seed=0))
    assert scaling.temperature_ == pytest.approx(power, rel=0.04)


def test_no_other_temperature_has_a_lower_loss():
    shares, true = _events(200, 2.0, seed=1)
    scaling = metrics.TemperatureScaling(LABELS).fit(shares, true)
    best = metrics.log_loss(true, scaling.transform(shares), labels=LABELS)
    for temperature in np.geomspace(0.02, 50, 300):
        other = softmax(np.log(shares) / temperature, axis=1)
        assert metrics.log_loss(true, other, labels=LABELS) >= best - 1e-9


def test_new_events_are_calibrated_and_no_forecast_changes():
    """Fitted on validation events, scored on others."""
    scaling = metrics.TemperatureScaling(LABELS).fit(*_events(2000, 3.0, seed=2))
    shares, true = _events(2000, 3.0, seed=3)
    scaled = scaling.transform(shares)
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    np.testing.assert_array_equal(scaled.argmax(axis=1), shares.argmax(axis=1))
    before, after = (metrics.calibration_error(true, values, labels=LABELS) for values in (shares, scaled))
    assert before > 0.15 and after < 0.05
    assert metrics.brier_score(true, scaled, labels=LABELS) < metrics.brier_score(true, shares, labels=LABELS)


def test_there_is_no_way_to_fit_and_transform_at_once():
    assert not hasattr(metrics.TemperatureScaling(LABELS), "fit_transform")


def test_it_is_a_scikit_learn_estimator():
    scaling = metrics.TemperatureScaling(LABELS)
    assert clone(scaling).get_params() == {"labels": LABELS}
    with pytest.raises(NotFittedError):
        scaling.transform([[1, 0, 0]])


def test_a_probability_of_zero_is_borne():
    """One sure miss in a thousand: the temperature rises, but stays a number; single precision makes such zeros."""
    shares, true = _events(1000, 1.0, seed=4)
    shares[0], true[0] = [1, 0, 0], "joy"
    scaling = metrics.TemperatureScaling(LABELS).fit(shares, true)
    assert 1 < scaling.temperature_ < 2
    assert np.isfinite(scaling.transform(shares)).all()


def test_a_temperature_at_its_bound_is_warned_of():
    shares = np.tile([0.5, 0.3, 0.2], (6, 1))
    with pytest.warns(UserWarning, match="no event is missed"):
        metrics.TemperatureScaling(LABELS).fit(shares, ["neutral"] * 6)
    with pytest.warns(UserWarning, match="tell nothing"):
        metrics.TemperatureScaling(LABELS).fit(shares, LABELS * 2)
