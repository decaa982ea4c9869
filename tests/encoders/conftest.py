"""Small random models of all three objectives in SpeechBrain's format, written by hand, not by our own writer."""

import json

import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

import small_models

ARCHITECTURE = small_models.FAMILY | {"num_hidden_layers": 2}
RECIPE = """
wav2vec2: !new:speechbrain.lobes.models.huggingface_wav2vec.HuggingFaceWav2Vec2
    source: !ref <wav2vec2_hub>
    output_norm: True
output_mlp: !new:speechbrain.nnet.linear.Linear
    input_size: 32
    bias: False
model: !new:torch.nn.ModuleList
    - [!ref <output_mlp>]
"""
SECOND_HEAD = "regression_mlp: !new:speechbrain.nnet.linear.Linear {n_neurons: 2, bias: False}\n"
RECIPES = {
    "classification": RECIPE,  # as the official one: it names no objective
    "regression": "objective: regression" + RECIPE,
    "multiobjective": "objective: multiobjective" + RECIPE.replace("    bias: False\n", "") + SECOND_HEAD,
}
END = "================\n'starting_index' => 0\n"
EMOTIONS = "'neu' => 0\n'ang' => 1\n'hap' => 2\n'sad' => 3\n" + END
DIMENSIONS = "'valence' => 0\n'arousal' => 1\n" + END


@pytest.fixture(scope="session")
def small_config():
    return Wav2Vec2Config(**ARCHITECTURE)


@pytest.fixture(scope="session")
def small_weights(small_config):
    """State dict of a small random encoder, and a head of four classes."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Wav2Vec2Model(small_config).state_dict(), torch.randn(4, small_config.hidden_size)


@pytest.fixture(scope="session")
def small_outputs(small_weights):
    """The content of `model.ckpt` for each objective, with biases as the thesis has them."""
    four = small_weights[1]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        bias, two = torch.randn(4), torch.randn(2, four.shape[1])
    return {
        "classification": {"0.w.weight": four},
        "regression": {"0.w.weight": two},
        "multiobjective": {"0.w.weight": four, "0.w.bias": bias, "1.w.weight": two},
    }


@pytest.fixture
def objective_folders(tmp_path, small_weights, small_outputs):
    """A folder of each objective, by its name, all with the same encoder; a test may damage them."""
    folders = {}
    for objective, outputs in small_outputs.items():
        folder = folders[objective] = tmp_path / objective
        folder.mkdir()
        torch.save({f"model.{name}": tensor for name, tensor in small_weights[0].items()}, folder / "wav2vec2.ckpt")
        torch.save(outputs, folder / "model.ckpt")
        (folder / "label_encoder.txt").write_text(DIMENSIONS if objective == "regression" else EMOTIONS)
        (folder / "hyperparams.yaml").write_text(RECIPES[objective])
        (folder / "config.json").write_text(json.dumps({"model_type": "wav2vec2", **ARCHITECTURE}))
    return folders


@pytest.fixture
def checkpoint_folder(objective_folders):
    """The classification, laid out as the official folder."""
    return objective_folders["classification"]
