import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from emocast import windows as cutting
from emocast.forecasting import baselines, ceiling, evaluate, protocols, rungs

CLASSES = ["neutral", "excitement", "sadness"]
OPTIONS = {"classes": CLASSES, "n_splits": 3, "random_state": 2}
ASKED = ["random", "dialogue", "session"]
KEYS = ["shift_s", "fold", "utterance", "dialogue", "emotion"]


@pytest.fixture(scope="module")
def windows(unspoken):
    """The windows of a third of the conversations, at two shifts."""
    talk = unspoken[1]
    few = talk["scenario"].isin(sorted(talk["scenario"].unique())[:4])
    return cutting.sweep(talk[few & talk["emotion"].notna()], [0.0, 6.0])


@pytest.fixture(scope="module")
def X(windows):
    return np.random.default_rng(0).normal(size=(len(windows), 3)).astype(np.float32)


@pytest.fixture(scope="module")
def sound(unspoken):
    return np.random.default_rng(1).normal(size=(len(unspoken[1]), 3))


@pytest.fixture(scope="module")
def climbed(unspoken, windows, X, sound):
    folder, talk = unspoken
    models = {rungs.MODEL: (LogisticRegression(), X)}
    return rungs.climb(models, windows, talk, asked=ASKED, sound=sound, folder=folder, progress=False, **OPTIONS)


def test_everybody_on_a_rung_is_asked_the_same_in_the_same_folds(climbed):
    names = [rungs.MODEL, baselines.PERSISTENCE, baselines.AUDIO_PERSISTENCE, *ceiling.BOUNDS]
    assert list(climbed["protocol"].unique()) == ASKED and list(climbed["model"].unique()) == names
    for _, rung in climbed.groupby("protocol"):
        asked = {name: rows[KEYS].sort_values(KEYS).to_numpy().tolist() for name, rows in rung.groupby("model")}
        assert all(found == asked[rungs.MODEL] for found in asked.values())
    # From rung to rung and from shift to shift the events are the same, the folds are not.
    events = climbed.groupby(["protocol", "shift_s"])["utterance"].agg(lambda names: tuple(sorted(set(names))))
    assert len(set(events)) == 1
    assert set(climbed["event_set"]) == {"fixed"}


@pytest.mark.parametrize("protocol", ["random", "session"])
def test_a_rung_is_what_each_says_alone(unspoken, windows, X, sound, climbed, protocol):
    folder, talk = unspoken
    options = {**OPTIONS, "protocol": protocol, "event_sets": ["fixed"]}
    carried = {**baselines.of_sound(), baselines.PERSISTENCE: baselines.of_labels()[baselines.PERSISTENCE]}
    alone = [
        evaluate.sweep(LogisticRegression(), windows, X, progress=False, **options).assign(model=rungs.MODEL),
        baselines.sweep(windows, talk, models=carried, sound=sound, **options),
        ceiling.sweep(windows, talk, folder, **options),
    ]
    order = ["model", *KEYS]
    expected = pd.concat(alone).sort_values(order).reset_index(drop=True)
    found = climbed[climbed["protocol"] == protocol].sort_values(order).reset_index(drop=True)
    pd.testing.assert_frame_equal(found[list(expected.columns)], expected)


def test_without_sound_or_a_known_process_those_stay_away(windows, unspoken, X, tmp_path):
    models = {"one": (LogisticRegression(), X), "two": (LogisticRegression(C=0.1), X)}
    options = {"asked": ["dialogue"], "folder": tmp_path, "progress": False, **OPTIONS}
    table = rungs.climb(models, windows, unspoken[1], **options)
    assert list(table["model"].unique()) == ["one", "two", baselines.PERSISTENCE]


def test_rungs_that_cannot_be_asked_are_named_with_the_reason(windows):
    asked, left_out = rungs.possible(windows, [*protocols.LADDER, "official"], **OPTIONS)
    assert asked == ["random", "purged", "dialogue", "session", "scenario"]
    assert "joined by their dialogues" in left_out["speaker"] and "no official part" in left_out["official"]
    with pytest.raises(ValueError, match="no rung of speaker can be asked; the first: protocol 'speaker' needs"):
        rungs.possible(windows, ["speaker"], **OPTIONS)
    with pytest.raises(ValueError, match="unknown protocol 'sesion'"):
        rungs.possible(windows, ["sesion"], **OPTIONS)


def test_a_fold_that_learns_one_class_is_no_rung(make_windows):
    """Two sessions, each of one emotion: held out, nothing but the other emotion is left to learn from."""
    windows = make_windows()
    windows["session"] = np.where(windows["emotion"] == "sadness", "a", "b")
    windows = windows[windows["emotion"] != "neutral"]
    asked, left_out = rungs.possible(
        windows, ["random", "session"], classes=["sadness", "excitement"], n_splits=2, random_state=0
    )
    assert asked == ["random"]
    assert left_out == {"session": "2 of its 2 folds have fewer than two classes to learn from"}


def test_proofs_are_of_the_folds_that_are_climbed(unspoken, windows, X):
    point = windows["shift_s"].eq(0.0).to_numpy()
    first, models = windows[point].reset_index(drop=True), {rungs.MODEL: (LogisticRegression(), X[point])}
    table = rungs.proofs(first, asked=ASKED, **OPTIONS).set_index("protocol")
    climbed = rungs.climb(models, first, unspoken[1], asked=ASKED, progress=False, **OPTIONS)
    own = climbed[climbed["model"] == rungs.MODEL]
    assert table["n_test"].to_dict() == own["protocol"].value_counts().to_dict()
    at_random = own[own["protocol"] == "random"].groupby("dialogue")["fold"].nunique()
    assert table.loc["random", "dialogues_shared"] >= (at_random == 3).sum() > 0
    assert table.loc["dialogue", "dialogues_shared"] == table.loc["session", "sessions_shared"] == 0


def test_the_protocol_of_a_notebook():
    assert rungs.chosen("", default="random") == "random"
    assert rungs.chosen("speaker", default="random") == "speaker"
    with pytest.raises(ValueError, match=r"protocol is 'dialog'; it is one of random, .* the profile's \(purged\)"):
        rungs.chosen("dialog", default="purged")


def test_each_corpus_has_its_ladder():
    assert rungs.of("iemocap") == protocols.LADDER and rungs.of("meld") == protocols.MELD_LADDER


def test_what_is_kept_is_read_back(climbed, tmp_path):
    rungs.save(tmp_path, climbed)
    pd.testing.assert_frame_equal(rungs.load(tmp_path), climbed)
    with pytest.raises(FileNotFoundError, match="run notebook 05_time_shift_sweep first"):
        rungs.load(tmp_path / "elsewhere")
