import numpy as np
import pandas as pd
import pytest

from emocast import labels, metrics
from emocast.ser import leaning
from said import predicted_by

OPTIONS = {"draws": 400, "random_state": 2}
SHARES = [5 / 16, 5 / 16, 2 / 16, 4 / 16]  # columns 1.25, 1.25, 0.5 and 1 of the matrix whose 4 rows sum to 1


@pytest.fixture
def six():
    """Six speakers of whom each is recognised like each other: drawing them again changes nothing."""
    return predicted_by("ABCDEF")


def test_over_prediction_by_hand(six):
    table = leaning.over_prediction({"ShEMO": six}, languages={"ShEMO": "Persian"})
    assert table["emotion"].tolist() == list(labels.FOUR)
    assert table["n"].tolist() == [24, 12, 12, 12]
    assert table["predicted_share"].tolist() == pytest.approx(SHARES)
    assert table["difference"].tolist() == pytest.approx([1 / 16, 1 / 16, -2 / 16, 0])
    assert (table["true_share"] == 0.25).all()
    assert (table["language"] == "Persian").all()


def test_shares_are_those_of_a_set_with_equal_classes(six):
    """Twice the utterances of the rarer classes make classes of 24: there `metrics.class_shares` needs no weights."""
    balanced = pd.concat([six, six[six["emotion"] != "neutral"]])
    expected = metrics.class_shares(balanced["emotion"], balanced["predicted"], labels=labels.FOUR)
    found = leaning.over_prediction({"": six}).set_index("emotion")
    assert np.allclose(found[expected.columns], expected)


def test_a_right_model_leans_to_nothing_whatever_the_classes(six):
    right = leaning.over_prediction({"": six.assign(predicted=six["emotion"])})
    assert right["difference"].tolist() == [0, 0, 0, 0]


def test_the_most_over_predicted_class_of_like_speakers_is_sure():
    said = [("neutral", "happiness"), ("happiness", "happiness"), ("sadness", "sadness"), ("anger", "anger")]
    table = leaning.most_over_predicted({"x": predicted_by("ABCDEF", said)}, languages={"x": "German"}, **OPTIONS)
    row = table.iloc[0]
    assert row[["test_set", "language", "emotion", "interval_by"]].tolist() == ["x", "German", "happiness", "speaker"]
    assert row[["surplus", "low", "high", "stays"]].tolist() == pytest.approx([0.25, 0.25, 0.25, 1])


def test_a_tie_between_speakers_is_seen():
    """Four speakers' anger is taken for sadness, four others' for neutral: which comes first hangs on who is drawn."""
    three = [(name, name) for name in labels.FOUR[:3]]
    sad, calm = (
        predicted_by("ABCD", [*three, ("anger", "sadness")]),
        predicted_by("EFGH", [*three, ("anger", "neutral")]),
    )
    row = leaning.most_over_predicted({"x": pd.concat([sad, calm])}, **OPTIONS).iloc[0]
    assert row["surplus"] == pytest.approx(1 / 8)
    assert row["low"] < 0.06 and row["high"] > 0.18
    # First of two alike: at 8 draws with 4 in 8 chances each, 4 : 4 happens in 27 % and goes to the first one.
    assert row["emotion"] == "neutral"
    assert 0.55 < row["stays"] < 0.72


def test_what_cannot_be_balanced_says_why(six):
    sets = {"lacks": six[six["emotion"] != "anger"], "whole": six, "one": six[six["speaker"] == "A"].tail(7)}
    table = leaning.over_prediction(sets)
    assert len(table) == 12
    assert table.loc[table["test_set"] == "lacks", "predicted_share"].isna().all()
    assert table.loc[table["test_set"] == "lacks", "reason"].eq("no utterance of anger").all()
    most = leaning.most_over_predicted(sets, **OPTIONS).set_index("test_set")
    assert most.loc["lacks", "reason"] == "no utterance of anger"
    assert pd.isna(most.loc["lacks", "surplus"])
    assert most.loc["whole", "surplus"] == pytest.approx(1 / 16)
    assert most.loc["one", "interval_by"] == "utterance"  # draws without one of the classes are left out
    assert most.loc["one", ["low", "high", "stays"]].notna().all()


def test_faulty_options_are_named(six):
    with pytest.raises(ValueError, match="level is 95"):
        leaning.most_over_predicted({"x": six}, level=95, random_state=0)
