"""The published CLAP models through the packages of their makers, as guests, and what all models that read texts share.

Of the packages only networks are made. Whole, they ask the model hub for tokenizers and for the weights of RoBERTa (Liu et
al. 2019, arXiv 1907.11692) or GPT-2 (Radford et al. 2019), 0.5 GB which the checkpoint replaces at once, cut long sound at
random, and take a wrong file in silence. Here text towers are made as large as the checkpoint's weights are, every key and
shape is checked, and of a long sound every sample counts once. For texts, the tokenizer's two files of `roberta-base` or
`gpt2` must be in `data/checkpoints/`, in the hub's cache, or to be had from the hub.
"""

from __future__ import annotations

import functools
import json
import logging
import math
import os
import random
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import transformers
import yaml
from torch import nn
from torch.nn import functional

from .. import compute
from . import hub
from .hub import CheckpointError, equal_lengths, mono

#: Tokenizers of models that embed sound from one file and texts with another's vocabulary.
TOKENIZERS = {"laion-clap": "roberta-base", "msclap": "gpt2"}

_LOGGERS = ("", "transformers")
_TOGETHER = 4  # pieces of sound in a batch: more take memory and no less time on a processor
_VOCABULARY = ("vocab.json", "merges.txt")
_MOST_TOKENS = 1024  # of a batch: more take memory and little less time on a processor
_HEAD = 64  # values of an attention head, in RoBERTa and GPT-2 of every size
_STEPS = 32_767  # of a sample's amplitude: LAION's network was trained on 16-bit sound
_NETWORKS = {96: "HTSAT-tiny", 128: "HTSAT-base"}  # LAION's, by the width of their first layer
_WIDTH = "audio_branch.patch_embed.proj.weight"


@contextmanager
def guarded() -> Iterator[None]:
    """Put back, after the block, what a guest changed in it; other threads wait for their turn.

    That is `sys.path`, the environment, warnings, logs, the number of torch's threads, and the random numbers of Python,
    NumPy and torch.
    """
    with hub.LOCK, warnings.catch_warnings(), torch.random.fork_rng(devices=[]), compute.torch_threads(None):
        path, environment = list(sys.path), dict(os.environ)
        numbers, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - others draw from the global one
        logs = [(log, log.level, list(log.handlers)) for log in map(logging.getLogger, _LOGGERS)]
        try:
            yield
        finally:
            sys.path[:] = path
            for name in os.environ.keys() - environment:
                del os.environ[name]
            os.environ.update(environment)
            random.setstate(numbers)
            np.random.set_state(legacy)  # noqa: NPY002 - as above
            for log, level, handlers in logs:
                log.setLevel(level)
                log.handlers[:] = handlers


_Change = Callable[[torch.Tensor], torch.Tensor]


def embed_pieces(
    waveforms: Sequence[Any], embed: _Change, *, longest: int, fill: _Change, dimension: int
) -> np.ndarray:
    """Embed waveforms of any length: the mean over consecutive pieces, each counting as much as it is long.

    Args:
        waveforms: n float waveforms (arrays or tensors), each of shape (samples,); ValueError where one is empty.
        embed: takes a batch of shape (pieces, longest) and gives (pieces, dimension): the rows of the result, float32.
        longest: the samples of a piece; `fill` makes so many of the last one, which is what is left.
        dimension: how many values an embedding has.
    """
    tensors = mono(waveforms)
    parts = [(row, piece) for row, tensor in enumerate(tensors) for piece in tensor.split(longest)]
    embeddings = torch.zeros((len(tensors), dimension))
    with torch.inference_mode():
        for first in range(0, len(parts), _TOGETHER):
            some = parts[first : first + _TOGETHER]
            values = embed(torch.stack([fill(piece) for _, piece in some])).cpu()
            for (row, piece), embedding in zip(some, values, strict=True):
                embeddings[row] += embedding * (len(piece) / len(tensors[row]))
    return embeddings.numpy()


