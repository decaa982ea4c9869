"""Encoders: audio in, embeddings out, all with the same face.

| name | what it is |
|---|---|
| `handcrafted` | pitch, energy, MFCC, mel bands, pooled: fitted to nothing |
| `wav2vec2:SOURCE` | an emotion model in SpeechBrain's checkpoint format |
| `transformers:SOURCE`, `...@LAYER` or `...@all` | one of transformers': wav2vec 2.0, HuBERT, WavLM, Whisper, CLAP |
| `laion-clap:SOURCE` | LAION-CLAP through the package of its makers |
| `msclap:SOURCE` | Microsoft CLAP through the package of its makers |
| `audioclip:SOURCE` | AudioCLIP, from its makers' own file |
| `emotion2vec:SOURCE` | emotion2vec through funasr, an optional extra |
| `egemaps` | openSMILE's eGeMAPS, an optional extra with a licence of its own: for research |
| `dual:SOURCE` | the demo's own contrastive model, which notebook 02 trains |
| `features:FILE` | features that somebody computed a turn, in place of sound (FILE: below the data folder) |

SOURCE is a folder, a file or a hub id (`hub.find`). `store.embed` runs an encoder over a table of windows and keeps what
comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple, Protocol

import numpy as np

from .. import compute


class Encoder(Protocol):
    """The face of all encoders."""

    name: str  # as given to `get`
    sample_rate: int  # of the waveforms that it takes, in Hz
    dimension: int  # how many values an embedding has
    precision: str  # the number format in which it computes, "fp32" or "bf16"
    digest: str  # SHA-256 of weights and settings: with another digest embeddings differ; empty without weights
    threaded: bool  # whether threads of one process may share it; where it is False, processes side by side are quicker

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n mono waveforms at `sample_rate`, each of shape (samples,): float32, shape (n, dimension).

        What stands beside a waveform does not change its embedding. ValueError where one is too short for one frame, or has
        more than one channel.
        """
        ...


class _Kind(NamedTuple):
    """How an encoder is made, `maker` of `module`; and what its embeddings depend on besides: other modules, packages."""

    module: str
    maker: str
    packages: tuple[str, ...]
    sources: tuple[str, ...] = ("hub",)
    sourced: bool = True  # whether a SOURCE follows the name
    reduced: bool = False  # whether it computes in bf16 too


_KINDS = {
    "handcrafted": _Kind("handcrafted", "Handcrafted", ("librosa",), (), sourced=False),
    "wav2vec2": _Kind("wav2vec2", "Wav2Vec2", ("transformers",), reduced=True),
    "transformers": _Kind("speech", "SpeechModel", ("transformers",), ("hub", "wav2vec2"), reduced=True),
    "laion-clap": _Kind("clap", "LaionClap", ("laion-clap",)),
    "msclap": _Kind("clap", "MicrosoftClap", ("msclap",)),
    "audioclip": _Kind("audioclip", "AudioClip", ("torchvision", "transformers"), ("hub", "clap")),
    "emotion2vec": _Kind("speech", "Emotion2Vec", ("funasr",)),
    "egemaps": _Kind("egemaps", "Egemaps", ("opensmile",), sourced=False),
    "dual": _Kind("dual", "Dual", ("transformers",), ("hub", "wav2vec2")),
    "features": _Kind("features", "Features", ()),
}

#: The files of a sentence encoder (`sentences.embed`).
SENTENCES = ("config.json", "tokenizer.json", "model.safetensors")

#: How the names of encoders begin; after a colon follows a folder, a file or a hub id.
NAMES = tuple(f"{kind}:" if row.sourced else kind for kind, row in _KINDS.items())


def get(name: str, *, precision: str = "fp32") -> Encoder:
    """Make an encoder by its name; heavy packages are imported only here. One that was made before is given again.

    Args:
        name: see the table above. ValueError where there is no such encoder (the message lists those there are), or its
            checkpoint is missing or damaged (`hub.CheckpointError`).
        precision: "fp32", "bf16", or "auto": bf16 where encoder and machine compute in it, otherwise fp32.
    """
    kind, source = _parsed(name)
    if not kind.reduced and precision == "bf16":
        raise ValueError(f"the encoder {name} computes in fp32 only")
    options = {"precision": compute.precision(precision)} if kind.reduced else {}
    return _maker(kind)(*([source] if source else []), **options)


def modules(name: str) -> tuple[str, ...]:
    """The sources below `lib/emocast` that determine an encoder's embeddings (of a kind, "wav2vec2", too)."""
    kind = _KINDS[name.partition(":")[0]]
    return ("audio.py", *(f"encoders/{module}.py" for module in (kind.module, *kind.sources)))


def packages(name: str) -> tuple[str, ...]:
    """The distributions whose versions belong to an encoder's identity. PyTorch's does not: only last digits depend on it."""
    return _KINDS[name.partition(":")[0]].packages


def resolved(name: str) -> str:
    """The same encoder by a name that holds in a process with other folders: a local checkpoint by its whole path."""
    from . import hub  # here and below: it imports huggingface_hub

    kind, _, source = name.partition(":")
    path, at, layer = source.rpartition("@")
    for place, rest in ((source, ""), (path, at + layer)):
        if place and (found := hub.local(place)):
            return f"{kind}:{found}{rest}"
    return name


def missing(name: str, *, texts: bool = False) -> str:
    """Say which package to install or which files of its checkpoint to put where; empty when nothing is missing.

    Damage shows only when a model is read; where a network may be used (`hub.find`), what is missing is downloaded. With
    `texts`, the tokenizer that some need beside is looked for too.
    """
    from . import clap

    kind, lacking = name.partition(":")[0], []
    try:  # of an optional extra, without which no weights are downloaded
        list(map(version, _KINDS[kind].packages if kind in _KINDS else ()))
    except PackageNotFoundError as error:
        return f'install the package {error.name}: `pip install -e ".[{kind}]"`'
    looks = {} if kind == "dual" else {weights_bytes: name}  # a model of the demo's own, which nobody must bring
    looks |= {clap.tokenizer_files: clap.TOKENIZERS[kind]} if texts and kind in clap.TOKENIZERS else {}
    for look, what in looks.items():
        try:
            look(what)
        except ValueError as error:  # CheckpointErrors, and names that are none
            lacking.append(getattr(error, "advice", "") or str(error))
    return "; ".join(lacking)


def weights_bytes(name: str) -> int:
    """The size of the files that hold an encoder's weights; hub.CheckpointError where they are not there."""
    kind, source = _parsed(name)
    return sum(file.stat().st_size for file in _maker(kind).weights(source)) if source else 0


def _maker(kind: _Kind) -> Any:
    return getattr(import_module(f".{kind.module}", __name__), kind.maker)


def _parsed(name: str) -> tuple[_Kind, str]:
    kind, colon, source = name.partition(":")
    if kind not in _KINDS or _KINDS[kind].sourced != bool(source) or (colon and not source):
        known = [f"{known}<folder, file or hub id>" if known.endswith(":") else known for known in NAMES]
        raise ValueError(f"no encoder {name!r}; there is {', '.join(known)}")
    return _KINDS[kind], source
