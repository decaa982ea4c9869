"""The thesis's tables of chapter 5: scores of classes (5.1, 5.4, 5.5), valence and arousal (5.2, 5.3), prediction bias.

`predictions` is everywhere a test set's name -> its table (`predictions.predict`), `languages` its name -> its language, and
`drawing` draws, level and random_state. Scores of classes are those of sets with equally many utterances of each of
`labels.FOUR`, as the thesis tests; others are left out. One such set is a draw: here it is drawn many times.

A table may hold an utterance once for each of several trainings, by a column `seed`. A score is then the mean over the seeds,
`_sd` its standard deviation over them, and each draw of an interval takes groups *and* seeds: of S seeds S - 1, whose mean
varies as that of S trainings does (the rescaled bootstrap of Rao & Wu 1988, doi:10.1080/01621459.1988.10478591).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.stats import mannwhitneyu
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from .. import labels, metrics, published
from ..encoders.wav2vec2 import DIMENSIONS
from ..metrics.resampling import Resampling
from ..metrics.scores import COUNTED, codes

SCORES = ("accuracy", "f1_macro")
#: What may be drawn, from coarse to fine, for utterances of one speaker are alike, and those that one training has not seen
#: (`held_out`) too; but a bootstrap over two speakers knows three outcomes: of fewer than `FEWEST` a finer unit is drawn.
UNITS, FEWEST = ("held_out", "speaker", "dialogue", "utterance"), 5
#: Dimension, emotions that should lie high on it, emotions that should lie low (Russell's circumplex of 1980).
CONTRASTS = (
    ("arousal", ("happiness", "anger"), ("neutral", "sadness")),
    ("arousal", ("anger",), ("sadness",)),
    ("valence", ("happiness",), ("sadness", "anger")),
    ("valence", ("happiness",), ("sadness",)),
    ("valence", ("happiness",), ("anger",)),
)

_SIZE = len(labels.FOUR)
_BOTH = ("predicted", "predicted_multi")
_ENDS = ("", "_draw_low", "_draw_high", "_sd", "_low", "_high")


def unit(rows: pd.DataFrame, units: Sequence[str] = UNITS) -> str | None:
    """The coarsest of these columns that no row lacks and that has at least `FEWEST` values; None where there is none."""
    known = (column for column in units if column in rows and rows[column].notna().all())
    return next((column for column in known if rows[column].nunique() >= FEWEST), None)


def _by_seed(rows: pd.DataFrame) -> list[np.ndarray]:
    """The positions of each seed's rows; of a table without seeds those of all."""
    seeds = pd.factorize(rows["seed"], sort=True)[0] if "seed" in rows else np.zeros(len(rows), dtype=int)
    return [np.flatnonzero(seeds == seed) for seed in range(seeds.max(initial=-1) + 1)]


def _over_seeds(drawn: np.ndarray, how: Resampling) -> np.ndarray:
    """Of scores of the same draws of groups, (seeds, draws, ...), one a draw: the mean over seeds that are drawn too."""
    count = max(len(drawn) - 1, 1)
    generator = np.random.default_rng(how.random_state).spawn(1)[0]  # not the stream that draws the groups
    weights = generator.multinomial(count, np.full(len(drawn), 1 / len(drawn)), size=how.draws) / count
    return np.einsum("ds,sd...->d...", weights, drawn)


def _sums(rows: pd.DataFrame, by: str, cells: np.ndarray) -> np.ndarray:
    """Sums of each row's cells (n, ...) over seeds and groups: (seeds, groups, ...)."""
    each, owner = _by_seed(rows), pd.factorize(rows[by].to_numpy(dtype=object))[0]
    shape, place = (len(each), owner.max() + 1), owner.copy()
    for number, chosen in enumerate(each):
        place[chosen] += number * shape[1]
    columns = cells.reshape(len(cells), -1).T
    sums = [np.bincount(place, weights=column, minlength=shape[0] * shape[1]) for column in columns]
    return np.stack(sums, axis=-1).reshape(*shape, *cells.shape[1:])


def _confused(rows: pd.DataFrame, column: str = "predicted") -> np.ndarray:
    """Each row as a confusion count: (n, true, predicted), of places in `labels.FOUR`."""
    true, said = (codes(rows[name].to_numpy(), labels=labels.FOUR, side=name) for name in ("emotion", column))
    return np.eye(_SIZE)[true][:, :, None] * np.eye(_SIZE)[said][:, None, :]