class Tower(NamedTuple):
    """A text tower, ready to read.

    Attributes:
        tokens: the numbers of a text's tokens, with all that the model wants at its beginning and end.
        read: embeds texts of equally many tokens: int64, shape (texts, tokens), to (texts, dimension).
        most: how many tokens the model reads at once; None where `tokens` sees to that.
    """

    tokens: Callable[[str], list[int]]
    read: _Change
    most: int | None = None


def embed_text(texts: Sequence[str], load: Callable[[], Tower], *, dimension: int) -> np.ndarray:
    """Embed n texts: float32, shape (n, dimension). What stands beside a text does not change its embedding.

    A text shares a batch only with texts of as many tokens, as sounds do: nothing is padded. `load` gives the tower; it is
    called only where there is something to read.

    Raises:
        ValueError: it is one text and not several, or one is empty, no string, or too long; the message says which.
    """
    if isinstance(texts, str):
        raise ValueError(f"one text alone, {texts!r}: expected a list of texts")
    texts = list(texts)
    for number, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"text {number} is {text!r}: expected words")
    embeddings = np.empty((len(texts), dimension), np.float32)
    if not texts:
        return embeddings
    tower = load()
    tokens = [tower.tokens(text) for text in texts]
    for text, some in zip(texts, tokens, strict=True):
        if tower.most is not None and len(some) > tower.most:
            raise ValueError(
                f"the text {text!r} has {len(some)} tokens, the model reads {tower.most} at once: shorten it"
            )
    with torch.inference_mode():
        for rows in equal_lengths([len(some) for some in tokens], most_samples=_MOST_TOKENS):
            embeddings[rows] = tower.read(torch.tensor([tokens[row] for row in rows])).float().cpu().numpy()
    return embeddings


def tokenizer_files(source: str) -> tuple[Path, Path]:
    """The vocabulary and the merges of a byte-pair tokenizer, from a folder or hub id as for `hub.find`: "gpt2"."""
    folder = hub.find(source, needed=_VOCABULARY)
    return folder / _VOCABULARY[0], folder / _VOCABULARY[1]


def tokenizer(kind: Callable[..., Any], words: int, *files: Path, **options: Any) -> Any:
    """Make a tokenizer of a class in transformers, which takes the files and options.

    CheckpointError where a file is damaged, or the model has another number of `words`: it would read every word as another.
    """
    try:
        made = kind(*map(str, files), **options)
    except Exception as error:  # a damaged file shows itself in many ways
        names = " and ".join(map(str, files))
        raise CheckpointError(f"{names}: no tokenizer can be made of them ({error}); get them again") from error
    if len(made) != words:
        raise CheckpointError(
            f"{files[0]}: knows {len(made)} tokens, the model reads {words}: these files belong to another model"
        )
    return made


