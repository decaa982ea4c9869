"""What explains how embeddings lie: emotion, speaker, session or dialogue? A linear probe, silhouettes, and K-means.

A linear probe (Alain & Bengio 2016, arXiv 1610.01644) is tested on windows of new dialogues; a dialogue on those of its second
half that share no sound with the first. Clusters are held against labels by the adjusted Rand index, normalised mutual
information (Vinh et al. 2010, jmlr.org/papers/v11/vinh10a.html) and the silhouette, each beside its null.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from scipy.stats import entropy
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import silhouette_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from .resampling import bootstrap_interval
from .scores import evaluate

PROBED = ("emotion", "speaker", "session", "dialogue")
MEASURES = ("ari", "nmi", "silhouette")

FOLDS = 5
_INVERSE_PENALTY = 0.1  # scikit-learn's C: there is more than one value a window; quick and stable
_ROUNDING_S = 1e-6  # window bounds are sums of decimals, and less than this is their rounding
_MOST_ROWS = 2000  # of a silhouette, which looks at every pair of rows
_BATCH = 50  # permutations at once

Split = tuple[np.ndarray, np.ndarray]


def explained(
    embeddings: np.ndarray, windows: pd.DataFrame, *, by: Sequence[str] = PROBED, random_state: int, **options: Any
) -> pd.DataFrame:
    """Say for each label how well the embeddings (n, d) group by it, and how well a linear probe reads it.

    Args:
        embeddings: shape (n, d); a row that is not finite is left out.
        windows: the windows of one shift, row by row those of `embeddings`; the columns dialogue, start_s, end_s (seconds)
            and those in `by` are used. A row without a label is left out where that label is asked for.
        random_state: seed of folds and bootstrap.
        options: those of `bootstrap_interval`, over dialogues.

    Returns:
        One row a label: label, groups (k, those that the probe could be asked for), windows, silhouette (-1 to 1, in equal
        variance); chance (1/k), uar with its interval low to high (fractions), tested (windows); `above_chance`, `above_low`
        and `above_high`: (UAR - chance) / (1 - chance), which can be held against each other where k differs; and reason: why a
        value is missing (NaN), else empty.
    """
    finite, rows = np.isfinite(embeddings).all(axis=1), []
    for label in by:
        known = finite & windows[label].notna().to_numpy()
        chosen, values = windows[known].reset_index(drop=True), np.asarray(embeddings)[known]
        row = {"label": label, "groups": chosen[label].nunique(), "windows": len(chosen), "silhouette": float("nan")}
        if 2 <= row["groups"] < len(chosen):
            names = chosen[label].to_numpy(dtype=str)
            row["silhouette"] = float(silhouette_score(StandardScaler().fit_transform(values), names))
        rows.append(row | _probed(values, chosen, label, random_state, options))
    return pd.DataFrame(rows)


def folds(labels: pd.Series, dialogues: pd.Series, *, random_state: int) -> list[Split]:
    """Divide windows into up to `FOLDS` folds that keep dialogues whole, with each group in the training part of each fold.

    Takes the group and the dialogue of each window, (n,); returns the positions of training and test windows of each fold.
    ValueError where that cannot be.
    """
    if labels.nunique() < 2:
        raise ValueError(f"{labels.nunique()} group: nothing to tell apart")
    spread = dialogues.groupby(labels.to_numpy()).nunique()
    if spread.min() < 2:
        raise ValueError(f"{spread.idxmin()} occurs in one dialogue, and a dialogue is not divided")
    count = min(FOLDS, dialogues.nunique(), labels.value_counts().max())
    with warnings.catch_warnings():  # of a group with fewer windows than folds, which is no harm
        warnings.simplefilter("ignore", UserWarning)
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=random_state)
        splits = list(splitter.split(labels, labels, dialogues))
    if any(labels.iloc[train].nunique() < labels.nunique() for train, _ in splits):
        raise ValueError(f"{dialogues.nunique()} dialogues were not divided so that each part holds every group")
    return splits


def halves(windows: pd.DataFrame) -> Split:
    """Divide each dialogue in time: windows to learn it from, and later ones that share no sound with them.

    Returns the positions of the first half of each dialogue's windows (columns dialogue, start_s and end_s, in seconds), and of
    those of its second half that begin when the last of the first half has ended. A dialogue without the latter is in neither;
    ValueError where fewer than two are left.
    """
    train, test = [], []
    for _, rows in windows.reset_index(drop=True).groupby("dialogue"):
        rows = rows.sort_values("start_s", kind="stable")
        first, second = rows.iloc[: len(rows) // 2], rows.iloc[len(rows) // 2 :]
        apart = second[second["start_s"] >= first["end_s"].max() - _ROUNDING_S]
        if len(apart):
            train.append(first.index.to_numpy())
            test.append(apart.index.to_numpy())
    if len(train) < 2:
        raise ValueError(f"{len(train)} dialogue has a window after its first half that shares no sound with it")
    return np.concatenate(train), np.concatenate(test)


def predicted(values: np.ndarray, names: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Fit the probe, and its scaling, to the embeddings (n, d) and groups (n,) at `train`; name the groups at `test`."""
    regression = LogisticRegression(C=_INVERSE_PENALTY, class_weight="balanced", max_iter=1000)
    model = make_pipeline(StandardScaler(), regression)
    with threadpool_limits(1):  # a sum's last digit depends on the number of threads that share it
        return model.fit(values[train], names[train]).predict(values[test])


