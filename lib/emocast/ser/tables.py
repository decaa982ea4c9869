"""The thesis's tables of chapter 5: scores of classes (5.1, 5.4, 5.5), valence and arousal (5.2, 5.3); and draws of them.

`predictions` is everywhere a test set's name -> its table (`predictions.predict`), and `drawing` draws, level and random_state
(`how`: as a `metrics.Resampling`). Scores of classes are those of sets with equally many utterances of each of
`labels.FOUR`, as the thesis tests; others are left out. One such set is a draw: here it is drawn many times.

A table may hold an utterance once for each of several trainings, by a column `seed`. A score is then the mean over the seeds,
`_sd` its standard deviation over them, and each draw of an interval takes groups *and* seeds: of S seeds S - 1, whose mean
varies as that of S trainings does (the rescaled bootstrap of Rao & Wu 1988, doi:10.1080/01621459.1988.10478591). `metrics`
draws S of S: there seeds differ by a point, here by several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from .. import labels, metrics, published
from ..encoders.wav2vec2 import DIMENSIONS
from ..metrics.resampling import Resampling, _Cells
from ..metrics.scores import COUNTED, codes

SCORES = ("accuracy", "f1_macro")
#: What may be drawn, from coarse to fine, for utterances of one speaker are alike, and those that one training has not seen
#: (`held_out`) too; but a bootstrap over two speakers knows three outcomes: of fewer than `FEWEST` a finer unit is drawn.
UNITS, FEWEST = ("held_out", "speaker", "dialogue", "utterance"), 5
_SIZE = len(labels.FOUR)
_ENDS = ("", "_draw_low", "_draw_high", "_sd", "_low", "_high")


def unit(rows: pd.DataFrame, units: Sequence[str] = UNITS) -> str | None:
    """The coarsest of these columns that no row lacks and that has at least `FEWEST` values; None where there is none."""
    known = (column for column in units if column in rows and rows[column].notna().all())
    return next((column for column in known if rows[column].nunique() >= FEWEST), None)


def _over_seeds(drawn: np.ndarray, how: Resampling) -> np.ndarray:
    """Of scores of the same draws of groups, (seeds, draws, ...), one a draw: the mean over seeds that are drawn too."""
    count = max(len(drawn) - 1, 1)
    generator = np.random.default_rng(how.random_state).spawn(1)[0]  # not the stream that draws the groups
    weights = generator.multinomial(count, np.full(len(drawn), 1 / len(drawn)), size=how.draws) / count
    return np.einsum("ds,sd...->d...", weights, drawn)


def _sums(rows: pd.DataFrame, by: str, cells: np.ndarray) -> np.ndarray:
    """Sums of each row's cells (n, ...) over seeds and groups: (seeds, groups, ...)."""
    places = _Cells.of(rows[by].to_numpy(dtype=object), rows.get("seed"))
    sums = np.stack([places.sums(column) for column in cells.reshape(len(cells), -1).T], axis=-1)
    return sums.reshape(places.groups, places.seeds, *cells.shape[1:]).swapaxes(0, 1)


def counts(rows: pd.DataFrame, by: str, *, column: str = "predicted") -> np.ndarray:
    """Confusion counts of `labelled` rows, of the classes in `labels.FOUR`: (seeds, groups of `by`, true, predicted)."""
    true, said = (codes(rows[name].to_numpy(), labels=labels.FOUR, side=name) for name in ("emotion", column))
    return _sums(rows, by, np.eye(_SIZE)[true][:, :, None] * np.eye(_SIZE)[said][:, None, :])


def drawn(sums: np.ndarray, score: Callable[[np.ndarray], np.ndarray], how: Resampling) -> np.ndarray:
    """A score of sums, such as `counts`, (seeds, groups, ...), in each draw of groups and seeds: (draws, ...)."""
    return _over_seeds(score(np.einsum("dg,sg...->sd...", how.weights(sums.shape[1]), sums)), how)


def standard_error(drawn: np.ndarray, groups: int) -> float:
    """The standard error that the draws of so many groups show: they vary as if by groups, not by groups - 1."""
    return float(np.nanstd(drawn) * np.sqrt(groups / (groups - 1)))


def p_value(difference: float, error: float, freedom: float, draws: int) -> float:
    """Two-sided, by Student's t, as the expanded intervals are; no smaller than the draws can tell."""
    if not error > 0:
        return float(difference == 0) or 1 / (draws + 1)
    return max(2 * float(stats.t.sf(abs(difference) / error, freedom)), 1 / (draws + 1))


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
        reason, each = unscorable(known), _by_seed(known)
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
                ends = how.ends(drawn(counts(known, by), score, how), known[by].nunique())
                row[f"{name}_low"], row[f"{name}_high"] = ends
    scores = [f"{score}{end}" for score in SCORES for end in _ENDS]
    columns = ["test_set", "trainings", "n_per_class", "n", "available", *scores, "interval_by", "chance", "reason"]
    return _framed(rows, columns, whole=["trainings", "n_per_class", "n", "available"])


