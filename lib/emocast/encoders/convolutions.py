"""The convolutional front of the wav2vec 2.0 family as matrix products: the same values in a third of the time.

wav2vec 2.0, HuBERT, WavLM and their kin begin with the same stack of 1-D convolutions (Baevski et al. 2020, arXiv
2006.11477, section 2). On a processor it takes more than half the time of wav2vec2-base, most of it in the first layer,
which has one input channel and 32,000 frames in a window of 10 s, and of which a group norm over time follows. Here

- channels stand last, so that a convolution of kernel k and stride s is a matrix product over rows of memory that are there
  already: ceil(k / s) products, no copy
- the group norm is folded into the first layer's weights: a linear layer's mean and variance over time follow from those of
  the frames that it sees, 10 x 10 numbers
- the first two layers, by far the longest, go through the cache in pieces

Equal to the original within float error; `benchmarks/` measures what it is worth. For processors; a GPU has its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

_PIECE = 1000  # frames of the second layer's output at once: what both layers need of them stays in the cache


class _Norm(NamedTuple):
    """A norm's weight and bias, each of shape (channels,), and its epsilon."""

    weight: torch.Tensor
    bias: torch.Tensor
    epsilon: float

    def over_channels(self, hidden: torch.Tensor) -> torch.Tensor:
        return functional.layer_norm(hidden, self.weight.shape, self.weight, self.bias, self.epsilon)


class _Layer(NamedTuple):
    """One convolution: rows of `taps` frames of the input times a weight, summed; then perhaps a norm; then GELU."""

    stride: int
    kernel: int
    products: list[torch.Tensor]
    bias: torch.Tensor | None
    norm: _Norm | None


class MatrixConvolutions(nn.Module):
    """A feature encoder of transformers, computed as above; no gradients.

    Args:
        original: `feature_extractor` of a transformers model for which `fits` holds; its weights are copied.
        dtype: the number format to compute in. The first layer's norm is folded in float64 whatever it is.
    """

    def __init__(self, original: nn.Module, dtype: torch.dtype = torch.float32) -> None:
        """Lay the weights out as matrices."""
        super().__init__()
        first = original.conv_layers[0]
        self._kernel, self._stride = first.conv.kernel_size[0], first.conv.stride[0]
        self._weight = first.conv.weight.detach().squeeze(1).double()  # (channels, kernel)
        self._bias = None if first.conv.bias is None else first.conv.bias.detach().double()
        over_time = isinstance(getattr(first, "layer_norm", None), nn.GroupNorm)
        self._group = _norm(first, torch.float64) if over_time else None
        self._norm = None if over_time else _norm(first, dtype)
        self._layers = [_layer(convolution, dtype) for convolution in original.conv_layers[1:]]
        self._dtype = dtype

    @torch.no_grad()
    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Compute the features of waveforms, shape (n, samples): shape (n, channels, frames), as the original does."""
        return torch.stack([self._features(waveform.float()) for waveform in waveforms]).transpose(1, 2)

    def _features(self, waveform: torch.Tensor) -> torch.Tensor:
        frames = waveform.unfold(0, self._kernel, self._stride)
        weight, bias = self._folded(frames.double())
        frames, weight, bias = frames.to(self._dtype), weight.T.to(self._dtype).contiguous(), bias.to(self._dtype)
        if not self._layers:
            return self._first(frames, weight, bias)
        second, *rest = self._layers
        length, pieces = _frames_after(len(frames), second), []
        for start in range(0, length, _PIECE):
            stop = min(start + _PIECE, length)
            needed = frames[start * second.stride : (stop - 1) * second.stride + second.kernel]
            pieces.append(_convolve(self._first(needed, weight, bias), second))
        hidden = torch.cat(pieces)
        for layer in rest:
            hidden = _convolve(hidden, layer)
        return hidden

    def _first(self, frames: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        hidden = torch.addmm(bias, frames, weight)
        return functional.gelu(hidden if self._norm is None else self._norm.over_channels(hidden))

    def _folded(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The first layer's weight, shape (channels, kernel), and bias, with the norm over time of its output in them."""
        bias = torch.zeros(len(self._weight), dtype=torch.float64) if self._bias is None else self._bias
        if self._group is None:
            return self._weight, bias
        # Second moments about zero, for sound lies about it and these are doubles: no centred copy of all frames.
        center = frames.mean(0)
        spread = frames.T @ frames / len(frames) - torch.outer(center, center)
        mean = self._weight @ center + bias
        variance = ((self._weight @ spread) * self._weight).sum(1)
        scale = self._group.weight / torch.sqrt(variance + self._group.epsilon)
        return self._weight * scale[:, None], (bias - mean) * scale + self._group.bias


