from typing import ClassVar

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from emocast import metrics
from emocast.forecasting import confidence, evaluate

CLASSES = ["neutral", "excitement", "sadness"]
PLAN = {"classes": CLASSES, "protocol": "dialogue", "n_splits": 3, "event_sets": ["fixed"], "random_state": 0}
OPTIONS = {"classes": CLASSES, "protocol": "dialogue", "validation_fraction": 0.3, "random_state": 0, "progress": False}


class Watched(LogisticRegression):
    """A classifier that learns its events by heart and notes which it was given."""

    seen: ClassVar[list] = []

    def fit(self, X, y):
        self.seen.append(X[:, 0].copy())
        return super().fit(X, y)


@pytest.fixture
def table(make_windows, embed):
    windows = make_windows(n_dialogues=18)
    embeddings = embed(windows, strength=1.2, width=40)
    fits = evaluate.plan(windows, **PLAN)
    Watched.seen.clear()
    made = confidence.predictions(Watched(C=100, max_iter=200), windows, embeddings, fits, **OPTIONS)
    return made, windows, embeddings, fits


def test_the_same_forecasts_of_the_same_events_before_and_after(table):
    made, _, _, fits = table
    before, after = (made[made["scaled"] == name] for name in (confidence.BEFORE, confidence.AFTER))
    assert sorted(before["row"]) == sorted(np.concatenate([fit.test for fit in fits]))
    assert before["predicted"].tolist() == after["predicted"].tolist()
    assert after["temperature"].between(1.2, 50).all(), "too sure, so it is cooled down"


def test_scaling_mends_a_model_that_is_too_sure(table):
    made = table[0]
    scores = metrics.evaluate_forecasts(made, by=["scaled"], draws=20, random_state=0).set_index("scaled")
    assert scores.loc[confidence.AFTER, "ece"] < 0.6 * scores.loc[confidence.BEFORE, "ece"]
    assert scores.loc[confidence.AFTER, "brier"] < scores.loc[confidence.BEFORE, "brier"]


def test_validation_and_test_share_no_dialogue_and_nothing_of_them_is_trained_on(table):
    _, windows, embeddings, fits = table
    assert len(Watched.seen) == len(fits)
    for fit, seen in zip(fits, Watched.seen, strict=True):
        learnt = np.flatnonzero(np.isin(embeddings[:, 0], seen))
        assert set(learnt) < set(fit.train), "a part is held back"
        held = np.setdiff1d(fit.train, learnt)
        dialogues = [set(windows["dialogue"].iloc[rows]) for rows in (learnt, held, fit.test)]
        assert not dialogues[0] & dialogues[1] and not (dialogues[0] | dialogues[1]) & dialogues[2]
