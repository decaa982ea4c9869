import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.utils.class_weight import compute_sample_weight

from emocast import labels
from emocast.ser import tables
from said import predicted_by

SEED = {"random_state": 5}
F1 = 29 / 36  # of the hand-made confusion matrix with rows that sum to 1: F1 is 2/3, 8/9, 2/3 and 1
UAR = 13 / 16


@pytest.fixture
def one():
    """A single speaker."""
    return predicted_by("A")


@pytest.fixture
def six():
    """Six speakers of whom each is recognised like each other: drawing them again changes nothing."""
    return predicted_by("ABCDEF")


@pytest.fixture
def noisy():
    """800 utterances of unequal classes by 20 speakers, half of them recognised."""
    generator = np.random.default_rng(8)
    true = generator.choice(labels.FOUR, size=800, p=[0.5, 0.1, 0.1, 0.3])
    guess = np.where(generator.random(800) < 0.4, true, generator.choice(labels.FOUR, size=800, p=[0.6, 0.1, 0.1, 0.2]))
    names = {
        "utterance": [f"u{number}" for number in range(800)],
        "speaker": generator.integers(20, size=800).astype(str),
    }
    return pd.DataFrame(names).assign(dialogue=pd.NA, emotion=true, predicted=guess)


def test_classification_by_hand(one, six):
    """Of one speaker's 4 neutral utterances 2 are drawn: both right, or one, each in half of the draws."""
    table = tables.classification({"one": one, "six": six}, draws=2000, **SEED)
    first, second = table.iloc[0], table.iloc[1]
    assert first[["test_set", "n_per_class", "n", "available"]].tolist() == ["one", 2, 8, 10]
    assert (first["accuracy_draw_low"], first["accuracy_draw_high"]) == (6 / 8, 7 / 8)
    assert first["accuracy"] == pytest.approx(UAR, abs=0.005)
    assert first["interval_by"] == "utterance"
    assert second[["n_per_class", "n", "available"]].tolist() == [12, 48, 60]
    assert second["accuracy"] == pytest.approx(UAR, abs=0.002)
    assert second["f1_macro"] == pytest.approx(F1, abs=0.005)
    assert second[["accuracy_low", "accuracy_high"]].tolist() == pytest.approx([UAR, UAR])
    assert second[["f1_macro_low", "f1_macro_high"]].tolist() == pytest.approx([F1, F1])
    assert second["interval_by"] == "speaker"
    assert (table["chance"] == 0.25).all() and table["reason"].isna().all()


def test_scores_are_those_of_scikit_learn_with_balanced_weights(noisy):
    row = tables.classification({"noisy": noisy}, **SEED).iloc[0]
    true, predicted = noisy["emotion"], noisy["predicted"]
    f1 = f1_score(true, predicted, average="macro", sample_weight=compute_sample_weight("balanced", true))
    assert row["accuracy"] == pytest.approx(balanced_accuracy_score(true, predicted), abs=0.005)
    assert row["f1_macro"] == pytest.approx(f1, abs=0.01)
    assert tables.balanced_f1(*tables._codes(true.to_numpy(), predicted.to_numpy())) == pytest.approx(f1)
    for name in tables.SCORES:
        assert row[f"{name}_low"] < row[f"{name}_draw_low"] < row[name] < row[f"{name}_draw_high"] < row[f"{name}_high"]


def test_other_emotions_do_not_count(six):
    more = six.head(8).assign(utterance=lambda rows: "x" + rows["utterance"], emotion=["fear", pd.NA] * 4)
    excited = six.replace({"emotion": {"happiness": "excitement"}})
    expected = tables.classification({"": six}, **SEED)
    pd.testing.assert_frame_equal(tables.classification({"": pd.concat([excited, more])}, **SEED), expected)


def test_a_set_that_cannot_be_balanced_says_why(six):
    sets = {
        "lacks": six[six["emotion"] != "anger"],
        "none": six.assign(predicted=pd.NA),
        "empty": six.head(0),
        "whole": six,
    }
    table = tables.classification(sets, **SEED).set_index("test_set")
    assert table["reason"].fillna("").str.split(";").str[0].tolist() == [
        "no utterance of anger", "the model names no class", "no utterance of neutral, happiness, sadness, anger", "",
    ]  # fmt: skip
    assert table["accuracy"].notna().tolist() == [False, False, False, True]
    assert table["available"].tolist() == [48, 60, 0, 60]