def _probed(
    values: np.ndarray, windows: pd.DataFrame, label: str, seed: int, options: dict[str, Any]
) -> dict[str, float | str]:
    """The probe's part of a row.

    Where the dialogue is the group itself, each counts as often as it was drawn: the UAR of a draw's rows, a mean over the
    different ones among them, would vary a quarter less.
    """
    columns = ("chance", "uar", "low", "high", "above_chance", "above_low", "above_high")
    names, dialogues = (windows[column].to_numpy(dtype=str) for column in (label, "dialogue"))
    by_dialogue = label == "dialogue"
    try:
        divided = [halves(windows)] if by_dialogue else folds(windows[label], windows["dialogue"], random_state=seed)
    except ValueError as error:
        return {**dict.fromkeys(columns, float("nan")), "tested": 0, "reason": str(error)}
    named = np.concatenate([predicted(values, names, *split) for split in divided])
    tested = np.concatenate([test for _, test in divided])
    true, groups = names[tested], np.unique(names[divided[0][0]])
    scored, metric = (true, named, dialogues[tested]), "uar"
    if by_dialogue:
        codes = pd.factorize(true)[0]
        share, scored = 1 / np.bincount(codes), (codes, np.where(true == named, codes, -1), codes)

        def metric(drawn: np.ndarray, right: np.ndarray) -> float:
            return float(np.average(drawn == right, weights=share[drawn]))

    ends = bootstrap_interval(*scored, metric=metric, random_state=seed, **options)
    scores, chance = (evaluate(true, named, labels=list(groups))["uar"], *ends), 1 / len(groups)
    above = [(score - chance) / (1 - chance) for score in scores]
    row = dict(zip(columns, (chance, *scores, *above), strict=True))
    return {"groups": len(groups), **row, "tested": len(tested), "reason": ""}


def cluster(values: np.ndarray, *, clusters: int, random_state: int) -> np.ndarray:
    """Divide rows (n, d), directions of length 1 for example, by K-means, the best of ten starts: the cluster of each, (n,)."""
    with threadpool_limits(1):  # a sum's last digit depends on the number of threads that share it
        return KMeans(clusters, n_init=10, random_state=random_state).fit_predict(values)


def alignment(
    values: np.ndarray,
    assigned: np.ndarray,
    table: pd.DataFrame,
    *,
    by: Sequence[str] = ("emotion", "speaker", "sex", "dialogue", "language"),
    measures: Sequence[str] = MEASURES,
    within: str | None = None,
    permutations: int,
    random_state: int,
) -> pd.DataFrame:
    """Hold clusters against labels, beside what shuffled labels give.

    **A plain shuffle takes rows to be exchangeable, and they are not**: a small p says "these rows do not lie by chance", not
    "other speakers would lie so too". Shuffled `within` dialogues, what remains of an emotion is not the dialogue's voices,
    room or mood.

    Args:
        values: what was clustered, (n, d); only the silhouette looks at them, at 2,000 rows drawn at random at most.
        assigned: the cluster of each row, (n,).
        table: the columns `by` and `within`, row by row; a row without a label is left out where that label is asked for.
        within: a column whose groups the labels are shuffled within; None for a plain shuffle.
        permutations: how many shuffles.

    Returns:
        One row a label and measure: label, shuffled ("" or "within dialogue"), measure, clusters, groups, n, value; of the
        shuffles null_mean and null_95 (percentile), p = (1 + those that reach the value) / (1 + permutations); and reason: why
        these are missing (NaN), else empty.
    """
    rows, clusters = [], len(np.unique(assigned))
    for label in by:
        known = table[label].notna().to_numpy() & (table[within].notna().to_numpy() if within else True)
        codes = pd.factorize(table.loc[known, label], sort=True)[0]
        blocks = pd.factorize(table.loc[known, within])[0] if within else np.zeros(len(codes), dtype=int)
        for measure in measures:
            generator = np.random.default_rng(random_state)
            found = _held(measure, [values[known], assigned[known], codes, blocks], permutations, generator)
            place = {"label": label, "shuffled": f"within {within}" if within else "", "measure": measure}
            rows.append({**place, "clusters": clusters, **found})
    return pd.DataFrame(rows)