def _drawn(sums: np.ndarray, score: Callable[[np.ndarray], np.ndarray], how: Resampling) -> np.ndarray:
    """A score of sums (seeds, groups, ...) in each draw of groups and seeds: (draws, ...)."""
    return _over_seeds(score(np.einsum("dg,sg...->sd...", how.weights(sums.shape[1]), sums)), how)


def _error(drawn: np.ndarray, groups: int) -> float:
    """The standard error that the draws of so many groups show: they vary as if by groups, not by groups - 1."""
    return float(np.nanstd(drawn) * np.sqrt(groups / (groups - 1)))


def _p_value(difference: float, error: float, freedom: float, draws: int) -> float:
    """Two-sided, by Student's t, as the expanded intervals are; no smaller than the draws can tell."""
    if not error > 0:
        return float(difference == 0) or 1 / (draws + 1)
    return max(2 * float(stats.t.sf(abs(difference) / error, freedom)), 1 / (draws + 1))


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

    One row a test set: `test_set`; `trainings` that it rests on; `n_per_class` and `n`, utterances of a balanced draw;
    `available`, utterances that it is drawn from. Then `accuracy` and `f1_macro` (fractions, means over draws and seeds), each
    with `_draw_low` to `_draw_high`, what another draw of the same utterances would have scored (mean over the seeds), `_sd`
    over the seeds (missing where there is one), and `_low` to `_high`, what others of the same kind and other trainings might:
    a bootstrap over `interval_by` and seeds. `chance`; and a `reason` where scores are missing. A ValueError where a model has
    classes for some utterances only, or other ones than the four.
    """
    rows, how = [], Resampling(**drawing)
    for test_set, table in predictions.items():
        known = labelled(table)
        reason, each = _unscorable(known), [known.iloc[chosen] for chosen in _by_seed(known)]
        row = {"test_set": test_set, "available": max(map(len, each), default=0), "chance": 1 / _SIZE, "reason": reason}
        rows.append(row)
        if reason:
            continue
        by, smallest = unit(known), min(some["emotion"].value_counts().min() for some in each)
        row |= {"n_per_class": smallest, "n": smallest * _SIZE, "interval_by": by}
        row["trainings"] = max(len(each), known["held_out"].nunique() if "held_out" in known else 1)
        pairs = [(some["emotion"].to_numpy(), some["predicted"].to_numpy()) for some in each]
        found = np.stack(
            [metrics.balanced_draws(*pair, labels=labels.FOUR, **how.options).loc[list(BALANCED)] for pair in pairs]
        )
        for (name, score), values in zip(BALANCED.items(), found.transpose(1, 0, 2), strict=True):
            row |= dict(zip((f"{name}{end}" for end in _ENDS), values.mean(axis=0), strict=False))
            row[f"{name}_sd"] = values[:, 0].std(ddof=1) if len(each) > 1 else np.nan
            if by:
                drawn = _drawn(_sums(known, by, _confused(known)), score, how)
                row[f"{name}_low"], row[f"{name}_high"] = how.ends(drawn, known[by].nunique())
    scores = [f"{score}{end}" for score in SCORES for end in _ENDS]
    columns = ["test_set", "trainings", "n_per_class", "n", "available", *scores, "interval_by", "chance", "reason"]
    return _framed(rows, columns).astype(dict.fromkeys(["trainings", "n_per_class", "n", "available"], "Int64"))


def _unscorable(rows: pd.DataFrame) -> str | None:
    """Why no balanced set can be scored, or None."""
    missing = [name for name in labels.FOUR if not rows["emotion"].eq(name).any()]
    if missing:
        return f"no utterance of {', '.join(missing)}"
    return "the model names no class; from_dimensions reads one" if rows["predicted"].isna().all() else None


def _shares(counts: np.ndarray) -> np.ndarray:
    """Confusion counts (..., true, predicted) -> shares of the true class; a class that does not occur keeps zeros."""
    return counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)


#: The scores of classes of equal weight, whatever their numbers are, from confusion counts (..., true, predicted).
BALANCED = {"accuracy": COUNTED["uar"], "f1_macro": lambda counts: COUNTED["f1_macro"](_shares(counts))}


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

    Both are scored on the same draws of groups and seeds, with classes of equal weight; trainings of one seed are a pair. One
    row a test set of both and score: `test_set`, `score`, `n` (utterances), `single`, `multi`, `difference` with
    `difference_sd` over the seeds, `low`, `high` and `p_value` over `interval_by` and seeds, and `p_holm`, adjusted for all
    rows; `published`, the thesis's tables 5.4 minus 5.1; and `reason` if there is none. A pandas.errors.MergeError where an
    utterance stands twice in a table for one seed.
    """
    before, after, rows = _printed("ser-classification"), _printed("ser-multiobjective"), []
    how = Resampling(**drawing)
    for name in [name for name in single if name in multi]:
        keys = [column for column in ("seed", "utterance") if column in single[name] and column in multi[name]]
        other = multi[name][[*keys, "predicted"]]
        pairs = labelled(single[name]).merge(other, on=keys, suffixes=("", "_multi"), validate="one_to_one")
        reason, by = _unscorable(pairs), unit(pairs)
        for score, metric in BALANCED.items():
            printed = after.get((name, score), np.nan) - before.get((name, score), np.nan)
            n = max(map(len, _by_seed(pairs)), default=0)
            rows.append({"test_set": name, "score": score, "n": n, "published": printed, "reason": reason})
            if reason:
                continue
            sums = np.stack([_sums(pairs, by or "utterance", _confused(pairs, said)) for said in _BOTH], axis=2)
            each = metric(sums.sum(axis=1))  # (seeds, models)
            apart = each[:, 1] - each[:, 0]
            scored = dict(zip(("single", "multi"), each.mean(axis=0), strict=True)) | {"difference": apart.mean()}
            rows[-1] |= scored | {"difference_sd": apart.std(ddof=1) if len(apart) > 1 else np.nan, "interval_by": by}
            if by:
                drawn, groups = np.diff(_drawn(sums, metric, how))[:, 0], sums.shape[1]
                low, high = how.ends(drawn, groups)
                p_value = _p_value(apart.mean(), _error(drawn, groups), groups - 1, how.draws)
                rows[-1] |= {"low": low, "high": high, "p_value": p_value}
    ends = ["difference", "difference_sd", "low", "high", "p_value", "p_holm", "interval_by", "published"]
    table = _framed(rows, ["test_set", "score", "n", "single", "multi", *ends, "reason"])
    return table.assign(p_holm=metrics.holm(table["p_value"]))


