"""A profile's models: which they are, that their splits keep their word, and one run of all of them."""

import dataclasses

import pandas as pd
import pytest
import torch
from joblib.externals.loky import get_reusable_executor
from safetensors.torch import load_file

from emocast import profile
from emocast.corpora import synthetic
from emocast.ser import models, splits, training
from emocast.ser.data import usable

OWN = """
extends: smoke
ser:
  epochs: 1
  crop_s: 0.5
  held_out: [Ses02]
  start:
    epochs: 1
    architecture: {hidden_size: 16, num_attention_heads: 2, intermediate_size: 16}
"""
SESSIONS = ["Ses01", "Ses02", "Ses03", "Ses04", "Ses05"]
OBJECTIVES = ["classification", "regression", "multiobjective"]


@pytest.mark.parametrize(("name", "held_out"), [("paper", SESSIONS), ("demo", ["Ses05"])])
def test_paper_asks_for_every_session_and_demo_for_one(name, held_out):
    plans = models.plans(profile.load(name), pd.DataFrame({"session": [*SESSIONS[::-1], None, "Ses01"]}))
    expected = [(objective, session) for session in [None, *held_out] for objective in OBJECTIVES]
    assert [(plan.objective, plan.held_out) for plan in plans] == expected
    assert [plan.name for plan in plans[:4]] == [*OBJECTIVES, f"classification-without-{held_out[0]}"]


def test_a_session_that_is_not_there_is_named(utterances):
    with pytest.raises(ValueError, match=r"ser\.held_out: no session 'Ses05' in the corpus; there are Ses01, Ses02"):
        models.plans(profile.load("demo"), utterances)


@pytest.mark.parametrize("objective", training.OBJECTIVES)
@pytest.mark.parametrize("held_out", [None, "Ses01", "Ses02"])
def test_each_plans_split_keeps_its_word(utterances, objective, held_out):
    plan, table = models.Plan(objective, held_out), usable(utterances, objective=objective)
    proof = splits.proof(table, plan.parts(table, profile.load("demo")))
    assert proof["utterances_shared"] == 0
    assert (proof["speakers_shared"] == 0) == (held_out is not None)
    assert held_out is None or proof["test"] == table["session"].eq(held_out).sum()


@pytest.mark.parametrize(("head", "encoder", "kept"), [(1e-2, 1e-3, 2), (0.3, 0.03, 1)])
def test_the_kept_epoch_is_the_best_of_a_good_and_of_a_diverging_training(
    utterances, corpus_root, settings, tmp_path, head, encoder, kept
):
    table = usable(utterances, objective="regression")
    parts = models.Plan("regression", "Ses02").parts(table, profile.load("demo"))
    some = dataclasses.replace(settings, epochs=2, learning_rate_head=head, learning_rate_encoder=encoder)
    folder = training.train(tmp_path / "m", table, corpus_root, parts, objective="regression", settings=some, seed=0)
    valid = training.log(folder).query("stage == 'valid'").set_index("epoch")["error"]
    assert models.kept_epoch(folder) == valid.idxmin() == kept, valid


def test_all_models_of_a_profile_are_trained_once(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    get_reusable_executor().shutdown(wait=True)  # workers that other tests left do not know these variables
    (tmp_path / "own.yaml").write_text(OWN)
    own = profile.load(str(tmp_path / "own.yaml"))
    home = own.corpus_root("iemocap").parent
    synthetic.make(
        home, synthetic.Settings(sessions=2, scenarios=2, turns=(10, 12)), seed=7, processes=2, progress=False
    )
    synthetic.make_twin(home, "librispeech", synthetic.TwinSettings(2, 3), seed=0, processes=2, progress=False)
    folders = models.train_all(own)
    made = tmp_path / "outputs" / "own" / "models"
    names = [*OBJECTIVES, *(f"{objective}-without-Ses02" for objective in OBJECTIVES)]
    assert list(folders.items()) == [(name, made / name) for name in names]
    assert folders["regression"] == models.folder(own, "regression")
    assert {models.kept_epoch(folder) for folder in folders.values()} == {1}
    assert all(began_with(folder, made / "start") for folder in folders.values())
    records = changed(made)
    assert set(records) == {"start", *names}
    assert models.train_all(own) == folders and changed(made) == records


def began_with(folder, start):
    """Whether a model has the start's CNN, which stays frozen."""
    read, model = load_file(start / "model.safetensors"), torch.load(folder / "wav2vec2.ckpt", weights_only=True)
    cnn = [name for name in read if name.startswith("feature_extractor")]
    return len(cnn) > 0 and all(torch.equal(read[name], model[f"model.{name}"]) for name in cnn)


def changed(made):
    """When each record below a folder was last written."""
    return {path.parent.name: path.stat().st_mtime_ns for path in made.glob("*/training.json")}
