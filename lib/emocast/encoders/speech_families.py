"""How each family of speech models hears: what goes in, which frames are real, and how they become one vector.

- wav2vec 2.0 and its kin (Baevski et al. 2020, arXiv 2006.11477; Hsu et al. 2021, 2106.07447; Chen et al. 2021,
  2110.13900) hear waveforms of any length. Waveforms of one length share a batch, nothing is padded.
- Whisper (Radford et al. 2022, arXiv 2212.04356) hears 30 s, always. Its frames after the end of the sound are not
  pooled; longer sound is heard in pieces of 30 s.
- CLAP (Wu et al. 2022, arXiv 2211.06687) hears 10 s, and gives one vector for them. transformers repeats shorter sound,
  and hears longer sound at places drawn at random; here it is heard in pieces of 10 s, and their vectors are averaged.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import torch
import transformers
from torch import nn
from torch.nn import functional
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from . import batches
from .convolutions import MatrixConvolutions, shortest
from .hub import CheckpointError

_EPSILON = 1e-7  # as transformers' Wav2Vec2FeatureExtractor normalises

#: Positions of waveforms and their embeddings, float32, shape (positions, dimension).
Embedded = Iterator[tuple[list[int], torch.Tensor]]


class Hearing(Protocol):
    """A model of a family, ready to hear.

    Attributes:
        sample_rate: in Hz.
        dimension: how many values an embedding has.
        shortest: the fewest samples that it can hear.
    """

    sample_rate: int
    dimension: int
    shortest: int

    def embed(self, waveforms: Sequence[torch.Tensor]) -> Embedded:
        """Embed float32 waveforms, each of shape (samples,) with at least `shortest`; every position comes once."""
        ...


class Waveforms:
    """wav2vec 2.0 and its kin: the mean over time of a hidden state.

    Args:
        model: the network, on its device and in its number format.
        extractor: says whether a waveform is normalised.
        layer: which hidden state; None for the last.

    Raises:
        ValueError: there is no such layer.
    """

    def __init__(self, model: nn.Module, extractor: Any, layer: int | None) -> None:
        """Keep of the network what is needed for the layer."""
        _cut(model.encoder, layer)
        self._model, self._layer, self._normalise = model, layer, extractor.do_normalize
        matrices = isinstance(model.feature_extractor, MatrixConvolutions)  # these take float32 and give the rest
        self._dtype = torch.float32 if matrices else model.dtype
        self.sample_rate = extractor.sampling_rate
        adapted = layer is None and getattr(model.config, "add_adapter", False)
        self.dimension = model.config.output_hidden_size if adapted else model.config.hidden_size
        self.shortest = shortest(model.config.conv_kernel, model.config.conv_stride)

    def embed(self, waveforms: Sequence[torch.Tensor]) -> Embedded:
        """Embed waveforms: see `Hearing`."""
        for rows in batches.equal_lengths([len(waveform) for waveform in waveforms]):
            batch = torch.stack([waveforms[row] for row in rows]).to(self._model.device)
            if self._normalise:  # in float32, whatever the network computes in
                batch = functional.layer_norm(batch, batch.shape[1:], eps=_EPSILON)
            yield rows, _hidden(self._model, batch.to(self._dtype), self._layer).mean(dim=1)


class Whisper:
    """The encoder of Whisper: the mean of a hidden state over the frames of real sound.

    Args:
        model: the encoder, on its device and in its number format.
        extractor: computes the spectrogram.
        layer: which hidden state; None for the last.

    Raises:
        ValueError: there is no such layer.
        CheckpointError: extractor and model are not of one kind.
    """

    def __init__(self, model: nn.Module, extractor: Any, layer: int | None) -> None:
        """Keep of the encoder what is needed for the layer."""
        _cut(model, layer)
        self._model, self._extractor, self._layer = model, extractor, layer
        frames = model.conv1.stride[0] * model.conv2.stride[0]
        heard = extractor.feature_size, extractor.nb_max_frames
        expected = model.config.num_mel_bins, model.config.max_source_positions * frames
        if heard != expected:
            raise CheckpointError(f"the spectrogram has (bands, frames) {heard}, the model hears {expected}")
        self._step = frames * extractor.hop_length  # samples from one of its frames to the next
        self.sample_rate = extractor.sampling_rate
        self.dimension = model.config.hidden_size
        self.shortest = extractor.n_fft

    def embed(self, waveforms: Sequence[torch.Tensor]) -> Embedded:
        """Embed waveforms: see `Hearing`."""
        for row, waveform in enumerate(waveforms):
            frames = torch.cat([self._frames(piece) for piece in waveform.split(self._extractor.n_samples)])
            yield [row], frames.mean(dim=0, keepdim=True)

    def _frames(self, piece: torch.Tensor) -> torch.Tensor:
        """What is heard in at most 30 s: the frames whose middle lies within the sound, shape (frames, dimension)."""
        heard = self._extractor(piece.numpy(), sampling_rate=self.sample_rate, return_tensors="pt").input_features
        hidden = _hidden(self._model, heard.to(self._model.device, self._model.dtype), self._layer)
        return hidden[0, : -(-len(piece) // self._step)]


class Clap:
    """The audio side of CLAP, projected into the space that it shares with texts; of length 1 for sound up to 10 s.

    Args:
        model: the audio tower, on its device and in its number format.
        extractor: computes the spectrogram.
        layer: must be None.

    Raises:
        ValueError: a layer is asked for.
    """

    def __init__(self, model: nn.Module, extractor: Any, layer: int | None) -> None:
        """Refuse a layer: the tower's layers have no common frames to pool."""
        if layer is not None:
            raise ValueError(f"no layer {layer}: CLAP has one embedding, ask for it without @{layer}")
        self._model, self._extractor = model, extractor
        self.sample_rate = extractor.sampling_rate
        self.dimension = model.config.projection_dim
        self.shortest = extractor.fft_window_size

    def embed(self, waveforms: Sequence[torch.Tensor]) -> Embedded:
        """Embed waveforms: see `Hearing`."""
        for row, waveform in enumerate(waveforms):
            pieces = waveform.split(self._extractor.nb_max_samples)
            weighted = [self._piece(piece) * (len(piece) / len(waveform)) for piece in pieces]
            yield [row], torch.stack(weighted).sum(dim=0)

    def _piece(self, piece: torch.Tensor) -> torch.Tensor:
        """The embedding of at most 10 s, shape (1, dimension), as `ClapModel.get_audio_features` gives it."""
        # each alone: of several the extractor would draw one that counts as longer, where the model has fusion
        heard = self._extractor(piece.numpy(), sampling_rate=self.sample_rate, return_tensors="pt")
        spectrogram = heard["input_features"].to(self._model.device, self._model.dtype)
        longer = heard["is_longer"].to(self._model.device)
        embedding = self._model(input_features=spectrogram, is_longer=longer).audio_embeds
        return functional.normalize(embedding.float(), dim=-1)


