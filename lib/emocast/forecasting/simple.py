"""The simplest forecasts: what is commonest, what was heard last, what this dialogue or this scenario mostly is.

A model is worth its training only where it beats these. All are fitted and asked in scikit-learn's manners, but for their
X, which is a `history.Past`: `fit(past)`, `predict_proba(past)`, `predict(past)`.

Where a forecast has nothing to go by (nothing was heard, or what was heard is of no class in play), all of them give the
shares of the classes in the training events; on a tie `predict` names the first in the project's order.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from .history import Past


class Forecaster(BaseEstimator):
    """What all baselines have in common: the training events' shares, and the likeliest class as the forecast.

    Attributes:
        of_events: whether what is fitted depends on which events train alone, and not on the shift from which they are
            seen; such a baseline is fitted once for all shifts.
    """

    of_events = False

    def fit(self, past: Past) -> Forecaster:
        """Learn the shares of the classes from training events.

        Args:
            past: the training events; labels of test events are withheld.

        Returns:
            Itself.
        """
        self.classes_ = np.array(past.classes)
        self.prior_ = past.shares()
        return self

    def predict_proba(self, past: Past) -> np.ndarray:
        """Forecast by probabilities.

        Args:
            past: events that the training did not have.

        Returns:
            (n, c), columns as `classes_`, rows summing to one.
        """
        return np.tile(self.prior_, (len(past), 1))

    def predict(self, past: Past) -> np.ndarray:
        """Name the likeliest class of each event, (n,)."""
        return self.classes_[self.predict_proba(past).argmax(axis=1)]


class Majority(Forecaster):
    """The commonest class of the training, always."""


class Persistence(Forecaster):
    """The emotion heard last is forecast again, with certainty.

    Args:
        which: whose last emotion, one of `history.WHICH`.
    """

    def __init__(self, which: str = "anyone") -> None:
        """Keep the setting."""
        self.which = which

    def predict_proba(self, past: Past) -> np.ndarray:
        """As `Forecaster.predict_proba`: one for the last emotion, or the prior where it is none of the classes."""
        last = past.latest_emotion(self.which).astype(str)
        same = last[:, np.newaxis] == self.classes_
        return np.where(same.any(axis=1, keepdims=True), same, self.prior_)


def nothing_carried(predictions: pd.DataFrame) -> pd.Series:
    """Count where a persistence has nothing to carry on and says the training's commonest class instead.

    That is where nothing was heard, or where the last emotion is none of the classes in play; what is commonest differs from
    fold to fold and from rung to rung, and a persistence's score moves with it.

    Args:
        predictions: of one persistence, with `shift_s` and its probabilities `p_<emotion>`; it is certain where it carries.

    Returns:
        The share of such events by shift, fractions.
    """
    shares = predictions[[name for name in predictions if name.startswith("p_")]].max(axis=1)
    return shares.lt(1).groupby(predictions["shift_s"]).mean()


class GroupPrior(Forecaster):
    """The shares of the classes among the training events of the same dialogue, or of the same scenario.

    Of a dialogue it uses training events from anywhere, after t - d as well: no forecast, but what a model can score that
    recognises the dialogue. Where no dialogue is on both sides it knows nothing. A group's shares are drawn towards those
    of all by one event's weight, so that none is zero without cause.

    Args:
        column: a column of the window table, such as "dialogue" or "scenario".
    """

    def __init__(self, column: str = "dialogue") -> None:
        """Keep the setting."""
        self.column = column

    def fit(self, past: Past) -> GroupPrior:
        """As `Forecaster.fit`, for each group too."""
        super().fit(past)
        hits = pd.DataFrame(past.emotion.astype(str)[:, np.newaxis] == self.classes_, columns=self.classes_)
        groups = hits.groupby(past.windows[self.column].astype(object).to_numpy())  # rows without a group are left out
        shares = (groups.sum() + self.prior_).div(groups.size() + 1, axis=0)
        self.shares_ = {str(name): row for name, row in zip(shares.index, shares.to_numpy(dtype=float), strict=True)}
        return self

    def predict_proba(self, past: Past) -> np.ndarray:
        """As `Forecaster.predict_proba`: the shares of the event's group, or the prior where training has no event of it."""
        groups = past.windows[self.column].astype(object).where(past.windows[self.column].notna(), None)
        return np.array([self.shares_.get(str(group), self.prior_) for group in groups]).reshape(-1, len(self.prior_))
