"""Contrastive models behind one face: which there are, and what all of them do."""

import numpy as np
import pytest

import small_models
from emocast import contrastive, encoders


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_models.clap(tmp_path_factory.mktemp("models") / "clap")


@pytest.fixture
def model(folder):
    return contrastive.get(f"transformers:{folder}")


def noise(model, seconds, seed=0):
    samples = round(seconds * model.sample_rate)
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def test_a_contrastive_model_is_an_encoder_that_reads(model, folder):
    encoder = encoders.get(f"transformers:{folder}")
    sounds = [noise(model, 1), noise(model, 0.5, seed=1)]
    assert (model.name, model.sample_rate, model.dimension) == (encoder.name, 48_000, 24)
    np.testing.assert_array_equal(model.encode(sounds), encoder.encode(sounds))
    texts = model.embed_text(["a happy voice", "a sad voice"])
    assert (texts.dtype, texts.shape) == (np.float32, (2, 24))
    assert np.abs(texts[0] - texts[1]).max() > 1e-3


@pytest.mark.parametrize("wrong", ["", " \n", None, 3, b"sad", ["sad"]])
def test_what_is_no_text_is_refused(model, wrong):
    with pytest.raises(ValueError, match=r"text 1 is .*: expected words"):
        model.embed_text(["a happy voice", wrong])
    with pytest.raises(ValueError, match="one text alone, 'sad': expected a list of texts"):
        model.embed_text("sad")


@pytest.mark.parametrize("name", ["handcrafted", "wav2vec2:some/where", "clap:x", "msclap", "", "transformers:{}"])
def test_what_reads_no_words_is_refused_with_those_that_do(tmp_path, name):
    name = name.format(small_models.wav2vec2(tmp_path)) if "{" in name else name
    with pytest.raises(
        ValueError, match="embeds no texts; contrastive models are laion-clap:SOURCE, msclap:"
    ) as refused:
        contrastive.get(name)
    assert repr(name) in str(refused.value)
