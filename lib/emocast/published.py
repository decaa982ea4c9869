"""The figures that the two papers print, so that a reproduced value stands beside the published one.

Values are as printed; of the preprint's figure 6, a picture, only the two ends that its text names. What the thesis's table 5.5
calls F1 "max" is "macro" in 5.1 and 5.4.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from . import paths

#: What is meant by each `source` of the figures.
SOURCES = {
    "preprint": "K. Maar, J. Prager, T. Spielhofer, I Know How You Are Going to React: Using Machine Learning to Forecast "
    "Emotional Reactions Based on Group Interactions, preprint, 2025, doi:10.20944/preprints202501.2333.v1",
    "thesis": "D. López i Ríos, Applications of AI-driven Emotion Perception for Mental Health Care with a focus on "
    "Low-Resource Languages, M.Sc. thesis, DTU Compute and Universitat Politècnica de València, 2024",
}
#: What a reader has to know of an experiment's figures.
NOTES = {
    "ser-classification": "Scores of the checkpoint that SpeechBrain published (the thesis's sections 4.2.1 and 5.1), not of a "
    "model trained for the thesis. It was trained on IEMOCAP, on which utterances is not published: what it scores there holds "
    "training data. The figures on IEMOCAP's test part are SpeechBrain's own report."
}


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
