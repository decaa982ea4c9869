"""What had been said when a window ends: the past of each event, and nothing of its future.

A baseline that reads labels is only fair if it reads none from after t - d. So the cut is made here, once: an utterance is
in the past if it *ended* at or before its event's window does (t - d, and the guard before it). Every baseline asks a `Past`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .. import labels as vocabulary
from .. import metrics

#: Whose latest utterance is meant: anyone's; the event's own speaker's; the latest that lies wholly within the window; the
#: latest whose label is one of the classes in play.
WHICH: tuple[str, ...] = ("anyone", "speaker", "window", "in play")

# Seconds: bounds are sums of decimals, and less than this is their rounding.
_ROUNDING_S = 1e-6

#: The column that `with_last` adds.
LAST = "last_emotion"

_KEYS = ["shift_s", "utterance"]


@dataclass(frozen=True, eq=False)
class Past:
    """The events of a window table and the utterances that ended before each.

    Attributes:
        windows: one row an event and shift.
        utterances: one row an utterance, by dialogue and start, with `turn` (its number in the dialogue, from 0).
        labels: the emotion of each utterance, None where it is not known or withheld, (m,).
        ended: for each window the positions of the utterances that ended before it does, by their end, the latest last.
        event: for each window the position of its event's utterance, (n,).
        classes: the emotions in play, in the project's order.
        sound: an embedding of each utterance, (m, d); None where no baseline needs it.
    """

    windows: pd.DataFrame
    utterances: pd.DataFrame
    labels: np.ndarray
    ended: list[np.ndarray]
    event: np.ndarray
    classes: list[str]
    sound: np.ndarray | None = None

    def __len__(self) -> int:
        """The number of windows."""
        return len(self.windows)

    def take(self, rows: np.ndarray) -> Past:
        """Keep some windows; of the utterances all stay."""
        ended = [self.ended[row] for row in rows]
        return dataclasses.replace(self, windows=self.windows.iloc[rows], ended=ended, event=self.event[rows])

    def without(self, utterances: Iterable[str]) -> Past:
        """Withhold the labels of some utterances, so that nothing can be fitted on them."""
        secret = self.utterances["utterance"].isin(set(utterances)).to_numpy()
        return dataclasses.replace(self, labels=np.where(secret, None, self.labels))

    @property
    def emotion(self) -> np.ndarray:
        """What is to be forecast: the emotion of each event, (n,)."""
        return self.windows["emotion"].to_numpy(dtype=object)

    def latest(self, which: str = "anyone", *, back: int = 1, labelled: bool = True) -> np.ndarray:
        """Find the utterance that ended last: positions in `utterances`, (n,); -1 where there is none.

        Args:
            which: one of `WHICH`, else a ValueError.
            back: 1 for the latest, 2 for the one before it, and so on; only utterances that count are counted.
            labelled: whether an utterance without a label is passed over.
        """
        if which not in WHICH:
            raise ValueError(f"unknown kind of latest utterance {which!r}; known are {', '.join(WHICH)}")
        counts = pd.notna(self.labels) if labelled else np.ones(len(self.labels), dtype=bool)
        if which == "in play":
            counts = pd.Series(self.labels).isin(self.classes).to_numpy()
        speaker, start = (self.utterances[column].to_numpy(dtype=object) for column in ("speaker", "start_s"))
        own, begin = (self.windows[column].to_numpy(dtype=object) for column in ("speaker", "start_s"))
        found = np.full(len(self), -1)
        for row, ended in enumerate(self.ended):
            usable = ended[counts[ended]]
            if which == "speaker":
                usable = usable[speaker[usable] == own[row]]
            elif which == "window":
                usable = usable[start[usable] >= begin[row] - _ROUNDING_S]
            if len(usable) >= back:
                found[row] = usable[-back]
        return found

    def latest_emotion(self, which: str = "anyone", *, back: int = 1) -> np.ndarray:
        """Name the emotion of `latest`, None where there is none, (n,); by "anyone" the one from which a shift event shifts."""
        places = self.latest(which, back=back)
        return np.where(places >= 0, self.labels[places], None)

    def sequences(self) -> list[tuple[str | None, ...]]:
        """List for each window the labels of its dialogue up to the last turn that ended; None if not known or not over."""
        turns, lines = self.utterances["turn"].to_numpy(), []
        for ended in self.ended:
            line: list[str | None] = [None] * (int(turns[ended].max(initial=-1)) + 1)
            for place in ended:
                line[turns[place]] = self.labels[place]
            lines.append(tuple(line))
        return lines

    def steps(self) -> np.ndarray:
        """Count the turns from the last one that ended (or the start) to the event, at least 1, (n,): nobody knows it then."""
        turns = self.utterances["turn"].to_numpy()
        last = np.array([turns[ended].max(initial=-1) for ended in self.ended], dtype=int)
        return np.maximum(turns[self.event] - last, 1)

    def shares(self) -> np.ndarray:
        """Give each class's share of the events, (c,): the prior, where these are the training events."""
        counts = np.array([(self.emotion == name).sum() for name in self.classes], dtype=float)
        return counts / counts.sum()


