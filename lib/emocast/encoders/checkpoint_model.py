"""The model in a checkpoint: encoder, pooling over time and linear heads, as SpeechBrain's recipe computes them.

waveform, normalised -> wav2vec 2.0 -> its output normalised over time and channels -> mean over time = the embedding ->
one linear head a task; a classification ends in a softmax, a regression does not. The thesis (section 4.2.3) averages what
its two heads say over time: that is the same as the heads of the average, for they are linear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import Wav2Vec2Model

from . import batches
from .checkpoint_recipe import CLASSIFICATION, DIMENSIONS, REGRESSION
from .convolutions import MatrixConvolutions, shortest


@dataclass(frozen=True, eq=False)  # tensors have no single truth of being equal
class Head:
    """A linear layer on an embedding.

    Attributes:
        weight: shape (units, hidden).
        bias: shape (units,), or None.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None = None

    def __call__(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Apply it to embeddings of shape (n, hidden): shape (n, units)."""
        return functional.linear(embeddings, self.weight, self.bias)


class Checkpoint(nn.Module):
    """An emotion model: encoder, pooling and heads, exactly as SpeechBrain's recipe has them; no gradients.

    Attributes:
        objective: "classification", "regression" or "multiobjective".
        heads: the head of each task that it has, "classification" before "regression".
        emotions: the emotion (`labels.EMOTIONS`) of each class, in the order of the classes; none without classification.
        dimensions: ("valence", "arousal"); none without regression.
        dimension: how many values an embedding has (768 for wav2vec2-base).
        digest: SHA-256 of what determines an embedding: the encoder's file and configuration, not the heads.
    """

    def __init__(
        self, model: Wav2Vec2Model, objective: str, heads: Mapping[str, Head], emotions: Sequence[str], digest: str
    ) -> None:
        """Put loaded parts together: see `checkpoint.load`."""
        super().__init__()
        self.model = model
        self.objective = objective
        self.heads = dict(heads)  # they stay on the processor, where embeddings come back to: they are small
        self.emotions = tuple(emotions)
        self.dimensions = DIMENSIONS if REGRESSION in heads else ()
        self.dimension = model.config.hidden_size
        self.digest = digest
        self.requires_grad_(False).eval()
        matrices = isinstance(self.model.feature_extractor, MatrixConvolutions)  # these take float32 and give the rest
        self._input_dtype = torch.float32 if matrices else self.model.dtype

    @property
    def shortest(self) -> int:
        """How many samples one frame needs: 400 (25 ms) in wav2vec2-base."""
        return shortest(self.model.config.conv_kernel, self.model.config.conv_stride)

    def embed(self, waveforms: Sequence[Any]) -> torch.Tensor:
        """Embed waveforms: the mean over time of the encoder's normalised output.

        Nothing is padded, which would change embeddings by 0.3 to 0.6: waveforms of equal length share a batch.

        Args:
            waveforms: n float waveforms (arrays or tensors) at 16 kHz, each of shape (samples,), of any lengths.

        Returns:
            float32, shape (n, dimension), on the processor.

        Raises:
            ValueError: a waveform is shorter than one frame of the encoder, or has more than one channel.
        """
        tensors = batches.mono(waveforms, shortest=self.shortest)
        embeddings = torch.empty((len(tensors), self.dimension))
        # transformers draws a random number for each layer even where none is dropped: the caller's are left as they were
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            for rows in batches.equal_lengths([len(tensor) for tensor in tensors]):
                embeddings[rows] = self._embed_batch(torch.stack([tensors[row] for row in rows])).cpu()
        return embeddings

    def outputs(self, waveforms: Sequence[Any]) -> dict[str, torch.Tensor]:
        """What all heads say of waveforms, in one pass through the encoder.

        Args:
            waveforms: as for `embed`.

        Returns:
            "classification": as `classify`, and "regression": as `regress`; those that the model has, on the processor.

        Raises:
            ValueError: as `embed`.
        """
        embeddings = self.embed(waveforms)
        found = {name: head(embeddings) for name, head in self.heads.items()}
        if CLASSIFICATION in found:
            found[CLASSIFICATION] = found[CLASSIFICATION].softmax(dim=-1)
        return found

    def classify(self, waveforms: Sequence[Any]) -> torch.Tensor:
        """Classify waveforms.

        Args:
            waveforms: as for `embed`.

        Returns:
            The probability of each of `emotions`: float32, shape (n, classes), rows sum to 1.

        Raises:
            ValueError: the model has no classification head, or as `embed`.
        """
        return self._outputs_of(CLASSIFICATION, waveforms)

    def regress(self, waveforms: Sequence[Any]) -> torch.Tensor:
        """Estimate valence and arousal.

        Args:
            waveforms: as for `embed`.

        Returns:
            The value of each of `dimensions`, on the scale that the model was trained on: float32, shape (n, 2).

        Raises:
            ValueError: the model has no regression head, or as `embed`.
        """
        return self._outputs_of(REGRESSION, waveforms)

    def _outputs_of(self, head: str, waveforms: Sequence[Any]) -> torch.Tensor:
        if head not in self.heads:
            raise ValueError(f"a model with the objective {self.objective} has no {head} head")
        return self.outputs(waveforms)[head]

    def _embed_batch(self, waveforms: torch.Tensor) -> torch.Tensor:
        waveforms = waveforms.to(self.model.device)
        normal = functional.layer_norm(waveforms, waveforms.shape[1:])  # in float32, whatever the encoder computes in
        hidden = self.model(normal.to(self._input_dtype)).last_hidden_state.float()
        return functional.layer_norm(hidden, hidden.shape[1:]).mean(dim=1)  # normalised over time and channels
