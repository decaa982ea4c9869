"""A network that does not know says so: of what is unlike the training, and where it is no better than chance."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from emocast.forecaster import abstention
from emocast.forecaster.abstention import Familiarity


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_distances_are_mahalanobis_distances(rng):
    values = rng.normal(size=(3000, 4)) * [1.0, 1.2, 0.8, 1.1] + 5
    known = Familiarity.fit(values, values, known_share=0.9)
    plain = cdist(values, known.centre[None], "mahalanobis", VI=known.precision)[:, 0]
    np.testing.assert_allclose(known.distances(values), plain)
    np.testing.assert_allclose(known.precision, np.linalg.inv(np.cov(values.T)), atol=0.15)  # shrunk a little


def test_the_limit_is_that_of_validation(rng):
    training, validation = rng.normal(size=(500, 6)), 3 * rng.normal(size=(400, 6))
    known = Familiarity.fit(training, validation, known_share=0.95)
    assert known.unlike(validation).mean() == pytest.approx(0.05)
    assert known.unlike(training).mean() < 0.001  # nearer than what it was fitted to
    assert known.unlike(np.full((1, 6), 30.0)).all()


def test_uncertainty_goes_from_0_to_1():
    shares = np.array([[1, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0]])
    np.testing.assert_allclose(abstention.uncertainty(shares), [0, 1, np.log(2) / np.log(3)])


def _sure(top):
    """Probabilities of three classes whose largest is `top`."""
    return np.stack([top, (1 - top) / 2, (1 - top) / 2], axis=1)


def test_the_least_sure_are_left_out_as_long_as_they_are_worth_nothing():
    top = np.linspace(0.99, 0.34, 100)  # from sure to unsure
    hit = np.arange(100) < 60  # the 40 least sure are all wrong
    limit = abstention.limit(_sure(top), hit, least_gain=1.25)
    answered = abstention.uncertainty(_sure(top)) <= limit
    left_out = ~answered
    wanted = 1.25 / 3
    assert hit[left_out].mean() < wanted <= hit[left_out].sum() / left_out.sum() + 1 / left_out.sum()
    assert hit[answered].all()


def test_a_network_at_chance_never_answers_and_a_perfect_one_always(rng):
    shares = _sure(rng.uniform(0.34, 0.99, 300))
    chance = np.arange(300) % 3 == 0
    assert not (abstention.uncertainty(shares) <= abstention.limit(shares, chance, least_gain=1.25)).any()
    assert abstention.limit(shares, np.ones(300, bool), least_gain=1.25) == 1
