"""The protocols on two corpora whose truth is known: one with a leak and no signal, one with a signal that is no leak.

In the first, each dialogue has a sound of its own (a room, a pair of voices) and mostly one emotion; nothing else is in the
embedding. In the second, each window carries a faint precursor of its event's emotion, the same in all dialogues.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emocast.forecasting import baselines, claims, crossval, experiments, splits
from emocast.forecasting.splits import Split
from made_predictions import CRITERIA

CLASSES = ["neutral", "excitement", "sadness"]


@pytest.fixture(scope="module")
def corpus():
    """A maker: 45 dialogues of nine sessions and five scenarios, a turn every 6 s; with a leak, most in one mood."""

    def make(*, leak, seed=0):
        generator = np.random.default_rng(seed)
        rows = []
        for number in range(45):
            session, mood = number % 9, generator.integers(3)
            for turn in range(24):
                clustered = generator.random() < 0.75 and leak
                emotion = CLASSES[mood if clustered else generator.integers(3)]
                rows.append((number, session, turn, 6.0 * turn + 11.0, emotion))
        table = pd.DataFrame(rows, columns=["number", "session", "turn", "start_s", "emotion"])
        name = "d" + table["number"].astype(str).str.zfill(2)
        return table.assign(
            dialogue=name, utterance=name + "_" + table["turn"].astype(str), audio=name + ".wav",
            session="s" + table["session"].astype(str), scenario="c" + (table["number"] // 9).astype(str),
            speaker="s" + table["session"].astype(str) + table["turn"].mod(2).map({0: "F", 1: "M"}),
            end_s=table["start_s"] + 1.0,
        )  # fmt: skip

    return make


def _accuracy(talk, cut, embedding):
    """Accuracy of a logistic regression under each protocol, and of the baselines by dialogue; as fractions."""
    windows = cut(talk, [0.0], length_s=10.0)
    X = embedding(windows)
    split = Split(CLASSES, "dialogue", 5, 0)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    found = {}
    for protocol in splits.IEMOCAP_PROTOCOLS:
        table = crossval.sweep(model, windows, X, split.under(protocol))
        found[protocol] = np.mean(table["emotion"] == table["predicted"])
    names = ("persistence", "dialogue mode")
    models = {name: baselines.of_labels()[name] for name in names}
    table = baselines.sweep(windows, talk, split, models=models)
    hits = (table["emotion"] == table["predicted"]).groupby(table["model"]).mean()
    return found, hits


def test_the_protocols_expose_a_planted_leak(corpus, cut):
    talk = corpus(leak=True)
    generator = np.random.default_rng(1)
    room = {name: generator.normal(size=40) for name in talk["dialogue"].unique()}

    def identity(windows):
        noise = generator.normal(scale=0.3, size=(len(windows), 40))
        return np.stack([room[name] for name in windows["dialogue"]]) + noise

    found, baseline = _accuracy(talk, cut, identity)
    assert found["random"] > 0.7
    assert (
        found["purged"] > 0.65
    )  # no second is shared, and still the dialogue is recognised: this protocol is not enough
    for protocol in ("dialogue", "speaker", "session", "scenario"):
        assert found[protocol] < 0.45  # chance is a third; 45 dialogues of one mood each leave much to luck
        assert found[protocol] < baseline["persistence"] - 0.1
    assert baseline["dialogue mode"] < 0.4


def test_the_protocols_keep_a_planted_signal(corpus, cut):
    talk = corpus(leak=False)
    generator = np.random.default_rng(2)
    direction = generator.normal(size=(3, 16))

    def precursor(windows):
        noise = generator.normal(scale=1.5, size=(len(windows), 16))
        return direction[windows["emotion"].map(CLASSES.index)] + noise

    found, baseline = _accuracy(talk, cut, precursor)
    assert all(found[protocol] > 0.7 for protocol in splits.IEMOCAP_PROTOCOLS)
    assert max(found.values()) - min(found.values()) < 0.08
    assert min(found.values()) > baseline["persistence"] + 0.2
    assert baseline["dialogue mode"] < 0.4


@pytest.mark.parametrize("leak", [True, False])
def test_a_fall_is_measured_from_random_folds_of_the_same_size(corpus, cut, leak):
    """The network recognises the dialogue, or a precursor of the emotion: what it loses is the leak, and nothing else."""
    talk, generator = corpus(leak=leak), np.random.default_rng(1)
    windows = cut(talk, [0.0], length_s=10.0).assign(voices=None)
    room = {name: generator.normal(size=40) for name in talk["dialogue"].unique()}
    known = [room[name] if leak else 2 * np.eye(40)[CLASSES.index(emotion)] for name, emotion in
             zip(windows["dialogue"], windows["emotion"], strict=True)]  # fmt: skip
    X = np.stack(known) + generator.normal(scale=0.3 if leak else 1.0, size=(len(windows), 40))
    split = Split(CLASSES, "dialogue", 5, 0, repeats=2, balanced=True)
    model, names = make_pipeline(StandardScaler(), LogisticRegression()), ["purged", "dialogue", "session", "scenario"]
    asked = {"protocols": names, "computing": crossval.Computing(progress=False)}
    predictions = experiments.evaluate_protocols({experiments.MODEL: (model, X)}, windows, talk, split, **asked)
    smaller = experiments.size_matched(model, windows, X, split, **asked)
    for name, rows in smaller.groupby("protocol"):
        sizes = [len(fit.train) for fit in crossval.plan(windows, split.under(name))]
        assert rows["train_events"].between(0.92 * min(sizes), 1.02 * max(sizes)).all()
    found = claims.falls(predictions, smaller, CRITERIA).set_index("protocol")
    verdicts = {row["protocol"]: row["verdict"] for row in claims.gains("fall", found.reset_index(), CRITERIA)}
    lost = claims.SUPPORTED if leak else claims.NOT_SHOWN
    assert verdicts == {"purged": claims.NOT_SHOWN, **dict.fromkeys(names[1:], lost)}
    assert (found["difference"].drop("purged") > 0.2).all() if leak else (found["difference"].abs() < 0.05).all()
