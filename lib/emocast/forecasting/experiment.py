"""The preprint's experiment as one call: balance, hold out 20 %, cross-validate the rest, train the final model, test it.

Source: preprint, "Experiments and Results": "training the model on 80% of the dataset, while saving 20% for testing", the
cross-validation runs on the training set. Everything that is fitted (balancing aside, which only drops events) is fitted
on training events alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .. import labels, metrics, threads
from ..cache import Cache
from ..sample import undersampled_positions
from . import protocols
from .evaluate import cross_validate
from .fcdnn import FCDNNClassifier
from .points import METHOD, summary


@dataclass(frozen=True)
class Result:
    """What one experiment gives.

    Attributes:
        classes: the emotions in play, in the project's order.
        n_train: events of the training part. By `official`, `folds` are those of its last part alone.
        folds: out-of-fold predictions on the training part (`evaluate.cross_validate`).
        test: the final model's predictions on the held-out part: utterance, dialogue, emotion, predicted.
        losses: the final model's loss an epoch; the held-out part is watched, nothing is chosen by it.
        proof: what stands on both sides of the hold-out (`protocols.proof`).
    """

    classes: list[str]
    n_train: int
    folds: pd.DataFrame
    test: pd.DataFrame
    losses: pd.DataFrame
    proof: dict[str, float]

    def scores(self, *, level: float, draws: int, random_state: int) -> dict[str, float]:
        """Boil the result down to one row.

        Args:
            level: share of the intervals.
            draws: draws of their bootstrap over dialogues.
            random_state: seed of the bootstrap.

        Returns:
            n_train, n_test; cv_mean and cv_std in percent, as the preprint prints them; test_accuracy with its interval
            test_low to test_high, test_uar and test_f1_macro as fractions; chance; then `proof`.
        """
        true, predicted = self.test["emotion"], self.test["predicted"]
        interval = {"level": level, "draws": draws, "random_state": random_state}
        of_folds = summary(self.folds, by=(), **interval).iloc[0]
        tested = metrics.evaluate(true, predicted, labels=self.classes)
        low, high = metrics.bootstrap_interval(true, predicted, self.test["dialogue"], method=METHOD, **interval)
        return {
            "n_train": self.n_train,
            "n_test": len(self.test),
            "cv_mean": of_folds["cv_mean"],
            "cv_std": of_folds["cv_std"],
            "test_accuracy": tested["accuracy"],
            "test_low": low,
            "test_high": high,
            "test_uar": tested["uar"],
            "test_f1_macro": tested["f1_macro"],
            "chance": 1 / len(self.classes),
            **self.proof,
        }


def run(
    estimator: FCDNNClassifier,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    *,
    classes: Sequence[str],
    protocol: str,
    test_fraction: float,
    n_splits: int,
    random_state: int,
    n_jobs: int = 1,
    memory: Cache | None = None,
    progress: bool = True,
) -> Result:
    """Run the experiment on the events of some classes.

    Args:
        estimator: the network with its settings; it is cloned, never fitted itself.
        windows: the window table of one shift, one row an event.
        embeddings: shape (n, d), row for row those of `windows`.
        classes: the emotions in play; each is cut to the size of the smallest.
        protocol: how train and test are divided, for the hold-out and for the folds (`protocols.PROTOCOLS`).
        test_fraction: share of the events held out.
        n_splits: folds of the cross-validation on the training part.
        random_state: seed of balancing, splits and models.
        n_jobs: processes side by side; results do not depend on it.
        memory: keeps finished fits (`cache.memory`).
        progress: show a bar over the folds.

    Returns:
        The result.

    Raises:
        ValueError: a class without events, or a split that cannot be made.
    """
    chosen = undersampled_positions(windows["emotion"], classes=classes, random_state=random_state)
    events, X = windows.iloc[chosen].reset_index(drop=True), np.asarray(embeddings)[chosen]
    train, test = protocols.holdout(events, protocol=protocol, test_fraction=test_fraction, random_state=random_state)
    folds = cross_validate(
        estimator, X[train], events.iloc[train].reset_index(drop=True), protocol=protocol, n_splits=n_splits,
        random_state=random_state, n_jobs=n_jobs, memory=memory, progress=progress,
    )  # fmt: skip
    y = events["emotion"].to_numpy(dtype=str)
    model = FCDNNClassifier(**{**estimator.get_params(), "random_state": random_state})
    with threads.one():
        model.fit(X[train], y[train], validation_data=(X[test], y[test]))
        predicted = model.predict(X[test])
    tested = events.loc[test, ["utterance", "dialogue", "emotion"]].assign(predicted=predicted).reset_index(drop=True)
    shared = protocols.proof(events, train, test)
    return Result(labels.ordered(classes), len(train), folds, tested, model.losses_, shared)
