"""The thesis's tables of chapter 5: scores of classes (5.1, 5.4, 5.5), valence and arousal (5.2, 5.3), prediction bias.

`predictions` is everywhere a test set's name -> its table (`predictions.predict`), `languages` its name -> its language, and
`drawing` draws, level and random_state. Scores of classes are those of sets with equally many utterances of each of
`labels.FOUR`, as the thesis tests; others are left out. One such set is a draw: here it is drawn many times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from .. import labels, metrics, published
from ..encoders.wav2vec2 import DIMENSIONS
from ..metrics.resampling import Resampling
from ..metrics.scores import COUNTED, codes

SCORES = ("accuracy", "f1_macro")
#: What may be drawn, from coarse to fine, for utterances of one speaker are alike; but a bootstrap over two speakers knows
#: three outcomes: of fewer than `FEWEST` groups the next finer unit is drawn instead, or nothing.
UNITS, FEWEST = ("speaker", "dialogue", "utterance"), 5
#: Dimension, emotions that should lie high on it, emotions that should lie low (Russell's circumplex of 1980).
CONTRASTS = (
    ("arousal", ("happiness", "anger"), ("neutral", "sadness")),
    ("arousal", ("anger",), ("sadness",)),
    ("valence", ("happiness",), ("sadness", "anger")),
    ("valence", ("happiness",), ("sadness",)),
    ("valence", ("happiness",), ("anger",)),
)

_SIZE = len(labels.FOUR)
_ENDS = ("", "_draw_low", "_draw_high", "_low", "_high")


def unit(rows: pd.DataFrame, units: Sequence[str] = UNITS) -> str | None:
    """The coarsest of these columns that no row lacks and that has at least `FEWEST` values; None where there is none."""
    whole = (column for column in units if rows[column].notna().all() and rows[column].nunique() >= FEWEST)
    return next(whole, None)


def _interval(rows: pd.DataFrame, by: str | None, *pair: np.ndarray, **options: Any) -> tuple[float, float]:
    return metrics.bootstrap_interval(*pair, rows[by].to_numpy(), **options) if by else (np.nan, np.nan)


def _framed(
    rows: Iterable[Mapping], columns: Sequence[str], languages: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Rows as a table with these columns; `language` is that of `test_set`, missing where it is not given."""
    table = pd.DataFrame(list(rows), columns=list(columns))
    if "language" in columns:
        table["language"] = table["test_set"].map(dict(languages or {}))
    return table.astype(dict.fromkeys({"language", "interval_by", "reason"}.intersection(columns), "string"))


