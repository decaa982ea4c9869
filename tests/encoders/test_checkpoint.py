"""Checkpoints in SpeechBrain's format: what is read, what is refused, and that they compute what SpeechBrain computes."""

import json
import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

import loopback
from emocast import paths
from emocast.encoders import checkpoint, checkpoint_files, hub

WAVEFORMS = [np.random.default_rng(number).normal(0, 0.1, 16_000).astype(np.float32) for number in range(3)]


def test_a_folder_laid_out_as_the_official_one_classifies_and_embeds(checkpoint_folder, small_weights):
    classifier = checkpoint.load(checkpoint_folder)
    assert classifier.emotions == ("neutral", "anger", "happiness", "sadness")
    embeddings, probabilities = classifier.embed(WAVEFORMS), classifier.classify(WAVEFORMS)
    assert (embeddings.shape, embeddings.dtype, classifier.dimension) == ((3, 32), torch.float32, 32)
    assert probabilities.shape == (3, 4)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(3))
    torch.testing.assert_close(probabilities, (embeddings @ small_weights[1].T).softmax(dim=1))


def test_the_positional_convolution_has_old_and_new_names(checkpoint_folder):
    new = checkpoint.load(checkpoint_folder).embed(WAVEFORMS)
    path = checkpoint_folder / "wav2vec2.ckpt"
    names = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    weights = torch.load(path, weights_only=True)
    for now, then in names.items():
        weights = {name.replace(now, then): tensor for name, tensor in weights.items()}
    assert sum(name.endswith(("weight_g", "weight_v")) for name in weights) == 2
    torch.save(weights, path)
    torch.testing.assert_close(checkpoint.load(checkpoint_folder).embed(WAVEFORMS), new, atol=0, rtol=0)


@pytest.mark.parametrize("text", [None, '{"speechbrain_interface": "EncoderWav2vecClassifier"}'])
def test_without_an_architecture_it_is_that_of_wav2vec2_base(checkpoint_folder, text):
    (checkpoint_folder / "config.json").unlink()
    if text:
        (checkpoint_folder / "config.json").write_text(text)  # the official folder's own
    shapes = checkpoint._shapes(checkpoint._empty(checkpoint_files.read_config(checkpoint_folder), checkpoint_folder))
    assert len(shapes) == 211
    assert sum(shape.numel() for shape in shapes.values()) == 94_371_712
    assert shapes["model.encoder.layers.11.final_layer_norm.weight"] == (768,)
    with pytest.raises(hub.CheckpointError, match=r"wav2vec2.ckpt: has no key .*facebook/wav2vec2-base"):
        checkpoint.load(checkpoint_folder)


def test_what_stands_beside_a_waveform_does_not_change_its_embedding(checkpoint_folder):
    classifier = checkpoint.load(checkpoint_folder)
    rng = np.random.default_rng(0)
    lengths = [16_000] * 50 + [9_000, 16_000, 31_234, 700_000]
    waveforms = [rng.normal(0, rng.uniform(0.01, 0.5), length).astype(np.float32) for length in lengths]
    alone = torch.cat([classifier.embed([waveform]) for waveform in waveforms])
    order = rng.permutation(len(waveforms))
    together = classifier.embed([waveforms[row] for row in order])
    torch.testing.assert_close(together, alone[order], atol=1e-4, rtol=0)
    assert (alone[0] - alone[1]).abs().max() > 1e-3  # the test could fail: embeddings do differ


def test_a_stereo_or_too_short_waveform_is_refused(checkpoint_folder):
    classifier = checkpoint.load(checkpoint_folder)
    with pytest.raises(ValueError, match=r"waveform 1 has the shape \(2, 16000\)"):
        classifier.embed([WAVEFORMS[0], np.zeros((2, 16_000), np.float32)])
    with pytest.raises(ValueError, match="waveform 0: 100 samples are shorter than one frame"):
        classifier.embed([np.zeros(100, np.float32)])
    assert classifier.embed([]).shape == (0, 32)


