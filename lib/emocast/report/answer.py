"""The opening of the site: the one figure that answers the first question, and sentences computed from its tables.

What a run can show depends on what it ran: `OPENINGS` lists the candidates, the fullest first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .. import profile as profiles
from .finished import Finished

#: What may be claimed, where a run has it: notebook, table, and the table's columns that a reader needs.
CLAIMS = ("07_is_it_forecasting", "claims", ["claim", "evidence", "verdict", "meaning"])
#: Rungs of the ladder that stand for an honest division, the first that was asked counts.
HONEST = ("session", "episode", "dialogue")


@dataclass(frozen=True)
class Answer:
    """What the first page opens with.

    Attributes:
        run: the notebook that it is from.
        figure: one of its figures (`Finished.figures`).
        sentences: what the figure's tables say, in words.
        scores: numbers behind them, as text with a named index; None where the sentences hold them all.
    """

    run: Finished
    figure: dict
    sentences: list[str]
    scores: pd.DataFrame | None = None


@dataclass(frozen=True)
class Opening:
    """A figure that can open the site: its notebook and name, the tables behind it, and what says these in words."""

    notebook: str
    figure: str
    tables: tuple[str, ...]
    say: Callable[..., tuple[list[str], pd.DataFrame | None]]


def find(runs: list[Finished], profile: profiles.Profile) -> Answer | None:
    """The first of `OPENINGS` that a run has whole; None where it has none."""
    for opening in OPENINGS:
        run = next((run for run in runs if run.name == opening.notebook), None)
        figure = next((figure for figure in run.figures if figure["name"] == opening.figure), None) if run else None
        files = [_file(run, table) for table in opening.tables] if run else []
        if figure and all(file.is_file() for file in files):
            sentences, scores = opening.say(*(pd.read_csv(file) for file in files), profile=profile)
            aside = [*_against_the_better(runs), *_memory(run.folder, profile)]
            return Answer(run, figure, [*sentences[:2], *aside, *sentences[2:]], scores)
    return None


def claims(runs: list[Finished]) -> pd.DataFrame | None:
    """The table of what may be claimed, as text; None where no notebook made it."""
    notebook, table, columns = CLAIMS
    files = [_file(run, table) for run in runs if run.name == notebook]
    if not files or not files[0].is_file():
        return None
    found = pd.read_csv(files[0], dtype=str).fillna("")
    if "shift_s" in found:
        at_one = ~found["claim"].str.startswith("How far ahead")  # those say by themselves where they were asked
        found.loc[at_one, "evidence"] += "; at " + found["shift_s"] + " s"
    return found[columns]


def _file(run: Finished, table: str) -> Path:
    return run.folder / f"{table}.csv"


#: What the words of the ladder's figure mean, for who meets them here first.
TERMS = (
    "What each division holds apart between training and test: nothing (random), shared seconds of sound "
    "(purged), dialogues, speakers, sessions, sessions and scenarios; where each session has speakers of its own, as in "
    "IEMOCAP, speakers and sessions are the same division. Persistence repeats the last true emotion before the window ends; "
    "audio persistence hears the last utterance and repeats what it recognises. A ceiling is the best possible forecast "
    "where the process behind the labels is known: from the labels heard and the number of turns to the event, from the "
    "labels alone (turns not known), or from the true states that no label tells. All are measured on the same events, those "
    "that have a window at every shift, and a forecast may lie above its ceiling on them by chance, within the intervals. "
    "Notebook 04 asks more events, at the first shift alone, so its verdicts can differ."
)

_Said = tuple[list[str], pd.DataFrame | None]


def _of_ladder(points: pd.DataFrame, differences: pd.DataFrame, *, profile: profiles.Profile) -> _Said:
    """Of notebook 05's ladder: what the intervals say, and every model at the first shift, as published and held apart."""
    from ..forecasting import findings  # here: it imports torch

    asked = list(dict.fromkeys(points["protocol"]))
    honest = next((name for name in HONEST if name in asked), asked[-1])
    start = points["shift_s"].min()
    rows = points[points["shift_s"].eq(start) & points["protocol"].isin([asked[0], honest])]
    scores = rows.assign(score=[_percent(row) for row in rows.itertuples()])
    scores = scores.pivot_table("score", "model", "protocol", aggfunc="first", sort=False).fillna("")
    scores = scores.add_suffix(" division").rename_axis(f"right at a shift of {start:g} s")
    short = _in_short(points[points["protocol"].eq(honest)], differences, 100 / len(profile.tasks[profile.sweep_task]))
    return [*short, findings.finding(differences, level=profile.intervals.level), TERMS], scores


