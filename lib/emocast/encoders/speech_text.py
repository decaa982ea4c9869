"""How transformers' CLAP reads: the text tower that lies in the same files as the audio tower.

It is a RoBERTa (Wu et al. 2022, arXiv 2211.06687). Its tokenizer lies beside the weights: `tokenizer.json`, or `vocab.json`
and `merges.txt`. All of it is read only when a text is first asked about.
"""

from __future__ import annotations

import functools
import threading
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.nn import functional

from . import checkpoint_files as files
from . import hub, speech_files, text_towers
from .speech_families import clap_settings

#: The audio tower beside which it stands.
BESIDE = transformers.ClapAudioModelWithProjection

_WHOLE = "tokenizer.json"

_reading = threading.Lock()


def load(
    source: str, folder: Path, names: tuple[str, ...], device: str, dtype: torch.dtype, stamp: speech_files.Stamp
) -> text_towers.Tower:
    """Read a CLAP's text tower, unless it is in memory.

    Args:
        source: the checkpoint, as for `hub.find`.
        folder: where it was found.
        names: of its weights' files.
        device: where the tower computes.
        dtype: in which number format.
        stamp: what `speech_files.stamp` gave when the audio tower was read.

    Returns:
        A tower that gives embeddings of length 1, as `ClapModel.get_text_features` does, and refuses a text of more tokens
        than the model has positions (ValueError).

    Raises:
        hub.CheckpointError: the checkpoint lacks the tower or its tokenizer, or its files have changed.
    """
    with _reading:
        tower = _read(source, folder, names, device, dtype, stamp)
        if speech_files.stamp(folder, names) != stamp:
            raise hub.CheckpointError(
                f"{folder}: has changed since its audio tower was read, so that sounds and texts would be of two models: "
                f"start anew"
            )
    return tower


@functools.lru_cache(maxsize=2)
def _read(
    source: str, folder: Path, names: tuple[str, ...], device: str, dtype: torch.dtype, stamp: speech_files.Stamp
) -> text_towers.Tower:
    """Read a folder; `stamp` is part of the key under which the result stays in memory."""
    model = _filled(folder, names).to(device, dtype).requires_grad_(False).eval()
    config = model.config
    tokenizer = _tokenizer(source, config.vocab_size)
    longest = config.max_position_embeddings - config.pad_token_id - 1  # RoBERTa's positions begin after the padding's
    return text_towers.Tower(functools.partial(_tokens, tokenizer, longest), functools.partial(_embedded, model))


def _filled(folder: Path, names: tuple[str, ...]) -> Any:
    """The network with its weights, in float32."""
    path = folder / files.CONFIG
    settings = clap_settings(files.read_json(path), tower="text_config")
    config = speech_files.made(transformers.ClapTextConfig, settings, path)
    try:
        with torch.random.fork_rng(devices=[]):
            model = transformers.ClapTextModelWithProjection(config)
    except Exception as error:  # settings that cannot be show themselves in many ways
        raise hub.CheckpointError(f"{path}: no text tower can have these settings ({error})") from error
    model.load_state_dict(speech_files.weights(folder, names, model.state_dict()))
    return model


def _tokenizer(source: str, words: int) -> Any:
    """The tokenizer of a checkpoint, in one file or in two."""
    kind = transformers.RobertaTokenizerFast
    try:
        whole = hub.find(source, needed=(_WHOLE,)) / _WHOLE
    except hub.CheckpointError as error:
        try:
            parts = text_towers.files(source)
        except hub.CheckpointError:
            raise hub.CheckpointError(
                f"{error} (in place of {_WHOLE}, vocab.json and merges.txt are read too)"
            ) from error
        return text_towers.made(kind, words, *parts)
    return text_towers.made(lambda file: kind(tokenizer_file=file), words, whole)


def _tokens(tokenizer: Any, longest: int, text: str) -> list[int]:
    return text_towers.fitting(tokenizer.encode(text), longest, text)


def _embedded(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    tokens = tokens.to(model.device)
    found = model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).text_embeds
    return functional.normalize(found.float(), dim=-1)
