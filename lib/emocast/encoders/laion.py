"""LAION-CLAP as its makers' package computes it (Wu et al. 2023, arXiv 2211.06687): what a sound is about, in 512 values.

SOURCE is one file, such as `630k-audioset-best.pt` (on HTSAT-tiny) or `music_speech_audioset_epoch_15_esc_89.98.pt` (on
HTSAT-base) of https://huggingface.co/lukewys/laion_clap: "lukewys/laion_clap/630k-audioset-best.pt". Which of the two
networks it is, its shapes say. Checkpoints with feature fusion are not read.

Of the package only the network that hears is taken, not the whole: `import laion_clap` asks the model hub for three
tokenizers, and its model for the weights of RoBERTa, 0.5 GB which the checkpoint replaces at once; without a network it
hangs for minutes and fails. To hear, no tokenizer has to be there here, and nobody is asked; to read, the tokenizer's files
of `roberta-base` must be in `data/checkpoints/roberta-base/`, in the hub's cache, or to be had from the hub. In hub format
(`laion/clap-htsat-unfused`) the same models are read by `transformers:`.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
import transformers
from torch import nn
from torch.nn import functional

from .. import cache, device
from . import foreign, hub, pieces, text_towers

_LONGEST = 480_000  # samples: 10 s
_STEPS = 32_767  # of a sample's amplitude: the network was trained on 16-bit sound
_EXPECTED = (
    "an unfused LAION-CLAP on HTSAT-tiny or HTSAT-base, such as 630k-audioset-best.pt or "
    "music_speech_audioset_epoch_15_esc_89.98.pt of the hub's lukewys/laion_clap"
)
_WIDTH = "audio_branch.patch_embed.proj.weight"
_NETWORKS = {96: "HTSAT-tiny", 128: "HTSAT-base"}  # by the width of their first layer
_READ = ("text_branch.", "text_projection.")
_NOT_HEARD = (*_READ, "text_transform.", "audio_transform.", "logit_scale_")
_COUNTED = "text_branch.embeddings.position_ids"  # 0, 1, 2, ...: older versions of transformers kept them as a weight
_TOKENIZER = "roberta-base"
_MOST_TOKENS = 77  # of a text; what follows is not read


class LaionClap:
    """The embeddings of one checkpoint, of sounds and of texts in one space, and of length 1.

    Sound is rounded to 16 bits and, where it is shorter than 10 s, repeated as often as it fits whole and filled up with
    silence, all as `get_audio_embedding_from_data` of the package does it. Of a longer sound the mean over pieces of 10 s is
    given (`pieces`), which is a little shorter than 1.

    Args:
        source: a file, as for `hub.find_file`.

    Raises:
        hub.CheckpointError: the checkpoint is missing, damaged or of another kind.
    """

    sample_rate = 48_000
    dimension = 512
    precision = "fp32"
    threaded = True

    def __init__(self, source: str) -> None:
        """Read the checkpoint."""
        self.name = f"laion-clap:{source}"
        self._path = hub.find_file(source)
        self._tower, self.digest = foreign.loaded(_load, self._path)

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at 48 kHz, each of shape (samples,): float32, shape (n, 512).

        Raises:
            ValueError: a waveform is empty or has more than one channel.
        """
        return pieces.embed(waveforms, self._tower, longest=_LONGEST, fill=_filled, dimension=self.dimension)

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Embed n texts as `get_text_embedding` of the package does: float32, shape (n, 512).

        Of a text of more than 77 tokens the rest is not read. The text tower is loaded when it is first asked.

        Raises:
            ValueError: a text is empty or no string.
            hub.CheckpointError: the checkpoint holds no such tower, has changed, or the tokenizer is missing.
        """
        load = functools.partial(text_towers.loaded, _load_reader, self._path, self.digest)
        return text_towers.embed(texts, load, dimension=self.dimension)


class _Tower(nn.Module):
    """The part of the package's model that hears; its parts are named as there, and so are its weights."""

    def __init__(self, network: str) -> None:
        super().__init__()
        folder = Path(find_spec("laion_clap").submodule_search_locations[0])
        settings = json.loads((folder / "clap_module" / "model_configs" / f"{network}.json").read_text())
        model, htsat = _modules(folder)
        self.audio_branch = htsat.create_htsat_model(model.CLAPAudioCfp(**settings["audio_cfg"]))
        width, joint = settings["embed_dim"], LaionClap.dimension
        self.audio_projection = nn.Sequential(nn.Linear(width, joint), nn.ReLU(), nn.Linear(joint, joint))

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        where = self.audio_projection[0].weight.device
        heard = self.audio_branch({"waveform": waveforms}, device=where)["embedding"]
        return functional.normalize(self.audio_projection(heard), dim=-1)


