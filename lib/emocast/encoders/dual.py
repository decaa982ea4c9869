"""The demo's own contrastive model, as a network and as an encoder: a tower for sound and one for texts into one space.

Both give vectors of length 1, so that a product of two is their cosine: the layout of CLIP (Radford et al. 2021,
https://arxiv.org/abs/2103.00020, figure 3). A word is the mean of its pieces, as in fastText (Bojanowski et al. 2017,
https://arxiv.org/abs/1607.04606, section 3.2): so "angrily", which was never seen, is not a blank where "angry" is known.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import Wav2Vec2Config, Wav2Vec2Model

from .. import compute
from . import hub
from .hub import CheckpointError, equal_lengths
from .wav2vec2 import CONFIG, SAMPLE_RATE, shortest

WEIGHTS = "model.safetensors"

_KIND = "emocast-dual"
_HEADS = 4  # of the attention over words
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def words(text: str) -> list[str]:
    """The words of a text in small letters, without punctuation ("matter-of-fact" is one); ValueError where it has none."""
    found = _WORD.findall(unicodedata.normalize("NFC", text).casefold()) if isinstance(text, str) else []
    if not found:
        raise ValueError(f"the text {text!r} has no words; write what should be found in the sound")
    return found


def pieces(word: str) -> list[str]:
    """The pieces of a word: every run of 3 to 6 characters of `<word>`, and all of it; each once."""
    marked = f"<{word}>"
    runs = [marked[start : start + length] for length in range(3, 7) for start in range(len(marked) - length + 1)]
    return list(dict.fromkeys([*runs, marked]))


def place(piece: str, *, buckets: int) -> int:
    """The row of a piece in a table of so many rows, by FNV-1a."""
    value = 2_166_136_261
    for byte in piece.encode():
        value = ((value ^ byte) * 16_777_619) & 0xFFFFFFFF  # of 32 bits
    return value % buckets


@functools.lru_cache(maxsize=100_000)
def _places(word: str, buckets: int) -> Sequence[int]:
    return tuple(place(piece, buckets=buckets) for piece in pieces(word))


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How large a model is: the joint space, the vectors of words, and the rows of the table of their pieces."""

    dimension: int
    text_dimension: int
    buckets: int = 8192


class AudioTower(nn.Module):
    """Embeds waveforms: wav2vec 2.0, the mean of its output over time, a linear projection to `dimension` values.

    Its CNN is frozen, as in the thesis's recipe (section 4.2), and sees no padding, for the norm in there goes over time. What
    follows is padded and masked: an embedding does not depend on its batch, in training neither.
    """

    def __init__(self, config: Wav2Vec2Config, dimension: int) -> None:
        """Make a tower with random weights."""
        super().__init__()
        self.wav2vec2 = Wav2Vec2Model(config)
        self.wav2vec2.freeze_feature_encoder()
        self.projection = nn.Linear(config.hidden_size, dimension)
        self.shortest = shortest(config.conv_kernel, config.conv_stride)

    def forward(self, waveforms: Sequence[torch.Tensor]) -> torch.Tensor:
        """Embed n waveforms at 16 kHz, each of shape (samples,) with at least `shortest`: shape (n, dimension)."""
        features, real = _padded(self._features(waveforms))
        hidden = self.wav2vec2.feature_projection(features)[0]
        hidden = self.wav2vec2.encoder(hidden, attention_mask=None if real.all() else real).last_hidden_state
        return functional.normalize(self.projection(_mean(hidden, real)), dim=-1)

    @torch.no_grad()
    def _features(self, waveforms: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """What the CNN gives for each waveform, shape (frames, channels)."""
        features = {}
        for rows in equal_lengths([len(waveform) for waveform in waveforms]):
            same = torch.stack([waveforms[row] for row in rows])
            normal = functional.layer_norm(same, same.shape[1:])
            features |= zip(rows, self.wav2vec2.feature_extractor(normal).transpose(1, 2), strict=True)
        return [features[row] for row in range(len(waveforms))]


class TextTower(nn.Module):
    """Embeds texts: words, a layer of self-attention over them without places, their mean, a linear projection."""

    def __init__(self, sizes: Sizes) -> None:
        """Make a tower with random weights."""
        super().__init__()
        width = sizes.text_dimension
        if width % _HEADS:
            raise ValueError(f"text_dimension is {width}; it must be a multiple of {_HEADS}, the attention's heads")
        self.pieces = nn.EmbeddingBag(sizes.buckets, width, mode="mean")
        nn.init.uniform_(self.pieces.weight, -1 / width, 1 / width)  # small, as in fastText: what is new says little
        options = {"dropout": 0.0, "batch_first": True, "norm_first": True}
        self.attention = nn.TransformerEncoderLayer(width, _HEADS, 2 * width, **options)
        self.projection = nn.Linear(width, sizes.dimension)

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        """Embed n texts: shape (n, dimension). ValueError where one has no words."""
        vectors, real = _padded([self._vectors(words(text)) for text in texts])
        hidden = self.attention(vectors, src_key_padding_mask=~real)
        return functional.normalize(self.projection(_mean(hidden, real)), dim=-1)

    def _vectors(self, some: Sequence[str]) -> torch.Tensor:
        """The vectors of words, shape (words, text_dimension)."""
        rows, where = [_places(word, self.pieces.num_embeddings) for word in some], self.pieces.weight.device
        starts = torch.tensor([0, *(len(each) for each in rows[:-1])]).cumsum(0)
        return self.pieces(torch.tensor([row for each in rows for row in each], device=where), starts.to(where))


class DualModel(nn.Module):
    """Both towers, with random weights, and `log_scale`: the logarithm of what cosines are multiplied by, 1 / temperature."""

    def __init__(self, config: Wav2Vec2Config, sizes: Sizes) -> None:
        """Make both."""
        super().__init__()
        self.audio, self.text = AudioTower(config, sizes.dimension), TextTower(sizes)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))  # as in CLIP (section 2.5)


