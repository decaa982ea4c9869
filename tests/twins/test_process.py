"""The process and its raters are the distributions that they claim to be, and what is drawn follows them."""

import numpy as np
import pandas as pd
import pytest

from emocast import labels
from emocast_twins import process
from emocast_twins.process import PROCESS, SHAPE, STATES, scenario

IMPRO = scenario("impro02")


def test_scenarios_are_of_both_kinds_and_a_small_corpus_has_all_emotions():
    assert len({played.name for played in process.SCENARIOS}) == 15
    assert sum(played.scripted for played in process.SCENARIOS) == 7
    assert {played.scripted for played in process.first(2)} == {True, False}
    assert process.first(15) == process.SCENARIOS
    assert np.max([played.shares for played in process.first(6)], axis=0).min() > 0.25
    with pytest.raises(ValueError, match="1 to 15"):
        process.first(16)
    with pytest.raises(ValueError, match="impro01"):
        scenario("impro99")


@pytest.mark.parametrize("played", process.SCENARIOS, ids=lambda played: played.name)
def test_all_distributions_sum_to_one(played):
    assert played.shares.sum() == pytest.approx(1)
    start = PROCESS.start(played)
    assert start.sum() == pytest.approx(1)
    for speaker in (0, 1):
        assert PROCESS.turn(start, played, speaker).sum() == pytest.approx(1)
        moved = np.broadcast_to(PROCESS.moved(played, speaker), SHAPE)
        np.testing.assert_allclose(moved.sum(axis=2 + speaker), 1)


def test_a_turn_by_hand():
    """A speaker whose mood is not the role's, with a partner in a third one."""
    state, (sadness, anger, neutral) = np.zeros(SHAPE), map(STATES.index, ("sadness", "anger", "neutral"))
    state[sadness, neutral, anger, neutral] = 1
    after = PROCESS.turn(state, IMPRO, 0)
    assert (PROCESS.moods(after, 1) == PROCESS.moods(state, 1)).all(), "the partner's stays"
    moves, rest = 1 - PROCESS.stay, 1 - PROCESS.role - PROCESS.partner
    moods = PROCESS.moods(after, 0)
    assert moods[sadness] == pytest.approx(moves * (PROCESS.role + rest * IMPRO.shares[sadness]))
    assert moods[neutral] == pytest.approx(moves * (PROCESS.partner + rest * IMPRO.shares[neutral]))
    assert moods[anger] == pytest.approx(PROCESS.stay + moves * rest * IMPRO.shares[anger])


def test_what_is_expected_is_the_turn_read_backwards():
    generator = np.random.default_rng(2)
    states, values = generator.random(SHAPE), generator.random((*SHAPE, 3))
    for speaker in (0, 1):
        ahead = np.tensordot(PROCESS.turn(states, IMPRO, speaker), values, axes=4)
        back = np.tensordot(states, PROCESS.expected(values, IMPRO, speaker), axes=4)
        np.testing.assert_allclose(ahead, back)


