import numpy as np
import pandas as pd

from emocast.corpora import meld
from emocast.forecasting import labelled
from emocast.metrics import bootstrap_interval

CLASSES = ["neutral", "excitement", "sadness"]


def test_labels_alone_are_cut_as_a_forecaster_would_have_them(make_talk):
    talk = make_talk(n_dialogues=12)
    options = {
        "classes": CLASSES,
        "models": ["persistence"],
        "n_splits": 3,
        "event_sets": ["moving"],
        "random_state": 0,
    }
    table = labelled.sweep(talk, shifts_s=[0.0, 5.0], **options)
    onset = talk.set_index("utterance")["start_s"]
    for shift, events in table.groupby("shift_s"):
        assert onset[events["utterance"]].min() >= 10 + shift
        assert np.ptp(events["emotion"].value_counts()) == 0  # balanced
    # A guard takes a second of what was heard, and the events that have not enough before them.
    guarded = labelled.sweep(talk, shifts_s=[0.0], guard_s=1.0, **options)
    assert onset[guarded["utterance"]].min() >= 11


def test_a_table_of_accuracies():
    rows = [("moving", "persistence", 0.0, "neutral", "neutral"), ("moving", "persistence", 0.0, "neutral", "sadness"),
            ("moving", "persistence", 4.0, "neutral", "sadness"), ("moving", "majority", 0.0, "neutral", "neutral"),
            ("moving", "majority", 0.0, "neutral", "neutral"), ("moving", "majority", 4.0, "neutral", "sadness"),
            ("fixed", "persistence", 4.0, "neutral", "neutral"), ("fixed", "majority", 4.0, "neutral", "neutral")]  # fmt: skip
    predictions = pd.DataFrame(rows, columns=["event_set", "model", "shift_s", "emotion", "predicted"])
    table = labelled.table(predictions)
    assert list(table["model"]) == ["persistence", "majority", "events"] * 2
    assert list(table["event_set"]) == ["fixed"] * 3 + ["moving"] * 3
    assert np.array_equal(table[0.0].to_numpy()[3:], [50, 100, 2])
    assert np.array_equal(table[4.0].to_numpy(), [100, 100, 1, 0, 0, 1])


def test_melds_labels_are_read_whole(real):
    read = meld.annotations(real("meld"))
    talk = labelled.utterances_of_meld(read)
    counts = read["emotion"].value_counts()
    assert (len(read), counts["happiness"], counts["sadness"], counts["neutral"]) == (13_708, 2_308, 1_002, 6_436)
    # Two are of no known moment; one has no length and is never heard as a past.
    assert len(talk) == 13_706 and talk["end_s"].isna().sum() == 1
    assert (talk["end_s"].dropna() > talk["start_s"][talk["end_s"].notna()]).all()
    assert (talk.groupby("dialogue")["start_s"].min() == 0).all()
    assert talk["session"].str.fullmatch(r"S\d\dE\d\d").all()


def test_melds_labels_through_persistence_and_markov_chains(real, capsys):
    talk = labelled.utterances_of_meld(meld.annotations(real("meld")))
    models = ["majority", "persistence", "dialogue mode", "Markov chain, order 1", "Markov chain, order 2"]
    predictions = labelled.sweep(talk, shifts_s=range(0, 21, 10), models=models, random_state=0)
    table = labelled.table(predictions)
    with capsys.disabled():
        print(
            f"\nMELD's labels alone, happiness, sadness, neutral; dialogues held out; accuracy in %:\n{table.round(1)}"
        )
    moving = table[table["event_set"] == "moving"].set_index("model").drop(columns="event_set")
    assert (moving.loc["dialogue mode"] - moving.loc["majority"]).abs().max() < 1e-9  # a new dialogue has no mode
    assert moving.loc["events", 20.0] < moving.loc["events", 0.0] < 3 * 1_002
    # Emotions last: at once, persistence is above chance beyond doubt, and 20 s later it has lost most of that.
    now = predictions[(predictions["model"] == "persistence") & (predictions["event_set"] == "moving")]
    now = now[now["shift_s"] == 0]
    low, _ = bootstrap_interval(now["emotion"], now["predicted"], now["dialogue"], random_state=0)
    assert low > 1 / 3 + 0.05
    assert moving.loc["persistence", 20.0] < moving.loc["persistence", 0.0] - 4
