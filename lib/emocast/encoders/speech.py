"""The speech models of transformers, and emotion2vec through funasr, as encoders, from a folder or the model hub.

A checkpoint of transformers holds `config.json`, `preprocessor_config.json` and weights: `model.safetensors` or
`pytorch_model.bin`. Nothing that a checkpoint names is imported or run.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import transformers
import yaml
from torch import nn
from torch.nn import functional

from .. import compute
from . import clap, hub
from .hub import CheckpointError
from .wav2vec2 import CONFIG, PREPROCESSOR, shortest

_SHARDED = "model.safetensors.index.json"
_WEIGHTS = ("model.safetensors", _SHARDED, "pytorch_model.bin")  # the first that is there is read, as transformers does
_EMOTION2VEC = ("model.pt", "emotion2vec_base.pt")  # the first that is there is read
_SPECIFICATION = "[(512,10,5)]+[(512,3,2)]*4+[(512,2,2)]+[(512,2,2)]"  # the convolutions of all official models
ALL = "all"  # in place of a layer's number
Layer = int | Literal["all"] | None
_EXPECTED = "an emotion2vec such as the hub's emotion2vec/emotion2vec_base, config.yaml and weights from one place"


class SpeechModel:
    """The embeddings of one of transformers' speech models.

    SOURCE is a folder or a hub id, as for `hub.find`. `@LAYER` after it chooses one of transformers' hidden states: 0 is what
    goes into the first layer, N what comes out of layer N (ValueError where there is none). Without it, the last. `@all` gives
    every one in one pass, one behind the other: shape (n, (layers + 1) * size of one). A CLAP has a method `embed_text` too: n
    texts in the space of its sounds, float32, shape (n, dimension). It needs the tokenizer beside the weights
    (`tokenizer.json`, or `vocab.json` and `merges.txt`).
    """

    threaded = True

    def __init__(self, source: str, precision: str = "fp32") -> None:
        """Read the checkpoint, unless it is in memory."""
        self.name, self.precision = f"transformers:{source}", precision
        (place, layer), weights = parted(source), self.weights(source)
        files = [*(weights[0].parent / name for name in (CONFIG, PREPROCESSOR)), *weights]
        self._network, self.digest = hub.loaded(_load, *files, options=(layer, compute.best_device(), self.precision))
        self.sample_rate, self.dimension = self._network.sample_rate, self._network.dimension
        self.states = getattr(self._network, "states", 1)  # how many hidden states an embedding holds
        if isinstance(self._network, Clap):
            self.embed_text = functools.partial(self._network.embed_text, place)

    @staticmethod
    def weights(source: str) -> list[Path]:
        """The files that hold the weights; CheckpointError where the checkpoint is incomplete."""
        (place, _), advice = parted(source), ""
        for file in _WEIGHTS:
            try:
                folder = hub.find(place, needed=(CONFIG, PREPROCESSOR, file))
            except CheckpointError as error:
                problem, advice = f"{error} (or {' or '.join(_WEIGHTS)})", advice or error.advice
                continue
            if file != _SHARDED:
                return [folder / file]
            shards = _shards(folder / file)
            return [hub.find(place, needed=(CONFIG, PREPROCESSOR, file, *shards)) / shard for shard in shards]
        raise CheckpointError(problem, advice=advice)

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at `sample_rate`, each (samples,): float32, shape (n, dimension); see `hub.embed_batches`."""
        network = self._network
        return hub.embed_batches(waveforms, network.embed, dimension=self.dimension, shortest=network.shortest)