def lost(predictions: Mapping[str, pd.DataFrame], *, home: str, **drawing: Any) -> pd.DataFrame:
    """How much less is right abroad: the balanced accuracy on the test set `home` minus that on each other one.

    Other people are on the other side, so that groups and seeds are drawn on each side for itself. One row a test set:
    `test_set`, `home`, `accuracy`, `difference` = home - accuracy with `low`, `high` and `p_value` by Student's t with the
    degrees of freedom of Welch (1947, doi:10.1093/biomet/34.1-2.28), `p_holm` for all rows, `interval_by` of the test set; and
    a `reason` where there is none.
    """
    how, found = Resampling(**drawing), {}
    for name, table in predictions.items():
        known = labelled(table)
        reason = _unscorable(known)
        by = None if reason else unit(known)
        found[name] = {"reason": reason or (None if by else "too few groups to draw from"), "interval_by": by}
        if by:
            sums = _sums(known, by, _confused(known))
            accuracy, groups = BALANCED["accuracy"](sums.sum(axis=1)).mean(), sums.shape[1]
            error = _error(_drawn(sums, BALANCED["accuracy"], how), groups)
            found[name] |= {"accuracy": accuracy, "variance": error**2, "freedom": groups - 1}
    rows, here = [], found.pop(home)
    for name, there in found.items():
        rows.append({"test_set": name, **there, "reason": here["reason"] or there["reason"]})
        if rows[-1]["reason"]:
            continue
        error, apart = np.sqrt(here["variance"] + there["variance"]), here["accuracy"] - there["accuracy"]
        parts = sum(side["variance"] ** 2 / side["freedom"] for side in (here, there))
        freedom = error**4 / parts if parts > 0 else 1.0
        reach = error * stats.t.ppf((1 + how.level) / 2, freedom)
        p_value = _p_value(apart, error, freedom, how.draws)
        ends = {"low": apart - reach, "high": apart + reach, "p_value": p_value}
        rows[-1] |= {"home": here["accuracy"], "difference": apart, **ends}
    columns = [
        "test_set",
        "home",
        "accuracy",
        "difference",
        "low",
        "high",
        "p_value",
        "p_holm",
        "interval_by",
        "reason",
    ]
    table = _framed(rows, columns)
    return table.assign(p_holm=metrics.holm(table["p_value"]))


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
        reason, by, drawn, shares = _unscorable(known), unit(known), [], np.full(_SIZE, np.nan)
        if not reason:
            sums = _sums(known, by or "utterance", _confused(known))
            shares = _predicted_shares(sums.sum(axis=1)).mean(axis=0)
            drawn = _drawn(sums, _predicted_shares, how) - 1 / _SIZE if by else drawn
            drawn = drawn[~np.isnan(drawn).any(axis=1)] if by else drawn  # those that lack a class are left out
        for number, emotion in enumerate(labels.FOUR):
            n = max((known["emotion"].iloc[chosen].eq(emotion).sum() for chosen in _by_seed(known)), default=0)
            row = {"test_set": name, "emotion": emotion, "n": int(n)}
            row |= {"predicted_share": shares[number], "difference": shares[number] - 1 / _SIZE, "reason": reason}
            if len(drawn):
                low, high = how.ends(drawn[:, number], sums.shape[1])
                first = (drawn.argmax(axis=1) == number).mean()
                row |= {"low": low, "high": high, "comes_first": first, "interval_by": by}
            rows.append(row | {"true_share": 1 / _SIZE})
    columns = ["test_set", "language", "emotion", "n", "true_share", "predicted_share", "difference", "low", "high"]
    return _framed(rows, [*columns, "comes_first", "interval_by", "reason"], languages)


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
    `metrics.evaluate_regression` (means over the seeds); `ccc_sd`; `ccc_low` and `ccc_high` over `interval_by`; `mse_of_mean`,
    the mean squared error of always predicting the test set's own mean, and `spread`, the standard deviation of the predictions
    over that of the truth, less than 1 where a model keeps to the middle; a `reason` where there are no values.
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
    scores = ["mse", "max_error", "error_mean", "error_std", "correlation", "ccc", "ccc_sd", "ccc_low", "ccc_high"]
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
    each, by, how = [], unit(rows), Resampling(**drawing)
    for chosen in _by_seed(rows):
        pair = true[chosen], predicted[chosen]
        spread = pair[1].std() / pair[0].std() if pair[0].std() > 0 else np.nan
        each.append(metrics.evaluate_regression(*pair) | {"mse_of_mean": pair[0].var(), "spread": spread})
    found = pd.DataFrame(each)
    row = found.mean().to_dict() | {"n": int(found["n"].max()), "interval_by": by}
    row["ccc_sd"] = found["ccc"].std() if len(each) > 1 else np.nan
    if by:
        cells = np.stack([np.ones(len(true)), true, predicted, true**2, predicted**2, true * predicted], axis=1)
        row["ccc_low"], row["ccc_high"] = how.ends(_drawn(_sums(rows, by, cells), _ccc, how), rows[by].nunique())
    return row


