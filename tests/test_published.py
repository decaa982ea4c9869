import math

import pytest

from emocast import published


def test_the_papers_figures_are_read():
    figures = published.load()
    assert set(figures["source"]) == {"preprint", "thesis"}
    assert published.value("forecast-3-class", "cv_mean") == 78.8
    assert published.value("forecast-2-class", "test_accuracy") == 0.9514


def test_supports_add_up_to_the_test_sets():
    for experiment, events in (("forecast-2-class", 391), ("forecast-3-class", 587), ("forecast-4-class", 782)):
        assert published.select(experiment, metric="recall")["support"].sum() == events
        assert published.select(experiment, metric="test_accuracy")["support"].iloc[0] == events


def test_what_the_papers_do_not_print_is_refused():
    with pytest.raises(KeyError, match="no published figure"):
        published.select("forecast-5-class")
    with pytest.raises(KeyError, match="0 published figures"):
        published.value("forecast-3-class", "recall")


def test_on_a_corpus_of_which_nothing_is_printed_there_is_nothing():
    assert published.on("IEMOCAP", "forecast-3-class", "cv_mean") == 78.8
    assert math.isnan(published.on("MELD", "forecast-3-class", "cv_mean"))
    assert math.isnan(published.on("IEMOCAP", "forecast-7-class", "cv_mean"))
    assert published.report("IEMOCAP", "forecast-2-class").loc["sadness", "published_recall"] == 0.96
    assert published.report("MELD", "forecast-2-class").empty
