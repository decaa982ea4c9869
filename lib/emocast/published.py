"""The figures that the two papers print, so that a reproduced value stands beside the published one.

Sources: preprint = Maar, Prager, Spielhofer (2025), https://doi.org/10.20944/preprints202501.2333.v1; thesis = the thesis on
cross-lingual emotion perception whose chapter 5 notebook 06 reproduces. Values are as printed; of the preprint's figure 6, a
picture, only the two ends that its text names. What the thesis's table 5.5 calls F1 "max" is "macro" in 5.1 and 5.4.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from . import paths


def load() -> pd.DataFrame:
    """All published figures.

    A row a figure: source, table (the paper's own number), experiment ("forecast-3-class"), dataset (as the papers write it),
    class (missing: all), metric ("cv_mean"), value, unit ("fraction" or "percent"), support.
    """
    return pd.read_csv(paths.PUBLISHED)


def select(experiment: str) -> pd.DataFrame:
    """The published figures of one experiment; KeyError where the papers print none."""
    rows = load().query("experiment == @experiment")
    if rows.empty:
        raise KeyError(f"no published figure of {experiment!r}")
    return rows.reset_index(drop=True)


def on(dataset: str, experiment: str, metric: str) -> float:
    """The published value of a metric over all classes on one corpus, in the unit of `load`, or NaN where there is none."""
    rows = load().query("dataset == @dataset and experiment == @experiment and metric == @metric")
    rows = rows[rows["class"].isna()]
    return float(rows["value"].iloc[0]) if len(rows) == 1 else float("nan")


def experiment(classes: Iterable[str]) -> str:
    """The preprint's experiment on exactly these classes ("forecast-3-class"), or "" where it has none: no number says so."""
    asked, rows = frozenset(classes), load().query("source == 'preprint'").dropna(subset="class")
    return next((name for name, own in rows.groupby("experiment")["class"] if asked == {*own}), "")


def report(dataset: str, experiment: str) -> pd.DataFrame:
    """The published classification report of an experiment on one corpus: no row where the papers print none.

    Index `emotion`; columns published_precision, published_recall, published_f1 (fractions).
    """
    rows = load().query("dataset == @dataset and experiment == @experiment").dropna(subset="class")
    table = rows.pivot(index="class", columns="metric", values="value").reindex(columns=["precision", "recall", "f1"])
    return table.add_prefix("published_").rename_axis(index="emotion", columns=None)
