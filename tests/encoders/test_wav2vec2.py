"""Checkpoints in SpeechBrain's format: what is read, refused and written, and that they compute what SpeechBrain computes."""

import json
import shutil

import numpy as np
import pytest
import scipy.special
import torch

import small_models
from emocast import encoders
from emocast.encoders import hub, wav2vec2
from emocast.encoders.wav2vec2 import Head

FOUR = ("neutral", "anger", "happiness", "sadness")
WAVEFORMS = [np.random.default_rng(number).normal(0, 0.1, 16_000).astype(np.float32) for number in range(3)]


def test_the_positional_convolution_has_old_and_new_names(checkpoint_folder):
    new = wav2vec2.load(checkpoint_folder).encode(WAVEFORMS)
    path = checkpoint_folder / "wav2vec2.ckpt"
    names = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    weights = torch.load(path, weights_only=True)
    for now, then in names.items():
        weights = {name.replace(now, then): tensor for name, tensor in weights.items()}
    assert sum(name.endswith(("weight_g", "weight_v")) for name in weights) == 2
    torch.save(weights, path)
    np.testing.assert_array_equal(wav2vec2.load(checkpoint_folder).encode(WAVEFORMS), new)


@pytest.mark.parametrize("text", [None, '{"speechbrain_interface": "EncoderWav2vecClassifier"}'])
def test_without_an_architecture_it_is_that_of_wav2vec2_base(checkpoint_folder, text):
    (checkpoint_folder / "config.json").unlink()
    if text:
        (checkpoint_folder / "config.json").write_text(text)  # the official folder's own
    config = wav2vec2.read_config(checkpoint_folder)
    assert (config.hidden_size, config.num_hidden_layers, list(config.conv_dim)) == (768, 12, [512] * 7)
    with pytest.raises(hub.CheckpointError, match=r"wav2vec2.ckpt: has no key .*facebook/wav2vec2-base"):
        wav2vec2.load(checkpoint_folder)