def labelled(predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows whose true emotion is one of the four (excitement counts as happiness), with a fresh index."""
    rows = predictions.assign(emotion=labels.four_classes(predictions["emotion"]))
    return rows.dropna(subset=["emotion"]).reset_index(drop=True)


def classification(predictions: Mapping[str, pd.DataFrame], **drawing: Any) -> pd.DataFrame:
    """Score one model on every test set (thesis tables 5.1 and 5.4); `draws` are also those of balanced sets.

    One row a test set: `test_set`; `n_per_class` and `n`, utterances of a balanced draw; `available`, utterances that it is
    drawn from. Then `accuracy` and `f1_macro` (fractions, means over the draws), each with `_draw_low` to `_draw_high`,
    what another draw of the same utterances would have scored, and `_low` to `_high`, what others of the same kind might: a
    bootstrap over `interval_by`. `chance`; and a `reason` where scores are missing. A ValueError where a model has classes
    for some utterances only, or other ones than the four.
    """
    rows, how = [], Resampling(**drawing)
    for test_set, table in predictions.items():
        known = labelled(table)
        reason = _unscorable(known)
        rows.append({"test_set": test_set, "available": len(known), "chance": 1 / _SIZE, "reason": reason})
        if reason:
            continue
        by, pair = unit(known), (known["emotion"].to_numpy(), known["predicted"].to_numpy())
        summary = metrics.balanced_draws(*pair, labels=labels.FOUR, **how.options)
        smallest = known["emotion"].value_counts().min()
        rows[-1] |= {"n_per_class": smallest, "n": smallest * _SIZE, "interval_by": by}
        for name, metric in BALANCED.items():
            ends = _interval(known, by, *_codes(*pair), metric=metric, **drawing)
            rows[-1] |= dict(zip((f"{name}{end}" for end in _ENDS), [*summary.loc[name], *ends], strict=True))
    scores = [f"{score}{end}" for score in SCORES for end in _ENDS]
    columns = ["test_set", "n_per_class", "n", "available", *scores, "interval_by", "chance", "reason"]
    return _framed(rows, columns).astype(dict.fromkeys(["n_per_class", "n", "available"], "Int64"))


def _unscorable(rows: pd.DataFrame) -> str | None:
    """Why no balanced set can be scored, or None."""
    missing = [name for name in labels.FOUR if not rows["emotion"].eq(name).any()]
    if missing:
        return f"no utterance of {', '.join(missing)}"
    return "the model names no class; from_dimensions reads one" if rows["predicted"].isna().all() else None


def _codes(*classes: np.ndarray) -> list[np.ndarray]:
    """Places in `labels.FOUR`, for functions that are called on every draw and would be slow on words."""
    return [codes(values, labels=labels.FOUR, side="a column of classes") for values in classes]


def _shares(counts: np.ndarray) -> np.ndarray:
    """Confusion counts (..., true, predicted) -> shares of the true class; a class that does not occur keeps zeros."""
    return counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)


def balanced_f1(true: np.ndarray, predicted: np.ndarray) -> float:
    """Macro F1 if each class had equally many utterances; takes places in `labels.FOUR`, (n,) each."""
    counts = np.bincount(true * _SIZE + predicted, minlength=_SIZE * _SIZE).reshape(_SIZE, _SIZE)
    return float(COUNTED["f1_macro"](_shares(counts)))


#: The scores of classes of equal weight, whatever their numbers are, as `metrics`' bootstraps take them.
BALANCED = {"accuracy": "uar", "f1_macro": balanced_f1}


def beside_published(table: pd.DataFrame, *, experiment: str) -> pd.DataFrame:
    """Put what the thesis prints beside each score of `classification`.

    `experiment` is "ser-classification" (tables 5.1 and 5.5), "ser-multiobjective" (5.4), or "ser-regression", of which no
    class is printed; else a KeyError. Adds `accuracy_published` and `accuracy_difference` (ours - published, missing where none
    is printed) behind the score's interval, and the same of `f1_macro`.
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
    single: Mapping[str, pd.DataFrame], multi: Mapping[str, pd.DataFrame], **drawing: Any
) -> pd.DataFrame:
    """What learning valence and arousal beside the classes changes: the multiobjective model minus the single one.

    Both are scored on the same draws of the utterances in both tables, with classes of equal weight. One row a test set of
    both and score: `test_set`, `score`, `n` (utterances), `single`, `multi`, `difference` with `low`, `high`, `p_value` over
    single utterances, as if they were independent; `group_low`, `group_high`, `group_p_value` over `interval_by`, to be
    trusted where the two disagree, and `p_holm`, the latter adjusted for all rows; `published`, the thesis's tables 5.4 minus
    5.1; and `reason` if there is none. A
    pandas.errors.MergeError where an utterance stands twice in a table.
    """
    before, after, rows = _printed("ser-classification"), _printed("ser-multiobjective"), []
    for name in [name for name in single if name in multi]:
        other = multi[name][["utterance", "predicted"]]
        pairs = labelled(single[name]).merge(other, on="utterance", suffixes=("", "_multi"), validate="one_to_one")
        reason, by = _unscorable(pairs), unit(pairs)
        for score, metric in BALANCED.items():
            printed = after.get((name, score), np.nan) - before.get((name, score), np.nan)
            rows.append({"test_set": name, "score": score, "n": len(pairs), "published": printed, "reason": reason})
            if reason:
                continue
            classes = _codes(*(pairs[column].to_numpy() for column in ("emotion", "predicted", "predicted_multi")))
            found = metrics.paired_bootstrap(*classes, metric=metric, **drawing)
            rows[-1] |= {"single": found.pop("first"), "multi": found.pop("second"), **found, "interval_by": by}
            if by:
                drawn = metrics.paired_bootstrap(*classes, pairs[by].to_numpy(), metric=metric, **drawing)
                rows[-1] |= {f"group_{column}": drawn[column] for column in ("low", "high", "p_value")}
    ends = ["low", "high", "p_value", "group_low", "group_high", "group_p_value", "p_holm", "interval_by", "published"]
    table = _framed(rows, ["test_set", "score", "n", "single", "multi", "difference", *ends, "reason"])
    return table.assign(p_holm=metrics.holm(table["group_p_value"]))


