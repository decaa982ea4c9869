"""Train one FC-DNN quickly on a CPU: its step written out, in place of torch's general machinery.

The network is so small that most of a step's time went to what surrounds the matrix products: recording the graph for the
gradient, calling modules, normalising a few thousand numbers in many small operations. Written out, torch multiplies
matrices and `kernels` does the rest; the weights are those of the plain loop but for rounding
(tests/forecasting/test_training.py holds it to that loop). `make bench` shows what is gained.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from . import kernels


@dataclass(frozen=True)
class Start:
    """Where a training begins.

    Attributes:
        network: the layers with their initial weights, on the device.
        inputs: embeddings, (n, d) float32, on the device.
        codes: classes as numbers from 0, (n,) int64, on the device.
        shuffler: random numbers of the order of events, on the CPU, so that every device has the same order.
        dropper: random numbers of dropout, on the device.
    """

    network: nn.Sequential
    inputs: torch.Tensor
    codes: torch.Tensor
    shuffler: torch.Generator
    dropper: torch.Generator

    def order(self) -> torch.Tensor:
        """Draw the order of events for one epoch, (n,)."""
        return torch.randperm(len(self.inputs), generator=self.shuffler).to(self.inputs.device)

    def kept(self, *, dropout: float) -> torch.Tensor | None:
        """Draw which outputs of hidden layers stay in one epoch: (n * layers * units,) bool; None without dropout.

        A batch's part holds its first layer, then its second: the order in which the plain loop draws them one by one.
        """
        if not dropout:
            return None
        units = sum(layer.num_features for layer in self.network if isinstance(layer, nn.BatchNorm1d))
        kept = torch.empty(len(self.inputs) * units, dtype=torch.bool, device=self.inputs.device)
        return kept.bernoulli_(1 - dropout, generator=self.dropper)


class Written:
    """One network's training on a CPU, an epoch at a time.

    Args:
        start: the network, of hidden layers of linear, batch normalisation, ReLU, dropout, and a last linear layer; and
            its data.
        learning_rate: step size of Adam.
        dropout: share of a hidden layer's outputs dropped, in [0, 1).
    """

    def __init__(self, start: Start, *, learning_rate: float, dropout: float) -> None:
        """Copy the weights into layers that are ready for `kernels`."""
        self._start, self._dropout, self._steps = start, dropout, 0
        self._adam = partial(kernels.adam, learning_rate=learning_rate)
        norms = [part for part in start.network if isinstance(part, nn.BatchNorm1d)]
        linears = [part for part in start.network if isinstance(part, nn.Linear)]
        # One room for the gradients of all layers: each is used up before the next is computed, and the room stays in cache.
        room = torch.zeros(max(_size(linear) + 2 * linear.out_features for linear in linears))
        self._hidden = [_Layer(linear, norm, room=room) for linear, norm in zip(linears, norms, strict=False)]
        self._last = _Layer(linears[-1], room=room)

    def epoch(self, *, batch_size: int) -> list[float]:
        """Take one step a batch.

        Args:
            batch_size: events a step.

        Returns:
            The mean loss an event in training mode, in nats: one number, as of a stack of one (`stack.Stack`).
        """
        order, kept = self._start.order(), self._start.kept(dropout=self._dropout)
        sizes = batch_sizes(len(order), batch_size=batch_size)
        inputs, codes = self._start.inputs[order].split(sizes), self._start.codes[order].split(sizes)
        with torch.no_grad():
            return [sum(map(self._step, inputs, codes, self._masks(kept, sizes))) / len(order)]

    def hand_back(self) -> None:
        """Give the network its weights and running statistics."""
        for layer in (*self._hidden, self._last):
            layer.hand_back(steps=self._steps)

    def _masks(self, kept: torch.Tensor | None, sizes: list[int]) -> list[np.ndarray]:
        """What dropout keeps in each batch: (layers, rows, units) bool."""
        layers, units = len(self._hidden), self._start.network[0].out_features
        if kept is None:
            kept = torch.ones(sum(sizes) * layers * units, dtype=torch.bool)
        parts = kept.split([layers * size * units for size in sizes])
        return [part.view(layers, -1, units).numpy() for part in parts]

    def _step(self, batch: torch.Tensor, codes: torch.Tensor, kept: np.ndarray) -> float:
        """Forwards, backwards, Adam; the loss of the batch, summed over its events."""
        self._steps += 1
        factor, passed = np.float32(1 / (1 - self._dropout)), [batch]
        for layer, mask in zip(self._hidden, kept, strict=True):
            passed.append(layer.forward(passed[-1], mask, factor))
        loss, slope = self._last.compare(passed.pop(), codes)
        self._adam(*self._last.state, step=self._steps)
        for layer in reversed(self._hidden):
            slope = layer.backward(slope, passed.pop(), factor, further=bool(passed))
            self._adam(*layer.state, step=self._steps)
        return loss


class _Layer:
    """A linear layer, and the batch normalisation behind it where there is one; weights one behind the other for Adam.

    Args:
        linear: gives the weights.
        norm: of a hidden layer.
        room: (k,) float32, for the gradient.

    Attributes:
        state: weights, gradient and Adam's two running means, (k,) float32 each.
    """

    def __init__(self, linear: nn.Linear, norm: nn.BatchNorm1d | None = None, *, room: torch.Tensor) -> None:
        self._norm = norm
        self._parameters = [parameter for part in (linear, norm) if part is not None for parameter in part.parameters()]
        flat = torch.cat([parameter.detach().flatten() for parameter in self._parameters])
        gradient = room[: len(flat)]
        self.state = [tensor.numpy() for tensor in (flat, gradient, torch.zeros_like(flat), torch.zeros_like(flat))]
        self._trained = self._views(flat)
        (self._weight, *vectors), (self._of_weight, *of_vectors) = self._trained, self._views(gradient)
        self._vectors, self._of_vectors = ([tensor.numpy() for tensor in both] for both in (vectors, of_vectors))
        self._running = None if norm is None else (norm.running_mean.numpy(), norm.running_var.numpy())
        self._scale = np.empty(linear.out_features, np.float32)

    def _views(self, flat: torch.Tensor) -> list[torch.Tensor]:
        """The parts of a flat tensor in the parameters' shapes."""
        parts = flat.split([parameter.numel() for parameter in self._parameters])
        return [part.view(parameter.shape) for part, parameter in zip(parts, self._parameters, strict=True)]

    def forward(self, inputs: torch.Tensor, kept: np.ndarray, factor: np.float32) -> torch.Tensor:
        """The outputs of a hidden layer, (n, d) -> (n, u); what the way back needs is kept until then."""
        self._normal = self._weigh(inputs).numpy()
        self._active = np.empty_like(self._normal)
        kernels.activate(self._normal, *self._vectors, *self._running, kept, factor, self._scale, self._active)
        return torch.from_numpy(self._active)

    def backward(
        self, slope: torch.Tensor, inputs: torch.Tensor, factor: np.float32, *, further: bool
    ) -> torch.Tensor | None:
        """Fill in a hidden layer's gradient; the derivative by its inputs, where it is asked for further back.

        Args:
            slope: the derivative by the outputs, (n, u).
            inputs: (n, d).
            factor: as in `forward`.
            further: whether there is a layer before this one.
        """
        made = self._normal, self._active, factor, self._vectors[1], self._scale
        kernels.through_activation(slope.numpy(), *made, *self._of_vectors)
        return self._through_weights(slope, inputs, further=further)

    def compare(self, inputs: torch.Tensor, codes: torch.Tensor) -> tuple[float, torch.Tensor]:
        """Hold the last layer's outputs against the classes: the summed loss, and the derivative by the inputs, (n, d)."""
        logits = self._weigh(inputs)
        loss = kernels.cross_entropy(logits.numpy(), self._vectors[0], self._of_vectors[0], codes.numpy())
        return loss, self._through_weights(logits, inputs, further=True)

    def _weigh(self, inputs: torch.Tensor) -> torch.Tensor:
        """Weigh and sum, (n, d) -> (n, u): this way round the product takes two thirds of the time of the other."""
        return self._weight.mm(inputs.t()).t().contiguous()

    def _through_weights(self, slope: torch.Tensor, inputs: torch.Tensor, *, further: bool) -> torch.Tensor | None:
        """From the derivative by the weighted inputs, (n, u), to that by the weights and by the inputs, (n, d)."""
        torch.mm(slope.t(), inputs, out=self._of_weight)
        return slope.mm(self._weight) if further else None

    def hand_back(self, *, steps: int) -> None:
        """Give the modules their weights; running statistics are theirs already, but for the count of steps."""
        with torch.no_grad():
            for parameter, trained in zip(self._parameters, self._trained, strict=True):
                parameter.copy_(trained)
        if self._norm is not None:
            self._norm.num_batches_tracked.fill_(steps)


def _size(linear: nn.Linear) -> int:
    """The number of a linear layer's weights."""
    return sum(parameter.numel() for parameter in linear.parameters())


def batch_sizes(n_events: int, *, batch_size: int) -> list[int]:
    """Divide events into batches, none of one event alone: batch normalisation needs two to have a variance."""
    whole, rest = divmod(n_events, batch_size)
    sizes = [batch_size] * whole + [rest] * (rest > 0)
    if rest == 1 and whole:
        sizes[-2:] = [batch_size + 1]
    return sizes