def language_model(kind: str, weights: Mapping[str, Any], path: Path, *, expected: str) -> nn.Module:
    """A "roberta" or a "gpt2" without weights, as large as the weights given, in all else as the hub's own of that name.

    The weights go by the names of `transformers.RobertaModel` or `transformers.GPT2Model`; they come from `path`, where a
    model of the `expected` kind should be: for the message of a CheckpointError.
    """

    def size(name: str) -> tuple[int, int]:
        if name not in weights:
            raise CheckpointError(f"{path}: its text tower has no key {name}: expected is {expected}")
        shape = tuple(getattr(weights[name], "shape", ()))
        if len(shape) != 2:
            raise CheckpointError(f"{path}: {name} has the shape {shape}, not two axes: expected is {expected}")
        return shape

    if kind == "roberta":
        made, (words, width), before = (
            transformers.RobertaModel,
            size("embeddings.word_embeddings.weight"),
            "encoder.layer",
        )
        config = transformers.RobertaConfig(
            vocab_size=words, hidden_size=width, num_attention_heads=max(1, width // _HEAD),
            max_position_embeddings=size("embeddings.position_embeddings.weight")[0],
            type_vocab_size=size("embeddings.token_type_embeddings.weight")[0],
            intermediate_size=size("encoder.layer.0.intermediate.dense.weight")[0],
            layer_norm_eps=1e-5,  # roberta-base's own settings say so; the class would take 1e-12
        )  # fmt: skip
    else:
        made, (words, width), before = transformers.GPT2Model, size("wte.weight"), "h"
        config = transformers.GPT2Config(
            vocab_size=words, n_embd=width, n_head=max(1, width // _HEAD), n_positions=size("wpe.weight")[0],
            n_inner=size("h.0.mlp.c_fc.weight")[1],
            bos_token_id=words - 1, eos_token_id=words - 1,  # <|endoftext|>, the last of its tokens
        )  # fmt: skip
    # as many layers as the highest number says, so that one left out is missed
    numbers = [int(name.removeprefix(f"{before}.").split(".")[0]) for name in weights if name.startswith(f"{before}.")]
    config.num_hidden_layers = 1 + max(numbers)
    try:
        return made(config)
    except Exception as error:  # sizes that cannot be show themselves in many ways
        raise CheckpointError(f"{path}: no text tower has these sizes ({error}): expected is {expected}") from error


class _Clap:
    """What both packages' models do in the same way. A kind says by its attributes which weights are whose."""

    precision = "fp32"
    threaded = True

    def __init__(self, source: str) -> None:
        """Read the checkpoint."""
        self.name = f"{self._kind}:{source}"
        self._path = hub.find_file(source)
        self._tower, self.digest = hub.loaded(_load, self._path, options=(type(self),))

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at `sample_rate`, each (samples,): float32, shape (n, dimension); see `embed_pieces`."""
        options = {"longest": self._longest, "fill": self._filled, "dimension": self.dimension}
        return embed_pieces(waveforms, self._tower, **options)

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Embed n texts as the package does: float32, shape (n, dimension). The text tower is loaded when it is first asked.

        Raises:
            ValueError: a text is empty, no string, or too long for the model (see the class).
            hub.CheckpointError: the checkpoint holds no such tower, has changed, or the tokenizer is missing.
        """
        return embed_text(texts, self._text_tower, dimension=self.dimension)

    def _text_tower(self) -> Tower:
        tower, digest = hub.loaded(_load_text, self._path, options=(type(self),))
        if digest != self.digest:
            raise CheckpointError(
                f"{self._path}: has changed since its audio tower was read, so that sounds and texts would be of two "
                f"models: start anew"
            )
        return tower


def _named(path: Path, kind: type[_Clap]) -> dict[str, Any]:
    """All weights of a checkpoint, by the names of a model that was not trained on many machines at once."""
    content = hub.read_training(path)
    weights = content.get(kind._part, content if kind._bare else None)
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise CheckpointError(f"{path}: {kind._part} does not hold named weights: expected is {kind._expected}")
    return {name.removeprefix("module."): tensor for name, tensor in weights.items()}


@functools.lru_cache(maxsize=2)
def _load(path: Path, stamp: tuple, kind: type[_Clap]) -> tuple[nn.Module, str]:
    """The audio tower of a checkpoint, and the file's digest; `stamp` stands for what the file holds, as below."""
    named = {name: tensor for name, tensor in _named(path, kind).items() if not name.startswith(kind._not_audio)}
    weights = {name.removeprefix(kind._audio_prefix): tensor for name, tensor in named.items()}
    with guarded():
        tower = kind._audio_tower(weights, path)
    hub.fill(tower, weights, path, expected=kind._expected)
    return tower.to(compute.best_device()), compute.file_digest(path)


@functools.lru_cache(maxsize=2)
def _load_text(path: Path, stamp: tuple, kind: type[_Clap]) -> tuple[Tower, str]:
    """The text tower of a checkpoint, and the file's digest."""
    named = {name: tensor for name, tensor in _named(path, kind).items() if name.startswith(kind._text)}
    weights = {n.removeprefix(kind._text_prefix): each for n, each in named.items() if not kind._ignored.fullmatch(n)}
    base = {name.removeprefix(kind._base): tensor for name, tensor in weights.items()}
    with guarded():
        reader = kind._reader(language_model(kind._language, base, path, expected=kind._expected))
    hub.fill(reader, weights, path, expected=kind._expected)
    tokens, most = reader.tokens()
    return Tower(tokens, reader.to(compute.best_device()), most), compute.file_digest(path)


class _LaionTower(nn.Module):
    """The part of LAION's model that takes sound; its parts are named as in the package, and so are its weights."""

    def __init__(self, network: str) -> None:
        super().__init__()
        folder = Path(find_spec("laion_clap").submodule_search_locations[0])
        settings = json.loads((folder / "clap_module" / "model_configs" / f"{network}.json").read_text())
        # It is a package of its own, found as `import laion_clap` finds it. It tells numba to keep machine code in /tmp/,
        # where others could put theirs: the environment is put back before anything of librosa is compiled.
        with guarded():
            sys.path.append(str(folder))
            model, htsat = import_module("clap_module.model"), import_module("clap_module.htsat")
        self.audio_branch = htsat.create_htsat_model(model.CLAPAudioCfp(**settings["audio_cfg"]))
        self.audio_projection = _laion_projection(settings["embed_dim"])

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        where = self.audio_projection[0].weight.device
        found = self.audio_branch({"waveform": waveforms}, device=where)["embedding"]
        return functional.normalize(self.audio_projection(found), dim=-1)


class _LaionReader(nn.Module):
    """The part of LAION's model that reads, with its names."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.text_branch = branch
        self.text_projection = _laion_projection(branch.config.hidden_size)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens.to(self.text_projection[0].weight.device)
        read = self.text_branch(input_ids=tokens, attention_mask=torch.ones_like(tokens)).pooler_output
        return functional.normalize(self.text_projection(read), dim=-1)

    def tokens(self) -> tuple[Callable[[str], list[int]], int | None]:
        words, files = self.text_branch.config.vocab_size, tokenizer_files(TOKENIZERS["laion-clap"])
        made = tokenizer(transformers.RobertaTokenizer, words, *files)
        return functools.partial(made.encode, truncation=True, max_length=77), None


def _laion_projection(width: int) -> nn.Module:
    joint = LaionClap.dimension
    return nn.Sequential(nn.Linear(width, joint), nn.ReLU(), nn.Linear(joint, joint))


class LaionClap(_Clap):
    """LAION-CLAP (Wu et al. 2023, arXiv 2211.06687): sounds and texts in one space of 512 values, of length 1.

    SOURCE is a file as for `hub.find_file`, such as `630k-audioset-best.pt` or `music_speech_audioset_epoch_15_esc_89.98.pt`
    of https://huggingface.co/lukewys/laion_clap; none with feature fusion. In hub format `transformers:` reads them. Sound is
    rounded to 16 bits and, where it is shorter than 10 s, repeated as often as it fits whole and filled up with silence, all
    as `get_audio_embedding_from_data` of the package does it. Of a longer sound the mean over pieces of 10 s is
    given (`embed_pieces`), which is a little shorter than 1. Of a text of more than 77 tokens the rest is not read.
    """

    sample_rate, dimension = 48_000, 512
    _kind, _language, _longest = "laion-clap", "roberta", 480_000
    _part, _bare, _audio_prefix, _text_prefix, _base = "state_dict", True, "", "", "text_branch."
    _text = ("text_branch.", "text_projection.")
    _not_audio = (*_text, "text_transform.", "audio_transform.", "logit_scale_")
    _ignored = re.compile(r"text_branch\.embeddings\.position_ids")  # 0, 1, 2, ...: a weight in older transformers
    _reader = _LaionReader
    _expected = (
        "an unfused LAION-CLAP on HTSAT-tiny or HTSAT-base, such as 630k-audioset-best.pt or "
        "music_speech_audioset_epoch_15_esc_89.98.pt of the hub's lukewys/laion_clap"
    )

    @classmethod
    def _audio_tower(cls, weights: Mapping[str, Any], path: Path) -> nn.Module:
        if _WIDTH not in weights:
            raise CheckpointError(f"{path}: has no key {_WIDTH}: expected is {cls._expected}")
        shape = tuple(getattr(weights[_WIDTH], "shape", ()))
        if not shape or shape[0] not in _NETWORKS:
            raise CheckpointError(f"{path}: {_WIDTH} has the shape {shape}: expected is {cls._expected}")
        return _LaionTower(_NETWORKS[shape[0]])

    @staticmethod
    def _filled(piece: torch.Tensor) -> torch.Tensor:
        """Ten seconds of 16-bit sound: a shorter piece as often as it fits, then silence."""
        rounded = (piece.clamp(-1, 1) * _STEPS).to(torch.int16) / _STEPS
        repeated = rounded.repeat(LaionClap._longest // len(rounded))
        return functional.pad(repeated, (0, LaionClap._longest - len(repeated)))


class _MicrosoftTower(nn.Module):
    """The package's audio encoder with the package's settings, without what it says of the sounds of AudioSet."""

    def __init__(self) -> None:
        super().__init__()
        names = ("audioenc_name", "out_emb", "d_proj", "sampling_rate", "window_size", "hop_size", "mel_bins", "fmin")
        settings = _microsoft_settings()
        made = import_module("msclap.models.clap").AudioEncoder(
            *(settings[name] for name in (*names, "fmax", "num_classes"))
        )
        self.base, self.projection = made.base, made.projection

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        return self.projection(self.base(waveforms.to(compute.best_device()))["embedding"])


class _MicrosoftReader(nn.Module):
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

    def tokens(self) -> tuple[Callable[[str], list[int]], int | None]:
        words, files = self.base.config.vocab_size, tokenizer_files(TOKENIZERS["msclap"])
        made = tokenizer(transformers.GPT2TokenizerFast, words, *files, pad_token="!")  # the package's; its number is 0
        return lambda text: made.encode(text + " <|endoftext|>"), _microsoft_settings()["text_len"]


def _microsoft_settings() -> dict[str, Any]:
    folder = Path(find_spec("msclap").submodule_search_locations[0])
    return yaml.safe_load((folder / "configs" / "config_2023.yml").read_text(encoding="utf-8"))


class MicrosoftClap(_Clap):
    """Microsoft CLAP of 2023 (Elizalde et al. 2023, arXiv 2309.05767): sounds and texts in one space of 1,024 values.

    SOURCE is `CLAP_weights_2023.pth` of https://huggingface.co/microsoft/msclap. Vectors are not normalised: the package
    compares by the cosine. Sound that is shorter than 7 s is repeated and cut off there, as the package does it; of a longer
    one the mean over pieces of 7 s is given (`embed_pieces`), where the package takes 7 s at random. A text of more than 77
    tokens is refused, which the package cannot embed beside others.
    """

    sample_rate, dimension = 44_100, 1024
    _kind, _language, _longest = "msclap", "gpt2", 308_700
    _part, _bare, _audio_prefix, _text_prefix, _base = "model", False, "audio_encoder.", "caption_encoder.", "base."
    _text = ("caption_encoder.",)
    _not_audio = (*_text, "logit_scale")
    _ignored = re.compile(r"caption_encoder\.base\.h\.\d+\.attn\.(bias|masked_bias)")  # weights in older transformers
    _reader = _MicrosoftReader
    _expected = "Microsoft CLAP of 2023, CLAP_weights_2023.pth of the hub's microsoft/msclap"

    @staticmethod
    def _audio_tower(weights: Mapping[str, Any], path: Path) -> nn.Module:
        return _MicrosoftTower()

    @staticmethod
    def _filled(piece: torch.Tensor) -> torch.Tensor:
        """Seven seconds: a shorter piece again and again."""
        return piece.repeat(math.ceil(MicrosoftClap._longest / len(piece)))[: MicrosoftClap._longest]