#: How a sentence goes on after "it stays above chance ...", by the verdict of the model against persistence.
_AGAINST = {
    "above": "and does better than repeating the last true emotion",
    "below": "and does worse than repeating the last true emotion",
    "open": "but is not shown to do better than repeating the last true emotion",
}


def _in_short(points: pd.DataFrame, differences: pd.DataFrame, chance: float) -> list[str]:
    """The answer in a sentence and its numbers: the network beside chance and persistence under one division; or none."""
    from ..forecasting import protocols
    from ..forecasting.baselines import PERSISTENCE
    from ..forecasting.rungs import MODEL

    at = points.sort_values("shift_s").set_index("model")
    if MODEL not in at.index or PERSISTENCE not in at.index:
        return []
    model, repeated = at.loc[[MODEL]], at.loc[[PERSISTENCE]]
    protocol, start = at["protocol"].iloc[0], at["shift_s"].iloc[0]
    above = model["accuracy_low"].gt(chance).cummin()
    reach = f"up to {model.loc[above, 'shift_s'].max():g} s ahead" if above.any() else "at no distance"
    asked = differences["baseline"].eq(PERSISTENCE) & differences["protocol"].eq(protocol)
    return [
        f"In short, with {protocols.PROTOCOLS[protocol]} held apart: the network is above chance {reach}, "
        f"{_AGAINST[differences.loc[asked, 'verdict'].iloc[0]]}.",
        f"{start:g} s ahead it is right on {_percent(next(model.itertuples()))} of the events, where chance is {chance:.0f} % "
        f"and repeating the last true emotion {_percent(next(repeated.itertuples()))}.",
    ]


def _against_the_better(runs: list[Finished]) -> list[str]:
    """What notebook 07 says of the better of two ways to repeat the last emotion, one sentence; none where it has not run."""
    notebook, table, _ = CLAIMS
    files = [_file(run, table) for run in runs if run.name == notebook]
    if not files or not files[0].is_file():
        return []
    found = pd.read_csv(files[0])
    found = found[found["claim"].str.startswith("It beats repeating")].set_index("protocol")
    ways = "Held against the better of two ways to repeat it, that of the last emotion or of the last one in play"
    honest = [name for name in HONEST if name in found.index]
    return [f"{ways}: {found.loc[name, 'evidence']}: a gain is {found.loc[name, 'verdict']}." for name in honest[:1]]


def _memory(folder: Path, profile: profiles.Profile) -> list[str]:
    """What the encoder knows of the events of the ladder, one sentence; none where it knows nothing of them."""
    from ..forecaster import held_out
    from ..forecasting import rungs

    if not (folder / rungs.FILE).is_file():
        return []
    events = pd.read_parquet(folder / rungs.FILE, columns=["utterance"])["utterance"].astype(str)
    known = held_out.encoder_words({"data": {"encoder": held_out.encoder(profile, events)}})
    said = f"{known[:1].upper()}{known[1:]}: no division takes that back, and notebook 07 asks how much of the score it is."
    return [said] if known else []


def _of_sweep(table: pd.DataFrame, *, profile: profiles.Profile) -> _Said:
    """Of notebook 05's accuracy by shift."""
    rows = table[table["event_set"].eq("fixed")].sort_values("shift_s")
    chance = 100 / len(profile.tasks[profile.sweep_task])
    ends = rows.iloc[[0, -1]] if len(rows) > 1 else rows
    said = "; ".join(f"at a shift of {row.shift_s:g} s {_percent(row)}" for row in ends.itertuples())
    return [
        f"Right forecasts under the {profile.split.protocol} division, where chance is {chance:.0f} %: {said}."
    ], None


def _of_accuracy(table: pd.DataFrame, *, profile: profiles.Profile) -> _Said:
    """Of notebook 04's test accuracies (fractions)."""
    rows = table.dropna(subset=["low"]).groupby("task", sort=False).first()
    said = [
        f"{task}, {row['series']}: right in {row['value']:.0%} [{row['low']:.0%}, {row['high']:.0%}] of the events, "
        f"where chance is {row['chance']:.0%}."
        for task, row in rows.iterrows()
    ]
    return said, None


def _percent(row: tuple) -> str:
    return f"{row.accuracy:.0f} % [{row.accuracy_low:.0f}, {row.accuracy_high:.0f}]"


OPENINGS: tuple[Opening, ...] = (
    Opening("05_time_shift_sweep", "ladder", ("ladder", "ladder_differences"), _of_ladder),
    Opening("05_time_shift_sweep", "sweep", ("sweep",), _of_sweep),
    Opening("04_forecasting_fcdnn", "accuracy", ("accuracy_beside_published",), _of_accuracy),
)
