"""What a recogniser predicts is what its checkpoint says of each utterance alone; test sets that are missing are named."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from emocast import audio, labels
from emocast.encoders import wav2vec2
from emocast.ser import predictions


@pytest.fixture(autouse=True)
def outputs(tmp_path, monkeypatch):
    """A store of one's own."""
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))


def _predict(source, corpus, **options):
    return predictions.predict(source, corpus[1], corpus[0], progress=False, **options)


def test_each_row_is_what_the_checkpoint_says_of_the_utterance(recognisers, corpus):
    root, table = corpus
    folder = recognisers["multiobjective"]
    found, unreadable = _predict(folder, corpus)
    assert unreadable.empty
    assert list(found.columns) == [
        "utterance", "speaker", "dialogue", "emotion", "valence", "arousal", "predicted", "p_neutral", "p_anger",
        "p_happiness", "p_sadness", "predicted_valence", "predicted_arousal",
    ]  # fmt: skip
    truth = ["utterance", "speaker", "dialogue", "emotion", "valence", "arousal"]
    pd.testing.assert_frame_equal(found[truth], table[truth].reset_index(drop=True))
    for made, row in zip(found.itertuples(), table.itertuples(), strict=True):
        waveform = audio.read(root / row.audio, start_s=row.start_s, end_s=row.end_s)
        expected = {name: values[0].numpy() for name, values in wav2vec2.load(folder).outputs([waveform]).items()}
        assert made.predicted == ("neutral", "anger", "happiness", "sadness")[expected["classification"].argmax()]
        values = [made.p_neutral, made.p_anger, made.p_happiness, made.p_sadness]
        np.testing.assert_allclose(values, expected["classification"], atol=1e-5)
        np.testing.assert_allclose([made.predicted_valence, made.predicted_arousal], expected["regression"], atol=1e-4)
    assert len(set(found["predicted"])) > 1  # the test could fail: utterances do differ


def test_a_model_has_only_the_columns_of_its_objective(recognisers, corpus):
    classes = _predict(recognisers["classification"], corpus).table
    assert not any(column.startswith("predicted_") for column in classes)
    dimensions = _predict(recognisers["regression"], corpus).table
    assert not any(column.startswith("p_") for column in dimensions)
    assert dimensions["predicted"].isna().all()
    assert dimensions["predicted_arousal"].notna().all()


def test_what_cannot_be_read_is_listed_and_the_others_go_on(recognisers, corpus):
    root, table = corpus
    whole = _predict(recognisers["multiobjective"], corpus).table
    (root / "c0.wav").write_bytes(b"")
    (root / "c1.wav").unlink()
    table.loc[table["audio"] == "c2.wav", "end_s"] = 0.01  # 160 samples
    table.loc[table["utterance"] == "d1.wav-1.5", "end_s"] = 9.0
    found, unreadable = _predict(recognisers["multiobjective"], (root, table))
    problems = unreadable.set_index("audio")["problem"]
    assert list(problems.index) == ["c0.wav", "c1.wav", "c2.wav", "d1.wav"]
    says = [
        "the file is empty; get it again",
        "no such file",
        "160 samples are shorter than one frame",
        "ends at 2.500 s",
    ]
    assert all(what in problem for what, problem in zip(says, problems, strict=True))
    assert unreadable["utterances"].tolist() == [1, 1, 1, 1]
    lost = ["c0.wav-0.0", "c1.wav-0.0", "c2.wav-0.0", "d1.wav-1.5"]
    kept = whole[~whole["utterance"].isin(lost)].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, kept, atol=1e-5)


def test_a_model_that_gives_no_number_is_noticed(recognisers, corpus, tmp_path):
    folder = shutil.copytree(recognisers["regression"], tmp_path / "broken")
    torch.save({"0.w.weight": torch.full((2, 32), torch.nan)}, folder / "model.ckpt")
    found, unreadable = _predict(folder, corpus)
    assert found.empty
    assert unreadable["problem"].str.contains("no finite number").all()
    assert unreadable["utterances"].sum() == 9


def test_a_killed_run_goes_on_and_a_changed_file_is_read_anew(recognisers, corpus, monkeypatch):
    root, table = corpus
    embedded, original, folder = [], wav2vec2.Wav2Vec2.encode, recognisers["multiobjective"]
    monkeypatch.setattr(
        wav2vec2.Wav2Vec2, "encode", lambda self, waves: embedded.extend(waves) or original(self, waves)
    )
    _predict(folder, (root, table[table["audio"] != "d2.wav"]))  # as if killed before d2.wav
    assert len(embedded) == 7
    first = _predict(folder, corpus).table
    assert len(embedded) == 9
    pd.testing.assert_frame_equal(first, _predict(folder, corpus, jobs=2).table)
    assert len(embedded) == 9, "all is in the store"
    shutil.copyfile(root / "c3.wav", root / "c0.wav")
    other = _predict(folder, corpus).table
    assert len(embedded) == 10
    assert list(other["utterance"][other["p_anger"] != first["p_anger"]]) == ["c0.wav-0.0"]


def test_all_five_are_read_in_the_theses_order_with_their_languages_and_labels(demo):
    found, left_out = predictions.load_test_sets(demo)
    assert [(name, one.language) for name, one in found.items()] == [
        ("IEMOCAP (full)", "en"),
        ("CREMA-D (self-reported)", "en"),
        ("CREMA-D (rated)", "en"),
        ("Emo-DB", "de"),
        ("ShEMO", "fa"),
    ]
    assert left_out.empty and list(left_out.columns) == ["test_set", "reason"]
    assert all((one.root / name).is_file() for one in found.values() for name in one.table["audio"])
    acted, rated = found["CREMA-D (self-reported)"].table, found["CREMA-D (rated)"].table
    assert set(acted["rating"]) == {"self-reported"} and set(rated["rating"]) == {"rated"}
    assert list(acted["audio"]) == list(rated["audio"])
    assert not acted["emotion"].equals(rated["emotion"]), "listeners perceive other emotions than actors meant"


def test_other_emotions_than_the_four_are_missing_and_their_utterances_stay(demo, data):
    """EmoDB says the emotion in the sixth letter of a file's name."""
    found = predictions.load_test_sets(demo)[0]
    four = {"N": "neutral", "W": "anger", "F": "happiness", "T": "sadness"}
    letters = {path.stem: path.stem[5] for path in (data / "demo" / "EmoDB").rglob("*.wav")}
    table = found["Emo-DB"].table.set_index("utterance")
    assert set(table.index) == set(letters) and set(letters.values()) - set(four)
    for utterance, letter in letters.items():
        emotion = table["emotion"][utterance]
        assert emotion == four[letter] if letter in four else pd.isna(emotion)
    assert all(set(one.table["emotion"].dropna()) <= set(labels.FOUR) for one in found.values())


def test_what_is_missing_is_named_with_its_place_and_stops_nothing(demo):
    folders = {**demo.corpora, "iemocap": "demo/not-there"}
    del folders["shemo"]
    found, left_out = predictions.load_test_sets(replace(demo, corpora=folders, twins={}))
    assert list(found) == ["CREMA-D (self-reported)", "CREMA-D (rated)", "Emo-DB"]
    reasons = left_out.set_index("test_set")["reason"]
    assert list(reasons.index) == ["IEMOCAP (full)", "ShEMO"]
    assert "demo/not-there" in reasons["IEMOCAP (full)"] and "data/README.md" in reasons["IEMOCAP (full)"]
    assert reasons["ShEMO"] == "the profile 'demo' names no folder for shemo"
