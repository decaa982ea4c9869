"""The best that any forecast can be, where the process behind the labels is known: the synthetic conversations.

`CEILING` is the exact Bayes forecast from the gold labels of all utterances that ended before t - d, and who speaks the turns
from there to the event; for `ATTAINABLE` their number is a mixture over its distribution at that shift. `STATES` knows what no
label tells: the emotion acted and its speaker's role in all turns that had *begun* before t - d; it bounds forecasters from
sound, too. Each is restricted to the classes in play and weighted by the share of each class that
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
from . import crossval
from .baselines import Past, gather
from .splits import Split

CEILING, ATTAINABLE, STATES = "ceiling", "ceiling, turns not known", "ceiling, true states"

BOUNDS: tuple[str, ...] = (ATTAINABLE, CEILING, STATES)  # in the order of the table


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
    fits = sorted(crossval.plan(windows, split), key=lambda fit: (fit.marks["shift_s"], fit.marks["seed"]))
    for shift, of_shift in groupby(fits, key=lambda fit: fit.marks["shift_s"]):
        by_seed = [list(of_seed) for _, of_seed in groupby(of_shift, key=lambda fit: fit.marks["seed"])]
        asked = np.unique(np.concatenate([fit.test for folds in by_seed for fit in folds]))
        found = _forecasts(past.take(asked), truth, filters)  # an event once, however many seeds have it
        available = windows.loc[everywhere & windows["shift_s"].eq(shift), "emotion"].value_counts()
        for folds in by_seed:
            test = np.concatenate([fit.test for fit in folds])
            numbers = np.concatenate([[fit.marks["fold"]] * len(fit.test) for fit in folds])
            events, marks = past.take(test), {**folds[0].marks, "fold": numbers, "row": test}
            # The share of each class that the sample kept of the events.
            kept = events.shares() * len(test) / np.array([available[name] for name in past.classes])
            for name, of_asked in found.items():
                shares = of_asked[np.searchsorted(asked, test)] * kept
                shares = shares / shares.sum(axis=1, keepdims=True)
                tables.append(crossval.tabled(events.windows, shares, past.classes, model=name, **marks))
    return crossval.ordered(pd.concat(tables, ignore_index=True), models=BOUNDS)


def _forecasts(events: Past, truth: pd.DataFrame, filters: Callable[[str], Filter]) -> dict[str, np.ndarray]:
    """P(gold label) of each event in three ways, (n, c) each: of the classes in play, not summing to one."""
    from emocast_twins.process import GOLD

    steps, scenarios = events.steps(), events.windows["scenario"].astype(str)
    shares = np.bincount(steps - 1) / len(steps)
    found: dict[str, list[np.ndarray]] = {name: [] for name in BOUNDS}
    turns = events.utterances
    starts, number = (turns[name].to_numpy() for name in ("start_s", "turn"))
    names = turns.groupby("dialogue")["speaker"].rank("dense").to_numpy(dtype=int) - 1  # 0 and 1 of each dialogue
    acted = [*zip(*(truth[name] for name in ("role", "emotion")), strict=True)]
    rows = zip(events.sequences(), scenarios, events.windows["end_s"], events.event, strict=True)
    for line, scenario, end, event in rows:
        known, first = filters(scenario), event - number[event]  # rows are sorted by dialogue and turn
        who = names[first : event + 1].tolist()
        after_labels = known.after(tuple(zip(who, line, strict=False)))
        found[CEILING].append(known.ahead(after_labels, who[len(line) :]))
        last = who[len(line) - 1] if line else None
        found[ATTAINABLE].append(known.at_some_turn(after_labels, shares, last=last, event=who[-1]))
        begun = int((starts[first:event] < end).sum())
        after_states = known.after_states(who[:begun], acted[first : first + begun])
        found[STATES].append(known.ahead(after_states, who[begun:]))
    columns = [GOLD.index(name) for name in events.classes]
    return {name: np.array(shares)[:, columns] for name, shares in found.items()}


class Filter:
    """The exact distribution over the roles and moods of two speakers in one scenario (`process.SHAPE`).

    It is the forward variable of a hidden Markov model (Rabiner 1989, https://doi.org/10.1109/5.18626), kept for each sequence
    that was met, since the pasts of a dialogue's events begin alike. Speakers are 0 and 1; which is which plays no part.
    """

    def __init__(self, scenario: str) -> None:
        """Set up for what is played, by its name."""
        from emocast_twins import process

        self._names, self._gold, self._channel = process.STATES, process.GOLD, process.channel()
        self._process, self._played = process.PROCESS, process.scenario(scenario)
        self._after: dict[tuple, np.ndarray] = {(): self._process.start(self._played)}
        self._worth: dict[int, list[np.ndarray]] = {}

    def after(self, turns: tuple[tuple[int, str | None], ...]) -> np.ndarray:
        """Find P(roles and moods | speakers and labels of all turns so far); None is a label that is not known."""
        if turns not in self._after:
            speaker, label = turns[-1]
            states = self._process.turn(self.after(turns[:-1]), self._played, speaker)
            if label is not None:
                states = self._process.seen(states, speaker, self._channel[:, self._gold.index(label)])
            self._after[turns] = states
        return self._after[turns]

    def after_states(self, who: Sequence[int], acted: Sequence[tuple[str, str]]) -> np.ndarray:
        """Find P(roles and moods) from the true role and emotion of all turns so far, by who spoke them."""
        states, sure = self._after[()], np.eye(len(self._names))
        for speaker, (role, emotion) in zip(who, acted, strict=True):
            states = self._process.turn(states, self._played, speaker)
            states = self._process.seen(
                states, speaker, sure[self._names.index(emotion)], sure[self._names.index(role)]
            )
        return states

    def ahead(self, states: np.ndarray, speakers: Sequence[int]) -> np.ndarray:
        """P(gold label), (11,), columns as `process.GOLD`, of the last of some turns to come, by who speaks them."""
        for speaker in speakers:
            states = self._process.turn(states, self._played, speaker)
        return self._process.moods(states, speakers[-1]) @ self._channel

    def at_some_turn(self, states: np.ndarray, shares: np.ndarray, *, last: int | None, event: int) -> np.ndarray:
        """P(gold label) where the event is of the speaker `event`, so many turns ahead with the `shares` of 1, 2, ... turns.

        Who speaks in between is not known; `last` spoke last, None if nobody did. Not summing to one.
        """
        worth = sum(share * of_turn for share, of_turn in zip(shares, self._ahead(event, len(shares)), strict=False))
        of_last = worth.mean(axis=0) if last is None else worth[last]
        return states.ravel() @ of_last.reshape(states.size, -1)

    def _ahead(self, event: int, turns: int) -> list[np.ndarray]:
        """P(the speaker `event` takes the turn 1, 2, ... ahead, gold label | who spoke last, states): (2, *SHAPE, 11) each."""
        change, found = self._process.change, self._worth.setdefault(event, [])
        spoken = np.array([[1 - change, change], [change, 1 - change]])  # by who spoke last, who speaks
        while len(found) < turns:
            if found:
                values = found[-1]
            else:
                shape = [-1 if axis == 2 + event else 1 for axis in range(4)]
                labels = self._channel.reshape(*shape, len(self._gold))
                values = np.zeros((2, *self._after[()].shape, len(self._gold)))
                values[event] = labels
            before = [self._process.expected(values[who], self._played, who) for who in (0, 1)]
            found.append(np.einsum("lw,w...->l...", spoken, np.stack(before)))
        return found
