"""The best that any forecast can be, where the process behind the labels is known: the synthetic conversations.

Of real speech nobody knows how much of the next emotion could be known. The synthetic corpus comes from a process that is
written down (`corpora.synthetic.process`), so the exact Bayes forecast of each event can be computed:

- `CEILING`: from the gold labels of all utterances that ended before t - d, and the true number of turns from there to the
  event. No forecaster that reads labels can know more, and none is told the number of turns: this is *the* ceiling for
  persistence, the Markov chains and whoever reads labels.
- `ATTAINABLE`: from the same labels, the number of turns a mixture over its distribution at that shift in the corpus. What
  remains to a forecaster who does not know how many turns will be spoken.
- `STATES`: from what no label tells: the true mood, how long it has lasted and the emotion acted, for all turns that had
  *begun* before t - d, and the true number of turns. It bounds forecasters that hear, too: a voice may tell more than the
  raters' label, and a turn is heard before it has ended.

Balanced events are no fair draw from the process: of a common class few are kept. Each forecast is restricted to the classes
in play and weighted by the share of each class that was kept, which is Bayes' rule for the events that are tested. A bound
holds on average: on some hundred events a model may be a little above it by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..corpora import table
from ..corpora.synthetic import raters, script
from ..corpora.synthetic.process import NAME
from . import baselines, evaluate, runs
from .filtering import Filter
from .history import Past, gather

CEILING = "ceiling"
ATTAINABLE = "ceiling, turns not known"
STATES = "ceiling, true states"

#: In the order of the table.
BOUNDS: tuple[str, ...] = (ATTAINABLE, CEILING, STATES)


def exists(folder: Path | str) -> bool:
    """Say whether a corpus folder has a ceiling: only where a known process and known raters made its labels.

    MELD's synthetic twin has the process, but labels of its own: its `truth.csv` has no column `gold`.
    """
    file = Path(folder) / "truth.csv"
    return table.is_synthetic(folder) and file.is_file() and "gold" in pd.read_csv(file, nrows=0).columns


def sweep(
    windows: pd.DataFrame,
    utterances: pd.DataFrame,
    folder: Path | str,
    *,
    classes: Sequence[str],
    protocol: str,
    n_splits: int = 5,
    event_sets: Sequence[str] = evaluate.EVENT_SETS,
    random_state: int,
) -> pd.DataFrame:
    """Forecast the events of a sweep as well as can be. Nothing is fitted: a fold is only a mark, as the model's.

    Args:
        windows: the window tables of all shifts in one.
        utterances: all utterances of the corpus, on the clock of the windows.
        folder: the corpus folder, which holds `synthetic.json` and `truth.csv`.
        classes: the emotions in play.
        protocol: how folds are made, as for `evaluate.sweep`.
        n_splits: number of folds.
        event_sets: which of `evaluate.EVENT_SETS`.
        random_state: seed of samples and folds.

    Returns:
        As `baselines.sweep`, for the models `BOUNDS`.

    Raises:
        ValueError: no process is known for this corpus, or it is another one than the code has.
    """
    past, truth = _known(windows, utterances, folder, classes)
    fits = evaluate.plan(
        windows, classes=classes, protocol=protocol, n_splits=n_splits, event_sets=event_sets, random_state=random_state
    )
    points = pd.DataFrame([{**fit.marks, "fit": fit} for fit in fits]).groupby(["place", "shift_s"], sort=False)
    filters: dict[str, Filter] = {}
    tables = [found for _, point in points for found in _point(past, truth, list(point["fit"]), filters)]
    return baselines.ordered(pd.concat(tables, ignore_index=True), BOUNDS, classes=classes)


def _known(
    windows: pd.DataFrame, utterances: pd.DataFrame, folder: Path | str, classes: Sequence[str]
) -> tuple[Past, pd.DataFrame]:
    """The past with the gold labels as the process gave them, and the truth of each utterance, row for row."""
    if not exists(folder):
        raise ValueError(
            f"{Path(folder).name} has no synthetic.json and truth.csv: the process behind its labels is not known, so it has "
            "no ceiling; only the synthetic conversations have one"
        )
    if f'"process": "{NAME}"' not in (Path(folder) / "synthetic.json").read_text(encoding="utf-8"):
        raise ValueError(f"{Path(folder).name} was made by another process than {NAME!r}; make it anew: `make data`")
    truth = pd.read_csv(Path(folder) / "truth.csv").set_index("utterance")
    # "No majority" is an observation too, which the corpus's loader leaves out: the process's own labels are read.
    gold = utterances.assign(emotion=utterances["utterance"].map(truth["gold"]).astype(object))
    past = gather(windows, gold, classes=classes)
    return past, truth.loc[past.utterances["utterance"]].reset_index()


def _point(past: Past, truth: pd.DataFrame, fits: list[runs.Fit], filters: dict[str, Filter]) -> list[pd.DataFrame]:
    """Forecast the events of one event set and shift in all three ways."""
    test = np.concatenate([fit.test for fit in fits])
    events = past.take(test)
    kept = _kept(past, events, fits[0].marks["event_set"])
    for name in set(_scenarios(events)) - set(filters):
        filters[name] = Filter(script.scenario(name))
    forecasts = _forecasts(events, truth, filters)
    marks = {
        **fits[0].marks,
        "fold": np.concatenate([[fit.marks["fold"]] * len(fit.test) for fit in fits]),
        "row": test,
    }
    return [
        baselines.rows(events, _in_play(forecasts[name], events.classes, kept), model=name, **marks) for name in BOUNDS
    ]


def _forecasts(events: Past, truth: pd.DataFrame, filters: dict[str, Filter]) -> dict[str, np.ndarray]:
    """P(gold label) of each event in three ways, (n, 11) each, columns as `raters.GOLD`."""
    steps, lines, scenarios = events.steps(), events.sequences(), _scenarios(events)
    turns = np.bincount(steps - 1) / len(steps)
    found: dict[str, list[np.ndarray]] = {name: [] for name in BOUNDS}
    begun, (moods, emotions) = _begun(events), (truth[name].to_numpy() for name in ("mood", "emotion"))
    turn = events.utterances["turn"].to_numpy()
    for row, (line, scenario) in enumerate(zip(lines, scenarios, strict=True)):
        known = filters[scenario]
        after_labels = known.after(line)
        found[CEILING].append(known.ahead(after_labels, int(steps[row])))
        found[ATTAINABLE].append(known.mixed(after_labels, turns))
        to_event = int(turn[events.event[row]]) - len(begun[row]) + 1
        after_states = known.after_states(list(moods[begun[row]]), list(emotions[begun[row]]))
        found[STATES].append(known.ahead(after_states, to_event))
    return {name: np.array(rows) for name, rows in found.items()}


def _begun(events: Past) -> list[np.ndarray]:
    """List for each window the turns of its dialogue, in order, that began before it ended; not the event's own or later."""
    starts = events.utterances["start_s"].to_numpy(dtype=float)
    turns = events.utterances["turn"].to_numpy()
    begun = []
    for end, event in zip(events.windows["end_s"], events.event, strict=True):
        before = np.arange(event - turns[event], event)  # rows are sorted by dialogue and turn
        begun.append(before[starts[before] < end])
    return begun


def _scenarios(events: Past) -> list[str]:
    return events.windows["scenario"].astype(str).tolist()


def _kept(past: Past, events: Past, event_set: str) -> np.ndarray:
    """Give the share of each class that the sample kept of the events of that set and shift, (c,)."""
    eligible = past.windows["shift_s"].eq(events.windows["shift_s"].iloc[0])
    if event_set == "fixed":
        shifts = past.windows.groupby("utterance")["shift_s"].transform("nunique")
        eligible &= shifts == past.windows["shift_s"].nunique()
    everything = past.windows.loc[eligible, "emotion"].value_counts()
    return events.shares() * len(events) / np.array([everything[name] for name in past.classes])


def _in_play(shares: np.ndarray, classes: list[str], kept: np.ndarray) -> np.ndarray:
    """Restrict forecasts of all labels to the classes in play, weigh them, and bring them to a sum of one: (n, c)."""
    restricted = shares[:, [raters.GOLD.index(name) for name in classes]] * kept
    return restricted / restricted.sum(axis=1, keepdims=True)
