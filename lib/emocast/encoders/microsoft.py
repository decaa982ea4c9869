"""Microsoft CLAP of 2023 as its makers' package computes it (Elizalde et al. 2023, arXiv 2309.05767), in 1,024 values.

SOURCE is one file, `CLAP_weights_2023.pth` of https://huggingface.co/microsoft/msclap:
"microsoft/msclap/CLAP_weights_2023.pth".

Of the package only the audio encoder is made, with the package's own settings: its text encoder would ask the model hub for
the weights of GPT-2, which the checkpoint replaces at once. The package loads a checkpoint leniently, so that a wrong file
passes in silence; here every key and shape of the encoder is checked. Its reader of sound files is not used either.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn

from .. import cache, device
from . import foreign, hub, pieces

_LONGEST = 308_700  # samples: 7 s
_EXPECTED = "Microsoft CLAP of 2023, CLAP_weights_2023.pth of the hub's microsoft/msclap"
_HEARD = "audio_encoder."
_NOT_HEARD = ("caption_encoder.", "logit_scale")


class MicrosoftClap:
    """The audio embeddings of one checkpoint: projected into the space shared with texts, not normalised.

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
        self._tower, self.digest = foreign.loaded(_load, hub.find_file(source))

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at 44.1 kHz, each of shape (samples,): float32, shape (n, 1024).

        Raises:
            ValueError: a waveform is empty or has more than one channel.
        """
        return pieces.embed(waveforms, self._hear, longest=_LONGEST, fill=_filled, dimension=self.dimension)

    def _hear(self, waveforms: torch.Tensor) -> torch.Tensor:
        embeddings, _ = self._tower(
            waveforms.to(device.best())
        )  # the other part says which sounds of AudioSet it hears
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
    folder = Path(find_spec("msclap").submodule_search_locations[0])
    settings = yaml.safe_load((folder / "configs" / "config_2023.yml").read_text(encoding="utf-8"))
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


def _weights(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The weights of what hears, by the encoder's own names."""
    weights = content.get("model")
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise hub.CheckpointError(f"{path}: holds no named weights under model: expected is {_EXPECTED}")
    return {name.removeprefix(_HEARD): tensor for name, tensor in weights.items() if not name.startswith(_NOT_HEARD)}


def _filled(piece: torch.Tensor) -> torch.Tensor:
    """Seven seconds: a shorter piece again and again."""
    return piece.repeat(math.ceil(_LONGEST / len(piece)))[:_LONGEST]
