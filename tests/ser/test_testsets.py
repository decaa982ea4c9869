"""The test sets that are there are read, the others are named with their reason."""

import dataclasses
from collections import Counter

import pandas as pd
import pytest

from emocast import labels, profile
from emocast.corpora import synthetic
from emocast.ser import testsets

SIZES = {"cremad": (4, 12), "emodb": (4, 6), "shemo": (4, 6)}


@pytest.fixture(scope="module")
def data(tmp_path_factory, corpus_root):
    """A data folder with the small IEMOCAP and small twins where the profile `demo` looks for them."""
    root = tmp_path_factory.mktemp("data")
    for corpus, (speakers, each) in SIZES.items():
        size = synthetic.TwinSettings(speakers, each)
        synthetic.make_twin(root / "demo", corpus, size, seed=0, processes=2, progress=False)
    (root / "demo" / "IEMOCAP_full_release").symlink_to(corpus_root / "IEMOCAP_full_release")
    return root


@pytest.fixture
def demo(data, monkeypatch):
    monkeypatch.setenv("EMOCAST_DATA", str(data))
    return profile.load("demo")


@pytest.fixture
def found(demo):
    return testsets.load(demo)[0]


def test_all_five_are_read_in_the_theses_order_with_their_languages(demo):
    found, left_out = testsets.load(demo)
    assert [(name, one.corpus, one.language) for name, one in found.items()] == [
        ("IEMOCAP (full)", "iemocap", "en"),
        ("CREMA-D (self-reported)", "cremad", "en"),
        ("CREMA-D (rated)", "cremad", "en"),
        ("Emo-DB", "emodb", "de"),
        ("ShEMO", "shemo", "fa"),
    ]
    assert left_out.empty and list(left_out.columns) == ["test_set", "reason"]
    assert set(testsets.SCREENED) <= set(found)


def test_each_has_its_own_labels_and_sounds_that_are_there(found):
    for one in found.values():
        assert all((one.root / name).is_file() for name in one.table["audio"])
    acted, rated = found["CREMA-D (self-reported)"].table, found["CREMA-D (rated)"].table
    assert set(acted["rating"]) == {"self-reported"} and set(rated["rating"]) == {"rated"}
    assert list(acted["audio"]) == list(rated["audio"])
    assert not acted["emotion"].equals(rated["emotion"]), "listeners do not hear what actors meant"


def test_other_emotions_than_the_four_are_missing_and_their_utterances_stay(found, data):
    """EmoDB says the emotion in the sixth letter of a file's name."""
    four = {"N": "neutral", "W": "anger", "F": "happiness", "T": "sadness"}
    letters = {path.stem: path.stem[5] for path in (data / "demo" / "EmoDB").rglob("*.wav")}
    table = found["Emo-DB"].table.set_index("utterance")
    assert set(table.index) == set(letters) and set(letters.values()) - set(four)
    for utterance, letter in letters.items():
        emotion = table["emotion"][utterance]
        assert emotion == four[letter] if letter in four else pd.isna(emotion)
    counts = Counter(letter for letter in letters.values() if letter in four)
    assert found["Emo-DB"].smallest_class == min(counts[letter] for letter in four)
    assert all(set(one.table["emotion"].dropna()) <= set(labels.FOUR) for one in found.values())


def test_a_class_without_an_utterance_is_the_smallest(found):
    one = found["Emo-DB"]
    without = dataclasses.replace(one, table=one.table[one.table["emotion"].ne("sadness").fillna(True)])
    assert one.smallest_class > 0 and without.smallest_class == 0


def test_what_is_missing_is_named_with_its_place_and_stops_nothing(demo):
    folders = {**demo.corpora, "iemocap": "demo/not-there"}
    del folders["shemo"]
    found, left_out = testsets.load(dataclasses.replace(demo, corpora=folders))
    assert list(found) == ["CREMA-D (self-reported)", "CREMA-D (rated)", "Emo-DB"]
    reasons = left_out.set_index("test_set")["reason"]
    assert list(reasons.index) == ["IEMOCAP (full)", "ShEMO"]
    assert "demo/not-there" in reasons["IEMOCAP (full)"] and "data/README.md" in reasons["IEMOCAP (full)"]
    assert reasons["ShEMO"] == "the profile 'demo' names no folder for shemo"
