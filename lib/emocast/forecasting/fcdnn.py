"""The preprint's fully connected network (FC-DNN) as a scikit-learn classifier.

It is an estimator like any other, so that baselines, cross-validation and hyperparameter search treat it alike, and a
fit depends on its data and `random_state` alone: torch's global random numbers are neither read nor changed.

What the preprint says ("Forecasting - a Supervised Approach" and "Best-Performing Model"): 768 inputs, 4 hidden linear
layers of 265, dropout 0.1 and batch normalisation, softmax over the classes; learning rate 1e-5, batches of 16,
40 epochs. What it does not say, and what is taken here: the activation (ReLU), the order within a layer (linear, batch
normalisation, activation, dropout), the optimiser (Adam), the loss (cross-entropy), the scaling of inputs (none).
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

from .stack import Stack
from .training import Start, Written


class FCDNNClassifier(ClassifierMixin, BaseEstimator):
    """Forecast a class from an embedding by the preprint's network; the defaults are its published settings.

    Args:
        hidden_layers: number of hidden layers.
        hidden_units: units of each hidden layer.
        dropout: share of a hidden layer's outputs dropped in training, in [0, 1).
        learning_rate: step size of Adam.
        batch_size: events a step, at least 2 (batch normalisation). A last batch of one joins the one before it.
        epochs: passes over the training data.
        standardize: scale inputs to zero mean and unit variance, by the statistics of the data given to `fit` alone.
        random_state: seed of initial weights, dropout and order; the same seed and data give the same predictions.
        device: "cpu", "cuda", "cuda:1", or "auto": cuda if there is one, else cpu. The fitted network lives on the CPU.

    Attributes:
        classes_: the classes, sorted, (c,).
        n_features_in_: length of an embedding.
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
        """Train a new network.

        Args:
            X: embeddings, (n, d), n at least 2.
            y: classes, (n,), strings or integers.
            validation_data: embeddings and classes that are only watched: their loss is kept for every epoch, and
                nothing is chosen by it.

        Returns:
            The fitted estimator itself.

        Raises:
            ValueError: a setting is out of range, one event or one class alone, or unknown validation classes.
        """
        inputs, codes = self._prepared(X, y)
        watched = None if validation_data is None else self._watched(*validation_data)
        self._train(inputs, codes, watched)
        return self

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Give each class its probability: softmax of the network's outputs.

        Computed in double precision, so that an event's figures do not depend on the events it is asked with.

        Args:
            X: embeddings, (n, d).

        Returns:
            Probabilities in the order of `classes_`, (n, c), float64; rows sum to one.
        """
        check_is_fitted(self)
        inputs = self._inputs(validate_data(self, X, reset=False, dtype=(np.float64, np.float32)))
        with torch.no_grad():
            return copy.deepcopy(self.network_).double()(inputs.double()).softmax(dim=1).numpy()

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Name the most probable class of each embedding: (n, d) -> (n,)."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def _prepared(self, X: ArrayLike, y: ArrayLike) -> tuple[torch.Tensor, torch.Tensor]:
        """Check settings and data, fit the scaler, and turn the data into what the network takes."""
        self._check_settings()
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32), ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class only, {self.classes_[0]!r}; a classifier needs at least two")
        self.scaler_ = StandardScaler().fit(X) if self.standardize else None
        return self._inputs(X), torch.from_numpy(codes)

    def _train(self, X: torch.Tensor, codes: torch.Tensor, watched: tuple[torch.Tensor, torch.Tensor] | None) -> None:
        """Run all epochs on the device, and keep the network and its losses."""
        start = self._start(X, codes)
        settings = {"learning_rate": self.learning_rate, "dropout": self.dropout}
        on_cpu = start.inputs.device.type == "cpu"
        training = Written(start, **settings) if on_cpu else Stack([start], **settings)
        losses = []
        for epoch in range(1, self.epochs + 1):
            [train_loss] = training.epoch(batch_size=self.batch_size)
            validation_loss = float("nan")
            if watched is not None:
                training.hand_back()
                validation_loss = _loss(start.network, *(part.to(start.inputs.device) for part in watched))
            losses.append((epoch, train_loss, validation_loss))
        training.hand_back()
        self._keep(start.network, losses)

    def _start(self, X: torch.Tensor, codes: torch.Tensor) -> Start:
        """Draw initial weights and the seeds of order and dropout, and bring everything to the device."""
        device = torch.device(resolved(self.device))
        seeds = check_random_state(self.random_state).randint(np.iinfo(np.int32).max, size=2)
        shuffler, dropper = torch.Generator().manual_seed(int(seeds[0])), torch.Generator(device)
        with torch.random.fork_rng(devices=[]):
            # Weights are drawn on the CPU, so that every device starts from the same ones. The global state belongs to
            # the process: fit networks side by side in processes, not in threads.
            torch.default_generator.manual_seed(int(seeds[1]))
            network = self._new_network(X.shape[1]).to(device)
            if device.type == "cpu":
                dropper.set_state(torch.default_generator.get_state())
            else:
                dropper.manual_seed(int(seeds[1]))
        return Start(network, X.to(device), codes.to(device), shuffler, dropper)

    def _keep(self, network: nn.Sequential, losses: list[tuple[int, float, float]]) -> None:
        """Keep a trained network and its losses."""
        self.network_ = network.eval().cpu()
        self.losses_ = pd.DataFrame(losses, columns=["epoch", "train_loss", "validation_loss"])

    def _new_network(self, n_features: int) -> nn.Sequential:
        """Build the layers, with weights from torch's current random numbers."""
        layers: list[nn.Module] = []
        width = n_features
        for _ in range(self.hidden_layers):
            layers += [nn.Linear(width, self.hidden_units), nn.BatchNorm1d(self.hidden_units), nn.ReLU()]
            layers += [nn.Dropout(self.dropout)]
            width = self.hidden_units
        return nn.Sequential(*layers, nn.Linear(width, len(self.classes_)))

    def _inputs(self, X: np.ndarray) -> torch.Tensor:
        """Scale, if so fitted, and turn into the network's float32: (n, d)."""
        scaled = X if self.scaler_ is None else self.scaler_.transform(X)
        # A copy where none is made by the cast: torch warns about arrays that may not be written to.
        return torch.from_numpy(np.array(scaled, dtype=np.float32, order="C"))

    def _watched(self, X: ArrayLike, y: ArrayLike) -> tuple[torch.Tensor, torch.Tensor]:
        """Prepare validation data as the network takes them."""
        X, y = validate_data(self, X, y, reset=False, dtype=(np.float64, np.float32))
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"validation data hold the class {unknown[0]!r}; trained are {list(self.classes_)}")
        return self._inputs(X), torch.from_numpy(np.searchsorted(self.classes_, y))

    def _check_settings(self) -> None:
        """Raise ValueError for a setting out of range."""
        for name, least in {"hidden_layers": 1, "hidden_units": 1, "batch_size": 2, "epochs": 1}.items():
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < least:
                raise ValueError(f"{name} is {value!r}; it is a whole number, at least {least}")
        if not isinstance(self.dropout, Real) or not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout!r}; it is a share in [0, 1)")
        if not isinstance(self.learning_rate, Real) or not self.learning_rate > 0:
            raise ValueError(f"learning_rate is {self.learning_rate!r}; it is a number above 0")


def _loss(network: nn.Sequential, X: torch.Tensor, codes: torch.Tensor) -> float:
    """Return the mean loss an event in evaluation mode, in nats."""
    network.eval()
    with torch.no_grad():
        return float(cross_entropy(network(X), codes))


def resolved(device: str) -> str:
    """Name the device that "auto" stands for."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"
