"""When a network should say "I do not know": its window is unlike the training, or it is too unsure of the classes.

- **Unlike the training**: the Mahalanobis distance of a window's embedding to the training windows (Lee et al. 2018,
  arXiv 1807.03888, with one mean for all classes, and Ledoit and Wolf's shrinkage of the covariance). Mean and covariance are
  of the training part; the distance from which a window counts as unlike is a quantile of those of the validation part. Only
  they are kept, and no embedding of anybody.
- **Unsure**: the entropy of the calibrated probabilities. The limit leaves out the largest set of least sure validation events
  of which the network hits too few to be worth an answer: fewer than a stated multiple of chance. A network that is no better
  than chance therefore never answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import entropy
from sklearn.covariance import LedoitWolf
from threadpoolctl import threadpool_limits


@dataclass(frozen=True, eq=False)
class Familiarity:
    """How far embeddings lie from those of a training part.

    Attributes:
        centre: their mean, (d,).
        precision: the inverse of their shrunk covariance, (d, d).
        limit: the distance from which a window is unlike the training.
    """

    centre: np.ndarray
    precision: np.ndarray
    limit: float

    @classmethod
    def fit(cls, training: np.ndarray, validation: np.ndarray, *, known_share: float) -> Familiarity:
        """Fit to embeddings.

        Args:
            training: (n, d).
            validation: (m, d), of other dialogues.
            known_share: share of the validation windows that are to count as known, between 0 and 1.
        """
        with threadpool_limits(1):  # a sum's last digit depends on the number of threads that share it
            shape = LedoitWolf().fit(np.asarray(training, np.float64))
            free = cls(shape.location_, shape.precision_, np.inf)
            return cls(free.centre, free.precision, float(np.quantile(free.distances(validation), known_share)))

    def distances(self, embeddings: np.ndarray) -> np.ndarray:
        """The distance of each embedding, (n, d) to (n,), in standard deviations."""
        away = np.asarray(embeddings, np.float64) - self.centre
        return np.sqrt(np.einsum("nd,nd->n", away @ self.precision, away).clip(0))

    def unlike(self, embeddings: np.ndarray) -> np.ndarray:
        """Whether each embedding is unlike the training, (n, d) to (n,)."""
        return self.distances(embeddings) > self.limit


def uncertainty(probabilities: np.ndarray) -> np.ndarray:
    """The entropy of probabilities, (..., k) to (...), as a share of the largest that there can be: 0 to 1."""
    return entropy(probabilities, axis=-1) / np.log(probabilities.shape[-1])


def limit(probabilities: np.ndarray, hit: np.ndarray, *, least_gain: float) -> float:
    """The uncertainty above which a network had better not answer.

    Args:
        probabilities: calibrated, of validation events, (n, k).
        hit: whether the likeliest class was right, (n,).
        least_gain: how many times as often as by chance (1 / k) an answer must be right to be worth it.

    Returns:
        Abstain where the uncertainty is greater. 1 where all are worth an answer, below 0 where none is.
    """
    unsure = uncertainty(probabilities)
    order = np.argsort(-unsure, kind="stable")
    rate = np.cumsum(np.asarray(hit)[order]) / np.arange(1, len(order) + 1)
    too_few = np.flatnonzero(rate < least_gain / probabilities.shape[1])
    if not too_few.size:
        return 1.0
    kept = order[too_few[-1] + 1 :]
    return float(unsure[kept[0]]) if kept.size else -1.0
