"""A profile's models: which they are, that their splits keep their word, and one run of all of them."""

import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor

import card_rules
from emocast import paths, profile
from emocast.corpora import synthetic
from emocast.corpora.table import CorpusError
from emocast.ser import models, splits, training
from emocast.ser.data import usable

OWN = """
extends: smoke
ser:
  epochs: 2
  crop_s: 0.5
  held_out: [Ses02]
  start:
    epochs: 1
    architecture: {hidden_size: 16, num_attention_heads: 2, intermediate_size: 16}
"""


@pytest.fixture
def five_sessions():
    """What `plans` needs to know of a whole IEMOCAP; one utterance has no session."""
    return pd.DataFrame({"session": pd.array(["Ses03", "Ses01", None, "Ses05", "Ses02", "Ses04"], dtype="string")})


def names(wanted):
    return [plan.name for plan in wanted]


def test_paper_asks_for_every_session(five_sessions):
    wanted = models.plans(profile.load("paper"), five_sessions)
    assert names(wanted[:3]) == ["classification", "regression", "multiobjective"]
    sessions = ["Ses01", "Ses02", "Ses03", "Ses04", "Ses05"]
    assert [(plan.objective, plan.held_out) for plan in wanted[3:]] == [
        (objective, session) for session in sessions for objective in names(wanted[:3])
    ]
    assert len(set(names(wanted))) == 18 and names(wanted)[-1] == "multiobjective-without-Ses05"


def test_demo_asks_for_one_session_and_its_candidates_are_among_its_models(five_sessions):
    demo = profile.load("demo")
    wanted = names(models.plans(demo, five_sessions))
    assert wanted[3:] == [f"{objective}-without-Ses05" for objective in wanted[:3]] and len(wanted) == 6
    assert {models.folder(demo, name) for name in wanted} >= {paths.outputs() / name for name in demo.ser.candidates}


def test_a_session_that_is_not_there_is_named(utterances):
    with pytest.raises(ValueError, match=r"ser\.held_out: no session 'Ses05' in the corpus; there are Ses01, Ses02"):
        models.plans(profile.load("demo"), utterances)


@pytest.mark.parametrize("objective", training.OBJECTIVES)
@pytest.mark.parametrize("held_out", [None, "Ses01", "Ses02"])
def test_each_plans_split_keeps_its_word(utterances, objective, held_out):
    plan, table = models.Plan(objective, held_out), usable(utterances, objective=objective)
    parts = plan.parts(table, profile.load("demo"))
    proof = splits.proof(table, parts)
    assert proof["utterances_shared"] == 0
    assert (proof["speakers_shared"] == 0) == (held_out is not None)
    if held_out is None:
        assert [proof["train"], proof["valid"]] == [int(len(table) * 0.8), int(len(table) * 0.1)]
    else:
        assert parts.eq("test").equals(table["session"].eq(held_out)), "the session is the test, all of it"


@pytest.fixture
def own(tmp_path, monkeypatch, corpus_root):
    """A profile of one's own, which finds the small IEMOCAP below a temporary data folder."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    (tmp_path / "own.yaml").write_text(OWN)
    own = profile.load(str(tmp_path / "own.yaml"))
    own.corpus_root("iemocap").parent.mkdir(parents=True)
    own.corpus_root("iemocap").symlink_to(corpus_root / "IEMOCAP_full_release")
    return own


def test_all_models_of_a_profile_are_trained_once(own):
    home = own.corpus_root("librispeech").parent
    synthetic.make_twin(home, "librispeech", synthetic.TwinSettings(2, 3), seed=0, processes=2, progress=False)
    get_reusable_executor().shutdown(wait=True)  # workers that other tests left do not know the variables of `own`
    folders = models.train_all(own)
    assert list(folders) == [
        f"{objective}{held_out}" for held_out in ("", "-without-Ses02") for objective in training.OBJECTIVES
    ]
    assert all(folder == models.folder(own, name) for name, folder in folders.items())
    for name, folder in folders.items():
        valid = training.log(folder).query("stage == 'valid'")
        assert models.kept_epoch(folder) == valid.loc[valid["error"].idxmin(), "epoch"]
        parts = training.split(folder)
        heard = parts[parts["part"].ne("test")]["utterance"].str[:5]
        assert set(heard) == ({"Ses01"} if "without" in name else {"Ses01", "Ses02"})
    records = written(own)
    assert len(records) == 7 and models.folder(own, "start") / "training.json" in records
    card = (models.folder(own, "start") / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert not card_rules.unsaid(card, classes=False) and "- 6 sound files" in card
    models.train_all(own)
    assert written(own) == records, "the second call trains nothing"


def written(own):
    """When each training wrote its record."""
    return {path: path.stat().st_mtime_ns for path in models.folder(own, "").glob("*/training.json")}


def test_sound_to_begin_with_that_is_not_there_is_asked_for(own):
    with pytest.raises(CorpusError, match=r"no sound \(\.flac, \.wav\) below .*smoke/LibriSpeech.*data/README\.md"):
        models.train_all(own)
    assert not models.folder(own, "start").exists()
