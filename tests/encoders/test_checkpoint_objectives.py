"""The three objectives of the thesis: what each reads out of one encoder, and what of a folder does not fit together."""

import os

import numpy as np
import pytest
import torch

from emocast import encoders
from emocast.encoders import checkpoint, hub

OBJECTIVES = ("classification", "regression", "multiobjective")
WAVEFORMS = [np.random.default_rng(number).normal(0, 0.1, 16_000).astype(np.float32) for number in range(3)]


def _probabilities(logits):
    """Softmax by its formula, in double precision."""
    powers = np.exp(logits.double().numpy())
    return powers / powers.sum(axis=1, keepdims=True)


def test_each_objective_says_what_it_has(objective_folders):
    four, two = ("neutral", "anger", "happiness", "sadness"), ("valence", "arousal")
    expected = {"classification": (four, ()), "regression": ((), two), "multiobjective": (four, two)}
    for objective, folder in objective_folders.items():
        model = checkpoint.load(folder)
        assert (model.objective, model.emotions, model.dimensions) == (objective, *expected[objective])


def test_a_regression_is_the_linear_head_alone(objective_folders, small_outputs):
    model = checkpoint.load(objective_folders["regression"])
    values, weight = model.regress(WAVEFORMS), small_outputs["regression"]["0.w.weight"]
    assert (values.shape, values.dtype) == ((3, 2), torch.float32)
    expected = model.embed(WAVEFORMS).double().numpy() @ weight.double().numpy().T
    np.testing.assert_allclose(values, expected, atol=1e-5)
    assert list(model.outputs(WAVEFORMS)) == ["regression"]
    assert model.regress([]).shape == (0, 2)


def test_both_heads_speak_from_one_pass_through_the_encoder(objective_folders, small_outputs):
    model, weights = checkpoint.load(objective_folders["multiobjective"]), small_outputs["multiobjective"]
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
    torch.testing.assert_close(model.regress(WAVEFORMS), outputs["regression"], atol=0, rtol=0)


def test_a_head_that_is_not_there_cannot_be_asked(objective_folders):
    with pytest.raises(ValueError, match="a model with the objective regression has no classification head"):
        checkpoint.load(objective_folders["regression"]).classify(WAVEFORMS)
    with pytest.raises(ValueError, match="a model with the objective classification has no regression head"):
        checkpoint.load(objective_folders["classification"]).regress(WAVEFORMS)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_what_stands_beside_a_waveform_does_not_change_its_outputs(objective_folders, objective):
    model, rng = checkpoint.load(objective_folders[objective]), np.random.default_rng(0)
    lengths = [16_000] * 22 + [9_000, 31_234]  # the equal ones are two batches
    waveforms = [rng.normal(0, rng.uniform(0.01, 0.5), length).astype(np.float32) for length in lengths]
    alone = [model.outputs([waveform]) for waveform in waveforms]
    order = rng.permutation(len(waveforms))
    for name, together in model.outputs([waveforms[row] for row in order]).items():
        expected = torch.cat([outputs[name] for outputs in alone])
        torch.testing.assert_close(together, expected[order], atol=1e-4, rtol=0)
        assert (expected[0] - expected[1]).abs().max() > 1e-3  # the test could fail: outputs do differ


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_waveform_that_cannot_be_heard_is_refused_by_all(objective_folders, objective):
    model = checkpoint.load(objective_folders[objective])
    with pytest.raises(ValueError, match="waveform 1: 100 samples are shorter than one frame"):
        model.outputs([WAVEFORMS[0], WAVEFORMS[0][:100]])


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
    model = checkpoint.load(checkpoint_folder)
    logits = model.embed(WAVEFORMS) @ weights["0.w.weight"].T + weights["0.w.bias"]
    np.testing.assert_allclose(model.classify(WAVEFORMS), _probabilities(logits), atol=1e-5)


def _heads(folder, *, without=None, **changed):
    """Change the content of `model.ckpt`; in `changed`, `__` stands for a full stop and `head` opens a key."""
    weights = torch.load(folder / "model.ckpt", weights_only=True)
    weights.pop(without, None)
    weights.update({name.removeprefix("head").replace("__", "."): tensor for name, tensor in changed.items()})
    torch.save(weights, folder / "model.ckpt")


def _surplus(objective, number, units):
    key = f"head{number}__w__bias"
    return objective, lambda folder: _heads(folder, **{key: torch.zeros(units)}), f"an unknown key {number}.w.bias"


def _lost(objective, key):
    return objective, lambda folder: _heads(folder, without=key), f"model.ckpt: has no key {key}"


def _shape(objective, number, found, expected):
    key = f"head{number}__w__weight"
    message = rf"model.ckpt: {number}.w.weight has the shape \({found}, 32\), expected \({expected}, 32\)"
    return objective, lambda folder: _heads(folder, **{key: torch.zeros(found, 32)}), message


