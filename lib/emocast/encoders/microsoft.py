"""Microsoft CLAP of 2023 as its makers' package computes it (Elizalde et al. 2023, arXiv 2309.05767), in 1,024 values.

SOURCE is one file, `CLAP_weights_2023.pth` of https://huggingface.co/microsoft/msclap:
"microsoft/msclap/CLAP_weights_2023.pth".

Of the package only the audio encoder is made, with the package's own settings: its text encoder would ask the model hub for
the weights of GPT-2, which the checkpoint replaces at once. The package loads a checkpoint leniently, so that a wrong file
passes in silence; here every key and shape of an encoder is checked. Its reader of sound files is not used either. To read
texts, the tokenizer's files of `gpt2` must be in `data/checkpoints/gpt2/`, in the hub's cache, or to be had from the hub.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
import yaml
from torch import nn

from .. import cache, device
from . import foreign, hub, pieces, text_towers

_LONGEST = 308_700  # samples: 7 s
_EXPECTED = "Microsoft CLAP of 2023, CLAP_weights_2023.pth of the hub's microsoft/msclap"
_HEARD = "audio_encoder."
_READ = "caption_encoder."
_NOT_HEARD = (_READ, "logit_scale")
_MASKS = re.compile(r"base\.h\.\d+\.attn\.(bias|masked_bias)")  # older versions of transformers kept them as weights
_TOKENIZER = "gpt2"
_PADDING = "!"  # the package pads with it; its number is 0
_END = " <|endoftext|>"


class MicrosoftClap:
    """The embeddings of one checkpoint, of sounds and of texts in one space, not normalised.

    Sound that is shorter than 7 s is repeated and cut off there, as the package does it. Of a longer sound the mean over
    pieces of 7 s is given (`pieces`), where the package takes 7 s at random.

    Args:
        source: a file, as for `hub.find_file`.

    Raises:
        hub.CheckpointError: the checkpoint is missing, damaged or of another kind.
    """

    sample_rate = 44_100
    dimension = 1024
    precision = "fp32"
    threaded = True

    def __init__(self, source: str) -> None:
        """Read the checkpoint."""
        self.name = f"msclap:{source}"
        self._path = hub.find_file(source)
        self._tower, self.digest = foreign.loaded(_load, self._path)

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at 44.1 kHz, each of shape (samples,): float32, shape (n, 1024).

        Raises:
            ValueError: a waveform is empty or has more than one channel.
        """
        return pieces.embed(waveforms, self._hear, longest=_LONGEST, fill=_filled, dimension=self.dimension)

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Embed n texts as `get_text_embeddings` of the package does: float32, shape (n, 1024), not normalised.

        The package compares by the cosine (`compute_similarity`). The text tower is loaded when it is first asked.

        Raises:
            ValueError: a text is empty, no string, or longer than 77 tokens, which the package cannot embed beside others.
            hub.CheckpointError: the checkpoint holds no such tower, has changed, or the tokenizer is missing.
        """
        load = functools.partial(text_towers.loaded, _load_reader, self._path, self.digest)
        return text_towers.embed(texts, load, dimension=self.dimension)

    def _hear(self, waveforms: torch.Tensor) -> torch.Tensor:
        # the other part says which sounds of AudioSet it hears
        embeddings, _ = self._tower(waveforms.to(device.best()))
        return embeddings


@functools.lru_cache(maxsize=1)
def _load(path: Path, stamp: tuple[tuple[int, int], ...]) -> tuple[nn.Module, str]:
    """Read a checkpoint. `stamp` stands for what the file holds: part of the key under which the result stays in memory."""
    weights = _weights(foreign.read(path), path)
    with foreign.guarded():
        tower = _empty()
    foreign.fill(tower, weights, path, expected=_EXPECTED)
    return tower.to(device.best()), cache.file_digest(path)


def _empty() -> nn.Module:
    """The package's audio encoder with the package's settings."""
    settings = _settings()
    return import_module("msclap.models.clap").AudioEncoder(
        settings["audioenc_name"],
        settings["out_emb"],
        settings["d_proj"],
        settings["sampling_rate"],
        settings["window_size"],
        settings["hop_size"],
        settings["mel_bins"],
        settings["fmin"],
        settings["fmax"],
        settings["num_classes"],
    )


def _settings() -> dict[str, Any]:
    folder = Path(find_spec("msclap").submodule_search_locations[0])
    return yaml.safe_load((folder / "configs" / "config_2023.yml").read_text(encoding="utf-8"))


class _Reader(nn.Module):
    """The package's text encoder, with its names, around a GPT-2 that was not downloaded."""

    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.base = base
        self.projection = import_module("msclap.models.clap").Projection(base.config.n_embd, MicrosoftClap.dimension)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens.to(self.base.device)
        hidden = self.base(input_ids=tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state
        # as the package finds the last token: a "!" in the text counts as padding, and moves it forward by one
        last = torch.ne(tokens, 0).sum(-1) - 1
        return self.projection(hidden[torch.arange(len(tokens), device=last.device), last])


@functools.lru_cache(maxsize=1)
def _load_reader(path: Path, stamp: tuple[tuple[int, int], ...]) -> tuple[text_towers.Tower, str]:
    """Read a checkpoint's text tower: see `_load`."""
    named = _named(foreign.read(path), path)
    weights = {name.removeprefix(_READ): tensor for name, tensor in named.items() if name.startswith(_READ)}
    weights = {name: tensor for name, tensor in weights.items() if not _MASKS.fullmatch(name)}
    base = {name.removeprefix("base."): tensor for name, tensor in weights.items()}
    with foreign.guarded():
        reader = _Reader(text_towers.gpt2(base, path, expected=_EXPECTED))
    foreign.fill(reader, weights, path, expected=_EXPECTED)
    tokenizer = text_towers.made(
        transformers.GPT2TokenizerFast,
        reader.base.config.vocab_size,
        *text_towers.files(_TOKENIZER),
        pad_token=_PADDING,
    )
    longest = _settings()["text_len"]
    return text_towers.Tower(
        functools.partial(_tokens, tokenizer, longest), reader.to(device.best())
    ), cache.file_digest(path)


def _tokens(tokenizer: Any, longest: int, text: str) -> list[int]:
    return text_towers.fitting(tokenizer.encode(text + _END), longest, text)


def _weights(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The weights of what hears, by the encoder's own names."""
    named = _named(content, path)
    return {name.removeprefix(_HEARD): tensor for name, tensor in named.items() if not name.startswith(_NOT_HEARD)}


def _named(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The weights of both encoders, by the package's names."""
    weights = content.get("model")
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise hub.CheckpointError(f"{path}: holds no named weights under model: expected is {_EXPECTED}")
    return weights


def _filled(piece: torch.Tensor) -> torch.Tensor:
    """Seven seconds: a shorter piece again and again."""
    return piece.repeat(math.ceil(_LONGEST / len(piece)))[:_LONGEST]
