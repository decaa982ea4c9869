"""A small encoder to begin with, in the manner of transformers, and settings with which a training takes a second."""

import dataclasses

import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from emocast import labels, profile
from emocast.corpora import iemocap

ARCHITECTURE = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
    "conv_dim": [8, 8, 8], "conv_kernel": [20, 8, 4], "conv_stride": [10, 8, 8], "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2, "layerdrop": 0.0,
}  # fmt: skip


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A folder as `facebook/wav2vec2-base` is one, with a small random encoder."""
    folder = tmp_path_factory.mktemp("source") / "small"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Wav2Vec2Model(Wav2Vec2Config(**ARCHITECTURE)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False).save_pretrained(folder)
    return folder


@pytest.fixture
def settings(source):
    """The demo's settings of the recognisers, with the small source and two short epochs."""
    demo = profile.load("demo").ser
    return dataclasses.replace(demo, source=str(source), epochs=2, batch_size=8, crop_s=0.5, jobs=1)


@pytest.fixture(scope="session")
def utterances(corpus_root):
    """The utterance table of the small synthetic IEMOCAP with the thesis's four classes."""
    table = iemocap.load(corpus_root)
    return table.assign(emotion=labels.four_classes(table["emotion"]))