def _framed(rows: Sequence[Mapping], columns: Sequence[str], *, whole: Sequence[str]) -> pd.DataFrame:
    types = dict.fromkeys(whole, "Int64") | {"interval_by": "string", "reason": "string"}
    return pd.DataFrame(rows, columns=columns).astype(types)


def _by_seed(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of each seed; of a table without seeds all."""
    return [some for _, some in rows.groupby("seed")] if "seed" in rows else [rows]


def unscorable(rows: pd.DataFrame) -> str | None:
    """Why no balanced set can be scored, or None."""
    missing = [name for name in labels.FOUR if not rows["emotion"].eq(name).any()]
    if missing:
        return f"no utterance of {', '.join(missing)}"
    return "the model names no class" if rows["predicted"].isna().all() else None


def _shares(counts: np.ndarray) -> np.ndarray:
    """Confusion counts (..., true, predicted) -> shares of the true class; a class that does not occur keeps zeros."""
    return counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)


#: The scores of classes of equal weight, whatever their numbers are, from confusion counts (..., true, predicted).
BALANCED = {"accuracy": COUNTED["uar"], "f1_macro": lambda counts: COUNTED["f1_macro"](_shares(counts))}


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
    return _framed(rows, columns, whole=["n"])


def _regressed(predictions: pd.DataFrame, dimension: str, **drawing: Any) -> dict[str, object]:
    column = f"predicted_{dimension}"
    if column not in predictions:
        return {"reason": f"the model has no {dimension}"}
    rows = predictions.dropna(subset=[dimension, column])
    if rows.empty:
        return {"n": 0, "reason": f"no utterance has a true {dimension}"}
    each, by, how = [], unit(rows), Resampling(**drawing)
    for some in _by_seed(rows.astype({dimension: float, column: float})):
        pair = some[dimension].to_numpy(), some[column].to_numpy()
        spread = pair[1].std() / pair[0].std() if pair[0].std() > 0 else np.nan
        each.append(metrics.evaluate_regression(*pair) | {"mse_of_mean": pair[0].var(), "spread": spread})
    found = pd.DataFrame(each)
    row = found.mean().to_dict() | {"n": int(found["n"].max()), "interval_by": by}
    row["ccc_sd"] = found["ccc"].std() if len(each) > 1 else np.nan
    if by:
        true, said = rows[dimension].to_numpy(dtype=float), rows[column].to_numpy(dtype=float)
        cells = np.stack([np.ones(len(true)), true, said, true**2, said**2, true * said], axis=1)
        row["ccc_low"], row["ccc_high"] = how.ends(drawn(_sums(rows, by, cells), _ccc, how), rows[by].nunique())
    return row


def _ccc(sums: np.ndarray) -> np.ndarray:
    """`metrics.ccc` of sums (..., 6): of ones, both sides, their squares, and their product."""
    true, said, true_2, said_2, both = np.moveaxis(sums[..., 1:] / sums[..., :1], -1, 0)
    return 2 * (both - true * said) / (true_2 - true**2 + said_2 - said**2 + (true - said) ** 2)


def auc_interval(
    rows: pd.DataFrame, high: np.ndarray, values: np.ndarray, by: str, **drawing: Any
) -> tuple[float, float]:
    """The interval of an area under the curve when groups (and seeds) are drawn: how often a `high` row has the higher value.

    `high` and `values` are of each row, (n,); pairs in order are counted once for each two groups of the column `by`.
    """
    how, each = Resampling(**drawing), []
    groups, count = pd.factorize(rows[by].to_numpy(dtype=object))[0], rows[by].nunique()
    weights = how.weights(count)
    for some in _by_seed(rows.reset_index(drop=True)):
        own, top, scored = groups[some.index], high[some.index], values[some.index]
        of_high, of_low = np.eye(count)[own[top]], np.eye(count)[own[~top]]
        order = (np.sign(np.subtract.outer(scored[top], scored[~top])) + 1) / 2
        in_order, pairs = of_high.T @ order @ of_low, np.outer(of_high.sum(axis=0), of_low.sum(axis=0))
        right, whole = (
            np.einsum("dg,gh,dh->d", weights, counts, weights, optimize=True) for counts in (in_order, pairs)
        )
        with np.errstate(invalid="ignore"):  # a draw without one of the sides has no pair
            each.append(right / whole)
    return how.ends(_over_seeds(np.stack(each), how), count)