def test_a_recipe_and_python_files_run_nothing(checkpoint_folder, tmp_path):
    recipe = checkpoint_folder / "hyperparams.yaml"
    ran = tmp_path / "ran"
    bombs = f'a: !apply:os.mkdir ["{ran}"]\nb: !!python/object/apply:os.mkdir ["{ran}"]\nc: !new:os.mkdir ["{ran}"]\n'
    recipe.write_text(bombs + recipe.read_text())
    (checkpoint_folder / "custom_interface.py").write_text(f"import os\nos.mkdir({str(ran)!r})\n")
    config = json.loads((checkpoint_folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "custom_interface.Model"}
    (checkpoint_folder / "config.json").write_text(json.dumps(config))
    assert wav2vec2.load(checkpoint_folder).classify(WAVEFORMS).shape == (3, 4)
    assert not ran.exists()


def _weights(name, change):
    def damage(folder):
        torch.save(change(torch.load(folder / name, weights_only=True)), folder / name)

    return damage


def _without(key):
    return lambda found: {name: found[name] for name in found if name != key}


def _file(name, text):
    return lambda folder: (folder / name).write_text(text)


def _code(name):
    return lambda folder: torch.save({WEIGHT: small_models.Code(folder / "ran")}, folder / name)


def _recipe(old, new):
    def change(folder):
        text = (folder / "hyperparams.yaml").read_text()
        assert old in text
        (folder / "hyperparams.yaml").write_text(text.replace(old, new, 1))

    return change


LABEL_FILE, CONFIG, WEIGHT, BIAS = "label_encoder.txt", "config.json", "0.w.weight", "0.w.bias"
KEY, NORM = "model.feature_projection.projection.bias", "model.encoder.layer_norm.weight"
CLASSES, DIMENSIONS = "classification", "regression"
DAMAGES = [
    (CLASSES, _weights("wav2vec2.ckpt", _without(KEY)), rf"wav2vec2.ckpt: has no key {KEY} \(1 in all\)"),
    (CLASSES, _weights("wav2vec2.ckpt", lambda found: found | {NORM: torch.zeros(31)}), r"\(31,\), not \(32,\)"),
    (CLASSES, _file("wav2vec2.ckpt", "PK"), "wav2vec2.ckpt: not read as weights: damaged"),
    (CLASSES, _file("wav2vec2.ckpt", "version https://git-lfs.github.com/spec/v1"), "wav2vec2.ckpt: .*git lfs pull"),
    *[
        (CLASSES, _code(name), f"{name}: not read as weights.*nothing of it")
        for name in ("wav2vec2.ckpt", "model.ckpt")
    ],
    (CLASSES, _weights("model.ckpt", lambda found: found[WEIGHT]), "expected a checkpoint with named parts"),
    (CLASSES, _weights("model.ckpt", lambda found: found | {BIAS: torch.zeros(4)}), f"an unknown key {BIAS}"),
    (DIMENSIONS, _weights("model.ckpt", _without(WEIGHT)), f"model.ckpt: has no key {WEIGHT}"),
    ("multiobjective", _weights("model.ckpt", _without(BIAS)), f"model.ckpt: has no key {BIAS}"),
    (CLASSES, _file(LABEL_FILE, "'neu' => 0\n'ang' => 1\n====\n"), r"model.ckpt: .*\(4, 32\), not \(2, 32\)"),
    (CLASSES, _file(LABEL_FILE, "'neu' => 0\nang 1\n"), "label_encoder.txt, line 2: expected 'neu' => 0 or the like"),
    (CLASSES, _file(LABEL_FILE, "'bliss' => 0\n"), "line 1: .*'bliss'.*; known are neutral"),
    (CLASSES, _file(LABEL_FILE, "'neu' => 0\n'ang' => 2\n"), "expected labels of the classes 0, 1, 2"),
    (DIMENSIONS, _file(LABEL_FILE, "'arousal' => 0\n'valence' => 1\n====\n"), "the dimensions valence, arousal"),
    (DIMENSIONS, _file(LABEL_FILE, "'neu' => 0\n'ang' => 1\n"), "line 1: expected .*'neu'.*; known are valence"),
    (CLASSES, _recipe("output_norm: True", "output_norm: False"), "output_norm is False"),
    (CLASSES, _file("hyperparams.yaml", "wav2vec2: {output_norm: True}"), "its heads under output_mlp"),
    (DIMENSIONS, _recipe("bias: False", "bias: maybe"), "bias {'regression': 'maybe'}"),
    (DIMENSIONS, _recipe("objective: regression", "objective: [Regression]"), "one of the objectives classification,"),
    (CLASSES, _file("preprocessor_config.json", '{"do_normalize": false}'), "do_normalize is false"),
    (CLASSES, _file(CONFIG, '{"model_type": "hubert"}'), "config.json: model_type is 'hubert'"),
    (CLASSES, _file(CONFIG, '{"model_type": "wav2vec2", "conv_dim": [1]}'), "Wav2Vec2Config cannot have these"),
    (CLASSES, _file(CONFIG, '{"model_type": "wav2vec2", "num_attention_heads": 5}'), "no encoder can have these"),
    *[(CLASSES, lambda at, name=name: (at / name).unlink(), f"^no {name} in .*incomplete") for name in wav2vec2.NEEDED],
]


@pytest.mark.parametrize(("objective", "damage", "message"), DAMAGES)
def test_a_damaged_checkpoint_is_refused_with_the_files_name(objective_folders, objective, damage, message):
    wav2vec2.load(objective_folders[objective])  # what is in memory must not hide the damage
    damage(objective_folders[objective])
    with pytest.raises(hub.CheckpointError, match=message):
        wav2vec2.load(objective_folders[objective])
    assert not (objective_folders[objective] / "ran").exists()


def test_absent_and_offline_gives_one_error_that_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    with pytest.raises(hub.CheckpointError) as error:
        wav2vec2.load(wav2vec2.OFFICIAL)
    assert "Put hyperparams.yaml, wav2vec2.ckpt, model.ckpt, label_encoder.txt into" in str(error.value)
    assert f"{tmp_path}/data/checkpoints/{wav2vec2.OFFICIAL}/" in str(error.value)
    with pytest.raises(hub.CheckpointError, match="no checkpoint /no/such/folder: there is no such folder"):
        wav2vec2.load("/no/such/folder")


def test_a_relative_folder_lies_below_checkpoints_or_outputs(checkpoint_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    shutil.copytree(checkpoint_folder, tmp_path / "data" / "checkpoints" / wav2vec2.OFFICIAL)
    shutil.copytree(checkpoint_folder, tmp_path / "outputs" / "demo" / "06_x" / "classifier")
    digest = wav2vec2.load(checkpoint_folder).digest
    assert wav2vec2.load(wav2vec2.OFFICIAL).digest == digest
    assert wav2vec2.load("demo/06_x/classifier").digest == digest


@pytest.mark.parametrize("objective", ["classification", "regression", "multiobjective"])
def test_the_heads_of_an_objective_judge_one_pass_through_the_encoder(objective_folders, small_outputs, objective):
    model, weights = wav2vec2.load(objective_folders[objective]), list(small_outputs[objective].values())
    passes = []
    counter = model.model.register_forward_hook(lambda *_: passes.append(1))
    outputs = model.outputs(WAVEFORMS)  # equally long: one batch
    counter.remove()
    assert len(passes) == 1 and model.objective == objective
    embeddings = torch.from_numpy(model.encode(WAVEFORMS))
    torch.testing.assert_close(model.of_embeddings(embeddings), outputs, atol=0, rtol=0)
    expected = {}
    if objective != "regression":
        logits = embeddings @ weights[0].T + (weights[1] if objective == "multiobjective" else 0)
        expected["classification"] = torch.from_numpy(scipy.special.softmax(logits.numpy(), axis=1))
        torch.testing.assert_close(model.classify(WAVEFORMS), outputs["classification"], atol=0, rtol=0)
    if objective != "classification":
        expected["regression"] = embeddings @ weights[-1].T
        assert model.outputs([])["regression"].shape == (0, 2)
    torch.testing.assert_close(outputs, expected, atol=1e-5, rtol=1e-5)
    assert model.emotions == (FOUR if "classification" in expected else ())
    assert model.dimensions == (("valence", "arousal") if "regression" in expected else ())


def test_an_embedding_and_its_digest_are_the_encoders_alone(objective_folders, small_weights):
    made = [encoders.get(f"wav2vec2:{folder}") for folder in objective_folders.values()]
    assert len({encoder.digest for encoder in made}) == 1
    first, *others = [encoder.encode(WAVEFORMS) for encoder in made]
    for other in others:
        np.testing.assert_array_equal(other, first)
    weights = {f"model.{name}": tensor * 1.1 for name, tensor in small_weights[0].items()}
    torch.save(weights, objective_folders["regression"] / "wav2vec2.ckpt")
    assert encoders.get(f"wav2vec2:{objective_folders['regression']}").digest != made[0].digest


def _arguments(kind):
    """What `save` is given for an objective, with biases as the thesis has them or, for "biased", as others do.

    The weights are small: larger ones would raise the noise that SpeechBrain's pooling adds above what outputs may differ by.
    """
    generator = torch.Generator().manual_seed(0)
    four, two = (torch.randn(units, 32, generator=generator) / 32**0.5 for units in (4, 2))
    biased = Head(four, torch.randn(4, generator=generator))
    return {
        "classification": {"heads": {"classification": Head(four)}, "emotions": FOUR},
        "biased": {"objective": "classification", "heads": {"classification": biased}, "emotions": FOUR},
        "regression": {"heads": {"regression": Head(two)}},
        "multiobjective": {
            "heads": {"regression": Head(two), "classification": biased},
            "emotions": FOUR,
        },  # in any order
    }[kind] | ({} if kind == "biased" else {"objective": kind})


KINDS = ("classification", "biased", "regression", "multiobjective")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_is_read_back(tmp_path, small_weights, small_config, kind):
    encoder, arguments = small_weights[0], _arguments(kind)
    folder = tmp_path / "made" / "model"
    for _ in range(2):  # an older folder is replaced
        assert wav2vec2.save(folder, encoder=encoder, config=small_config, **arguments) == folder
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted([*wav2vec2.NEEDED, *wav2vec2.OPTIONAL])
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    model = wav2vec2.load(folder)
    assert (model.objective, model.emotions) == (arguments["objective"], arguments.get("emotions", ()))
    kept = torch.load(folder / "wav2vec2.ckpt", weights_only=True)
    torch.testing.assert_close(kept, {f"model.{name}": tensor for name, tensor in encoder.items()}, atol=0, rtol=0)
    assert model.heads.keys() == arguments["heads"].keys()
    for name, head in arguments["heads"].items():
        torch.testing.assert_close(model.heads[name].weight, head.weight, atol=0, rtol=0)
        torch.testing.assert_close(model.heads[name].bias, head.bias, atol=0, rtol=0)


@pytest.mark.parametrize(
    ("kind", "changed", "message"),
    [
        ("classification", {"heads": {"classification": Head(torch.zeros(3, 32))}}, r"0.w.weight .*\(3, 32\), not \(4"),
        ("classification", {"emotions": ("neutral", "neutral", "anger", "sadness")}, r"\(4, 32\), not \(3, 32\)"),
        ("classification", {"emotions": (*FOUR[:3], "bliss")}, "unknown emotion 'bliss'"),
        ("classification", {"emotions": ()}, "emotions name the classes of a classification"),
        ("classification", {"objective": "regression"}, "regression has the heads regression,.* classification"),
        ("regression", {"emotions": FOUR}, "emotions name the classes of a classification"),
        ("multiobjective", {"heads": {}}, "has the heads classification, regression, .* the heads none"),
    ],
)
def test_what_does_not_fit_together_is_not_saved(tmp_path, small_weights, small_config, kind, changed, message):
    with pytest.raises(ValueError, match=message):
        wav2vec2.save(tmp_path / "a", encoder=small_weights[0], config=small_config, **(_arguments(kind) | changed))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_speechbrains_own_classes_read_it_and_compute_the_same(
    tmp_path, small_weights, small_config, monkeypatch, kind
):
    from speechbrain.inference.interfaces import Pretrained

    folder = wav2vec2.save(tmp_path / "a", encoder=small_weights[0], config=small_config, **_arguments(kind))
    monkeypatch.chdir(tmp_path)
    overrides = {"pretrained_path": str(folder)}
    theirs = Pretrained.from_hparams(source=str(folder), overrides=overrides, savedir=str(tmp_path / "b"))
    ours, waveforms = wav2vec2.load(folder), torch.from_numpy(np.stack(WAVEFORMS))
    with torch.no_grad():
        embeddings = theirs.mods.avg_pool(theirs.mods.wav2vec2(waveforms), torch.ones(3))[:, 0]
        first = theirs.mods.output_mlp(embeddings)
        expected = {"regression": first} if kind == "regression" else {"classification": theirs.hparams.softmax(first)}
        if kind == "multiobjective":
            expected["regression"] = theirs.mods.regression_mlp(embeddings)
    torch.testing.assert_close(torch.from_numpy(ours.encode(waveforms)), embeddings, atol=2e-4, rtol=0)
    torch.testing.assert_close(ours.outputs(waveforms), expected, atol=2e-4, rtol=0)
    named = ["valence", "arousal"] if kind == "regression" else ["neu", "ang", "hap", "sad"]
    assert theirs.hparams.label_encoder.decode_ndim(torch.arange(len(named))) == named


def test_models_of_one_frozen_cnn_share_it_and_give_the_same_bits(objective_folders, monkeypatch):
    waveforms = [np.random.default_rng(seed).normal(size=4000 + 100 * seed).astype(np.float32) for seed in range(3)]
    models = [wav2vec2.load(objective_folders[objective]) for objective in ("classification", "regression")]
    alone, calls = [model.encode(waveforms) for model in models], []
    cnn = type(models[0].model.feature_extractor)
    forward = cnn.forward
    monkeypatch.setattr(cnn, "forward", lambda self, values: calls.append(1) or forward(self, values))
    with wav2vec2.shared_cnn():
        shared = [model.encode(waveforms) for model in models]
    for one, other in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one, other)
    weights = [list(model.model.feature_extractor.parameters()) for model in models]
    same = all((one == other).all() for one, other in zip(*weights, strict=True))
    assert len(calls) == (3 if same else 6), "once a waveform and CNN"
    models[0].encode(waveforms)
    assert len(calls) == (6 if same else 9), "and outside nothing is kept"
