"""Would more data help? A learning curve over dialogues, not over events.

Half of the events of every dialogue is nearly as much as all of them, because the events of a dialogue resemble each other;
half of the dialogues is half. So whole dialogues are taken away. The subsets are nested, each within the next larger one:
then a step of the curve shows what the added dialogues bring, not which ones happened to be drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from . import checks
from .forecasts import evaluate_forecast
from .intervals import paired_bootstrap

FRACTIONS: tuple[float, ...] = (1 / 8, 1 / 4, 1 / 2, 1.0)


def subsets(
    groups: ArrayLike, fractions: Sequence[float] = FRACTIONS, *, random_state: int | np.random.Generator
) -> list[tuple[float, np.ndarray]]:
    """Draw nested subsets of whole groups out of training rows.

    Args:
        groups: the group of each training row, (n,): the dialogues.
        fractions: shares of the groups, above 0 and up to 1.
        random_state: seed or generator of the order in which groups come in; the order of rows does not matter.

    Returns:
        For each fraction, ascending: the fraction, and the positions of the rows of its groups, ascending. At least one
        group is in each; a small one may lack a class, which the caller has to bear.

    Raises:
        ValueError: a fraction is not above 0 and up to 1, or there is no row.
    """
    members = checks.paired(groups, groups, names=("groups", "groups"))[0]
    wrong = [fraction for fraction in fractions if not 0 < fraction <= 1]
    if wrong:
        raise ValueError(f"a fraction is {wrong[0]}; fractions of the groups are above 0 and up to 1")
    names, owner = np.unique(members, return_inverse=True)
    place = np.random.default_rng(random_state).permutation(len(names))[owner]
    counts = [(fraction, max(1, round(fraction * len(names)))) for fraction in sorted(set(fractions))]
    return [(float(fraction), np.flatnonzero(place < count)) for fraction, count in counts]


def learning_curve(
    predictions: pd.DataFrame,
    *,
    level: float = 0.95,
    draws: int = 1000,
    method: str = "expanded",
    random_state: int,
) -> pd.DataFrame:
    """Boil the predictions of models trained on growing subsets down to one row a fraction.

    Args:
        predictions: one row an event and fraction: fraction, train_dialogues and train_events (what the model of the event's
            fold was trained on), utterance, and the columns of `evaluate_forecast`.
        level: share of the intervals.
        draws: draws of their bootstraps over dialogues.
        method: "percentile" or "expanded"; see `intervals.percentiles`.
        random_state: seed of the bootstraps.

    Returns:
        One row a fraction, ascending: fraction, train_dialogues and train_events (means over the events, so over the folds),
        the scores of `evaluate_forecast`, and `gain`, what the accuracy rose from the row before on the same events, with
        its interval `gain_low` to `gain_high` (NaN in the first row).

    Raises:
        ValueError: the fractions are not of the same events, or as `evaluate_forecast`.
    """
    options = {"level": level, "draws": draws, "method": method, "random_state": random_state}
    rows, before = [], None
    for fraction, events in predictions.groupby("fraction"):
        events = events.sort_values("utterance", kind="stable").reset_index(drop=True)
        size = {name: float(events[name].mean()) for name in ("train_dialogues", "train_events")}
        gain = _gain(before, events, **options)
        rows.append({"fraction": fraction, **size, **evaluate_forecast(events, **options), **gain})
        before = events
    return pd.DataFrame(rows)


def _gain(before: pd.DataFrame | None, events: pd.DataFrame, **options: float | str) -> dict[str, float]:
    """The rise of the accuracy from one fraction to the next, on the same events."""
    if before is None:
        return dict.fromkeys(("gain", "gain_low", "gain_high"), float("nan"))
    if before["utterance"].tolist() != events["utterance"].tolist() or events["utterance"].duplicated().any():
        raise ValueError(
            f"the fractions {before['fraction'].iloc[0]} and {events['fraction'].iloc[0]} are not of the same events, each "
            "once; a learning curve compares models on one set of events"
        )
    columns = (events["emotion"], before["predicted"], events["predicted"], events["dialogue"])
    spread = paired_bootstrap(*(column.to_numpy() for column in columns), **options)
    return {"gain": spread["difference"], "gain_low": spread["low"], "gain_high": spread["high"]}