def prediction_bias(
    predictions: Mapping[str, pd.DataFrame], *, languages: Mapping[str, str] | None = None, **drawing: Any
) -> pd.DataFrame:
    """The share in which each class is predicted, if all were equally frequent; `figures.shares` draws it.

    The share is the mean of a class's column in the confusion matrix whose rows sum to 1. Some class always has the largest
    surplus, so an interval above 0 alone proves little; `comes_first` is how often it is this one when the speakers are drawn
    again: near 1 it is the model's bias, well below it a tie.

    One row a test set and class: `test_set`, `language`, `emotion`, `n` (utterances of the class), `true_share` (1/4),
    `predicted_share`, `difference` = predicted - true with `low` and `high`, `comes_first`, as fractions, `interval_by`; and a
    `reason` where there is no answer.
    """
    rows, how = [], Resampling(**drawing)
    for name, table in predictions.items():
        known = labelled(table)
        reason, by, drawn = _unscorable(known), unit(known), []
        shares = np.full(_SIZE, np.nan) if reason else _predicted_shares(_counts(known))
        if by and not reason:
            by_group = np.stack([_counts(group) for _, group in known.groupby(by)])
            drawn = _predicted_shares(np.tensordot(how.weights(len(by_group)), by_group, axes=1))
            drawn = drawn[~np.isnan(drawn).any(axis=1)] - 1 / _SIZE  # those that lack a class are left out
        for number, emotion in enumerate(labels.FOUR):
            row = {"test_set": name, "emotion": emotion, "n": int(known["emotion"].eq(emotion).sum())}
            row |= {"predicted_share": shares[number], "difference": shares[number] - 1 / _SIZE, "reason": reason}
            if len(drawn):
                low, high = how.ends(drawn[:, number], len(by_group))
                first = (drawn.argmax(axis=1) == number).mean()
                row |= {"low": low, "high": high, "comes_first": first, "interval_by": by}
            rows.append(row | {"true_share": 1 / _SIZE})
    columns = ["test_set", "language", "emotion", "n", "true_share", "predicted_share", "difference", "low", "high"]
    return _framed(rows, [*columns, "comes_first", "interval_by", "reason"], languages)


def _counts(rows: pd.DataFrame) -> np.ndarray:
    return metrics.confusion(rows["emotion"], rows["predicted"], labels=labels.FOUR).to_numpy()


def _predicted_shares(counts: np.ndarray) -> np.ndarray:
    """Confusion counts (..., classes, classes) -> predicted shares (..., classes); NaN where a class does not occur."""
    whole = (counts.sum(axis=-1) > 0).all(axis=-1, keepdims=True)
    return np.where(whole, _shares(counts).mean(axis=-2), np.nan)


def regression(
    predictions: Mapping[str, pd.DataFrame], *, experiment: str | None = None, **drawing: Any
) -> pd.DataFrame:
    """Score predicted valence and arousal (thesis tables 5.2 and 5.3); rows without a true or predicted value are left out.

    `experiment`, "ser-regression" or "ser-multiobjective", adds the published figures as the test set "published: table
    5.2". One row a dimension and test set, valence first: `dimension`, `test_set`, `n`, the scores of
    `metrics.evaluate_regression`; `ccc_low` and `ccc_high` over `interval_by`; `mse_of_mean`, the mean squared error of always
    predicting the test set's own mean, and `spread`, the standard deviation of the predictions over that of the truth, less
    than 1 where a model keeps to the middle; a `reason` where there are no values.
    """
    rows = []
    for dimension in DIMENSIONS:
        for name, table in predictions.items():
            rows.append({"dimension": dimension, "test_set": name, **_regressed(table, dimension, **drawing)})
        if experiment:
            printed = published.select(experiment)
            printed = printed[printed["class"].eq(dimension)]
            name = f"published: table {printed['table'].iloc[0]}"
            rows.append({"dimension": dimension, "test_set": name, **printed.set_index("metric")["value"]})
    scores = ["mse", "max_error", "error_mean", "error_std", "correlation", "ccc", "ccc_low", "ccc_high"]
    columns = ["dimension", "test_set", "n", *scores, "interval_by", "mse_of_mean", "spread", "reason"]
    return _framed(rows, columns).astype({"n": "Int64"})


def _regressed(predictions: pd.DataFrame, dimension: str, **drawing: Any) -> dict[str, object]:
    column = f"predicted_{dimension}"
    if column not in predictions:
        return {"reason": f"the model has no {dimension}"}
    rows = predictions.dropna(subset=[dimension, column])
    if rows.empty:
        return {"n": 0, "reason": f"no utterance has a true {dimension}"}
    true, predicted = rows[dimension].to_numpy(dtype=float), rows[column].to_numpy(dtype=float)
    by = unit(rows, UNITS[1:])
    low, high = _interval(rows, by, true, predicted, metric=metrics.ccc, **drawing)
    spread = predicted.std() / true.std() if true.std() > 0 else np.nan
    ends = {"ccc_low": low, "ccc_high": high, "interval_by": by, "mse_of_mean": true.var(), "spread": spread}
    return metrics.evaluate_regression(true, predicted) | ends


