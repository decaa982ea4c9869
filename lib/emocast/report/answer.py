"""The opening of the site: the one figure that answers the first question, and sentences computed from its table.

What a run can show depends on what it ran: `FIGURES` lists the candidates, the fullest first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from .. import profile as profiles
from .finished import Finished

#: The table of what may be claimed, where a run has it: notebook, table.
CLAIMS = ("07_is_it_forecasting", "claims")


@dataclass(frozen=True)
class Answer:
    """What the first page opens with.

    Attributes:
        run: the notebook that it is from.
        figure: one of its figures (`Finished.figures`).
        sentences: what the figure's table says, in words.
    """

    run: Finished
    figure: dict
    sentences: list[str]


def find(runs: list[Finished], profile: profiles.Profile) -> Answer | None:
    """The first of `FIGURES` that a run has; None where it has none."""
    for notebook, figure, table, speak in FIGURES:
        run = next((run for run in runs if run.name == notebook), None)
        shown = next((one for one in run.figures if one["name"] == figure), None) if run else None
        if shown and (run.folder / f"{table}.csv").is_file():
            return Answer(run, shown, speak(pd.read_csv(run.folder / f"{table}.csv"), profile))
    return None


def claims(runs: list[Finished]) -> pd.DataFrame | None:
    """The table of what may be claimed, as text; None where no notebook made it."""
    notebook, table = CLAIMS
    folders = [run.folder for run in runs if run.name == notebook and (run.folder / f"{table}.csv").is_file()]
    return pd.read_csv(folders[0] / f"{table}.csv", dtype=str).fillna("") if folders else None


def _of_sweep(table: pd.DataFrame, profile: profiles.Profile) -> list[str]:
    """Of notebook 05's accuracy by shift (percent)."""
    rows = table[table["event_set"].eq("fixed")].sort_values("shift_s")
    chance = 100 / len(profile.tasks[profile.sweep_task])
    ends = rows.iloc[[0, -1]] if len(rows) > 1 else rows
    said = [
        f"{row.shift_s:g} s ahead the forecast is right in {row.accuracy:.0f} % of the events "
        f"[{row.accuracy_low:.0f}, {row.accuracy_high:.0f}]"
        for row in ends.itertuples()
    ]
    protocol = f"under the {profile.split.protocol} division, where chance is {chance:.0f} %"
    return [f"{'; '.join(said)}, {protocol}."]


def _of_accuracy(table: pd.DataFrame, profile: profiles.Profile) -> list[str]:
    """Of notebook 04's test accuracies (fractions)."""
    rows = table.dropna(subset=["low"]).groupby("task", sort=False).first()
    return [
        f"{task}, {row['series']}: right in {row['value']:.0%} [{row['low']:.0%}, {row['high']:.0%}] of the events, "
        f"where chance is {row['chance']:.0%}."
        for task, row in rows.iterrows()
    ]


#: Notebook, figure, the table behind it, what says in words what the table holds.
FIGURES: tuple[tuple[str, str, str, Callable[[pd.DataFrame, profiles.Profile], list[str]]], ...] = (
    ("05_time_shift_sweep", "sweep", "sweep", _of_sweep),
    ("04_forecasting_fcdnn", "accuracy", "accuracy_beside_published", _of_accuracy),
)
