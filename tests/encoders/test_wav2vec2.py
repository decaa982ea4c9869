"""Checkpoints in SpeechBrain's format: what is read, refused and written, and that they compute what SpeechBrain computes."""

import json
import os
import pickle
import shutil

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from emocast import compute, encoders
from emocast.encoders import hub, wav2vec2
from emocast.encoders.wav2vec2 import Head

WAVEFORMS = [np.random.default_rng(number).normal(0, 0.1, 16_000).astype(np.float32) for number in range(3)]


def test_a_folder_laid_out_as_the_official_one_classifies_and_embeds(checkpoint_folder, small_weights):
    classifier = wav2vec2.load(checkpoint_folder)
    assert classifier.emotions == ("neutral", "anger", "happiness", "sadness")
    embeddings, probabilities = classifier.embed(WAVEFORMS), classifier.classify(WAVEFORMS)
    assert (embeddings.shape, embeddings.dtype, classifier.dimension) == ((3, 32), torch.float32, 32)
    assert probabilities.shape == (3, 4)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(3))
    torch.testing.assert_close(probabilities, (embeddings @ small_weights[1].T).softmax(dim=1))


def test_the_positional_convolution_has_old_and_new_names(checkpoint_folder):
    new = wav2vec2.load(checkpoint_folder).embed(WAVEFORMS)
    path = checkpoint_folder / "wav2vec2.ckpt"
    names = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    weights = torch.load(path, weights_only=True)
    for now, then in names.items():
        weights = {name.replace(now, then): tensor for name, tensor in weights.items()}
    assert sum(name.endswith(("weight_g", "weight_v")) for name in weights) == 2
    torch.save(weights, path)
    torch.testing.assert_close(wav2vec2.load(checkpoint_folder).embed(WAVEFORMS), new, atol=0, rtol=0)


