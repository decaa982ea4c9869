"""Train many networks of one shape as a single batched step: the way for a GPU.

A GPU is idle under one network this small; with the networks of a whole sweep on top of each other every operation is
wide enough. On a CPU the same is slower than processes side by side: what belongs to one network fits its caches, what
belongs to fifty does not. Each network keeps its own weights, order of events, dropout and losses, and ends where it would
have ended alone, but for rounding: a batched product adds up in another order.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .fcdnn import FCDNNClassifier, resolved
from .stack import Stack
from .training import Start, batch_sizes

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
    stack = Stack(starts, learning_rate=models[0].learning_rate, dropout=models[0].dropout)
    losses = [stack.epoch(batch_size=models[0].batch_size) for _ in range(models[0].epochs)]
    stack.hand_back()
    for model, start, own in zip(models, starts, zip(*losses, strict=True), strict=True):
        model._keep(start.network, [(epoch, loss, float("nan")) for epoch, loss in enumerate(own, 1)])


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
