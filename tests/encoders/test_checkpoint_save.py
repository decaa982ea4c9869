"""Checkpoints that are written: read back whole, and read by SpeechBrain's own classes, which compute the same."""

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from emocast.encoders import checkpoint, checkpoint_files
from emocast.encoders.checkpoint import Head

WAVEFORMS = [np.random.default_rng(number).normal(0, 0.1, 16_000).astype(np.float32) for number in range(3)]
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


KEYS = {
    "classification": ["0.w.weight"],
    "biased": ["0.w.weight", "0.w.bias"],
    "regression": ["0.w.weight"],
    "multiobjective": ["0.w.weight", "0.w.bias", "1.w.weight"],
}


@pytest.mark.parametrize("kind", KEYS)
def test_what_is_saved_is_read_back(tmp_path, small_weights, small_config, kind):
    encoder, arguments = small_weights[0], _arguments(kind, 32)
    folder = tmp_path / "made" / "model"
    for _ in range(2):  # an older folder is replaced
        assert checkpoint.save(folder, encoder=encoder, config=small_config, **arguments) == folder
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted([*checkpoint_files.NEEDED, *checkpoint_files.OPTIONAL])
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert list(torch.load(folder / "model.ckpt", weights_only=True)) == KEYS[kind]
    model = checkpoint.load(folder)
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
        ("classification", {"heads": {"classification": Head(torch.zeros(3, 32))}}, r"0.w.weight .*\(3, 32\), expected \(4"),
        ("classification", {"emotions": ("neutral", "neutral", "anger", "sadness")}, r"\(4, 32\), expected \(3, 32\)"),
        ("classification", {"emotions": (*FOUR[:3], "bliss")}, "unknown emotion 'bliss'"),
        ("classification", {"emotions": ()}, "classification: emotions name the classes"),
        ("classification", {"objective": "regression"}, "regression has the heads regression; given are classification"),
        ("classification", {"objective": "ranking"}, "the objective is 'ranking'; known are classification, regression"),
        ("regression", {"heads": {"regression": Head(torch.zeros(3, 32))}}, r"0.w.weight .*\(3, 32\), expected \(2, 32\)"),
        ("regression", {"emotions": FOUR}, "regression: emotions name the classes of a classification head"),
        ("multiobjective", {"heads": {}}, "multiobjective has the heads classification, regression; given are none"),
        (
            "multiobjective",
            {"heads": {"classification": Head(torch.zeros(4, 32), torch.zeros(2)), "regression": Head(torch.zeros(2, 32))}},
            r"0.w.bias has the shape \(2,\), expected \(4,\)",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_not_saved(tmp_path, small_weights, small_config, kind, changed, message):
    with pytest.raises(ValueError, match=message):
        checkpoint.save(
            tmp_path / "a", encoder=small_weights[0], config=small_config, **(_arguments(kind, 32) | changed)
        )
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_lacks_a_key_is_not_saved(tmp_path, small_weights, small_config):
    encoder = dict(list(small_weights[0].items())[1:])
    with pytest.raises(ValueError, match="encoder: has no key"):
        checkpoint.save(tmp_path / "a", encoder=encoder, config=small_config, **_arguments("classification", 32))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KEYS)
def test_speechbrains_own_classes_read_it_and_compute_the_same(tmp_path, sized, monkeypatch, kind):
    from speechbrain.inference.interfaces import Pretrained

    encoder, config = sized
    arguments = _arguments(kind, config.hidden_size)
    folder = checkpoint.save(tmp_path / "a", encoder=encoder, config=config, **arguments)
    monkeypatch.chdir(tmp_path)
    theirs = Pretrained.from_hparams(
        source=str(folder), overrides={"pretrained_path": str(folder)}, savedir=str(tmp_path / "b")
    )
    ours, waveforms = checkpoint.load(folder, device="cpu"), torch.from_numpy(np.stack(WAVEFORMS))
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