@pytest.mark.parametrize("text", [None, '{"speechbrain_interface": "EncoderWav2vecClassifier"}'])
def test_without_an_architecture_it_is_that_of_wav2vec2_base(checkpoint_folder, text):
    (checkpoint_folder / "config.json").unlink()
    if text:
        (checkpoint_folder / "config.json").write_text(text)  # the official folder's own
    shapes = wav2vec2._shapes(wav2vec2._empty(wav2vec2.read_config(checkpoint_folder), checkpoint_folder))
    assert len(shapes) == 211
    assert sum(shape.numel() for shape in shapes.values()) == 94_371_712
    assert shapes["model.encoder.layers.11.final_layer_norm.weight"] == (768,)
    with pytest.raises(hub.CheckpointError, match=r"wav2vec2.ckpt: has no key .*facebook/wav2vec2-base"):
        wav2vec2.load(checkpoint_folder)


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
        wav2vec2.load(checkpoint_folder)
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
    assert wav2vec2.load(checkpoint_folder).classify(WAVEFORMS).shape == (3, 4)
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
        r"wav2vec2.ckpt: model.encoder.layer_norm.weight .* \(31,\), not \(32,\)",
    ),
    "fewer labels": (
        _file(LABEL_FILE, "'neu' => 0\n'ang' => 1\n====\n"),
        r"model.ckpt: .*\(4, 32\), not \(2, 32\)",
    ),
    "half a file": (_with_half_a_file, "wav2vec2.ckpt: not read as weights: damaged"),
    "empty file": (_file("model.ckpt", ""), "model.ckpt: not read as weights: damaged"),
    "git-LFS": (_file("wav2vec2.ckpt", "version https://git-lfs.github.com/spec/v1"), "wav2vec2.ckpt: .*git lfs pull"),
    "a tensor only": (
        lambda folder: torch.save(torch.zeros(4, 32), folder / "model.ckpt"),
        "expected a checkpoint with named parts",
    ),
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
    "impossible": (
        _file(CONFIG, '{"model_type": "wav2vec2", "conv_dim": [1]}'),
        "config.json: Wav2Vec2Config cannot have these settings",
    ),
    "odd heads": (_file(CONFIG, '{"model_type": "wav2vec2", "num_attention_heads": 5}'), "no encoder can have these"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_refused_with_the_files_name(checkpoint_folder, damage, message):
    wav2vec2.load(checkpoint_folder)  # what is in memory must not hide the damage
    damage(checkpoint_folder)
    with pytest.raises(hub.CheckpointError, match=message):
        wav2vec2.load(checkpoint_folder)


@pytest.mark.parametrize("name", wav2vec2.NEEDED)
def test_a_missing_file_is_named(checkpoint_folder, name):
    (checkpoint_folder / name).unlink()
    with pytest.raises(hub.CheckpointError, match=f"^no {name} in .*the copy is incomplete"):
        wav2vec2.load(checkpoint_folder)


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


OBJECTIVES = ("classification", "regression", "multiobjective")


def _probabilities(logits):
    """Softmax by its formula, in double precision."""
    powers = np.exp(logits.double().numpy())
    return powers / powers.sum(axis=1, keepdims=True)


def test_each_objective_says_what_it_has(objective_folders):
    four, two = ("neutral", "anger", "happiness", "sadness"), ("valence", "arousal")
    expected = {"classification": (four, ()), "regression": ((), two), "multiobjective": (four, two)}
    for objective, folder in objective_folders.items():
        model = wav2vec2.load(folder)
        assert (model.objective, model.emotions, model.dimensions) == (objective, *expected[objective])


def test_a_regression_is_the_linear_head_alone(objective_folders, small_outputs):
    model = wav2vec2.load(objective_folders["regression"])
    values, weight = model.outputs(WAVEFORMS)["regression"], small_outputs["regression"]["0.w.weight"]
    assert (values.shape, values.dtype) == ((3, 2), torch.float32)
    expected = model.embed(WAVEFORMS).double().numpy() @ weight.double().numpy().T
    np.testing.assert_allclose(values, expected, atol=1e-5)
    assert list(model.outputs(WAVEFORMS)) == ["regression"]
    assert model.outputs([])["regression"].shape == (0, 2)


def test_both_heads_speak_from_one_pass_through_the_encoder(objective_folders, small_outputs):
    model, weights = wav2vec2.load(objective_folders["multiobjective"]), small_outputs["multiobjective"]
    passes = []
    counter = model.model.register_forward_hook(lambda *_: passes.append(1))
    outputs = model.outputs(WAVEFORMS)  # equally long: one batch
    counter.remove()
    assert len(passes) == 1
    embeddings = model.embed(WAVEFORMS)
    logits = embeddings @ weights["0.w.weight"].T + weights["0.w.bias"]
    np.testing.assert_allclose(outputs["classification"], _probabilities(logits), atol=1e-5)
    np.testing.assert_allclose(outputs["regression"], embeddings @ weights["1.w.weight"].T, atol=1e-5)
    torch.testing.assert_close(model.classify(WAVEFORMS), outputs["classification"], atol=0, rtol=0)
    torch.testing.assert_close(model.of_embeddings(embeddings), outputs, atol=0, rtol=0)


def test_an_embedding_and_its_digest_are_the_encoders_alone(objective_folders, small_weights):
    made = [encoders.get(f"wav2vec2:{folder}") for folder in objective_folders.values()]
    assert len({encoder.digest for encoder in made}) == 1
    assert {encoder.dimension for encoder in made} == {32}
    first, *others = [encoder.encode(WAVEFORMS) for encoder in made]
    for other in others:
        np.testing.assert_array_equal(other, first)
    weights = {f"model.{name}": tensor * 1.1 for name, tensor in small_weights[0].items()}
    torch.save(weights, objective_folders["regression"] / "wav2vec2.ckpt")
    assert encoders.get(f"wav2vec2:{objective_folders['regression']}").digest != made[0].digest


def _recipe(folder, old, new):
    path = folder / "hyperparams.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("line", ["", "    bias: True\n"])
def test_a_classification_with_a_bias_is_read_where_the_recipe_has_one(checkpoint_folder, small_outputs, line):
    _recipe(checkpoint_folder, "    bias: False\n", line)  # without the line: SpeechBrain's default
    weights = small_outputs["multiobjective"]
    torch.save({name: weights[name] for name in ("0.w.weight", "0.w.bias")}, checkpoint_folder / "model.ckpt")
    model = wav2vec2.load(checkpoint_folder)
    logits = model.embed(WAVEFORMS) @ weights["0.w.weight"].T + weights["0.w.bias"]
    np.testing.assert_allclose(model.classify(WAVEFORMS), _probabilities(logits), atol=1e-5)


def _outputs(change):
    def damage(folder):
        weights = torch.load(folder / "model.ckpt", weights_only=True)
        torch.save(
            {name: tensor for name, tensor in change(weights).items() if tensor is not None}, folder / "model.ckpt"
        )

    return damage


WEIGHT, BIAS = "0.w.weight", "0.w.bias"
MISFITS = {
    "weight lost": ("regression", _outputs(lambda found: {}), f"model.ckpt: has no key {WEIGHT}"),
    "bias lost": ("multiobjective", _outputs(lambda found: found | {BIAS: None}), f"model.ckpt: has no key {BIAS}"),
    "bias too much": (
        "classification",
        _outputs(lambda found: found | {BIAS: torch.zeros(4)}),
        f"an unknown key {BIAS}",
    ),
    "units": (
        "multiobjective",
        _outputs(lambda found: found | {"1.w.weight": torch.zeros(4, 32)}),
        r"1.w.weight has the shape \(4, 32\), not \(2, 32\)",
    ),
    "bias said": (
        "regression",
        lambda folder: _recipe(folder, "bias: False", "bias: 0"),
        "output_mlp.bias is 0; write True or False",
    ),
    "unknown": (
        "regression",
        lambda folder: _recipe(folder, "objective: regression", "objective: [Regression]"),
        r"objective is \['Regression'\]; known are",
    ),
    "second head not said": (
        "multiobjective",
        lambda folder: _recipe(folder, "regression_mlp", "x"),
        "no settings of a head under",
    ),
    "order": (
        "regression",
        lambda folder: (folder / LABEL_FILE).write_text("'arousal' => 0\n'valence' => 1\n====\n"),
        "expected the dimensions valence, arousal",
    ),
    "emotions for dimensions": (
        "regression",
        lambda folder: (folder / LABEL_FILE).write_text("'neu' => 0\n'ang' => 1\n"),
        "line 1: unknown dimension 'neu'; known are valence",
    ),
}


@pytest.mark.parametrize(("objective", "damage", "message"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_the_recipe_is_refused_with_file_and_key(objective_folders, objective, damage, message):
    damage(objective_folders[objective])
    with pytest.raises(hub.CheckpointError, match=message):
        wav2vec2.load(objective_folders[objective])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_its_results_on_the_processor(objective_folders, monkeypatch):
    found = {}
    for device in ("cuda", "cpu"):
        monkeypatch.setattr(compute, "best_device", lambda device=device: device)
        found[device] = wav2vec2.load(objective_folders["multiobjective"]).outputs(WAVEFORMS)
    for name, values in found["cuda"].items():
        assert values.device.type == "cpu"
        torch.testing.assert_close(values, found["cpu"][name], atol=5e-3, rtol=0)  # convolutions may use TF32


FOUR = ("neutral", "anger", "happiness", "sadness")
DEMO = Wav2Vec2Config(  # seven convolutions of 64 channels, two layers of 128
    hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256, conv_dim=(64,) * 7
)  # fmt: skip


@pytest.fixture(params=["small", "demo"])
def sized(request, small_weights, small_config):
    """An encoder's weights and configuration, in two sizes."""
    if request.param == "small":
        return small_weights[0], small_config
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Wav2Vec2Model(DEMO).state_dict(), DEMO


def _arguments(kind, hidden):
    """What `save` is given for an objective, with biases as the thesis has them or, for "biased", as others do.

    The weights are as large as those of a layer before training: larger ones would raise the noise of 1e-5 to 9e-5 that
    SpeechBrain's pooling adds to each value of an embedding above what outputs are compared with.
    """
    generator = torch.Generator().manual_seed(0)
    four, two = (torch.randn(units, hidden, generator=generator) / hidden**0.5 for units in (4, 2))
    bias = torch.randn(4, generator=generator)
    return {
        "classification": {"heads": {"classification": Head(four, None)}, "emotions": FOUR},
        "biased": {"objective": "classification", "heads": {"classification": Head(four, bias)}, "emotions": FOUR},
        "regression": {"heads": {"regression": Head(two, None)}},
        "multiobjective": {
            "heads": {"regression": Head(two, None), "classification": Head(four, bias)},  # the order must not matter
            "emotions": FOUR,
        },
    }[kind] | ({} if kind == "biased" else {"objective": kind})


SAVED_KEYS = {
    "classification": ["0.w.weight"],
    "biased": ["0.w.weight", "0.w.bias"],
    "regression": ["0.w.weight"],
    "multiobjective": ["0.w.weight", "0.w.bias", "1.w.weight"],
}


@pytest.mark.parametrize("kind", SAVED_KEYS)
def test_what_is_saved_is_read_back(tmp_path, small_weights, small_config, kind):
    encoder, arguments = small_weights[0], _arguments(kind, 32)
    folder = tmp_path / "made" / "model"
    for _ in range(2):  # an older folder is replaced
        assert wav2vec2.save(folder, encoder=encoder, config=small_config, **arguments) == folder
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted([*wav2vec2.NEEDED, *wav2vec2.OPTIONAL])
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert list(torch.load(folder / "model.ckpt", weights_only=True)) == SAVED_KEYS[kind]
    model = wav2vec2.load(folder)
    assert (model.objective, model.emotions) == (arguments["objective"], arguments.get("emotions", ()))
    kept = torch.load(folder / "wav2vec2.ckpt", weights_only=True)
    torch.testing.assert_close(kept, {f"model.{name}": tensor for name, tensor in encoder.items()}, atol=0, rtol=0)
    plain = Wav2Vec2Model(small_config).eval()
    plain.load_state_dict(encoder)
    noise = torch.from_numpy(WAVEFORMS[0])[None]
    with torch.no_grad():
        found, expected = model.model(noise).last_hidden_state, plain(noise).last_hidden_state
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
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
        ("classification", {"emotions": ()}, "classification: emotions name the classes"),
        ("classification", {"objective": "regression"}, "regression has the heads regression; given are classification"),
        ("classification", {"objective": "ranking"}, "the objective is 'ranking'; known are classification, regression"),
        ("regression", {"heads": {"regression": Head(torch.zeros(3, 32))}}, r"0.w.weight .*\(3, 32\), not \(2, 32\)"),
        ("regression", {"emotions": FOUR}, "regression: emotions name the classes of a classification head"),
        ("multiobjective", {"heads": {}}, "multiobjective has the heads classification, regression; given are none"),
        (
            "multiobjective",
            {"heads": {"classification": Head(torch.zeros(4, 32), torch.zeros(2)), "regression": Head(torch.zeros(2, 32))}},
            r"0.w.bias has the shape \(2,\), not \(4,\)",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_not_saved(tmp_path, small_weights, small_config, kind, changed, message):
    with pytest.raises(ValueError, match=message):
        wav2vec2.save(tmp_path / "a", encoder=small_weights[0], config=small_config, **(_arguments(kind, 32) | changed))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", SAVED_KEYS)
def test_speechbrains_own_classes_read_it_and_compute_the_same(tmp_path, sized, monkeypatch, kind):
    from speechbrain.inference.interfaces import Pretrained

    encoder, config = sized
    arguments = _arguments(kind, config.hidden_size)
    folder = wav2vec2.save(tmp_path / "a", encoder=encoder, config=config, **arguments)
    monkeypatch.chdir(tmp_path)
    theirs = Pretrained.from_hparams(
        source=str(folder), overrides={"pretrained_path": str(folder)}, savedir=str(tmp_path / "b")
    )
    ours, waveforms = wav2vec2.load(folder), torch.from_numpy(np.stack(WAVEFORMS))
    with torch.no_grad():
        embeddings = theirs.mods.avg_pool(theirs.mods.wav2vec2(waveforms), torch.ones(3))[:, 0]
        first = theirs.mods.output_mlp(embeddings)
        expected = {"regression": first} if kind == "regression" else {"classification": theirs.hparams.softmax(first)}
        if kind == "multiobjective":
            expected["regression"] = theirs.mods.regression_mlp(embeddings)
    torch.testing.assert_close(ours.embed(waveforms), embeddings, atol=2e-4, rtol=0)
    torch.testing.assert_close(ours.outputs(waveforms), expected, atol=2e-4, rtol=0)
    named = ["valence", "arousal"] if kind == "regression" else ["neu", "ang", "hap", "sad"]
    assert theirs.hparams.label_encoder.decode_ndim(torch.arange(len(named))) == named
