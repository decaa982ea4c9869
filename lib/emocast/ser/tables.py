"""The thesis's tables of classes: how often recognisers are right on each test set (5.1, 5.4, 5.5), and what they lean to.

All scores are those of a test set with equally many utterances of each class, as the thesis tests (5.1). One such set is a
draw; here it is drawn many times. Its accuracy is on average the mean recall of all utterances (UAR), and its class shares
are those of the confusion matrix whose rows are divided by their sums: intervals over speakers are taken of these.

Utterances of other classes than `labels.FOUR`, or of none, are left out. `dimensions` has the tables of valence and arousal.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from .. import labels, metrics, published
from ..metrics.classes import COUNTED
from . import resampling

#: Columns of what is printed, and the score that `metrics` has for it on classes of equal weight.
SCORES = ("accuracy", "f1_macro")

_SPREAD = ("draw_low", "draw_high", "low", "high")
_COLUMNS = ["test_set", "n_per_class", "n", "available", *(
    name for score in SCORES for name in (score, *(f"{score}_{end}" for end in _SPREAD))
), "interval_by", "chance", "reason"]  # fmt: skip


def classification(
    predictions: Mapping[str, pd.DataFrame], *, draws: int = 1000, level: float = 0.95, random_state: int
) -> pd.DataFrame:
    """Score one model on every test set (thesis tables 5.1 and 5.4).

    Args:
        predictions: a test set's name -> its table of predictions (`predictions.predict`).
        draws: number of balanced draws, and of draws of each bootstrap.
        level: share of the draws inside the intervals.
        random_state: seed of all draws.

    Returns:
        One row a test set in the order given: `test_set`; `n_per_class` and `n`, utterances of a balanced draw; `available`,
        utterances that it is drawn from. Then `accuracy` and `f1_macro` (fractions, means over the draws), each with
        `_draw_low` to `_draw_high`, what another draw of the same utterances would have scored, and `_low` to `_high`, what
        others of the same kind might: a bootstrap over `interval_by` (see `resampling`). `chance`. A test set that cannot
        be scored has missing scores and a `reason`.

    Raises:
        ValueError: a model has classes for some utterances only, or other ones than the four; the options make no sense.
    """
    options = {"draws": draws, "level": level, "random_state": random_state}
    rows = [{"test_set": name, **_scored(table, **options)} for name, table in predictions.items()]
    table = pd.DataFrame(rows, columns=_COLUMNS).assign(chance=1 / len(labels.FOUR))
    counts = ["n_per_class", "n", "available"]
    return table.astype(dict.fromkeys(counts, "Int64") | {"interval_by": "string", "reason": "string"})


def _scored(predictions: pd.DataFrame, **options: float) -> dict[str, object]:
    rows = labelled(predictions)
    reason = unscorable(rows)
    if reason:
        return {"available": len(rows), "reason": reason}
    true, predicted = rows["emotion"].to_numpy(), rows["predicted"].to_numpy()
    drawn = metrics.balanced_draws(
        true, predicted, labels=labels.FOUR, draws=options["draws"], random_state=options["random_state"]
    )
    summary = metrics.summarise_draws(drawn, level=options["level"])
    n = int(drawn["n"].iloc[0])
    scored = {"n_per_class": n // len(labels.FOUR), "n": n, "available": len(rows)}
    for name in SCORES:
        spread = resampling.interval(rows, *_codes(true, predicted), metric=BALANCED[name], **options)
        mean, draw_low, draw_high = summary.loc[name]
        ends = {"draw_low": draw_low, "draw_high": draw_high, "low": spread["low"], "high": spread["high"]}
        scored |= {name: mean, **{f"{name}_{end}": value for end, value in ends.items()}}
    return scored | {"interval_by": spread["interval_by"]}


def labelled(predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows whose true emotion is one of the four (excitement counts as happiness), with a fresh index."""
    rows = predictions.assign(emotion=labels.four_classes(predictions["emotion"]))
    return rows.dropna(subset=["emotion"]).reset_index(drop=True)


def unscorable(rows: pd.DataFrame) -> str | None:
    """Why no balanced set can be scored: a class without an utterance, or a model without classes; else None."""
    missing = [name for name in labels.FOUR if not rows["emotion"].eq(name).any()]
    if missing:
        return f"no utterance of {', '.join(missing)}"
    if rows["predicted"].isna().all():
        return "the model names no class; dimensions.from_dimensions reads one off its valence and arousal"
    return None


def balanced_shares(counts: np.ndarray) -> np.ndarray:
    """Confusion counts (..., true, predicted) -> shares of the true class; a class that does not occur keeps zeros."""
    return counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)


def balanced_f1(true: np.ndarray, predicted: np.ndarray) -> float:
    """Macro F1 if each class had equally many utterances; takes places in `labels.FOUR`, (n,) each."""
    size = len(labels.FOUR)
    counts = np.bincount(true * size + predicted, minlength=size * size).reshape(size, size)
    return float(COUNTED["f1_macro"](balanced_shares(counts)))


#: The scores of classes of equal weight, whatever their numbers are, as `metrics`' bootstraps take them.
BALANCED = {"accuracy": "uar", "f1_macro": balanced_f1}


