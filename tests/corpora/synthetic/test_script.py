from collections import Counter

import numpy as np
import pytest

from emocast.corpora.synthetic import script
from emocast.corpora.synthetic.process import MOODS


def test_scenarios_are_seven_improvised_and_five_scripted():
    names = [played.name for played in script.SCENARIOS]
    assert len(set(names)) == 12
    assert sorted(name for name in names if name.startswith("impro")) == [f"impro{n:02d}" for n in range(1, 8)]
    scripted = {played.name for played in script.SCENARIOS if played.scripted}
    assert scripted == {"script01_1", "script01_2", "script02_1", "script02_2", "script03_1"}


def test_every_mood_begins_and_attracts_three_scenarios():
    assert Counter(played.begins for played in script.SCENARIOS) == dict.fromkeys(MOODS, 3)
    assert Counter(played.drift for played in script.SCENARIOS) == dict.fromkeys(MOODS, 3)
    for played in script.SCENARIOS:
        assert set(played.start) == set(MOODS)
        assert sum(played.start.values()) == pytest.approx(1)


def test_sentences_have_five_to_twelve_words_and_are_distinct():
    assert len(set(script.SENTENCES)) == len(script.SENTENCES) >= 60
    assert all(5 <= len(sentence.split()) <= 12 for sentence in script.SENTENCES)


def test_scripted_words_are_fixed_and_improvised_ones_are_not():
    rngs = [np.random.default_rng(seed) for seed in range(8)]
    scripted, improvised = script.scenario("script02_1"), script.scenario("impro02")
    assert len({script.sentence(scripted, 3, rng) for rng in rngs}) == 1
    assert len({script.sentence(improvised, 3, rng) for rng in rngs}) > 1
    assert len({script.sentence(scripted, turn, rngs[0]) for turn in range(34)}) == 34


def test_small_corpora_mix_both_kinds():
    assert {played.scripted for played in script.first(2)} == {True, False}
    assert script.first(12) == script.SCENARIOS


def test_errors_say_what_there_is():
    with pytest.raises(ValueError, match="1 to 12"):
        script.first(13)
    with pytest.raises(ValueError, match="impro01"):
        script.scenario("impro99")
