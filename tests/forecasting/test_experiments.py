"""The preprint's experiment, and model, baselines and ceilings on the same events under every protocol."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from emocast import windows as cutting
from emocast.corpora import meld
from emocast.forecasting import baselines, ceiling, crossval, experiments, splits
from emocast.forecasting.crossval import Computing
from emocast.forecasting.fcdnn import FCDNNClassifier
from emocast.forecasting.splits import Split
from emocast.metrics import Resampling

CLASSES = ("excitement", "sadness", "neutral")
NETWORK = {"hidden_layers": 1, "hidden_units": 16, "learning_rate": 1e-2, "epochs": 15}
QUIET = Computing(progress=False)
RESAMPLING = Resampling(draws=50)
SPLIT = Split(("neutral", "excitement", "sadness"), "random", 3, 2)
PROTOCOLS = ["random", "dialogue", "session"]
KEYS = ["shift_s", "fold", "utterance", "dialogue", "emotion"]


@pytest.fixture
def data(make_windows, embed):
    """Events in 12 dialogues; the embedding holds the emotion to come, with noise."""
    windows = make_windows()
    return windows, embed(windows, strength=3.0)


def run(network, windows, embeddings, protocol):
    split = Split(CLASSES, protocol, 3, 0)
    return experiments.run(network, windows, embeddings, split, test_fraction=0.2, computing=QUIET)


def test_a_signal_is_found_on_both_ways(data):
    windows, embeddings = data
    result = run(FCDNNClassifier(**NETWORK), windows, embeddings, "dialogue")
    assert not set(result.test["utterance"]) & set(result.folds["utterance"])
    assert result.proof["dialogues_shared"] == result.proof["seconds_shared"] == 0
    scores = result.scores(RESAMPLING)
    smallest = windows["emotion"].value_counts().min()
    assert scores["n_train"] + scores["n_test"] == 3 * smallest
    assert scores["n_test"] == pytest.approx(0.2 * 3 * smallest, rel=0.3)
    assert scores["cv_mean"] > 80
    assert scores["test_accuracy"] > 0.8
    assert scores["test_low"] <= scores["test_accuracy"] <= scores["test_high"]
    assert scores["chance"] == pytest.approx(1 / 3)
    assert result.classes == ["neutral", "excitement", "sadness"]


def test_the_held_out_part_changes_nothing_but_itself(data):
    """Poisoned test embeddings must not move the model: not by scaling, not by choosing an epoch."""
    windows, embeddings = data
    network = FCDNNClassifier(**NETWORK, standardize=True)
    clean = run(network, windows, embeddings, "random")
    poisoned = embeddings.copy()
    poisoned[windows["utterance"].isin(clean.test["utterance"])] += 1e6
    again = run(network, windows, poisoned, "random")
    pd.testing.assert_frame_equal(again.folds, clean.folds)
    pd.testing.assert_series_equal(again.losses["train_loss"], clean.losses["train_loss"])
    assert not again.losses["validation_loss"].equals(clean.losses["validation_loss"])


@pytest.fixture(scope="module")
def windows(unspoken):
    """The windows of a third of the conversations, at two shifts."""
    talk = unspoken[1]
    few = talk["scenario"].isin(sorted(talk["scenario"].unique())[:4])
    return cutting.sweep(talk[few & talk["emotion"].notna()], [0.0, 6.0], length_s=10.0)


@pytest.fixture(scope="module")
def X(windows):
    return np.random.default_rng(0).normal(size=(len(windows), 3)).astype(np.float32)


@pytest.fixture(scope="module")
def sound(unspoken):
    return np.random.default_rng(1).normal(size=(len(unspoken[1]), 3))


@pytest.fixture(scope="module")
def predicted(unspoken, windows, X, sound):
    folder, talk = unspoken
    models = {experiments.MODEL: (LogisticRegression(), X)}
    return experiments.evaluate_protocols(
        models, windows, talk, SPLIT, protocols=PROTOCOLS, sound=sound, folder=folder, computing=QUIET
    )


def test_everybody_is_given_the_same_events_in_the_same_folds(predicted):
    repeats = [baselines.PERSISTENCE, baselines.IN_PLAY, baselines.NEAREST, baselines.AUDIO_PERSISTENCE]
    names = [experiments.MODEL, baselines.NEIGHBOUR, *repeats, *ceiling.BOUNDS]
    assert list(predicted["protocol"].unique()) == PROTOCOLS and list(predicted["model"].unique()) == names
    for _, table in predicted.groupby("protocol"):
        events = {name: rows[KEYS].sort_values(KEYS).to_numpy().tolist() for name, rows in table.groupby("model")}
        assert all(found == events[experiments.MODEL] for found in events.values())
    # From protocol to protocol and from shift to shift the events are the same, the folds are not.
    events = predicted.groupby(["protocol", "shift_s"])["utterance"].agg(lambda names: tuple(sorted(set(names))))
    assert len(set(events)) == 1
    assert set(predicted["event_set"]) == {"fixed"}


@pytest.mark.parametrize("protocol", ["random", "session"])
def test_a_protocol_is_what_each_says_alone(unspoken, windows, X, sound, predicted, protocol):
    folder, talk = unspoken
    own = SPLIT.under(protocol)
    carried = {
        baselines.AUDIO_PERSISTENCE: baselines.AudioPersistence(),
        baselines.PERSISTENCE: baselines.Persistence(),
        baselines.IN_PLAY: baselines.Persistence("in play"),
        baselines.NEAREST: baselines.NearestEvent(),
    }
    learners = {
        experiments.MODEL: LogisticRegression(),
        baselines.NEIGHBOUR: baselines.of_embeddings()[baselines.NEIGHBOUR],
    }
    alone = [
        *(
            crossval.sweep(learner, windows, X, own, computing=QUIET).assign(model=name)
            for name, learner in learners.items()
        ),
        baselines.sweep(windows, talk, own, models=carried, sound=sound),
        ceiling.sweep(windows, talk, folder, own),
    ]
    order = ["model", *KEYS]
    expected = pd.concat(alone).sort_values(order).reset_index(drop=True)
    found = predicted[predicted["protocol"] == protocol].sort_values(order).reset_index(drop=True)
    pd.testing.assert_frame_equal(found[list(expected.columns)], expected)


def test_what_is_held_out_is_drawn(predicted, windows):
    of_protocol = predicted.drop_duplicates(["protocol", "utterance"]).merge(
        windows[["utterance", "session"]].drop_duplicates(), on="utterance"
    )
    rows = dict(list(of_protocol.groupby("protocol")))
    assert (rows["random"]["drawn"] == rows["random"]["dialogue"]).all()
    assert (rows["session"]["drawn"] == rows["session"]["session"].astype(str)).all()


def test_without_sound_or_a_known_process_those_stay_away(windows, unspoken, X, tmp_path):
    models = {"one": (LogisticRegression(), X), "two": (LogisticRegression(C=0.1), X)}
    options = {"protocols": ["dialogue"], "folder": tmp_path, "computing": QUIET}
    table = experiments.evaluate_protocols(models, windows, unspoken[1], SPLIT, **options)
    assert list(table["model"].unique()) == [
        "one",
        "two",
        baselines.NEIGHBOUR,
        baselines.PERSISTENCE,
        baselines.IN_PLAY,
        baselines.NEAREST,
    ]


def test_protocols_that_cannot_divide_are_named_with_the_reason(windows):
    names, left_out = experiments.possible(windows, [*splits.IEMOCAP_PROTOCOLS, "official"], SPLIT)
    assert names == ["random", "purged", "dialogue", "session", "scenario"]
    assert "joined by their dialogues" in left_out["speaker"] and "no official part" in left_out["official"]
    with pytest.raises(ValueError, match="none of the protocols speaker can divide these windows; the first: protocol"):
        experiments.possible(windows, ["speaker"], SPLIT)


def test_a_protocol_with_the_folds_of_another_is_left_out(make_windows):
    """In IEMOCAP each session has speakers of its own: held apart, they are the sessions."""
    windows, asked = make_windows(shifts=(0.0, 4.0)), (splits.IEMOCAP_PROTOCOLS, SPLIT)
    names, left_out = experiments.possible(windows, *asked)
    assert names == ["random", "purged", "dialogue", "session", "scenario"]
    assert left_out == {"speaker": "it has the same folds as session"}
    names, left_out = experiments.possible(windows, *asked, keep="speaker")
    assert "speaker" in names and left_out == {"session": "it has the same folds as speaker"}
    at_one_shift = windows["session"].where(windows["shift_s"] == 0, windows["dialogue"])
    assert "speaker" in experiments.possible(windows.assign(session=at_one_shift), *asked)[0]


def test_a_protocol_whose_folds_learn_one_class_is_left_out(make_windows):
    """Two sessions, each of one emotion: held out, nothing but the other emotion is left to learn from."""
    windows = make_windows()
    windows["session"] = np.where(windows["emotion"] == "sadness", "a", "b")
    windows = windows[windows["emotion"] != "neutral"]
    split = Split(("sadness", "excitement"), "random", 2, 0)
    names, left_out = experiments.possible(windows, ["random", "session"], split)
    assert names == ["random"]
    assert left_out == {"session": "2 of its 2 folds have fewer than two classes to learn from"}


def test_what_is_kept_is_read_back(predicted, tmp_path):
    experiments.save(tmp_path, predicted)
    pd.testing.assert_frame_equal(experiments.load(tmp_path), predicted)
    with pytest.raises(FileNotFoundError, match="run notebook 05_time_shift_sweep first"):
        experiments.load(tmp_path / "elsewhere")


def test_baselines_are_given_the_events_of_the_sweep(make_talk, cut, embed):
    talk = make_talk(n_dialogues=6)
    windows = cut(talk, shifts=(0.0, 4.0, 8.0))
    windows = windows[windows["emotion"].isin(CLASSES)].reset_index(drop=True)
    few = windows["shift_s"].isin([0.0, 8.0]).to_numpy()
    X = embed(windows)
    split, options = Split(CLASSES, "random", 2, 0), {"protocols": ["random", "dialogue"], "computing": QUIET}
    table = experiments.evaluate_baselines(
        windows[few], talk, split, embeddings=X[few], known={"persistence"}, **options
    )
    names = {*baselines.of_labels(), *baselines.of_embeddings()} - {"persistence"}
    assert set(table["model"]) == names and set(table["protocol"]) == {"random", "dialogue"}
    model = baselines.of_embeddings()["logistic regression"]
    for protocol in ("random", "dialogue"):
        own = crossval.sweep(model, windows, X, split.under(protocol), computing=QUIET)
        own = own[own["shift_s"] != 4]
        for _, rows in table[table["protocol"] == protocol].groupby("model"):
            keys = ["shift_s", "utterance", "fold"]
            assert np.array_equal(rows[keys].sort_values(keys), own[keys].sort_values(keys))


def test_the_families_hold_every_baseline_once():
    named = [name for family in experiments.FAMILIES.values() for name in family]
    assert len(set(named)) == len(named)
    assert {*baselines.of_labels(), *baselines.of_embeddings(), baselines.AUDIO_PERSISTENCE} <= set(named)


def test_melds_labels_are_read_whole(real):
    read = meld.annotations(real("meld"))
    talk = experiments.utterances_of_meld(read)
    counts = read["emotion"].value_counts()
    assert (len(read), counts["happiness"], counts["sadness"], counts["neutral"]) == (13_708, 2_308, 1_002, 6_436)
    # Two are of no known moment; one has no length and is never part of a past.
    assert len(talk) == 13_706 and talk["end_s"].isna().sum() == 1
    assert (talk["end_s"].dropna() > talk["start_s"][talk["end_s"].notna()]).all()
    assert (talk.groupby("dialogue")["start_s"].min() == 0).all()
    assert talk["session"].str.fullmatch(r"S\d\dE\d\d").all()
