"""The demo's own contrastive model, as a network and as an encoder: a tower for sound and one for texts into one space.

Both give vectors of length 1, so that a product of two is their cosine: the layout of CLIP (Radford et al. 2021,
https://arxiv.org/abs/2103.00020, figure 3). A word is the mean of its pieces, as in fastText (Bojanowski et al. 2017,
https://arxiv.org/abs/1607.04606, section 3.2): so "angrily", which was never seen, is not a blank where "angry" is known.
SOURCE of `dual:SOURCE` is a folder that `contrastive.training` made, with `config.json` and `model.safetensors`: data.
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
_MADE_BY = "the demo's model is trained by notebook 02 (contrastive.training)"
_TEXTS = 256  # of a batch
_HEADS = 4  # of the attention over words
_BEGIN = math.log(1 / 0.07)  # of the temperature, as in CLIP (section 2.5)
_SHORTEST, _LONGEST = 3, 6  # characters of a word's piece, marks included
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_OFFSET, _PRIME, _BITS = 2_166_136_261, 16_777_619, 0xFFFFFFFF  # FNV-1a of 32 bits


def words(text: str) -> list[str]:
    """The words of a text in small letters, without punctuation ("matter-of-fact" is one); ValueError where it has none."""
    found = _WORD.findall(unicodedata.normalize("NFC", text).casefold()) if isinstance(text, str) else []
    if not found:
        raise ValueError(f"the text {text!r} has no words; write what should be found in the sound")
    return found


def pieces(word: str) -> list[str]:
    """The pieces of a word: every run of 3 to 6 characters of `<word>`, and all of it; each once."""
    marked = f"<{word}>"
    lengths = range(_SHORTEST, _LONGEST + 1)
    runs = [marked[start : start + length] for length in lengths for start in range(len(marked) - length + 1)]
    return list(dict.fromkeys([*runs, marked]))


def place(piece: str, *, buckets: int) -> int:
    """The row of a piece in a table of so many rows, by FNV-1a, for Python's own hash differs from process to process."""
    value = _OFFSET
    for byte in piece.encode():
        value = ((value ^ byte) * _PRIME) & _BITS
    return value % buckets


@functools.lru_cache(maxsize=100_000)
def places(word: str, buckets: int) -> Sequence[int]:
    """The rows of all pieces of a word."""
    return tuple(place(piece, buckets=buckets) for piece in pieces(word))


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How large a model is: the joint space, the vectors of words, and the rows of the table of their pieces."""

    dimension: int
    text_dimension: int
    buckets: int = 8192


class AudioTower(nn.Module):
    """Embeds waveforms: wav2vec 2.0, the mean of its output over time, a linear projection to `dimension` values.

    Its CNN is frozen, as in the thesis's recipe (section 4.2): each waveform goes through it alone, for the norm in there
    goes over time. What follows is padded and masked. So a waveform's embedding does not depend on its batch, in training
    neither.
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
        features: list[torch.Tensor] = [torch.empty(0)] * len(waveforms)
        for rows in equal_lengths([len(waveform) for waveform in waveforms]):
            same = torch.stack([waveforms[row] for row in rows])
            normal = functional.layer_norm(same, same.shape[1:])
            for row, found in zip(rows, self.wav2vec2.feature_extractor(normal).transpose(1, 2), strict=True):
                features[row] = found
        return features


class TextTower(nn.Module):
    """Embeds texts: words, a layer of self-attention over them, their mean, a linear projection.

    Words have no places: a caption here is a set of words, as order carries nothing in captions this short. ValueError where
    the vectors of words cannot be shared by the attention's heads.
    """

    def __init__(self, sizes: Sizes) -> None:
        """Make a tower with random weights."""
        super().__init__()
        width = sizes.text_dimension
        if width % _HEADS:
            raise ValueError(
                f"text_dimension is {width}; it must be a multiple of {_HEADS}, the heads of the attention"
            )
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
        rows = [places(word, self.pieces.num_embeddings) for word in some]
        starts = torch.tensor([0, *(len(each) for each in rows[:-1])]).cumsum(0)
        flat, where = torch.tensor([row for each in rows for row in each]), self.pieces.weight.device
        return self.pieces(flat.to(where), starts.to(where))


