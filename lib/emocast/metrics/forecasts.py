"""From a table of predictions to its row of scores: what a notebook calls.

The tables are those of `forecasting.evaluate.sweep` and `cross_validate`: one row an event with `utterance`, `dialogue`,
`emotion`, `predicted` and, where a model gives them, its probabilities `p_<emotion>`. Everything is drawn by dialogues.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from . import probabilities
from .calibration import calibration_error, calibration_interval
from .classes import COUNTED, evaluate
from .drawing import Metric
from .families import holm
from .intervals import bootstrap_interval, paired_bootstrap
from .permutation import permutation_test
from .shifts import shift_events

_NAN = float("nan")


def evaluate_forecast(
    table: pd.DataFrame,
    *,
    group: str = "dialogue",
    bins: int = 10,
    level: float = 0.95,
    draws: int = 1000,
    method: str = "expanded",
    random_state: int,
) -> dict[str, float]:
    """Score a table of predictions by everything at once.

    Log loss is left out, because one sure miss makes it infinite; `probabilities.log_loss` gives it.

    Args:
        table: predictions, one row an event: emotion, predicted, `group`, and p_<emotion> of each class.
        group: the column of what is drawn whole.
        bins: bins of the calibration error, of equal width.
        level: share of the intervals.
        draws: draws of their bootstraps.
        method: "percentile" or "expanded"; see `intervals.percentiles`.
        random_state: seed of the bootstraps, the same for each.

    Returns:
        `n` (events), `groups`, and `accuracy`, `uar`, `f1_macro`, `brier` (0 to 2) and `ece`, each with its interval in
        `<score>_low` and `<score>_high`, as fractions. Without probabilities `brier` and `ece` are NaN.

    Raises:
        ValueError: the table is empty, an emotion or prediction is missing, or some rows alone have no probabilities.
    """
    true, predicted, groups = (table[column].to_numpy() for column in ("emotion", "predicted", group))
    options = {"level": level, "draws": draws, "method": method, "random_state": random_state}
    names = classes(table)
    scores = evaluate(true, predicted, labels=[*dict.fromkeys([*names, *true, *predicted])])
    row = {"n": scores["n"], "groups": table[group].nunique()}
    for metric in COUNTED:
        row |= _with_ends(metric, scores[metric], bootstrap_interval(true, predicted, groups, metric=metric, **options))
    shares = table[[f"p_{name}" for name in names]].to_numpy(dtype=np.float64)
    if np.isnan(shares).all():  # also of no column at all
        return row | _with_ends("brier", _NAN, (_NAN, _NAN)) | _with_ends("ece", _NAN, (_NAN, _NAN))
    losses = probabilities.brier_losses(true, shares, labels=names)
    ece = {"labels": names, "bins": bins}
    row |= _with_ends("brier", float(losses.mean()), probabilities.loss_interval(losses, groups, **options))
    ends = calibration_interval(true, shares, groups, **ece, **options)
    return row | _with_ends("ece", calibration_error(true, shares, **ece), ends)


def evaluate_forecasts(table: pd.DataFrame, *, by: Sequence[str], **options: float | str) -> pd.DataFrame:
    """Score each part of a long table of predictions: one row a part.

    Args:
        table: predictions of several models, protocols or shifts.
        by: the columns that tell them apart.
        **options: those of `evaluate_forecast`.

    Returns:
        The columns of `by`, in the order of their first appearance, and those of `evaluate_forecast`.
    """
    rows = [
        {**dict(zip(by, part, strict=True)), **evaluate_forecast(events, **options)}
        for part, events in table.groupby(list(by), sort=False)
    ]
    return pd.DataFrame(rows)


def evaluate_changes(table: pd.DataFrame, last_emotion: ArrayLike, **options: float | str) -> pd.DataFrame:
    """Score all events, those that change the emotion, and those that do not.

    Args:
        table: predictions, one row an event.
        last_emotion: the emotion heard last before each event, (n,); missing where none was.
        **options: those of `evaluate_forecast`.

    Returns:
        One row each for `events` = "all", "shift" (the emotion changed) and "stay" (it did not); a kind without events has
        no row, and events before which nothing was heard are in "all" alone.

    Raises:
        ValueError: as `shift_events` and `evaluate_forecast`.
    """
    last = pd.Series(np.asarray(last_emotion, dtype=object), index=table.index)
    shift = shift_events(last, table["emotion"])
    kinds = {"all": np.ones(len(table), dtype=bool), "shift": shift, "stay": ~shift & last.notna().to_numpy()}
    rows = [
        {"events": kind, **evaluate_forecast(table[chosen], **options)}
        for kind, chosen in kinds.items()
        if chosen.any()
    ]
    return pd.DataFrame(rows)


def compare_forecasts(
    table: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    metric: str | Metric = "accuracy",
    group: str = "dialogue",
    level: float = 0.95,
    draws: int = 9999,
    method: str = "expanded",
    random_state: int,
) -> pd.DataFrame:
    """Test predictions against a reference such as persistence on the events of both; the rows are one family of tests.

    Args:
        table: predictions of a model, with the columns of `by`, utterance, emotion, predicted and `group`.
        reference: those of the reference, with the columns of `by`, utterance and predicted.
        by: the columns that tell the tests apart, such as protocol and shift_s; none makes one test of all rows.
        metric: as in `permutation_test`.
        group: the column of what is swapped and drawn whole.
        level: share of the intervals.
        draws: draws of each test and of each interval.
        method: "percentile" or "expanded"; see `intervals.percentiles`.
        random_state: seed of tests and intervals.

    Returns:
        The columns of `by`; `n`, the events of both; `left_out`, the model's events that the reference lacks; the scores
        `reference` and `score`, their `difference` score - reference with `low` and `high`; `p_value` of the permutation
        test, and `p_holm`, adjusted for all rows of this table.

    Raises:
        ValueError: there is no event of both, an event stands twice, or as `permutation_test`.
    """
    keys = [*by, "utterance"]
    try:
        both = table.merge(
            reference[[*keys, "predicted"]], on=keys, how="left", suffixes=("", "_reference"), validate="one_to_one"
        )
    except pd.errors.MergeError as error:
        raise ValueError(
            f"an event stands twice under the same {', '.join(keys)}: name in `by` what differs"
        ) from error
    options = {"metric": metric, "draws": draws, "random_state": random_state}
    rows = []
    for part, events in both.groupby(list(by), sort=False) if by else [((), both)]:
        common = events[events["predicted_reference"].notna()]
        columns = [common[name].to_numpy() for name in ("emotion", "predicted_reference", "predicted", group)]
        test = permutation_test(*columns, **options)
        spread = paired_bootstrap(*columns, **options, level=level, method=method)
        row = {
            "n": len(common),
            "left_out": len(events) - len(common),
            "reference": test["first"],
            "score": test["second"],
        }
        ends = {name: spread[name] for name in ("difference", "low", "high")}
        rows.append({**dict(zip(by, part, strict=True)), **row, **ends, "p_value": test["p_value"]})
    return pd.DataFrame(rows).assign(p_holm=holm([row["p_value"] for row in rows]))


def classes(table: pd.DataFrame) -> list[str]:
    """The classes that a table has probabilities of, in the order of its columns."""
    return [column.removeprefix("p_") for column in table.columns if column.startswith("p_")]


def _with_ends(name: str, value: float, ends: tuple[float, float]) -> dict[str, float]:
    return {name: value, f"{name}_low": ends[0], f"{name}_high": ends[1]}
