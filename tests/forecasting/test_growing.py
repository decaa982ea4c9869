import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from emocast import metrics
from emocast.forecasting import evaluate, growing

CLASSES = ["neutral", "excitement", "sadness"]
PLAN = {"classes": CLASSES, "protocol": "dialogue", "n_splits": 3, "event_sets": ["fixed"], "random_state": 0}
GROW = {"classes": CLASSES, "random_state": 0, "progress": False}


def test_more_dialogues_forecast_the_same_events_better(make_windows, embed):
    windows = make_windows()
    embeddings = embed(windows, strength=1.0, width=12)
    fits = evaluate.plan(windows, **PLAN)
    table = growing.predictions(GaussianNB(), windows, embeddings, fits, fractions=[0.25, 0.5, 1.0], **GROW)
    curve = metrics.learning_curve(table, draws=20, random_state=0)
    assert curve["n"].nunique() == 1 and (curve["train_dialogues"].diff().dropna() > 0).all()
    assert curve["train_dialogues"].iloc[-1] == pytest.approx(8, abs=0.3)
    assert curve["accuracy"].iloc[-1] > curve["accuracy"].iloc[0] + 0.05
    whole = evaluate.sweep(GaussianNB(), windows, embeddings, progress=False, **PLAN).sort_values("utterance")
    full = table[table["fraction"] == 1].sort_values("utterance")
    assert np.array_equal(full["predicted"], whole["predicted"]), "all of the dialogues are the sweep's own fit"


def test_a_fraction_that_lacks_a_class_is_left_out(make_windows, embed):
    windows = make_windows(n_dialogues=6, events=6)
    names = sorted(windows["dialogue"].unique())
    own = {name: CLASSES[place % 3] for place, name in enumerate(names)}
    windows = windows.assign(emotion=windows["dialogue"].map(own))
    fits = evaluate.plan(windows, **{**PLAN, "protocol": "random"})
    options = {"fractions": [1 / 6, 1.0], **GROW}
    table = growing.predictions(GaussianNB(), windows, embed(windows), fits, **options)
    assert table["fraction"].unique().tolist() == [1.0]
    with pytest.raises(ValueError, match="lack a class"):
        growing.predictions(GaussianNB(), windows, embed(windows), fits, fractions=[1 / 6], **GROW)
