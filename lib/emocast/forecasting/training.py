"""Train one FC-DNN quickly: its step written out, forwards and backwards, in place of torch's general machinery.

The network is so small that on a CPU half of a step's time went to what surrounds the arithmetic: recording the graph for
the gradient, calling modules, sorting parameters for the optimiser, one draw of random numbers for each dropout. Written
out, the step asks for the same operations in the same order, so that on a CPU the weights are those of the plain loop to
the last bit (tests/forecasting/test_training.py holds it to that loop). `make bench` shows what is gained.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import nll_loss
from torch.optim.adam import adam

# Where torch has one kernel for the whole Adam step, in place of several small operations for every parameter.
FUSED_DEVICES = ("cpu", "cuda")
# torch's defaults, which the plain loop takes: of Adam, and of batch normalisation.
ADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False, "maximize": False}
MOMENTUM, EPSILON = 0.1, 1e-5


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
    """One network's training, a step at a time; after each epoch the network holds the weights.

    Args:
        network: hidden layers of linear, batch normalisation, ReLU, dropout, and a last linear layer.
        learning_rate: step size of Adam.
        dropout: share of a hidden layer's outputs dropped, in [0, 1).
    """

    def __init__(self, network: nn.Sequential, *, learning_rate: float, dropout: float) -> None:
        """Lay the weights one behind the other, with room for gradients and Adam's moments: Adam sees one tensor."""
        self._norms = [layer for layer in network if isinstance(layer, nn.BatchNorm1d)]
        self._network = network
        parameters = list(network.parameters())
        self._flat = torch.cat([parameter.detach().flatten() for parameter in parameters])
        self._gradient, self._mean, self._square = (torch.zeros_like(self._flat) for _ in range(3))
        shapes = [parameter.shape for parameter in parameters]
        self._parameters, self._gradients = (_views(flat, shapes) for flat in (self._flat, self._gradient))
        self._transposed = [weight.t() for weight in self._parameters[::4]]  # of the linear layers, the last one too
        self._steps = [torch.zeros((), device=self._flat.device)]
        self._learning_rate, self._dropout = learning_rate, dropout

    def _hand_back(self) -> None:
        """Give the weights to the network."""
        for parameter, trained in zip(self._network.parameters(), self._parameters, strict=True):
            parameter.copy_(trained)

    def epoch(self, inputs: torch.Tensor, codes: torch.Tensor, kept: torch.Tensor | None, *, batch_size: int) -> float:
        """Take one step a batch.

        Args:
            inputs: embeddings already in their order, (n, d).
            codes: their classes, (n,).
            kept: what dropout keeps (`Start.kept`), or None.
            batch_size: events a step.

        Returns:
            The mean loss an event in training mode, in nats.
        """
        sizes = batch_sizes(len(inputs), batch_size=batch_size)
        # Added up on the device: asking for each value would make a GPU wait at every step.
        total, begin = torch.zeros((), device=inputs.device), 0
        with torch.no_grad():
            for batch, batch_codes in zip(inputs.split(sizes), codes.split(sizes), strict=True):
                masks = self._masks(kept, begin, len(batch))
                total += self._step(batch, batch_codes, masks) * len(batch)
                begin += len(batch)
            self._hand_back()
        for norm in self._norms:
            norm.num_batches_tracked += len(sizes)
        return float(total) / len(inputs)

    def _masks(self, kept: torch.Tensor | None, begin: int, rows: int) -> list[torch.Tensor | None]:
        """What the outputs of each hidden layer are multiplied by for one batch: (rows, units) each."""
        layers, units = len(self._norms), self._norms[0].num_features
        if kept is None:
            return [None] * layers
        part = kept[begin * layers * units : (begin + rows) * layers * units]
        return list(part.view(layers, rows, units).float().div_(1 - self._dropout))

    def _step(self, batch: torch.Tensor, codes: torch.Tensor, masks: list[torch.Tensor | None]) -> torch.Tensor:
        """Forwards, backwards, Adam; the loss of the batch."""
        logits, layers = self._forward(batch, masks)
        scores = logits.log_softmax(1)
        self._backward(_loss_gradient(scores, codes), layers, masks)
        adam(
            [self._flat], [self._gradient], [self._mean], [self._square], [], self._steps, lr=self._learning_rate,
            fused=self._steps[0].device.type in FUSED_DEVICES, **ADAM,
        )  # fmt: skip
        return nll_loss(scores, codes)

    def _forward(self, batch: torch.Tensor, masks: list[torch.Tensor | None]) -> tuple[torch.Tensor, list[tuple]]:
        """The network's outputs, and what the way back needs of each layer."""
        outputs, layers = batch, []
        for place, (norm, mask) in enumerate(zip(self._norms, masks, strict=True)):
            _, bias, scaling, shifting = self._parameters[4 * place : 4 * place + 4]
            sums = torch.addmm(bias, outputs, self._transposed[place])
            running = norm.running_mean, norm.running_var
            normal, mean, scale = torch.native_batch_norm(
                sums, scaling, shifting, *running, training=True, momentum=MOMENTUM, eps=EPSILON
            )
            active = normal.relu_()
            layers.append((outputs, sums, mean, scale, active))
            outputs = active if mask is None else active * mask
        layers.append((outputs,))
        return torch.addmm(self._parameters[-1], outputs, self._transposed[-1]), layers

    def _backward(self, slope: torch.Tensor, layers: list[tuple], masks: list[torch.Tensor | None]) -> None:
        """Fill in the gradients, from the last layer to the first; `slope` is the loss's derivative there."""
        slope = self._through_linear(len(masks), layers[-1][0], slope)
        for place in reversed(range(len(masks))):
            inputs, sums, mean, scale, active = layers[place]
            slope = slope if masks[place] is None else slope.mul_(masks[place])
            slope = torch.ops.aten.threshold_backward(slope, active, 0)
            norm = self._norms[place]
            slope, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
                slope, sums, self._parameters[4 * place + 2], norm.running_mean, norm.running_var, mean, scale, True,
                EPSILON, [True] * 3,
            )  # fmt: skip
            self._gradients[4 * place + 2].copy_(of_weight)
            self._gradients[4 * place + 3].copy_(of_bias)
            slope = self._through_linear(place, inputs, slope)

    def _through_linear(self, place: int, inputs: torch.Tensor, slope: torch.Tensor) -> torch.Tensor | None:
        """Fill in a linear layer's gradients; the derivative by its inputs, or None at the first layer."""
        torch.mm(slope.t(), inputs, out=self._gradients[4 * place])
        torch.sum(slope, 0, out=self._gradients[4 * place + 1])
        return slope.mm(self._parameters[4 * place]) if place else None


def _views(flat: torch.Tensor, shapes: list[torch.Size]) -> list[torch.Tensor]:
    """The parts of a flat tensor, one behind the other, in their shapes."""
    parts = flat.split([shape.numel() for shape in shapes])
    return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


def batch_sizes(n_events: int, *, batch_size: int) -> list[int]:
    """Divide events into batches, none of one event alone: batch normalisation needs two to have a variance."""
    whole, rest = divmod(n_events, batch_size)
    sizes = [batch_size] * whole + [rest] * (rest > 0)
    if rest == 1 and whole:
        sizes[-2:] = [batch_size + 1]
    return sizes


def _loss_gradient(scores: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """The derivative of the mean cross-entropy by the logits, whose log-softmax `scores` are: both (n, c)."""
    one, weight = scores.new_ones(()), scores.new_tensor(float(len(scores)))
    by_scores = torch.ops.aten.nll_loss_backward(one, scores, codes, None, 1, -100, weight)
    return torch.ops.aten._log_softmax_backward_data(by_scores, scores, 1, scores.dtype)
