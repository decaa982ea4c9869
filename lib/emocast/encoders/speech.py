"""The speech models of transformers as encoders, from a folder or the model hub.

A checkpoint holds `config.json`, `preprocessor_config.json` and weights: `model.safetensors`, the shards that
`model.safetensors.index.json` lists, or `pytorch_model.bin`. Nothing that it names is imported or run: of its settings only
those are taken that transformers' class declares, for others can make transformers fetch code.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import nn
from torch.nn import functional

from .. import compute
from . import clap, hub
from .hub import CheckpointError
from .wav2vec2 import CONFIG, PREPROCESSOR, shortest

_SHARDED = "model.safetensors.index.json"
_WEIGHTS = ("model.safetensors", _SHARDED, "pytorch_model.bin")  # the first that is there is read
_TOKENIZER = "tokenizer.json"
_UNUSED = "masked_spec_embed"  # used in training alone, and not in every file
_EPSILON = 1e-7  # as transformers' Wav2Vec2FeatureExtractor normalises


class SpeechModel:
    """The embeddings of one of transformers' speech models.

    A CLAP has a method `embed_text` too: n texts in the space of its sounds, float32, shape (n, dimension). It needs the
    tokenizer beside the weights (`tokenizer.json`, or `vocab.json` and `merges.txt`).

    Args:
        source: a folder or a hub id, as for `hub.find`. `@LAYER` after it chooses one of transformers' hidden states: 0 is
            what goes into the first layer, N what comes out of layer N (ValueError where there is none). Without it, the last.
        precision: "fp32" or "bf16".
    """

    threaded = True

    def __init__(self, source: str, precision: str = "fp32") -> None:
        """Read the checkpoint, unless it is in memory."""
        self.name = f"transformers:{source}"
        self.precision = compute.precision(precision)
        place, layer = parted(source)
        folder, names = find(place)
        files = [folder / name for name in (CONFIG, PREPROCESSOR, *names)]
        self._network, self.digest = hub.loaded(_load, *files, options=(layer, compute.best_device(), self.precision))
        self.sample_rate, self.dimension = self._network.sample_rate, self._network.dimension
        if isinstance(self._network, Clap):
            self.embed_text = functools.partial(self._network.embed_text, place)

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at `sample_rate`, each (samples,): float32, shape (n, dimension); see `hub.embed_batches`."""
        network = self._network
        return hub.embed_batches(waveforms, network.embed, dimension=self.dimension, shortest=network.shortest)


class Waveforms:
    """wav2vec 2.0 and its kin (Baevski et al. 2020, arXiv 2006.11477): the mean over time of a hidden state."""

    extractor = transformers.Wav2Vec2FeatureExtractor

    def __init__(self, model: nn.Module, extractor: Any, layer: int | None) -> None:
        """Keep of the network what is needed for the layer; whether a waveform is normalised, the extractor says."""
        _cut(model.encoder, layer)
        self._model, self._layer, self._normalise = model, layer, extractor.do_normalize
        self.sample_rate = extractor.sampling_rate
        adapted = layer is None and getattr(model.config, "add_adapter", False)
        self.dimension = model.config.output_hidden_size if adapted else model.config.hidden_size
        self.shortest = shortest(model.config.conv_kernel, model.config.conv_stride)

    def embed(self, batch: torch.Tensor) -> torch.Tensor:
        """Embed waveforms of one length, float32, shape (n, samples): shape (n, dimension)."""
        batch = batch.to(self._model.device)
        if self._normalise:  # in float32, whatever the network computes in
            batch = functional.layer_norm(batch, batch.shape[1:], eps=_EPSILON)
        return _hidden(self._model, batch.to(self._model.dtype), self._layer).mean(dim=1)


