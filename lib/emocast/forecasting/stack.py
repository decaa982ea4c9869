"""Networks on top of each other: every operation of a training step is one for all of them (`stacked` says when)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from .kernels import EPSILON, MOMENTUM
from .training import Start, batch_sizes

# Where torch has one kernel for the whole Adam step, in place of several small operations for every parameter.
_FUSED_DEVICES = ("cpu", "cuda")


class Stack:
    """Networks that are trained together: each tensor has one more axis, the first, along which they lie.

    Args:
        starts: where they begin, alike in layers and in steps an epoch.
        learning_rate: step size of Adam.
        dropout: share of a hidden layer's outputs dropped, in [0, 1).
    """

    def __init__(self, starts: Sequence[Start], *, learning_rate: float, dropout: float) -> None:
        """Stack weights and running statistics, and set up one Adam for all."""
        self._starts, self._dropout = starts, dropout
        self._parameters = _stacked([start.network.parameters() for start in starts])
        for parameter in self._parameters:
            parameter.requires_grad_()
        norms = [[layer for layer in start.network if isinstance(layer, nn.BatchNorm1d)] for start in starts]
        self._means = _stacked([[norm.running_mean for norm in own] for own in norms])
        self._variances = _stacked([[norm.running_var for norm in own] for own in norms])
        self._norms = norms
        fused = self._parameters[0].device.type in _FUSED_DEVICES
        self._optimiser = torch.optim.Adam(self._parameters, lr=learning_rate, fused=fused)

    def epoch(self, *, batch_size: int) -> list[float]:
        """Take one step a batch in all networks; the mean loss an event of each, in nats."""
        orders = [start.order() for start in self._starts]
        inputs, codes = (
            pad_sequence([part[order] for part, order in zip(parts, orders, strict=True)], batch_first=True)
            for parts in ([start.inputs for start in self._starts], [start.codes for start in self._starts])
        )
        kept = None
        if self._dropout:
            kept = pad_sequence([start.kept(dropout=self._dropout) for start in self._starts], batch_first=True)
        sizes = [batch_sizes(len(order), batch_size=batch_size) for order in orders]
        total, begin = torch.zeros(len(orders), device=inputs.device), 0
        for rows in zip(*sizes, strict=True):  # they differ in the last batch alone
            end = begin + max(rows)
            losses = self._step(inputs[:, begin:end], codes[:, begin:end], self._masks(kept, begin, rows), rows)
            total += losses * torch.tensor(rows, device=total.device)
            begin = end
        for norm in (norm for own in self._norms for norm in own):
            norm.num_batches_tracked += len(sizes[0])
        return [float(loss) / len(order) for loss, order in zip(total.cpu(), orders, strict=True)]

    def hand_back(self) -> None:
        """Give each network its weights and running statistics."""
        for place, (start, norms) in enumerate(zip(self._starts, self._norms, strict=True)):
            with torch.no_grad():
                for parameter, stacked in zip(start.network.parameters(), self._parameters, strict=True):
                    parameter.copy_(stacked[place])
                for norm, mean, variance in zip(norms, self._means, self._variances, strict=True):
                    norm.running_mean.copy_(mean[place])
                    norm.running_var.copy_(variance[place])

    def _masks(self, kept: torch.Tensor | None, begin: int, rows: Sequence[int]) -> torch.Tensor | None:
        """What outputs are multiplied by in one step, (layers, networks, rows, units); None without dropout."""
        if kept is None:
            return None
        layers, units = len(self._means), self._means[0].shape[1]
        part = kept[:, begin * layers * units :]
        if len(set(rows)) == 1:
            masks = part[:, : layers * rows[0] * units].reshape(len(rows), layers, rows[0], units)
        else:
            own = [part[place, : layers * size * units].view(layers, size, units) for place, size in enumerate(rows)]
            masks = torch.stack([nn.functional.pad(mask, (0, 0, 0, max(rows) - mask.shape[1])) for mask in own])
        return masks.transpose(0, 1).float().div_(1 - self._dropout)

    def _step(
        self, batch: torch.Tensor, codes: torch.Tensor, masks: torch.Tensor | None, rows: Sequence[int]
    ) -> torch.Tensor:
        """Forwards, backwards, Adam; the losses of the networks' batches. Rows beyond a network's own count nothing."""
        count = torch.tensor(rows, device=batch.device)[:, None]
        present = None if len(set(rows)) == 1 else (torch.arange(max(rows), device=batch.device) < count).float()
        logits = self._forward(batch, masks, present, count)
        losses = cross_entropy(logits.flatten(0, 1), codes.flatten(), reduction="none").view(codes.shape)
        means = (losses if present is None else losses * present).sum(1) / count[:, 0]
        self._optimiser.zero_grad()
        means.sum().backward()  # no network's loss depends on another's weights
        self._optimiser.step()
        return means.detach()

    def _forward(
        self, outputs: torch.Tensor, masks: torch.Tensor | None, present: torch.Tensor | None, count: torch.Tensor
    ) -> torch.Tensor:
        """The outputs of all networks, (networks, rows, classes)."""
        parameters = iter(self._parameters)
        for place in range(len(self._means)):
            sums = torch.baddbmm(*_linear(parameters, outputs))
            normal = self._normalised(place, sums, present, count)
            outputs = (normal * next(parameters)[:, None] + next(parameters)[:, None]).relu()
            outputs = outputs if masks is None else outputs * masks[place]
        return torch.baddbmm(*_linear(parameters, outputs))

    def _normalised(
        self, place: int, sums: torch.Tensor, present: torch.Tensor | None, count: torch.Tensor
    ) -> torch.Tensor:
        """Batch normalisation of each network by its own rows, before scale and shift."""
        if present is None:
            variance, mean = torch.var_mean(sums, 1, correction=0)
        else:
            mean = (sums * present[..., None]).sum(1) / count
            variance = ((sums - mean[:, None]).square() * present[..., None]).sum(1) / count
        with torch.no_grad():
            self._means[place].lerp_(mean, MOMENTUM)
            self._variances[place].lerp_(variance * (count / (count - 1)), MOMENTUM)
        return (sums - mean[:, None]) * (variance[:, None] + EPSILON).rsqrt()


def _stacked(of_networks: Sequence) -> list[torch.Tensor]:
    """Put the tensors of all networks that belong together on top of each other."""
    return [torch.stack([tensor.detach() for tensor in alike]) for alike in zip(*of_networks, strict=True)]


def _linear(parameters, outputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What `baddbmm` takes for the next linear layer: bias, inputs, weights."""
    weight, bias = next(parameters), next(parameters)
    return bias[:, None], outputs, weight.transpose(1, 2)
