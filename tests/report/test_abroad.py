"""The second answer of the first page is what notebook 06's tables hold, and none where they hold none."""

import pandas as pd
import pytest

import reference_site
from emocast.report import abroad, finished


@pytest.fixture
def folder(tmp_path):
    reference_site.finish(tmp_path, notebooks=["06_cross_lingual_ser"], pages=False)
    return tmp_path / "06_cross_lingual_ser"


def found(folder):
    return abroad.find(finished.read(folder.parent))


def write(folder, rows):
    columns = ["model", "test_set", "accuracy", "accuracy_low", "accuracy_high"]
    pd.DataFrame(rows, columns=columns).assign(chance=0.25).to_csv(folder / "scores.csv", index=False)


HOME = ("classification", "IEMOCAP (unseen speakers)", 0.6, 0.5, 0.7)


def test_it_says_where_the_recogniser_stands_in_each_language(folder):
    german, persian = ("Emo-DB", 0.4, 0.3, 0.5), ("ShEMO", 0.3, 0.2, 0.4)
    write(folder, [HOME, *(("classification", *rest) for rest in (german, persian)), ("regression", *german)])
    answer = found(folder)
    assert (answer.run.name, answer.figure["name"]) == ("06_cross_lingual_ser", "scores")
    assert answer.sentences[0] == (
        "Trained on IEMOCAP, which is English, the classification model is right on 60 % [50, 70] of the utterances of "
        "speakers whom it never heard, where chance is 25 %. On corpora that it was not trained on: 40 % [30, 50] on Emo-DB, "
        "in German; 30 % [20, 40] on ShEMO, in Persian. Above chance by their intervals are 1 of these 2."
    )
    assert answer.scores.loc["Emo-DB"].to_dict() == {"classification": "40 % [30, 50]", "regression": "40 % [30, 50]"}
    assert answer.scores.loc["ShEMO", "regression"] == ""


@pytest.mark.parametrize(("low", "said"), [(0.26, "all of these 1"), (0.25, "none of these 1")])
def test_all_and_none(folder, low, said):
    write(folder, [HOME, ("classification", "ShEMO", 0.4, low, 0.5)])
    assert said in found(folder).sentences[0]


def test_without_a_run_or_a_score_at_home_nothing_is_said(folder):
    missing = ("classification", "ShEMO", float("nan"), float("nan"), float("nan"))
    for rows in ([HOME], [HOME, missing], [("classification", "ShEMO", 0.4, 0.3, 0.5)]):
        write(folder, rows)
        assert found(folder) is None
    (folder / "scores.csv").unlink()
    assert found(folder) is None
    assert abroad.find([]) is None
