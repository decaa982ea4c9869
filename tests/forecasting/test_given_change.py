import numpy as np
import pandas as pd
import pytest

from emocast.forecasting import changes, company, given_change, history, markov

CLASSES = ["neutral", "excitement", "sadness"]
COMMON = {"classes": CLASSES, "n_splits": 3, "random_state": 0}


@pytest.fixture
def talk(make_talk):
    return make_talk()


@pytest.fixture
def windows(talk, cut):
    table = cut(talk, shifts=(0.0, 6.0))
    return table[table["emotion"].isin(CLASSES)].reset_index(drop=True)


@pytest.fixture
def told(windows, talk):
    return given_change.sweep(windows, talk, protocol="dialogue", **COMMON)


def test_the_last_emotion_is_struck_out_of_the_chains_row(windows, talk):
    past = history.gather(windows, talk, classes=CLASSES)
    plain = markov.Markov(1).fit(past).predict_proba(past)
    found = given_change.MarkovGivenChange(1).fit(past).predict_proba(past)
    last = past.latest_emotion()
    for row, shares in enumerate(found):
        kept = np.where(np.array(CLASSES) == last[row], 0, plain[row])
        assert np.allclose(shares, kept / kept.sum())
    strange = ~np.isin(last.astype(str), CLASSES)
    assert 0 < strange.sum() < len(past) and np.allclose(found[strange], plain[strange])


def test_the_chain_stands_on_the_events_of_the_company_and_is_fitted_on_their_training(windows, talk, told):
    others = company.climb(windows, talk, asked=["dialogue"], progress=False, **COMMON)
    keys = ["protocol", "shift_s", "utterance", "fold"]
    other = others[others["model"] == "majority"]
    assert np.array_equal(told[keys].sort_values(keys), other[keys].sort_values(keys))
    in_play = told[told[changes.LAST].isin(CLASSES)]
    assert (in_play["predicted"] != in_play[changes.LAST]).all()
    tested = told[(told["fold"] == 0) & (told["shift_s"] == 0)]
    past = history.gather(windows, talk, classes=CLASSES)
    fixed = windows["utterance"].isin(told["utterance"]) & windows["shift_s"].eq(0)
    train = np.flatnonzero(fixed & ~windows["utterance"].isin(tested["utterance"]))
    test = np.flatnonzero(fixed & windows["utterance"].isin(tested["utterance"]))
    own = given_change.MarkovGivenChange().fit(past.take(train)).predict_proba(past.take(test))
    columns = [f"p_{name}" for name in CLASSES]
    shares = tested.set_index("utterance").loc[windows["utterance"].iloc[test], columns]
    assert len(shares) > 10 and np.allclose(shares, own)


def test_a_uniform_guess_is_right_as_often_as_drawing_it_is():
    last = pd.Series(["neutral", "neutral", "anger", None, "sadness"])
    emotion = pd.Series(["neutral", "sadness", "sadness", "neutral", "excitement"])
    found = given_change.guess_hits(last, emotion, classes=CLASSES)
    assert found.tolist() == pytest.approx([0, 1 / 2, 1 / 3, 1 / 3, 1 / 2])
    generator = np.random.default_rng(0)
    for place, name in enumerate(last):
        others = [emotion for emotion in CLASSES if emotion != name]
        assert np.mean(generator.choice(others, 4000) == emotion[place]) == pytest.approx(found[place], abs=0.03)


def test_hits_are_of_the_events_that_all_have(told):
    now = told[told["shift_s"] == 0]
    other = now.assign(model="other", predicted=now["emotion"]).iloc[2:]
    found = given_change.hits(
        pd.concat([now, other]), models=["other", given_change.CHAIN, "not there"], classes=CLASSES
    )
    assert len(found) == len(other) and (found["other"] == 1).all() and "not there" not in found
    facts = now.set_index("utterance").loc[found.index]
    assert (found[given_change.CHAIN] == (facts["emotion"] == facts["predicted"])).all()
    assert (found["dialogue"] == facts["dialogue"]).all()
    expected = given_change.guess_hits(facts[changes.LAST], facts["emotion"], classes=CLASSES)
    assert (found[given_change.GUESS] == expected).all()


def test_the_guess_has_rows_among_those_of_the_others(told):
    options = {"level": 0.9, "draws": 50, "random_state": 0}
    models = [given_change.GUESS, "not there", given_change.CHAIN]
    found = given_change.scores(told, models=models, classes=CLASSES, **options)
    others = changes.scores(told, models=[given_change.CHAIN], by=["shift_s", "model"], **options)
    of_guess, of_chain = (found[found["model"] == name].reset_index(drop=True) for name in (models[0], models[2]))
    pd.testing.assert_frame_equal(of_chain, others)
    keys = ["shift_s", "events", "n", "groups"]
    assert of_guess[keys].to_numpy().tolist() == others[keys].to_numpy().tolist()
    assert found["model"].tolist() == [*[models[0]] * 3, *[models[2]] * 3] * 2, "in the order asked for, shift by shift"
    now = of_guess[of_guess["shift_s"] == 0].set_index("events")
    assert now.loc["stay", "accuracy"] == 0 and 1 / 3 < now.loc["shift", "accuracy"] < 1 / 2
    assert now.loc["shift", "accuracy_low"] <= now.loc["shift", "accuracy"] <= now.loc["shift", "accuracy_high"]
