"""The matrix form of the convolutions gives what transformers' own gives, for every norm that the family has."""

import pytest
import torch
from transformers import HubertConfig, HubertModel, Wav2Vec2Config, Wav2Vec2Model, WavLMConfig, WavLMModel

from emocast.encoders import convolutions

SMALL = {
    "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 64,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
}  # fmt: skip
SHAPES = {
    "as wav2vec2-base": {"conv_dim": [24] * 7},
    "kernel above twice the stride": {"conv_dim": [8, 12, 16], "conv_kernel": [10, 8, 5], "conv_stride": [5, 3, 4]},
    "one layer": {"conv_dim": [16], "conv_kernel": [10], "conv_stride": [5]},
    "layer norm": {"conv_dim": [24] * 7, "feat_extract_norm": "layer", "conv_bias": True},
    "bias under the group norm": {"conv_dim": [24] * 7, "conv_bias": True},
}


def made(kind, config, shape):
    torch.manual_seed(0)
    sizes = {"num_feat_extract_layers": len(shape["conv_dim"]), **shape}
    model = kind(config(**SMALL, **sizes)).eval()
    for parameter in model.feature_extractor.parameters():  # norms start at one and zero: they must not hide
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def assert_same(found, expected):
    """Equal within float error, on the scale of the values."""
    torch.testing.assert_close(found, expected, atol=1e-5 * float(expected.abs().max()), rtol=0)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("samples", [16_000, 3_217, 30_011])
def test_the_values_are_those_of_the_convolutions(shape, samples):
    model = made(Wav2Vec2Model, Wav2Vec2Config, shape)
    waveforms = torch.randn(3, samples)
    with torch.no_grad():
        expected = model.feature_extractor(waveforms)
    assert convolutions.fits(model.feature_extractor)
    found = convolutions.MatrixConvolutions(model.feature_extractor)(waveforms)
    assert_same(found, expected)


@pytest.mark.parametrize(("kind", "config"), [(HubertModel, HubertConfig), (WavLMModel, WavLMConfig)])
def test_a_whole_model_of_the_family_says_the_same(kind, config):
    model = made(kind, config, SHAPES["as wav2vec2-base"])
    waveforms = torch.randn(2, 16_000)
    with torch.no_grad():
        expected = model(waveforms).last_hidden_state
        convolutions.replace(model)
        assert isinstance(model.feature_extractor, convolutions.MatrixConvolutions)
        assert_same(model(waveforms).last_hidden_state, expected)


def test_reduced_precision_stays_close():
    model = made(Wav2Vec2Model, Wav2Vec2Config, SHAPES["as wav2vec2-base"])
    waveforms = torch.randn(2, 16_000)
    with torch.no_grad():
        expected = model.feature_extractor(waveforms)
    found = convolutions.MatrixConvolutions(model.feature_extractor, torch.bfloat16)(waveforms)
    assert found.dtype == torch.bfloat16
    cosine = torch.nn.functional.cosine_similarity(found.float().flatten(1), expected.flatten(1))
    assert cosine.min() > 0.999


def test_silence_gives_what_the_norm_makes_of_silence():
    model = made(Wav2Vec2Model, Wav2Vec2Config, SHAPES["as wav2vec2-base"])
    silence = torch.zeros(1, 16_000)
    with torch.no_grad():
        expected = model.feature_extractor(silence)
    assert_same(convolutions.MatrixConvolutions(model.feature_extractor)(silence), expected)


@pytest.mark.parametrize("change", ["padding", "activation", "channels"])
def test_what_is_computed_otherwise_is_left_alone(change):
    model = made(Wav2Vec2Model, Wav2Vec2Config, SHAPES["as wav2vec2-base"])
    layer = model.feature_extractor.conv_layers[0]
    if change == "padding":
        layer.conv.padding = (1,)
    elif change == "activation":
        layer.activation = torch.nn.ReLU()
    else:
        layer.conv = torch.nn.Conv1d(2, 24, 10, 5)
    original = model.feature_extractor
    convolutions.replace(model)
    assert model.feature_extractor is original
