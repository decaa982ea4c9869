import numpy as np
import pytest

from emocast.corpora.synthetic import raters
from emocast.corpora.synthetic.forecast import forecast, forecasts
from emocast.corpora.synthetic.process import PROCESS, STATES
from emocast.corpora.synthetic.script import scenario

PLAYED = scenario("script01_2")


def _gold(count, turns, seed):
    """Sample gold labels of dialogues, as indices into `raters.GOLD`, shape (count, turns)."""
    rng = np.random.default_rng(seed)
    channel = raters.channel()
    rows = []
    for _ in range(count):
        acted = PROCESS.sample(PLAYED, turns, rng)["emotion"].map(STATES.index)
        rows.append([rng.choice(len(raters.GOLD), p=channel[emotion]) for emotion in acted])
    return np.array(rows)


def test_rows_sum_to_one():
    rows = forecasts(["anger", "xxx", None, "neutral", "other"], PLAYED, steps_ahead=2)
    assert rows.shape == (5, len(raters.GOLD))
    np.testing.assert_allclose(rows.sum(axis=1), 1)


def test_forecast_agrees_with_the_sampler():
    """Among n dialogues of one history, a frequency's standard error is at most 0.5 / sqrt(n); four are allowed."""
    samples = _gold(4000, 5, seed=2)
    for history in (["anger"], ["anger", "anger"], ["neutral", "neutral"]):
        seen = [raters.GOLD.index(label) for label in history]
        matching = samples[(samples[:, : len(seen)] == seen).all(axis=1)]
        assert len(matching) > 150
        for steps in (1, 3):
            column = matching[:, len(seen) - 1 + steps]
            frequencies = np.bincount(column, minlength=len(raters.GOLD)) / len(matching)
            exact = forecast(history, PLAYED, steps)
            np.testing.assert_allclose(frequencies, exact, atol=4 * 0.5 / np.sqrt(len(matching)))


def test_forecast_by_brute_force():
    """The filter equals Bayes' rule over all emotion paths, summed by hand for a chain of two turns."""
    start, channel = PROCESS.start(PLAYED).ravel(), raters.channel()
    emotion = np.tile(np.arange(len(STATES)), len(start) // len(STATES))
    joint = start[:, None] * PROCESS.transition(PLAYED)
    weights = joint * channel[emotion, raters.GOLD.index("anger")][:, None]
    expected = (weights.sum(axis=0) / weights.sum()) @ channel[emotion]
    np.testing.assert_allclose(forecast(["anger"], PLAYED, 1), expected)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_forecasts_are_single_forecasts(steps):
    labels = ["anger", "frustration", "neutral", "xxx", "happiness", "excitement"]
    rows = forecasts(labels, PLAYED, steps_ahead=steps)
    for turn in range(len(labels)):
        history = labels[: max(turn + 1 - steps, 0)]
        expected = forecast(history, PLAYED, steps if history else turn + 1)
        np.testing.assert_allclose(rows[turn], expected)


def test_an_unseen_label_is_no_xxx():
    assert not np.allclose(forecast(["anger", None], PLAYED, 1), forecast(["anger", "xxx"], PLAYED, 1))
    np.testing.assert_allclose(forecast(["anger", None], PLAYED, 1), forecast(["anger"], PLAYED, 2))


def test_errors():
    with pytest.raises(ValueError, match="at least 1"):
        forecast([], PLAYED, 0)
    with pytest.raises(ValueError, match="unknown gold label 'joy'"):
        forecast(["joy"], PLAYED, 1)
