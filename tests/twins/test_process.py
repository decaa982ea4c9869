"""The process and its raters are the distributions that they claim to be, and what is drawn follows them."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from emocast import labels
from emocast_twins import process
from emocast_twins.process import LONGEST, MOODS, PROCESS, STATES, scenario

IMPRO = scenario("impro01")


def test_scenarios_are_of_both_kinds_and_balance_the_moods():
    assert len({played.name for played in process.SCENARIOS}) == 12
    assert sum(played.scripted for played in process.SCENARIOS) == 5
    assert Counter(played.begins for played in process.SCENARIOS) == dict.fromkeys(MOODS, 3)
    assert Counter(played.drift for played in process.SCENARIOS) == dict.fromkeys(MOODS, 3)
    assert {played.scripted for played in process.first(2)} == {True, False}
    assert process.first(12) == process.SCENARIOS
    with pytest.raises(ValueError, match="1 to 12"):
        process.first(13)
    with pytest.raises(ValueError, match="impro01"):
        scenario("impro99")


@pytest.mark.parametrize("played", process.SCENARIOS, ids=lambda played: played.name)
def test_all_distributions_sum_to_one(played):
    assert PROCESS.start(played).sum() == pytest.approx(1)
    np.testing.assert_allclose(PROCESS.transition(played).sum(axis=1), 1)
    jumps, drift = PROCESS.jumps(played), MOODS.index(played.drift)
    np.testing.assert_allclose(jumps.sum(axis=1), 1)
    assert not jumps.diagonal().any()
    assert (np.delete(jumps, drift, axis=0).argmax(axis=1) == drift).all(), "most often to the drift"


def test_the_transition_of_a_state_by_hand():
    """A segment with turns left stays in its mood: the partner's emotion is copied, or the mood's is drawn."""
    shape = (len(MOODS), LONGEST, len(STATES))
    matrix = PROCESS.transition(IMPRO).reshape(shape + shape)
    down, sadness, anger = MOODS.index("down"), STATES.index("sadness"), STATES.index("anger")
    after = matrix[down, 3, anger]
    assert after[down, 2, anger] == pytest.approx(0.2 + 0.8 * PROCESS.emission[down, anger])
    assert after[down, 2, sadness] == pytest.approx(0.8 * PROCESS.emission[down, sadness])
    assert after[down, 2].sum() == pytest.approx(1)


def test_the_sampler_follows_the_chain():
    """Frequencies over n dialogues have a standard error of at most 0.5 / sqrt(n); four of them are allowed."""
    turns, count = 12, 1500
    rng = np.random.default_rng(1)
    drawn = pd.concat([PROCESS.sample(IMPRO, turns, rng) for _ in range(count)])
    samples = dict(iter(drawn.groupby(level=0)))  # the index is the turn
    transition, state = PROCESS.transition(IMPRO), PROCESS.start(IMPRO).ravel()
    for turn in range(turns):
        exact = state.reshape(len(MOODS), LONGEST, len(STATES)).sum(axis=1)
        moods = [(samples[turn]["mood"] == mood).mean() for mood in MOODS]
        emotions = [(samples[turn]["emotion"] == name).mean() for name in STATES]
        np.testing.assert_allclose(moods, exact.sum(axis=1), atol=4 * 0.5 / np.sqrt(count))
        np.testing.assert_allclose(emotions, exact.sum(axis=0), atol=4 * 0.5 / np.sqrt(count))
        state = state @ transition


def test_a_longer_sample_begins_with_the_shorter_one_and_no_segment_is_too_long():
    short, long = (PROCESS.sample(IMPRO, turns, np.random.default_rng(3)) for turns in (6, 2000))
    assert long.head(6).equals(short)
    lengths = long.groupby((long["mood"] != long["mood"].shift()).cumsum()).size()
    assert lengths.max() <= LONGEST


def test_the_channel_by_enumeration():
    """Sum the probabilities of all thousand triples of categories."""
    exact = np.zeros((len(STATES), len(process.GOLD)))
    for triple in np.ndindex((len(process.CATEGORIES),) * 3):
        gold = process.majority(tuple(process.CATEGORIES[index] for index in triple))
        exact[:, process.GOLD.index(gold)] += process.CONFUSION[:, triple].prod(axis=1)
    np.testing.assert_allclose(process.channel(), exact)
    np.testing.assert_allclose(exact.sum(axis=1), 1)
    assert list(process.CATEGORIES) == labels.ordered(process.CATEGORIES)
    assert len(process.CATEGORIES) == process.CONFUSION.shape[1] == 10


@pytest.mark.parametrize("emotion", STATES)
def test_ratings_follow_the_channel(emotion):
    """A frequency over n ratings has a standard error of at most 0.5 / sqrt(n); four of them are allowed."""
    rng, count = np.random.default_rng(4), 1500
    golds = [process.rate(emotion, 1.0, rng).gold for _ in range(count)]
    frequencies = [golds.count(label) / count for label in process.GOLD]
    expected = process.channel()[STATES.index(emotion)]
    np.testing.assert_allclose(frequencies, expected, atol=4 * 0.5 / np.sqrt(count))


def test_scores_are_whole_and_lie_on_the_emotions_side_of_the_plane():
    rng = np.random.default_rng(6)
    rated = {emotion: [process.rate(emotion, 1.0, rng) for _ in range(300)] for emotion in STATES}
    scores = np.array([rating.scores for rows in rated.values() for rating in rows])
    assert set(np.unique(scores)) == {1, 2, 3, 4, 5}
    mean = {emotion: np.mean([rating.attributes for rating in rows], axis=0) for emotion, rows in rated.items()}
    assert mean["anger"][0] < mean["neutral"][0] < mean["happiness"][0]
    assert mean["sadness"][1] < mean["neutral"][1] < mean["anger"][1]
    assert mean["sadness"][2] < mean["anger"][2]
