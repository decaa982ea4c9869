"""A profile's models: which they are, that their splits keep their word, and one run of all of them."""

import pytest
from joblib.externals.loky import get_reusable_executor

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


def test_paper_asks_for_every_session_and_demo_for_one(utterances):
    names = [plan.name for plan in models.plans(profile.load("paper"), utterances)]
    assert names[:3] == list(training.OBJECTIVES)
    assert names[3:] == [f"{objective}-without-{s}" for s in ("Ses01", "Ses02") for objective in training.OBJECTIVES]


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
    names = [*training.OBJECTIVES, *(f"{objective}-without-Ses02" for objective in training.OBJECTIVES)]
    assert list(folders) == names
    assert all(folder == models.folder(own, name) for name, folder in folders.items())
    assert {models.kept_epoch(folder) for folder in folders.values()} == {1}
    records = {folder: (folder / "training.json").stat().st_mtime_ns for folder in folders.values()}
    models.train_all(own)
    assert records == {folder: (folder / "training.json").stat().st_mtime_ns for folder in folders.values()}
