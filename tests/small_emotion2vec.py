"""An emotion2vec in the official layout, and a stand-in for funasr, which is an optional extra and not in the environment.

The stand-in takes what funasr 1.4 takes, looks at it, and treats the process as badly as funasr does. Its embedding has
nothing to do with emotion2vec: the shape of a waveform, through random weights.
"""

import logging
import random
import sys
import types
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn

DIMENSION = 12
CONVOLUTIONS = "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] + [(512,2,2)]"
_MODALITIES = {"audio": {"type": "AUDIO", "feature_encoder_spec": CONVOLUTIONS}}
_NETWORK = {"embed_dim": DIMENSION, "normalize": True, "modalities": _MODALITIES}
SETTINGS = {"model": "Emotion2vec", "model_conf": _NETWORK, "tokenizer": "CharTokenizer"}


class AutoModel:
    """The one class of funasr that is used."""

    def __init__(self, *, model, model_conf, device, disable_update, disable_pbar, log_level) -> None:
        assert (model, disable_update, disable_pbar) == ("Emotion2vec", True, True)
        assert model_conf["modalities"]["audio"]["feature_encoder_spec"] == CONVOLUTIONS
        _behave_badly()
        audio = nn.ModuleDict({"decoder": nn.Linear(2, 2)})  # which pre-training alone needs
        parts = {"mix": nn.Linear(4, model_conf["embed_dim"]), "modality_encoders": nn.ModuleDict({"AUDIO": audio})}
        self.model = nn.ModuleDict(parts).to(device)

    def generate(self, input, *, granularity, extract_embedding):
        assert isinstance(input, np.ndarray) and input.dtype == np.float32 and input.ndim == 1
        assert (granularity, extract_embedding) == ("utterance", True)
        assert not self.model.training
        _behave_badly()
        shape = torch.tensor([input.mean(), input.std(), abs(input).max(), len(input) / 16_000], dtype=torch.float32)
        return [{"key": "rand_key", "labels": [], "scores": [], "feats": self.model["mix"](shape).numpy()}]


def _behave_badly() -> None:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - as funasr does
    torch.manual_seed(0)
    torch.set_num_threads(4 if torch.get_num_threads() != 4 else 3)
    logging.basicConfig(level="ERROR", force=True)
    sys.path.append("funasr was here")


def install(monkeypatch, folder: Path) -> None:
    """Let `import funasr` find the stand-in, and its version."""
    module = types.ModuleType("funasr")
    module.AutoModel = AutoModel
    monkeypatch.setitem(sys.modules, "funasr", module)
    record = folder / "funasr-1.4.16.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: funasr\nVersion: 1.4.16\n")
    monkeypatch.syspath_prepend(folder)


def checkpoint(folder: Path, *, seed: int = 0, settings: dict = SETTINGS) -> Path:
    """Settings and weights, the latter named as in a fine-tuned model, without a decoder and with a classifier."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    generator = torch.Generator().manual_seed(seed)
    weights = {"mix.weight": (DIMENSION, 4), "mix.bias": (DIMENSION,), "proj.weight": (9, DIMENSION)}
    named = {f"d2v_model.{name}": torch.randn(shape, generator=generator) for name, shape in weights.items()}
    torch.save({"model": named}, folder / "model.pt")
    return folder
