import dataclasses

import numpy as np
import pytest

from emocast.forecasting import history, segments, semi_markov

CLASSES = ["neutral", "excitement", "sadness"]


@pytest.fixture
def past(make_talk, cut):
    talk = make_talk(n_dialogues=16)
    windows = cut(talk, [3.0])
    return history.gather(windows[windows["emotion"].isin(CLASSES)], talk, classes=CLASSES)


def test_the_number_of_turns_is_marginalised(past):
    """By hand: filter each past, forecast each number of turns, weigh by the training's numbers, restrict, weigh classes."""
    model = semi_markov.SemiMarkov(iterations=5).fit(past)
    steps, total = np.unique(past.steps(), return_counts=True)
    assert len(steps) > 2
    symbols = model.symbols_
    found = model.predict_proba(past)
    for row in (0, 40, 90):
        line = tuple(segments.UNKNOWN if label is None else symbols.index(label) for label in past.sequences()[row])
        states = segments.filtered(model.model_, [line])
        mixed = sum(
            count / total.sum() * model.model_.ahead(states, np.eye(step)[-1])[0]
            for step, count in zip(steps, total, strict=True)
        )
        heard = {name: np.sum(past.labels == name) for name in CLASSES}
        shares = [
            mixed[symbols.index(name)] * prior / heard[name] for name, prior in zip(CLASSES, past.shares(), strict=True)
        ]
        assert np.allclose(found[row], np.array(shares) / sum(shares))


def test_it_never_learns_the_tested_distance(past):
    """A test event's own number of turns must not matter: it is not known at the time of the forecast."""
    model = semi_markov.SemiMarkov(iterations=3).fit(past)
    elsewhere = dataclasses.replace(past, event=np.roll(past.event, 7))
    assert not np.array_equal(elsewhere.steps(), past.steps())
    assert np.array_equal(model.predict_proba(elsewhere), model.predict_proba(past))


def test_it_learns_from_the_training_dialogues_alone(past):
    train = np.flatnonzero(past.windows["dialogue"].isin(["d00", "d01", "d02", "d03"]))
    others = past.utterances["utterance"][~past.utterances["dialogue"].isin(["d00", "d01", "d02", "d03"])]
    first = semi_markov.SemiMarkov(iterations=3).fit(past.take(train))
    blind = semi_markov.SemiMarkov(iterations=3).fit(past.take(train).without(others))
    assert np.array_equal(first.predict_proba(past.take(train)), blind.predict_proba(past.take(train)))


def test_moods_that_last_are_forecast(make_talk, cut):
    """Where emotions last it beats the prior by far, and where they do not it is no better."""
    hits = {}
    for stay in (0.95, 0.0):
        talk = make_talk(n_dialogues=40, stay=stay)
        windows = cut(talk)
        windows = windows[windows["emotion"].isin(CLASSES)].reset_index(drop=True)
        past = history.gather(windows, talk, classes=CLASSES)
        train = np.flatnonzero(windows["dialogue"] < "d20")
        test = np.flatnonzero(windows["dialogue"] >= "d20")
        model = semi_markov.SemiMarkov().fit(past.take(train))
        hits[stay] = np.mean(model.predict(past.take(test)) == past.emotion[test])
    assert hits[0.95] > 0.85 and hits[0.0] < 0.45


def test_a_class_that_the_training_never_had_has_no_share(past):
    train = past.take(np.flatnonzero(past.emotion != "sadness")).without(
        past.utterances["utterance"][past.utterances["emotion"] == "sadness"]
    )
    shares = semi_markov.SemiMarkov(iterations=2).fit(train).predict_proba(past)
    assert (shares[:, 2] == 0).all() and np.allclose(shares.sum(axis=1), 1)
