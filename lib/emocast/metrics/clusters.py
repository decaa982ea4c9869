"""Is a cluster a feeling, or a voice? What clusters of embeddings share with labels, beside what they would share by chance.

Two measures compare a clustering with a label, one asks how the label's own groups lie:

- the adjusted Rand index (Hubert & Arabie 1985, doi:10.1007/BF01908075): pairs of rows on which both agree; 0 is expected by
  chance, 1 is the same division. It asks for as many clusters as groups.
- normalised mutual information (Vinh et al. 2010, jmlr.org/papers/v11/vinh10a.html; by the arithmetic mean of the entropies):
  what one tells of the other. It is above 0 by chance, the more so the more groups there are: never read it without its null.
- the silhouette (`structure`) of the label's groups, without any clustering

Each has its null: the same with the labels shuffled. **A plain shuffle takes rows to be exchangeable, and they are not**: a
speaker, a sex or a dialogue is one for many rows in sequence, and emotions last, so that rows hang together anyway. Its null
is therefore narrow, and a small p says "these rows do not lie by chance", not "other speakers would lie so too". For an emotion
the further question can be asked: shuffled `within` dialogues, what remains is not the dialogue's voices, room or mood.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from . import checks

LABELS = ("emotion", "speaker", "sex", "dialogue", "language")
MEASURES = ("ari", "nmi", "silhouette")

STARTS = 10  # of K-means: the best of so many
_MOST_ROWS = 2000  # of a silhouette, which looks at every pair of rows
_BATCH = 50  # permutations at once

#: Scores (draws, n) of shuffled codes: (draws,).
Scores = Callable[[np.ndarray], np.ndarray]


def cluster(values: np.ndarray, *, clusters: int, random_state: int) -> np.ndarray:
    """Divide rows by K-means, the best of `STARTS` starts.

    Args:
        values: shape (n, d), taken as they are: bring directions to length 1 first.
        clusters: how many.
        random_state: seed of the starts.

    Returns:
        The cluster of each row, from 0: (n,).

    Raises:
        ValueError: there are fewer rows than clusters.
    """
    if not 1 <= clusters <= len(values):
        raise ValueError(f"{len(values)} rows cannot be divided into {clusters} clusters")
    with threadpool_limits(1):  # a sum's last digit depends on the number of threads that share it
        return KMeans(clusters, n_init=STARTS, random_state=random_state).fit_predict(values)


def alignment(
    values: np.ndarray,
    assigned: np.ndarray,
    table: pd.DataFrame,
    *,
    by: Sequence[str] = LABELS,
    measures: Sequence[str] = MEASURES,
    within: str | None = None,
    permutations: int,
    random_state: int,
) -> pd.DataFrame:
    """Hold clusters against labels.

    Args:
        values: what was clustered, (n, d); only the silhouette looks at them, at 2,000 rows drawn at random at most.
        assigned: the cluster of each row, (n,).
        table: the columns `by` and `within`, row by row; a row without a label is left out where that label is asked for.
        by: the labels.
        measures: of `MEASURES`.
        within: a column whose groups the labels are shuffled within; None for a plain shuffle.
        permutations: shuffles of the null.
        random_state: seed of the shuffles.

    Returns:
        One row a label and measure: label, shuffled ("" or "within dialogue"), measure, clusters, groups, n, value; of the
        null null_mean and null_95 (its 95th percentile), p = (1 + shuffles that reach the value) / (1 + permutations); and
        reason: why value and null are missing (NaN), else empty.

    Raises:
        ValueError: lengths differ, or there is no permutation.
    """
    if not len(values) == len(assigned) == len(table):
        raise ValueError(
            f"{len(values)} embeddings, {len(assigned)} clusters and {len(table)} rows: they must be as many"
        )
    checks.draws(permutations)
    rows = []
    for label in by:
        known = table[label].notna().to_numpy() & (table[within].notna().to_numpy() if within else True)
        codes = pd.factorize(table.loc[known, label], sort=True)[0]
        blocks = pd.factorize(table.loc[known, within])[0] if within else np.zeros(len(codes), dtype=int)
        shape = {"label": label, "shuffled": f"within {within}" if within else ""}
        for measure in measures:
            found = _held(measure, values[known], assigned[known], codes, blocks, permutations, random_state)
            rows.append({**shape, "measure": measure, "clusters": len(np.unique(assigned)), **found})
    return pd.DataFrame(rows)


def sweep(
    values: np.ndarray, table: pd.DataFrame, *, clusters: Sequence[int], random_state: int, **options
) -> pd.DataFrame:
    """Hold clusterings of several sizes against labels.

    Args:
        values: shape (n, d).
        table: as for `alignment`.
        clusters: how many clusters to try; more than there are rows are left out.
        random_state: seed of clusterings and shuffles.
        options: `by` and `permutations`, as for `alignment`.

    Returns:
        What `alignment` gives for adjusted Rand index and mutual information, for each number of clusters; and a row each
        with the label "(the clusters themselves)" and the measure "silhouette": how far apart the clusters lie. That one has
        no null, for clusters are made of the values that it looks at.
    """
    tables = []
    for count in (count for count in clusters if count < len(values)):
        assigned = cluster(values, clusters=count, random_state=random_state)
        options |= {"measures": ("ari", "nmi"), "random_state": random_state}
        tables.append(alignment(values, assigned, table, **options))
        apart = silhouette_score(values, assigned, sample_size=min(len(values), _MOST_ROWS), random_state=random_state)
        own = {"label": "(the clusters themselves)", "measure": "silhouette", "clusters": count, "value": float(apart)}
        tables.append(pd.DataFrame([own | {"groups": count, "n": len(values), "shuffled": "", "reason": ""}]))
    return pd.concat(tables, ignore_index=True)


def _held(
    measure: str,
    values: np.ndarray,
    assigned: np.ndarray,
    codes: np.ndarray,
    blocks: np.ndarray,
    permutations: int,
    random_state: int,
) -> dict:
    """One measure of one label, with its null."""
    generator = np.random.default_rng(random_state)
    if measure == "silhouette" and len(codes) > _MOST_ROWS:
        drawn = np.sort(generator.choice(len(codes), _MOST_ROWS, replace=False))
        values, assigned, blocks, codes = values[drawn], assigned[drawn], blocks[drawn], pd.factorize(codes[drawn])[0]
    groups = len(np.unique(codes))
    row = {"groups": groups, "n": len(codes)}
    reason = _not_comparable(groups, len(np.unique(assigned)), len(codes), measure)
    if reason:
        return row | dict.fromkeys(("value", "null_mean", "null_95", "p"), float("nan")) | {"reason": reason}
    score = _silhouettes(values, codes) if measure == "silhouette" else _agreements(measure, assigned, codes)
    value = float(score(codes[None])[0])
    drawn = _shuffled(codes, blocks, permutations, generator)
    null = np.concatenate([score(drawn[start : start + _BATCH]) for start in range(0, permutations, _BATCH)])
    reached = int((null >= value - 1e-12).sum())  # as good as equal is equal: rounding must not make a p small
    p = (1 + reached) / (1 + permutations)
    return row | {"value": value, "null_mean": null.mean(), "null_95": np.quantile(null, 0.95), "p": p, "reason": ""}


def _not_comparable(groups: int, clusters: int, rows: int, measure: str) -> str:
    """Why a measure says nothing here, else empty."""
    if groups < 2 or (clusters < 2 and measure != "silhouette"):
        return f"{groups} group and {clusters} clusters: nothing to tell apart"
    return "every row is a group of its own" if groups == rows else ""


def _shuffled(codes: np.ndarray, blocks: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """So many shuffles of the codes, each within its block: (count, n)."""
    home = np.argsort(blocks, kind="stable")
    shuffled = np.empty((count, len(codes)), dtype=codes.dtype)
    for row in shuffled:
        row[home] = codes[np.lexsort((generator.random(len(codes)), blocks))]
    return shuffled


def _agreements(measure: str, assigned: np.ndarray, codes: np.ndarray) -> Scores:
    """Adjusted Rand index or normalised mutual information, from how often each group meets each cluster."""
    clusters, numbered = np.unique(assigned, return_inverse=True)
    groups, size = codes.max() + 1, len(codes)

    def counts(shuffled: np.ndarray) -> np.ndarray:
        cells = numbered * groups + shuffled + np.arange(len(shuffled))[:, None] * len(clusters) * groups
        found = np.bincount(cells.ravel(), minlength=len(shuffled) * len(clusters) * groups)
        return found.reshape(len(shuffled), len(clusters), groups)

    of_clusters, of_groups = np.bincount(numbered), np.bincount(codes)
    score = _rand_index if measure == "ari" else _mutual_information
    return lambda shuffled: score(counts(shuffled), of_clusters, of_groups, size)


def _rand_index(counts: np.ndarray, of_clusters: np.ndarray, of_groups: np.ndarray, size: int) -> np.ndarray:
    """Pairs that are together in both, less those expected, by the most there could be less those expected."""
    together, all_pairs = _pairs(counts).sum(axis=(1, 2)), size * (size - 1) / 2
    in_clusters, in_groups = _pairs(of_clusters).sum(), _pairs(of_groups).sum()
    expected, most = in_clusters * in_groups / all_pairs, (in_clusters + in_groups) / 2
    return (together - expected) / (most - expected)


def _pairs(counts: np.ndarray) -> np.ndarray:
    """How many pairs so many things make."""
    return counts * (counts - 1) / 2


def _mutual_information(counts: np.ndarray, of_clusters: np.ndarray, of_groups: np.ndarray, size: int) -> np.ndarray:
    """Mutual information by the mean of both entropies."""
    joint = _entropies(counts.reshape(len(counts), -1), size)
    first, second = _entropies(of_clusters[None], size)[0], _entropies(of_groups[None], size)[0]
    return (first + second - joint) / ((first + second) / 2)


def _entropies(counts: np.ndarray, size: int) -> np.ndarray:
    """Entropy in nats of each row of counts that add up to `size`."""
    shares = counts / size
    return -(shares * np.log(np.where(counts > 0, shares, 1.0))).sum(axis=1)


def _silhouettes(values: np.ndarray, codes: np.ndarray) -> Scores:
    """Mean silhouettes of many groupings of the same rows: the distances between rows are computed once."""
    distances = cdist(values, values).astype(np.float32)
    sizes = np.bincount(codes)
    row = np.arange(len(codes))

    def score(shuffled: np.ndarray) -> np.ndarray:
        return np.array([_silhouette(distances, one, sizes, row) for one in shuffled])

    return score


def _silhouette(distances: np.ndarray, codes: np.ndarray, sizes: np.ndarray, row: np.ndarray) -> float:
    """(other - own) / the larger, of each row's mean distances to its own and the nearest other group; 0 for one alone."""
    member = np.zeros((len(codes), len(sizes)), dtype=np.float32)
    member[row, codes] = 1
    sums = (distances @ member).astype(np.float64)
    own = sums[row, codes] / np.maximum(sizes[codes] - 1, 1)
    others = sums / sizes
    others[row, codes] = np.inf
    nearest = others.min(axis=1)
    larger = np.maximum(nearest, own)
    apart = np.divide(nearest - own, larger, out=np.zeros_like(own), where=(sizes[codes] > 1) & (larger > 0))
    return float(apart.mean())
