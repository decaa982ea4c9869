"""Which contrastive model a profile asks, and what it has heard. Training itself is stood in for: `test_training` tests it."""

import json

import pandas as pd
import pytest
import torch

from emocast import profile as profiles
from emocast.contrastive import models, training


@pytest.fixture
def demo():
    return profiles.load("demo")


@pytest.fixture
def asked(monkeypatch, tmp_path, corpus_root):
    """What training was called with; nothing is trained."""
    calls = []
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path))
    monkeypatch.setattr(profiles.Profile, "corpus_root", lambda self, corpus=None: corpus_root)
    monkeypatch.setattr(
        training, "train", lambda *given, **options: calls.append((given, options, torch.get_num_threads()))
    )
    return calls


def test_a_profiles_own_model_is_trained_when_asked_for(demo, asked, tmp_path):
    assert models.ready(demo) == models.ready(demo, "demo") == "dual:demo/models/contrastive"
    (folder, utterances, _), options, threads = asked[0]
    assert folder == tmp_path / "demo" / "models" / "contrastive"
    assert {"Ses01", "Ses02"} == set(utterances["session"])
    assert (options["settings"], options["seed"]) == (demo.contrastive.dual, demo.seed)
    assert options["report"].name == "contrastive"
    assert threads == 1  # the same numbers on every machine


@pytest.mark.parametrize(
    ("short_name", "name"),
    [
        ("laion", "laion-clap:lukewys/laion_clap/630k-audioset-best.pt"),
        ("transformers:laion/clap-htsat-unfused", "transformers:laion/clap-htsat-unfused"),
        ("dual:somewhere/else", "dual:somewhere/else"),
    ],
)
def test_others_are_named_and_not_trained(demo, asked, short_name, name):
    assert models.ready(demo, short_name) == name
    assert not asked


def test_paper_asks_the_papers_model(asked):
    assert models.ready(profiles.load("paper")) == "msclap:microsoft/msclap/CLAP_weights_2023.pth"
    assert not asked


@pytest.mark.parametrize("wrong", ["clap", "wav2vec2:somewhere"])
def test_an_unknown_short_name_is_one_clear_error(demo, asked, wrong):
    with pytest.raises(
        ValueError, match=f"no contrastive model '{wrong}'; the profile 'demo' has microsoft, laion, demo"
    ):
        models.ready(demo, wrong)


@pytest.fixture
def utterances():
    return pd.DataFrame(
        {"utterance": list("abcdef"), "dialogue": list("uvwxyz"), "session": [f"Ses0{n}" for n in (1, 2, 3, 4, 5, 5)]},
        index=range(10, 16),
    )


def test_the_profiles_own_model_has_heard_all_but_the_sessions_held_out(demo, utterances):
    found = models.heard(demo, "dual:demo/models/contrastive", utterances)
    assert found.tolist() == [True] * 4 + [False] * 2
    assert found.index.tolist() == utterances.index.tolist()
    assert not models.heard(demo, "laion-clap:x", utterances).any()


def test_another_dual_model_says_itself_what_was_held_out(demo, utterances, tmp_path):
    (tmp_path / "training.json").write_text(json.dumps({"held_out": ["Ses01"]}))
    assert models.heard(demo, f"dual:{tmp_path}", utterances).tolist() == [False] + [True] * 5


def test_parts_begin_with_the_speakers_whom_a_model_never_heard(demo, utterances):
    found = models.parts(models.heard(demo, "dual:demo/models/contrastive", utterances))
    assert list(found) == ["speakers never heard", "speakers of the training", "all speakers"]
    assert [part.sum() for part in found.values()] == [2, 4, 6]
    published = models.parts(models.heard(demo, "msclap:x", utterances))
    assert [(name, part.sum()) for name, part in published.items()] == [("all speakers, none heard before", 6)]
