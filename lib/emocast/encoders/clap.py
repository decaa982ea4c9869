"""The published CLAP models through the packages of their makers, as guests, and what all models that read texts share.

Of the packages only networks are made: whole, they ask the hub for tokenizers and for weights that the checkpoint replaces at
once, cut long sound at random, and take a wrong file in silence. Here text towers are made as large as the checkpoint's
weights are, every key and shape is checked, and of a long sound every sample counts once. For texts, the tokenizer's two files
of `roberta-base`, `gpt2` or CLIP must be in `data/checkpoints/`, in the hub's cache, or to be had from the hub.
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
from typing import Any

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
TOKENIZERS = {"laion-clap": "roberta-base", "msclap": "gpt2", "audioclip": "openai/clip-vit-base-patch32"}

_TOGETHER, _MOST_TOKENS = 4, 1024  # pieces of sound and tokens in a batch: more take memory and little less time
_HEAD = 64  # values of an attention head, in RoBERTa and GPT-2 of every size


@contextmanager
def guarded() -> Iterator[None]:
    """Put back, after the block, what a guest changed of the process in it; other threads wait for their turn."""
    with hub.LOCK, warnings.catch_warnings(), torch.random.fork_rng(devices=[]), compute.torch_threads(None):
        path, environment = list(sys.path), dict(os.environ)
        numbers, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - others draw from the global one
        logs = [(log, log.level, list(log.handlers)) for log in map(logging.getLogger, ("", "transformers"))]
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


def embed_pieces(
    waveforms: Sequence[Any], embed: Callable, *, longest: int, fill: Callable, dimension: int
) -> np.ndarray:
    """Embed n waveforms of any length, each (samples,): float32, (n, dimension): the mean over pieces, each by its length.

    `embed` takes pieces to embeddings, (pieces, longest) to (pieces, dimension); `fill` makes a last piece as long as that.
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


def embed_text(
    texts: Sequence[str], tokenizer: Callable[[], Callable], embed: Callable, *, most: int | None, dimension: int
) -> np.ndarray:
    """Embed n texts: float32, shape (n, dimension). A ValueError where one is empty, no string, or of too many tokens.

    `tokenizer`, called only where there is something to read, gives what makes numbers of a text's tokens; `embed` takes texts
    of equally many, int64, shape (texts, tokens), to (texts, dimension): nothing is padded. The model reads `most` at once.
    """
    if isinstance(texts, str):
        raise ValueError(f"one text alone, {texts!r}: expected a list of texts")
    for number, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"text {number} is {text!r}: expected words")
    embeddings = np.empty((len(texts), dimension), np.float32)
    tokens = list(map(tokenizer(), texts)) if len(texts) else []
    for text, some in zip(texts, tokens, strict=True):
        if most is not None and len(some) > most:
            raise ValueError(f"the text {text!r} has {len(some)} tokens, the model reads {most} at once: shorten it")
    with torch.inference_mode():
        for rows in equal_lengths([len(some) for some in tokens], most_samples=_MOST_TOKENS):
            embeddings[rows] = embed(torch.tensor([tokens[row] for row in rows])).float().cpu().numpy()
    return embeddings


def tokenizer_files(source: str) -> tuple[Path, Path]:
    """The vocabulary and the merges of a byte-pair tokenizer, from a folder or hub id as for `hub.find`: "gpt2"."""
    folder = hub.find(source, needed=("vocab.json", "merges.txt"))
    return folder / "vocab.json", folder / "merges.txt"


def tokenizer(kind: Callable[..., Any], words: int, *files: Path, **options: Any) -> Any:
    """Make a tokenizer of files; CheckpointError where one is damaged, or the model has another number of `words`."""
    try:
        made = kind(*map(str, files), **options)
    except Exception as error:  # a damaged file shows itself in many ways
        names = " and ".join(map(str, files))
        raise CheckpointError(f"{names}: no tokenizer can be made of them ({error}); get them again") from error
    if len(made) != words:
        problem = f"knows {len(made)} tokens, the model reads {words}: these files belong to another model"
        raise CheckpointError(f"{files[0]}: {problem}")
    return made


