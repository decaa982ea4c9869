import numpy as np
import pandas as pd
import pytest

from emocast.corpora.synthetic.process import LONGEST, MOODS, PROCESS, STATES
from emocast.corpora.synthetic.script import SCENARIOS, scenario


@pytest.mark.parametrize("played", SCENARIOS, ids=lambda played: played.name)
def test_all_distributions_sum_to_one(played):
    assert PROCESS.start(played).sum() == pytest.approx(1)
    np.testing.assert_allclose(PROCESS.transition(played).sum(axis=1), 1)
    np.testing.assert_allclose(PROCESS.jumps(played).sum(axis=1), 1)
    assert not PROCESS.jumps(played).diagonal().any()


def test_emission_and_durations_are_distributions():
    np.testing.assert_allclose(PROCESS.emission.sum(axis=1), 1)
    np.testing.assert_allclose(PROCESS.durations.sum(axis=1), 1)
    means = PROCESS.durations @ np.arange(1, LONGEST + 1)
    assert ((means > 7.5) & (means < 9.5)).all()


def test_jumps_go_most_often_to_the_drift():
    jumps = PROCESS.jumps(scenario("impro01"))
    tense = MOODS.index("tense")
    others = [mood for mood in range(4) if mood != tense]
    assert (jumps[others].argmax(axis=1) == tense).all()


def test_the_transition_of_a_state_by_hand():
    """A segment with turns left stays in its mood: the partner's emotion is copied, or the mood's is drawn."""
    shape = (len(MOODS), LONGEST, len(STATES))
    matrix = PROCESS.transition(scenario("impro01")).reshape(shape + shape)
    down, sadness, anger = MOODS.index("down"), STATES.index("sadness"), STATES.index("anger")
    after = matrix[down, 3, anger]
    assert after[down, 2, anger] == pytest.approx(0.2 + 0.8 * PROCESS.emission[down, anger])
    assert after[down, 2, sadness] == pytest.approx(0.8 * PROCESS.emission[down, sadness])
    assert after[down, 2].sum() == pytest.approx(1)


def test_the_sampler_follows_the_chain():
    """Frequencies over n dialogues have a standard error of at most 0.5 / sqrt(n); four of them are allowed."""
    played, turns, count = scenario("impro01"), 12, 1500
    rng = np.random.default_rng(1)
    drawn = pd.concat([PROCESS.sample(played, turns, rng) for _ in range(count)])
    samples = dict(iter(drawn.groupby(level=0)))  # the index is the turn
    transition, state = PROCESS.transition(played), PROCESS.start(played).ravel()
    for turn in range(turns):
        exact = state.reshape(len(MOODS), LONGEST, len(STATES)).sum(axis=1)
        moods = [(samples[turn]["mood"] == mood).mean() for mood in MOODS]
        emotions = [(samples[turn]["emotion"] == name).mean() for name in STATES]
        np.testing.assert_allclose(moods, exact.sum(axis=1), atol=4 * 0.5 / np.sqrt(count))
        np.testing.assert_allclose(emotions, exact.sum(axis=0), atol=4 * 0.5 / np.sqrt(count))
        state = state @ transition


def test_a_longer_sample_begins_with_the_shorter_one():
    played = scenario("impro01")
    short = PROCESS.sample(played, 6, np.random.default_rng(3))
    long = PROCESS.sample(played, 20, np.random.default_rng(3))
    assert long.head(6).equals(short)


def test_no_segment_is_longer_than_the_longest():
    sample = PROCESS.sample(scenario("impro01"), 2000, np.random.default_rng(5))
    lengths = sample.groupby((sample["mood"] != sample["mood"].shift()).cumsum()).size()
    assert lengths.max() <= LONGEST
