"""What the held-out parts say of a forecaster: a row a shift, with intervals by dialogue."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .. import metrics
from ..forecasting import baselines
from ..profile import Profile


def table(profile: Profile, predictions: pd.DataFrame, windows: pd.DataFrame, utterances: pd.DataFrame) -> pd.DataFrame:
    """Score out-of-fold predictions at each shift.

    Args:
        profile: the run's settings.
        predictions: from `training.train`.
        windows: the windows that it was trained on.
        utterances: all utterances of the corpus, for persistence.

    Returns:
        shift_s and the columns of `metrics.evaluate_forecast`; `answered` (share of events), `answered_accuracy` with its
        interval `answered_low` to `answered_high` (NaN where nothing is answered); `persistence`, the accuracy of "the emotion
        labelled last goes on", which reads true labels; `chance`. All are fractions.
    """
    options = {"level": profile.intervals.level, "draws": profile.intervals.draws, "random_state": profile.seed}
    found = metrics.evaluate_forecasts(predictions, by=["shift_s"], **options)
    answers = pd.DataFrame([_answered(events, **options) for _, events in predictions.groupby("shift_s", sort=False)])
    last = _persistence(profile, windows, utterances)
    hits = (last["emotion"] == last["predicted"]).groupby(last["shift_s"]).mean()
    chance = 1 / len(profile.tasks[profile.sweep_task])
    return pd.concat([found, answers], axis=1).assign(persistence=found["shift_s"].map(hits), chance=chance)


def plain(scores: pd.DataFrame) -> list[dict[str, Any]]:
    """Scores as JSON values: numbers, and null where there is none."""
    rows = scores.astype(object).where(scores.notna(), None).to_dict("records")
    return [{name: None if value is None else float(value) for name, value in row.items()} for row in rows]


def _answered(events: pd.DataFrame, *, level: float, draws: int, random_state: int) -> dict[str, float]:
    """Of the events that the networks answer: how many, and how many of those rightly."""
    some = events[~events["abstains"]]
    row = {"answered": len(some) / len(events)}
    if some["dialogue"].nunique() < 2:  # one dialogue has no interval
        rate = (some["emotion"] == some["predicted"]).mean() if len(some) else np.nan
        return row | {"answered_accuracy": rate, "answered_low": np.nan, "answered_high": np.nan}
    columns = (some[name].to_numpy() for name in ("emotion", "predicted", "dialogue"))
    low, high = metrics.bootstrap_interval(
        *columns, level=level, draws=draws, method="expanded", random_state=random_state
    )
    rate = float((some["emotion"] == some["predicted"]).mean())
    return row | {"answered_accuracy": rate, "answered_low": low, "answered_high": high}


def _persistence(profile: Profile, windows: pd.DataFrame, utterances: pd.DataFrame) -> pd.DataFrame:
    """The baseline on the same events and folds."""
    return baselines.sweep(
        windows, utterances, models={baselines.PERSISTENCE: baselines.of_labels()[baselines.PERSISTENCE]},
        classes=profile.tasks[profile.sweep_task], protocol=profile.forecaster.protocol, n_splits=profile.split.folds,
        event_sets=["fixed"], random_state=profile.seed,
    )  # fmt: skip