def gather(
    windows: pd.DataFrame, utterances: pd.DataFrame, *, classes: Sequence[str], sound: np.ndarray | None = None
) -> Past:
    """Find the past of each window: what had been said before its end.

    Args:
        windows: a window table, of one shift or of several.
        utterances: the utterance table of the same corpus, *all* utterances, labelled or not: `utterance`, `dialogue`,
            `speaker`, `start_s` and `end_s` on the clock of the windows (an end that is missing is never reached), and
            `emotion`.
        classes: the emotions in play.
        sound: an embedding of each utterance, (m, d), row for row those of `utterances`.

    Raises:
        ValueError: an event is no utterance of the table, or there is not one embedding an utterance.
    """
    if sound is not None and len(sound) != len(utterances):
        raise ValueError(f"{len(utterances)} utterances but {len(sound)} embeddings; they belong together row for row")
    order = np.lexsort([utterances["end_s"], utterances["start_s"], utterances["dialogue"].astype(str)])
    table = utterances.iloc[order].reset_index(drop=True)
    table = table.assign(turn=table.groupby("dialogue", sort=False).cumcount())
    place = pd.Index(table["utterance"]).get_indexer(windows["utterance"])
    if (place < 0).any():
        stranger = windows["utterance"].iloc[int(np.argmin(place))]
        raise ValueError(
            f"the event {stranger!r} is not in the utterance table; give the table that its window is cut from"
        )
    emotion = table["emotion"].astype(object)
    labels = emotion.where(emotion.notna(), None).to_numpy(dtype=object)
    ordered = vocabulary.ordered(classes)
    return Past(windows, table, labels, _ended(windows, table), place, ordered, None if sound is None else sound[order])


def _ended(windows: pd.DataFrame, table: pd.DataFrame) -> list[np.ndarray]:
    """List for each window the utterances that ended at or before its end, by their end."""
    ends = table["end_s"].to_numpy(dtype=float)
    of_dialogue = {}
    for dialogue, places in table.groupby("dialogue", sort=False).indices.items():
        ended = places[~np.isnan(ends[places])]
        of_dialogue[dialogue] = ended[np.argsort(ends[ended], kind="stable")]
    found = []
    for dialogue, end in windows[["dialogue", "end_s"]].itertuples(index=False):
        places = of_dialogue[dialogue]
        found.append(places[: np.searchsorted(ends[places], end + _ROUNDING_S, side="right")])
    return found


def with_last(
    predictions: pd.DataFrame, windows: pd.DataFrame, utterances: pd.DataFrame, *, classes: Sequence[str]
) -> pd.DataFrame:
    """Say beside each prediction, by its `shift_s` and `utterance`, which emotion was the last before its window ended.

    Takes the window tables of all shifts in one, and all utterances of the corpus, as `gather`, whose errors it has; ValueError
    too where an event has no window. Returns the table with `LAST`, missing where no labelled utterance had ended.
    """
    asked = predictions[_KEYS].drop_duplicates()
    events = windows.merge(asked, on=_KEYS)
    if len(events) < len(asked):
        raise ValueError(f"{len(asked) - len(events)} of {len(asked)} events have no window at their shift")
    last = events[_KEYS].assign(**{LAST: gather(events, utterances, classes=classes).latest_emotion()})
    return predictions.merge(last, on=_KEYS, how="left", validate="many_to_one")


def only_changes(predictions: pd.DataFrame) -> pd.DataFrame:
    """Keep, of a table from `with_last`, the predictions of events that change the last emotion."""
    return predictions[metrics.shift_events(predictions[LAST], predictions["emotion"])]
