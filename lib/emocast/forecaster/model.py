"""What a forecaster is: for each fold a calibrated network a shift; asked together, they vote or say "I do not know".

A network abstains where a window is unlike its training or where it is too unsure of the classes; what most say holds.
On disk it is numbers in safetensors, all else in JSON, and a card for people: nothing in it is code, and none is run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from safetensors.numpy import save as to_bytes
from scipy.stats import entropy
from sklearn.covariance import LedoitWolf
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from .. import compute, paths
from ..cards import CARD
from ..forecasting.fcdnn import FCDNNClassifier
from ..metrics import TemperatureScaling

FORMAT = "emocast forecaster 2"
RECORD, NETWORKS = "forecaster.json", "networks.safetensors"
_PLAIN = ("classes", "shifts_s", "length_s", "guard_s", "encoder", "facts")


class ForecasterError(ValueError):
    """There is no forecaster, or it cannot be used. The message names the file and says what to do."""


@dataclass(frozen=True, eq=False)
class Familiarity:
    """How far embeddings lie from those of a training part: the Mahalanobis distance of Lee et al. (2018, arXiv 1807.03888).

    `centre`, (d,), is the mean of the training windows of all classes, `precision`, (d, d), the inverse of their covariance by
    Ledoit and Wolf; farther than `limit` a window is unlike the training. No embedding of anybody is kept.
    """

    centre: np.ndarray
    precision: np.ndarray
    limit: float

    @classmethod
    def fit(cls, training: np.ndarray, validation: np.ndarray, *, known_share: float) -> Familiarity:
        """Fit to embeddings of the training part, (n, d); `known_share` of the others, (m, d), are to count as known."""
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


def uncertainty_limit(probabilities: np.ndarray, hit: np.ndarray, *, least_gain: float) -> float:
    """The uncertainty above which a network had better not answer: 1 where all are worth an answer, below 0 where none is.

    The largest set of least sure validation events, of calibrated `probabilities` (n, k), is left out of which too few were
    `hit` (n,): fewer than `least_gain` times chance. One that is no better than chance therefore never answers.
    """
    unsure = uncertainty(probabilities)
    order = np.argsort(-unsure, kind="stable")
    rate = np.cumsum(np.asarray(hit)[order]) / np.arange(1, len(order) + 1)
    too_few = np.flatnonzero(rate < least_gain / probabilities.shape[1])
    if not too_few.size:
        return 1.0
    kept = order[too_few[-1] + 1 :]
    return float(unsure[kept[0]]) if kept.size else -1.0


@dataclass(frozen=True, eq=False)
class Network:
    """One classifier of a shift and fold, the temperature that divides its logits, and its limit of uncertainty."""

    classifier: FCDNNClassifier
    temperature: float
    limit: float

    def probabilities(self, embeddings: np.ndarray, classes: list[str]) -> np.ndarray:
        """Calibrated probabilities of the classes, (n, d) to (n, k); zero for a class without a training event."""
        shares = np.zeros((len(embeddings), len(classes)))
        shares[:, [classes.index(name) for name in self.classifier.classes_]] = self.classifier.predict_proba(
            embeddings
        )
        scaling = TemperatureScaling(classes)
        scaling.temperature_ = self.temperature
        return scaling.transform(shares)


@dataclass(frozen=True, eq=False)
class Member:
    """A fold: the names of what it holds out (none where no groups are), a network a shift, and what their training is like."""

    held_out: tuple[str, ...]
    networks: tuple[Network, ...]
    familiarity: Familiarity


class Votes(NamedTuple):
    """What m members say of n windows at s shifts of k classes: their probabilities, (m, s, n, k), whether they find a window
    unlike their training, (m, n), and whether they are too unsure to answer, (m, s, n).
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
        return (self.probabilities.argmax(axis=3) == self.mean.argmax(axis=2)).mean(axis=0)

    @property
    def why(self) -> np.ndarray:
        """Why there is no answer, (s, n): "unlike the training" or "unsure" where most members say so, else ""."""
        abstains = (self.unlike[:, None, :] | self.unsure).mean(axis=0) > 0.5
        unlike = np.broadcast_to(self.unlike.mean(axis=0) > 0.5, abstains.shape)
        return np.where(abstains, np.where(unlike, "unlike the training", "unsure"), "")


@dataclass(frozen=True, eq=False)
class Forecaster:
    """A trained forecaster: it names `classes`, from windows of `length_s` that `encoder` (name, digest, precision) embeds.

    A forecast at one of `shifts_s` is about shift + guard_s seconds after the window's end. There is one member a fold; `facts`
    are what the record and the card say besides, JSON values.
    """

    classes: list[str]
    shifts_s: list[float]
    length_s: float
    guard_s: float
    encoder: dict[str, str]
    members: tuple[Member, ...]
    facts: dict[str, Any]

    def ask(self, embeddings: np.ndarray) -> Votes:
        """What each member says of windows, whose embeddings, (n, d), are by `encoder`."""
        embeddings = np.asarray(embeddings, np.float32)
        shares = np.array([[n.probabilities(embeddings, self.classes) for n in m.networks] for m in self.members])
        limits = np.array([[network.limit for network in member.networks] for member in self.members])
        unlike = np.array([member.familiarity.unlike(embeddings) for member in self.members])
        return Votes(shares, unlike, uncertainty(shares) > limits[:, :, None])

    @property
    def identity(self) -> str:
        """SHA-256 of all that its forecasts depend on: the same for two that say the same of every window."""
        made = hashlib.sha256(json.dumps(_record(self) | {"facts": None}, sort_keys=True).encode())
        made.update(to_bytes(_arrays(self)))
        return made.hexdigest()