class Waveforms:
    """wav2vec 2.0 and its kin (Baevski et al. 2020, arXiv 2006.11477): the mean over time of a hidden state."""

    extractor = transformers.Wav2Vec2FeatureExtractor

    def __init__(self, model: nn.Module, extractor: Any, layer: Layer) -> None:
        """Keep of the network what is needed for the layer; whether a waveform is normalised, the extractor says."""
        _cut(model.encoder, layer)
        self._model, self._layer, self._normalise = model, layer, extractor.do_normalize
        self.sample_rate = extractor.sampling_rate
        adapted = layer is None and getattr(model.config, "add_adapter", False)
        self.states = _states(model, layer)
        self.dimension = model.config.output_hidden_size if adapted else model.config.hidden_size * self.states
        self.shortest = shortest(model.config.conv_kernel, model.config.conv_stride)

    def embed(self, batch: torch.Tensor) -> torch.Tensor:
        """Embed waveforms of one length, float32, shape (n, samples): shape (n, dimension)."""
        batch = batch.to(self._model.device)
        if self._normalise:  # as transformers' extractor does, in float32, whatever the network computes in
            batch = functional.layer_norm(batch, batch.shape[1:], eps=1e-7)
        return _hidden(self._model, batch.to(self._model.dtype), self._layer).mean(dim=1)


class Whisper:
    """The encoder of Whisper (Radford et al. 2022, arXiv 2212.04356), which takes 30 s: longer sound goes in pieces of that.

    An embedding is the mean of a hidden state over the frames within the sound.
    """

    extractor = transformers.WhisperFeatureExtractor

    def __init__(self, model: nn.Module, extractor: Any, layer: Layer) -> None:
        """Keep of the network what is needed for the layer; the extractor, which computes the spectrogram, must fit it."""
        self._model, self._extractor, self._layer = (model := model.encoder), extractor, layer
        _cut(model, layer)
        frames = model.conv1.stride[0] * model.conv2.stride[0]
        found = extractor.feature_size, extractor.nb_max_frames
        expected = model.config.num_mel_bins, model.config.max_source_positions * frames
        if found != expected:
            raise CheckpointError(f"the spectrogram has (bands, frames) {found}, the model takes {expected}")
        self._step = frames * extractor.hop_length  # samples from one of its frames to the next
        self.sample_rate, self.shortest = extractor.sampling_rate, extractor.n_fft
        self.states = _states(model, layer)
        self.dimension = model.config.hidden_size * self.states

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

    def __init__(self, model: nn.Module, extractor: Any, layer: Layer) -> None:
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
        sizes = {"most": most, "dimension": self.dimension}
        return clap.embed_text(texts, lambda: _tokenizer(source, config.vocab_size).encode, self._read, **sizes)

    def _read(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens.to(self._model.device)
        pooled = self._model.text_model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).pooler_output
        return functional.normalize(self._model.text_projection(pooled).float(), dim=-1)


#: Families by the model_type that `config.json` names; none of wav2vec2-conformer, which keeps state between calls.
FAMILIES: dict[str, type] = {
    **dict.fromkeys(("wav2vec2", "hubert", "wavlm", "data2vec-audio", "unispeech", "unispeech-sat"), Waveforms),
    "whisper": Whisper,
    "clap": Clap,
}


def _tokenizer(source: str, words: int) -> Any:
    """The tokenizer of a CLAP, which is in one file or in two."""
    kind = transformers.RobertaTokenizerFast
    try:
        whole = hub.find(source, needed=("tokenizer.json",)) / "tokenizer.json"
    except CheckpointError:
        return clap.tokenizer(kind, words, *clap.tokenizer_files(source))
    return clap.tokenizer(lambda file: kind(tokenizer_file=file), words, whole)


def _shards(index: Path) -> tuple[str, ...]:
    """The files beside an index that hold the weights."""
    named = hub.read_json(index).get("weight_map")
    shards = sorted(set(map(str, named.values()))) if isinstance(named, dict) else []
    if not shards or not all(re.fullmatch(r"[\w-][\w.-]*\.safetensors", name) for name in shards):
        raise CheckpointError(f"{index}: expected a weight_map to files beside it, found {shards}; get it again")
    return tuple(shards)


def _states(model: nn.Module, layer: Layer) -> int:
    """How many hidden states are asked for."""
    return model.config.num_hidden_layers + 1 if layer == ALL else 1


