import json
import math

import pytest
import yaml

from emocast import paths, published, settings


def test_the_papers_figures_are_read_and_supports_add_up_to_the_test_sets():
    assert set(published.load()["source"]) == {"preprint", "thesis"}
    for experiment, events in (("forecast-2-class", 391), ("forecast-3-class", 587), ("forecast-4-class", 782)):
        support = published.select(experiment).groupby("metric")["support"].sum()
        assert support["recall"] == support["test_accuracy"] == events
    with pytest.raises(KeyError, match="no published figure of 'forecast-5-class'"):
        published.select("forecast-5-class")


def test_an_experiment_is_known_by_its_classes_and_not_by_their_number():
    for number, task in settings.load("paper").tasks.items():
        assert published.experiment(reversed(task)) == f"forecast-{number[0]}-class"
    assert published.experiment(["neutral", "anger"]) == published.experiment(["happiness", "sadness", "neutral"]) == ""
    assert math.isnan(published.on("IEMOCAP", published.experiment(["neutral", "anger"]), "test_accuracy"))
    assert published.report("IEMOCAP", published.experiment(["neutral", "anger"])).empty


def test_on_a_corpus_of_which_nothing_is_printed_there_is_nothing():
    assert published.on("IEMOCAP", "forecast-2-class", "test_accuracy") == 0.9514
    assert published.on("IEMOCAP", "forecast-3-class", "cv_mean") == 78.8
    assert math.isnan(published.on("MELD", "forecast-3-class", "cv_mean"))
    assert math.isnan(published.on("IEMOCAP", "forecast-7-class", "cv_mean"))
    assert published.report("IEMOCAP", "forecast-2-class").loc["sadness", "published_recall"] == 0.96
    assert published.report("MELD", "forecast-2-class").empty


def test_each_source_has_its_name_as_it_is_cited_and_as_the_notebook_says():
    figures, about = published.load(), yaml.safe_load((paths.ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert set(published.SOURCES) == set(figures["source"]) and set(published.NOTES) <= set(figures["experiment"])
    cited = [reference["title"] for reference in about["references"]]
    assert all(any(title in name for title in cited) for name in published.SOURCES.values())
    first = json.loads((paths.NOTEBOOKS / "06_cross_lingual_ser.ipynb").read_text(encoding="utf-8"))["cells"][0][
        "source"
    ]
    assert published.SOURCES["thesis"] in "".join(first).replace('"', "")
