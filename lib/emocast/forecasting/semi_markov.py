"""A hidden semi-Markov forecaster: which mood the dialogue is in, how long it will last, and what is said in it.

It is to the Markov chain what a weather map is to "as yesterday": it reads *all* labels heard, not the last one or two, and
knows that a mood that has lasted long is about to end. Its model is `segments`.

How many turns lie between t - d and t nobody knows when the forecast is made. So the forecast is a mixture over their
number, weighted by how often each occurred among the training events of that shift.
"""

from __future__ import annotations

import numpy as np

from . import segments
from .history import Past
from .simple import Forecaster


class SemiMarkov(Forecaster):
    """A hidden semi-Markov model of the label sequences of the training dialogues.

    Args:
        states: number of hidden moods.
        longest: the longest duration of a mood, in turns.
        iterations: how often EM goes round.
    """

    def __init__(self, states: int = 4, longest: int = 16, iterations: int = 30) -> None:
        """Keep the settings."""
        self.states = states
        self.longest = longest
        self.iterations = iterations

    def fit(self, past: Past) -> SemiMarkov:
        """Fit the model on the dialogues of the training events, by EM.

        Args:
            past: the training events; labels of test events are withheld, so they are turns of which nothing is known.

        Returns:
            Itself.
        """
        super().fit(past)
        lines = _lines(past)
        self.symbols_ = sorted({label for line in lines for label in line if label is not None})
        numbered = tuple(self._numbered(line) for line in lines)
        sizes = {"states": self.states, "longest": self.longest, "iterations": self.iterations}
        self.model_ = segments.fit(numbered, len(self.symbols_), **sizes)
        self.steps_ = np.bincount(past.steps() - 1) / len(past)
        self.weights_ = self._weights(lines)
        return self

    def predict_proba(self, past: Past) -> np.ndarray:
        """As `Forecaster.predict_proba`: forecasts of all labels, restricted to the classes in play and weighted."""
        lines = past.sequences()
        distinct = list(dict.fromkeys(lines))
        states = segments.filtered(self.model_, [self._numbered(line) for line in distinct])
        forecast = dict(zip(distinct, self.model_.ahead(states, self.steps_), strict=True))
        columns = np.array([forecast[line] for line in lines]).reshape(-1, len(self.symbols_))
        shares = np.zeros((len(past), len(self.classes_)))
        for place, name in enumerate(self.classes_):
            if name in self.symbols_:
                shares[:, place] = columns[:, self.symbols_.index(name)] * self.weights_[place]
        return shares / shares.sum(axis=1, keepdims=True)

    def _weights(self, lines: list[tuple[str | None, ...]]) -> np.ndarray:
        """Weigh the classes as the events do: undersampling made rare ones as common as the others among the events."""
        found = np.array([sum(line.count(name) for line in lines) for name in self.classes_], dtype=float)
        return self.prior_ / np.maximum(found, 1.0)

    def _numbered(self, line: tuple[str | None, ...]) -> tuple[int, ...]:
        """Replace labels by their numbers; one that the training never had tells nothing."""
        known = {label: number for number, label in enumerate(self.symbols_)}
        return tuple(known.get(label, segments.UNKNOWN) for label in line)


def _lines(past: Past) -> list[tuple[str | None, ...]]:
    """List the labels of each dialogue that has a training event, in turns."""
    own = past.utterances["dialogue"].isin(set(past.windows["dialogue"])).to_numpy()
    places = past.utterances[own].groupby("dialogue", sort=False).indices.values()
    labels = past.labels[own]
    return [tuple(labels[turns]) for turns in places]
