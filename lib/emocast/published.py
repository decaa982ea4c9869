"""The figures that the two papers print, so that a reproduced value stands beside the published one.

Sources: preprint = Maar, Prager, Spielhofer (2025), https://doi.org/10.20944/preprints202501.2333.v1; thesis = the thesis on
cross-lingual emotion perception whose chapter 5 notebook 06 reproduces. Values are as printed. Two things to know: figure 6
of the preprint is a picture, of which only the two ends that its text names are given (78 % at a shift of 0 s, 74 % at 20 s);
the thesis calls the F1 score of its table 5.5 "max" where tables 5.1 and 5.4 say "macro".
"""

from __future__ import annotations

import pandas as pd

from . import paths


def load() -> pd.DataFrame:
    """All published figures.

    Returns:
        A row a figure: source, table (the paper's own number), experiment, dataset, class (missing: all), metric,
        value, unit ("fraction" or "percent"), support.
    """
    return pd.read_csv(paths.PUBLISHED)


def select(experiment: str, *, metric: str | None = None) -> pd.DataFrame:
    """The published figures of one experiment ("forecast-3-class"), or of one metric of it ("cv_mean").

    Returns:
        The rows of `load()`, never none.

    Raises:
        KeyError: the papers print no such figure.
    """
    rows = load()
    rows = rows[(rows["experiment"] == experiment) & (rows["metric"].eq(metric) if metric else True)]
    if rows.empty:
        raise KeyError(f"no published figure of {experiment!r}" + (f" with metric {metric!r}" if metric else ""))
    return rows.reset_index(drop=True)


def value(experiment: str, metric: str) -> float:
    """The one published value of a metric over all classes, as printed (see its unit in `select`).

    Raises:
        KeyError: there is none, or more than one.
    """
    rows = select(experiment, metric=metric)
    rows = rows[rows["class"].isna()]
    if len(rows) != 1:
        raise KeyError(f"{len(rows)} published figures of {experiment!r} {metric!r} over all classes")
    return float(rows["value"].iloc[0])


def on(dataset: str, experiment: str, metric: str) -> float:
    """The published value of a metric over all classes on one corpus, or NaN where the papers print none.

    Args:
        dataset: the corpus as the papers write it, for example "IEMOCAP".
        experiment: for example "forecast-3-class".
        metric: for example "cv_mean"; for its unit see `select`.
    """
    rows = load()
    rows = rows[rows["dataset"].eq(dataset) & rows["experiment"].eq(experiment) & rows["metric"].eq(metric)]
    rows = rows[rows["class"].isna()]
    return float(rows["value"].iloc[0]) if len(rows) == 1 else float("nan")


def report(dataset: str, experiment: str) -> pd.DataFrame:
    """The published classification report of an experiment on one corpus (as for `on`): no row where the papers print none.

    Returns:
        Index `emotion`; columns published_precision, published_recall, published_f1 (fractions).
    """
    rows = load()
    rows = rows[rows["dataset"].eq(dataset) & rows["experiment"].eq(experiment) & rows["class"].notna()]
    table = rows.pivot(index="class", columns="metric", values="value").reindex(columns=["precision", "recall", "f1"])
    return table.add_prefix("published_").rename_axis(index="emotion", columns=None)
