"""The published checkpoint in its official layout: scored whole on every test set, and refused with what to do."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import transformers

import small_published
from emocast import audio, corpora, paths
from emocast import settings as profiles
from emocast.corpora import emodb
from emocast.encoders.wav2vec2 import OFFICIAL
from emocast.ser import models, predictions, tables
from emocast_run import runner

CODES = {"neu": "neutral", "ang": "anger", "hap": "happiness", "sad": "sadness"}
DRAWING = {"draws": 50, "level": 0.95, "random_state": 0}


@pytest.fixture(autouse=True)
def outputs(tmp_path, monkeypatch):
    """A store of one's own."""
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def official(data):
    """The folder where a person puts the checkpoint that the profile `paper` names; read only."""
    return small_published.speechbrain(data / "checkpoints" / OFFICIAL)


def _probabilities(folder, waveform, order):
    """What SpeechBrain's own steps give of a waveform, with transformers alone: label -> probability."""
    network = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config.from_pretrained(folder)).eval()
    weights = torch.load(folder / "wav2vec2.ckpt", weights_only=True)
    network.load_state_dict({name.removeprefix("model."): tensor for name, tensor in weights.items()})
    (head,) = torch.load(folder / "model.ckpt", weights_only=True).values()
    with torch.no_grad():
        heard = torch.from_numpy(waveform)
        hidden = network(torch.nn.functional.layer_norm(heard, heard.shape)[None]).last_hidden_state[0]
        pooled = torch.nn.functional.layer_norm(hidden, hidden.shape).mean(dim=0)
        return dict(zip(order, (head @ pooled).softmax(dim=0).tolist(), strict=True))


def test_it_is_scored_on_all_five_test_sets_as_the_profile_names_it(demo, official):
    test_sets, left_out = predictions.load_test_sets(demo)
    assert left_out.empty and list(test_sets) == list(corpora.test_sets())
    source = profiles.load("paper").ser.checkpoint
    assert source == OFFICIAL and predictions.lacking(source) == ""
    said = {}
    for name, test in test_sets.items():
        rows = test.table[test.table["emotion"].notna()].groupby("emotion").head(5)
        said[name] = predictions.predict(source, rows, test.root, progress=False).table
        assert len(said[name]) == len(rows) and set(said[name]["predicted"]) <= set(CODES.values())
        first = rows.iloc[0]
        waveform = audio.read(test.root / first["audio"], start_s=first["start_s"], end_s=first["end_s"])
        expected = _probabilities(official, waveform, CODES.values())
        made = said[name].iloc[0]
        assert {emotion: made[f"p_{emotion}"] for emotion in expected} == pytest.approx(expected, abs=1e-4)
        assert made["predicted"] == max(expected, key=expected.get)
    scores = tables.classification(said, **DRAWING).set_index("test_set")
    assert list(scores.index) == list(test_sets) and scores["reason"].isna().all()
    assert (scores["accuracy_low"] <= scores["accuracy"]).all() and (
        scores["accuracy"] <= scores["accuracy_high"]
    ).all()
    assert (scores["trainings"] == 1).all() and scores["accuracy"].between(0, 1).all()


def test_a_unit_means_what_the_label_encoder_says(data, demo, official, tmp_path):
    """Other lines in `label_encoder.txt` rename the answers; with the head's rows moved along, they stay what they were."""
    test = predictions.load_test_sets(demo)[0]["Emo-DB"]
    rows = test.table.head(8)

    def asked(folder):
        table = predictions.predict(folder, rows, test.root, progress=False).table
        return table[[f"p_{emotion}" for emotion in CODES.values()]].to_numpy()

    before, moved = asked(official), shutil.copytree(official, tmp_path / "moved")
    order = ["sad", "neu", "hap", "ang"]
    (moved / "label_encoder.txt").write_text("".join(f"'{code}' => {unit}\n" for unit, code in enumerate(order)))
    renamed = asked(moved)
    units = [order.index(code) for code in CODES]
    np.testing.assert_allclose(renamed, before[:, units], atol=1e-6)
    assert not np.allclose(renamed, before, atol=1e-3)
    head = torch.load(official / "model.ckpt", weights_only=True)["0.w.weight"]
    torch.save({"0.w.weight": head[[list(CODES).index(code) for code in order]]}, moved / "model.ckpt")
    np.testing.assert_allclose(asked(moved), before, atol=1e-6)


