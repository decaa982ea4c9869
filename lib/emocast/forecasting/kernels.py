"""What surrounds the matrix products in a step of the FC-DNN on a CPU, compiled by numba.

A batch of 16 times 265 sums fits the fastest cache. torch takes five operations and more for batch normalisation, ReLU and
dropout of it, and each costs more in being called than in its arithmetic; here it is one call. All arrays are float32 and
laid out by rows; results differ from torch's in their last digits, for sums are added in another order.
"""

from __future__ import annotations

import math

import numba
import numpy as np

#: Of batch normalisation, as torch has them: weight of the newest batch in running statistics; added to the variance.
MOMENTUM, EPSILON = 0.1, 1e-5
#: Of Adam, as torch has them.
BETAS, ADAM_EPSILON = (0.9, 0.999), 1e-8

# In single precision, for numba reckons in double where one of two numbers is.
_ZERO, _ONE = np.float32(0), np.float32(1)
_NEWEST, _ADDED, _LEAST = np.float32(MOMENTUM), np.float32(EPSILON), np.float32(ADAM_EPSILON)
_TO_MEAN, _OF_SQUARE, _TO_SQUARE = np.float32(1 - BETAS[0]), np.float32(BETAS[1]), np.float32(1 - BETAS[1])

# Nothing that would change what becomes of NaN or infinity; a division by zero gives one of them, and raises nothing.
_compiled = numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "arcp"})


@_compiled
def activate(sums, bias, scaling, shifting, running_mean, running_variance, kept, factor, scale, active):
    """Bias, batch normalisation in training mode, ReLU and dropout of one layer.

    Args:
        sums: weighted inputs, (n, u), n at least 2; replaced by their normalised values before scale and shift.
        bias: of the linear layer, (u,).
        scaling, shifting: weights of the normalisation, (u,).
        running_mean, running_variance: updated in place, (u,).
        kept: what dropout leaves, (n, u) bool.
        factor: what is left is multiplied by this.
        scale: filled with one over the standard deviation, (u,).
        active: filled with the layer's outputs, (n, u).
    """
    rows, units = sums.shape
    count = np.float32(rows)
    mean, square = np.zeros(units, np.float32), np.zeros(units, np.float32)
    for row in range(rows):
        for unit in range(units):
            mean[unit] += sums[row, unit]
    for unit in range(units):
        mean[unit] /= count
    for row in range(rows):
        for unit in range(units):
            sums[row, unit] -= mean[unit]
            square[unit] += sums[row, unit] * sums[row, unit]
    for unit in range(units):
        # A bias shifts the mean and nothing else, for it is taken out again.
        running_mean[unit] += _NEWEST * (mean[unit] + bias[unit] - running_mean[unit])
        running_variance[unit] += _NEWEST * (square[unit] / (count - _ONE) - running_variance[unit])
        scale[unit] = _ONE / np.sqrt(square[unit] / count + _ADDED)
    for row in range(rows):
        for unit in range(units):
            sums[row, unit] *= scale[unit]
            output = max(sums[row, unit] * scaling[unit] + shifting[unit], _ZERO)
            active[row, unit] = output * factor if kept[row, unit] else _ZERO


@_compiled
def through_activation(slope, normal, active, factor, scaling, scale, of_bias, of_scaling, of_shifting):
    """The way back through `activate`.

    Args:
        slope: the loss's derivative by the layer's outputs, (n, u); replaced by that by the weighted inputs.
        normal: `sums` as `activate` left them, (n, u).
        active, factor, scaling, scale: as `activate` left them.
        of_bias, of_scaling, of_shifting: filled with the derivatives by bias and weights, (u,).
    """
    rows, units = slope.shape
    share = _ONE / np.float32(rows)
    of_bias[:], of_scaling[:], of_shifting[:] = _ZERO, _ZERO, _ZERO
    for row in range(rows):
        for unit in range(units):
            # An output of zero was dropped or below zero: nothing flows back either way.
            passed = slope[row, unit] * factor if active[row, unit] > _ZERO else _ZERO
            slope[row, unit] = passed
            of_shifting[unit] += passed
            of_scaling[unit] += passed * normal[row, unit]
    for row in range(rows):
        for unit in range(units):
            common = share * (of_shifting[unit] + normal[row, unit] * of_scaling[unit])
            slope[row, unit] = scaling[unit] * scale[unit] * (slope[row, unit] - common)
            of_bias[unit] += slope[row, unit]


@_compiled
def cross_entropy(logits, bias, of_bias, codes):
    """The loss of a batch, summed over its events, in nats.

    Args:
        logits: the last layer's weighted inputs, (n, c); replaced by the derivative of the mean loss by them.
        bias: of that layer, (c,).
        of_bias: filled with the derivative by it, (c,).
        codes: classes, (n,).
    """
    rows, classes = logits.shape
    total = 0.0
    of_bias[:] = _ZERO
    for row in range(rows):
        own = logits[row] + bias
        own -= own.max()
        probability = np.exp(own)
        norm = probability.sum()
        total += np.log(norm) - own[codes[row]]
        for place in range(classes):
            expected = _ONE if place == codes[row] else _ZERO
            logits[row, place] = (probability[place] / norm - expected) / np.float32(rows)
            of_bias[place] += logits[row, place]
    return total


@_compiled
def _adam(weights, gradient, mean, square, size, root):
    for place in range(weights.size):
        slope = gradient[place]
        mean[place] += _TO_MEAN * (slope - mean[place])
        square[place] = _OF_SQUARE * square[place] + _TO_SQUARE * slope * slope
        weights[place] -= size * mean[place] / (np.sqrt(square[place]) * root + _LEAST)


def adam(
    weights: np.ndarray,
    gradient: np.ndarray,
    mean: np.ndarray,
    square: np.ndarray,
    *,
    learning_rate: float,
    step: int,
) -> None:
    """One step of Adam with torch's defaults (Kingma & Ba, https://arxiv.org/abs/1412.6980).

    Args:
        weights: changed in place, (k,).
        gradient: the loss's derivative by them, (k,).
        mean, square: running means of the gradient and of its square, updated in place, (k,).
        learning_rate: step size.
        step: the number of this step, from 1.
    """
    size = learning_rate / (1 - BETAS[0] ** step)
    root = 1 / math.sqrt(1 - BETAS[1] ** step)
    _adam(weights, gradient, mean, square, np.float32(size), np.float32(root))
