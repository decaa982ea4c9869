"""What all networks share: files found in a folder or on the model hub and read as data, and waveforms in batches."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import re
import threading
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import huggingface_hub
import numpy as np

from .. import compute, paths

if TYPE_CHECKING:
    import torch

MOST_SAMPLES = 320_000  # of a batch: two windows of 10 s at 16 kHz; more take memory and no less time
#: Held while a model is read: threads that ask at once get one between them.
LOCK = threading.RLock()

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+|roberta-base|gpt2")  # these two, the hub's oldest, have no owner's name
_IRRELEVANT = {"self", "kwargs", "return_attention_mask", "dither"}  # settings of transformers; dither would add noise
_OLD_NAMES = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}
# How a number is written that numpy computed: a function that makes it, under its name before and since numpy 2, and types.
_NUMBERS = [(np.float64(0).__reduce__()[0], f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
_NUMBERS += [np.dtype, *(type(np.dtype(number)) for number in ("f4", "f8", "i4", "i8"))]


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged or of another kind; `advice` says which files to put where, if they are missing."""

    def __init__(self, message: str, *, advice: str = "") -> None:
        """Say what is wrong."""
        super().__init__(message)
        self.advice = advice


def find(source: Path | str, *, needed: Sequence[str], optional: Sequence[str] = ()) -> Path:
    """Find a checkpoint's folder, downloading it from the model hub where that is needed and allowed.

    Args:
        source: a folder: absolute, or relative to the working folder, `data/checkpoints/` or `outputs/`. Or a hub id
            ("owner/name"), whose files go into the hub's own cache.
        needed: names of the files that must be there: a CheckpointError says which to put where.
        optional: names of files that are taken where they are. No other file is downloaded.
    """
    folder = local(source)
    own = folder is not None and folder.is_dir()
    if not own:
        if not _HUB_ID.fullmatch(str(source)):
            raise _nowhere(source, needed, "there is no such folder")
        folder = _download(str(source), tuple(needed), tuple(optional))
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing and own:
        place = paths.relative(folder)
        raise CheckpointError(
            f"no {missing[0]} in {place}: the copy is incomplete, a checkpoint has {', '.join(needed)}",
            advice=f"put {', '.join(missing)} beside the others into {place}/",
        )
    if missing:
        raise _nowhere(source, needed, f"what the hub or its cache has of it holds no {missing[0]}")
    return folder


def local(source: Path | str) -> Path | None:
    """The whole path of a checkpoint on this machine, or None. For where it is looked for see `find`."""
    for place in (Path(), paths.data() / "checkpoints", paths.outputs()):
        if (place / source).exists():
            return (place / source).resolve()
    return None


def find_file(source: Path | str) -> Path:
    """Find a checkpoint that is one file, as `find` does: a path, or a hub id and a file of it ("owner/name/file.pt")."""
    here, (folder, _, name) = local(source), str(source).rpartition("/")
    if here is not None and here.is_file():
        return here
    return find(folder or paths.data() / "checkpoints", needed=[name]) / name


@functools.lru_cache(maxsize=8)  # the hub is asked once a process, not once a sound file
def _download(repository: str, needed: tuple[str, ...], optional: tuple[str, ...]) -> Path:
    try:
        return Path(huggingface_hub.snapshot_download(repository, allow_patterns=[*needed, *optional]))
    except Exception as error:  # what is raised for a network that is not there has no common class
        reason = f"there is no such folder, and the model hub gave none ({type(error).__name__})"
        raise _nowhere(repository, needed, reason) from error


def _nowhere(source: Path | str, needed: Sequence[str], reason: str) -> CheckpointError:
    if own := re.fullmatch(r"([^/]+)/models/[^/]+", str(source)):  # a profile's own model: nobody can put it anywhere
        return CheckpointError(
            f"no model {source}: notebook 06_cross_lingual_ser trains the models that the profile {own[1]!r} asks for "
            f"(02_clap_zero_shot the contrastive one): `make reproduce PROFILE={own[1]}` runs it, or run it first"
        )
    place = paths.data() / "checkpoints" / source  # an absolute one stays as it is
    advice = f"put {', '.join(needed) or 'its files'} into {paths.relative(place)}/"
    network = "where there is a network, a hub id is downloaded by itself unless HF_HUB_OFFLINE is set"
    return CheckpointError(f"no checkpoint {source}: {reason}. P{advice[1:]}; {network}", advice=advice)


