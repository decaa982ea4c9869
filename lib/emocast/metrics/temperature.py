"""Temperature scaling: one number that makes a network's probabilities as sure as they ought to be.

Networks trained to the end are too sure. Dividing their logits by a temperature T above 1 mends most of that and changes no
forecast, for the order of the classes stays (Guo et al. 2017, "On Calibration of Modern Neural Networks", arXiv 1706.04599).
From probabilities that is p ** (1 / T), scaled to add up to 1: the logits are not needed.

T is fitted on validation events alone. Fitted on the events that are scored it would report a calibration that no new
event gets; so the class has no `fit_transform`, which invites just that.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .probabilities import checked

# Sought between 1/100 and 100. What is found outside 1/50 to 50 is no optimum: the loss is flat there.
_LOG_BOUND = np.log(100)
_WIDEST = 50

# A class of probability 0 counts as this much, or one sure miss would leave no other T than infinity.
_LEAST = 1e-12


class TemperatureScaling(BaseEstimator):
    """Rescale probabilities by a temperature that minimises the log loss of validation events.

    Attributes:
        labels: the k classes, in the order of the columns of probabilities.
        temperature_: T; above 1 the probabilities were too sure, below 1 not sure enough.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        """`labels`: the classes of the columns, kept as given."""
        self.labels = labels

    def fit(self, probabilities: ArrayLike, y: ArrayLike) -> TemperatureScaling:
        """Find T from validation events: none of them in the model's training, none among those that are scored.

        Args:
            probabilities: (n, k), as the model gives them.
            y: the true classes, (n,).

        Returns:
            Itself.

        Raises:
            ValueError: as `probabilities.checked`.
        """
        true, shares = checked(y, probabilities, labels=self.labels)
        logits, rows = _logits(shares), np.arange(len(true))

        def loss(log_temperature: float) -> float:
            return -log_softmax(logits / np.exp(log_temperature), axis=1)[rows, true].mean()

        found = minimize_scalar(loss, bounds=(-_LOG_BOUND, _LOG_BOUND), method="bounded", options={"xatol": 1e-6})
        if abs(found.x) > np.log(_WIDEST):
            known = "no event is missed" if found.x < 0 else "the probabilities tell nothing of the classes"
            warnings.warn(f"no temperature between 1/{_WIDEST} and {_WIDEST} is best: {known}", stacklevel=2)
        self.temperature_ = float(np.exp(found.x))
        return self

    def transform(self, probabilities: ArrayLike) -> np.ndarray:
        """Rescale probabilities: (n, k) to (n, k), each row adding up to 1.

        Raises:
            NotFittedError: there is no temperature yet.
        """
        check_is_fitted(self, "temperature_")
        return softmax(_logits(np.asarray(probabilities, dtype=np.float64)) / self.temperature_, axis=1)


def _logits(shares: np.ndarray) -> np.ndarray:
    return np.log(shares.clip(_LEAST))
