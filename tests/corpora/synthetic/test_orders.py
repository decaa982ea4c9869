"""What the project's own profiles ask for is enough for what is done with it. Nothing is spoken here but planned."""

import csv

import pandas as pd
import pytest

from emocast import labels, profile
from emocast.corpora.synthetic import cremad, isolated, orders, twins
from emocast.corpora.synthetic.corpus import Settings, plans

VOTES = {"A": "anger", "H": "happiness", "N": "neutral", "S": "sadness"}


def smallest(emotions):
    """The size of the smallest of the thesis's four classes: what a balanced set takes of each."""
    classes = pd.Series(emotions, dtype="string").replace("excitement", "happiness")
    return int(classes.value_counts().reindex(labels.FOUR, fill_value=0).min())


def planned(settings, name):
    return isolated.plan(twins.TWINS[name], isolated.TwinSettings(**vars(settings.twins[name])), seed=settings.seed)


@pytest.mark.parametrize(("name", "fewest"), [("demo", 40), ("smoke", 4)])
def test_every_balanced_set_has_enough_of_each_class(name, fewest, tmp_path):
    settings = profile.load(name)
    (conversations,) = (order for order in orders.of(settings) if order.corpus == "iemocap")
    dialogues = plans(Settings(**{**conversations.size, "turns": tuple(settings.synthetic.turns)}), seed=settings.seed)
    assert smallest([turn.rating.gold for dialogue in dialogues for turn in dialogue.turns]) >= fewest
    for twin in ("cremad", "emodb", "shemo"):
        assert smallest([utterance.part.emotion for utterance in planned(settings, twin)]) >= fewest
    cremad.describe(tmp_path, planned(settings, "cremad"))
    with (tmp_path / "processedResults" / "summaryTable.csv").open(newline="") as file:
        assert smallest([VOTES.get(row["VoiceVote"]) for row in csv.DictReader(file)]) >= fewest


def test_the_orders_of_a_profile_lie_where_it_reads_them(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path))
    found = {order.corpus: order.folder.relative_to(tmp_path).as_posix() for order in orders.of(profile.load("demo"))}
    assert found == {
        "iemocap": "demo/IEMOCAP_full_release",
        "meld": "demo/MELD.Raw",
        "cremad": "demo/CREMA-D",
        "emodb": "demo/EmoDB",
        "shemo": "demo/ShEMO",
        "librispeech": "demo/LibriSpeech",
    }
    assert orders.of(profile.load("paper")) == []


def test_a_folder_that_would_be_made_elsewhere_is_refused(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("extends: demo\ncorpora: {emodb: demo/german}\n")
    with pytest.raises(profile.ProfileError, match=r"the last part of corpora\.emodb must be EmoDB"):
        orders.of(profile.load(str(own)))