def from_dimensions(train: pd.DataFrame, predictions: pd.DataFrame) -> pd.Series:
    """Read a class off predicted valence and arousal. This is ours: the thesis gives its regression model no classes.

    A linear discriminant analysis (classes of equal weight, one covariance) learns from the true valence, arousal and emotion
    of the training utterances which part of the plane is whose; nothing of the test enters it. Limit: predicted values keep
    closer to the middle of the scale than true ones (`regression`'s `spread`), so what comes out is biased to the emotions
    near the middle (neutral, sadness). Returns the emotion of each row, with the index of `predictions`; a ValueError where
    one of the four classes has no training utterance with valence and arousal.
    """
    known = labelled(train).dropna(subset=list(DIMENSIONS))
    reason = _unscorable(known.assign(predicted=""))
    if reason:
        raise ValueError(f"{reason} with valence and arousal to learn from: no class can be read off")
    classifier = LinearDiscriminantAnalysis(priors=np.full(_SIZE, 1 / _SIZE))
    classifier.fit(known[list(DIMENSIONS)].to_numpy(dtype=float), known["emotion"].to_numpy(dtype=object))
    values = predictions[[f"predicted_{dimension}" for dimension in DIMENSIONS]].to_numpy(dtype=float)
    return pd.Series(classifier.predict(values), index=predictions.index, name="predicted", dtype="string")


def separation(
    predictions: Mapping[str, pd.DataFrame], *, languages: Mapping[str, str] | None = None, **drawing: Any
) -> pd.DataFrame:
    """Whether a predicted dimension tells emotions apart that it should, whatever its scale or offset.

    One row a test set and contrast of `CONTRASTS`: `dimension`, `contrast` ("happiness > sadness"), `test_set`, `language`,
    `n_high` and `n_low` (utterances of either side), and `auc` with `low` and `high` over `interval_by`: how often an utterance
    of the high side has the higher value, ties for half (0.5 is chance). Missing where a side has no utterance.
    """
    rows = []
    for dimension, above, below in CONTRASTS:
        for name, table in predictions.items():
            some = labelled(table)
            some = some[some["emotion"].isin(above + below)]
            high = some["emotion"].isin(above).to_numpy(dtype=bool)
            values = some[f"predicted_{dimension}"].to_numpy(dtype=float)
            place = {"dimension": dimension, "contrast": f"{' + '.join(above)} > {' + '.join(below)}", "test_set": name}
            rows.append(place | {"n_high": int(high.sum()), "n_low": int((~high).sum())})
            if high.any() and not high.all():
                by, in_order = unit(some), mannwhitneyu(values[high], values[~high], method="asymptotic").statistic
                auc = in_order / (high.sum() * (~high).sum())
                low, top = auc_interval(some, high, values, by, **drawing) if by else (np.nan, np.nan)
                rows[-1] |= {"auc": auc, "low": low, "high": top, "interval_by": by}
    columns = ["dimension", "contrast", "test_set", "language", "n_high", "n_low", "auc", "low", "high", "interval_by"]
    return _framed(rows, columns, languages)


def auc_interval(
    rows: pd.DataFrame, high: np.ndarray, values: np.ndarray, by: str, **drawing: Any
) -> tuple[float, float]:
    """The interval of `auc` when the groups of a column are drawn: pairs in order are counted once for each two groups."""
    how = Resampling(**drawing)
    groups, count = pd.factorize(rows[by].to_numpy(dtype=object))[0], rows[by].nunique()
    of_high, of_low = np.eye(count)[groups[high]], np.eye(count)[groups[~high]]
    order = (np.sign(np.subtract.outer(values[high], values[~high])) + 1) / 2
    in_order, pairs = of_high.T @ order @ of_low, np.outer(of_high.sum(axis=0), of_low.sum(axis=0))
    drawn = how.weights(count)
    right, whole = (np.einsum("dg,gh,dh->d", drawn, counts, drawn, optimize=True) for counts in (in_order, pairs))
    with np.errstate(invalid="ignore"):  # a draw without one of the sides has no pair
        return how.ends(right / whole, count)
