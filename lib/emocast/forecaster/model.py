"""What a forecaster is: for each fold a network a shift, their temperatures and limits; asked together, they vote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..forecasting.fcdnn import FCDNNClassifier
from ..metrics import TemperatureScaling
from .abstention import Familiarity, uncertainty


@dataclass(frozen=True, eq=False)
class Voice:
    """One network, calibrated.

    Attributes:
        network: of one shift and fold.
        temperature: what its logits are divided by (`metrics.TemperatureScaling`).
        limit: the uncertainty above which it does not answer (`abstention.limit`).
    """

    network: FCDNNClassifier
    temperature: float
    limit: float

    def probabilities(self, embeddings: np.ndarray, classes: list[str]) -> np.ndarray:
        """Calibrated probabilities of the classes, (n, d) to (n, k); zero for a class without a training event."""
        shares = np.zeros((len(embeddings), len(classes)))
        shares[:, [classes.index(name) for name in self.network.classes_]] = self.network.predict_proba(embeddings)
        scaling = TemperatureScaling(classes)
        scaling.temperature_ = self.temperature
        return scaling.transform(shares)


@dataclass(frozen=True, eq=False)
class Member:
    """The networks of one fold.

    Attributes:
        held_out: the names of the groups in this fold's test part (`held_out.groups`); none where the protocol has no groups.
        voices: one a shift, in the forecaster's order.
        familiarity: what their training windows are like.
    """

    held_out: tuple[str, ...]
    voices: tuple[Voice, ...]
    familiarity: Familiarity


class Votes(NamedTuple):
    """What the members say of n windows, at s shifts, of k classes.

    Attributes:
        probabilities: of each member, (m, s, n, k).
        unlike: whether a member finds a window unlike its training, (m, n).
        unsure: whether a member is too unsure to answer, (m, s, n).
    """

    probabilities: np.ndarray
    unlike: np.ndarray
    unsure: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """The forecast: the mean of the members' probabilities, (s, n, k)."""
        return self.probabilities.mean(axis=0)

    @property
    def agreement(self) -> np.ndarray:
        """Share of the members whose likeliest class is the forecast's, (s, n)."""
        own, together = self.probabilities.argmax(axis=3), self.mean.argmax(axis=2)
        return (own == together).mean(axis=0)

    @property
    def why(self) -> np.ndarray:
        """Why there is no answer, (s, n): "unlike the training" or "unsure" where most members say so, else ""."""
        silent = self.unlike[:, None, :] | self.unsure
        abstains = silent.mean(axis=0) > 0.5
        unlike = np.broadcast_to(self.unlike.mean(axis=0) > 0.5, abstains.shape)
        return np.where(abstains, np.where(unlike, "unlike the training", "unsure"), "")


@dataclass(frozen=True, eq=False)
class Forecaster:
    """A trained forecaster.

    Attributes:
        classes: the emotions that it can name, in the project's order.
        shifts_s: how far ahead each of its networks looks, in seconds.
        length_s: length of the windows that it hears.
        guard_s: a forecast at shift d is about d + guard_s seconds after the window's end.
        encoder: what embeds the windows: name, digest, precision.
        members: one a fold.
        facts: what the record and the card say besides: JSON values.
    """

    classes: list[str]
    shifts_s: list[float]
    length_s: float
    guard_s: float
    encoder: dict[str, str]
    members: tuple[Member, ...]
    facts: dict[str, Any]

    def ask(self, embeddings: np.ndarray) -> Votes:
        """Forecast from windows.

        Args:
            embeddings: (n, d), by `encoder`.

        Returns:
            What each member says.
        """
        embeddings = np.asarray(embeddings, np.float32)
        shares = np.array(
            [[voice.probabilities(embeddings, self.classes) for voice in member.voices] for member in self.members]
        )
        limits = np.array([[voice.limit for voice in member.voices] for member in self.members])
        unlike = np.array([member.familiarity.unlike(embeddings) for member in self.members])
        return Votes(shares, unlike, uncertainty(shares) > limits[:, :, None])
