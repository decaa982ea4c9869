"""Train many networks of one shape as a single batched step: the way for a GPU.

A GPU is idle under one network this small; with the networks of a whole sweep on top of each other every operation is
wide enough. On a CPU the same is slower than processes side by side: what belongs to one network fits its caches, what
belongs to fifty does not. Each network keeps its own weights, order of events, dropout and losses, and ends where it would
have ended alone, but for rounding: a batched product adds up in another order.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from .fcdnn import FCDNNClassifier, resolved
from .training import EPSILON, FUSED_DEVICES, MOMENTUM, Start, batch_sizes

#: Networks in one stack at most: 64 of the preprint's size, their data and draws take less than 1 GB.
MOST = 64


def suits(estimator: BaseEstimator) -> bool:
    """Whether an estimator is trained in stacks: the FC-DNN on a GPU."""
    return isinstance(estimator, FCDNNClassifier) and resolved(estimator.device).startswith("cuda")


def groups(estimator: FCDNNClassifier, classes: Sequence[ArrayLike]) -> list[list[int]]:
    """Divide fits into stacks: those of the same classes and number of steps, at most `MOST` in one.

    Args:
        estimator: the network whose clones are fitted.
        classes: for each fit the classes of its training events, (n,).

    Returns:
        Positions of the fits, a list a stack.
    """
    alike: dict[Hashable, list[int]] = {}
    for place, y in enumerate(classes):
        steps = len(batch_sizes(len(y), batch_size=estimator.batch_size))
        alike.setdefault((tuple(np.unique(y)), steps), []).append(place)
    return [places[first : first + MOST] for places in alike.values() for first in range(0, len(places), MOST)]


def fit(models: Sequence[FCDNNClassifier], data: Sequence[tuple[ArrayLike, ArrayLike]]) -> None:
    """Fit networks that differ in their seeds and data alone, as `FCDNNClassifier.fit` fits one.

    Args:
        models: the networks; each is fitted in place.
        data: for each its embeddings (n, d) and classes (n,); n may differ, the number of steps an epoch may not.

    Raises:
        ValueError: settings, widths, numbers of classes or of steps differ, or what `FCDNNClassifier.fit` refuses.
    """
    starts = [model._start(*model._prepared(*given)) for model, given in zip(models, data, strict=True)]
    _check(models, starts)
    stack = _Stack(starts, learning_rate=models[0].learning_rate, dropout=models[0].dropout)
    losses = [stack.epoch(batch_size=models[0].batch_size) for _ in range(models[0].epochs)]
    stack.hand_back()
    for model, start, own in zip(models, starts, zip(*losses, strict=True), strict=True):
        model._keep(start.network, [(epoch, loss, float("nan")) for epoch, loss in enumerate(own, 1)])


class _Stack:
    """Networks on top of each other: each tensor has one more axis, the first, along which they lie."""

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
        fused = self._parameters[0].device.type in FUSED_DEVICES
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


def _check(models: Sequence[FCDNNClassifier], starts: Sequence[Start]) -> None:
    """Raise ValueError unless the networks take the same steps."""
    size = models[0].batch_size
    seen = {
        "settings": [{**model.get_params(), "random_state": None} for model in models],
        "widths": [start.inputs.shape[1] for start in starts],
        "numbers of classes": [len(model.classes_) for model in models],
        "numbers of steps": [len(batch_sizes(len(start.inputs), batch_size=size)) for start in starts],
    }
    for name, values in seen.items():
        if any(value != values[0] for value in values):
            raise ValueError(f"the networks differ in their {name}: one stack takes networks that are alike in these")
