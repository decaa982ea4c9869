import numpy as np
import pandas as pd
import pytest

from emocast import metrics


def test_an_event_shifts_where_the_emotion_is_another_than_the_last():
    last = ["neutral", "joy", "joy", None, pd.NA, np.nan]
    now = ["neutral", "sadness", "joy", "joy", "joy", "joy"]
    assert metrics.shift_events(last, now).tolist() == [False, True, False, False, False, False]


def test_columns_of_every_text_type_are_read():
    last = pd.Series(["joy", None, "neutral"], dtype="string", index=[7, 8, 9])
    now = pd.Series(pd.Categorical(["neutral", "joy", "neutral"]))
    assert metrics.shift_events(last, now).tolist() == [True, False, False]


@pytest.mark.parametrize("metric", ["accuracy", "uar", "f1_macro"])
def test_persistence_scores_nothing_on_shift_events_and_everything_on_the_others(metric):
    generator = np.random.default_rng(0)
    last, now = generator.choice(["neutral", "joy", "sadness"], size=(2, 200), p=[0.6, 0.3, 0.1])
    shift = metrics.shift_events(last, now)
    assert 0 < shift.sum() < 200
    labels = ["neutral", "joy", "sadness"]
    assert metrics.evaluate(now[shift], last[shift], labels=labels)[metric] == 0
    assert metrics.evaluate(now[~shift], last[~shift], labels=labels)[metric] == 1


def test_faulty_columns_are_refused():
    with pytest.raises(ValueError, match="one value an event"):
        metrics.shift_events(["joy"], ["joy", "joy"])
    with pytest.raises(ValueError, match="1 of 2 events have no emotion"):
        metrics.shift_events(["joy", "joy"], ["joy", None])