class Whisper:
    """The encoder of Whisper (Radford et al. 2022, arXiv 2212.04356): the mean of a hidden state over the real frames.

    It takes 30 s, always. Frames after the end of the sound are not pooled; longer sound is embedded in pieces of 30 s.
    """

    extractor = transformers.WhisperFeatureExtractor

    def __init__(self, model: nn.Module, extractor: Any, layer: int | None) -> None:
        """Keep of the network what is needed for the layer; the extractor, which computes the spectrogram, must fit it."""
        model = model.encoder
        _cut(model, layer)
        self._model, self._extractor, self._layer = model, extractor, layer
        frames = model.conv1.stride[0] * model.conv2.stride[0]
        found = extractor.feature_size, extractor.nb_max_frames
        expected = model.config.num_mel_bins, model.config.max_source_positions * frames
        if found != expected:
            raise CheckpointError(f"the spectrogram has (bands, frames) {found}, the model takes {expected}")
        self._step = frames * extractor.hop_length  # samples from one of its frames to the next
        self.sample_rate, self.shortest = extractor.sampling_rate, extractor.n_fft
        self.dimension = model.config.hidden_size

    def embed(self, batch: torch.Tensor) -> torch.Tensor:
        """Embed waveforms: see `Waveforms.embed`."""
        pieces = [waveform.split(self._extractor.n_samples) for waveform in batch]
        return torch.stack([torch.cat([self._frames(piece) for piece in some]).mean(dim=0) for some in pieces])

    def _frames(self, piece: torch.Tensor) -> torch.Tensor:
        """At most 30 s: the frames whose middle lies within the sound, shape (frames, dimension)."""
        found = self._extractor(piece.numpy(), sampling_rate=self.sample_rate, return_tensors="pt").input_features
        hidden = _hidden(self._model, found.to(self._model.device, self._model.dtype), self._layer)
        return hidden[0, : -(-len(piece) // self._step)]


class Clap:
    """CLAP (Wu et al. 2022, arXiv 2211.06687), in the space that sounds and texts share; of length 1, but for over 10 s.

    It takes 10 s. transformers takes longer sound at places drawn at random; here the mean over pieces of 10 s is given.
    """

    extractor = transformers.ClapFeatureExtractor

    def __init__(self, model: nn.Module, extractor: Any, layer: int | None) -> None:
        """Refuse a layer: those of CLAP have no common frames to pool."""
        if layer is not None:
            raise ValueError(f"no layer {layer}: CLAP has one embedding, ask for it without @{layer}")
        self._model, self._extractor = model, extractor
        self.sample_rate, self.shortest = extractor.sampling_rate, extractor.fft_window_size
        self.dimension = model.config.projection_dim

    def embed(self, batch: torch.Tensor) -> torch.Tensor:
        """Embed waveforms: see `Waveforms.embed`."""
        pieces = [waveform.split(self._extractor.nb_max_samples) for waveform in batch]
        return torch.cat([sum(self._piece(each) * (len(each) / batch.shape[1]) for each in some) for some in pieces])

    def _piece(self, piece: torch.Tensor) -> torch.Tensor:
        """The embedding of at most 10 s, shape (1, dimension), as `ClapModel.get_audio_features` gives it."""
        # each alone: of several the extractor would draw one that counts as longer, where the model has fusion
        found = self._extractor(piece.numpy(), sampling_rate=self.sample_rate, return_tensors="pt")
        spectrogram = found["input_features"].to(self._model.device, self._model.dtype)
        longer = found["is_longer"].to(self._model.device)
        pooled = self._model.audio_model(input_features=spectrogram, is_longer=longer).pooler_output
        return functional.normalize(self._model.audio_projection(pooled).float(), dim=-1)

    def embed_text(self, source: str, texts: Sequence[str]) -> np.ndarray:
        """Embed n texts, as `ClapModel.get_text_features` does: see `SpeechModel`. The tokenizer is read when first needed."""
        config = self._model.config.text_config
        most = config.max_position_embeddings - config.pad_token_id - 1  # RoBERTa's positions begin after the padding's
        return clap.embed_text(
            texts,
            lambda: clap.Tower(_tokenizer(source, config.vocab_size).encode, self._read, most),
            dimension=self.dimension,
        )

    def _read(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens.to(self._model.device)
        pooled = self._model.text_model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).pooler_output
        return functional.normalize(self._model.text_projection(pooled).float(), dim=-1)


#: Families by the model_type that `config.json` names. wav2vec2-conformer is none of them: it keeps positions of the
#: latest length between calls, which threads would take from each other.
FAMILIES: dict[str, type] = {
    **dict.fromkeys(("wav2vec2", "hubert", "wavlm", "data2vec-audio", "unispeech", "unispeech-sat"), Waveforms),
    "whisper": Whisper,
    "clap": Clap,
}


def _tokenizer(source: str, words: int) -> Any:
    """The tokenizer of a CLAP, which is in one file or in two."""
    kind = transformers.RobertaTokenizerFast
    try:
        whole = hub.find(source, needed=(_TOKENIZER,)) / _TOKENIZER
    except CheckpointError as error:
        try:
            parts = clap.tokenizer_files(source)
        except CheckpointError:
            problem = f"{error} (in place of {_TOKENIZER}, vocab.json and merges.txt are read too)"
            raise CheckpointError(problem, advice=error.advice) from error
        return clap.tokenizer(kind, words, *parts)
    return clap.tokenizer(lambda file: kind(tokenizer_file=file), words, whole)


def _cut(stack: nn.Module, layer: int | None) -> None:
    """Drop the layers after the next, which are not asked for. The next stays, for a norm may follow the last."""
    count = len(stack.layers)
    if layer is not None and layer > count:
        raise ValueError(f"no layer {layer}: this model has 0 (what goes into the first) to {count} (after the last)")
    if layer is not None:
        stack.layers = stack.layers[: layer + 1]


def _hidden(model: nn.Module, values: torch.Tensor, layer: int | None) -> torch.Tensor:
    """A hidden state in float32, shape (n, frames, dimension)."""
    output = model(values, output_hidden_states=layer is not None)
    return (output.last_hidden_state if layer is None else output.hidden_states[layer]).float()


def parted(source: str) -> tuple[str, int | None]:
    """A checkpoint and the layer of "checkpoint@layer"; a folder whose own name holds an @ is taken as it stands."""
    place, at, layer = source.rpartition("@")
    if not at or hub.local(source) is not None:
        return source, None
    if not re.fullmatch(r"[0-9]+", layer):
        raise ValueError(
            f"transformers:{source}: there is no such folder, and {layer!r} is no layer: after the @ stands a number from "
            f"0 (what goes into the first layer), as in {place}@6"
        )
    return place, int(layer)


def find(source: str) -> tuple[Path, tuple[str, ...]]:
    """The folder of a checkpoint, and the names of its weights' files; CheckpointError where it is incomplete."""
    problems = []
    for file in _WEIGHTS:
        try:
            folder = hub.find(source, needed=(CONFIG, PREPROCESSOR, file))
        except CheckpointError as error:
            problems.append(error)
            continue
        if file != _SHARDED:
            return folder, (file,)
        names = hub.read_json(folder / file).get("weight_map")
        shards = sorted({str(name) for name in names.values()}) if isinstance(names, dict) else []
        if not shards or not all(re.fullmatch(r"[\w-][\w.-]*\.safetensors", name) for name in shards):
            raise CheckpointError(
                f"{folder / file}: expected a weight_map to files beside it, found {shards}; get it again"
            )
        return hub.find(source, needed=(CONFIG, PREPROCESSOR, file, *shards)), tuple(shards)
    also = f"(in place of {_WEIGHTS[0]}, {_WEIGHTS[2]} is read too)"
    raise CheckpointError(f"{problems[0]} {also}", advice=problems[0].advice) from problems[0]


@functools.lru_cache(maxsize=2)
def _load(config_file: Path, preprocessor: Path, *rest: Any) -> tuple[Any, str]:
    """Read a folder: settings, weights and, besides their stamp, the layer, the device and the precision."""
    *weights, _, layer, device, precision = rest
    settings, folder = hub.read_json(config_file), config_file.parent
    kind = settings.get("model_type")
    if kind not in FAMILIES:
        raise CheckpointError(f"{config_file}: model_type is {kind!r}; those that are read are {', '.join(FAMILIES)}")
    config = hub.made(transformers.CONFIG_MAPPING[kind], settings, config_file)
    extractor = hub.made(FAMILIES[kind].extractor, hub.read_json(preprocessor), preprocessor)
    model = _filled(config, weights).to(device, torch.bfloat16 if precision == "bf16" else torch.float32)
    try:
        network = FAMILIES[kind](model.requires_grad_(False).eval(), extractor, layer)
    except CheckpointError as error:
        raise CheckpointError(f"{folder}: {error}") from error
    settled = [hub.declared(type(part), vars(part)) for part in (config, extractor)]
    return network, hub.digest(*weights, settings=[settled, layer])


def _filled(config: Any, weights: Sequence[Path]) -> nn.Module:
    """The network with its weights, all of them, in float32 and in memory of its own: a mapped file could change."""
    where = f"{weights[0]}" + (" and its fellows" if len(weights) > 1 else "")
    for path in weights:
        hub.check_pulled(path)
    try:
        with clap.guarded():
            transformers.logging.set_verbosity_error()
            model, info = transformers.AutoModel.from_pretrained(
                weights[0].parent, config=config, dtype=torch.float32, output_loading_info=True,
                ignore_mismatched_sizes=True, local_files_only=True, trust_remote_code=False,
            )  # fmt: skip
    except Exception as error:  # settings that cannot be and damaged files show themselves in many ways
        raise CheckpointError(
            f"{where}: no model was made of it and {CONFIG} ({error}): one is damaged, or of another kind, or holds more than "
            f"tensors, which could run code; nothing of it was run. Get both again from a source you trust"
        ) from error
    missing = sorted(name for name in info["missing_keys"] if not name.endswith(_UNUSED))
    if missing:
        some = ", ".join(missing[:3])
        raise CheckpointError(
            f"{where}: no weights {some} ({len(missing)} in all), which {CONFIG} asks for; get both from one place"
        )
    for name in sorted(wrong := info["mismatched_keys"]):
        raise CheckpointError(
            f"{where}: {name} has not the shape {tuple(model.state_dict()[name].shape)} that {CONFIG} asks for "
            f"({len(wrong)} such in all); get both from one place"
        )
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data = tensor.data.clone()
    return model
