"""The preprint's fully connected network (FC-DNN) as a scikit-learn classifier.

The preprint says ("Forecasting - a Supervised Approach", "Best-Performing Model"): 4 hidden linear layers of 265, dropout 0.1,
batch normalisation, softmax; learning rate 1e-5, batches of 16, 40 epochs. It does not say, and taken here are: ReLU, the
order within a layer, Adam, cross-entropy, inputs as they are. A fit depends on its data and `random_state` alone.
"""

from __future__ import annotations

import copy
from numbers import Integral, Real

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn
from torch.nn.functional import cross_entropy

from ..compute import best_device


class FCDNNClassifier(ClassifierMixin, BaseEstimator):
    """Forecast a class from an embedding by the preprint's network; the defaults are its published settings.

    Args:
        dropout: share of a hidden layer's outputs dropped in training, in [0, 1).
        batch_size: events a step, at least 2 (batch normalisation). A last batch of one joins the one before it.
        standardize: scale inputs to zero mean and unit variance, by the data given to `fit` alone.
        random_state: seed of initial weights, dropout and order; the same seed and data give the same predictions.
        device: "cpu", "cuda", "cuda:1", or "auto": cuda if there is one, else cpu. The fitted network lives on the CPU.

    Attributes:
        classes_: the classes, sorted, (c,).
        network_: the fitted `torch.nn.Sequential`, float32, in evaluation mode.
        losses_: table of `epoch` (from 1), `train_loss` (mean of the batches' losses in training mode, weighted by
            size) and `validation_loss` (in evaluation mode; NaN without validation data): cross-entropy in nats.
        scaler_: the fitted StandardScaler, or None.
    """

    def __init__(
        self,
        *,
        hidden_layers: int = 4,
        hidden_units: int = 265,
        dropout: float = 0.1,
        learning_rate: float = 1e-5,
        batch_size: int = 16,
        epochs: int = 40,
        standardize: bool = False,
        random_state: int | np.random.RandomState | None = None,
        device: str = "auto",
    ) -> None:
        """Store the settings; they are checked in `fit`, as scikit-learn asks."""
        self.hidden_layers = hidden_layers
        self.hidden_units = hidden_units
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.standardize = standardize
        self.random_state = random_state
        self.device = device

    def fit(
        self, X: ArrayLike, y: ArrayLike, *, validation_data: tuple[ArrayLike, ArrayLike] | None = None
    ) -> FCDNNClassifier:
        """Train a new network on embeddings (n, d) and classes (n,), and return the fitted estimator itself.

        `validation_data`, embeddings and classes, are only watched: nothing is chosen by their loss. ValueError where a setting
        is out of range, one event or class is alone, or a validation class is unknown.
        """
        self._check_settings()
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32), ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class only, {self.classes_[0]!r}; a classifier needs at least two")
        self.scaler_ = StandardScaler().fit(X) if self.standardize else None
        watched = ()
        if validation_data is not None:
            others, of_others = validate_data(self, *validation_data, reset=False, dtype=(np.float64, np.float32))
            unknown = np.setdiff1d(of_others, self.classes_)
            if len(unknown):
                raise ValueError(f"validation data hold the class {unknown[0]!r}; trained are {list(self.classes_)}")
            watched = self._inputs(others), torch.from_numpy(np.searchsorted(self.classes_, of_others))
        self._train(self._inputs(X), torch.from_numpy(codes), *watched)
        return self

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Give each class its probability: softmax of the network's outputs, (n, d) -> (n, c) in the order of `classes_`.

        Computed in double precision, so that an event's figures do not depend on the events it is asked with.
        """
        check_is_fitted(self)
        inputs = self._inputs(validate_data(self, X, reset=False, dtype=(np.float64, np.float32)))
        with torch.no_grad():
            return copy.deepcopy(self.network_).double()(inputs.double()).softmax(dim=1).numpy()

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Name the most probable class of each embedding: (n, d) -> (n,)."""
        codes = self.predict_proba(X).argmax(axis=1)
        return self.classes_[codes]

    def _train(self, X: torch.Tensor, codes: torch.Tensor, *watched: torch.Tensor) -> None:
        """Run all epochs on the device, and keep the network and its losses."""
        device, losses = torch.device(best_device() if self.device == "auto" else self.device), []
        order_seed, seed = (int(drawn) for drawn in check_random_state(self.random_state).randint(2**31 - 1, size=2))
        shuffler = torch.Generator().manual_seed(order_seed)
        X, codes, *watched = (part.to(device) for part in (X, codes, *watched))
        # Weights and dropout come from torch's own random numbers, which the process gets back as they were: fit networks side
        # by side in processes, not in threads.
        with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if device.type == "cuda" else []):
            torch.default_generator.manual_seed(seed)  # on the CPU: every device starts from the same weights
            network = self._new_network(X.shape[1]).to(device)
            if device.type == "cuda":
                torch.cuda.manual_seed_all(seed)
            optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
            for epoch in range(1, self.epochs + 1):
                order = torch.randperm(len(X), generator=shuffler).to(device)
                train_loss = self._epoch(network.train(), optimiser, X[order], codes[order])
                losses.append((epoch, train_loss, _loss(network, *watched) if watched else float("nan")))
        self.network_ = network.eval().cpu()
        self.losses_ = pd.DataFrame(losses, columns=["epoch", "train_loss", "validation_loss"])

    def _epoch(self, network: nn.Module, optimiser: torch.optim.Adam, X: torch.Tensor, codes: torch.Tensor) -> float:
        """Take a step a batch; the mean loss an event, in nats."""
        total, sizes = 0.0, batch_sizes(len(X), batch_size=self.batch_size)
        for inputs, targets in zip(X.split(sizes), codes.split(sizes), strict=True):
            optimiser.zero_grad()
            loss = cross_entropy(network(inputs), targets)
            loss.backward()
            optimiser.step()
            total += loss.item() * len(inputs)
        return total / len(X)

    def _new_network(self, n_features: int) -> nn.Sequential:
        """Build the layers, with weights from torch's current random numbers."""
        layers, width = [], n_features
        for _ in range(self.hidden_layers):
            layers += [nn.Linear(width, self.hidden_units), nn.BatchNorm1d(self.hidden_units), nn.ReLU()]
            layers += [nn.Dropout(self.dropout)]
            width = self.hidden_units
        return nn.Sequential(*layers, nn.Linear(width, len(self.classes_)))

    def _inputs(self, X: np.ndarray) -> torch.Tensor:
        scaled = X if self.scaler_ is None else self.scaler_.transform(X)
        # A copy where none is made by the cast: torch warns about arrays that may not be written to.
        return torch.from_numpy(np.array(scaled, dtype=np.float32, order="C"))

    def _check_settings(self) -> None:
        for name, least in {"hidden_layers": 1, "hidden_units": 1, "batch_size": 2, "epochs": 1}.items():
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < least:
                raise ValueError(f"{name} is {value!r}; it is a whole number, at least {least}")
        if not isinstance(self.dropout, Real) or not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout!r}; it is a share in [0, 1)")
        if not isinstance(self.learning_rate, Real) or not self.learning_rate > 0:
            raise ValueError(f"learning_rate is {self.learning_rate!r}; it is a number above 0")


def _loss(network: nn.Sequential, X: torch.Tensor, codes: torch.Tensor) -> float:
    """The mean loss an event in evaluation mode, in nats."""
    with torch.no_grad():
        return float(cross_entropy(network.eval()(X), codes))


def batch_sizes(n_events: int, *, batch_size: int) -> list[int]:
    """Divide events into batches, none of one event alone: batch normalisation needs two to have a variance."""
    whole, rest = divmod(n_events, batch_size)
    sizes = [batch_size] * whole + [rest] * (rest > 0)
    return sizes if rest != 1 or not whole else [*sizes[:-2], batch_size + 1]
