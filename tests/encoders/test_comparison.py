import re
import time

import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast import audio, encoders
from emocast.encoders import comparison, handcrafted


@pytest.fixture
def windows(tmp_path):
    """Four windows of two seconds in six seconds of noise at 16 kHz."""
    noise = np.random.default_rng(0).normal(0, 0.1, 6 * 16_000)
    soundfile.write(tmp_path / "a.wav", noise, 16_000, subtype="FLOAT")
    starts = np.array([0.0, 1.0, 2.5, 4.0])
    return pd.DataFrame({"audio": "a.wav", "start_s": starts, "end_s": starts + 2})


def test_encoders_stand_side_by_side(checkpoint_folder, windows, tmp_path):
    names = ["handcrafted", f"wav2vec2:{checkpoint_folder}"]
    table = comparison.side_by_side(names, windows, tmp_path, precision="fp32").set_index("encoder")
    assert table.index.tolist() == names
    for name in names:
        made = encoders.get(name)
        assert (table.loc[name, "dimension"], table.loc[name, "sample_rate"]) == (made.dimension, made.sample_rate)
    assert (table["precision"] == "fp32").all() and (table["problem"] == "").all()
    assert (table["windows"] == 4).all() and (table["speed"] > 0).all()
    file = checkpoint_folder / "wav2vec2.ckpt"
    assert table["megabytes"].tolist() == [0, file.stat().st_size / 1e6]


def test_the_speed_is_that_of_really_hearing_every_window(windows, tmp_path, monkeypatch):
    heard = []

    def slow(self, waveforms):
        heard.extend(waveforms)
        time.sleep(0.05 * len(waveforms))
        return np.zeros((len(waveforms), self.dimension), np.float32)

    monkeypatch.setattr(handcrafted.Handcrafted, "encode", slow)
    speed = comparison.side_by_side(["handcrafted"], windows, tmp_path, precision="fp32")["speed"].item()
    assert 0 < speed <= 8 / 0.2  # 8 s of sound in no less than 4 x 0.05 s
    for start, waveform in zip(windows["start_s"], heard[-4:], strict=True):
        np.testing.assert_array_equal(waveform, audio.read(tmp_path / "a.wav", start_s=start, end_s=start + 2))


def test_an_encoder_that_is_not_there_is_left_out_with_its_reason(windows, tmp_path):
    names = ["wav2vec2:no/such/folder", "handcrafted"]
    table = comparison.side_by_side(names, windows, tmp_path, precision="fp32")
    assert table["encoder"].tolist() == names
    assert "no checkpoint no/such/folder" in table["problem"][0]
    assert table.loc[0, ["dimension", "megabytes", "speed"]].isna().all()
    assert table["problem"][1] == ""


def test_bf16_is_held_against_fp32(checkpoint_folder, windows, tmp_path):
    name = f"wav2vec2:{checkpoint_folder}"
    table = comparison.in_bf16([name, "handcrafted"], windows, tmp_path)
    waveforms = [audio.read(tmp_path / "a.wav", start_s=start, end_s=start + 2) for start in windows["start_s"]]
    exact, short = (encoders.get(name, precision=precision).encode(waveforms) for precision in ("fp32", "bf16"))
    expected = [a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in zip(exact, short, strict=True)]
    assert table["median"][0] == pytest.approx(np.median(expected), abs=1e-5)
    assert table["percentile_1"][0] == pytest.approx(np.percentile(expected, 1), abs=1e-5)
    assert table["percentile_1"][0] <= table["median"][0] < 1 - 1e-7  # another number format, not the same twice
    assert table["windows"][0] == 4 and table["problem"][0] == ""
    assert "computes in fp32 only" in table["problem"][1]
    assert np.isnan(table["median"][1])


def test_a_large_network_is_not_emulated(checkpoint_folder, windows, tmp_path, monkeypatch):
    name = f"wav2vec2:{checkpoint_folder}"
    monkeypatch.setattr(comparison, "_EMULATED_BYTES", comparison.weights_size(name) - 1)
    for answer, told in (("fp32", "does not compute in bf16"), ("bf16", "")):
        monkeypatch.setattr(
            comparison.compute, "precision", lambda wanted="auto", answer=answer: answer if wanted == "auto" else wanted
        )
        problem = comparison.in_bf16([name], windows, tmp_path)["problem"][0]
        assert told in problem and bool(told) == bool(problem)


def test_the_size_is_that_of_the_weights_an_encoder_reads(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    sizes = {"model.safetensors": 30, "pytorch_model.bin": 31, "config.json": 32, "preprocessor_config.json": 33}
    for name, size in sizes.items():
        (folder / name).write_bytes(bytes(size))
    assert comparison.weights_size(f"transformers:{folder}") == 30
    assert comparison.weights_size(f"transformers:{folder}@6") == 30
    assert comparison.weights_size(f"msclap:{folder / 'pytorch_model.bin'}") == 31
    assert comparison.weights_size("handcrafted") == 0


def test_what_is_missing_is_told_by_its_files(tmp_path, monkeypatch, checkpoint_folder):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    assert comparison.missing("handcrafted") == comparison.missing(f"wav2vec2:{checkpoint_folder}") == ""
    assert comparison.missing("dual:demo/models/none") == ""  # nobody must bring it: a run trains it
    both = comparison.missing("msclap:nobody/model/a.pth", texts=True)
    assert re.fullmatch(r"put a\.pth into .*nobody/model/; put vocab\.json, merges\.txt into .*gpt2/", both)
    assert "model.safetensors" in comparison.missing("transformers:nobody/model@6")
    assert comparison.missing_classifier(str(checkpoint_folder)) == ""
    (checkpoint_folder / "model.ckpt").unlink()
    assert "model.ckpt beside the others" in comparison.missing(f"wav2vec2:{checkpoint_folder}")
