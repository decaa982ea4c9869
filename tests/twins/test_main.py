"""What a profile asks for is made, where it reads it, and is enough for what is done with it."""

import csv
import json
import shutil

import pandas as pd
import pytest

import emocast_twins
from emocast import labels
from emocast import settings as profiles
from emocast_twins import conversations, sentences
from emocast_twins.__main__ import main

CONVERSATIONS = "extends: smoke\nsynthetic: {sessions: 1, scenarios: 1, turns: [4, 4]}\nsynthetic_meld: null\n"
TWINS = (
    "twins: {cremad: null, librispeech: null, "
    "emodb: {speakers: 1, utterances: 2}, shemo: {speakers: 2, utterances: 1}}\n"
)
VOTES = {"A": "anger", "H": "happiness", "N": "neutral", "S": "sadness"}


@pytest.fixture
def data(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def profile(tmp_path, text):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    return str(path)


def test_an_own_profile_makes_what_it_lacks_and_no_other(data, tmp_path, capsys):
    own = profile(tmp_path, CONVERSATIONS + TWINS)
    assert main(["--profile", own, "--if-missing"]) == 0
    assert sorted(path.name for path in (data / "smoke").glob("[!.]*")) == ["EmoDB", "IEMOCAP_full_release", "ShEMO"]
    assert len(list((data / "smoke").rglob("EmoDB/wav/*.wav"))) == 2
    about = data / "smoke" / "IEMOCAP_full_release" / "synthetic.json"
    assert json.loads(about.read_text())["settings"] == {"sessions": 1, "scenarios": 1, "turns": [4, 4]}
    made = {path: path.stat().st_mtime_ns for path in data.rglob("synthetic.json")}
    assert len(made) == 3
    shutil.rmtree(data / "smoke" / "ShEMO")
    capsys.readouterr()
    assert main(["--profile", own, "--if-missing"]) == 0
    again = {path: path.stat().st_mtime_ns for path in data.rglob("synthetic.json")}
    assert {path.parent.name for path in made if made[path] != again[path]} == {"ShEMO"}
    assert [line.split("/")[-1] for line in capsys.readouterr().out.splitlines() if "->" in line] == ["ShEMO"]


@pytest.mark.parametrize(
    ("size", "larger", "message"),
    [
        ("[4, 4]", "[4, 5]", "own, as in `corpora: {iemocap: own/IEMOCAP_full_release}`"),
        ("utterances: 2", "utterances: 3", "give the profile a folder of its own, as in `corpora: {emodb: own/EmoDB}`"),
    ],
)
def test_a_corpus_of_another_size_is_not_taken_for_ones_own(data, tmp_path, capsys, size, larger, message):
    text = CONVERSATIONS + TWINS
    assert main(["--profile", profile(tmp_path, text)]) == 0
    assert main(["--profile", profile(tmp_path, text.replace(size, larger)), "--if-missing"]) == 1
    assert message in capsys.readouterr().err


def test_one_corpus_is_made_alone(data, tmp_path, capsys):
    own = profile(tmp_path, CONVERSATIONS + TWINS)
    assert main(["--profile", own, "--corpus", "EmoDB"]) == 0
    assert [path.parent.name for path in data.rglob("synthetic.json")] == ["EmoDB"]
    assert main(["--profile", own, "--corpus", "CREMA-D"]) == 1
    assert "gives no size to a synthetic CREMA-D" in capsys.readouterr().err


def test_real_corpora_are_not_made(data, capsys):
    assert main(["--profile", "paper"]) == 1
    assert "uses real corpora: nothing to make" in capsys.readouterr().err
    assert main(["--profile", "paper", "--if-missing"]) == 0
    assert not data.exists()


def test_one_conversation_comes_with_its_truth(tmp_path, capsys):
    assert main(["--conversation", str(tmp_path), "--seed", "5", "--turns", "6"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "conversation.wav")
    turns = pd.read_csv(tmp_path / "turns.csv")
    assert list(turns.columns) == ["utterance", "speaker", "start_s", "end_s", "emotion"] and len(turns) == 6
    assert turns["speaker"].nunique() == 2 and (turns["start_s"] < turns["end_s"]).all()
    assert main(["--conversation", str(tmp_path), "--seed", "-1"]) == 1
    assert "error: " in capsys.readouterr().err


def test_the_orders_of_a_profile_lie_where_it_reads_them(tmp_path, data):
    found = emocast_twins.orders(profiles.load("demo"))
    assert {order.corpus: order.folder.relative_to(data).as_posix() for order in found} == {
        "iemocap": "demo/IEMOCAP_full_release",
        "meld": "demo/MELD.Raw",
        "cremad": "demo/CREMA-D",
        "emodb": "demo/EmoDB",
        "shemo": "demo/ShEMO",
        "librispeech": "demo/LibriSpeech",
    }
    assert emocast_twins.orders(profiles.load("paper")) == []
    elsewhere = profile(tmp_path, "extends: demo\ncorpora: {emodb: demo/german}\n")
    with pytest.raises(profiles.ProfileError, match=r"the last part of corpora\.emodb must be EmoDB"):
        emocast_twins.orders(profiles.load(elsewhere))


def smallest(emotions):
    """The size of the smallest of the thesis's four classes: what a balanced set takes of each."""
    classes = pd.Series(emotions, dtype="string").replace("excitement", "happiness")
    return int(classes.value_counts().reindex(labels.FOUR, fill_value=0).min())


@pytest.mark.parametrize(("name", "fewest"), [("demo", 40), ("smoke", 4)])
def test_every_balanced_set_has_enough_of_each_class(name, fewest, tmp_path):
    """Nothing is spoken here but planned."""
    own = profiles.load(name)
    size = conversations.Settings(**{**vars(own.synthetic), "turns": tuple(own.synthetic.turns)})
    turns = [turn for dialogue in conversations.plans(size, seed=own.seed) for turn in dialogue.turns]
    assert smallest([turn.rating.gold for turn in turns]) >= fewest
    planned = {
        twin: sentences.plan(sentences.TWINS[twin], sentences.TwinSettings(**vars(own.twins[twin])), seed=own.seed)
        for twin in ("cremad", "emodb", "shemo")
    }
    for utterances in planned.values():
        assert smallest([utterance.part.emotion for utterance in utterances]) >= fewest
    sentences.describe_cremad(tmp_path, planned["cremad"])
    with (tmp_path / "processedResults" / "summaryTable.csv").open(newline="") as file:
        assert smallest([VOTES.get(row["VoiceVote"]) for row in csv.DictReader(file)]) >= fewest
