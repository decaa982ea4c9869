"""AudioCLIP (Guzhov et al. 2021, arXiv 2106.13043): the towers for sound and for texts of CLIP's space, of our own making.

Its makers publish no package. The tower for sound is ESResNeXt-fbsp (Guzhov et al. 2021, arXiv 2104.11587): learned complex
B-spline wavelets in place of a Fourier transform, three bands of the spectrum as the three channels of a ResNeXt-50, attention
beside each of its stages. The tower for texts is CLIP's transformer (Radford et al. 2021, arXiv 2103.00020, section 2.4). Parts
are named as in the published checkpoint; the tower for images, which is in it too, is left out. Of texts the tokenizer's two
files of `openai/clip-vit-base-patch32` are needed (`clap.TOKENIZERS`): CLIP's vocabulary is one for all its sizes.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import huggingface_hub
import numpy as np
import torch
import torchvision
import transformers
from torch import nn
from torch.nn import functional

from .. import paths
from ..corpora import download
from . import hub
from .clap import TOKENIZERS, _Clap, tokenizer, tokenizer_files

#: The published checkpoint: what it is called here, and where its makers' release has it. It is on no model hub.
PUBLISHED = "AndreyGuzhov/AudioCLIP/AudioCLIP-Full-Training.pt"
ADDRESS = "https://github.com/AndreyGuzhov/AudioCLIP/releases/download/v0.1/AudioCLIP-Full-Training.pt"

_FRAME, _HOP, _WAVELET = 1_654, 561, 2_048  # samples: of a frame, from one to the next, and of a wavelet
_BANDS, _ROWS = 3, 341  # channels of the ResNeXt and frequencies in each; the two highest of 1,025 are left out
_EPS, _FLOOR = 1e-8, 1e-18  # beside what is divided by, and in place of no power at all
_HEAD = 64  # values of an attention head, in CLIP of every size


class Wavelets(nn.Module):
    """Frequency B-spline wavelets, each with an order m, a bandwidth fb and a centre fc: a Fourier transform where m is 0."""

    def __init__(self, count: int, *, bias: bool) -> None:
        """Make so many with parameters yet to be filled in; a `bias` is empty: an old PyTorch kept one that is None so."""
        super().__init__()
        for name in ("m", "fb", "fc"):
            self.register_parameter(name, nn.Parameter(torch.zeros(count)))
        if bias:
            self.bias = nn.Parameter(torch.empty(0))

    def kernels(self, samples: int) -> torch.Tensor:
        """The wavelets over so many samples: complex, float64 in each part, shape (count, samples).

        sqrt(fb / samples) sinc(fb t / m)^m exp(-i fc t) with t from -pi to pi, sinc(x) = sin(x) / x (arXiv 2104.11587).
        A negative sinc has the phase pi before it is raised to m.
        """
        m, fb, fc = (value.double()[:, None] for value in (self.m, self.fb, self.fc))
        t = torch.pi * torch.linspace(-1, 1, samples, dtype=torch.float64, device=self.m.device) + _EPS
        sinc = torch.sinc(fb * t / (m + _EPS) / torch.pi)
        turned = m * torch.pi * (sinc < 0) - fc * t
        return torch.polar((fb / samples).sqrt() * sinc.abs() ** m, turned)


class Attention(nn.Module):
    """Weights from 0 to 1 for what a stage gives, out of what it was given: (n, channels, height, width) of any size."""

    def __init__(self, channels: int, given: int, size: tuple[int, int]) -> None:
        """Make one for a stage of so many channels and channels given, which looks at `size` places at once."""
        super().__init__()
        around = (size[0] // 2, size[1] // 2)
        self.conv_depth = nn.Conv2d(channels, channels, size, padding=around, groups=channels)
        self.conv_point = nn.Conv2d(channels, given, 1)
        self.bn = nn.BatchNorm2d(given)

    def forward(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        """What came out of the stage, `after`, times the weights."""
        seen = functional.adaptive_max_pool2d(before, after.shape[-2:])
        return after * torch.sigmoid(self.bn(self.conv_point(self.conv_depth(seen))))


class Sound(torchvision.models.ResNet):
    """ESResNeXt-fbsp: waveforms at 44.1 kHz of one length, float32, (n, samples), to (n, dimension)."""

    def __init__(self, dimension: int, *, bias: bool) -> None:
        """Make one with random weights; for `bias` see `Wavelets`."""
        bottleneck = torchvision.models.resnet.Bottleneck
        super().__init__(bottleneck, [3, 4, 6, 3], num_classes=dimension, groups=32, width_per_group=4)
        self.fbsp = Wavelets(_WAVELET // 2 + 1, bias=bias)
        self.register_buffer("window", torch.empty(_FRAME))
        self.att1 = Attention(64, 256, (3, 1))
        self.att2 = Attention(256, 512, (1, 5))
        self.att3 = Attention(512, 1024, (3, 1))
        self.att4 = Attention(1024, 2048, (1, 5))
        self.att5 = Attention(2048, 2048, (3, 5))

    @cached_property
    def _kernels(self) -> torch.Tensor:
        """The wavelets as far as a frame covers them, times its window: real parts, then imaginary, (samples, 2 x 1,023)."""
        first = (_WAVELET - _FRAME) // 2
        kernels = self.fbsp.kernels(_WAVELET)[: _BANDS * _ROWS, first : first + _FRAME] * self.window.double()
        return torch.cat([kernels.real, kernels.imag]).T.float().contiguous()

    def spectrogram(self, sound: torch.Tensor) -> torch.Tensor:
        """The power in decibels, (n, 3, 341, frames), low frequencies in the first band; zeros before and after fill frames.

        Sound goes to 16 bits' range, as the makers' data sets give it, and from there (-32,768 to 32,767) to -1 to 1: no sound
        is a constant of 0.000015.
        """
        sound = (sound * 32_768 + 32_768) * 2 / 65_535 - 1
        missing = _FRAME - sound.shape[-1] if sound.shape[-1] < _FRAME else -(sound.shape[-1] - _FRAME) % _HOP
        frames = functional.pad(sound, (missing // 2, missing - missing // 2)).unfold(-1, _FRAME, _HOP)
        real, imaginary = (frames @ self._kernels).chunk(2, dim=-1)
        power = real.square() + imaginary.square()
        decibels = 10 * torch.where(power > 0, power, _FLOOR).log10()
        return decibels.transpose(1, 2).unflatten(1, (_BANDS, _ROWS))

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """Embed n waveforms."""
        seen = self.maxpool(self.relu(self.bn1(self.conv1(self.spectrogram(sound)))))
        for stage, attention in (
            (self.layer1, self.att1), (self.layer2, self.att2), (self.layer3, self.att3), (self.layer4, self.att4),
            (self.avgpool, self.att5),
        ):  # fmt: skip
            seen = attention(seen, stage(seen))
        return self.fc(seen.flatten(1))


class _QuickGelu(nn.Module):
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values * torch.sigmoid(1.702 * values)


class Block(nn.Module):
    """A layer of CLIP's transformer, in which a token sees those before it: (n, tokens, width) to the same."""

    def __init__(self, width: int) -> None:
        """Make one with random weights."""
        super().__init__()
        self.attn = nn.MultiheadAttention(width, max(1, width // _HEAD), batch_first=True)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        parts = {"c_fc": nn.Linear(width, 4 * width), "gelu": _QuickGelu(), "c_proj": nn.Linear(4 * width, width)}
        self.mlp = nn.Sequential(OrderedDict(parts))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Give what the next layer takes."""
        count = hidden.shape[1]
        later = torch.ones(count, count, dtype=torch.bool, device=hidden.device).triu(1)
        normal = self.ln_1(hidden)
        hidden = hidden + self.attn(normal, normal, normal, need_weights=False, attn_mask=later)[0]
        return hidden + self.mlp(self.ln_2(hidden))


class _Network(nn.Module):
    """Both towers, the one for texts as large as the weights are; its parts are named as in the checkpoint."""

    def __init__(self, weights: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        (words, width), self.most = weights["token_embedding.weight"].shape, len(weights["positional_embedding"])
        # as many layers as the highest number says, so that one left out is missed
        numbers = [int(name.split(".")[2]) for name in weights if name.startswith("transformer.resblocks.")]
        self.audio = Sound(AudioClip.dimension, bias="audio.fbsp.bias" in weights)
        self.token_embedding = nn.Embedding(words, width)
        self.positional_embedding = nn.Parameter(torch.empty(self.most, width))
        self.transformer = nn.ModuleDict({"resblocks": nn.Sequential(*(Block(width) for _ in range(1 + max(numbers))))})
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, AudioClip.dimension))

    def sound(self, waveforms: torch.Tensor) -> torch.Tensor:
        return functional.normalize(self.audio(waveforms.to(self.text_projection.device)), dim=-1)

    def text(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens.to(self.text_projection.device)
        hidden = self.token_embedding(tokens) + self.positional_embedding[: tokens.shape[1]]
        last = self.ln_final(self.transformer["resblocks"](hidden))[:, -1]  # <|endoftext|>, which has seen all others
        return functional.normalize(last @ self.text_projection, dim=-1)

    def tokenizer(self) -> Callable[[str], list[int]]:
        words, files = self.token_embedding.num_embeddings, tokenizer_files(TOKENIZERS["audioclip"])
        return tokenizer(transformers.CLIPTokenizer, words, *files).encode


class AudioClip(_Clap):
    """AudioCLIP: sounds and texts in one space of 1,024 values, of length 1.

    SOURCE is a file as for `hub.find_file`; `PUBLISHED` is downloaded from its makers' release where it is not there and the
    network may be used. A sound of any length is embedded whole; a text of more than 77 tokens is refused, as the makers do.
    Their data sets give sound in 16 bits' range, which the network takes to -1 to 1, and so it is done here; their notebook of
    examples gives it numbers from -1 to 1 at once, some 90 dB softer. Which of them the training saw is not published.
    """

    sample_rate, dimension = 44_100, 1024
    _kind, _part, _bare, _network_of = "audioclip", "state_dict", True, _Network
    _ignored = re.compile(r"visual\.|logit_scale(_ai|_at)?$")  # the tower for images, and what training alone needs
    _expected = "AudioCLIP, AudioCLIP-Full-Training.pt of the release v0.1 on https://github.com/AndreyGuzhov/AudioCLIP"

    @staticmethod
    def weights(source: str) -> list[Path]:
        """The file that holds the weights; CheckpointError where it is missing."""
        if source == PUBLISHED and hub.local(source) is None:
            _fetch(paths.data() / "checkpoints" / source)
        return [hub.find_file(source)]

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at `sample_rate`, each (samples,): float32, shape (n, dimension)."""
        return hub.embed_batches(waveforms, self._network.sound, dimension=self.dimension)


def _fetch(place: Path) -> None:
    """Download the published checkpoint to its place; CheckpointError where that may not be, or cannot."""
    advice = f"put {place.name} (537 MB) of {ADDRESS} into {paths.relative(place.parent)}/"
    why = "the network is not used (HF_HUB_OFFLINE is set); `make checkpoints` downloads it"
    if not huggingface_hub.constants.HF_HUB_OFFLINE:
        try:
            return download.file(ADDRESS, place)
        except (download.DownloadError, OSError) as error:
            why = str(error)
    raise hub.CheckpointError(f"no checkpoint {PUBLISHED}: {why}. Or p{advice[1:]}", advice=advice)