def test_speakers_may_be_unknown(six):
    six.loc[six["speaker"] == "A", "speaker"] = pd.NA
    assert tables.classification({"": six}, **SEED)["interval_by"].tolist() == ["dialogue"]
    row = tables.classification({"": six.assign(speaker=pd.NA, dialogue=pd.NA)}, **SEED).iloc[0]
    assert row["interval_by"] == "utterance"
    assert row["accuracy_low"] < UAR < row["accuracy_high"]


def test_published_scores_stand_beside(six):
    names = ["IEMOCAP (full)", "IEMOCAP (test)", "ShEMO", "mine"]
    table = tables.classification(dict.fromkeys(names, six), **SEED)
    compared = tables.beside_published(table, experiment="ser-classification").set_index("test_set")
    assert compared["accuracy_published"].tolist()[:3] == [0.92206, 0.787, 0.5199]  # tables 5.1 and 5.5
    assert compared.loc["ShEMO", "f1_macro_published"] == 0.46678
    assert compared["f1_macro_published"].isna().tolist() == [False, True, False, True]
    assert compared.loc["ShEMO", "accuracy_difference"] == pytest.approx(table["accuracy"].iloc[2] - 0.5199)
    multi = tables.beside_published(table, experiment="ser-multiobjective")
    assert multi["accuracy_published"].tolist()[:3] == [0.94886, 0.75, 0.56095]  # table 5.4
    regression = tables.beside_published(table, experiment="ser-regression")
    assert regression["accuracy_published"].isna().all()
    assert "accuracy_published" not in table
    with pytest.raises(KeyError, match="ser-telepathy"):
        tables.beside_published(table, experiment="ser-telepathy")


def test_second_objective_by_hand(six):
    """The second model also gets the neutral and sad utterances right that the first one misses."""
    better = six.assign(predicted=six["emotion"])
    table = tables.second_objective({"ShEMO": six}, {"ShEMO": better}, draws=199, **SEED).set_index("score")
    accuracy = table.loc["accuracy"]
    assert accuracy[["n", "single", "multi", "difference"]].tolist() == pytest.approx([60, UAR, 1, 1 - UAR])
    assert accuracy["group_low"] == pytest.approx(accuracy["group_high"]) == pytest.approx(1 - UAR)
    assert accuracy["low"] < 1 - UAR < accuracy["high"]
    assert accuracy["group_p_value"] == pytest.approx(2 / 200)  # no draw of 199 says otherwise
    assert accuracy["published"] == pytest.approx(0.56095 - 0.51990)
    f1 = table.loc["f1_macro"]
    assert f1[["single", "difference", "group_low"]].tolist() == pytest.approx([F1, 1 - F1, 1 - F1])
    assert f1["published"] == pytest.approx(0.48596 - 0.46678)
    assert (table["interval_by"] == "speaker").all()


def test_speakers_tell_what_utterances_hide():
    """One speaker of ten changes, in many utterances: over utterances that is sure, over speakers it is not."""
    single = predicted_by("ABCDEFGHIJ", [("neutral", "sadness"), *((name, name) for name in labels.FOUR)] * 20)
    changed = single["speaker"].eq("A")
    multi = single.assign(predicted=single["predicted"].where(~changed, single["emotion"]))
    row = tables.second_objective({"x": single}, {"x": multi}, **SEED).iloc[0]
    assert row["difference"] == pytest.approx(20 / 400 / 4)
    assert row["p_value"] < 0.01 < 0.3 < row["group_p_value"]
    assert row["group_low"] == 0 < row["low"]


def test_only_common_utterances_are_compared(six):
    fewer = six[six["speaker"] != "F"].sample(frac=1, random_state=0)
    sets = {"both": six, "alone": six}
    table = tables.second_objective(sets, {"both": fewer.assign(predicted=fewer["emotion"])}, draws=20, **SEED)
    assert table["test_set"].tolist() == ["both", "both"]
    assert table["n"].tolist() == [50, 50]
    apart = tables.second_objective({"x": six}, {"x": predicted_by("XY")}, draws=20, **SEED)
    assert apart["n"].tolist() == [0, 0] and apart["reason"].str.startswith("no utterance of").all()


def test_tables_that_do_not_belong_together_are_refused(six):
    other = six.assign(emotion=six["emotion"].replace("anger", "sadness"))
    with pytest.raises(ValueError, match="ShEMO: the true emotion of 'A_8' is not the same"):
        tables.second_objective({"ShEMO": six}, {"ShEMO": other}, **SEED)
    with pytest.raises(ValueError, match="'A_0' stands twice"):
        tables.second_objective({"ShEMO": six}, {"ShEMO": pd.concat([six, six.head(1)])}, **SEED)
