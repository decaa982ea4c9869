"""The test sets that are there are read, the others are named with their reason."""

import dataclasses

import pandas as pd
import pytest

from emocast import profile
from emocast.corpora import cremad, emodb, synthetic
from emocast.ser import testsets

FOUR = {"neutral", "anger", "happiness", "sadness"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for corpus, size in {"emodb": (4, 6), "shemo": (4, 6), "cremad": (4, 12)}.items():
        synthetic.make_twin(root, corpus, synthetic.TwinSettings(*size), seed=0, processes=2, progress=False)
    return root


@pytest.fixture
def load(data, corpus_root, monkeypatch):
    """A function that reads the test sets, some corpora's folders changed or not named."""
    monkeypatch.setenv("EMOCAST_DATA", str(data))
    folders = {"iemocap": str(corpus_root), "cremad": "CREMA-D", "emodb": "EmoDB", "shemo": "ShEMO"}

    def run(*, without=(), **changed):
        corpora = {name: folder for name, folder in {**folders, **changed}.items() if name not in without}
        return testsets.load(dataclasses.replace(profile.load("smoke"), corpora=corpora))

    return run


def test_the_five_sets_are_read_in_the_theses_order_with_their_languages(load):
    found, left_out = load()
    assert [(name, one.corpus, one.language) for name, one in found.items()] == [
        ("IEMOCAP (full)", "iemocap", "en"),
        ("CREMA-D (self-reported)", "cremad", "en"),
        ("CREMA-D (rated)", "cremad", "en"),
        ("Emo-DB", "emodb", "de"),
        ("ShEMO", "shemo", "fa"),
    ]
    assert left_out.empty and list(left_out.columns) == ["test_set", "reason"]
    assert all((one.root / one.table["audio"].iloc[0]).is_file() for one in found.values())


def test_cremads_two_sets_have_their_own_labels(load, data):
    found, _ = load()
    sets = {kind: found[f"CREMA-D ({kind})"].table for kind in ("self-reported", "rated")}
    for kind, table in sets.items():
        assert set(table["rating"]) == {kind}
        told = cremad.load(data / "CREMA-D", rating=kind).set_index("utterance")["emotion"]
        kept = table.set_index("utterance")["emotion"].dropna()
        assert (kept == told[kept.index]).all() and 0 < len(kept) < len(told)
    both = [table.set_index("utterance")["emotion"] for table in sets.values()]
    assert not both[0].equals(both[1])


def test_only_the_four_classes_are_left_and_no_utterance_is_lost(load, data):
    found, _ = load()
    assert all(set(one.table["emotion"].dropna()) == FOUR for one in found.values())
    told, table = emodb.load(data / "EmoDB"), found["Emo-DB"].table
    others = ~told["emotion"].isin(FOUR)
    assert others.any() and list(table["utterance"]) == list(told["utterance"])
    assert list(table["emotion"].isna()) == list(others)


def test_the_smallest_class_counts_and_one_that_is_missing_is_zero(load):
    found, _ = load()
    emodb_set = found["Emo-DB"]
    emotions = list(emodb_set.table["emotion"].dropna())
    assert emodb_set.smallest_class == min(emotions.count(name) for name in FOUR) > 0
    no_anger = emodb_set.table[emodb_set.table["emotion"].ne("anger").fillna(True)]
    assert dataclasses.replace(emodb_set, table=no_anger).smallest_class == 0
    some = pd.DataFrame({"emotion": ["anger"] * 5 + ["neutral"] * 3 + ["sadness"] * 2 + ["happiness"] * 4 + [None] * 1})
    assert dataclasses.replace(emodb_set, table=some).smallest_class == 2


def test_what_is_missing_is_named_and_stops_nothing(load):
    found, left_out = load(iemocap="not/there", without=("cremad",))
    assert list(found) == ["Emo-DB", "ShEMO"]
    assert list(left_out["test_set"]) == ["IEMOCAP (full)", "CREMA-D (self-reported)", "CREMA-D (rated)"]
    assert "not/there" in left_out["reason"][0]
    assert set(left_out["reason"][1:]) == {"the profile 'smoke' names no folder for cremad"}
