import numpy as np
import pytest

from emocast import labels
from emocast.corpora.synthetic import raters
from emocast.corpora.synthetic.process import STATES


def test_confusion_and_channel_are_distributions():
    np.testing.assert_allclose(raters.CONFUSION.sum(axis=1), 1)
    np.testing.assert_allclose(raters.channel().sum(axis=1), 1)
    assert (raters.channel() >= 0).all()
    assert list(raters.CATEGORIES) == labels.ordered(raters.CATEGORIES)


def test_the_channel_by_enumeration():
    """Sum the probabilities of all thousand triples of categories."""
    exact = np.zeros((len(STATES), len(raters.GOLD)))
    for triple in np.ndindex((len(raters.CATEGORIES),) * 3):
        gold = raters.majority(tuple(raters.CATEGORIES[index] for index in triple))
        exact[:, raters.GOLD.index(gold)] += raters.CONFUSION[:, triple].prod(axis=1)
    np.testing.assert_allclose(raters.channel(), exact)


@pytest.mark.parametrize("emotion", STATES)
def test_ratings_follow_the_channel(emotion):
    """A frequency over n ratings has a standard error of at most 0.5 / sqrt(n); four of them are allowed."""
    rng, count = np.random.default_rng(4), 1500
    golds = [raters.rate(emotion, 1.0, rng).gold for _ in range(count)]
    frequencies = [golds.count(label) / count for label in raters.GOLD]
    expected = raters.channel()[STATES.index(emotion)]
    np.testing.assert_allclose(frequencies, expected, atol=4 * 0.5 / np.sqrt(count))


def test_scores_are_whole_and_their_mean_is_in_half_steps():
    rng = np.random.default_rng(5)
    for emotion in STATES:
        rating = raters.rate(emotion, 1.5, rng)
        assert rating.scores.min() >= 1
        assert rating.scores.max() <= 5
        np.testing.assert_array_equal(rating.attributes * 2 % 1, 0)


def test_scores_lie_on_the_emotions_side_of_the_plane():
    rng = np.random.default_rng(6)
    mean = {
        emotion: np.mean([raters.rate(emotion, 1.0, rng).attributes for _ in range(300)], axis=0) for emotion in STATES
    }
    assert mean["anger"][0] < mean["neutral"][0] < mean["happiness"][0]
    assert mean["sadness"][1] < mean["neutral"][1] < mean["anger"][1]
    assert mean["sadness"][2] < mean["anger"][2]
