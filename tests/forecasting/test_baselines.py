import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier

from emocast.forecasting import baselines, evaluate, history
from emocast.forecasting.runs import Fit

CLASSES = ["neutral", "excitement", "sadness"]
MODELS = {**baselines.of_labels(), **baselines.of_sound()}
#: What is fitted on the training events of the event's own dialogue, later ones too, and says so.
LEAKS = "dialogue mode"


@pytest.fixture
def talk(make_talk):
    return make_talk(n_dialogues=15)


@pytest.fixture
def sound(talk):
    return np.random.default_rng(5).normal(size=(len(talk), 6))


@pytest.fixture
def past(talk, sound, cut):
    windows = cut(talk, [2.0])
    windows = windows[windows["emotion"].isin(CLASSES)].reset_index(drop=True)
    return history.gather(windows, talk, classes=CLASSES, sound=sound)


def _fold(past, seed=0):
    """A fold at random: the hardest for a baseline that must not see what it is asked."""
    order = np.random.default_rng(seed).permutation(len(past))
    return Fit(np.sort(order[len(past) // 4 :]), np.sort(order[: len(past) // 4]), 0, {})


def _changed(past, places, seed=1):
    """The same pasts with other labels and other sound at some utterances."""
    generator = np.random.default_rng(seed)
    labels, sound = past.labels.copy(), past.sound.copy()
    turned = {"neutral": "sadness", "sadness": "excitement", "excitement": "anger", "anger": "neutral", None: "sadness"}
    labels[places] = [turned[label] for label in labels[places]]
    sound[places] += generator.normal(size=(len(places), sound.shape[1])) + 5.0
    return dataclasses.replace(past, labels=labels, sound=sound)


@pytest.mark.parametrize("name", list(MODELS))
def test_no_baseline_hears_what_comes_after(past, name):
    """Other labels and other sound of all that had not ended at t - d: each event's forecast is the same to the digit."""
    fit = _fold(past)
    model = baselines.fitted(MODELS[name], past, fit)
    for row in fit.test[::12]:
        one = past.take(np.array([row]))
        later = past.utterances["end_s"].to_numpy() > past.windows["end_s"].iloc[row] + 1e-6
        own = later & past.utterances["dialogue"].eq(past.windows["dialogue"].iloc[row]).to_numpy()
        assert own[past.event[row]]
        changed = _changed(one, np.flatnonzero(own))
        assert np.array_equal(model.predict_proba(changed), model.predict_proba(one))


@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("majority", LEAKS, "scenario prior")])
def test_every_baseline_hears_what_came_before(past, name):
    """The test above would pass for a model that reads nothing: other labels and sound *before* t - d do matter."""
    fit = _fold(past)
    model = baselines.fitted(MODELS[name], past, fit)
    tested = past.take(fit.test)
    before = np.unique(np.concatenate(tested.heard))
    assert not np.array_equal(model.predict_proba(_changed(tested, before)), model.predict_proba(tested))


@pytest.mark.parametrize("name", list(MODELS))
def test_no_baseline_is_fitted_on_what_it_is_asked(past, name):
    """Other labels and other sound of the test events: what is fitted is the same to the digit."""
    fit = _fold(past)
    changed = _changed(past, past.event[fit.test])
    tested = past.take(fit.test)
    first, second = (baselines.fitted(MODELS[name], pasts, fit).predict_proba(tested) for pasts in (past, changed))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("name", list(MODELS))
def test_every_baseline_gives_probabilities(past, name):
    fit = _fold(past)
    model = baselines.fitted(MODELS[name], past, fit)
    shares = model.predict_proba(past.take(fit.test))
    assert shares.shape == (len(fit.test), 3)
    assert (shares >= 0).all() and np.allclose(shares.sum(axis=1), 1)
    assert list(model.predict(past.take(fit.test))) == [CLASSES[place] for place in shares.argmax(axis=1)]
    assert clone(model).get_params().keys() == model.get_params().keys()


@pytest.mark.parametrize("protocol", ["random", "purged", "dialogue", "scenario"])
def test_events_and_folds_are_those_of_the_model(talk, cut, embed, protocol):
    windows = cut(talk, [0.0, 4.0])
    options = {"classes": CLASSES, "protocol": protocol, "n_splits": 3, "random_state": 2}
    X = np.zeros((len(windows), 2))
    of_model = evaluate.sweep(DummyClassifier(), windows, X, **options, progress=False)
    table = baselines.sweep(windows, talk, models={"a": MODELS["majority"], "b": MODELS["persistence"]}, **options)
    assert list(table.columns) == ["model", *of_model.columns]
    assert list(table["model"].unique()) == ["a", "b"]
    same = ["event_set", "shift_s", "fold", "utterance", "dialogue", "emotion"]
    for _, of_baseline in table.groupby("model"):
        assert of_baseline[same].reset_index(drop=True).equals(of_model[same])
    # DummyClassifier forecasts the training's shares: the very numbers of the majority baseline.
    shares = [f"p_{name}" for name in CLASSES]
    assert np.allclose(table.loc[table["model"] == "a", shares], of_model[shares])


def test_a_sweep_is_what_its_folds_say(talk, cut):
    windows = cut(talk, [0.0, 4.0])
    options = {"classes": CLASSES, "protocol": "dialogue", "n_splits": 3, "random_state": 2}
    models = {name: MODELS[name] for name in ("Markov chain, order 2", "hidden semi-Markov")}
    table = baselines.sweep(windows, talk, models=models, event_sets=["fixed"], **options)
    past = history.gather(windows, talk, classes=CLASSES)
    for fit in evaluate.plan(windows, event_sets=["fixed"], **options)[::2]:
        for name, model in models.items():
            of_fold = table[
                (table["model"] == name)
                & (table["shift_s"] == fit.marks["shift_s"])
                & (table["fold"] == fit.marks["fold"])
            ]
            expected = baselines.fitted(model, past, fit).predict_proba(past.take(fit.test))
            assert sorted(of_fold["utterance"]) == sorted(windows["utterance"].iloc[fit.test])
            found = of_fold.set_index("utterance").loc[windows["utterance"].iloc[fit.test]]
            assert np.allclose(found[[f"p_{emotion}" for emotion in CLASSES]], expected)


def test_what_learns_from_events_alone_is_fitted_once_for_all_shifts(talk, sound, cut, monkeypatch):
    fits = []
    monkeypatch.setattr(baselines, "fitted", lambda *given, own=baselines.fitted: fits.append(given) or own(*given))
    windows = cut(talk, [0.0, 4.0, 8.0])
    options = {"classes": CLASSES, "protocol": "dialogue", "n_splits": 3, "event_sets": ["fixed"], "random_state": 2}
    together = baselines.sweep(windows, talk, models=baselines.of_sound(), sound=sound, **options)
    assert len(fits) == 3
    monkeypatch.setattr(type(MODELS[baselines.AUDIO_PERSISTENCE]), "of_events", False)
    apart = baselines.sweep(windows, talk, models=baselines.of_sound(), sound=sound, **options)
    assert len(fits) == 3 + 9
    pd.testing.assert_frame_equal(together, apart)


def test_audio_persistence_needs_and_takes_sound(talk, sound, cut):
    windows = cut(talk, [1.0])
    options = {"classes": CLASSES, "protocol": "dialogue", "n_splits": 3, "event_sets": ["fixed"], "random_state": 0}
    assert baselines.AUDIO_PERSISTENCE not in set(baselines.sweep(windows, talk, **options)["model"])
    table = baselines.sweep(windows, talk, sound=sound, **options)
    assert list(table["model"].unique()) == list(MODELS)


def test_the_mode_of_a_dialogue_shows_the_leak(make_talk, cut):
    """Where each dialogue has its own emotion, the mode is right at random and knows nothing of a new dialogue."""
    talk = make_talk(n_dialogues=40, stay=0.97, seed=4)
    windows = cut(talk)
    accuracy = {}
    for protocol in ("random", "dialogue"):
        table = baselines.sweep(
            windows, talk, models={LEAKS: MODELS[LEAKS]}, classes=CLASSES, protocol=protocol, n_splits=4,
            event_sets=["fixed"], random_state=0,
        )  # fmt: skip
        accuracy[protocol] = np.mean(table["emotion"] == table["predicted"])
    assert accuracy["random"] > 0.7 and accuracy["dialogue"] < 0.45


@pytest.mark.parametrize("name", list(baselines.of_embeddings()))
def test_classifiers_of_embeddings_find_a_signal(make_windows, embed, name):
    windows = make_windows(n_dialogues=20)
    X = embed(windows, strength=3.0)
    table = evaluate.cross_validate(
        baselines.of_embeddings()[name], X, windows, protocol="dialogue", n_splits=3, random_state=0
    )
    assert np.mean(table["emotion"] == table["predicted"]) > 0.8
    assert np.allclose(table[[f"p_{emotion}" for emotion in CLASSES]].sum(axis=1), 1)
