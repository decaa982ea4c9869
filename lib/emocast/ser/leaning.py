"""What a recogniser says too often, language by language.

The thesis reads off its confusion matrices that the model leans to neutral in English and to happiness in German and Persian
(5.1), and that a second objective shifts this (5.3). Here the lean is a number, with an interval over speakers.

A class of many utterances is predicted often by a model that is always right. So classes are weighed alike: the predicted
share of a class is the mean of its column in the confusion matrix whose rows sum to 1. That is what `metrics.class_shares`
gives on average over class-balanced draws, without the draws' chance; a model without a lean predicts each class in 1/4.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from .. import labels, metrics
from . import resampling, tables


def over_prediction(
    predictions: Mapping[str, pd.DataFrame], *, languages: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """The share in which each class is predicted, if all were equally frequent.

    Args:
        predictions: a test set's name -> its table of predictions (`predictions.predict`).
        languages: a test set's name -> its language.

    Returns:
        One row a test set and class: `test_set`, `language` (missing where not given), `emotion`, `n` (utterances of the
        class), `true_share` (1/4), `predicted_share`, `difference` = predicted - true, as fractions; a test set that cannot
        be balanced has missing shares and a `reason`. `figures.shares` draws it.
    """
    parts = [_shares(table).assign(test_set=name) for name, table in predictions.items()]
    columns = ["test_set", "language", "emotion", "n", "true_share", "predicted_share", "difference", "reason"]
    if not parts:
        return pd.DataFrame(columns=columns)
    table = pd.concat(parts, ignore_index=True)
    language = table["test_set"].map(dict(languages or {})).astype("string")
    return table.assign(language=language).astype({"reason": "string"})[columns]


def _shares(predictions: pd.DataFrame) -> pd.DataFrame:
    rows = tables.labelled(predictions)
    n = rows["emotion"].value_counts().reindex(labels.FOUR, fill_value=0).astype(int).to_numpy()
    table = pd.DataFrame({"emotion": labels.FOUR, "n": n, "true_share": 1 / len(labels.FOUR)})
    reason = tables.unscorable(rows)
    predicted = np.nan if reason else _predicted_shares(_counts(rows))
    table = table.assign(predicted_share=predicted, reason=reason)
    return table.assign(difference=table["predicted_share"] - table["true_share"])


def _counts(rows: pd.DataFrame) -> np.ndarray:
    return metrics.confusion(rows["emotion"], rows["predicted"], labels=labels.FOUR).to_numpy()


def _predicted_shares(counts: np.ndarray) -> np.ndarray:
    """Confusion counts (..., classes, classes) -> predicted shares (..., classes); NaN where a class does not occur."""
    whole = (counts.sum(axis=-1) > 0).all(axis=-1, keepdims=True)
    return np.where(whole, tables.balanced_shares(counts).mean(axis=-2), np.nan)


def most_over_predicted(
    predictions: Mapping[str, pd.DataFrame],
    *,
    languages: Mapping[str, str] | None = None,
    draws: int = 1000,
    level: float = 0.95,
    random_state: int,
) -> pd.DataFrame:
    """The class that is predicted most above its share, and whether it would be with other speakers.

    Some class always has the largest surplus, and its surplus is above 0 unless all are exactly 0, so an interval
    above 0 alone proves little. `stays` says more: how often the same class comes out first when the speakers are drawn
    again. Near 1 it is this class; well below it is a tie, and naming it is chance.

    Args:
        predictions: a test set's name -> its table of predictions.
        languages: a test set's name -> its language.
        draws: draws of the bootstrap.
        level: share of the draws inside the interval.
        random_state: seed of the draws.

    Returns:
        One row a test set: `test_set`, `language`, `emotion`, `surplus` (predicted - true share, fraction) with `low` and
        `high`, `stays` (fraction of the draws), `interval_by` (what was drawn, see `resampling`), and `reason` where
        there is no answer.
    """
    metrics.checks.level(level)
    metrics.checks.draws(draws)
    named = dict(languages or {})
    options = {"draws": draws, "level": level, "random_state": random_state}
    rows = [
        {"test_set": name, "language": named.get(name), **_largest(tables.labelled(table), **options)}
        for name, table in predictions.items()
    ]
    columns = ["test_set", "language", "emotion", "surplus", "low", "high", "stays", "interval_by", "reason"]
    words = dict.fromkeys(["language", "emotion", "interval_by", "reason"], "string")
    return pd.DataFrame(rows, columns=columns).astype(words)


def _largest(rows: pd.DataFrame, *, draws: int, level: float, random_state: int) -> dict[str, object]:
    reason = tables.unscorable(rows)
    if reason:
        return {"reason": reason}
    surplus = _predicted_shares(_counts(rows)) - 1 / len(labels.FOUR)
    first = int(surplus.argmax())
    found = {"emotion": labels.FOUR[first], "surplus": surplus[first]}
    unit = resampling.unit(rows)
    if unit is None:
        return found
    drawn = _drawn_surplus(rows, unit, draws=draws, random_state=random_state)
    low, high = np.quantile(drawn[:, first], [(1 - level) / 2, (1 + level) / 2]) if len(drawn) else (np.nan, np.nan)
    stays = (drawn.argmax(axis=1) == first).mean() if len(drawn) else np.nan
    return found | {"low": low, "high": high, "stays": stays, "interval_by": unit}


def _drawn_surplus(rows: pd.DataFrame, unit: str, *, draws: int, random_state: int) -> np.ndarray:
    """The surplus of every class in draws of whole groups, (draws, classes); draws that lack a class are left out."""
    by_group = np.stack([_counts(group) for _, group in rows.groupby(unit)])
    n_groups = len(by_group)
    # How often each group is in a draw of n_groups out of n_groups with replacement is multinomial.
    weights = np.random.default_rng(random_state).multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=draws)
    shares = _predicted_shares(np.tensordot(weights, by_group, axes=1))
    return shares[~np.isnan(shares).any(axis=1)] - 1 / len(labels.FOUR)
