import numpy as np
import pytest
from scipy import stats

from emocast import metrics


def _split(only_first, only_second, both=30, neither=10):
    """Events of two models that are right as often as said, alone, together or not."""
    first = np.repeat([1, 0, 1, 0], [only_first, only_second, both, neither])
    second = np.repeat([0, 1, 1, 0], [only_first, only_second, both, neither])
    return metrics.mcnemar_test(np.ones(len(first)), first, second)


def test_worked_example_of_eight_discordant_pairs():
    """1 against 7, of Bentur et al. 2009 as in Fagerland et al. 2013: exact 18 / 256, mid-p 10 / 256."""
    test = _split(1, 7)
    assert (test["only_first"], test["only_second"]) == (1, 7)
    assert test["p_exact"] == pytest.approx(18 / 256) and test["p_mid"] == pytest.approx(10 / 256)


@pytest.mark.parametrize(("one", "other"), [(0, 1), (3, 9), (12, 12), (40, 20)])
def test_exact_is_the_binomial_test(one, other):
    test = _split(one, other)
    assert test["p_exact"] == pytest.approx(stats.binomtest(one, one + other).pvalue)
    observed = stats.binom.pmf(one, one + other, 0.5)  # half of it on each side where the split is uneven
    assert test["p_mid"] == pytest.approx(test["p_exact"] - (observed if one != other else observed / 2))


def test_models_that_no_event_tells_apart():
    assert _split(0, 0) == {"only_first": 0, "only_second": 0, "p_exact": 1.0, "p_mid": 1.0}


def test_mid_p_keeps_to_its_level_for_independent_events():
    """Of all splits of 25 discordant events the mid-p rejects near 5 %, and the exact test never more."""
    p_values = [_split(one, 25 - one) for one in range(26)]
    chances = stats.binom.pmf(np.arange(26), 25, 0.5)
    exact, mid = (
        sum(chances[i] for i, test in enumerate(p_values) if test[name] <= 0.05) for name in ("p_exact", "p_mid")
    )
    assert exact <= mid and exact <= 0.05 and 0.04 < mid < 0.06


def test_models_of_different_rows_are_refused():
    with pytest.raises(ValueError, match="second"):
        metrics.mcnemar_test([1, 1], [1, 0], [1])
