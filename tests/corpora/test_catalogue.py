import math
import os
from pathlib import Path

import pandas as pd
import pytest
import yaml

from emocast import paths
from emocast.corpora import catalogue

REAL = Path(os.environ.get("EMOCAST_REAL", paths.ROOT.parent / "shared" / "real"))
CLIP = {"dialogue": ["no", "read alone"], "audio": ["no", "none"], "times": ["no", "none"], "access": ["open", "there"]}
TALK = {"dialogue": ["yes", "it is"], "audio": ["yes", "whole"], "times": ["yes", "all"], "access": ["open", "there"]}
FACTS = {
    "language": "English", "kind": "acted", "emotions": 4, "speakers": 2, "utterances": 9000, "hours": 9.0,
    "url": "https://example.org", "source": "a paper",
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    """A function that writes a catalogue of the given entries and gives its path."""

    def entries(*changes):
        path = tmp_path / "catalogue.yaml"
        rows = [{"name": f"corpus {number}", **FACTS, **change} for number, change in enumerate(changes)]
        path.write_text(yaml.safe_dump({"corpora": rows}))
        return path

    return entries


def test_only_iemocap_and_meld_remain_of_32():
    verdicts = catalogue.verdicts(catalogue.load())
    assert len(verdicts) == 32
    assert set(verdicts.index[verdicts["fits"]]) == set(catalogue.PUBLISHED)
    failed = verdicts[~verdicts["fits"]]
    assert len(failed) == 30
    assert (failed["why"].str.len() > 10).all() and (failed["fails"] != "").all()


def test_what_the_preprint_does_not_explain_is_said_openly():
    verdicts = catalogue.verdicts(catalogue.load())
    assert verdicts.index[verdicts["excluded_by"] == "this audit"].tolist() == ["M3ED"]
    assert verdicts.loc["M3ED", "why"] == "in Mandarin"
    assert (verdicts["excluded_by"] == "").equals(verdicts["fits"])


def test_every_fact_has_its_source_and_every_answer_its_reason():
    table = catalogue.load()
    reasons = [f"{criterion}_reason" for criterion in catalogue.MEETING]
    assert (table[["source", "url", "kind", *reasons]].apply(lambda column: column.str.len()) > 4).all(axis=None)
    assert table["url"].str.startswith("http").all()


def test_the_catalogue_agrees_with_emobox():
    """Names, languages and numbers against the published table of facts, where it is here."""
    file = REAL / "emobox_datasets.csv"
    if not file.is_file():
        pytest.skip(f"EmoBox's table is not here: no {file.name} in the folder that EMOCAST_REAL names")
    emobox = pd.read_csv(file, index_col="dataset", na_values="/")
    table = catalogue.load()
    assert list(table.index) == list(emobox.index)
    for column in ("emotions", "speakers", "utterances", "hours"):
        pd.testing.assert_series_equal(table[column].astype(float), emobox[column].astype(float), check_names=False)
    mixed = emobox["language"] == "Mix"
    assert (table["language"] == emobox["language"])[~mixed].all()
    assert set(table["language"][mixed]) == {"several", "English and Mandarin"}
    assert table["url"].equals(emobox["url"].rename_axis("name"))


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        ({}, ""),
        ({"audio": ["rebuilt", "from clips"], "access": ["on application", "ask"]}, ""),
        ({"dialogue": ["not stated", "unknown"]}, "dialogue"),
        ({"audio": ["no", "clips"], "times": ["not stated", "unknown"]}, "audio, times"),
        ({"access": ["not obtainable", "gone"]}, "access"),
        ({"utterances": 2254}, "size"),
        ({"utterances": 2255}, ""),
        ({"language": "Mandarin"}, "language"),
        ({"language": "several"}, "language"),
        ({"language": "English and Mandarin"}, ""),
    ],
)
def test_the_rule_names_each_criterion_that_fails(write, change, failing):
    verdict = catalogue.verdicts(catalogue.load(write({**TALK, **change}))).iloc[0]
    assert verdict["fails"] == failing
    assert verdict["fits"] == (failing == "")
    assert verdict["criteria_met"] == 6 - len(failing.split(", ") if failing else [])
    assert len(verdict["why"].split("; ")) == max(1, len(failing.split(", ")))


def test_not_stated_is_told_apart_from_no(write):
    table = catalogue.load(write({**CLIP, "times": ["not stated", "unknown"], "language": "several"}))
    scored = catalogue.criteria(table).iloc[0]
    assert scored.to_dict() == {
        "dialogue": "not met", "audio": "not met", "times": "not stated", "size": "met", "access": "met",
        "language": "not stated",
    }  # fmt: skip
    assert catalogue.verdicts(table).iloc[0]["excluded_by"] == "the preprint"


def test_enough_events_leave_the_margin_that_is_asked():
    needed = catalogue.events_needed(accuracy=0.75, margin=0.04, test_fraction=0.2)
    tested = needed * 0.2
    assert 1.96 * math.sqrt(0.75 * 0.25 / tested) <= 0.04
    assert 1.96 * math.sqrt(0.75 * 0.25 / (tested - 1)) > 0.04


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dialogue": ["perhaps", "who knows"]}, "corpus 0: dialogue is 'perhaps'"),
        ({"audio": [False, "YAML's no without quotes"]}, "corpus 0: audio is False"),
    ],
)
def test_an_answer_that_does_not_exist_is_refused(write, change, said):
    with pytest.raises(catalogue.CatalogueError, match=said):
        catalogue.load(write({**TALK, **change}))


def test_a_missing_fact_and_a_corpus_listed_twice_are_refused(write):
    with pytest.raises(catalogue.CatalogueError, match="'dialogue' is missing"):
        catalogue.load(write({}))
    with pytest.raises(catalogue.CatalogueError, match="lists twin twice"):
        catalogue.load(write({**TALK, "name": "twin"}, {**TALK, "name": "twin"}))


def test_the_four_corpora_with_dialogue_and_what_each_lacks():
    table = catalogue.load()
    verdicts = catalogue.verdicts(table)
    lacking = verdicts.loc[table["dialogue"] == "yes", "fails"].to_dict()
    assert lacking == {"IEMOCAP": "", "M3ED": "language", "MELD": "", "RESD": "audio, times, size, language"}
