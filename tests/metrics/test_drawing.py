import numpy as np
import pytest

from emocast.metrics import drawing


@pytest.fixture
def rows():
    generator = np.random.default_rng(0)
    true, first, second = generator.choice(["neutral", "joy", "anger"], size=(3, 200))
    return true, np.where(first == "anger", "fear", first), second, generator.integers(7, size=200)


def test_counts_of_all_models_have_one_order_of_classes(rows):
    """Swapping adds one model's counts to the other's: a class that only one of them predicts must not move the others."""
    true, first, second, owner = rows
    counts = drawing.group_counts(true, [first, second], owner)
    assert [of_model.shape for of_model in counts] == [(7, 4, 4)] * 2
    np.testing.assert_array_equal(*(of_model.sum(axis=2) for of_model in counts))  # the true classes, place by place
    for of_model, predicted in zip(counts, (first, second), strict=True):
        hits = [(true == predicted)[owner == group].sum() for group in range(7)]
        np.testing.assert_array_equal(np.trace(of_model, axis1=1, axis2=2), hits)


def test_every_draw_has_as_many_groups_as_there_are():
    weights = drawing.group_weights(8, draws=5000, random_state=0)
    assert weights.shape == (5000, 8) and (weights.sum(axis=1) == 8).all()
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.06)
    np.testing.assert_allclose(weights.var(axis=0), 7 / 8, atol=0.08)


def test_score_of_all_rows_is_that_of_one_group(rows):
    true, first, *_ = rows
    assert drawing.score(true, first, metric="accuracy") == pytest.approx((true == first).mean())
    assert drawing.score(true, first, metric=lambda one, other: 3) == 3


def test_unknown_metric_is_named():
    with pytest.raises(ValueError, match="'kappa': give a function, or one of accuracy, uar, f1_macro"):
        drawing.check_metric("kappa")
