"""The network of the demo's contrastive model: a tower that hears and one that reads, into one space.

- `AudioTower`: wav2vec 2.0, the mean of its output over time, a linear projection
- `TextTower`: words as means of hashed pieces (`dual_words`), a layer of self-attention over them, their mean, a linear
  projection. Words have no places: a caption here is a set of words, as order carries nothing in captions this short
- `DualModel`: both, and the learned temperature

Both give vectors of length 1, so that a product of two is their cosine: the layout of CLIP (Radford et al. 2021,
https://arxiv.org/abs/2103.00020, figure 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import Wav2Vec2Config, Wav2Vec2Model

from . import batches, dual_words
from .convolutions import shortest

_HEADS = 4  # of the attention over words
_BEGIN = math.log(1 / 0.07)  # of the temperature, as in CLIP (section 2.5)


@dataclass(frozen=True)
class Sizes:
    """How large a model is: the joint space, the vectors of words, and the rows of the table of their pieces."""

    dimension: int
    text_dimension: int
    buckets: int = 8192


class AudioTower(nn.Module):
    """Hears waveforms of any lengths.

    Its CNN is frozen, as in the thesis's recipe (section 4.2): each waveform goes through it alone, for the norm in there
    goes over time. What follows is padded and masked. So a waveform's embedding does not depend on its batch, in training
    neither.

    Args:
        config: the architecture of the wav2vec 2.0.
        dimension: of the joint space.
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
        for rows in batches.equal_lengths([len(waveform) for waveform in waveforms]):
            same = torch.stack([waveforms[row] for row in rows])
            normal = functional.layer_norm(same, same.shape[1:])
            for row, found in zip(rows, self.wav2vec2.feature_extractor(normal).transpose(1, 2), strict=True):
                features[row] = found
        return features


class TextTower(nn.Module):
    """Reads texts of any lengths.

    Args:
        sizes: of words, of their table and of the joint space.

    Raises:
        ValueError: the vectors of words cannot be shared by the attention's heads.
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
        nn.init.uniform_(
            self.pieces.weight, -1 / width, 1 / width
        )  # small, as in fastText: an unseen piece says little
        self.attention = nn.TransformerEncoderLayer(
            width, _HEADS, 2 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.projection = nn.Linear(width, sizes.dimension)

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        """Embed n texts: shape (n, dimension).

        Raises:
            ValueError: a text has no words.
        """
        vectors, real = _padded([self._vectors(dual_words.words(text)) for text in texts])
        hidden = self.attention(vectors, src_key_padding_mask=~real)
        return functional.normalize(self.projection(_mean(hidden, real)), dim=-1)

    def _vectors(self, words: Sequence[str]) -> torch.Tensor:
        """The vectors of words, shape (words, text_dimension)."""
        places = [dual_words.places(word, self.pieces.num_embeddings) for word in words]
        starts = torch.tensor([0, *(len(some) for some in places[:-1])]).cumsum(0)
        flat = torch.tensor([row for some in places for row in some])
        where = self.pieces.weight.device
        return self.pieces(flat.to(where), starts.to(where))


class DualModel(nn.Module):
    """Both towers and the temperature.

    Args:
        config: the architecture of the wav2vec 2.0.
        sizes: of all else.

    Attributes:
        audio: the tower that hears.
        text: the tower that reads.
        log_scale: the logarithm of what cosines are multiplied by, one over the temperature.
    """

    def __init__(self, config: Wav2Vec2Config, sizes: Sizes) -> None:
        """Make a model with random weights."""
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
