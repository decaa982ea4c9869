import numpy as np
import pandas as pd

from emocast.forecasting import baselines, company, evaluate, labelled, rungs

CLASSES = ["neutral", "excitement", "sadness"]
COMMON = {"classes": CLASSES, "n_splits": 2, "random_state": 0}


def test_everyone_is_asked_the_events_of_the_sweep(make_talk, cut, embed):
    talk = make_talk(n_dialogues=6)
    windows = cut(talk, shifts=(0.0, 4.0, 8.0))
    windows = windows[windows["emotion"].isin(CLASSES)].reset_index(drop=True)
    few = windows["shift_s"].isin([0.0, 8.0]).to_numpy()
    X = embed(windows)
    asked = ["random", "dialogue"]
    table = company.climb(windows[few], talk, X[few], asked=asked, known={"persistence"}, progress=False, **COMMON)
    names = {*baselines.of_labels(), *baselines.of_embeddings()} - {"persistence"}
    assert set(table["model"]) == names and set(table["protocol"]) == set(asked)
    model = baselines.of_embeddings()["logistic regression"]
    for protocol in asked:
        own = evaluate.sweep(model, windows, X, protocol=protocol, event_sets=["fixed"], progress=False, **COMMON)
        own = own[own["shift_s"] != 4]
        for _, rows in table[table["protocol"] == protocol].groupby("model"):
            keys = ["shift_s", "utterance", "fold"]
            assert np.array_equal(rows[keys].sort_values(keys), own[keys].sort_values(keys))


def test_the_families_hold_every_baseline_once():
    named = [name for family in company.FAMILIES.values() for name in family]
    assert len(set(named)) == len(named)
    assert {*baselines.of_labels(), *baselines.of_embeddings(), *baselines.of_sound()} <= set(named)


def test_labels_alone_climb_the_rungs_that_they_can(make_talk):
    talk = make_talk(n_dialogues=9).assign(scenario=pd.NA)
    cut = labelled.cut(talk, [0.0, 5.0], length_s=8.0)
    table, left_out = labelled.climb(cut, talk, ["random", "official", "dialogue"], progress=False, **COMMON)
    assert list(table["protocol"].unique()) == ["random", "dialogue"] and "official part" in left_out["official"]
    assert set(table["model"]) == set(labelled.MODELS), "there is no scenario"
    accuracy = (table["emotion"] == table["predicted"]).groupby([table["protocol"], table["model"]]).mean()
    assert accuracy["random", "dialogue mode"] > accuracy["dialogue", "dialogue mode"] + 0.05
    assert rungs.MODEL not in set(table["model"])
