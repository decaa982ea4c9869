"""Markov chains: what followed on the last one or two emotions in training, at this very distance in time.

The chain is fitted directly for its shift: P(emotion of the event | last emotion heard before t - d), counted over the
training events. No one-turn chain is raised to a power, so nothing is assumed of how many turns lie between.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from .history import Past
from .simple import Forecaster


class Markov(Forecaster):
    """A Markov chain of labels.

    The last emotions may be any of the corpus's, also none ("nothing heard" is a state of its own). The probabilities of
    order 2 are drawn towards those of order 1, those towards the prior: a context seen n times weighs n, the shorter one
    weighs `smoothing` (a Dirichlet prior, as MacKay and Peto 1995 have it for words,
    http://www.inference.org.uk/mackay/abstracts/lang4.html).

    Args:
        order: 1 or 2, how many emotions are looked at.
        smoothing: the weight of the shorter context, in events.
    """

    def __init__(self, order: int = 1, smoothing: float = 2.0) -> None:
        """Keep the settings."""
        self.order = order
        self.smoothing = smoothing

    def fit(self, past: Past) -> Markov:
        """Count the training events.

        Args:
            past: the training events; labels of test events are withheld.

        Returns:
            Itself.

        Raises:
            ValueError: the order is below 1, or the smoothing not positive.
        """
        if self.order < 1 or self.smoothing <= 0:
            raise ValueError(f"order={self.order}, smoothing={self.smoothing}: at least 1, and above 0")
        super().fit(past)
        self.counts_ = Counter()
        for context, emotion in zip(self._contexts(past), past.emotion, strict=True):
            self.counts_.update((context[:length], emotion) for length in range(1, self.order + 1))
        return self

    def predict_proba(self, past: Past) -> np.ndarray:
        """As `Forecaster.predict_proba`."""
        contexts = self._contexts(past)
        shares = {context: self._shares(context) for context in set(contexts)}
        return np.array([shares[context] for context in contexts]).reshape(-1, len(self.prior_))

    def _contexts(self, past: Past) -> list[tuple]:
        """List the last emotions of each event, the latest first."""
        columns = [past.latest_emotion(back=back) for back in range(1, self.order + 1)]
        return list(zip(*columns, strict=True))

    def _shares(self, context: tuple) -> np.ndarray:
        """Mix the context's own counts with the shares of the shorter context."""
        if not context:
            return self.prior_
        counts = np.array([self.counts_[context, name] for name in self.classes_], dtype=float)
        return (counts + self.smoothing * self._shares(context[:-1])) / (counts.sum() + self.smoothing)