def _codes(*classes: np.ndarray) -> list[np.ndarray]:
    """Places in `labels.FOUR`, for functions that are called on every draw and would be slow on words."""
    return [metrics.checks.codes(values, labels=labels.FOUR, side="a column of classes") for values in classes]


def beside_published(table: pd.DataFrame, *, experiment: str) -> pd.DataFrame:
    """Put what the thesis prints beside each score.

    Args:
        table: the result of `classification`.
        experiment: "ser-classification" (tables 5.1 and 5.5), "ser-multiobjective" (5.4), or "ser-regression", of which
            no class is printed.

    Returns:
        The table, with `accuracy_published` and `f1_macro_published` (missing where none is printed) and
        `accuracy_difference` and `f1_macro_difference`, ours - published, each pair behind its score's interval.

    Raises:
        KeyError: no such experiment was published.
    """
    printed, table = _printed(experiment), table.copy()
    for name in SCORES:
        values = [printed.get((test_set, name), np.nan) for test_set in table["test_set"]]
        place = table.columns.get_loc(f"{name}_high") + 1
        table.insert(place, f"{name}_published", values)
        table.insert(place + 1, f"{name}_difference", table[name] - values)
    return table


def _printed(experiment: str) -> dict[tuple[str, str], float]:
    """(test set, score) -> the published value. Table 5.1 calls "IEMOCAP" what 5.4 and 5.5 call "IEMOCAP (full)"."""
    rows = published.select(experiment)
    rows = rows[rows["class"].isna()].replace({"dataset": {"IEMOCAP": "IEMOCAP (full)"}})
    return rows.set_index(["dataset", "metric"])["value"].to_dict()


def second_objective(
    single: Mapping[str, pd.DataFrame],
    multi: Mapping[str, pd.DataFrame],
    *,
    draws: int = 1000,
    level: float = 0.95,
    random_state: int,
) -> pd.DataFrame:
    """What learning valence and arousal beside the classes changes: the multiobjective model minus the single one.

    Both models are scored on the same draws of the same utterances (those in both tables, which matters where each has a
    test part of its own), with classes of equal weight. Drawing single utterances takes them to be independent; drawing
    speakers asks whether the change would hold for others, and is the answer to trust where the two disagree.

    Args:
        single: test set -> predictions of the classification model.
        multi: test set -> predictions of the multiobjective model.
        draws: draws of each bootstrap.
        level: share of the draws inside the intervals.
        random_state: seed of all draws.

    Returns:
        One row a test set of both and score: `test_set`, `score`, `n` (utterances), `single`, `multi`, `difference` with
        `low`, `high`, `p_value` over utterances; `group_low`, `group_high`, `group_p_value` over `interval_by` (the speakers,
        or what `resampling` draws instead); `published`, the thesis's tables 5.4 minus 5.1; and `reason` if there is none.

    Raises:
        ValueError: an utterance stands twice in a table, or its true emotion is not the same in both.
    """
    options = {"draws": draws, "level": level, "random_state": random_state}
    before, after = _printed("ser-classification"), _printed("ser-multiobjective")
    rows = []
    for test_set in [name for name in single if name in multi]:
        pairs = _pairs(single[test_set], multi[test_set], name=test_set)
        for score in SCORES:
            difference = after.get((test_set, score), np.nan) - before.get((test_set, score), np.nan)
            compared = _compared(pairs, score, options)
            rows.append({"test_set": test_set, "score": score, "n": len(pairs), **compared, "published": difference})
    return pd.DataFrame(rows, columns=_COMPARED).astype({"interval_by": "string", "reason": "string"})


_COMPARED = ["test_set", "score", "n", "single", "multi", "difference", "low", "high", "p_value",
             "group_low", "group_high", "group_p_value", "interval_by", "published", "reason"]  # fmt: skip


def _pairs(single: pd.DataFrame, multi: pd.DataFrame, *, name: str) -> pd.DataFrame:
    """The utterances of both tables, with what each model predicted: columns predicted and predicted_multi."""
    for table in (single, multi):
        twice = table.loc[table["utterance"].duplicated(), "utterance"]
        if len(twice):
            raise ValueError(f"{name}: the utterance {twice.iloc[0]!r} stands twice in one table of predictions")
    other = labelled(multi)[["utterance", "emotion", "predicted"]]
    pairs = labelled(single).merge(other, on="utterance", suffixes=("", "_multi"))
    unlike = pairs[pairs["emotion"].ne(pairs["emotion_multi"])]
    if len(unlike):
        raise ValueError(f"{name}: the true emotion of {unlike['utterance'].iloc[0]!r} is not the same in both tables")
    return pairs


def _compared(pairs: pd.DataFrame, score: str, options: Mapping[str, float]) -> dict[str, object]:
    reason = unscorable(pairs)
    if reason:
        return {"reason": reason}
    classes = _codes(*(pairs[column].to_numpy() for column in ("emotion", "predicted", "predicted_multi")))
    result = metrics.paired_bootstrap(*classes, metric=BALANCED[score], **options)
    row = {"single": result.pop("first"), "multi": result.pop("second"), **result}
    unit = resampling.unit(pairs)
    if unit:
        drawn = metrics.paired_bootstrap(*classes, pairs[unit].to_numpy(), metric=BALANCED[score], **options)
        row |= {f"group_{name}": drawn[name] for name in ("low", "high", "p_value")}
    return row | {"interval_by": unit}
