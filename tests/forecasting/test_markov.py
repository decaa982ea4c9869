import numpy as np
import pytest

from emocast.forecasting import history, markov

CLASSES = ["neutral", "excitement", "sadness"]


@pytest.fixture
def past(make_talk, cut):
    talk = make_talk(n_dialogues=30)
    windows = cut(talk)
    return history.gather(windows[windows["emotion"].isin(CLASSES)], talk, classes=CLASSES)


def test_order_1_counts_what_followed(past):
    model = markov.Markov(1, smoothing=2.0).fit(past)
    last = past.latest_emotion()
    for state in ("anger", "sadness"):  # a state need not be a class in play
        counts = np.array([((last == state) & (past.emotion == name)).sum() for name in CLASSES])
        expected = (counts + 2.0 * past.shares()) / (counts.sum() + 2.0)
        assert np.allclose(model.predict_proba(past)[last == state], expected)


def test_order_2_backs_off_to_order_1(past):
    first, second = markov.Markov(1).fit(past), markov.Markov(2).fit(past)
    last, before = past.latest_emotion(), past.latest_emotion(back=2)
    pair = (last == "sadness") & (before == "anger")
    counts = np.array([(pair & (past.emotion == name)).sum() for name in CLASSES])
    shorter = first.predict_proba(past)[pair][0]
    assert 0 < counts.sum() < 20
    assert np.allclose(second.predict_proba(past)[pair], (counts + 2 * shorter) / (counts.sum() + 2))
    # A pair that the training never had is forecast by its last emotion alone.
    blind = markov.Markov(2).fit(past.take(np.flatnonzero(~pair)))
    shorter = markov.Markov(1).fit(past.take(np.flatnonzero(~pair))).predict_proba(past)[pair]
    assert np.allclose(blind.predict_proba(past)[pair], shorter)


def test_a_state_never_met_gives_the_prior(past):
    last = past.latest_emotion()
    model = markov.Markov(2).fit(past.take(np.flatnonzero(last != "sadness")))
    assert np.allclose(model.predict_proba(past)[last == "sadness"], model.prior_)


def test_settings_are_checked(past):
    for wrong in ({"order": 0}, {"smoothing": 0.0}):
        with pytest.raises(ValueError, match="at least 1, and above 0"):
            markov.Markov(**wrong).fit(past)
