import numpy as np
import pandas as pd
import pytest

from emocast.forecasting import experiment
from emocast.forecasting.fcdnn import FCDNNClassifier

CLASSES = ("excitement", "sadness", "neutral")
SPLIT = {"test_fraction": 0.2, "n_splits": 3, "random_state": 0}
NETWORK = {"hidden_layers": 1, "hidden_units": 16, "learning_rate": 1e-2, "epochs": 15}


@pytest.fixture
def data():
    """120 events in 12 dialogues; the embedding holds the emotion to come in one of its values, with noise."""
    rng = np.random.default_rng(0)
    emotion = rng.choice(CLASSES, 120, p=[0.3, 0.3, 0.4])
    windows = pd.DataFrame(
        {
            "utterance": [f"u{number}" for number in range(120)],
            "dialogue": [f"d{number // 10}" for number in range(120)],
            "speaker": [f"s{number % 4}" for number in range(120)],
            "emotion": emotion,
            "audio": [f"d{number // 10}.wav" for number in range(120)],
            "start_s": [float(number % 10) * 20 for number in range(120)],
            "end_s": [float(number % 10) * 20 + 10 for number in range(120)],
        }
    )
    signal = np.array([CLASSES.index(name) for name in emotion], dtype=np.float32)
    embeddings = rng.normal(size=(120, 4)).astype(np.float32)
    embeddings[:, 0] = 3 * signal + 0.5 * embeddings[:, 0]
    return windows, embeddings


def test_a_signal_is_found_on_both_ways(data):
    windows, embeddings = data
    result = experiment.run(
        FCDNNClassifier(**NETWORK), windows, embeddings, classes=CLASSES, protocol="random", **SPLIT
    )
    scores = result.scores(level=0.95, draws=50, random_state=0)
    smallest = windows["emotion"].value_counts().min()
    assert scores["n_train"] + scores["n_test"] == 3 * smallest
    assert scores["n_test"] == np.ceil(0.2 * (3 * smallest))
    assert scores["cv_mean"] > 80
    assert scores["test_accuracy"] > 0.8
    assert scores["test_low"] <= scores["test_accuracy"] <= scores["test_high"]
    assert scores["chance"] == pytest.approx(1 / 3)
    assert result.classes == ["neutral", "excitement", "sadness"]


def test_no_event_is_tested_and_trained(data):
    windows, embeddings = data
    result = experiment.run(
        FCDNNClassifier(**NETWORK), windows, embeddings, classes=CLASSES, protocol="dialogue", **SPLIT
    )
    assert not set(result.test["utterance"]) & set(result.folds["utterance"])
    assert result.proof["dialogues_shared"] == 0
    assert result.proof["seconds_shared"] == 0


def test_trained_events_are_counted_where_the_folds_test_fewer(data):
    """By the official parts, the folds of train and dev test dev alone."""
    windows, embeddings = data
    part = np.repeat(["train_", "dev_", "test_"], [70, 30, 20])
    windows = windows.assign(dialogue=part + windows["dialogue"])
    network, classes = FCDNNClassifier(**{**NETWORK, "epochs": 1}), CLASSES
    result = experiment.run(network, windows, embeddings, classes=classes, protocol="official", **SPLIT)
    scores = result.scores(level=0.95, draws=50, random_state=0)
    assert scores["n_train"] + scores["n_test"] == 3 * windows["emotion"].value_counts().min()
    assert 0 < len(result.folds) < scores["n_train"]


def test_the_held_out_part_changes_nothing_but_itself(data):
    """Poisoned test embeddings must not move the model: not by scaling, not by choosing an epoch."""
    windows, embeddings = data
    network = FCDNNClassifier(**NETWORK, standardize=True)
    arguments = {"classes": CLASSES, "protocol": "random", **SPLIT}
    clean = experiment.run(network, windows, embeddings, **arguments)
    poisoned = embeddings.copy()
    poisoned[windows["utterance"].isin(clean.test["utterance"])] += 1e6
    again = experiment.run(network, windows, poisoned, **arguments)
    pd.testing.assert_frame_equal(again.folds, clean.folds)
    pd.testing.assert_series_equal(again.losses["train_loss"], clean.losses["train_loss"])
    assert not again.losses["validation_loss"].equals(clean.losses["validation_loss"])


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(data):
    windows, embeddings = data
    network = FCDNNClassifier(**{**NETWORK, "epochs": 2})
    one, two = (
        experiment.run(network, windows, embeddings, classes=CLASSES, protocol="random", **SPLIT, n_jobs=jobs)
        for jobs in (1, 2)
    )
    pd.testing.assert_frame_equal(one.folds, two.folds)
    pd.testing.assert_frame_equal(one.test, two.test)
