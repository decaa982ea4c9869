"""Which label explains how embeddings lie: emotion, speaker, session or dialogue?

A picture shows two of some hundred dimensions, and the eye finds groups in anything. Two numbers say the same of all of them:

- the silhouette (Rousseeuw 1987, doi:10.1016/0377-0427(87)90125-7) asks whether the groups lie apart as they are
- a linear probe (Alain & Bengio 2016, arXiv 1610.01644) asks whether a direction can be found that tells them apart: the UAR
  of a logistic regression on windows that it was not fitted to, scaled by what it was fitted to alone

What "not fitted to" means decides the answer, for windows of one dialogue share seconds of sound. Emotion, speaker and
session are tested on dialogues that are new to the probe. A dialogue cannot be new and known at once: it is learned from
the first half of its windows and tested on those of the second half that share no sound with the first. That is another
kind of test: the probe may use whatever lasts through a dialogue (room, voices, mood), and must tell apart dialogues of the
same two voices. Labels are to be compared with this in mind, encoders under one label more freely.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import silhouette_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from .classes import evaluate
from .intervals import bootstrap_interval

LABELS = ("emotion", "speaker", "session", "dialogue")
FOLDS = 5

# Of the logistic regression (scikit-learn's C). There is more than one value a window: strong enough to be quick and stable.
_INVERSE_PENALTY = 0.1
_MOST_STEPS = 1000

# Seconds: window bounds are sums of decimals, and less than this (a sixtieth of a sample at 16 kHz) is their rounding.
_ROUNDING_S = 1e-6

_SCORES = ("chance", "uar", "low", "high", "above_chance", "above_low", "above_high")

Split = tuple[np.ndarray, np.ndarray]


def explained(
    embeddings: np.ndarray,
    windows: pd.DataFrame,
    *,
    by: Sequence[str] = LABELS,
    level: float = 0.95,
    draws: int = 1000,
    random_state: int,
) -> pd.DataFrame:
    """Say for each label how well the embeddings group by it, and how well a linear probe reads it.

    Args:
        embeddings: shape (n, d); a row that is not finite is left out.
        windows: the windows of one shift, row by row those of `embeddings`; the columns dialogue, start_s, end_s (seconds)
            and those in `by` are used. A row without a label is left out where that label is asked for.
        by: the labels.
        level: share of the intervals.
        draws: draws of their bootstrap over dialogues.
        random_state: seed of folds and bootstrap.

    Returns:
        One row a label: label, groups (k), windows, silhouette (-1 to 1); chance (1/k, a guess that knows nothing), uar with
        its interval low to high (fractions), tested (the windows it was tested on); `above_chance` with `above_low` and
        `above_high`: (UAR - chance) / (1 - chance), which can be held against each other where k differs; and reason: why a
        value is missing (NaN), else empty. k counts the groups that the probe could be asked for; see `halves`.

    Raises:
        ValueError: not as many embeddings as windows.
    """
    if len(embeddings) != len(windows):
        raise ValueError(f"{len(embeddings)} embeddings and {len(windows)} windows do not belong together")
    finite = np.isfinite(embeddings).all(axis=1)
    rows = []
    for label in by:
        known = finite & windows[label].notna().to_numpy()
        chosen, values = windows[known].reset_index(drop=True), np.asarray(embeddings)[known]
        row = {"label": label, "groups": chosen[label].nunique(), "windows": len(chosen)}
        row["silhouette"] = silhouette(values, chosen[label])
        rows.append(row | _probed(values, chosen, label, level=level, draws=draws, random_state=random_state))
    return pd.DataFrame(rows)


def silhouette(embeddings: np.ndarray, labels: pd.Series) -> float:
    """How far groups lie apart: the mean silhouette in values of equal variance.

    Args:
        embeddings: shape (n, d).
        labels: the group of each row, (n,).

    Returns:
        Near 1 where groups lie apart, near 0 where they overlap, below 0 where rows lie nearer to another group than to
        their own; NaN where there are fewer than two groups or no group of two.
    """
    if not 2 <= labels.nunique() < len(labels):
        return float("nan")
    return float(silhouette_score(StandardScaler().fit_transform(embeddings), labels.to_numpy(dtype=str)))


def folds(labels: pd.Series, dialogues: pd.Series, *, random_state: int) -> list[Split]:
    """Divide windows into folds that keep dialogues whole, with each group in the training part of each fold.

    Args:
        labels: the group of each window, (n,).
        dialogues: the dialogue of each window, (n,).
        random_state: seed of the division.

    Returns:
        For each of up to `FOLDS` folds the positions of its training and of its test windows.

    Raises:
        ValueError: there is one group, one occurs in a single dialogue, or a training part lacks one; the message says which.
    """
    if labels.nunique() < 2:
        raise ValueError(f"{labels.nunique()} group: nothing to tell apart")
    spread = dialogues.groupby(labels.to_numpy()).nunique()
    if spread.min() < 2:
        raise ValueError(f"{spread.idxmin()} occurs in one dialogue, and a dialogue is not divided")
    count = min(FOLDS, dialogues.nunique(), labels.value_counts().max())
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=random_state)
    with warnings.catch_warnings():  # of a group with fewer windows than folds, which is no harm
        warnings.simplefilter("ignore", UserWarning)
        splits = list(splitter.split(labels, labels, dialogues))
    if any(labels.iloc[train].nunique() < labels.nunique() for train, _ in splits):
        raise ValueError(f"{dialogues.nunique()} dialogues were not divided so that each part holds every group")
    return splits


def halves(windows: pd.DataFrame) -> Split:
    """Divide each dialogue in time: windows to learn it from, and later ones that share no sound with them.

    Args:
        windows: the columns dialogue, start_s and end_s (seconds) are used.

    Returns:
        Positions of the first half of each dialogue's windows, and of those of its second half that begin when the last of
        the first half has ended. A dialogue that has none of either is in neither.

    Raises:
        ValueError: fewer than two dialogues are left.
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


