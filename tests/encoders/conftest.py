"""A small random classifier in SpeechBrain's format, written by hand as the official folder is, not by our own writer."""

import json

import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

ARCHITECTURE = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
    "conv_dim": [16, 16, 16], "conv_kernel": [10, 8, 4], "conv_stride": [5, 8, 4],
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
}  # fmt: skip
RECIPE = """
pretrained_path: some/where
wav2vec2: !new:speechbrain.lobes.models.huggingface_wav2vec.HuggingFaceWav2Vec2
    source: !ref <wav2vec2_hub>
    output_norm: True
model: !new:torch.nn.ModuleList
    - [!ref <output_mlp>]
"""
LABELS = "'neu' => 0\n'ang' => 1\n'hap' => 2\n'sad' => 3\n================\n'starting_index' => 0\n"


@pytest.fixture(scope="session")
def small_config():
    return Wav2Vec2Config(**ARCHITECTURE)


@pytest.fixture(scope="session")
def small_weights(small_config):
    """State dict of a small random encoder, and a head of four classes."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Wav2Vec2Model(small_config).state_dict(), torch.randn(4, small_config.hidden_size)


@pytest.fixture
def checkpoint_folder(tmp_path, small_weights):
    """The folder; a test may damage it."""
    encoder, head = small_weights
    folder = tmp_path / "classifier"
    folder.mkdir()
    torch.save({f"model.{name}": tensor for name, tensor in encoder.items()}, folder / "wav2vec2.ckpt")
    torch.save({"0.w.weight": head}, folder / "model.ckpt")
    (folder / "label_encoder.txt").write_text(LABELS)
    (folder / "hyperparams.yaml").write_text(RECIPE)
    (folder / "config.json").write_text(json.dumps({"model_type": "wav2vec2", **ARCHITECTURE}))
    return folder
