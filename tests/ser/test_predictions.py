"""What a recogniser is said to predict is what its checkpoint says of each utterance alone."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from emocast import audio
from emocast.cache import Cache
from emocast.encoders import checkpoint, hub
from emocast.ser import predictions


def _alone(folder, root, row):
    waveform = audio.read(root / row.audio, start_s=row.start_s, end_s=row.end_s)
    return {name: values[0].numpy() for name, values in checkpoint.load(folder).outputs([waveform]).items()}


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
        expected = _alone(folder, root, row)
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


def test_the_number_of_processes_changes_last_digits_at_most(recognisers, corpus, monkeypatch):
    monkeypatch.setattr("emocast.ser.application._TASK_S", 1.5)  # several tasks
    threads = torch.get_num_threads()
    one, two = (_predict(recognisers["multiobjective"], corpus, jobs=jobs).table for jobs in (1, 2))
    pd.testing.assert_frame_equal(one, two, rtol=1e-4, atol=1e-5)
    assert torch.get_num_threads() == threads


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
    assert problems["c0.wav"] == "the file is empty; get it again"
    assert problems["c1.wav"] == "No such file or directory"
    assert "0.000 to 0.010 s are 160 samples, shorter than one frame" in problems["c2.wav"]
    assert "ends at 2.500 s" in problems["d1.wav"]
    assert unreadable["utterances"].tolist() == [1, 1, 1, 1]
    lost = ["c0.wav-0.0", "c1.wav-0.0", "c2.wav-0.0", "d1.wav-1.5"]
    kept = whole[~whole["utterance"].isin(lost)].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, kept, atol=1e-5)


@pytest.mark.parametrize("extra", [0, -1])
def test_the_shortest_utterance_is_one_frame(recognisers, corpus, extra):
    """The receptive field of kernels 10, 8, 4 and strides 5, 8, 4: 10 + 7 * 5 + 3 * 40 = 165 samples."""
    root, table = corpus
    table = table[table["audio"] == "c2.wav"].assign(end_s=(165 + extra) / 16_000)
    found, unreadable = _predict(recognisers["regression"], (root, table))
    assert (len(found), len(unreadable)) == ((1, 0) if extra == 0 else (0, 1))


def test_a_model_that_gives_no_number_is_noticed(recognisers, corpus, tmp_path):
    folder = shutil.copytree(recognisers["regression"], tmp_path / "broken")
    torch.save({"0.w.weight": torch.full((2, 32), torch.nan)}, folder / "model.ckpt")
    found, unreadable = _predict(folder, corpus)
    assert found.empty
    assert unreadable["problem"].str.contains("no finite number").all()
    assert unreadable["utterances"].sum() == 9


def _calls(monkeypatch):
    """The number of waveforms heard, counted at the checkpoint itself."""
    heard, original = [], checkpoint.Checkpoint.outputs
    monkeypatch.setattr(
        checkpoint.Checkpoint, "outputs", lambda self, waves: heard.extend(waves) or original(self, waves)
    )
    return heard


def test_a_killed_run_goes_on_and_a_changed_file_is_heard_anew(recognisers, corpus, tmp_path, monkeypatch):
    root, table = corpus
    memory, heard = Cache(tmp_path / "cache"), _calls(monkeypatch)
    folder = recognisers["multiobjective"]
    _predict(folder, (root, table[table["audio"] != "d2.wav"]), memory=memory)  # as if killed before d2.wav
    assert len(heard) == 7
    first = _predict(folder, corpus, memory=memory).table
    assert len(heard) == 9
    pd.testing.assert_frame_equal(first, _predict(folder, corpus, memory=memory).table)
    assert len(heard) == 9
    shutil.copyfile(root / "c3.wav", root / "c0.wav")
    changed = _predict(folder, corpus, memory=memory).table
    assert len(heard) == 10
    assert list(changed["utterance"][changed["p_anger"] != first["p_anger"]]) == ["c0.wav-0.0"]


def test_another_head_on_the_same_encoder_is_another_model(recognisers, corpus, tmp_path):
    memory = Cache(tmp_path / "cache")
    folder = shutil.copytree(recognisers["classification"], tmp_path / "model")
    first = _predict(folder, corpus, memory=memory).table
    weights = torch.load(folder / "model.ckpt", weights_only=True)
    torch.save({name: -tensor for name, tensor in weights.items()}, folder / "model.ckpt")
    second = _predict(folder, corpus, memory=memory).table
    assert (first["p_anger"] - second["p_anger"]).abs().max() > 1e-2
    pd.testing.assert_frame_equal(second, _predict(folder, corpus).table)


def test_a_digest_is_that_of_all_that_a_model_says(recognisers):
    models = {name: checkpoint.load(folder) for name, folder in recognisers.items()}
    assert len({model.digest for model in models.values()}) == 1  # of the encoder alone
    assert len({predictions.model_digest(model) for model in models.values()}) == 3


def test_a_fault_that_is_not_the_sounds_stops_the_run(recognisers, corpus, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(OSError):
        _predict(recognisers["regression"], corpus, memory=Cache(tmp_path / "cache"))
    with pytest.raises(hub.CheckpointError, match="there is no such folder"):
        _predict("/no/such/folder", corpus)


def test_an_empty_table_gives_an_empty_one(recognisers, corpus):
    found, unreadable = _predict(recognisers["multiobjective"], (corpus[0], corpus[1].head(0)))
    assert found.empty
    assert unreadable.empty
    assert {"predicted", "p_anger", "predicted_valence"} <= set(found)
