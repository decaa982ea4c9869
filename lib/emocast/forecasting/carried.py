"""Audio persistence: recognise the emotion of the last utterance in the window, and forecast it again.

Persistence reads the true label of what was said last; a forecaster only hears it. This baseline has the same information
as the forecaster: a recogniser is trained on the *utterances* of a fold's training events, and what it hears in the last
utterance of the window is carried forward. A forecaster that is no better has recognised, not forecast.

Where an utterance begins and ends is taken from the corpus, which a forecaster does not know either way.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .history import Past
from .simple import Forecaster


class AudioPersistence(Forecaster):
    """What a recogniser hears in the last utterance that lies wholly within the window.

    Args:
        recogniser: a classifier in scikit-learn's manners with probabilities; None for a logistic regression on
            standardised embeddings.
    """

    of_events = True  # it learns from the events' own utterances

    def __init__(self, recogniser: BaseEstimator | None = None) -> None:
        """Keep the setting."""
        self.recogniser = recogniser

    def fit(self, past: Past) -> AudioPersistence:
        """Train the recogniser on the training events' own utterances and labels.

        Args:
            past: the training events, with an embedding of each utterance (`history.gather(..., sound=...)`).

        Returns:
            Itself.

        Raises:
            ValueError: there are no embeddings of utterances.
        """
        super().fit(past)
        if past.sound is None:
            raise ValueError("audio persistence needs embeddings of the utterances: gather(..., sound=...)")
        chosen = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)) if self.recogniser is None else None
        sound, emotion = past.sound[past.event], past.emotion.astype(str)
        known = _heard(sound)
        self.recogniser_ = (chosen or clone(self.recogniser)).fit(sound[known], emotion[known])
        return self

    def predict_proba(self, past: Past) -> np.ndarray:
        """As `Forecaster.predict_proba`: the recogniser's probabilities, or the prior where no utterance is in the window.

        The prior stands too where the utterance's own sound could not be embedded.
        """
        shares = super().predict_proba(past)
        places = past.latest("window", labelled=False)
        heard = (places >= 0) & _heard(past.sound[places])
        if heard.any():
            columns = [past.classes.index(name) for name in self.recogniser_.classes_]
            shares[heard] = 0  # a class without a training event cannot be recognised
            shares[np.ix_(heard, columns)] = self.recogniser_.predict_proba(past.sound[places[heard]])
        return shares


def _heard(sound: np.ndarray) -> np.ndarray:
    """Say which rows are embeddings: a damaged file leaves NaN."""
    return np.isfinite(sound).all(axis=1)