def _said(objective, old, new, message):
    return objective, lambda folder: _recipe(folder, old, new), f"hyperparams.yaml: {message}"


def _labels(text, message):
    return "regression", lambda folder: (folder / "label_encoder.txt").write_text(text), f"label_encoder.txt{message}"


MISFITS = {
    "classification, weight lost": _lost("classification", "0.w.weight"),
    "regression, weight lost": _lost("regression", "0.w.weight"),
    "multiobjective, first weight lost": _lost("multiobjective", "0.w.weight"),
    "multiobjective, second weight lost": _lost("multiobjective", "1.w.weight"),
    "multiobjective, bias lost": _lost("multiobjective", "0.w.bias"),
    "classification, bias too much": _surplus("classification", 0, 4),
    "regression, bias too much": _surplus("regression", 0, 2),
    "multiobjective, bias too much": _surplus("multiobjective", 1, 2),
    "classification, units": _shape("classification", 0, 5, 4),
    "regression, units": _shape("regression", 0, 3, 2),
    "multiobjective, units": _shape("multiobjective", 1, 4, 2),
    "classification, bias said": _said(
        "classification", "bias: False", "bias: <it>", "output_mlp.bias is '<it>'; write"
    ),
    "regression, bias said": _said("regression", "bias: False", "bias: 0", "output_mlp.bias is 0; write True or False"),
    "classification, unknown": _said(
        "classification",
        "\nencoder_dim",
        "\nobjective: ranking\nencoder_dim",
        "objective is 'ranking'; known are class",
    ),
    "regression, unknown": _said("regression", "objective: regression", "objective: Regression", "objective is 'Regr"),
    "multiobjective, unknown": _said(
        "multiobjective", "objective: multi", "objective: [multi]\nx: ", r"objective is \["
    ),
    "nothing said": _said("regression", "objective: regression", "objective:", "objective is None; known are"),
    "multiobjective, second head not said": _said(
        "multiobjective", "regression_mlp", "x", "no settings of a head under"
    ),
    "regression, order": _labels(
        "'arousal' => 0\n'valence' => 1\n====\n", ": expected the dimensions valence, arousal"
    ),
    "regression, one": _labels("'valence' => 0\n====\n", ": expected the dimensions valence, arousal"),
    "regression, other": _labels("'neu' => 0\n'ang' => 1\n", ", line 1: unknown dimension 'neu'; known are valence"),
}


@pytest.mark.parametrize(("objective", "damage", "message"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_the_recipe_is_refused_with_file_and_key(objective_folders, objective, damage, message):
    checkpoint.load(objective_folders[objective])  # what is in memory must not hide the damage
    damage(objective_folders[objective])
    with pytest.raises(hub.CheckpointError, match=message):
        checkpoint.load(objective_folders[objective])


def test_the_official_recipe_read_as_another_objective_does_not_pass(objective_folders):
    _recipe(objective_folders["classification"], "\n", "objective: regression\n")
    with pytest.raises(hub.CheckpointError, match=r"label_encoder.txt, line 1: unknown dimension 'neu'"):
        checkpoint.load(objective_folders["classification"])


class _Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_head_that_would_run_code_is_refused_and_runs_nothing(objective_folders, objective, tmp_path):
    folder = objective_folders[objective]
    weights = torch.load(folder / "model.ckpt", weights_only=True)
    torch.save({**weights, "0.w.weight": _Bomb(tmp_path / "ran")}, folder / "model.ckpt")
    with pytest.raises(hub.CheckpointError, match=r"model.ckpt: not read as weights.*nothing of it was run"):
        checkpoint.load(folder)
    assert not (tmp_path / "ran").exists()


def test_a_tag_on_the_objective_is_dropped_and_runs_nothing(objective_folders, tmp_path):
    folder, ran = objective_folders["regression"], tmp_path / "ran"
    _recipe(folder, "objective: regression", f'objective: !apply:os.mkdir ["{ran}"]')
    with pytest.raises(hub.CheckpointError, match=r"hyperparams.yaml: objective is \["):
        checkpoint.load(folder)
    assert not ran.exists()


def test_the_encoder_runs_where_it_is_told(objective_folders):
    folder = objective_folders["multiobjective"]
    assert checkpoint.load(folder).model.device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert checkpoint.load(folder, device="cpu").model.device.type == "cpu"
    with pytest.raises(RuntimeError, match="nowhere"):
        checkpoint.load(folder, device="nowhere")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_its_results_on_the_processor(objective_folders):
    folder = objective_folders["multiobjective"]
    there, here = (checkpoint.load(folder, device=device).outputs(WAVEFORMS) for device in ("cuda", "cpu"))
    for name, values in there.items():
        assert values.device.type == "cpu"
        torch.testing.assert_close(values, here[name], atol=5e-3, rtol=0)  # a GPU may convolve with fewer digits (TF32)
