"""The corpora at hand, on small twins: what is found where, and what is counted of it."""

import dataclasses
import shutil

import pandas as pd
import pytest

from emocast import audit, paths, profile, published
from emocast.corpora import iemocap


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty data folder of its own."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    return paths.data()


@pytest.fixture
def twin(corpus_root, data):
    """A function that puts the small twin where a profile looks for IEMOCAP."""

    def put(name):
        root = profile.load(name).corpus_root("iemocap")
        shutil.copytree(corpus_root / "IEMOCAP_full_release", root)
        return root

    return put


@pytest.fixture
def held(twin):
    twin("smoke")
    (one,), _ = audit.at_hand("smoke", ["IEMOCAP"])
    return one


def test_the_profiles_own_folder_counts_first(twin):
    twin("demo")
    own = twin("smoke")
    (one,), missing = audit.at_hand("smoke", ["IEMOCAP"])
    assert one.root == own and not missing
    assert one.title == "IEMOCAP (synthetic)" and one.name == "iemocap" and one.corpus is iemocap
    assert len(one.utterances) > 30


def test_damage_is_listed_and_what_is_whole_is_used(twin, recwarn):
    wav = sorted(twin("smoke").glob("Session1/dialog/wav/*.wav"))[0]
    wav.unlink()
    (one,), _ = audit.at_hand("smoke", ["IEMOCAP"])
    assert one.problems["file"].str.endswith(wav.name).any()
    assert wav.stem not in set(one.utterances["dialogue"]) and len(one.utterances) > 20
    assert not recwarn, "the table of problems says it; a warning would say it twice"


def test_the_demos_twin_stands_in(twin):
    stand_in = twin("demo")
    (one,), _ = audit.at_hand("paper", ["IEMOCAP"])
    assert one.root == stand_in and one.synthetic
    assert one.settings.name == "paper"


def test_what_is_not_there_is_said_in_one_sentence(data):
    held, missing = audit.at_hand("paper", ["IEMOCAP", "MELD", "M3ED"])
    assert not held
    assert [sentence.split()[0] for sentence in missing] == ["IEMOCAP", "MELD"], "M3ED has no loader and no sentence"
    assert all("data/README.md#" in sentence for sentence in missing)


def test_a_folder_with_nothing_in_it_is_said_too(data):
    profile.load("smoke").corpus_root("iemocap").mkdir(parents=True)
    held, (sentence,) = audit.at_hand("smoke", ["IEMOCAP"])
    assert not held and sentence.startswith("IEMOCAP cannot be used: no IEMOCAP under")


def test_recordings_are_not_called_synthetic(twin):
    (twin("smoke") / "synthetic.json").unlink()
    (one,), _ = audit.at_hand("smoke", ["IEMOCAP"])
    assert one.title == "IEMOCAP" and not one.synthetic


def test_the_overview_stands_beside_the_release(held):
    table = audit.overview([held])
    assert table.loc["utterances", "IEMOCAP (synthetic)"] == len(held.utterances)
    assert table.loc["utterances", "IEMOCAP complete"] == 10_039
    assert table.loc["with an emotion", "IEMOCAP complete"] == 7_532
    assert table.loc["dialogues"].tolist() == [4, 151]
    assert audit.overview([]).empty


def labelled(held, counts, start_s=20.0):
    """The corpus with a table of so many turns of each emotion, all late enough for a window."""
    emotions = [emotion for emotion, number in counts.items() for _ in range(number)]
    rows = held.utterances.iloc[[0] * len(emotions)].reset_index(drop=True)
    rows = rows.assign(emotion=pd.array(emotions, dtype="string"), start_s=start_s, end_s=start_s + 1)
    return dataclasses.replace(held, utterances=rows)


def test_balance_cuts_every_class_to_the_smallest_of_its_task(held):
    table = audit.balance(labelled(held, {"excitement": 30, "sadness": 20, "neutral": 50, "anger": 10, "fear": 3}))
    after = table.groupby("task", sort=False)["after"].agg(set)
    assert after.to_dict() == {"2 classes": {20}, "3 classes": {20}, "4 classes": {10}}
    assert table[table["task"] == "4 classes"].set_index("emotion")["before"].to_dict() == {
        "excitement": 30, "sadness": 20, "neutral": 50, "anger": 10,
    }  # fmt: skip


def test_balance_counts_only_events_with_a_full_window(held):
    early = labelled(held, {"excitement": 5, "sadness": 5}, start_s=9.9)
    assert audit.balance(early)["before"].eq(0).all()


def test_the_preprints_numbers_follow_from_977(held):
    """On 977 excitement events and more of the others, a fifth of what is left is the preprint's test set, but for rounding."""
    one = labelled(held, {"excitement": 977, "sadness": 1000, "neutral": 1500, "anger": 1000})
    table = audit.totals(one, audit.balance(one))
    assert table["smallest"].eq(977).all()
    assert table["published_test"].tolist() == [391, 587, 782]
    assert (table["test"] - table["published_test"]).abs().max() <= 1
    assert published.select("forecast-3-class", metric="test_accuracy")["support"].tolist() == [587]


def test_filters_only_take_away(held):
    rows = audit.filters(held)["rows"]
    assert rows.iloc[0] == len(held.utterances) and rows.iloc[1] == held.utterances["emotion"].notna().sum()
    assert rows.is_monotonic_decreasing and rows.iloc[2] == len(held.events)
    farthest = max(held.settings.windows.shifts_s)
    assert rows.iloc[4] == (held.events["start_s"] >= farthest + held.settings.windows.length_s).sum()


def test_stacked_says_whose_rows_they_are(held):
    table = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="what"))
    assert audit.stacked([held], [table]).to_numpy().tolist() == [[held.title, "a", 1], [held.title, "b", 2]]
    assert list(audit.stacked([], []).columns) == ["corpus"]
