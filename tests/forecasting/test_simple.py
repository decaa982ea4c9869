import numpy as np
import pandas as pd
import pytest

from emocast.forecasting import history, simple

CLASSES = ["neutral", "excitement", "sadness"]


@pytest.fixture
def past(make_talk, cut):
    talk = make_talk()
    windows = cut(talk)
    return history.gather(windows[windows["emotion"].isin(CLASSES)], talk, classes=CLASSES)


def test_majority_says_what_is_commonest(past):
    rows = np.flatnonzero(past.emotion == "sadness")[:9]
    train = past.take(np.r_[rows, np.flatnonzero(past.emotion == "neutral")[:5]])
    model = simple.Majority().fit(train)
    assert set(model.predict(past)) == {"sadness"}
    assert np.allclose(model.predict_proba(past), [5 / 14, 0, 9 / 14])


@pytest.mark.parametrize("which", history.WHICH)
def test_persistence_repeats_the_last_emotion(past, which):
    model = simple.Persistence(which).fit(past)
    last, predicted, shares = past.latest_emotion(which), model.predict(past), model.predict_proba(past)
    followed = np.isin(last.astype(str), CLASSES)
    assert 0 < followed.sum() < len(past)
    assert (predicted[followed] == last[followed]).all() and (shares[followed].max(axis=1) == 1).all()
    assert np.allclose(shares[~followed], past.shares())
    assert np.allclose(shares.sum(axis=1), 1)


def test_it_is_counted_where_persistence_has_nothing_to_carry_on(make_talk, cut):
    talk = make_talk()
    windows = cut(talk, shifts=(0.0, 30.0))
    windows = windows[windows["emotion"].isin(CLASSES)].reset_index(drop=True)
    both = history.gather(windows, talk, classes=CLASSES)
    shares = simple.Persistence().fit(both).predict_proba(both)
    table = windows[["shift_s"]].assign(**{f"p_{name}": shares[:, place] for place, name in enumerate(CLASSES)})
    carried = pd.Series(both.latest_emotion()).isin(CLASSES)
    for shift, share in simple.nothing_carried(table).items():
        assert 0 < share == pytest.approx(1 - carried[windows["shift_s"] == shift].mean())


def test_group_prior_recognises_the_group(past):
    """Fitted on all events, it gives each dialogue's own shares, drawn towards the prior by one event."""
    model = simple.GroupPrior("dialogue").fit(past)
    of_dialogue = pd.Series(past.emotion)[past.windows["dialogue"].eq("d03").to_numpy()]
    counts = of_dialogue.value_counts().reindex(CLASSES, fill_value=0).to_numpy()
    expected = (counts + past.shares()) / (counts.sum() + 1)
    found = model.predict_proba(past)[past.windows["dialogue"].eq("d03").to_numpy()]
    assert np.allclose(found, expected)


@pytest.mark.parametrize("column", ["dialogue", "scenario"])
def test_group_prior_knows_nothing_of_a_new_group(past, column):
    groups = past.windows[column].to_numpy()
    new = groups == groups[0]
    model = simple.GroupPrior(column).fit(past.take(np.flatnonzero(~new)))
    shares = model.predict_proba(past)
    assert np.allclose(shares[new], model.prior_)
    assert np.ptp(shares[~new], axis=0).min() > 0.05


def test_rows_without_a_group_are_no_group(past):
    windows = past.windows.assign(scenario=pd.array([pd.NA] * len(past), dtype="string"))
    unknown = history.gather(windows, past.utterances.drop(columns="turn"), classes=CLASSES)
    assert np.allclose(simple.GroupPrior("scenario").fit(unknown).predict_proba(unknown), unknown.shares())