def loaded(load: Callable[..., Any], *files: Path, options: tuple = ()) -> Any:
    """What `load`, which remembers, gives of files, their stamp and options: once a process, and anew when one changes."""
    stamp = tuple((file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    with LOCK:
        return load(*files, stamp, *options)


def digest(*files: Path, settings: Any = None) -> str:
    """SHA-256 of files' contents, in this order, and of settings (what JSON can hold)."""
    parts = [compute.file_digest(file) for file in files]
    return hashlib.sha256(json.dumps([parts, settings], sort_keys=True, default=str).encode()).hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """The settings in a JSON file; CheckpointError where it is damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path}: not valid JSON ({error}); get it again") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: expected an object of settings; get it again")
    return value


def made(kind: type, settings: Mapping[str, Any], path: Path) -> Any:
    """An object of transformers with the `declared` ones of a file's settings; CheckpointError where they cannot be."""
    try:
        return kind(**declared(kind, settings))
    except Exception as error:  # a wrong value shows itself in many ways
        raise CheckpointError(f"{path}: {kind.__name__} cannot have these settings ({error})") from error


def declared(kind: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the settings that a class of transformers declares and that matter here; others can make it fetch code."""
    names = sorted(inspect.signature(kind.__init__).parameters.keys() - _IRRELEVANT)
    found = {name: settings[name] for name in names if name in settings}
    for name, tower in getattr(kind, "sub_configs", {}).items():
        own = found.get(name) or {}
        found[name] = declared(tower, own if isinstance(own, dict) else vars(own))
    return found


def read_training(path: Path) -> dict[str, Any]:
    """Read what a training wrote: named parts, of tensors and numbers. No code in the file is run."""
    import torch  # here and below: its import takes seconds, which who only looks for files need not wait

    with path.open("rb") as file:
        if file.read(23) == b"version https://git-lfs":
            raise CheckpointError(f"{path}: a git-LFS pointer stands in place of the weights; run `git lfs pull`")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        with LOCK, torch.serialization.safe_globals(_NUMBERS):
            # mapped: what a training kept of its optimizer is twice as large as the weights, and is never touched
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # a damaged file shows itself in many ways
        reason = "damaged, or it holds more than tensors and numbers, which could run code; nothing of it was run"
        raise CheckpointError(f"{path}: not read as weights: {reason}. Get it again from a source you trust") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: expected a checkpoint with named parts, found a {type(content).__name__}")
    return content


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read named tensors and nothing else (CheckpointError), in memory of their own. No code in the file is run.

    The positional convolution's weights, which had other names before PyTorch 2.1, get those of today.
    """
    import torch

    weights = read_training(path)
    if not all(isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in weights.items()):
        raise CheckpointError(f"{path}: expected named tensors and nothing else; get it again")
    for old, new in _OLD_NAMES.items():
        weights = {re.sub(rf"\b{old}$", new, name): tensor for name, tensor in weights.items()}
    return {name: tensor.clone() for name, tensor in weights.items()}


def check(weights: Mapping[str, Any], shapes: Mapping[str, Sequence[int]], where: Path | str, *, expected: str) -> None:
    """Refuse weights (CheckpointError) whose names or shapes are not these, all of them and no others."""
    lacking, unknown = shapes.keys() - weights, weights.keys() - shapes.keys()
    for problem, names in (("has no key", lacking), ("has an unknown key", unknown)):
        if names:
            raise CheckpointError(f"{where}: {problem} {min(names)} ({len(names)} in all): expected is {expected}")
    for name, shape in shapes.items():
        found = tuple(getattr(weights[name], "shape", ("no tensor",)))
        if found != tuple(shape):
            raise CheckpointError(f"{where}: {name} has the shape {found}, not {tuple(shape)}: expected is {expected}")


def fill(model: torch.nn.Module, weights: Mapping[str, Any], path: Path, *, expected: str) -> None:
    """Give a model its weights, all of them and no others (`check`); it learns no more."""
    check(weights, {name: tensor.shape for name, tensor in model.state_dict().items()}, path, expected=expected)
    model.load_state_dict(weights)
    model.requires_grad_(False).eval()


def mono(waveforms: Sequence[Any], *, shortest: int = 1) -> list[torch.Tensor]:
    """Waveforms (arrays or tensors) as float32 tensors of shape (samples,); ValueError where one is not, or too short."""
    import torch

    tensors = [torch.as_tensor(waveform, dtype=torch.float32) for waveform in waveforms]
    for number, tensor in enumerate(tensors):
        if tensor.ndim != 1:
            raise ValueError(f"waveform {number} has the shape {tuple(tensor.shape)}; expected (samples,)")
        if len(tensor) < shortest:
            raise ValueError(f"waveform {number}: {len(tensor)} samples are shorter than one frame of the encoder")
    return tensors


def equal_lengths(lengths: Sequence[int], *, most_samples: int = MOST_SAMPLES) -> list[list[int]]:
    """Divide positions into batches of one length each and at most so many samples (or one position); every one once.

    Zero padding would change the embeddings of the wav2vec 2.0 family by 0.3 to 0.6.
    """
    positions: dict[int, list[int]] = {}
    for position, length in enumerate(lengths):
        positions.setdefault(length, []).append(position)
    batches = []
    for length, rows in positions.items():
        size = max(1, most_samples // max(length, 1))
        batches += [rows[first : first + size] for first in range(0, len(rows), size)]
    return batches


def embed_batches(
    waveforms: Sequence[Any], embed: Callable[[torch.Tensor], torch.Tensor], *, dimension: int, shortest: int = 1
) -> np.ndarray:
    """Embed n mono waveforms (arrays or tensors; see `mono`), each of shape (samples,): float32, shape (n, dimension).

    `embed` takes waveforms of one length, float32, shape (some, samples): what stands beside one does not change its embedding.
    """
    import torch

    tensors = mono(waveforms, shortest=shortest)
    embeddings = np.empty((len(tensors), dimension), np.float32)
    # transformers draws a random number for each layer even where none is dropped: the caller's are left as they were
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        for rows in equal_lengths([len(tensor) for tensor in tensors]):
            embeddings[rows] = embed(torch.stack([tensors[row] for row in rows])).float().cpu().numpy()
    return embeddings
