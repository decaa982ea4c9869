import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from emocast import metrics

LABELS = ["anger", "joy", "sadness"]  # in the order of the alphabet, as scikit-learn wants it


@pytest.fixture
def forecasts():
    """300 events in 20 dialogues of unlike difficulty, with probabilities that are right more often than not."""
    generator = np.random.default_rng(0)
    true = generator.integers(3, size=300)
    logits = generator.normal(size=(300, 3)) + 2 * np.eye(3)[true] * generator.random(20)[np.arange(300) // 15, None]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.array(LABELS)[true], shares


def test_scores_agree_with_scikit_learn(forecasts):
    true, shares = forecasts
    reference = sklearn_metrics.brier_score_loss(true, shares, labels=LABELS, scale_by_half=False)
    assert metrics.brier_score(true, shares, labels=LABELS) == pytest.approx(reference)
    reference = sklearn_metrics.log_loss(true, shares, labels=LABELS)
    assert metrics.log_loss(true, shares, labels=LABELS) == pytest.approx(reference)


def test_ends_of_the_scales():
    """Sure and right, equal shares, sure and wrong."""
    shares = np.array([[1, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0, 1, 0]])
    np.testing.assert_allclose(metrics.brier_losses(["anger"] * 3, shares, labels=LABELS), [0, 2 / 3, 2])
    np.testing.assert_allclose(metrics.log_losses(["anger"] * 3, shares, labels=LABELS), [0, np.log(3), np.inf])


def test_columns_belong_to_labels(forecasts):
    true, shares = forecasts
    turned = metrics.brier_score(true, shares[:, ::-1], labels=LABELS[::-1])
    assert turned == pytest.approx(metrics.brier_score(true, shares, labels=LABELS))
    assert metrics.brier_score(true, shares[:, ::-1], labels=LABELS) > turned


def test_input_is_left_as_it_was(forecasts):
    true, shares = forecasts
    before = shares.copy()
    metrics.brier_losses(true, shares, labels=LABELS)
    np.testing.assert_array_equal(shares, before)


@pytest.mark.parametrize(
    ("row", "message"),
    [([0.5, 0.4, 0.2], "add up to 1"), ([1.2, -0.2, 0], "add up to 1"), ([np.nan] * 3, "row 1"), ([0.5, 0.5], "shape")],
)
def test_what_are_no_probabilities_is_refused(row, message):
    shares = np.full((2, len(row)), 1 / len(row))
    shares[1] = row
    with pytest.raises(ValueError, match=message):
        metrics.brier_score(["joy", "joy"], shares, labels=LABELS)


def test_unknown_class_is_named():
    with pytest.raises(ValueError, match="'fear'"):
        metrics.log_loss(["fear"], [[1, 0, 0]], labels=LABELS)


def test_interval_of_a_loss_is_the_bootstrap_of_its_mean(forecasts):
    """The shortcut by sums has to agree with calling the mean on the rows of each draw."""
    losses = metrics.brier_losses(*forecasts, labels=LABELS)
    dialogue = np.repeat(
        np.arange(12), [2, 4, 6, 8, 10, 15, 25, 30, 40, 45, 55, 60]
    )  # a draw's events are not always 300
    found = metrics.loss_interval(losses, dialogue, draws=4000, random_state=0)
    called = metrics.bootstrap_interval(
        losses, losses, dialogue, metric=lambda _, drawn: drawn.mean(), draws=4000, random_state=1
    )
    assert found == pytest.approx(called, abs=0.01)
    assert found[0] < losses.mean() < found[1]
    expanded = metrics.loss_interval(losses, dialogue, draws=4000, method="expanded", random_state=0)
    assert expanded[0] < found[0] < found[1] < expanded[1]


def test_one_dialogue_has_no_interval(forecasts):
    with pytest.warns(UserWarning, match="no interval"):
        assert np.isnan(metrics.loss_interval([0.1, 0.2], ["one", "one"], random_state=0)).all()