def _cut(stack: nn.Module, layer: Layer) -> None:
    """Drop the layers after the next, which are not asked for. The next stays, for a norm may follow the last."""
    if layer not in (None, ALL):
        if layer > (count := len(stack.layers)):
            raise ValueError(
                f"no layer {layer}: this model has 0 (what goes into the first) to {count} (after the last)"
            )
        stack.layers = stack.layers[: layer + 1]


def _hidden(model: nn.Module, values: torch.Tensor, layer: Layer) -> torch.Tensor:
    """A hidden state, or all beside each other, in float32, shape (n, frames, dimension)."""
    output = model(values, output_hidden_states=layer is not None)
    if layer == ALL:
        return torch.cat(output.hidden_states, dim=-1).float()
    return (output.last_hidden_state if layer is None else output.hidden_states[layer]).float()


def parted(source: str) -> tuple[str, Layer]:
    """A checkpoint and the layer of "checkpoint@layer"; a folder whose own name holds an @ is taken as it stands."""
    place, at, layer = source.rpartition("@")
    if not at or hub.local(source) is not None:
        return source, None
    if layer == ALL:
        return place, ALL
    if not re.fullmatch(r"[0-9]+", layer):
        problem = (
            f"there is no such folder, and {layer!r} is no layer: after the @ stands a number or {ALL}, as in {place}@6"
        )
        raise ValueError(f"transformers:{source}: {problem}")
    return place, int(layer)


@functools.lru_cache(maxsize=2)
def _load(config_file: Path, preprocessor: Path, *rest: Any) -> tuple[Any, str]:
    """Read a folder; `rest`: the weights' files, a stamp of what all files hold, the layer, the device, the precision."""
    (*weights, _, layer, device, precision), settings = rest, hub.read_json(config_file)
    kind = settings.get("model_type")
    if kind not in FAMILIES:
        raise CheckpointError(f"{config_file}: model_type is {kind!r}; those that are read are {', '.join(FAMILIES)}")
    config = hub.made(transformers.CONFIG_MAPPING[kind], settings, config_file)
    extractor = hub.made(FAMILIES[kind].extractor, hub.read_json(preprocessor), preprocessor)
    model = _filled(config, weights[0]).to(device, torch.bfloat16 if precision == "bf16" else torch.float32)
    network = FAMILIES[kind](model.requires_grad_(False).eval(), extractor, layer)
    settled = [hub.declared(type(part), vars(part)) for part in (config, extractor)]
    return network, hub.digest(*weights, settings=[settled, layer])


def _filled(config: Any, weights: Path) -> nn.Module:
    """The network with its weights, all of them, in float32 and in memory of its own: a mapped file could change."""
    try:
        with clap.guarded():
            transformers.logging.set_verbosity_error()
            model, info = transformers.AutoModel.from_pretrained(
                weights.parent, config=config, dtype=torch.float32, output_loading_info=True,
                ignore_mismatched_sizes=True, local_files_only=True, trust_remote_code=False,
                use_safetensors=weights.suffix == ".safetensors",  # or it might read other files than the digest is of
            )  # fmt: skip
    except Exception as error:  # settings that cannot be and damaged files show themselves in many ways
        raise CheckpointError(
            f"{weights}: no model was made of it and {CONFIG} ({error}): one is damaged, or of another kind, or holds more "
            f"than tensors, which could run code; nothing of it was run. Get both again from a source you trust"
        ) from error
    missing = {name for name in info["missing_keys"] if not name.endswith("masked_spec_embed")}  # in training alone
    for problem, names in (("no weights", missing), ("another shape of", info["mismatched_keys"])):
        if names:
            some = f"{', '.join(map(str, sorted(names)[:3]))} ({len(names)} in all)"
            raise CheckpointError(f"{weights}: {problem} {some}, not what {CONFIG} asks for; get both from one place")
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data = tensor.data.clone()
    return model


