"""Sentence encoders: a small random one in the layout of all-MiniLM-L6-v2."""

import json

import numpy as np
import pytest
import torch
import transformers

import small_models
from emocast.encoders import hub, sentences


@pytest.fixture
def folder(tmp_path):
    return small_models.sentences(tmp_path)


def test_an_embedding_is_the_mean_over_the_tokens_of_length_one(folder):
    found = sentences.embed(str(folder), ["i know that", "", "well"])
    model = transformers.BertModel.from_pretrained(folder).eval()
    with torch.no_grad():
        hidden = model(input_ids=torch.tensor([[2, 5, 6, 7, 3]])).last_hidden_state[0].mean(dim=0)
    np.testing.assert_allclose(found[0], (hidden / hidden.norm()).numpy(), atol=1e-5)
    assert not found[1].any() and np.linalg.norm(found[2]) == pytest.approx(1, abs=1e-5)
    long = sentences.embed(str(folder), ["well " * 400 + "i know that", "i know that"])
    assert np.isfinite(long).all()


def test_what_is_missing_or_of_another_kind_is_told(folder, tmp_path):
    with pytest.raises(hub.CheckpointError, match=r"Put config\.json, tokenizer\.json, model\.safetensors into"):
        sentences.embed(str(tmp_path / "elsewhere"), ["well"])
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | {"model_type": "gpt2"}))
    with pytest.raises(hub.CheckpointError, match="model_type is 'gpt2'"):
        sentences.embed(str(folder), ["well"])