class Family(NamedTuple):
    """What transformers calls the parts of a family.

    Attributes:
        config: the class of its settings.
        model: the class of the network that is heard with.
        extractor: the class of what stands before it.
        hearing: the class above.
        prefixes: what may stand before the network's own names in a file; the first that fits counts.
        settings: takes the network's settings out of `config.json`; None where they are all of it.
    """

    config: type
    model: type
    extractor: type
    hearing: Callable[[nn.Module, Any, int | None], Hearing]
    prefixes: tuple[str, ...]
    settings: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None


def _waveforms(name: str) -> Family:
    model = getattr(transformers, f"{name}Model")
    config, extractor = getattr(transformers, f"{name}Config"), transformers.Wav2Vec2FeatureExtractor
    return Family(config, model, extractor, Waveforms, (f"{model.base_model_prefix}.", ""))


def clap_settings(settings: Mapping[str, Any], *, tower: str = "audio_config") -> dict[str, Any]:
    """A tower's, "audio_config" or "text_config"; the size of the space is said for both towers at once."""
    shared = {name: settings[name] for name in ("projection_dim", "projection_hidden_act") if name in settings}
    own = settings.get(tower)
    return {**(own if isinstance(own, dict) else {}), **shared}


#: Families by the model_type that `config.json` names. wav2vec2-conformer is none of them: it keeps positions of the
#: latest length between calls, which threads would take from each other.
FAMILIES = {
    "wav2vec2": _waveforms("Wav2Vec2"),
    "hubert": _waveforms("Hubert"),
    "wavlm": _waveforms("WavLM"),
    "data2vec-audio": _waveforms("Data2VecAudio"),
    "unispeech": _waveforms("UniSpeech"),
    "unispeech-sat": _waveforms("UniSpeechSat"),
    "whisper": Family(
        transformers.WhisperConfig,
        WhisperEncoder,
        transformers.WhisperFeatureExtractor,
        Whisper,
        ("model.encoder.", "encoder.", ""),
    ),
    "clap": Family(
        transformers.ClapAudioConfig,
        transformers.ClapAudioModelWithProjection,
        transformers.ClapFeatureExtractor,
        Clap,
        ("",),
        clap_settings,
    ),
}

_IRRELEVANT = {"self", "kwargs", "return_attention_mask", "dither"}  # dither would add noise


def declared(kind: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the settings that a class of transformers declares and that matter here."""
    names = inspect.signature(kind.__init__).parameters.keys() - _IRRELEVANT
    return {name: settings[name] for name in sorted(names) if name in settings}


def _cut(stack: nn.Module, layer: int | None) -> None:
    """Drop the layers after the next: what they say is not asked for. The next stays, for a norm may follow the last."""
    count = len(stack.layers)
    if layer is not None and layer > count:
        raise ValueError(f"no layer {layer}: this model has 0 (what goes into the first) to {count} (after the last)")
    if layer is not None:
        stack.layers = stack.layers[: layer + 1]


def _hidden(model: nn.Module, heard: torch.Tensor, layer: int | None) -> torch.Tensor:
    """A hidden state in float32, shape (n, frames, dimension)."""
    output = model(heard, output_hidden_states=layer is not None)
    return (output.last_hidden_state if layer is None else output.hidden_states[layer]).float()