def language_model(kind: str, weights: Mapping[str, torch.Tensor]) -> nn.Module:
    """A "roberta" or a "gpt2" without weights, as large as the weights given, in all else as the hub's own of that name.

    They go by the names of `transformers.RobertaModel` or `transformers.GPT2Model`.
    """

    sizes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if kind == "roberta":
        made, before = transformers.RobertaModel, "encoder.layer."
        words, width = sizes["embeddings.word_embeddings.weight"]
        config = transformers.RobertaConfig(
            vocab_size=words, hidden_size=width, num_attention_heads=max(1, width // _HEAD),
            max_position_embeddings=sizes["embeddings.position_embeddings.weight"][0],
            type_vocab_size=sizes["embeddings.token_type_embeddings.weight"][0],
            intermediate_size=sizes["encoder.layer.0.intermediate.dense.weight"][0],
            layer_norm_eps=1e-5,  # roberta-base's own settings say so; the class would take 1e-12
        )  # fmt: skip
    else:
        made, before, (words, width) = transformers.GPT2Model, "h.", sizes["wte.weight"]
        config = transformers.GPT2Config(
            vocab_size=words, n_embd=width, n_head=max(1, width // _HEAD), n_positions=sizes["wpe.weight"][0],
            n_inner=sizes["h.0.mlp.c_fc.weight"][1],
            bos_token_id=words - 1, eos_token_id=words - 1,  # <|endoftext|>, the last of its tokens
        )  # fmt: skip
    # as many layers as the highest number says, so that one left out is missed
    numbers = [int(name.removeprefix(before).split(".")[0]) for name in weights if name.startswith(before)]
    config.num_hidden_layers = 1 + max(numbers)
    return made(config)


class _Clap:
    """What both packages' models do in the same way. A kind says by its attributes what they have of their own."""

    precision, threaded = "fp32", True

    def __init__(self, source: str) -> None:
        """Read the checkpoint."""
        self.name = f"{self._kind}:{source}"
        (file,) = self.weights(source)
        self._network, self.digest = hub.loaded(_load, file, options=(type(self),))

    @staticmethod
    def weights(source: str) -> list[Path]:
        """The file that holds the weights; CheckpointError where it is missing."""
        return [hub.find_file(source)]

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at `sample_rate`, each (samples,): float32, shape (n, dimension); see `embed_pieces`."""
        options = {"longest": self._longest, "fill": self._filled, "dimension": self.dimension}
        return embed_pieces(waveforms, self._network.sound, **options)

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Embed n texts as the package does: float32, shape (n, dimension); CheckpointError where the tokenizer is missing."""
        network = self._network
        return embed_text(texts, network.tokenizer, network.text, most=network.most, dimension=self.dimension)


@functools.lru_cache(maxsize=2)
def _load(path: Path, stamp: tuple, kind: type[_Clap]) -> tuple[nn.Module, str]:
    """The network of a checkpoint, and the file's digest; `stamp` stands for what the file holds."""
    content = hub.read_training(path)
    weights = content.get(kind._part, content if kind._bare else None)
    if not isinstance(weights, dict) or not all(isinstance(value, torch.Tensor) for value in weights.values()):
        raise CheckpointError(f"{path}: {kind._part} does not hold named weights: expected is {kind._expected}")
    weights = {name.removeprefix("module."): tensor for name, tensor in weights.items()}
    weights = {name: tensor for name, tensor in weights.items() if not kind._ignored.match(name)}
    try:
        with guarded():
            network = kind._network_of(weights)
    except Exception as error:  # weights that cannot be show themselves in many ways
        raise CheckpointError(
            f"{path}: no network has such weights ({error!r}): expected is {kind._expected}"
        ) from error
    hub.fill(network, weights, path, expected=kind._expected)
    return network.to(compute.best_device()), compute.file_digest(path)


def _within(prefix: str, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


class _Laion(nn.Module):
    """LAION's model without what only its training needs; its parts are named as in the package, and so are its weights."""

    most = None

    def __init__(self, weights: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        folder = Path(find_spec("laion_clap").submodule_search_locations[0])
        width = weights["audio_branch.patch_embed.proj.weight"].shape[0]  # of the first layer
        network = {96: "HTSAT-tiny", 128: "HTSAT-base"}[width]
        settings = json.loads((folder / "clap_module" / "model_configs" / f"{network}.json").read_text())
        # It is a package of its own, found as `import laion_clap` finds it. It tells numba to keep machine code in /tmp/,
        # where others could put theirs: the environment is put back before anything of librosa is compiled.
        with guarded():
            sys.path.append(str(folder))
            model, htsat = import_module("clap_module.model"), import_module("clap_module.htsat")
        self.audio_branch = htsat.create_htsat_model(model.CLAPAudioCfp(**settings["audio_cfg"]))
        self.text_branch = language_model("roberta", _within("text_branch.", weights))
        joint = LaionClap.dimension
        for name, width in (("audio", settings["embed_dim"]), ("text", self.text_branch.config.hidden_size)):
            projection = nn.Sequential(nn.Linear(width, joint), nn.ReLU(), nn.Linear(joint, joint))
            self.add_module(f"{name}_projection", projection)

    def sound(self, waveforms: torch.Tensor) -> torch.Tensor:
        found = self.audio_branch({"waveform": waveforms}, device=self.text_branch.device)["embedding"]
        return functional.normalize(self.audio_projection(found), dim=-1)

    def text(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens.to(self.text_branch.device)
        read = self.text_branch(input_ids=tokens, attention_mask=torch.ones_like(tokens)).pooler_output
        return functional.normalize(self.text_projection(read), dim=-1)

    def tokenizer(self) -> Callable[[str], list[int]]:
        words, files = self.text_branch.config.vocab_size, tokenizer_files(TOKENIZERS["laion-clap"])
        made = tokenizer(transformers.RobertaTokenizer, words, *files)
        return functools.partial(made.encode, truncation=True, max_length=77)


class LaionClap(_Clap):
    """LAION-CLAP (Wu et al. 2023, arXiv 2211.06687): sounds and texts in one space of 512 values, of length 1.

    SOURCE is a file as for `hub.find_file`, such as `630k-audioset-best.pt` or `music_speech_audioset_epoch_15_esc_89.98.pt`
    of https://huggingface.co/lukewys/laion_clap; none with feature fusion. Sound is rounded to 16 bits and, where it is shorter
    than 10 s, repeated as often as it fits whole and filled up with silence, as the package does it. Of a longer sound the mean
    over pieces of 10 s is given, which is a little shorter than 1. Of a text of more than 77 tokens the rest is not read.
    """

    sample_rate, dimension = 48_000, 512
    _kind, _part, _bare, _longest, _network_of = "laion-clap", "state_dict", True, 480_000, _Laion
    # what training alone needs, and 0, 1, 2, ...: a weight in older transformers
    _ignored = re.compile(r"(text|audio)_transform\.|logit_scale_|text_branch\.embeddings\.position_ids")
    _expected = (
        "an unfused LAION-CLAP on HTSAT-tiny or HTSAT-base, such as 630k-audioset-best.pt or "
        "music_speech_audioset_epoch_15_esc_89.98.pt of the hub's lukewys/laion_clap"
    )

    @staticmethod
    def _filled(piece: torch.Tensor) -> torch.Tensor:
        """Ten seconds of 16-bit sound: a shorter piece as often as it fits, then silence."""
        rounded = (piece.clamp(-1, 1) * 32_767).to(torch.int16) / 32_767
        repeated = rounded.repeat(LaionClap._longest // len(rounded))
        return functional.pad(repeated, (0, LaionClap._longest - len(repeated)))


class _Microsoft(nn.Module):
    """The package's networks with its settings and names, without what they say of the sounds of AudioSet."""

    def __init__(self, weights: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        package = import_module("msclap.models.clap")
        folder = Path(find_spec("msclap").submodule_search_locations[0])
        settings = yaml.safe_load((folder / "configs" / "config_2023.yml").read_text(encoding="utf-8"))
        names = ("audioenc_name", "out_emb", "d_proj", "sampling_rate", "window_size", "hop_size", "mel_bins", "fmin")
        made = package.AudioEncoder(*(settings[name] for name in (*names, "fmax", "num_classes")))
        self.audio_encoder = nn.ModuleDict({"base": made.base, "projection": made.projection})
        base = language_model("gpt2", _within("caption_encoder.base.", weights))
        projection = package.Projection(base.config.n_embd, MicrosoftClap.dimension)
        self.caption_encoder = nn.ModuleDict({"base": base, "projection": projection})
        self.most = settings["text_len"]

    def sound(self, waveforms: torch.Tensor) -> torch.Tensor:
        found = self.audio_encoder["base"](waveforms.to(compute.best_device()))["embedding"]
        return self.audio_encoder["projection"](found)

    def text(self, tokens: torch.Tensor) -> torch.Tensor:
        base = self.caption_encoder["base"]
        tokens = tokens.to(base.device)
        hidden = base(input_ids=tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state
        # as the package finds the last token: a "!" in the text counts as padding, and moves it forward by one
        last = torch.ne(tokens, 0).sum(-1) - 1
        return self.caption_encoder["projection"](hidden[torch.arange(len(tokens), device=last.device), last])

    def tokenizer(self) -> Callable[[str], list[int]]:
        words, files = self.caption_encoder["base"].config.vocab_size, tokenizer_files(TOKENIZERS["msclap"])
        made = tokenizer(transformers.GPT2TokenizerFast, words, *files, pad_token="!")  # the package's; its number is 0
        return lambda text: made.encode(text + " <|endoftext|>")


class MicrosoftClap(_Clap):
    """Microsoft CLAP of 2023 (Elizalde et al. 2023, arXiv 2309.05767): sounds and texts in one space of 1,024 values.

    SOURCE is `CLAP_weights_2023.pth` of https://huggingface.co/microsoft/msclap. Vectors are not normalised. Sound that is
    shorter than 7 s is repeated and cut off there, as the package does it; of a longer one the mean over pieces of 7 s is
    given, where the package takes 7 s at random. A text of more than 77 tokens is refused.
    """

    sample_rate, dimension = 44_100, 1024
    _kind, _part, _bare, _longest, _network_of = "msclap", "model", False, 308_700, _Microsoft
    _ignored = re.compile(
        r"logit_scale|caption_encoder\.base\.h\.\d+\.attn\.(bias|masked_bias)$"
    )  # the latter: as above
    _expected = "Microsoft CLAP of 2023, CLAP_weights_2023.pth of the hub's microsoft/msclap"

    @staticmethod
    def _filled(piece: torch.Tensor) -> torch.Tensor:
        """Seven seconds: a shorter piece again and again."""
        return piece.repeat(math.ceil(MicrosoftClap._longest / len(piece)))[: MicrosoftClap._longest]