def folder(profile: str) -> Path:
    """Where the forecaster of a profile is, or will be."""
    return paths.outputs() / profile / "models" / "forecaster"


def save(place: Path, forecaster: Forecaster, *, card: str) -> Path:
    """Write a forecaster, whose `facts` must be JSON values, with its card into a folder; an older one is replaced whole."""
    with paths.replacing(place) as partial:
        partial.mkdir()
        save_file(_arrays(forecaster), partial / NETWORKS)
        record = _record(forecaster) | {"sha256": compute.file_digest(partial / NETWORKS)}
        text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
        (partial / RECORD).write_text(text, encoding="utf-8")
        (partial / CARD).write_text(card, encoding="utf-8")
        if place.exists():
            place.replace(partial.parent / ".old")  # inside the temporary folder, which is deleted
    return place


def load(place: Path) -> Forecaster:
    """Read a forecaster back: it gives the very same forecasts. A ForecasterError if it is missing or damaged."""
    record = _read_record(place)
    try:
        if compute.file_digest(place / NETWORKS) != record["sha256"]:
            raise ForecasterError(_again(place / NETWORKS, "is not what was written beside forecaster.json"))
        arrays = load_file(place / NETWORKS)
        members = tuple(_member(f"{number}.", facts, arrays) for number, facts in enumerate(record["members"]))
        if any(len(member.networks) != len(record["shifts_s"]) for member in members):
            raise KeyError(f"not {len(record['shifts_s'])} networks, one a shift, in each fold")
        return Forecaster(**{name: record[name] for name in _PLAIN}, members=members)
    except OSError as error:
        raise ForecasterError(_again(place / NETWORKS, f"cannot be read ({error.strerror or error})")) from error
    except (SafetensorError, KeyError, TypeError, RuntimeError) as error:
        words = " ".join(str(error).split())  # torch lists what does not fit in lines
        raise ForecasterError(_again(place, f"does not fit together ({words})")) from error


def _read_record(place: Path) -> dict[str, Any]:
    path = place / RECORD
    if not path.is_file():
        raise ForecasterError(
            f"no trained forecaster in {paths.relative(place)}: run `make reproduce PROFILE={place.parent.parent.name}`, or "
            "notebook 08_forecast_a_recording (after 03) first"
        )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ForecasterError(_again(path, f"is no readable JSON ({error})")) from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ForecasterError(_again(path, f"is not of the format {FORMAT!r}"))
    return record


def _again(path: Path, problem: str) -> str:
    return f"{paths.relative(path)} {problem}: delete the folder and run notebook 08_forecast_a_recording again"


def _record(forecaster: Forecaster) -> dict[str, Any]:
    """All that is no array."""
    members = []
    for member in forecaster.members:
        networks = [
            {"classes": one.classifier.classes_.tolist(), "inputs": one.classifier.n_features_in_}
            | {"settings": one.classifier.get_params(), "temperature": one.temperature, "limit": one.limit}
            for one in member.networks
        ]
        facts = {"held_out": list(member.held_out), "distance_limit": member.familiarity.limit}
        members.append(facts | {"networks": networks})
    return {"format": FORMAT, "members": members} | {name: getattr(forecaster, name) for name in _PLAIN}


def _arrays(forecaster: Forecaster) -> dict[str, np.ndarray]:
    """Its numbers by their names in the file: `<fold>.centre`, `<fold>.<shift>.<tensor>`."""
    found = {}
    for number, member in enumerate(forecaster.members):
        found |= {f"{number}.{name}": getattr(member.familiarity, name) for name in ("centre", "precision")}
        for place, network in enumerate(member.networks):
            own, scaler = dict(network.classifier.network_.state_dict()), network.classifier.scaler_
            own |= {} if scaler is None else {"scaler.mean": scaler.mean_, "scaler.scale": scaler.scale_}
            found |= {f"{number}.{place}.{name}": values for name, values in own.items()}
    return {name: np.array(values, order="C") for name, values in found.items()}


def _member(prefix: str, facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> Member:
    familiarity = Familiarity(arrays[f"{prefix}centre"], arrays[f"{prefix}precision"], facts["distance_limit"])
    networks = tuple(
        Network(_classifier(f"{prefix}{place}.", one, arrays), one["temperature"], one["limit"])
        for place, one in enumerate(facts["networks"])
    )
    return Member(tuple(facts["held_out"]), networks, familiarity)


def _classifier(prefix: str, facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> FCDNNClassifier:
    """A fitted classifier, put together from its settings and arrays."""
    made = FCDNNClassifier(**facts["settings"])
    made.classes_, made.n_features_in_, made.scaler_ = np.array(facts["classes"]), facts["inputs"], None
    own = {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
    mean, scale = (own.pop(f"scaler.{name}", None) for name in ("mean", "scale"))
    if mean is not None:
        made.scaler_ = StandardScaler()
        made.scaler_.mean_, made.scaler_.scale_, made.scaler_.n_features_in_ = mean, scale, made.n_features_in_
    with torch.device("meta"), torch.random.fork_rng(devices=[]):  # no memory, no random numbers
        made.network_ = made._new_network(made.n_features_in_)
    made.network_.load_state_dict({name: torch.from_numpy(values) for name, values in own.items()}, assign=True)
    made.network_.eval().requires_grad_(False)
    return made