class Emotion2Vec:
    """emotion2vec (Ma et al. 2023, arXiv 2312.15185), as funasr, an optional extra, gives it: the mean of the last layer.

    SOURCE is a folder or a hub id such as "emotion2vec/emotion2vec_base", with `config.yaml` and `model.pt` or
    `emotion2vec_base.pt`. funasr would import Python files that such a folder names and evaluate one setting as Python. So it
    never sees the folder: it gets the architecture, that one setting must be the known one, and the weights are read here.
    """

    sample_rate, precision = 16_000, "fp32"
    threaded = False  # funasr changes the process while it computes: one at a time

    def __init__(self, source: str) -> None:
        """Read the checkpoint."""
        self.name, (weights,) = f"emotion2vec:{source}", self.weights(source)
        self._model, self.dimension, self.digest = hub.loaded(_load_funasr, weights.parent / "config.yaml", weights)

    @staticmethod
    def weights(source: str) -> list[Path]:
        """The file that holds the weights; CheckpointError where it or the settings are missing."""
        folder = hub.find(source, needed=["config.yaml"], optional=_EMOTION2VEC)
        there = [folder / name for name in _EMOTION2VEC if (folder / name).is_file()]
        if not there:
            advice = f"put {' or '.join(_EMOTION2VEC)} into {folder}"
            raise CheckpointError(f"no weights in {folder}: {advice}", advice=advice)
        return there[:1]

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at 16 kHz, each (samples,), of one frame (25 ms) at least: float32, shape (n, dimension)."""
        embeddings = np.empty((len(waveforms), self.dimension), np.float32)
        with clap.guarded():
            for row, waveform in enumerate(hub.mono(waveforms, shortest=400)):
                found = self._model.generate(waveform.numpy(), granularity="utterance", extract_embedding=True)
                embeddings[row] = found[0]["feats"]
        return embeddings


@functools.lru_cache(maxsize=1)
def _load_funasr(config: Path, weights: Path, stamp: tuple) -> tuple[Any, int, str]:
    """A model of funasr from settings and weights; nothing is downloaded."""
    try:
        from funasr import AutoModel
    except ImportError as error:
        raise CheckpointError(f'no package funasr ({error}): `pip install -e ".[emotion2vec]"` brings it') from error
    try:
        settings = yaml.safe_load(config.read_text(encoding="utf-8"))
        kind, architecture = settings["model"], settings["model_conf"]
        specification = architecture["modalities"]["audio"]["feature_encoder_spec"]
        dimension = int(architecture["embed_dim"])
    except Exception as error:  # settings that cannot be show themselves in many ways
        raise CheckpointError(f"{config}: not the settings of a network: expected is {_EXPECTED}") from error
    if kind != "Emotion2vec" or "".join(str(specification).split()) != _SPECIFICATION:
        raise CheckpointError(
            f"{config}: the model is {kind!r}, feature_encoder_spec is {specification!r}; funasr would run the latter as "
            f"Python, so only Emotion2vec and the official one are taken: {_SPECIFICATION}"
        )
    content = hub.read_training(weights)
    for part in ("state_dict", "model_state_dict", "model"):  # funasr looks in these places, in this order
        content = content.get(part, content)
        if not isinstance(content, dict):
            raise CheckpointError(f"{weights}: {part} does not hold named weights: expected is {_EXPECTED}")
    tensors = {str(name).removeprefix("module.").removeprefix("d2v_model."): tensor for name, tensor in content.items()}
    quiet = {"disable_update": True, "disable_pbar": True, "log_level": "ERROR"}
    try:
        with clap.guarded():
            made = AutoModel(model=kind, model_conf=architecture, device=compute.best_device(), **quiet)
    except Exception as error:  # as above
        raise CheckpointError(f"{config}: funasr makes no model of it ({error}): expected is {_EXPECTED}") from error
    own = made.model.state_dict()
    # pre-training's decoder, which some files lack, may stay; a classifier's last layer and the like are left out
    kept = {name: tensor for name, tensor in own.items() if name.startswith("modality_encoders.AUDIO.decoder.")}
    found = {name: tensor for name, tensor in tensors.items() if name in own}
    hub.fill(made.model, kept | found, weights, expected=_EXPECTED)
    return made, dimension, hub.digest(config, weights)
