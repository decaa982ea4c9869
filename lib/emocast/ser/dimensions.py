"""The thesis's tables of valence and arousal (5.2, 5.3), and what predicted valence and arousal say of other languages.

Only IEMOCAP has true values, from 1 to 5. Elsewhere two things can still be asked of predicted ones: whether they order the
emotions as valence and arousal do (`direction`, `separation`), and which emotion they amount to (`from_dimensions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from .. import labels, metrics, published
from . import resampling, tables

DIMENSIONS = ("valence", "arousal")

#: Dimension, emotions that should lie high on it, emotions that should lie low (Russell's circumplex of 1980).
CONTRASTS = (
    ("arousal", ("happiness", "anger"), ("neutral", "sadness")),
    ("arousal", ("anger",), ("sadness",)),
    ("valence", ("happiness",), ("sadness", "anger")),
    ("valence", ("happiness",), ("sadness",)),
    ("valence", ("happiness",), ("anger",)),
)

_SCORES = ["mse", "max_error", "error_mean", "error_std", "correlation", "ccc"]


def regression(
    predictions: Mapping[str, pd.DataFrame],
    *,
    experiment: str | None = None,
    draws: int = 1000,
    level: float = 0.95,
    random_state: int,
) -> pd.DataFrame:
    """Score predicted valence and arousal (thesis tables 5.2 and 5.3).

    Args:
        predictions: a part's name, for example "IEMOCAP (test)" -> its table of predictions; rows without a true or a
            predicted value are left out.
        experiment: "ser-regression" or "ser-multiobjective": adds the published figures as a row of their own.
        draws: draws of the bootstrap.
        level: share of the draws inside the interval.
        random_state: seed of the draws.

    Returns:
        One row a dimension and part, valence first: `dimension`, `test_set`, `n`, then as `metrics.evaluate_regression` `mse`,
        `max_error`, `error_mean`, `error_std`, `correlation`, `ccc`; `ccc_low` and `ccc_high` over `interval_by` (dialogues;
        single utterances where they are unknown or fewer than five); `mse_of_mean`, the mean squared error of always
        saying the part's own mean, and `spread`, the standard deviation of the predictions over that of the truth, less than
        1 where a model keeps to the middle. The published row is called "published: table 5.2". A part without values
        has a `reason`.

    Raises:
        KeyError: no such experiment was published.
    """
    options = {"draws": draws, "level": level, "random_state": random_state}
    rows = []
    for dimension in DIMENSIONS:
        for name, table in predictions.items():
            rows.append({"dimension": dimension, "test_set": name, **_regressed(table, dimension, options)})
        if experiment:
            rows.append({"dimension": dimension, **_printed(experiment, dimension)})
    columns = ["dimension", "test_set", "n", *_SCORES, "ccc_low", "ccc_high", "interval_by", "mse_of_mean", "spread"]
    kinds = {"n": "Int64", "interval_by": "string", "reason": "string"}
    return pd.DataFrame(rows, columns=[*columns, "reason"]).astype(kinds)


def _regressed(predictions: pd.DataFrame, dimension: str, options: Mapping[str, float]) -> dict[str, object]:
    said = f"predicted_{dimension}"
    if said not in predictions:
        return {"reason": f"the model has no {dimension}"}
    rows = predictions.dropna(subset=[dimension, said])
    if rows.empty:
        return {"n": 0, "reason": f"no utterance has a true {dimension}"}
    true, predicted = rows[dimension].to_numpy(dtype=float), rows[said].to_numpy(dtype=float)
    units = ("dialogue", "utterance")
    found = resampling.interval(rows, true, predicted, metric=metrics.ccc, units=units, **options)
    ends = {"ccc_low": found["low"], "ccc_high": found["high"], "interval_by": found["interval_by"]}
    spread = predicted.std() / true.std() if true.std() > 0 else np.nan
    return metrics.evaluate_regression(true, predicted) | ends | {"mse_of_mean": true.var(), "spread": spread}


def _printed(experiment: str, dimension: str) -> dict[str, object]:
    rows = published.select(experiment)
    rows = rows[rows["class"].eq(dimension)]
    return {"test_set": f"published: table {rows['table'].iloc[0]}", **rows.set_index("metric")["value"]}


def from_dimensions(train: pd.DataFrame, predictions: pd.DataFrame) -> pd.Series:
    """Read a class off predicted valence and arousal. This is ours: the thesis gives its regression model no classes.

    A linear discriminant analysis (classes of equal weight, one covariance) learns from the true valence, arousal and emotion
    of the training utterances which part of the plane is whose; nothing of the test enters it.

    Limit: predicted values keep closer to the middle of the scale than true ones, the more so the less a model knows. What
    comes out therefore leans to the emotions whose mean lies near the middle (neutral, sadness), and scores
    understate what the predictions hold. `regression`'s `spread` says how far they shrink; `separation` does not mind.

    Args:
        train: the training utterances, with true `emotion`, `valence` and `arousal`; rows that lack one are left out.
        predictions: a table with `predicted_valence` and `predicted_arousal`.

    Returns:
        The class of each row of `predictions`, named `predicted`, with its index.

    Raises:
        ValueError: a class has no training utterance with values, or a prediction is missing.
    """
    known = tables.labelled(train).dropna(subset=list(DIMENSIONS))
    missing = [name for name in labels.FOUR if not known["emotion"].eq(name).any()]
    if missing:
        raise ValueError(
            f"no training utterance of {', '.join(missing)} has valence and arousal: no class can be read off"
        )
    priors = np.full(len(labels.FOUR), 1 / len(labels.FOUR))
    classifier = LinearDiscriminantAnalysis(priors=priors)
    classifier.fit(known[list(DIMENSIONS)].to_numpy(dtype=float), known["emotion"].to_numpy(dtype=object))
    said = predictions[[f"predicted_{dimension}" for dimension in DIMENSIONS]].to_numpy(dtype=float)
    return pd.Series(classifier.predict(said), index=predictions.index, name="predicted", dtype="string")


def direction(
    predictions: Mapping[str, pd.DataFrame],
    *,
    languages: Mapping[str, str] | None = None,
    draws: int = 1000,
    level: float = 0.95,
    random_state: int,
) -> pd.DataFrame:
    """Where each emotion's utterances are predicted to lie, on test sets with and without true values.

    Args:
        predictions: a test set's name -> its table, with `predicted_valence` and `predicted_arousal`.
        languages: a test set's name -> its language.
        draws: draws of each bootstrap.
        level: share of the draws inside the intervals.
        random_state: seed of the draws.

    Returns:
        One row a dimension, test set and emotion that occurs: `dimension`, `test_set`, `language`, `emotion`, `n`, `mean` with
        `low` and `high` (points of the training corpus's scale), `interval_by` (see `resampling`), and `true_mean` where the
        corpus has true values.
    """
    options = {"draws": draws, "level": level, "random_state": random_state}
    rows = []
    for dimension in DIMENSIONS:
        for name, table in predictions.items():
            place = {"dimension": dimension, "test_set": name, "language": (languages or {}).get(name)}
            emotions = tables.labelled(table).groupby("emotion")
            found = [emotion for emotion in labels.FOUR if emotion in emotions.groups]
            rows += [place | {"emotion": emotion} | _mean(emotions.get_group(emotion), dimension, options)
                     for emotion in found]  # fmt: skip
    columns = ["dimension", "test_set", "language", "emotion", "n", "mean", "low", "high", "interval_by", "true_mean"]
    return pd.DataFrame(rows, columns=columns).astype({"language": "string", "interval_by": "string"})


def _mean(rows: pd.DataFrame, dimension: str, options: Mapping[str, float]) -> dict[str, object]:
    said = rows[f"predicted_{dimension}"].to_numpy(dtype=float)
    found = resampling.interval(rows, said, said, metric=lambda _, predicted: predicted.mean(), **options)
    return {"n": len(rows), "mean": said.mean(), "true_mean": rows[dimension].astype(float).mean(), **found}


def separation(
    predictions: Mapping[str, pd.DataFrame],
    *,
    languages: Mapping[str, str] | None = None,
    draws: int = 1000,
    level: float = 0.95,
    random_state: int,
) -> pd.DataFrame:
    """Whether a predicted dimension tells emotions apart that it should, whatever its scale or offset.

    Args:
        predictions: a test set's name -> its table, with `predicted_valence` and `predicted_arousal`.
        languages: a test set's name -> its language.
        draws: draws of each bootstrap.
        level: share of the draws inside the intervals.
        random_state: seed of the draws.

    Returns:
        One row a test set and contrast of `CONTRASTS`: `dimension`, `contrast` ("happiness > sadness"), `test_set`,
        `language`, `n_high` and `n_low` (utterances of either side), and `auc` with `low` and `high` over `interval_by`: how
        often an utterance of the high side has the higher value than one of the low side (0.5 is chance, below it the
        order is reversed; classes are as frequent as they are). Missing where a side has no utterance.
    """
    options = {"draws": draws, "level": level, "random_state": random_state}
    rows = []
    for dimension, above, below in CONTRASTS:
        contrast = f"{' + '.join(above)} > {' + '.join(below)}"
        for name, table in predictions.items():
            place = {
                "dimension": dimension,
                "contrast": contrast,
                "test_set": name,
                "language": (languages or {}).get(name),
            }
            rows.append(place | _separated(tables.labelled(table), dimension, above, below, options))
    columns = ["dimension", "contrast", "test_set", "language", "n_high", "n_low", "auc", "low", "high", "interval_by"]
    return pd.DataFrame(rows, columns=columns).astype({"language": "string", "interval_by": "string"})


def _separated(
    rows: pd.DataFrame, dimension: str, above: tuple[str, ...], below: tuple[str, ...], options: Mapping[str, float]
) -> dict[str, object]:
    rows = rows[rows["emotion"].isin(above + below)]
    high = rows["emotion"].isin(above).to_numpy(dtype=bool)
    said = rows[f"predicted_{dimension}"].to_numpy(dtype=float)
    found = {"n_high": int(high.sum()), "n_low": int((~high).sum())}
    if not min(found.values()):
        return found
    return found | {"auc": auc(high, said)} | _auc_interval(rows, high, said, **options)


def _auc_interval(
    rows: pd.DataFrame, high: np.ndarray, values: np.ndarray, *, draws: int, level: float, random_state: int
) -> dict[str, object]:
    """The interval of `auc` when whole groups are drawn.

    The pairs in order are counted once for each two groups; a draw only weighs the counts, where
    `metrics.bootstrap_interval` would rank all rows again.
    """
    column = resampling.unit(rows)
    if column is None:
        return {"low": np.nan, "high": np.nan, "interval_by": None}
    groups, count = pd.factorize(rows[column].to_numpy(dtype=object))[0], rows[column].nunique()
    of_high, of_low = np.eye(count)[groups[high]], np.eye(count)[groups[~high]]
    order = (np.sign(np.subtract.outer(values[high], values[~high])) + 1) / 2
    in_order, pairs = of_high.T @ order @ of_low, np.outer(of_high.sum(axis=0), of_low.sum(axis=0))
    drawn = np.random.default_rng(random_state).multinomial(count, np.full(count, 1 / count), size=draws)
    weigh = partial(np.einsum, "dg,gh,dh->d", drawn, optimize=True)
    with np.errstate(invalid="ignore"):  # a draw without one of the sides has no pair
        scores = weigh(in_order, drawn) / weigh(pairs, drawn)
    low, top = np.nanquantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return {"low": low, "high": top, "interval_by": column}


def auc(high: np.ndarray, values: np.ndarray) -> float:
    """The share of pairs in which the high side has the higher value, ties for half; NaN where a side is empty.

    Args:
        high: whether a row is of the high side, (n,).
        values: its value, (n,).
    """
    high = np.asarray(high, dtype=bool)
    n_high, n_low = high.sum(), (~high).sum()
    if not n_high or not n_low:
        return float("nan")
    # Mann-Whitney: the rank sum of the high side, less what it has from its own pairs
    return float((rankdata(values)[high].sum() - n_high * (n_high + 1) / 2) / (n_high * n_low))
