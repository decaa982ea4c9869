import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from emocast.forecasting import carried, history

CLASSES = ["neutral", "excitement", "sadness"]
ALL = [*CLASSES, "anger"]


@pytest.fixture
def past(make_talk, cut):
    """Utterances whose sound tells their own emotion nearly for sure, that of unlabelled ones too."""
    talk = make_talk(n_dialogues=20, unlabelled=0.0)
    generator = np.random.default_rng(0)
    sound = generator.normal(scale=0.1, size=(len(talk), 4)) + np.eye(4)[talk["emotion"].map(ALL.index)]
    talk.loc[generator.random(len(talk)) < 0.2, "emotion"] = None
    windows = cut(talk, [1.0])
    return history.gather(windows[windows["emotion"].isin(CLASSES)], talk, classes=CLASSES, sound=sound)


def _halves(past):
    late = past.windows["dialogue"].to_numpy() >= "d10"
    return past.take(np.flatnonzero(~late)), past.take(np.flatnonzero(late))


def test_what_is_heard_last_is_carried_forward(past):
    train, test = _halves(past)
    model = carried.AudioPersistence(LogisticRegression(C=100.0)).fit(train)
    last = test.latest("window", labelled=False)
    true = np.array(ALL)[test.sound[last].argmax(axis=1)]  # also of those without a label
    heard = (last >= 0) & (true != "anger")
    assert heard.sum() > 50 and (test.labels[last[heard]] == None).any()  # noqa: E711
    assert np.mean(model.predict(test)[heard] == true[heard]) > 0.97


def test_no_utterance_in_the_window_is_the_prior(past):
    train, test = _halves(past)
    short = test.windows.assign(start_s=test.windows["end_s"] - 0.5)  # no utterance is that short
    test = dataclasses.replace(test, windows=short)
    model = carried.AudioPersistence().fit(train)
    assert np.allclose(model.predict_proba(test), train.shares())


def test_no_label_is_read_when_it_forecasts(past):
    train, test = _halves(past)
    model = carried.AudioPersistence().fit(train)
    blind = test.without(test.utterances["utterance"])
    assert np.array_equal(model.predict_proba(test), model.predict_proba(blind))


def test_the_recogniser_learns_from_the_training_utterances_alone(past):
    train, test = _halves(past)
    first = carried.AudioPersistence().fit(train).predict_proba(test)
    own = train.event
    poisoned = past.sound.copy()
    others = np.setdiff1d(np.arange(len(poisoned)), np.r_[own, test.latest("window", labelled=False)])
    poisoned[others] = 1e3
    train.sound[:] = poisoned  # train and test share it
    assert np.array_equal(carried.AudioPersistence().fit(train).predict_proba(test), first)


def test_a_class_without_training_has_no_share(past):
    train, test = _halves(past)
    model = carried.AudioPersistence().fit(train.take(np.flatnonzero(train.emotion != "sadness")))
    shares = model.predict_proba(test)
    assert (shares[:, 2] == 0).all() and np.allclose(shares.sum(axis=1), 1)


def test_without_sound_it_says_so(make_talk, cut):
    talk = make_talk()
    with pytest.raises(ValueError, match="needs embeddings of the utterances"):
        carried.AudioPersistence().fit(history.gather(cut(talk), talk, classes=ALL))


def test_sound_that_could_not_be_embedded_is_left_out(past):
    """A damaged file's utterances teach nothing, and where they are the last ones heard the prior stands."""
    train, test = _halves(past)
    damaged = past.sound.copy()
    damaged[train.event[::3]] = np.nan
    last = test.latest("window", labelled=False)
    damaged[last[last >= 0][:5]] = np.nan
    train, test = (dataclasses.replace(part, sound=damaged) for part in (train, test))
    shares = carried.AudioPersistence().fit(train).predict_proba(test)
    lost = (last < 0) | np.isnan(damaged[last]).any(axis=1)
    assert np.allclose(shares[lost], train.shares()) and lost.sum() >= 5
    assert np.isfinite(shares).all() and np.ptp(shares[~lost], axis=0).min() > 0.5
