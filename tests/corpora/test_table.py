import pandas as pd
import pytest

from emocast.corpora import table

ROW = {"utterance": "u", "speaker": "s", "audio": "a.wav", "start_s": 1.0, "end_s": 2.0}


def test_build_gives_all_columns_their_types_and_leaves_gaps_missing():
    built = table.build([ROW], corpus="test")
    assert built.dtypes.astype(str).to_dict() == {**table.COLUMNS, "voices": "string"}
    assert built["emotion"].isna().all()
    assert built["valence"].isna().all()


def test_a_column_that_few_corpora_know_stands_last_where_it_is_known():
    built = table.build([{**ROW, "session_offset_s": 3}, {**ROW, "utterance": "v"}], corpus="test")
    assert list(built.columns) == [*table.COLUMNS, "session_offset_s", "voices"]
    assert built["session_offset_s"].dtype == float and built["session_offset_s"].isna().tolist() == [False, True]
    with pytest.raises(ValueError, match="has the columns"):
        table.check(built[["session_offset_s", *table.COLUMNS]])


def test_build_says_who_speaks_in_each_dialogue():
    rows = [("a", "x"), ("a", "y"), ("b", "z"), ("a", "x"), (None, "y")]
    rows = [{**ROW, "utterance": f"{n}", "dialogue": d, "speaker": s} for n, (d, s) in enumerate(rows)]
    voices = table.build(rows, corpus="test").set_index("utterance")["voices"]
    assert voices.drop("4").to_dict() == {"0": "x|y", "1": "x|y", "2": "z", "3": "x|y"} and pd.isna(voices["4"])


def test_build_sorts_by_dialogue_and_start():
    rows = [
        {**ROW, "utterance": "b2", "dialogue": "b", "start_s": 1.5},
        {**ROW, "utterance": "b1", "dialogue": "b"},
        {**ROW, "utterance": "a1", "dialogue": "a", "start_s": 1.9},
    ]
    assert list(table.build(rows, corpus="test")["utterance"]) == ["a1", "b1", "b2"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROW, ROW], "u is listed twice"),
        ([{**ROW, "end_s": 1.0}], "u does not end after its start"),
        ([{**ROW, "emotion": "joy"}], "u has an unknown emotion"),
        ([{**ROW, "sex": "f"}], "u has an unknown sex"),
        ([{**ROW, "rating": "guessed"}], "u has an unknown kind of rating"),
        ([{**ROW, "speaker": None}], "u speaker is missing"),
        ([{**ROW, "colour": 1}], "'colour' is no column"),
    ],
)
def test_what_cannot_be_is_refused_by_name(rows, message):
    with pytest.raises(ValueError, match=message):
        table.build(rows, corpus="test")


def test_problems_are_a_table_even_when_there_are_none():
    assert list(table.problems([]).columns) == ["file", "problem", "detail", "advice"]
    one = table.problems([table.Problem("a.wav", "empty audio", "holds 0 s", "get it again")])
    assert isinstance(one, pd.DataFrame) and len(one) == 1