def sweep(
    values: np.ndarray, table: pd.DataFrame, *, clusters: Sequence[int], random_state: int, **options: Any
) -> pd.DataFrame:
    """Hold clusterings of several sizes against labels; a size of more clusters than there are rows is left out.

    Returns what `alignment` gives for adjusted Rand index and mutual information, for each number of clusters; and a row each
    of the silhouette of "(the clusters themselves)", without a null: it looks at what they are made of.
    """
    tables = []
    for count in (count for count in clusters if count < len(values)):
        assigned = cluster(values, clusters=count, random_state=random_state)
        tables.append(alignment(values, assigned, table, measures=("ari", "nmi"), random_state=random_state, **options))
        apart = silhouette_score(values, assigned, sample_size=min(len(values), _MOST_ROWS), random_state=random_state)
        own = {"label": "(the clusters themselves)", "measure": "silhouette", "clusters": count, "value": float(apart)}
        tables.append(pd.DataFrame([own | {"groups": count, "n": len(values), "shuffled": "", "reason": ""}]))
    return pd.concat(tables, ignore_index=True)


def _held(measure: str, rows: list[np.ndarray], permutations: int, generator: np.random.Generator) -> dict[str, Any]:
    """One measure of one label, with its null; rows are their values, clusters, labels and blocks."""
    values, assigned, codes, blocks = rows
    if measure == "silhouette" and len(codes) > _MOST_ROWS:
        drawn = np.sort(generator.choice(len(codes), _MOST_ROWS, replace=False))
        values, assigned, codes, blocks = values[drawn], assigned[drawn], pd.factorize(codes[drawn])[0], blocks[drawn]
    groups, clusters = len(np.unique(codes)), len(np.unique(assigned))
    row = {"groups": groups, "n": len(codes)}
    if not 2 <= groups < len(codes) or (clusters < 2 and measure != "silhouette"):
        why = f"{groups} group{'s' * (groups > 1)} and {clusters} clusters: nothing to tell apart"
        return row | dict.fromkeys(("value", "null_mean", "null_95", "p"), float("nan")) | {"reason": why}
    score = _silhouettes(values, codes) if measure == "silhouette" else _agreements(measure, assigned, codes)
    value, home = float(score(codes[None])[0]), np.argsort(blocks, kind="stable")
    shuffled = np.empty((permutations, len(codes)), dtype=codes.dtype)
    for one in shuffled:  # each within its block
        one[home] = codes[np.lexsort((generator.random(len(codes)), blocks))]
    null = np.concatenate([score(shuffled[start : start + _BATCH]) for start in range(0, permutations, _BATCH)])
    reached = int((null >= value - 1e-12).sum())  # as good as equal is equal: rounding must not make a p small
    p = (1 + reached) / (1 + permutations)
    return row | {"value": value, "null_mean": null.mean(), "null_95": np.quantile(null, 0.95), "p": p, "reason": ""}


def _agreements(measure: str, assigned: np.ndarray, codes: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Adjusted Rand index or normalised mutual information of shuffled codes (draws, n), from one count: (draws,)."""
    numbered = np.unique(assigned, return_inverse=True)[1]
    of_clusters, of_groups = np.bincount(numbered), np.bincount(codes)
    shape = len(of_clusters), len(of_groups)

    def pairs(counts: np.ndarray) -> np.ndarray:
        return counts * (counts - 1) / 2

    def score(shuffled: np.ndarray) -> np.ndarray:
        draw = np.arange(len(shuffled))[:, None] * shape[0] * shape[1]
        cells = (numbered * shape[1] + shuffled + draw).ravel()
        counts = np.bincount(cells, minlength=len(shuffled) * shape[0] * shape[1]).reshape(len(shuffled), -1)
        if measure == "ari":
            in_clusters, in_groups = pairs(of_clusters).sum(), pairs(of_groups).sum()
            expected = in_clusters * in_groups / pairs(len(codes))
            return (pairs(counts).sum(axis=1) - expected) / ((in_clusters + in_groups) / 2 - expected)
        alone = entropy(of_clusters) + entropy(of_groups)
        return (alone - entropy(counts, axis=1)) / (alone / 2)

    return score


def _silhouettes(values: np.ndarray, codes: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Mean silhouettes of many groupings of the same rows: the distances between rows are computed once."""
    distances, sizes, row = cdist(values, values).astype(np.float32), np.bincount(codes), np.arange(len(codes))

    def silhouette(codes: np.ndarray) -> float:  # of a row alone: 0
        member = np.zeros((len(codes), len(sizes)), dtype=np.float32)
        member[row, codes] = 1
        sums = (distances @ member).astype(np.float64)
        own, others = sums[row, codes] / np.maximum(sizes[codes] - 1, 1), sums / sizes
        others[row, codes] = np.inf
        nearest = others.min(axis=1)
        larger = np.where(sizes[codes] > 1, np.maximum(nearest, own), 0)
        return float(np.divide(nearest - own, larger, out=np.zeros_like(own), where=larger > 0).mean())

    return lambda shuffled: np.array([silhouette(codes) for codes in shuffled])