def _probed(
    values: np.ndarray, windows: pd.DataFrame, label: str, *, random_state: int, **options: float
) -> dict[str, float | str]:
    """The probe's part of a row."""
    names, dialogues = (windows[column].to_numpy(dtype=str) for column in (label, "dialogue"))
    try:
        splits = (
            [halves(windows)]
            if label == "dialogue"
            else folds(windows[label], windows["dialogue"], random_state=random_state)
        )
    except ValueError as error:
        return {**dict.fromkeys(_SCORES, float("nan")), "tested": 0, "reason": str(error)}
    said = np.concatenate([predicted(values, names, *split) for split in splits])
    tested = np.concatenate([test for _, test in splits])
    groups = np.unique(names[splits[0][0]])
    ends = _interval(names[tested], said, dialogues[tested], random_state=random_state, **options)
    uar = evaluate(names[tested], said, labels=list(groups))["uar"]
    chance = 1 / len(groups)
    above = ((score - chance) / (1 - chance) for score in (uar, *ends))
    scores = dict(zip(_SCORES, (chance, uar, *ends, *above), strict=True))
    return {"groups": len(groups), **scores, "tested": len(tested), "reason": ""}


def predicted(values: np.ndarray, names: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Fit the probe to the training windows, scaling with it, and let it name the test windows.

    Args:
        values: embeddings, (n, d).
        names: the group of each, (n,).
        train: positions to fit to.
        test: positions to name.

    Returns:
        The groups named, in the order of `test`.
    """
    regression = LogisticRegression(C=_INVERSE_PENALTY, class_weight="balanced", max_iter=_MOST_STEPS)
    model = make_pipeline(StandardScaler(), regression)
    with threadpool_limits(1):  # a sum's last digit depends on the number of threads that share it
        return model.fit(values[train], names[train]).predict(values[test])


def _interval(true: np.ndarray, predicted: np.ndarray, dialogues: np.ndarray, **options: float) -> tuple[float, float]:
    """The interval of the UAR, by drawing whole dialogues.

    Where the dialogue is the group itself, a draw leaves groups out and takes others twice. Each then counts as often as it was
    drawn: the mean over the different ones among them, which the UAR of a draw's rows is, would vary a quarter less.
    """
    if (true != dialogues).any():
        return bootstrap_interval(true, predicted, dialogues, metric="uar", **options)
    codes = pd.factorize(true)[0]
    share = 1 / np.bincount(codes)

    def mean_of_drawn(drawn: np.ndarray, said: np.ndarray) -> float:
        return float(np.average(drawn == said, weights=share[drawn]))

    right = np.where(true == predicted, codes, -1)
    return bootstrap_interval(codes, right, codes, metric=mean_of_drawn, **options)
