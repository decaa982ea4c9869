"""A small random model of kind "dual:", with a wav2vec 2.0 of width 16."""

from pathlib import Path

import torch
from transformers import Wav2Vec2Config

from emocast.encoders import dual
from emocast.encoders.dual import DualModel, Sizes

ARCHITECTURE = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
    "conv_dim": [8] * 3, "conv_kernel": [10, 8, 4], "conv_stride": [5, 8, 4], "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4, "layerdrop": 0.0,
}  # fmt: skip
SIZES = Sizes(dimension=12, text_dimension=16, buckets=512)


def model(seed: int = 0) -> DualModel:
    """A model with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = DualModel(Wav2Vec2Config(**ARCHITECTURE), SIZES)
        for parameter in made.parameters():  # norms and biases start at one and zero: they must not hide
            parameter.data += 0.1 * torch.randn(parameter.shape)
    return made


def folder(place: Path, seed: int = 0) -> Path:
    """Such a model in a folder."""
    place.mkdir(parents=True)
    dual.save(place, model(seed), SIZES)
    return place