def _ccc(sums: np.ndarray) -> np.ndarray:
    """`metrics.ccc` of sums (..., 6): of ones, both sides, their squares, and their product."""
    true, said, true_2, said_2, both = np.moveaxis(sums[..., 1:] / sums[..., :1], -1, 0)
    return 2 * (both - true * said) / (true_2 - true**2 + said_2 - said**2 + (true - said) ** 2)


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
            by, each = unit(some), []
            for chosen in _by_seed(some) if high.any() and not high.all() else ():
                above_, below_ = (values[chosen][side] for side in (high[chosen], ~high[chosen]))
                in_order = mannwhitneyu(above_, below_, method="asymptotic").statistic
                each.append(in_order / (len(above_) * len(below_)))
            if each:
                ends = auc_interval(some, high, values, by, **drawing) if by else (np.nan, np.nan)
                rows[-1] |= {"auc": np.mean(each), "low": ends[0], "high": ends[1], "interval_by": by}
    columns = ["dimension", "contrast", "test_set", "language", "n_high", "n_low", "auc", "low", "high", "interval_by"]
    return _framed(rows, columns, languages)


def auc_interval(
    rows: pd.DataFrame, high: np.ndarray, values: np.ndarray, by: str, **drawing: Any
) -> tuple[float, float]:
    """The interval of `auc` when groups (and seeds) are drawn: pairs in order are counted once for each two groups."""
    how, each = Resampling(**drawing), []
    groups, count = pd.factorize(rows[by].to_numpy(dtype=object))[0], rows[by].nunique()
    weights = how.weights(count)
    for chosen in _by_seed(rows):
        own, top, scored = groups[chosen], high[chosen], values[chosen]
        of_high, of_low = np.eye(count)[own[top]], np.eye(count)[own[~top]]
        order = (np.sign(np.subtract.outer(scored[top], scored[~top])) + 1) / 2
        in_order, pairs = of_high.T @ order @ of_low, np.outer(of_high.sum(axis=0), of_low.sum(axis=0))
        right, whole = (
            np.einsum("dg,gh,dh->d", weights, counts, weights, optimize=True) for counts in (in_order, pairs)
        )
        with np.errstate(invalid="ignore"):  # a draw without one of the sides has no pair
            each.append(right / whole)
    return how.ends(_over_seeds(np.stack(each), how), count)
