import numpy as np
import pytest
from scipy import stats

from emocast import metrics

LABELS = ["neutral", "joy", "sadness"]


@pytest.fixture
def forecasts():
    """600 events of 40 dialogues; how often an event comes true is its dialogue's, whatever the model says."""
    generator = np.random.default_rng(1)
    dialogue = np.arange(600) // 15
    true = np.where(generator.random(600) < generator.beta(1, 1, size=40)[dialogue], "joy", "sadness")
    confidence = generator.choice([0.45, 0.65, 0.85], size=600)
    return true, np.column_stack([(1 - confidence) / 2, confidence, (1 - confidence) / 2]), dialogue


def test_table_counts_each_bin(forecasts):
    true, shares, _ = forecasts
    table = metrics.reliability_table(true, shares, labels=LABELS)
    assert table["bin"].tolist() == [4, 6, 8]
    np.testing.assert_allclose(table["confidence"], [0.45, 0.65, 0.85])
    np.testing.assert_allclose(table[["above", "up_to"]], [[0.4, 0.5], [0.6, 0.7], [0.8, 0.9]])
    for _, row in table.iterrows():
        hits = (true == "joy")[np.isclose(shares[:, 1], row["confidence"])]
        assert (row["n"], row["accuracy"]) == (len(hits), pytest.approx(hits.mean()))


def test_gaps_of_the_table_are_the_calibration_error(forecasts):
    true, shares, _ = forecasts
    table = metrics.reliability_table(true, shares, labels=LABELS)
    gap = np.average((table["confidence"] - table["accuracy"]).abs(), weights=table["n"])
    assert gap == pytest.approx(metrics.calibration_error(true, shares, labels=LABELS))


def test_intervals_without_dialogues_are_wilsons(forecasts):
    true, shares, _ = forecasts
    for _, row in metrics.reliability_table(true, shares, labels=LABELS, level=0.9).iterrows():
        hits = round(row["accuracy"] * row["n"])
        wilson = stats.binomtest(hits, int(row["n"])).proportion_ci(0.9, method="wilson")
        assert (row["low"], row["high"]) == pytest.approx((wilson.low, wilson.high))


def test_intervals_by_dialogue_are_those_of_the_bin_alone(forecasts):
    """The events of one bin, bootstrapped by themselves: a little apart, because the dialogues without any differ."""
    true, shares, dialogue = forecasts
    table = metrics.reliability_table(true, shares, labels=LABELS, groups=dialogue, draws=4000, random_state=0)
    chosen = np.isclose(shares[:, 1], 0.65)
    said = np.full(chosen.sum(), "joy")
    alone = metrics.bootstrap_interval(true[chosen], said, dialogue[chosen], draws=4000, random_state=1)
    assert tuple(table.loc[1, ["low", "high"]]) == pytest.approx(alone, abs=0.015)
    wilson = metrics.reliability_table(true, shares, labels=LABELS)
    assert ((table["high"] - table["low"]) > 1.3 * (wilson["high"] - wilson["low"])).all()


def test_draws_without_events_of_a_bin_say_nothing_of_it():
    """One dialogue of three holds all events of its bin: a third of the draws lacks it, the others have it as it is."""
    shares = np.array([[0.9, 0.1, 0]] * 4 + [[0.6, 0.4, 0]] * 8)
    true, dialogue = np.array(["neutral", "joy"] * 6), np.repeat([0, 1, 2], 4)
    table = metrics.reliability_table(true, shares, labels=LABELS, groups=dialogue, random_state=0)
    assert table.loc[1, ["accuracy", "low", "high"]].tolist() == [0.5, 0.5, 0.5]
