import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

from emocast.forecasting import baselines, crossval
from emocast.forecasting.splits import Split
from emocast.metrics import Resampling

CLASSES = ["neutral", "excitement", "sadness"]

MODELS = {**baselines.of_labels(), baselines.AUDIO_PERSISTENCE: baselines.AudioPersistence()}

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
    return baselines.gather(windows, talk, classes=CLASSES, sound=sound)


@pytest.fixture
def plain(make_talk, cut):
    """The past of 30 dialogues without sound."""
    talk = make_talk(n_dialogues=30)
    windows = cut(talk)
    return baselines.gather(windows[windows["emotion"].isin(CLASSES)], talk, classes=CLASSES)


def _fold(past, seed=0):
    """A fold at random: the hardest for a baseline that must not see what it is asked."""
    order = np.random.default_rng(seed).permutation(len(past.event))
    return crossval.Fit(np.sort(order[len(past.event) // 4 :]), np.sort(order[: len(past.event) // 4]), 0, {})


def _changed(past, places, seed=1):
    """The same pasts with other labels and other sound at some utterances."""
    generator = np.random.default_rng(seed)
    labels, sound = past.labels.copy(), past.sound.copy()
    turned = {"neutral": "sadness", "sadness": "excitement", "excitement": "anger", "anger": "neutral", None: "sadness"}
    labels[places] = [turned[label] for label in labels[places]]
    sound[places] += generator.normal(size=(len(places), sound.shape[1])) + 5.0
    return dataclasses.replace(past, labels=labels, sound=sound)


@pytest.mark.parametrize("name", list(MODELS))
def test_no_baseline_reads_what_comes_after(past, name):
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


@pytest.mark.parametrize(
    "name", [name for name in MODELS if name not in ("majority", LEAKS, baselines.NEAREST, "scenario prior")]
)
def test_every_baseline_reads_what_came_before(past, name):
    """The test above would pass for a model that reads nothing: other labels and sound *before* t - d do matter."""
    fit = _fold(past)
    model = baselines.fitted(MODELS[name], past, fit)
    tested = past.take(fit.test)
    before = np.unique(np.concatenate(tested.ended))
    assert not np.array_equal(model.predict_proba(_changed(tested, before)), model.predict_proba(tested))


@pytest.mark.parametrize("name", list(MODELS))
def test_no_baseline_is_fitted_on_what_it_is_asked(past, name):
    """Other labels and other sound of the test events: what is fitted is the same to the digit."""
    fit = _fold(past)
    changed = _changed(past, past.event[fit.test])
    tested = past.take(fit.test)
    first, second = (baselines.fitted(MODELS[name], pasts, fit).predict_proba(tested) for pasts in (past, changed))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("protocol", ["random", "purged", "dialogue", "scenario"])
def test_events_and_folds_are_those_of_the_model(talk, cut, embed, protocol):
    windows = cut(talk, [0.0, 4.0])
    split, sets = Split(CLASSES, protocol, 3, 2), {"event_sets": crossval.EVENT_SETS}
    X = np.zeros((len(windows), 2))
    of_model = crossval.sweep(DummyClassifier(), windows, X, split, **sets)
    table = baselines.sweep(windows, talk, split, models={"a": MODELS["majority"], "b": MODELS["persistence"]}, **sets)
    assert list(table.columns) == ["model", *of_model.columns]
    assert list(table["model"].unique()) == ["a", "b"]
    same = ["event_set", "shift_s", "fold", "utterance", "dialogue", "emotion"]
    for _, of_baseline in table.groupby("model"):
        assert of_baseline[same].reset_index(drop=True).equals(of_model[same])
    # DummyClassifier forecasts the training's shares: the very numbers of the majority baseline.
    shares = [f"p_{name}" for name in CLASSES]
    assert np.allclose(table.loc[table["model"] == "a", shares], of_model[shares])


def test_what_learns_from_events_alone_is_fitted_once_for_all_shifts(talk, sound, cut, monkeypatch):
    fits = []
    monkeypatch.setattr(baselines, "fitted", lambda *given, own=baselines.fitted: fits.append(given) or own(*given))
    windows = cut(talk, [0.0, 4.0, 8.0])
    split, models = Split(CLASSES, "dialogue", 3, 2), {"one": baselines.AudioPersistence()}
    together = baselines.sweep(windows, talk, split, models=models, sound=sound)
    assert len(fits) == 3
    monkeypatch.setattr(type(MODELS[baselines.AUDIO_PERSISTENCE]), "of_events", False)
    apart = baselines.sweep(windows, talk, split, models=models, sound=sound)
    assert len(fits) == 3 + 9
    pd.testing.assert_frame_equal(together, apart)


def test_the_mode_of_a_dialogue_shows_the_leak(make_talk, cut):
    """Where each dialogue has its own emotion, the mode is right at random and knows nothing of a new dialogue."""
    talk = make_talk(n_dialogues=40, stay=0.97, seed=4)
    windows = cut(talk)
    accuracy = {}
    for protocol in ("random", "dialogue"):
        split = Split(CLASSES, protocol, 4, 0)
        table = baselines.sweep(windows, talk, split, models={LEAKS: MODELS[LEAKS]})
        accuracy[protocol] = np.mean(table["emotion"] == table["predicted"])
    assert accuracy["random"] > 0.7 and accuracy["dialogue"] < 0.45


@pytest.mark.parametrize("which", baselines.WHICH)
def test_persistence_repeats_the_last_emotion(plain, which):
    model = baselines.Persistence(which).fit(plain)
    last, predicted, shares = plain.latest_emotion(which), model.predict(plain), model.predict_proba(plain)
    followed = np.isin(last.astype(str), CLASSES)
    assert 0 < followed.sum() < len(plain.event)
    assert (predicted[followed] == last[followed]).all() and (shares[followed].max(axis=1) == 1).all()
    assert np.allclose(shares[~followed], plain.shares())
    assert np.allclose(shares.sum(axis=1), 1)


def test_group_prior_recognises_the_group(plain):
    """Fitted on all events, it gives each dialogue's own shares, drawn towards the prior by one event."""
    model = baselines.GroupPrior("dialogue").fit(plain)
    of_dialogue = pd.Series(plain.emotion)[plain.windows["dialogue"].eq("d03").to_numpy()]
    counts = of_dialogue.value_counts().reindex(CLASSES, fill_value=0).to_numpy()
    expected = (counts + plain.shares()) / (counts.sum() + 1)
    found = model.predict_proba(plain)[plain.windows["dialogue"].eq("d03").to_numpy()]
    assert np.allclose(found, expected)


def test_order_1_counts_what_followed(plain):
    model = baselines.Markov(1, smoothing=2.0).fit(plain)
    last = plain.latest_emotion()
    for state in ("anger", "sadness"):  # a state need not be a class in play
        counts = np.array([((last == state) & (plain.emotion == name)).sum() for name in CLASSES])
        expected = (counts + 2.0 * plain.shares()) / (counts.sum() + 2.0)
        assert np.allclose(model.predict_proba(plain)[last == state], expected)


def test_order_2_backs_off_to_order_1(plain):
    first, second = baselines.Markov(1).fit(plain), baselines.Markov(2).fit(plain)
    last, before = plain.latest_emotion(), plain.latest_emotion(back=2)
    pair = (last == "sadness") & (before == "anger")
    counts = np.array([(pair & (plain.emotion == name)).sum() for name in CLASSES])
    shorter = first.predict_proba(plain)[pair][0]
    assert 0 < counts.sum() < 20
    assert np.allclose(second.predict_proba(plain)[pair], (counts + 2 * shorter) / (counts.sum() + 2))


ALL = [*CLASSES, "anger"]


@pytest.fixture
def spoken(make_talk, cut):
    """Utterances whose sound tells their own emotion nearly for sure, that of unlabelled ones too."""
    talk = make_talk(n_dialogues=20, unlabelled=0.0)
    generator = np.random.default_rng(0)
    sound = generator.normal(scale=0.1, size=(len(talk), 4)) + np.eye(4)[talk["emotion"].map(ALL.index)]
    talk.loc[generator.random(len(talk)) < 0.2, "emotion"] = None
    windows = cut(talk, [1.0])
    return baselines.gather(windows[windows["emotion"].isin(CLASSES)], talk, classes=CLASSES, sound=sound)


def _halves(spoken):
    late = spoken.windows["dialogue"].to_numpy() >= "d10"
    return spoken.take(np.flatnonzero(~late)), spoken.take(np.flatnonzero(late))


def test_what_is_said_last_is_carried_forward(spoken):
    train, test = _halves(spoken)
    with pytest.raises(ValueError, match="needs embeddings of the utterances"):
        baselines.AudioPersistence().fit(dataclasses.replace(train, sound=None))
    model = baselines.AudioPersistence().fit(train)
    last = test.latest("window", labelled=False)
    true = np.array(ALL)[test.sound[last].argmax(axis=1)]  # also of those without a label
    known = (last >= 0) & (true != "anger")
    assert known.sum() > 50 and (test.labels[last[known]] == None).any()  # noqa: E711
    assert np.mean(model.predict(test)[known] == true[known]) > 0.97


def test_the_recogniser_chooses_its_penalty_within_the_training_part(spoken):
    """Sound that tells the emotion asks for a weak one, sound that tells nothing for a strong one."""
    train, _ = _halves(spoken)
    noise = np.random.default_rng(1).normal(size=spoken.sound.shape)
    for sound, penalties in ((spoken.sound, (1.0, 1.0)), (noise, (1e-3, 1e-2))):
        model = baselines.AudioPersistence().fit(dataclasses.replace(train, sound=sound))
        assert penalties[0] <= model.recogniser_[-1].C_.min() <= penalties[1]
        others = np.where(np.isin(np.arange(len(sound)), train.event)[:, np.newaxis], sound, sound[::-1])
        again = baselines.AudioPersistence().fit(dataclasses.replace(train, sound=others))
        assert np.array_equal(again.recogniser_[-1].coef_, model.recogniser_[-1].coef_), (
            "only the training part is read"
        )
    few = train.take(np.unique(train.emotion.astype(str), return_index=True)[1])
    assert isinstance(baselines.AudioPersistence().fit(few).recogniser_[-1], LogisticRegression)


def test_sound_that_could_not_be_embedded_is_left_out(spoken):
    """A damaged file's utterances teach nothing, and where they are the last ones known the prior stands."""
    train, test = _halves(spoken)
    damaged = spoken.sound.copy()
    damaged[train.event[::3]] = np.nan
    last = test.latest("window", labelled=False)
    damaged[last[last >= 0][:5]] = np.nan
    train, test = (dataclasses.replace(part, sound=damaged) for part in (train, test))
    shares = baselines.AudioPersistence().fit(train).predict_proba(test)
    lost = (last < 0) | np.isnan(damaged[last]).any(axis=1)
    assert np.allclose(shares[lost], train.shares()) and lost.sum() >= 5
    assert np.isfinite(shares).all() and np.ptp(shares[~lost], axis=0).min() > 0.5


@pytest.fixture
def windows(talk, cut):
    table = cut(talk, shifts=(0.0, 6.0))
    return table[table["emotion"].isin(CLASSES)].reset_index(drop=True)


def test_the_last_emotion_is_struck_out_of_the_chains_row(windows, talk):
    past = baselines.gather(windows, talk, classes=CLASSES)
    plain = baselines.Markov(1).fit(past).predict_proba(past)
    found = baselines.MarkovGivenChange(1).fit(past).predict_proba(past)
    last = past.latest_emotion()
    for row, shares in enumerate(found):
        kept = np.where(np.array(CLASSES) == last[row], 0, plain[row])
        assert np.allclose(shares, kept / kept.sum())
    strange = ~np.isin(last.astype(str), CLASSES)
    assert 0 < strange.sum() < len(past.event) and np.allclose(found[strange], plain[strange])


def test_a_uniform_guess_is_right_as_often_as_drawing_it_is():
    last = pd.Series(["neutral", "neutral", "anger", None, "sadness"])
    emotion = pd.Series(["neutral", "sadness", "sadness", "neutral", "excitement"])
    found = baselines.guess_hits(last, emotion, classes=CLASSES)
    assert found.tolist() == pytest.approx([0, 1 / 2, 1 / 3, 1 / 3, 1 / 2])


def _asked(rows, model="FC-DNN"):
    """Predictions of (dialogue, last emotion, emotion, p_neutral, p_sadness)."""
    table = pd.DataFrame(rows, columns=["dialogue", "last_emotion", "emotion", "p_neutral", "p_sadness"])
    of_class = table[["p_neutral", "p_sadness"]].set_axis(["neutral", "sadness"], axis=1)
    named = {"utterance": [f"u{row}" for row in range(len(table))], "predicted": of_class.idxmax(axis=1)}
    return table.assign(shift_s=0.0, seed=0, protocol="dialogue", drawn=table["dialogue"], model=model, **named)


EVENTS = [
    ("a", "neutral", "sadness", 0.2, 0.8),  # changes, and is thought to: 0.8
    ("a", "neutral", "neutral", 0.4, 0.6),  # stays, thought to change: 0.6
    ("b", "sadness", "neutral", 0.5, 0.5),  # changes: 0.5
    ("b", "sadness", "sadness", 0.1, 0.9),  # stays: 0.1
    ("b", "anger", "sadness", 0.3, 0.7),  # the last emotion is not in play: a change is certain
    ("b", None, "sadness", 0.3, 0.7),  # there was none
]


def test_whether_the_emotion_changes_is_scored_by_hand():
    named = [(1, 0), (1, 0), (1, 0), (0, 1), (1, 0), (1, 0)]
    heard = [(*event[:3], *shares) for event, shares in zip(EVENTS, named, strict=True)]
    table = pd.concat([_asked(EVENTS), _asked(heard, model=baselines.AUDIO_PERSISTENCE)], ignore_index=True)
    models = {"true": ["FC-DNN", "nobody"], "recognised": ["FC-DNN", baselines.AUDIO_PERSISTENCE]}
    found = baselines.change_detection(table, Resampling(draws=200), models=models)
    assert found[["last", "model", "n"]].to_numpy().tolist() == [
        ["true", "FC-DNN", 4], ["recognised", "FC-DNN", 4], ["recognised", baselines.AUDIO_PERSISTENCE, 4],
    ]  # fmt: skip
    true, recognised, certain = found.to_dict("records")
    # Of the four pairs of a change and a rest, (0.8, 0.6), (0.8, 0.1) and (0.5, 0.1) are in order.
    assert (true["changes"], true["roc_auc"], true["average_precision"]) == (0.5, 0.75, pytest.approx((1 + 2 / 3) / 2))
    assert true["brier"] == pytest.approx((0.2**2 + 0.6**2 + 0.5**2 + 0.1**2) / 4)
    # The third event's last emotion is heard as neutral: p(change) is 1 - p_neutral, 0.5 again; the truth is the same.
    assert (recognised["roc_auc"], recognised["changes"]) == (0.75, 0.5)
    assert certain["roc_auc"] == 0.5 and certain["brier"] == 0.5, "who is sure that nothing changes tells nothing apart"


@pytest.mark.parametrize("seeds", [1, 2])
def test_scores_of_changes_are_scikit_learns_and_draws_are_of_whole_groups(seeds):
    generator = np.random.default_rng(1)
    rows, share = [], generator.integers(1, 8, size=300) / 8  # with ties
    for number in range(300):
        last, emotion = generator.choice(["neutral", "sadness"], size=2)
        rows.append((f"d{number // 10}", last, emotion, share[number], 1 - share[number]))
    table = _asked(rows)
    if seeds > 1:  # the same events of another training
        table = table.assign(
            utterance=table["utterance"].where(table.index < 150, "u" + (table.index - 150).astype(str))
        )
        table = table.assign(seed=np.repeat([0, 1], 150), dialogue=[f"d{number % 150 // 10}" for number in range(300)])
    how = Resampling(draws=40)
    found = baselines.change_detection(table, how, models={"true": ["FC-DNN"]}).iloc[0]
    changed = (table["emotion"] != table["last_emotion"]).to_numpy()
    chance = np.where(table["last_emotion"] == "neutral", 1 - table["p_neutral"], 1 - table["p_sadness"])
    assert found["roc_auc"] == pytest.approx(roc_auc_score(changed, chance))
    assert found["average_precision"] == pytest.approx(average_precision_score(changed, chance))
    assert found["brier"] == pytest.approx(np.mean((changed - chance) ** 2))
    owner, names = pd.factorize(table["dialogue"])
    cell = owner if seeds == 1 else owner * 2 + table["seed"]
    drawn = how.weights(len(names), seeds)[:, cell]
    for score, function in {"roc_auc": roc_auc_score, "average_precision": average_precision_score}.items():
        low, high = how.ends(np.array([function(changed, chance, sample_weight=some) for some in drawn]), len(names))
        assert (found[f"{score}_low"], found[f"{score}_high"]) == (pytest.approx(low), pytest.approx(high))
