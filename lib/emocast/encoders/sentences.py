"""Sentence encoders: words in, embeddings out, by a language model of transformers, such as all-MiniLM-L6-v2.

The mean over a text's tokens of the last layer, of length 1 (Reimers and Gurevych 2019, arXiv 1908.10084).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import transformers
from torch import nn
from torch.nn import functional

from .. import compute
from . import SENTENCES, clap, hub
from .speech import _filled

_KINDS = ("bert", "roberta", "xlm-roberta", "mpnet", "distilbert")
_MOST = 256  # tokens: of a longer text the last ones are read


def embed(source: str, texts: Sequence[str]) -> np.ndarray:
    """Embed n texts: float32, shape (n, dimension); all zero where a text has no words.

    `source` is a folder or hub id, as for `hub.find`, with `config.json`, `tokenizer.json` and `model.safetensors`;
    hub.CheckpointError where they are missing or damaged. Nothing that a checkpoint names is imported or run.
    """
    folder = hub.find(source, needed=SENTENCES)
    model, tokenizer = hub.loaded(_load, *(folder / name for name in SENTENCES))
    spoken = [place for place, text in enumerate(texts) if text.strip()]

    def pooled(tokens):
        tokens = tokens.to(model.device)
        return functional.normalize(model(input_ids=tokens).last_hidden_state.float().mean(dim=1), dim=-1)

    embeddings = np.zeros((len(texts), model.config.hidden_size), np.float32)
    encode = functools.partial(tokenizer.encode, truncation=True, max_length=_MOST)
    given = {"most": None, "dimension": model.config.hidden_size}
    embeddings[spoken] = clap.embed_text([texts[place] for place in spoken], lambda: encode, pooled, **given)
    return embeddings


@functools.lru_cache(maxsize=1)
def _load(
    config: Path, tokenizer: Path, weights: Path, stamp: tuple
) -> tuple[nn.Module, transformers.PreTrainedTokenizerFast]:
    settings = hub.read_json(config)
    kind = settings.get("model_type")
    if kind not in _KINDS:
        raise hub.CheckpointError(f"{config}: model_type is {kind!r}; those that are read are {', '.join(_KINDS)}")
    made = hub.made(transformers.CONFIG_MAPPING[kind], settings, config)
    model = _filled(made, weights).requires_grad_(False).eval().to(compute.best_device())

    def read(file: str) -> transformers.PreTrainedTokenizerFast:
        return transformers.PreTrainedTokenizerFast(tokenizer_file=file, truncation_side="left")

    return model, clap.tokenizer(read, made.vocab_size, tokenizer)
