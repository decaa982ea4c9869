"""How the published CLAP models read: their tokenizers and text towers, without the weights that their packages ask for.

Two of them read with a well-known language model, LAION's with RoBERTa (Liu et al. 2019, arXiv 1907.11692) and Microsoft's
with GPT-2 (Radford et al. 2019). Their packages load that model's weights from the hub, 0.5 GB which the checkpoint then
replaces. Here the network is made as large as the checkpoint's weights are, and only the tokenizer's files, which no
checkpoint holds, are looked for: `vocab.json` and `merges.txt`, 1.5 MB.

A text shares a batch only with texts of as many tokens, as sounds do (`batches`): nothing is padded. The packages pad to a
fixed length and mask it, which gives the same embeddings and takes several times as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import transformers
from torch import nn

from . import batches, foreign, hub

_FILES = ("vocab.json", "merges.txt")
_MOST_TOKENS = 1024  # of a batch: more take memory and little less time on a processor
_HEAD = 64  # values of an attention head, in RoBERTa and GPT-2 of every size


class Tower(NamedTuple):
    """A text tower, ready to read.

    Attributes:
        tokens: the numbers of a text's tokens, with all that the model wants at its beginning and end.
        read: embeds texts of equally many tokens: int64, shape (texts, tokens), to (texts, dimension).
    """

    tokens: Callable[[str], list[int]]
    read: Callable[[torch.Tensor], torch.Tensor]


def embed(texts: Sequence[str], load: Callable[[], Tower], *, dimension: int) -> np.ndarray:
    """Embed texts. What stands beside a text does not change its embedding.

    Args:
        texts: n texts.
        load: gives the tower; called only where there is something to read.
        dimension: how many values an embedding has.

    Returns:
        float32, shape (n, dimension).

    Raises:
        ValueError: a text is empty or no string, or what `Tower.tokens` raises.
    """
    texts = checked(texts)
    embeddings = np.empty((len(texts), dimension), np.float32)
    if not texts:
        return embeddings
    tower = load()
    tokens = [tower.tokens(text) for text in texts]
    with torch.inference_mode():
        for rows in batches.equal_lengths([len(some) for some in tokens], most_samples=_MOST_TOKENS):
            embeddings[rows] = tower.read(torch.tensor([tokens[row] for row in rows])).float().cpu().numpy()
    return embeddings


def loaded(load: Callable[..., tuple[Tower, str]], path: Path, digest: str) -> Tower:
    """Load a text tower, once a process, from the file that an audio tower was read from.

    Args:
        load: as for `foreign.loaded`; gives the tower and the file's digest.
        path: the checkpoint.
        digest: what the file had when the audio tower was read.

    Raises:
        hub.CheckpointError: the file is another one now.
    """
    tower, found = foreign.loaded(load, path)
    if found != digest:
        raise hub.CheckpointError(
            f"{path}: has changed since its audio tower was read, so that sounds and texts would be of two models: start anew"
        )
    return tower


def checked(texts: Sequence[str]) -> list[str]:
    """The texts as a list.

    Raises:
        ValueError: it is one text and not several, or one of them is empty or no string; the message says which.
    """
    if isinstance(texts, str):
        raise ValueError(f"one text alone, {texts!r}: expected a list of texts")
    texts = list(texts)
    for number, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"text {number} is {text!r}: expected words")
    return texts


def files(source: str) -> tuple[Path, Path]:
    """The vocabulary and the merges of a byte-pair tokenizer.

    Args:
        source: a folder or a hub id, as for `hub.find`: "roberta-base" or "gpt2".

    Raises:
        hub.CheckpointError: they are not there; the message says which files to put where.
    """
    folder = hub.find(source, needed=_FILES)
    vocabulary, merges = (folder / name for name in _FILES)
    return vocabulary, merges


def made(kind: Callable[..., Any], words: int, *given: Path, **options: Any) -> Any:
    """Make a tokenizer and see that it belongs to a model: with another one every word would be read as another.

    Args:
        kind: a tokenizer's class in transformers, for example `transformers.GPT2Tokenizer`.
        words: how many different tokens the model's weights are for.
        given: its files, in the order in which the class takes them.
        options: for the class.

    Raises:
        hub.CheckpointError: a file is damaged, or the number of tokens is another.
    """
    try:
        tokenizer = kind(*map(str, given), **options)
    except Exception as error:  # a damaged file shows itself in many ways
        names = " and ".join(map(str, given))
        raise hub.CheckpointError(f"{names}: no tokenizer can be made of them ({error}); get them again") from error
    if len(tokenizer) != words:
        raise hub.CheckpointError(
            f"{given[0]}: knows {len(tokenizer)} tokens, the model reads {words}: these files belong to another model"
        )
    return tokenizer


def fitting(tokens: list[int], longest: int, text: str) -> list[int]:
    """The tokens, if a model can read so many at once.

    Raises:
        ValueError: there are more than `longest`; the message says which text it is.
    """
    if len(tokens) > longest:
        raise ValueError(f"the text {text!r} has {len(tokens)} tokens, the model reads {longest} at once: shorten it")
    return tokens


def roberta(weights: Mapping[str, Any], path: Path, *, expected: str) -> nn.Module:
    """A RoBERTa without weights, as large as the weights given, in all else as the hub's roberta-base.

    Args:
        weights: by the names of `transformers.RobertaModel`.
        path: where they come from, for the message of an error.
        expected: which file it should be, for the same message.

    Raises:
        hub.CheckpointError: they are of no RoBERTa.
    """
    size = _sizes(weights, path, expected)
    words, width = size("embeddings.word_embeddings.weight")
    positions, _ = size("embeddings.position_embeddings.weight")
    kinds, _ = size("embeddings.token_type_embeddings.weight")
    inner, _ = size("encoder.layer.0.intermediate.dense.weight")
    config = transformers.RobertaConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=_layers(weights, "encoder.layer"),
        num_attention_heads=max(1, width // _HEAD),
        intermediate_size=inner,
        max_position_embeddings=positions,
        type_vocab_size=kinds,
        layer_norm_eps=1e-5,  # roberta-base's own settings say so; the class would take 1e-12
    )
    return _empty(transformers.RobertaModel, config, path, expected)


def gpt2(weights: Mapping[str, Any], path: Path, *, expected: str) -> nn.Module:
    """A GPT-2 without weights, as large as the weights given, in all else as the hub's gpt2: see `roberta`."""
    size = _sizes(weights, path, expected)
    words, width = size("wte.weight")
    positions, _ = size("wpe.weight")
    _, inner = size("h.0.mlp.c_fc.weight")
    config = transformers.GPT2Config(
        vocab_size=words,
        n_embd=width,
        n_layer=_layers(weights, "h"),
        n_head=max(1, width // _HEAD),
        n_inner=inner,
        n_positions=positions,
        bos_token_id=words - 1,  # <|endoftext|>, the last of its tokens
        eos_token_id=words - 1,
    )
    return _empty(transformers.GPT2Model, config, path, expected)


def _sizes(weights: Mapping[str, Any], path: Path, expected: str) -> Callable[[str], tuple[int, int]]:
    def size(name: str) -> tuple[int, int]:
        if name not in weights:
            raise hub.CheckpointError(f"{path}: its text tower has no key {name}: expected is {expected}")
        shape = tuple(getattr(weights[name], "shape", ()))
        if len(shape) != 2:
            raise hub.CheckpointError(f"{path}: {name} has the shape {shape}, not two axes: expected is {expected}")
        return shape

    return size


def _layers(weights: Mapping[str, Any], before: str) -> int:
    """How many layers there are: as many as the highest number says, so that one left out is missed."""
    numbers = [re.match(rf"{re.escape(before)}\.(\d+)\.", name) for name in weights]
    return 1 + max(int(number[1]) for number in numbers if number)


def _empty(kind: type, config: Any, path: Path, expected: str) -> nn.Module:
    try:
        return kind(config)
    except Exception as error:  # sizes that cannot be show themselves in many ways
        raise hub.CheckpointError(f"{path}: no text tower has these sizes ({error}): expected is {expected}") from error
