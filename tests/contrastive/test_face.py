"""Contrastive models behind one face: which there are, and what all of them do."""

import pytest

import small_models
from emocast import contrastive


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_models.clap(tmp_path_factory.mktemp("models") / "clap")


@pytest.fixture
def model(folder):
    return contrastive.get(f"transformers:{folder}")


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