class DualModel(nn.Module):
    """Both towers, with random weights, and `log_scale`: the logarithm of what cosines are multiplied by, 1 / temperature."""

    def __init__(self, config: Wav2Vec2Config, sizes: Sizes) -> None:
        """Make both."""
        super().__init__()
        self.audio = AudioTower(config, sizes.dimension)
        self.text = TextTower(sizes)
        self.log_scale = nn.Parameter(torch.tensor(_BEGIN))


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
    """The embeddings of one model, from a folder as for `hub.find`; CheckpointError where it is missing or damaged."""

    sample_rate = SAMPLE_RATE
    precision = "fp32"
    threaded = True

    def __init__(self, source: str) -> None:
        """Read the model, unless it is in memory."""
        self.name = f"dual:{source}"
        try:
            folder = hub.find(source, needed=(CONFIG, WEIGHTS))
        except CheckpointError as error:
            raise CheckpointError(f"{error}; {_MADE_BY}") from error
        self._model, self.digest = hub.loaded(_load, folder / CONFIG, folder / WEIGHTS)
        self.dimension = self._model.audio.projection.out_features

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at 16 kHz, each (samples,): float32, shape (n, dimension); see `hub.embed_batches`."""
        audio, where = self._model.audio, self._model.log_scale.device
        options = {"dimension": self.dimension, "shortest": audio.shortest}
        return hub.embed_batches(waveforms, lambda some: audio(some.to(where)), **options)

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Embed n texts: float32, shape (n, dimension); ValueError where one has no words, or it is one text alone."""
        if isinstance(texts, str):
            raise ValueError(f"one text alone, {texts!r}: expected a list of texts")
        embeddings = np.empty((len(texts), self.dimension), np.float32)
        with torch.inference_mode():
            for first in range(0, len(texts), _TEXTS):
                some = slice(first, first + _TEXTS)
                embeddings[some] = self._model.text(texts[some]).cpu().numpy()
        return embeddings


def save(folder: Path, model: DualModel, sizes: Sizes) -> None:
    """Write a model into a folder that is there: `CONFIG` and `WEIGHTS`, from which `Dual` reads the same embeddings."""
    audio = hub.declared(Wav2Vec2Config, vars(model.audio.wav2vec2.config))
    settings = {"model_type": _KIND, "audio": audio, "sizes": dataclasses.asdict(sizes)}
    (folder / CONFIG).write_text(json.dumps(settings, indent=1, default=str) + "\n", encoding="utf-8")
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    safetensors.torch.save_file(weights, folder / WEIGHTS)


@functools.lru_cache(maxsize=2)
def _load(config: Path, weights: Path, stamp: tuple) -> tuple[DualModel, str]:
    """Read a model. `stamp` stands for what its files hold: part of the key under which the result stays in memory."""
    settings = hub.read_json(config)
    if settings.get("model_type") != _KIND:
        raise CheckpointError(f"{config}: model_type is {settings.get('model_type')!r}, expected {_KIND!r}; {_MADE_BY}")
    try:
        audio = hub.made(Wav2Vec2Config, settings["audio"], config)
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay
            model = DualModel(audio, Sizes(**settings["sizes"]))
    except Exception as error:  # a missing or wrong setting shows itself in many ways
        raise CheckpointError(f"{config}: no model can have these settings ({error!r}); {_MADE_BY}") from error
    hub.fill(model, hub.read_tensors(weights), weights, expected=f"the weights that {CONFIG} asks for")
    return model.to(compute.best_device()), hub.digest(config, weights)