def test_what_is_missing_or_of_another_kind_is_said_with_what_to_do(recognisers, official, tmp_path, monkeypatch):
    assert predictions.lacking(official) == ""
    assert "names no emotion; it must name neutral, happiness, sadness, anger" in predictions.lacking(
        recognisers["regression"]
    )
    damaged = shutil.copytree(official, tmp_path / "damaged")
    (damaged / "wav2vec2.ckpt").write_bytes(b"cut")
    assert "wav2vec2.ckpt: not read as weights" in predictions.lacking(damaged)
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "nothing"))
    said = predictions.lacking(OFFICIAL)
    assert "Put hyperparams.yaml, wav2vec2.ckpt, model.ckpt, label_encoder.txt into" in said
    assert said.endswith("`make checkpoints` does it")


def test_without_iemocap_only_its_part_of_notebook_06_runs(demo, data, official, monkeypatch, tmp_path):
    """Whether it does hangs on the checkpoint and one test set; what is trained is left out with a sentence."""
    (tmp_path / "open.yaml").write_text(
        "extends: paper\ncorpus: emodb\ncorpora: {emodb: demo/EmoDB, shemo: demo/ShEMO}\n"
    )
    profile = profiles.load(str(tmp_path / "open.yaml"))
    assert "the main corpus is 'emodb'" in models.lacking(profile)
    assert "no IEMOCAP under" in models.lacking(profiles.load("paper")) and models.lacking(demo) == ""
    assert runner.reasons(profile, "06_cross_lingual_ser") == []
    assert "in part: 06_cross_lingual_ser: it trains on IEMOCAP" in runner.told(profile)
    assert runner.reasons(replace(demo, name="demo", corpus="emodb", twins=None), "06_cross_lingual_ser")
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "nothing"))
    assert any("trains on IEMOCAP" in why for why in runner.reasons(profile, "06_cross_lingual_ser"))
    assert "skipped: 06_cross_lingual_ser: it trains on IEMOCAP" in runner.told(profile)


@pytest.mark.slow
def test_on_emodbs_real_recordings_it_has_an_interval_by_speaker(real, official, tmp_path):
    root = real("emodb")
    utterances = emodb.load(root)
    said, unreadable = predictions.predict(official, utterances, root, jobs=2, progress=False)
    assert unreadable.empty and len(said) == len(utterances) == 339
    (row,) = tables.classification({"Emo-DB": said}, **DRAWING).itertuples()
    assert (row.n_per_class, row.n, row.interval_by) == (62, 248, "speaker"), "as many as the thesis tested"
    assert row.accuracy_low < row.accuracy < row.accuracy_high


@pytest.mark.slow
def test_notebook_06_runs_without_iemocap(data, official, tmp_path, monkeypatch, capsys):
    """What the checkpoint says stands there with intervals, what would be trained is left out, and both are said."""
    monkeypatch.setenv("EMOCAST_DATA", str(data))
    own = tmp_path / "open.yaml"
    folders = "{cremad: demo/CREMA-D, emodb: demo/EmoDB, shemo: demo/ShEMO}"
    own.write_text(
        f"extends: paper\ncorpus: emodb\ncorpora: {folders}\nser: {{balanced_draws: 20}}\nintervals: {{draws: 50}}\n"
    )
    folder = runner.run(paths.NOTEBOOKS / "06_cross_lingual_ser.ipynb", profile=str(own))
    scores = pd.read_csv(folder / "scores.csv")
    assert set(scores["model"]) == {"checkpoint"} and len(scores) == 4 and scores["accuracy_low"].notna().all()
    assert scores.set_index("test_set").loc["Emo-DB", "accuracy_published"] == 0.60081
    notes = runner.json.loads((folder / "manifest.json").read_text())["notes"]
    assert sum("trains on IEMOCAP" in note for note in notes) == 1 and sum("Left out" in note for note in notes) == 3
    assert not (folder / "training_log.csv").is_file() and (folder / "confusion_checkpoint.png").is_file()