def test_the_callers_state_is_left_alone(checkpoint_folder):
    before = torch.get_rng_state(), torch.get_num_threads(), torch.is_grad_enabled(), torch.get_default_dtype()
    checkpoint.load(checkpoint_folder).classify(WAVEFORMS)
    after = torch.get_rng_state(), torch.get_num_threads(), torch.is_grad_enabled(), torch.get_default_dtype()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


class _Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["wav2vec2.ckpt", "model.ckpt"])
@pytest.mark.parametrize("writer", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, protocol=2))])
def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(checkpoint_folder, tmp_path, name, writer):
    writer({"0.w.weight": _Bomb(tmp_path / "ran")}, checkpoint_folder / name)
    with pytest.raises(hub.CheckpointError, match=rf"{name}: not read as weights.*nothing of it was run"):
        checkpoint.load(checkpoint_folder)
    assert not (tmp_path / "ran").exists()


def test_a_recipe_and_python_files_run_nothing(checkpoint_folder, tmp_path):
    recipe = checkpoint_folder / "hyperparams.yaml"
    ran = tmp_path / "ran"
    bombs = f'a: !apply:os.mkdir ["{ran}"]\nb: !!python/object/apply:os.mkdir ["{ran}"]\nc: !new:os.mkdir ["{ran}"]\n'
    recipe.write_text(bombs + recipe.read_text())
    (checkpoint_folder / "custom_interface.py").write_text(f"import os\nos.mkdir({str(ran)!r})\n")
    config = json.loads((checkpoint_folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "custom_interface.Model"}
    (checkpoint_folder / "config.json").write_text(json.dumps(config))
    assert checkpoint.load(checkpoint_folder).classify(WAVEFORMS).shape == (3, 4)
    assert not ran.exists()


def _without_a_key(folder):
    weights = torch.load(folder / "wav2vec2.ckpt", weights_only=True)
    del weights["model.feature_projection.projection.bias"]
    torch.save(weights, folder / "wav2vec2.ckpt")


def _with_a_wrong_shape(folder):
    weights = torch.load(folder / "wav2vec2.ckpt", weights_only=True)
    weights["model.encoder.layer_norm.weight"] = torch.zeros(31)
    torch.save(weights, folder / "wav2vec2.ckpt")


def _with_half_a_file(folder):
    content = (folder / "wav2vec2.ckpt").read_bytes()
    (folder / "wav2vec2.ckpt").write_bytes(content[: len(content) // 2])


def _file(name, text):
    return lambda folder: (folder / name).write_text(text)


LABEL_FILE, CONFIG = "label_encoder.txt", "config.json"
DAMAGES = {
    "missing key": (_without_a_key, r"wav2vec2.ckpt: has no key model.feature_projection.projection.bias \(1 in all\)"),
    "wrong shape": (
        _with_a_wrong_shape,
        r"wav2vec2.ckpt: model.encoder.layer_norm.weight .* \(31,\), expected \(32,\)",
    ),
    "fewer labels": (
        _file(LABEL_FILE, "'neu' => 0\n'ang' => 1\n====\n"),
        r"model.ckpt: .*\(4, 32\), expected \(2, 32\)",
    ),
    "half a file": (_with_half_a_file, "wav2vec2.ckpt: not read as weights: damaged"),
    "empty file": (_file("model.ckpt", ""), "model.ckpt: not read as weights: damaged"),
    "git-LFS": (_file("wav2vec2.ckpt", "version https://git-lfs.github.com/spec/v1"), "wav2vec2.ckpt: .*git lfs pull"),
    "a tensor only": (lambda folder: torch.save(torch.zeros(4, 32), folder / "model.ckpt"), "expected named tensors"),
    "no label line": (_file(LABEL_FILE, "'neu' => 0\nang 1\n"), "label_encoder.txt, line 2: expected a line such as"),
    "code as label": (
        _file(LABEL_FILE, "__import__('os') => 0\n"),
        "label_encoder.txt, line 1: expected a line such as",
    ),
    "unknown label": (_file(LABEL_FILE, "'bliss' => 0\n"), "label_encoder.txt, line 1: unknown emotion 'bliss'"),
    "label twice": (_file(LABEL_FILE, "'neu' => 0\n'neutral' => 1\n"), "expected labels of the classes 0, 1, 2"),
    "index twice": (_file(LABEL_FILE, "'neu' => 0\n'ang' => 0\n"), "line 2: class 0 has two labels"),
    "a gap": (_file(LABEL_FILE, "'neu' => 0\n'ang' => 2\n"), "expected labels of the classes 0, 1, 2"),
    "no labels": (_file(LABEL_FILE, ""), "expected labels of the classes 0, 1, 2"),
    "no recipe": (_file("hyperparams.yaml", "wav2vec2: ["), "hyperparams.yaml: not read as SpeechBrain's recipe"),
    "not normalised": (_file("hyperparams.yaml", "wav2vec2: {output_norm: False}"), "output_norm is False"),
    "no head": (_file("hyperparams.yaml", "wav2vec2: {output_norm: True}"), "hyperparams.yaml: no settings of a head"),
    "raw input": (_file("preprocessor_config.json", '{"do_normalize": false}'), "do_normalize is false"),
    "no JSON": (_file(CONFIG, "{"), "config.json: not valid JSON"),
    "other model": (_file(CONFIG, '{"model_type": "hubert"}'), "config.json: model_type is 'hubert'"),
    "impossible": (_file(CONFIG, '{"model_type": "wav2vec2", "conv_dim": [1]}'), "config.json: not the settings of"),
    "odd heads": (_file(CONFIG, '{"model_type": "wav2vec2", "num_attention_heads": 5}'), "no encoder can have these"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_refused_with_the_files_name(checkpoint_folder, damage, message):
    checkpoint.load(checkpoint_folder)  # what is in memory must not hide the damage
    damage(checkpoint_folder)
    with pytest.raises(hub.CheckpointError, match=message):
        checkpoint.load(checkpoint_folder)


@pytest.mark.parametrize("name", checkpoint_files.NEEDED)
def test_a_missing_file_is_named(checkpoint_folder, name):
    (checkpoint_folder / name).unlink()
    with pytest.raises(hub.CheckpointError, match=f"^no {name} in .*the copy is incomplete"):
        checkpoint.load(checkpoint_folder)


def test_a_hub_id_downloads_data_files_alone(checkpoint_folder, tmp_path, monkeypatch):
    served = tmp_path / "served" / "someone" / "emotion"
    shutil.copytree(checkpoint_folder, served)
    (served / "custom_interface.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'ran')!r})\n")
    code = "from emocast.encoders import checkpoint; print(checkpoint.load('someone/emotion').digest)"
    with loopback.Hub(tmp_path / "served") as server:
        environment = {**server.environment(tmp_path / "home"), "PYTHONPATH": str(paths.ROOT / "lib")}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == checkpoint.load(checkpoint_folder).digest
    assert not (tmp_path / "ran").exists()
    assert any(path.endswith("wav2vec2.ckpt") for path in server.paths)
    assert not any("custom_interface" in path for path in server.paths)
    assert not list((tmp_path / "home").rglob("*.py"))
    # what was downloaded is found again without a network
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "home" / "hub"))
    assert checkpoint.load("someone/emotion").digest == done.stdout.strip()


def test_absent_and_offline_gives_one_error_that_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    with pytest.raises(hub.CheckpointError) as error:
        checkpoint.load(checkpoint.OFFICIAL)
    assert "Put hyperparams.yaml, wav2vec2.ckpt, model.ckpt, label_encoder.txt into" in str(error.value)
    assert f"{tmp_path}/data/checkpoints/{checkpoint.OFFICIAL}/" in str(error.value)
    with pytest.raises(hub.CheckpointError, match="no checkpoint /no/such/folder: there is no such folder"):
        checkpoint.load("/no/such/folder")


def test_a_relative_folder_lies_below_checkpoints_or_outputs(checkpoint_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    shutil.copytree(checkpoint_folder, tmp_path / "data" / "checkpoints" / checkpoint.OFFICIAL)
    shutil.copytree(checkpoint_folder, tmp_path / "outputs" / "demo" / "06_x" / "classifier")
    digest = checkpoint.load(checkpoint_folder).digest
    assert checkpoint.load(checkpoint.OFFICIAL).digest == digest
    assert checkpoint.load("demo/06_x/classifier").digest == digest