def fits(original: nn.Module) -> bool:
    """Whether a feature encoder is one that `MatrixConvolutions` computes: unpadded convolutions, known norms, GELU."""
    layers = getattr(original, "conv_layers", None)
    return bool(layers) and all(_fits(layer, first=number == 0) for number, layer in enumerate(layers))


def replace(model: nn.Module, dtype: torch.dtype = torch.float32) -> None:
    """Let a transformers model compute its convolutions as matrix products, where it is of the kind and on a processor.

    Args:
        model: changed in place; it must not be trained afterwards.
        dtype: the number format to compute in.
    """
    original = getattr(model, "feature_extractor", None)
    on_processor = all(parameter.device.type == "cpu" for parameter in model.parameters())
    if original is not None and on_processor and fits(original):
        model.feature_extractor = MatrixConvolutions(original, dtype)


def shortest(kernels: Sequence[int], strides: Sequence[int]) -> int:
    """The samples that one frame of a wav2vec 2.0 needs, from its convolutions' kernels and strides."""
    samples = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples


def _fits(layer: nn.Module, *, first: bool) -> bool:
    convolution, norm = getattr(layer, "conv", None), getattr(layer, "layer_norm", None)
    plain = isinstance(convolution, nn.Conv1d) and convolution.padding == (0,) and convolution.dilation == (1,)
    plain = plain and convolution.groups == 1
    each_channel = first and isinstance(norm, nn.GroupNorm) and norm.num_groups == norm.num_channels
    known = norm is None or isinstance(norm, nn.LayerNorm) or each_channel
    activation = getattr(layer, "activation", None)
    gelu = type(activation).__name__ == "GELUActivation" or activation is functional.gelu
    return plain and known and gelu and (not first or convolution.in_channels == 1)


def _layer(convolution: nn.Module, dtype: torch.dtype) -> _Layer:
    weight = convolution.conv.weight.detach()  # (out, in, kernel)
    kernel, stride = weight.shape[2], convolution.conv.stride[0]
    products = [
        weight[:, :, tap : tap + stride].permute(2, 1, 0).reshape(-1, len(weight)).to(dtype).contiguous()
        for tap in range(0, kernel, stride)
    ]
    bias = None if convolution.conv.bias is None else convolution.conv.bias.detach().to(dtype)
    return _Layer(stride, kernel, products, bias, _norm(convolution, dtype))


def _norm(convolution: nn.Module, dtype: torch.dtype) -> _Norm | None:
    norm = getattr(convolution, "layer_norm", None)
    return None if norm is None else _Norm(norm.weight.detach().to(dtype), norm.bias.detach().to(dtype), norm.eps)


def _convolve(hidden: torch.Tensor, layer: _Layer) -> torch.Tensor:
    """Apply a layer to frames, shape (frames, channels): shape (fewer frames, channels)."""
    hidden = hidden.contiguous()
    length, step = _frames_after(len(hidden), layer), layer.stride * hidden.shape[1]
    result = layer.bias
    for number, weight in enumerate(layer.products):
        start = hidden.storage_offset() + number * step
        rows = hidden.as_strided((length, len(weight)), (step, 1), start)
        result = torch.mm(rows, weight) if result is None else torch.addmm(result, rows, weight)
    return functional.gelu(result if layer.norm is None else layer.norm.over_channels(result))


def _frames_after(length: int, layer: _Layer) -> int:
    return (length - layer.kernel) // layer.stride + 1
