"""From a table of predictions to its row of scores: what a notebook calls.

The tables are those of `forecasting`: one row an event with `utterance`, `dialogue`, `emotion`, `predicted` and, where a model
gives them, its probabilities `p_<emotion>`. Dialogues are drawn whole, and intervals are expanded (`Resampling.percentiles`)
unless the option `method` says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .calibration import brier_losses, calibration_error, calibration_interval
from .resampling import bootstrap_interval, holm, loss_interval, paired_bootstrap, permutation_test
from .scores import COUNTED, evaluate, paired

FRACTIONS: tuple[float, ...] = (1 / 8, 1 / 4, 1 / 2, 1.0)

_NAN = float("nan")


def evaluate_forecast(table: pd.DataFrame, **options: Any) -> dict[str, float]:
    """Score a table of predictions by everything at once; options are those of `bootstrap_interval`.

    Returns `n` (events), `groups` (dialogues), and `accuracy`, `uar`, `f1_macro`, `brier` (0 to 2) and `ece`, each with its
    interval in `<score>_low` and `<score>_high`, as fractions. Without probabilities `brier` and `ece` are NaN. ValueError
    where the table is empty, an emotion or prediction is missing, or some rows alone have no probabilities.
    """
    true, predicted, groups = (table[column].to_numpy() for column in ("emotion", "predicted", "dialogue"))
    options = {"method": "expanded", **options}
    names = [column.removeprefix("p_") for column in table.columns if column.startswith("p_")]
    scores = evaluate(true, predicted, labels=[*dict.fromkeys([*names, *true, *predicted])])
    row = {"n": scores["n"], "groups": table["dialogue"].nunique()}
    for metric in COUNTED:
        row |= _with_ends(metric, scores[metric], bootstrap_interval(true, predicted, groups, metric=metric, **options))
    shares = table[[f"p_{name}" for name in names]].to_numpy(dtype=np.float64)
    if np.isnan(shares).all():  # also of no column at all
        return row | _with_ends("brier", _NAN, (_NAN, _NAN)) | _with_ends("ece", _NAN, (_NAN, _NAN))
    losses = brier_losses(true, shares, labels=names)
    row |= _with_ends("brier", float(losses.mean()), loss_interval(losses, groups, **options))
    ends = calibration_interval(true, shares, groups, labels=names, **options)
    return row | _with_ends("ece", calibration_error(true, shares, labels=names), ends)


def evaluate_forecasts(table: pd.DataFrame, *, by: Sequence[str], **options: Any) -> pd.DataFrame:
    """Score each part of a long table of predictions: a row for each value of the columns `by`, in order of appearance."""
    parts = table.groupby(list(by), sort=False)
    return pd.DataFrame(
        [dict(zip(by, part, strict=True)) | evaluate_forecast(events, **options) for part, events in parts]
    )


def compare_forecasts(
    table: pd.DataFrame, reference: pd.DataFrame, *, by: Sequence[str] = (), metric: str = "accuracy", **options: Any
) -> pd.DataFrame:
    """Test predictions against a reference such as persistence on the events of both; the rows are one family of tests.

    Args:
        table: predictions of a model, with the columns of `by`, utterance, dialogue, emotion and predicted.
        reference: those of the reference, with the columns of `by`, utterance and predicted.
        by: the columns that tell the tests apart, such as protocol and shift_s; none makes one test of all rows.
        options: those of `bootstrap_interval`, as the metric; each test and interval has 9999 draws, if nothing else is said.

    Returns:
        The columns of `by`; `n`, the events of both; `left_out`, the model's events that the reference lacks; the scores
        `reference` and `score`, their `difference` score - reference with `low` and `high`; `p_value` of the permutation
        test, and `p_holm`, adjusted for all rows. ValueError where there is no event of both, or one stands twice.
    """
    keys, options = [*by, "utterance"], {"metric": metric, "draws": 9999, "method": "expanded", **options}
    other = reference[[*keys, "predicted"]]
    try:
        both = table.merge(other, on=keys, how="left", suffixes=("", "_reference"), validate="one_to_one")
    except pd.errors.MergeError as error:
        raise ValueError(
            f"an event stands twice under the same {', '.join(keys)}: name in `by` what differs"
        ) from error
    rows = []
    for part, events in both.groupby(list(by), sort=False) if by else [((), both)]:
        common = events[events["predicted_reference"].notna()]
        columns = [common[name].to_numpy() for name in ("emotion", "predicted_reference", "predicted", "dialogue")]
        test = permutation_test(*columns, **options)
        spread = paired_bootstrap(*columns, **options)
        row = dict(zip(by, part, strict=True)) | {"n": len(common), "left_out": len(events) - len(common)}
        row |= {"reference": test["first"], "score": test["second"]}
        ends = {name: spread[name] for name in ("difference", "low", "high")}
        rows.append(row | ends | {"p_value": test["p_value"]})
    return pd.DataFrame(rows).assign(p_holm=holm([row["p_value"] for row in rows]))


def subsets(
    groups: ArrayLike, fractions: Iterable[float] = FRACTIONS, *, random_state: int | np.random.Generator
) -> list[tuple[float, np.ndarray]]:
    """Draw nested subsets of whole groups (n,), the dialogues, out of training rows, for a learning curve.

    Half of the events of every dialogue is nearly as much as all of them, half of the dialogues is half; each subset is within
    the next larger one, so that a step of the curve shows what the added dialogues bring. Returns for each fraction, ascending:
    the fraction, and the positions of the rows of its groups, ascending. At least one group is in each; a small one may lack a
    class, which the caller has to bear. The order of rows does not matter; a fraction that is not above 0 and up to 1 is a
    ValueError.
    """
    members = paired(groups, groups, names=("groups", "groups"))[0]
    wrong = [fraction for fraction in fractions if not 0 < fraction <= 1]
    if wrong:
        raise ValueError(f"a fraction is {wrong[0]}; fractions of the groups are above 0 and up to 1")
    names, owner = np.unique(members, return_inverse=True)
    place = np.random.default_rng(random_state).permutation(len(names))[owner]
    counts = [(fraction, max(1, round(fraction * len(names)))) for fraction in sorted(set(fractions))]
    return [(float(fraction), np.flatnonzero(place < count)) for fraction, count in counts]


def learning_curve(predictions: pd.DataFrame, **options: Any) -> pd.DataFrame:
    """Boil the predictions of models trained on growing subsets down to one row a fraction, ascending.

    Takes one row an event and fraction: fraction, train_dialogues and train_events (what the model of the event's fold was
    trained on), utterance, and the columns of `evaluate_forecast`. Returns fraction, train_dialogues and train_events (means
    over the events, so over the folds), the scores of `evaluate_forecast`, and `gain`, what the accuracy rose from the row
    before on the same events, with its interval `gain_low` to `gain_high` (NaN in the first row). Fractions of unlike events
    are a ValueError.
    """
    options, rows, before = {"method": "expanded", **options}, [], None
    for fraction, events in predictions.groupby("fraction"):
        events = events.sort_values("utterance", kind="stable").reset_index(drop=True)
        size = {name: float(events[name].mean()) for name in ("train_dialogues", "train_events")}
        gain = (
            dict.fromkeys(("gain", "gain_low", "gain_high"), _NAN) if before is None else _gain(before, events, options)
        )
        rows.append({"fraction": fraction, **size, **evaluate_forecast(events, **options), **gain})
        before = events
    return pd.DataFrame(rows)


def _gain(before: pd.DataFrame, events: pd.DataFrame, options: dict[str, Any]) -> dict[str, float]:
    """The rise of the accuracy from one fraction to the next, on the same events."""
    if before["utterance"].tolist() != events["utterance"].tolist() or events["utterance"].duplicated().any():
        raise ValueError(
            f"the fractions {before['fraction'].iloc[0]} and {events['fraction'].iloc[0]} are not of the same events, each "
            "once; a learning curve compares models on one set of events"
        )
    columns = (events["emotion"], before["predicted"], events["predicted"], events["dialogue"])
    spread = paired_bootstrap(*(column.to_numpy() for column in columns), **options)
    return _with_ends("gain", spread["difference"], (spread["low"], spread["high"]))


def _with_ends(name: str, value: float, ends: tuple[float, float]) -> dict[str, float]:
    return {name: value, f"{name}_low": ends[0], f"{name}_high": ends[1]}
