"""The best that any forecast can be, where the process behind the labels is known: the synthetic conversations.

`CEILING` is the exact Bayes forecast from the gold labels of all utterances that ended before t - d, and the true number of
turns from there to the event; for `ATTAINABLE` that number is a mixture over its distribution at that shift. `STATES` knows
what no label tells: the true mood, how long it has lasted and the emotion acted, for all turns that had *begun* before t - d;
it bounds forecasters from sound, too. Each is restricted to the classes in play and weighted by the share of each class that
balancing kept. A bound holds on average; on some hundred events a model may be a little above it by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from ..corpora import table
from . import baselines, crossval
from .baselines import Past, gather
from .splits import Split

CEILING, ATTAINABLE, STATES = "ceiling", "ceiling, turns not known", "ceiling, true states"

#: In the order of the table.
BOUNDS: tuple[str, ...] = (ATTAINABLE, CEILING, STATES)


def exists(folder: Path | str) -> bool:
    """Say whether a corpus folder has a ceiling: only where a known process and known raters made its labels.

    MELD's synthetic twin has the process, but labels of its own: its `truth.csv` has no column `gold`.
    """
    file = Path(folder) / "truth.csv"
    return table.is_synthetic(folder) and file.is_file() and "gold" in pd.read_csv(file, nrows=0).columns


def sweep(windows: pd.DataFrame, utterances: pd.DataFrame, folder: Path | str, split: Split) -> pd.DataFrame:
    """Forecast the fixed events of a sweep as well as can be. Nothing is fitted: a fold is only a mark, as the model's.

    `folder` is that of the corpus, with `synthetic.json` and `truth.csv`; ValueError where no process is known for it, or
    another one than the code has. The rest is as in `baselines.sweep`, for the models `BOUNDS`.
    """
    from emocast_twins.process import NAME

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
    past = gather(windows, gold, classes=split.classes)
    truth = truth.loc[past.utterances["utterance"]].reset_index()
    everywhere = windows.groupby("utterance")["shift_s"].transform("nunique") == windows["shift_s"].nunique()
    tables, filters = [], cache(Filter)
    for shift, fits in groupby(crossval.plan(windows, split), key=lambda fit: fit.marks["shift_s"]):
        folds = list(fits)
        test = np.concatenate([fit.test for fit in folds])
        numbers = np.concatenate([[fit.marks["fold"]] * len(fit.test) for fit in folds])
        events, marks = past.take(test), {**folds[0].marks, "fold": numbers, "row": test}
        # The share of each class that the sample kept of the events.
        available = windows.loc[everywhere & windows["shift_s"].eq(shift), "emotion"].value_counts()
        kept = events.shares() * len(test) / np.array([available[name] for name in past.classes])
        for name, shares in _forecasts(events, truth, filters).items():
            shares = shares * kept
            tables.append(baselines.rows(events, shares / shares.sum(axis=1, keepdims=True), model=name, **marks))
    return baselines.ordered(pd.concat(tables, ignore_index=True), BOUNDS, classes=split.classes)


def _forecasts(events: Past, truth: pd.DataFrame, filters: Callable[[str], Filter]) -> dict[str, np.ndarray]:
    """P(gold label) of each event in three ways, (n, c) each: of the classes in play, not summing to one."""
    from emocast_twins.process import GOLD

    steps, scenarios = events.steps(), events.windows["scenario"].astype(str)
    turns = np.bincount(steps - 1) / len(steps)
    found: dict[str, list[np.ndarray]] = {name: [] for name in BOUNDS}
    moods, emotions = (truth[name].to_numpy() for name in ("mood", "emotion"))
    starts, turn = (events.utterances[name].to_numpy() for name in ("start_s", "turn"))
    rows = zip(events.sequences(), scenarios, steps, events.windows["end_s"], events.event, strict=True)
    for line, scenario, step, end, event in rows:
        known = filters(scenario)
        after_labels = known.after(line)
        found[CEILING].append(known.ahead(after_labels, int(step)))
        mixed = (share * known.ahead(after_labels, ahead) for ahead, share in enumerate(turns, start=1) if share > 0)
        found[ATTAINABLE].append(sum(mixed))
        before = np.arange(event - turn[event], event)  # rows are sorted by dialogue and turn
        begun = before[starts[before] < end]
        after_states = known.after_states(list(moods[begun]), list(emotions[begun]))
        found[STATES].append(known.ahead(after_states, int(turn[event]) - len(begun) + 1))
    columns = [GOLD.index(name) for name in events.classes]
    return {name: np.array(shares)[:, columns] for name, shares in found.items()}


class Filter:
    """The exact distribution over the states of one scenario's process, (384,): (mood, turns it has left, emotion acted).

    It is the forward variable of a hidden Markov model (Rabiner 1989, https://doi.org/10.1109/5.18626), kept for each sequence
    that was met, since the pasts of a dialogue's events begin alike; the step to labels some turns ahead is a small matrix.
    """

    def __init__(self, scenario: str) -> None:
        """Set up for what is played, by its name."""
        from emocast_twins import process

        self._process, self._gold, self._channel = process, process.GOLD, process.channel()
        played = process.scenario(scenario)
        self._transition = process.PROCESS.transition(played)
        self._copies = len(process.MOODS) * process.LONGEST
        self._after: dict[tuple[str | None, ...], np.ndarray] = {(): process.PROCESS.start(played).ravel()}
        self._ahead = [np.tile(self._channel, (self._copies, 1))]
        self._after_state: dict[tuple[int, int, int], np.ndarray] = {}

    def after(self, labels: tuple[str | None, ...]) -> np.ndarray:
        """Find P(state of the next turn | labels of all turns before it); None is a label that is not known."""
        if labels not in self._after:
            seen = self.after(labels[:-1])
            if labels[-1] is not None:
                seen = seen * np.tile(self._channel[:, self._gold.index(labels[-1])], self._copies)
            self._after[labels] = seen / seen.sum() @ self._transition
        return self._after[labels]

    def after_states(self, moods: Sequence[str], emotions: Sequence[str]) -> np.ndarray:
        """Find P(state of the next turn) from the true moods and acted emotions of all turns before it.

        The moods tell how many turns the present one has lasted; its durations, how likely each number of further ones is.
        """
        if not moods:
            return self._after[()]
        process = self._process
        lasted = next((back for back, mood in enumerate(reversed(moods)) if mood != moods[-1]), len(moods))
        now = mood, _, emotion = process.MOODS.index(moods[-1]), lasted, process.STATES.index(emotions[-1])
        if now not in self._after_state:
            left = process.PROCESS.durations[mood, lasted - 1 :]
            state = np.zeros((len(process.MOODS), process.LONGEST, len(process.STATES)))
            state[mood, : len(left), emotion] = left / left.sum()
            self._after_state[now] = state.ravel() @ self._transition
        return self._after_state[now]

    def ahead(self, states: np.ndarray, steps: int) -> np.ndarray:
        """P(gold label), (11,), columns as `process.GOLD`, from P(state of the next turn), which is 1 step ahead."""
        while len(self._ahead) < steps:
            self._ahead.append(self._transition @ self._ahead[-1])
        return states @ self._ahead[steps - 1]
