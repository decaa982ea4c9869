import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics as sklearn_metrics
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from emocast import metrics

LABELS = ["neutral", "joy"]
THREE = ["anger", "joy", "sadness"]  # in the order of the alphabet, as scikit-learn wants it
JOYS = ["neutral", "joy", "sadness"]


def _forecasts(confidences, hits):
    """Forecasts of joy with these confidences (above 1/2), of which these come true."""
    shares = np.column_stack([1 - np.asarray(confidences), confidences])
    return np.where(hits, "joy", "neutral"), shares


@pytest.fixture
def clustered():
    """40 dialogues of 15 events, two classes; a power of 2 makes calibrated probabilities too sure."""
    generator = np.random.default_rng(3)
    chance = generator.uniform(0.5, 1, size=40)[np.arange(600) // 15]
    true, shares = _forecasts(chance, generator.random(600) < chance)
    sure = shares**2 / (shares**2).sum(axis=1, keepdims=True)
    return true, shares, sure, np.arange(600) // 15


def test_error_by_hand():
    """Four events at 0.95 with 3 hits, gap 0.2; six at 0.65 with 5 hits, gap 0.1833: (4 x 0.2 + 6 x 0.1833) / 10 = 0.19."""
    forecasts = _forecasts([0.95] * 4 + [0.65] * 6, [1, 1, 1, 0] + [1] * 5 + [0])
    assert metrics.calibration_error(*forecasts, labels=LABELS) == pytest.approx(0.19)


def test_a_bound_belongs_to_the_bin_below_it():
    """0.8 and 0.75 share a bin of width 0.1, 0.8 and 0.85 do not: opposite gaps cancel only within a bin."""
    together = _forecasts([0.8, 0.75], [1, 0])
    apart = _forecasts([0.8, 0.85], [1, 0])
    assert metrics.calibration_error(*together, labels=LABELS) == pytest.approx(0.55 / 2)
    assert metrics.calibration_error(*apart, labels=LABELS) == pytest.approx((0.2 + 0.85) / 2)


def test_interval_mirrors_the_draws_of_whole_dialogues(clustered):
    """Against the general bootstrap of the same score: twice the estimate minus its ends."""
    true, _, sure, dialogue = clustered

    def error(true, rows):
        return metrics.calibration_error(true, sure[rows], labels=LABELS)

    options = {"labels": LABELS}
    found = metrics.calibration_interval(true, sure, dialogue, draws=4000, random_state=0, **options)
    low, high = metrics.bootstrap_interval(true, np.arange(600), dialogue, metric=error, draws=1500, random_state=1)
    twice = 2 * error(true, np.arange(600))
    assert found == pytest.approx((twice - high, twice - low), abs=0.006)
    assert found[0] > 0.01
    assert min(low - found[0], high - found[1]) > 0.005  # the draws lie higher: each has its own chance


def test_interval_of_a_calibrated_model_begins_at_nothing(clustered):
    true, shares, sure, dialogue = clustered
    options = {"labels": LABELS, "random_state": 0}
    assert metrics.calibration_error(true, shares, labels=LABELS) > 0.01
    assert metrics.calibration_interval(true, shares, dialogue, **options)[0] == 0
    assert metrics.calibration_interval(true, sure, dialogue, **options)[0] > 0


@pytest.fixture
def events():
    """300 events in 20 dialogues of unlike difficulty, with probabilities that are right more often than not."""
    generator = np.random.default_rng(0)
    true = generator.integers(3, size=300)
    logits = generator.normal(size=(300, 3)) + 2 * np.eye(3)[true] * generator.random(20)[np.arange(300) // 15, None]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.array(THREE)[true], shares


def test_brier_scores_agree_with_scikit_learn(events):
    true, shares = events
    reference = sklearn_metrics.brier_score_loss(true, shares, labels=THREE, scale_by_half=False)
    assert metrics.brier_losses(true, shares, labels=THREE).mean() == pytest.approx(reference)


@pytest.mark.parametrize(
    ("row", "message"),
    [([0.5, 0.4, 0.2], "add up to 1"), ([1.2, -0.2, 0], "add up to 1"), ([np.nan] * 3, "row 1"), ([0.5, 0.5], "shape")],
)
def test_what_are_no_probabilities_is_refused(row, message):
    shares = np.full((2, len(row)), 1 / len(row))
    shares[1] = row
    with pytest.raises(ValueError, match=message):
        metrics.brier_losses(["joy", "joy"], shares, labels=THREE).mean()


def test_interval_of_a_loss_is_the_bootstrap_of_its_mean(events):
    """The shortcut by sums has to agree with calling the mean on the rows of each draw."""
    losses = metrics.brier_losses(*events, labels=THREE)
    sizes = [2, 4, 6, 8, 10, 15, 25, 30, 40, 45, 55, 60]  # a draw's events are not always 300
    dialogue, options = np.repeat(np.arange(12), sizes), {"metric": lambda _, drawn: drawn.mean(), "random_state": 1}
    found = metrics.loss_interval(losses, dialogue, draws=4000, random_state=0)
    called = metrics.bootstrap_interval(losses, losses, dialogue, draws=4000, **options)
    assert found == pytest.approx(called, abs=0.01)
    assert found[0] < losses.mean() < found[1]


@pytest.fixture
def binned():
    """600 events of 40 dialogues; how often an event comes true is its dialogue's, whatever the model says."""
    generator = np.random.default_rng(1)
    dialogue = np.arange(600) // 15
    true = np.where(generator.random(600) < generator.beta(1, 1, size=40)[dialogue], "joy", "sadness")
    confidence = generator.choice([0.45, 0.65, 0.85], size=600)
    return true, np.column_stack([(1 - confidence) / 2, confidence, (1 - confidence) / 2]), dialogue


def test_table_counts_each_bin(binned):
    true, shares, dialogue = binned
    table = metrics.reliability_table(true, shares, labels=JOYS, groups=dialogue, random_state=0)
    assert table["bin"].tolist() == [4, 6, 8]
    np.testing.assert_allclose(table["confidence"], [0.45, 0.65, 0.85])
    np.testing.assert_allclose(table[["above", "up_to"]], [[0.4, 0.5], [0.6, 0.7], [0.8, 0.9]])
    for _, row in table.iterrows():
        hits = (true == "joy")[np.isclose(shares[:, 1], row["confidence"])]
        assert (row["n"], row["accuracy"]) == (len(hits), pytest.approx(hits.mean()))


def test_intervals_by_dialogue_are_those_of_the_bin_alone(binned):
    """The events of one bin, bootstrapped by themselves: a little apart, because the dialogues without any differ."""
    true, shares, dialogue = binned
    table = metrics.reliability_table(true, shares, labels=JOYS, groups=dialogue, draws=4000, random_state=0)
    chosen = np.isclose(shares[:, 1], 0.65)
    said = np.full(chosen.sum(), "joy")
    alone = metrics.bootstrap_interval(true[chosen], said, dialogue[chosen], draws=4000, random_state=1)
    assert tuple(table.loc[1, ["low", "high"]]) == pytest.approx(alone, abs=0.015)


def _events(count, power, seed):
    """Events drawn from probabilities, and the same probabilities with their logits multiplied by a power."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1.5, size=(count, 3))
    shares = softmax(logits, axis=1)
    true = (generator.random((count, 1)) > shares.cumsum(axis=1)[:, :2]).sum(axis=1)
    return softmax(power * logits, axis=1), np.array(JOYS)[true]


@pytest.mark.parametrize("power", [0.5, 1.0, 3.0])
def test_the_temperature_is_found(power):
    scaling = metrics.TemperatureScaling(JOYS).fit(*_events(20_000, power, seed=0))
    assert scaling.temperature_ == pytest.approx(power, rel=0.04)


def test_new_events_are_calibrated_and_no_forecast_changes():
    """Fitted on validation events, scored on others."""
    scaling = metrics.TemperatureScaling(JOYS).fit(*_events(2000, 3.0, seed=2))
    shares, true = _events(2000, 3.0, seed=3)
    scaled = scaling.transform(shares)
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    np.testing.assert_array_equal(scaled.argmax(axis=1), shares.argmax(axis=1))
    before, after = (metrics.calibration_error(true, values, labels=JOYS) for values in (shares, scaled))
    assert before > 0.15 and after < 0.05


def test_a_probability_of_zero_is_borne():
    """One sure miss in a thousand: the temperature rises, but stays a number; single precision makes such zeros."""
    shares, true = _events(1000, 1.0, seed=4)
    shares[0], true[0] = [1, 0, 0], "joy"
    scaling = clone(metrics.TemperatureScaling(JOYS))
    with pytest.raises(NotFittedError):
        scaling.transform([[1, 0, 0]])
    scaling.fit(shares, true)
    assert 1 < scaling.temperature_ < 2
    assert np.isfinite(scaling.transform(shares)).all()


def test_a_temperature_at_its_bound_is_warned_of():
    shares = np.tile([0.5, 0.3, 0.2], (6, 1))
    with pytest.warns(UserWarning, match="no event is missed"):
        metrics.TemperatureScaling(JOYS).fit(shares, ["neutral"] * 6)
    with pytest.warns(UserWarning, match="tell nothing"):
        metrics.TemperatureScaling(JOYS).fit(shares, JOYS * 2)
