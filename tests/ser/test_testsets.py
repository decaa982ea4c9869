"""The test sets that are there are read, the others are named with their reason."""

import dataclasses

import pytest

from emocast import labels, profile
from emocast.corpora import synthetic
from emocast.ser import testsets


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    synthetic.make_twin(root, "emodb", synthetic.TwinSettings(4, 6), seed=0, processes=2, progress=False)
    synthetic.make_twin(root, "cremad", synthetic.TwinSettings(4, 12), seed=0, processes=2, progress=False)
    return root


@pytest.fixture
def loaded(data, monkeypatch):
    monkeypatch.setenv("EMOCAST_DATA", str(data))
    folders = {"iemocap": "IEMOCAP_full_release", "cremad": "CREMA-D", "emodb": "EmoDB"}
    return testsets.load(dataclasses.replace(profile.load("smoke"), corpora=folders))


def test_what_is_there_is_read_in_the_theses_order_with_its_language(loaded):
    found, _ = loaded
    assert [(name, one.language) for name, one in found.items()] == [
        ("CREMA-D (self-reported)", "en"),
        ("CREMA-D (rated)", "en"),
        ("Emo-DB", "de"),
    ]
    assert set(found["CREMA-D (rated)"].table["rating"]) == {"rated"}


def test_only_the_four_classes_are_left_and_the_smallest_counts(loaded):
    found, _ = loaded
    for one in found.values():
        counts = one.table["emotion"].value_counts()
        assert set(counts.index) <= set(labels.FOUR)
        assert one.smallest_class == (counts.min() if len(counts) == 4 else 0)
    assert found["Emo-DB"].smallest_class > 0


def test_what_is_missing_is_named_and_stops_nothing(loaded):
    _, left_out = loaded
    reasons = left_out.set_index("test_set")["reason"]
    assert list(reasons.index) == ["IEMOCAP (full)", "ShEMO"]
    assert "IEMOCAP_full_release" in reasons["IEMOCAP (full)"]
    assert reasons["ShEMO"] == "the profile 'smoke' names no folder for shemo"