def _padded(rows: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """n tensors of shape (places, width) as one, shape (n, most places, width), and which of its places are real."""
    lengths = torch.tensor([len(one) for one in rows], device=rows[0].device)
    padded = pad_sequence(list(rows), batch_first=True)
    return padded, torch.arange(padded.shape[1], device=padded.device) < lengths.unsqueeze(1)


def _mean(hidden: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """The mean over the real places of (n, places, width), where `real` is (n, places): shape (n, width)."""
    weight = real.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weight).sum(dim=1) / weight.sum(dim=1)


class Dual:
    """The embeddings of one model, from a folder as for `hub.find`."""

    sample_rate, precision, threaded = SAMPLE_RATE, "fp32", True

    def __init__(self, source: str) -> None:
        """Read the model, unless it is in memory."""
        self.name, (weights,) = f"dual:{source}", self.weights(source)
        self._model, self.digest = hub.loaded(_load, weights.parent / CONFIG, weights)
        self.dimension = self._model.audio.projection.out_features

    @staticmethod
    def weights(source: str) -> list[Path]:
        """The file that holds the weights; CheckpointError where the model is missing."""
        return [hub.find(source, needed=(CONFIG, WEIGHTS)) / WEIGHTS]

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at 16 kHz, each (samples,): float32, shape (n, dimension); see `hub.embed_batches`."""
        audio, sizes = self._model.audio, {"dimension": self.dimension, "shortest": self._model.audio.shortest}
        return hub.embed_batches(waveforms, lambda some: audio(some.to(self._model.log_scale.device)), **sizes)

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Embed n texts: float32, shape (n, dimension); ValueError where one has no words, or it is one text alone."""
        if isinstance(texts, str):
            raise ValueError(f"one text alone, {texts!r}: expected a list of texts")
        embeddings = np.empty((len(texts), self.dimension), np.float32)
        with torch.inference_mode():
            for first in range(0, len(texts), 256):
                some = slice(first, first + 256)
                embeddings[some] = self._model.text(texts[some]).cpu().numpy()
        return embeddings


def save(folder: Path, model: DualModel, sizes: Sizes) -> None:
    """Write a model into a folder that is there: `CONFIG` and `WEIGHTS`, as `Dual` reads them."""
    audio = hub.declared(Wav2Vec2Config, vars(model.audio.wav2vec2.config))
    settings = {"model_type": _KIND, "audio": audio, "sizes": dataclasses.asdict(sizes)}
    (folder / CONFIG).write_text(json.dumps(settings, indent=1, default=str) + "\n", encoding="utf-8")
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    safetensors.torch.save_file(weights, folder / WEIGHTS)


@functools.lru_cache(maxsize=2)
def _load(config: Path, weights: Path, stamp: tuple) -> tuple[DualModel, str]:
    """Read a model; `stamp` stands for what its files hold."""
    settings = hub.read_json(config)
    try:
        if settings["model_type"] != _KIND:
            raise ValueError(f"model_type is {settings['model_type']!r}, expected {_KIND!r}")
        audio = hub.made(Wav2Vec2Config, settings["audio"], config)
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay
            model = DualModel(audio, Sizes(**settings["sizes"]))
    except Exception as error:  # a missing or wrong setting shows itself in many ways
        raise CheckpointError(
            f"{config}: no model can have these settings ({error!r}); notebook 02 trains the demo's (contrastive.training)"
        ) from error
    hub.fill(model, hub.read_tensors(weights), weights, expected=f"the weights that {CONFIG} asks for")
    return model.to(compute.best_device()), hub.digest(config, weights)
