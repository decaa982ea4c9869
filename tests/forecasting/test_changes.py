import pandas as pd
import pytest

from emocast.forecasting import baselines, changes, history

CLASSES = ["neutral", "excitement", "sadness"]


@pytest.fixture
def carried(make_talk, cut):
    talk = make_talk()
    windows = cut(talk, shifts=(0.0, 6.0))
    models = {name: baselines.of_labels()[name] for name in ("majority", "persistence")}
    folds = {"protocol": "dialogue", "n_splits": 3, "event_sets": ["fixed"], "random_state": 0}
    table = baselines.sweep(windows, talk, models=models, classes=CLASSES, **folds)
    return changes.with_last(table, windows, talk, classes=CLASSES), windows, talk


def test_the_last_emotion_is_that_of_persistence(carried):
    table, windows, talk = carried
    past = history.gather(windows, talk, classes=CLASSES)
    known = windows.assign(last=past.latest_emotion()).set_index(["shift_s", "utterance"])["last"]
    found = table.set_index(["shift_s", "utterance"])[changes.LAST]
    pd.testing.assert_series_equal(found, known.loc[found.index], check_names=False)
    # From afar another utterance is the last one heard.
    own = table.drop_duplicates(["shift_s", "utterance"]).pivot(
        index="utterance", columns="shift_s", values=changes.LAST
    )
    assert (own[0.0] != own[6.0]).any()


def test_persistence_forecasts_no_change_of_a_class_in_play(carried):
    table, _, _ = carried
    events = changes.only(table[table["model"] == "persistence"])
    assert len(events) > 20
    in_play = events[events[changes.LAST].isin(CLASSES)]
    assert len(in_play) > 10 and (in_play["predicted"] != in_play["emotion"]).all()


def test_a_row_a_model_and_kind_of_event(carried):
    table, _, _ = carried
    found = changes.scores(table, models=table["model"].unique(), by=["shift_s", "model"], draws=20, random_state=0)
    one = found[(found["shift_s"] == 6) & (found["model"] == "majority")].set_index("events")
    assert one.loc["all", "n"] >= one.loc["shift", "n"] + one.loc["stay", "n"]
    assert set(found["events"]) == {"all", "shift", "stay"} and len(found) == 2 * 2 * 3


def test_an_event_without_a_window_is_an_error(carried):
    table, windows, talk = carried
    with pytest.raises(ValueError, match="events have no window at their shift"):
        gone = table["utterance"].iloc[0], table["shift_s"].iloc[0]
        rest = windows[(windows["utterance"] != gone[0]) | (windows["shift_s"] != gone[1])]
        changes.with_last(table, rest, talk, classes=CLASSES)
