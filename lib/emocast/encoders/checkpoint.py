"""Emotion classifiers on wav2vec 2.0, as folders in SpeechBrain's format: one reader and one writer.

The format is that of https://huggingface.co/speechbrain/emotion-recognition-wav2vec2-IEMOCAP (SpeechBrain: Ravanelli et
al. 2021, arXiv 2106.04624). A folder holds

- `hyperparams.yaml`: how SpeechBrain puts the parts together; of it only `output_norm` is looked at, its tags are not run
- `wav2vec2.ckpt`: the encoder, keys `model.` + the names of transformers' `Wav2Vec2Model`
- `model.ckpt`: the head, one key `0.w.weight` of shape (classes, hidden)
- `label_encoder.txt`: which class is which emotion
- `config.json`, `preprocessor_config.json` (not needed): the encoder's architecture in transformers' manner. Without it,
  or where it names no wav2vec 2.0 (the official one names an interface), the encoder is a `facebook/wav2vec2-base`.

A checkpoint is data: weights are read with `weights_only=True` and every key and shape is checked, no class named in
the folder is made, and no Python file is run or so much as downloaded.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import Wav2Vec2Config, Wav2Vec2Model

from .. import cache, labels, paths
from . import checkpoint_files as files
from . import hub

OFFICIAL = "speechbrain/emotion-recognition-wav2vec2-IEMOCAP"

_BATCH_SAMPLES = 320_000  # 20 s of sound at once: with wav2vec2-base the process peaks at 1.6 GB


class Checkpoint(nn.Module):
    """An emotion classifier: encoder, pooling and head, exactly as SpeechBrain's recipe has them; no gradients.

    Attributes:
        emotions: the emotion (`labels.EMOTIONS`) of each class, in the order of the classes.
        dimension: how many values an embedding has (768 for wav2vec2-base).
        digest: SHA-256 of what determines an embedding: the encoder's file and configuration.
    """

    def __init__(self, model: Wav2Vec2Model, head: torch.Tensor, emotions: Sequence[str], digest: str) -> None:
        """Put loaded parts together: see `load`."""
        super().__init__()
        self.model = model
        self.register_buffer("head", head)
        self.emotions = tuple(emotions)
        self.dimension = head.shape[1]
        self.digest = digest
        self.requires_grad_(False).eval()

    def embed(self, waveforms: Sequence[Any]) -> torch.Tensor:
        """Embed waveforms: the mean over time of the encoder's normalised output.

        Nothing is padded, which would change embeddings by 0.3 to 0.6: waveforms of equal length share a batch.

        Args:
            waveforms: n float waveforms (arrays or tensors) at 16 kHz, each of shape (samples,), of any lengths.

        Returns:
            float32, shape (n, dimension).

        Raises:
            ValueError: a waveform is shorter than one frame of the encoder, or has more than one channel.
        """
        tensors = [torch.as_tensor(waveform, dtype=torch.float32) for waveform in waveforms]
        for number, tensor in enumerate(tensors):
            self._check(number, tensor)
        embeddings = torch.empty((len(tensors), self.dimension))
        # transformers draws a random number for each layer even where none is dropped: the caller's are left as they were
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            for rows in _equal_lengths([len(tensor) for tensor in tensors]):
                embeddings[rows] = self._embed_batch(torch.stack([tensors[row] for row in rows]))
        return embeddings

    def classify(self, waveforms: Sequence[Any]) -> torch.Tensor:
        """Classify waveforms.

        Args:
            waveforms: as for `embed`.

        Returns:
            The probability of each of `emotions`: float32, shape (n, classes), rows sum to 1.

        Raises:
            ValueError: as `embed`.
        """
        return (self.embed(waveforms) @ self.head.T).softmax(dim=-1)

    def _embed_batch(self, waveforms: torch.Tensor) -> torch.Tensor:
        normal = functional.layer_norm(waveforms, waveforms.shape[1:])
        hidden = self.model(normal).last_hidden_state
        return functional.layer_norm(hidden, hidden.shape[1:]).mean(dim=1)  # normalised over time and channels

    def _check(self, number: int, waveform: torch.Tensor) -> None:
        if waveform.ndim != 1:
            raise ValueError(f"waveform {number} has the shape {tuple(waveform.shape)}; expected (samples,)")
        samples = len(waveform)
        for kernel, stride in zip(self.model.config.conv_kernel, self.model.config.conv_stride, strict=True):
            samples = (samples - kernel) // stride + 1 if samples >= kernel else 0
        if samples < 1:
            raise ValueError(f"waveform {number}: {len(waveform)} samples are shorter than one frame of the encoder")


def _equal_lengths(lengths: Sequence[int]) -> list[list[int]]:
    """Divide positions into batches of one length each, of at most `_BATCH_SAMPLES` samples or one waveform."""
    positions: dict[int, list[int]] = {}
    for position, length in enumerate(lengths):
        positions.setdefault(length, []).append(position)
    batches = []
    for length, rows in positions.items():
        size = max(1, _BATCH_SAMPLES // length)
        batches += [rows[first : first + size] for first in range(0, len(rows), size)]
    return batches


def load(source: Path | str) -> Checkpoint:
    """Read a checkpoint; one that is in memory and unchanged on disk is not read again.

    Args:
        source: a folder or a hub id such as `OFFICIAL`, looked for as `hub.find` says.

    Returns:
        The classifier, on the processor, in float32.

    Raises:
        hub.CheckpointError: the checkpoint is missing, damaged or of another kind; the message names the file.
    """
    folder = hub.find(source, needed=files.NEEDED, optional=files.OPTIONAL)
    present = [folder / name for name in (*files.NEEDED, *files.OPTIONAL) if (folder / name).is_file()]
    return _load(folder, tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in present))


@functools.lru_cache(maxsize=2)
def _load(folder: Path, stamp: tuple[tuple[str, int, int], ...]) -> Checkpoint:
    """Read a folder. `stamp` stands for what its files hold: the key under which the result stays in memory."""
    files.check_recipe(folder)
    emotions, config = files.read_labels(folder / files.LABELS), files.read_config(folder)
    model = _empty(config, folder)
    encoder = files.read_weights(folder / files.ENCODER, _shapes(model))
    head = files.read_weights(folder / files.HEAD, {files.HEAD_KEY: (len(emotions), config.hidden_size)})
    model.load_state_dict({name.removeprefix("model."): tensor for name, tensor in encoder.items()}, assign=True)
    return Checkpoint(model, head[files.HEAD_KEY], emotions, _digest(folder, config))


def _empty(config: Wav2Vec2Config, folder: Path) -> Wav2Vec2Model:
    """An encoder without weights: no memory is taken and no random number drawn for what is replaced at once."""
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            return Wav2Vec2Model(config)
    except Exception as error:  # settings that cannot be show themselves in many ways
        raise hub.CheckpointError(f"{folder / files.CONFIG}: no encoder can have these settings ({error})") from error


def _shapes(model: Wav2Vec2Model) -> dict[str, torch.Size]:
    return {f"model.{name}": tensor.shape for name, tensor in model.state_dict().items()}


def _digest(folder: Path, config: Wav2Vec2Config) -> str:
    architecture = json.dumps(files.architecture(config), sort_keys=True, default=str)
    return hashlib.sha256((cache.file_digest(folder / files.ENCODER) + architecture).encode()).hexdigest()


def save(
    folder: Path | str,
    *,
    encoder: Mapping[str, torch.Tensor],
    config: Wav2Vec2Config,
    head: torch.Tensor,
    emotions: Sequence[str],
) -> Path:
    """Write a checkpoint that `load` reads, and SpeechBrain too (its `hyperparams.yaml` says how).

    Args:
        folder: takes its place whole when all files are written; an older one is replaced.
        encoder: the state dict of a `Wav2Vec2Model`, or of SpeechBrain's `Wav2Vec2` (whose keys begin with `model.`).
        config: the encoder's architecture.
        head: shape (classes, hidden); there is no bias.
        emotions: the emotion (`labels.EMOTIONS`) of each class.

    Returns:
        The folder.

    Raises:
        ValueError: keys or shapes do not fit the architecture and the emotions, or an emotion is unknown or named twice.
    """
    folder = Path(folder)
    weights = {f"model.{name.removeprefix('model.')}": tensor.detach().cpu() for name, tensor in encoder.items()}
    files.check_weights(weights, _shapes(_empty(config, folder)), "encoder")
    shape = (len(labels.ordered(emotions)), config.hidden_size)
    files.check_weights({files.HEAD_KEY: head}, {files.HEAD_KEY: shape}, f"head of {', '.join(emotions)}")
    with paths.replacing(folder) as partial:
        partial.mkdir()
        torch.save(weights, partial / files.ENCODER)
        torch.save({files.HEAD_KEY: head.detach().cpu().clone()}, partial / files.HEAD)
        files.write_texts(partial, config, emotions)
        if folder.exists():
            folder.replace(partial.parent / ".old")  # inside the temporary folder, which is deleted
    return folder
