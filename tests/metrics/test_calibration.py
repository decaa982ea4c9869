import numpy as np
import pytest

from emocast import metrics

LABELS = ["neutral", "joy"]


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
    assert metrics.calibration_error(*forecasts, labels=LABELS, binning="mass", bins=2) == pytest.approx(0.19)
    # In one bin the gaps cancel: 8 hits in 10 against a mean confidence of 0.77.
    assert metrics.calibration_error(*forecasts, labels=LABELS, bins=1) == pytest.approx(0.03)


def test_sure_and_right_is_calibrated_and_sure_and_wrong_is_not():
    sure = np.array([[0.0, 1.0]] * 3)
    assert metrics.calibration_error(["joy"] * 3, sure, labels=LABELS) == 0
    assert metrics.calibration_error(["neutral"] * 3, sure, labels=LABELS) == 1


def test_a_bound_belongs_to_the_bin_below_it():
    """0.8 and 0.75 share a bin of width 0.1, 0.8 and 0.85 do not: opposite gaps cancel only within a bin."""
    together = _forecasts([0.8, 0.75], [1, 0])
    apart = _forecasts([0.8, 0.85], [1, 0])
    assert metrics.calibration_error(*together, labels=LABELS) == pytest.approx(0.55 / 2)
    assert metrics.calibration_error(*apart, labels=LABELS) == pytest.approx((0.2 + 0.85) / 2)


def test_bins_of_equal_mass_hold_equally_many_and_never_divide_equals():
    generator = np.random.default_rng(0)
    confidence = generator.uniform(0.5, 1, size=1000)
    true, shares = _forecasts(confidence, generator.random(1000) < confidence)
    table = metrics.reliability_table(true, shares, labels=LABELS, binning="mass", bins=8)
    assert table["n"].tolist() == [125] * 8
    same = _forecasts([0.7] * 5 + [0.9] * 5, [1] * 10)
    assert metrics.reliability_table(*same, labels=LABELS, binning="mass", bins=4)["n"].tolist() == [5, 5]


def test_classwise_error_sees_what_the_top_label_hides():
    """The top label is right as often as said, but the rest of its probability lies on the wrong class."""
    labels = ["neutral", "joy", "sadness"]
    shares = np.tile([0.6, 0.4, 0.0], (10, 1))
    true = np.array(["neutral"] * 6 + ["sadness"] * 4)
    assert metrics.calibration_error(true, shares, labels=labels) == pytest.approx(0)
    assert metrics.calibration_error(true, shares, labels=labels, classwise=True) == pytest.approx((0 + 0.4 + 0.4) / 3)


def test_the_order_of_rows_does_not_matter(clustered):
    true, _, sure, _ = clustered
    mixed = np.random.default_rng(0).permutation(len(true))
    for binning in ("width", "mass"):
        there = metrics.calibration_error(true, sure, labels=LABELS, binning=binning)
        assert metrics.calibration_error(true[mixed], sure[mixed], labels=LABELS, binning=binning) == pytest.approx(
            there
        )


@pytest.mark.parametrize("classwise", [False, True])
def test_interval_mirrors_the_draws_of_whole_dialogues(clustered, classwise):
    """Against the general bootstrap of the same score: twice the estimate minus its ends."""
    true, _, sure, dialogue = clustered

    def error(true, rows):
        return metrics.calibration_error(true, sure[rows], labels=LABELS, bins=20, classwise=classwise)

    options = {"labels": LABELS, "bins": 20, "classwise": classwise}
    found = metrics.calibration_interval(true, sure, dialogue, draws=4000, random_state=0, **options)
    low, high = metrics.bootstrap_interval(true, np.arange(600), dialogue, metric=error, draws=1500, random_state=1)
    twice = 2 * error(true, np.arange(600))
    assert found == pytest.approx((twice - high, twice - low), abs=0.006)
    assert found[0] > 0.01
    assert low - found[0] > 0.01 and high - found[1] > 0.01  # the draws lie higher, for each of them has its own chance


def test_interval_of_a_calibrated_model_begins_at_nothing(clustered):
    true, shares, sure, dialogue = clustered
    options = {"labels": LABELS, "random_state": 0}
    assert metrics.calibration_error(true, shares, labels=LABELS) > 0.01
    assert metrics.calibration_interval(true, shares, dialogue, **options)[0] == 0
    assert metrics.calibration_interval(true, sure, dialogue, **options)[0] > 0


def test_one_dialogue_has_no_interval(clustered):
    true, shares, _, _ = clustered
    with pytest.warns(UserWarning, match="no interval"):
        ends = metrics.calibration_interval(true, shares, np.zeros(600), labels=LABELS, random_state=0)
    assert np.isnan(ends).all()


@pytest.mark.parametrize("options", [{"bins": 0}, {"binning": "height"}])
def test_faulty_bins_are_named(clustered, options):
    with pytest.raises(ValueError, match=str(next(iter(options)))):
        metrics.calibration_error(*clustered[:2], labels=LABELS, **options)