def test_the_sampler_follows_the_chain():
    """Frequencies over n dialogues have a standard error of at most 0.5 / sqrt(n); four of them are allowed."""
    rng, count, who = np.random.default_rng(1), 4000, [0, 1, 1, 0, 1, 0]
    drawn = np.array([PROCESS.sample(IMPRO, who, rng)["emotion"] for _ in range(count)])
    states = PROCESS.start(IMPRO)
    for turn, speaker in enumerate(who):
        states = PROCESS.turn(states, IMPRO, speaker)
        found = [(drawn[:, turn] == name).mean() for name in STATES]
        np.testing.assert_allclose(found, PROCESS.moods(states, speaker), atol=4 * 0.5 / np.sqrt(count))
    after = PROCESS.start(IMPRO)
    for turn, speaker in enumerate(who[:4]):  # what follows on sadness and then frustration of two speakers
        after = PROCESS.turn(after, IMPRO, speaker)
        if turn in (0, 2):
            seen = ("sadness", "frustration")[turn // 2]
            after = PROCESS.seen(after, speaker, np.array(STATES) == seen)
    rows = drawn[(drawn[:, 0] == "sadness") & (drawn[:, 2] == "frustration")]
    found = [(rows[:, 3] == name).mean() for name in STATES]
    np.testing.assert_allclose(found, PROCESS.moods(after, 0), atol=4 * 0.5 / np.sqrt(len(rows)))
    assert len(rows) > 200


def test_a_longer_sample_begins_with_the_shorter_one_and_roles_last():
    who = PROCESS.speakers(2000, np.random.default_rng(5))
    short, long = (PROCESS.sample(IMPRO, who[:turns], np.random.default_rng(3)) for turns in (6, 2000))
    assert long.head(6).equals(short)
    assert len(set(zip(who, long["role"], strict=True))) == 2
    assert np.mean(np.diff(who) != 0) == pytest.approx(PROCESS.change, abs=4 * 0.5 / np.sqrt(2000))


def test_of_more_speakers_each_has_a_role_and_takes_turns():
    rng = np.random.default_rng(6)
    who = PROCESS.speakers(300, rng, of=4)
    drawn = pd.DataFrame(PROCESS.draw(np.array([0.5, 0.3, 0.2]), who, rng, of=4), columns=["role", "emotion"])
    assert set(who) == set(range(4)) and drawn["emotion"].max() == 2
    assert len(set(zip(who, drawn["role"], strict=True))) == 4
    assert PROCESS.speakers(3, rng, of=1) == [0, 0, 0]
    assert len(PROCESS.draw(np.array([0.5, 0.5]), [0, 0, 0], rng, of=1)) == 3


def test_the_channel_by_enumeration():
    """Sum the probabilities of all thousand triples of categories, for clear turns and for others."""
    exact = np.zeros((len(STATES), len(process.GOLD)))
    kinds = ((process.UNCLEAR_SHARE, process.UNCLEAR), (1 - process.UNCLEAR_SHARE, process.CLEAR))
    for triple in np.ndindex((len(process.CATEGORIES),) * 3):
        gold = process.majority(tuple(process.CATEGORIES[index] for index in triple))
        for share, said in kinds:
            exact[:, process.GOLD.index(gold)] += share * said[:, triple].prod(axis=1)
    np.testing.assert_allclose(process.channel(), exact)
    np.testing.assert_allclose(exact.sum(axis=1), 1)
    assert list(process.CATEGORIES) == labels.ordered(process.CATEGORIES)
    assert len(process.CATEGORIES) == process.CLEAR.shape[1] == 10
    assert ((process.CLEAR >= 0) & (process.UNCLEAR > 0)).sum() > 50


@pytest.mark.parametrize("emotion", STATES)
def test_ratings_follow_the_channel(emotion):
    """A frequency over n ratings has a standard error of at most 0.5 / sqrt(n); four of them are allowed."""
    rng, count = np.random.default_rng(4), 1500
    golds = [process.rate(emotion, 1.0, rng, unclear=rng.random() < process.UNCLEAR_SHARE).gold for _ in range(count)]
    frequencies = [golds.count(label) / count for label in process.GOLD]
    expected = process.channel()[STATES.index(emotion)]
    np.testing.assert_allclose(frequencies, expected, atol=4 * 0.5 / np.sqrt(count))


def test_scores_are_whole_and_lie_on_the_emotions_side_of_the_plane():
    rng = np.random.default_rng(6)
    rated = {emotion: [process.rate(emotion, 1.0, rng, unclear=False) for _ in range(300)] for emotion in STATES}
    scores = np.array([rating.scores for rows in rated.values() for rating in rows])
    assert set(np.unique(scores)) == {1, 2, 3, 4, 5}
    mean = {emotion: np.mean([rating.attributes for rating in rows], axis=0) for emotion, rows in rated.items()}
    assert mean["anger"][0] < mean["neutral"][0] < mean["happiness"][0]
    assert mean["sadness"][1] < mean["neutral"][1] < mean["anger"][1]
    assert mean["sadness"][2] < mean["anger"][2]