def _modules(folder: Path) -> tuple[ModuleType, ModuleType]:
    """What of the package defines the network; it is a package of its own, found as `import laion_clap` finds it.

    It tells numba to keep machine code in /tmp/, where others could put theirs. So the environment is put back before
    anything of librosa is compiled.
    """
    with foreign.guarded():
        sys.path.append(str(folder))
        return import_module("clap_module.model"), import_module("clap_module.htsat")


@functools.lru_cache(maxsize=1)
def _load(path: Path, stamp: tuple[tuple[int, int], ...]) -> tuple[_Tower, str]:
    """Read a checkpoint. `stamp` stands for what the file holds: part of the key under which the result stays in memory."""
    weights = _weights(foreign.read(path), path)
    with foreign.guarded():
        tower = _Tower(_network(weights, path))
    foreign.fill(tower, weights, path, expected=_EXPECTED)
    return tower.to(device.best()), cache.file_digest(path)


class _Reader(nn.Module):
    """The part of the package's model that reads, with its names."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        width, joint = branch.config.hidden_size, LaionClap.dimension
        self.text_branch = branch
        self.text_projection = nn.Sequential(nn.Linear(width, joint), nn.ReLU(), nn.Linear(joint, joint))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens.to(self.text_projection[0].weight.device)
        read = self.text_branch(input_ids=tokens, attention_mask=torch.ones_like(tokens)).pooler_output
        return functional.normalize(self.text_projection(read), dim=-1)


@functools.lru_cache(maxsize=1)
def _load_reader(path: Path, stamp: tuple[tuple[int, int], ...]) -> tuple[text_towers.Tower, str]:
    """Read a checkpoint's text tower: see `_load`."""
    named = _named(foreign.read(path), path)
    weights = {name: tensor for name, tensor in named.items() if name.startswith(_READ) and name != _COUNTED}
    branch = {name.removeprefix(_READ[0]): tensor for name, tensor in weights.items()}
    with foreign.guarded():
        reader = _Reader(text_towers.roberta(branch, path, expected=_EXPECTED))
    foreign.fill(reader, weights, path, expected=_EXPECTED)
    words = reader.text_branch.config.vocab_size
    tokenizer = text_towers.made(transformers.RobertaTokenizer, words, *text_towers.files(_TOKENIZER))
    tokens = functools.partial(tokenizer.encode, truncation=True, max_length=_MOST_TOKENS)
    return text_towers.Tower(tokens, reader.to(device.best())), cache.file_digest(path)


def _weights(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The weights of what hears."""
    return {name: tensor for name, tensor in _named(content, path).items() if not name.startswith(_NOT_HEARD)}


def _named(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """All weights, by the names of a model that was not trained on many machines at once."""
    weights = content.get("state_dict", content)
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise hub.CheckpointError(f"{path}: state_dict does not hold named weights: expected is {_EXPECTED}")
    return {name.removeprefix("module."): tensor for name, tensor in weights.items()}


def _network(weights: Mapping[str, Any], path: Path) -> str:
    if _WIDTH not in weights:
        raise hub.CheckpointError(f"{path}: has no key {_WIDTH}: expected is {_EXPECTED}")
    shape = tuple(getattr(weights[_WIDTH], "shape", ()))
    if not shape or shape[0] not in _NETWORKS:
        raise hub.CheckpointError(f"{path}: {_WIDTH} has the shape {shape}: expected is {_EXPECTED}")
    return _NETWORKS[shape[0]]


def _filled(piece: torch.Tensor) -> torch.Tensor:
    """Ten seconds of 16-bit sound: a shorter piece as often as it fits, then silence."""
    rounded = (piece.clamp(-1, 1) * _STEPS).to(torch.int16) / _STEPS
    repeated = rounded.repeat(_LONGEST // len(rounded))
    return functional.pad(repeated, (0, _LONGEST - len(repeated)))
