import numpy as np
import pytest

from emocast import metrics


def test_holm_of_a_worked_example():
    """Four tests: 0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 x 1, which may not be below the one before it."""
    np.testing.assert_allclose(metrics.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


def test_holm_rejects_what_the_steps_reject():
    """Against the procedure in its original form: compare the i-th smallest with level / (m - i), stop at the first above."""
    generator = np.random.default_rng(0)
    for _ in range(200):
        p_values = generator.beta(0.4, 3, size=7)
        rejected = np.zeros(7, dtype=bool)
        for step, place in enumerate(np.argsort(p_values)):
            if p_values[place] > 0.05 / (7 - step):
                break
            rejected[place] = True
        np.testing.assert_array_equal(metrics.holm(p_values) <= 0.05, rejected)


def test_one_test_is_not_corrected_and_none_exceeds_one():
    assert metrics.holm([0.04]).tolist() == [0.04]
    assert metrics.holm([0.9, 0.6]).tolist() == [1, 1]
    assert metrics.holm([]).tolist() == []


def test_a_test_that_was_not_made_does_not_count():
    np.testing.assert_allclose(metrics.holm([0.02, np.nan, 0.03]), [0.04, np.nan, 0.04])


@pytest.mark.parametrize("faulty", [[0.1, 1.2], [-0.1], [[0.1, 0.2]]])
def test_what_is_no_p_value_is_refused(faulty):
    with pytest.raises(ValueError, match="between 0 and 1"):
        metrics.holm(faulty)
