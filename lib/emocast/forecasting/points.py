"""From predictions to the points of a curve: one row of scores for each shift, event set, emotion or model.

All scores are in percent, as the preprint prints them. Their intervals draw whole dialogues and are expanded
(`metrics.intervals`), because a test part has a dozen dialogues and not hundreds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .. import labels, metrics

#: How intervals are read from their draws, here and in `experiment`.
METHOD = "expanded"


def summary(
    predictions: pd.DataFrame,
    *,
    by: Sequence[str] = ("event_set", "shift_s"),
    level: float = 0.95,
    draws: int = 1000,
    random_state: int,
) -> pd.DataFrame:
    """Boil predictions down to one row a point of a curve.

    Args:
        predictions: out-of-fold predictions of `evaluate.sweep`, or (with other columns in `by`) of `cross_validate`.
        by: the columns that tell the points apart; none makes one point of all rows.
        level: share of the interval.
        draws: draws of its bootstrap.
        random_state: seed of the bootstrap, the same for every point.

    Returns:
        The columns of `by`, then `n` (events), `cv_mean` and `cv_std` (the folds' accuracies; standard deviation with
        ddof 0, which the preprint does not state), `accuracy` of all events together with its interval
        `accuracy_low` to `accuracy_high` (dialogues drawn whole), and `uar`.
    """
    points = predictions.groupby(list(by), sort=False) if by else [((), predictions)]
    rows = [
        {**dict(zip(by, point, strict=True)), **_point(events, level=level, draws=draws, random_state=random_state)}
        for point, events in points
    ]
    return pd.DataFrame(rows)


def recalls(predictions: pd.DataFrame, *, level: float = 0.95, draws: int = 1000, random_state: int) -> pd.DataFrame:
    """Score each emotion on its own at each shift.

    Args:
        predictions: out-of-fold predictions of one event set of `evaluate.sweep`.
        level: share of the interval.
        draws: draws of its bootstrap over dialogues.
        random_state: seed of the bootstrap.

    Returns:
        One row an emotion and shift, in the project's order: emotion, shift_s, n (events), and `recall` with its interval
        `recall_low` to `recall_high` in percent.
    """
    # Among the events of one true emotion, accuracy is that emotion's recall.
    of_emotion = summary(predictions, by=("emotion", "shift_s"), level=level, draws=draws, random_state=random_state)
    names = {"accuracy": "recall", "accuracy_low": "recall_low", "accuracy_high": "recall_high"}
    table = of_emotion.rename(columns=names)[["emotion", "shift_s", "n", *names.values()]]
    order = table["emotion"].map(labels.EMOTIONS.index)
    return table.iloc[np.lexsort([table["shift_s"], order])].reset_index(drop=True)


def compare(
    first: pd.DataFrame, second: pd.DataFrame, *, level: float = 0.95, draws: int = 1000, random_state: int
) -> pd.DataFrame:
    """Set two sweeps beside each other, shift by shift, on the events that both predict.

    Args:
        first: out-of-fold predictions of one event set of `evaluate.sweep`.
        second: the same of another model or other embeddings.
        level: share of the interval.
        draws: draws of its paired bootstrap over dialogues.
        random_state: seed of the bootstrap.

    Returns:
        One row a shift that both have: shift_s, n (events), the accuracies `first` and `second` in percent, and the
        `difference` second - first in points with its interval `low` to `high`.
    """
    both = first.merge(
        second[["shift_s", "utterance", "predicted"]], on=["shift_s", "utterance"], suffixes=("", "_second")
    )
    rows = []
    for shift, events in both.groupby("shift_s"):
        columns = (events[name].to_numpy() for name in ("emotion", "predicted", "predicted_second", "dialogue"))
        scores = metrics.paired_bootstrap(*columns, level=level, draws=draws, method=METHOD, random_state=random_state)
        percent = {name: 100 * scores[name] for name in ("first", "second", "difference", "low", "high")}
        rows.append({"shift_s": shift, "n": len(events), **percent})
    return pd.DataFrame(rows, columns=["shift_s", "n", "first", "second", "difference", "low", "high"])


def _point(events: pd.DataFrame, *, level: float, draws: int, random_state: int) -> dict[str, float]:
    """Score the predictions of one point: its number of events, and scores in percent."""
    true, predicted = events["emotion"].to_numpy(), events["predicted"].to_numpy()
    of_folds = (events["emotion"] == events["predicted"]).groupby(events["fold"]).mean().to_numpy()
    scores = metrics.evaluate(true, predicted, labels=labels.ordered([*true, *predicted]))
    interval = {"level": level, "draws": draws, "method": METHOD, "random_state": random_state}
    low, high = metrics.bootstrap_interval(true, predicted, events["dialogue"].to_numpy(), **interval)
    return {
        "n": scores["n"],
        "cv_mean": 100 * of_folds.mean(),
        "cv_std": 100 * of_folds.std(ddof=0),
        "accuracy": 100 * scores["accuracy"],
        "accuracy_low": 100 * low,
        "accuracy_high": 100 * high,
        "uar": 100 * scores["uar"],
    }
