import numpy as np
import pytest

from emocast.corpora.synthetic import forecast, raters, script
from emocast.corpora.synthetic.process import LONGEST, MOODS, PROCESS, STATES
from emocast.forecasting.filtering import Filter

SCENARIO = script.SCENARIOS[3]
LINE = ("neutral", None, "anger", "xxx", "frustration", "happiness")


@pytest.mark.parametrize("length", [0, 1, 4, 6])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_labels_are_filtered_as_the_corpus_has_it(length, steps):
    known = Filter(SCENARIO)
    expected = forecast.forecast(LINE[:length], SCENARIO, steps)
    for _ in range(2):  # the second time from what was kept
        assert np.allclose(known.ahead(known.after(LINE[:length]), steps), expected, atol=1e-12)


def test_a_mixture_weighs_the_distances():
    known = Filter(SCENARIO)
    states = known.after(LINE)
    expected = 0.7 * forecast.forecast(LINE, SCENARIO, 1) + 0.3 * forecast.forecast(LINE, SCENARIO, 3)
    assert np.allclose(known.mixed(states, np.array([0.7, 0.0, 0.3])), expected)


@pytest.mark.parametrize("turns", [1, 2, 5, 14])
def test_true_states_are_those_of_the_whole_chain(turns):
    """A second way: filter all 384 states with mood and emotion as what is seen, turn by turn."""
    drawn = PROCESS.sample(SCENARIO, turns, np.random.default_rng(turns))
    transition, states = PROCESS.transition(SCENARIO), PROCESS.start(SCENARIO).ravel()
    for mood, emotion in drawn.itertuples(index=False):
        seen = np.zeros((len(MOODS), LONGEST, len(STATES)))
        seen[MOODS.index(mood), :, STATES.index(emotion)] = 1
        states = states * seen.ravel()
        states = states / states.sum() @ transition
    found = Filter(SCENARIO).after_states(drawn["mood"].tolist(), drawn["emotion"].tolist())
    assert np.allclose(found, states)


def test_no_turn_is_the_start():
    known = Filter(SCENARIO)
    assert np.allclose(known.ahead(known.after_states([], []), 1), forecast.forecast([], SCENARIO, 1))
    assert len(known.ahead(known.after(()), 2)) == len(raters.GOLD)
