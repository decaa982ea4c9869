"""What had been said when a window ends: the past of each event, and nothing of its future.

A baseline that reads labels is only fair if it reads none from after t - d. So the cut is made here, once: an utterance is
*heard* if it ended at or before its event's window does (t - d, and the guard before it). Every baseline asks a `Past`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .. import labels as vocabulary

#: Whose latest utterance is meant: anyone's; the event's own speaker's; the latest that lies wholly within the window; the
#: latest whose label is one of the classes in play.
WHICH: tuple[str, ...] = ("anyone", "speaker", "window", "in play")

# Seconds: bounds are sums of decimals, and less than this is their rounding.
_ROUNDING_S = 1e-6


@dataclass(frozen=True, eq=False)
class Past:
    """The events of a window table and the utterances heard before each.

    Attributes:
        windows: one row an event and shift.
        utterances: one row an utterance, by dialogue and start, with `turn` (its number in the dialogue, from 0).
        labels: the emotion of each utterance, None where it is not known or withheld, (m,).
        heard: for each window the positions of the utterances heard, by their end, the latest last.
        event: for each window the position of its event's utterance, (n,).
        classes: the emotions in play, in the project's order.
        sound: an embedding of each utterance, (m, d); None where no baseline needs it.
    """

    windows: pd.DataFrame
    utterances: pd.DataFrame
    labels: np.ndarray
    heard: list[np.ndarray]
    event: np.ndarray
    classes: list[str]
    sound: np.ndarray | None = None

    def __len__(self) -> int:
        """The number of windows."""
        return len(self.windows)

    def take(self, rows: np.ndarray) -> Past:
        """Keep some windows; of the utterances all stay."""
        heard = [self.heard[row] for row in rows]
        return dataclasses.replace(self, windows=self.windows.iloc[rows], heard=heard, event=self.event[rows])

    def without(self, utterances: Iterable[str]) -> Past:
        """Withhold the labels of some utterances, so that nothing can be fitted on them."""
        secret = self.utterances["utterance"].isin(set(utterances)).to_numpy()
        return dataclasses.replace(self, labels=np.where(secret, None, self.labels))

    @property
    def emotion(self) -> np.ndarray:
        """What is to be forecast: the emotion of each event, (n,)."""
        return self.windows["emotion"].to_numpy(dtype=object)

    def latest(self, which: str = "anyone", *, back: int = 1, labelled: bool = True) -> np.ndarray:
        """Find the utterance heard latest.

        Args:
            which: one of `WHICH`.
            back: 1 for the latest, 2 for the one before it, and so on; only utterances that count are counted.
            labelled: whether an utterance without a label is passed over.

        Returns:
            Positions in `utterances`, (n,); -1 where there is none.

        Raises:
            ValueError: `which` is unknown.
        """
        if which not in WHICH:
            raise ValueError(f"unknown kind of latest utterance {which!r}; known are {', '.join(WHICH)}")
        counts = self._usable(which, labelled)
        speaker, start = (self.utterances[column].to_numpy(dtype=object) for column in ("speaker", "start_s"))
        own, begin = (self.windows[column].to_numpy(dtype=object) for column in ("speaker", "start_s"))
        found = np.full(len(self), -1)
        for row, heard in enumerate(self.heard):
            usable = heard[counts[heard]]
            if which == "speaker":
                usable = usable[speaker[usable] == own[row]]
            elif which == "window":
                usable = usable[start[usable] >= begin[row] - _ROUNDING_S]
            if len(usable) >= back:
                found[row] = usable[-back]
        return found

    def latest_emotion(self, which: str = "anyone", *, back: int = 1) -> np.ndarray:
        """Name the emotion of `latest`, None where there is none, (n,).

        With `which="anyone"` this is the emotion from which a shift event shifts.
        """
        places = self.latest(which, back=back)
        return np.where(places >= 0, self.labels[places], None)

    def sequences(self) -> list[tuple[str | None, ...]]:
        """List for each window the labels of its dialogue up to the last turn heard; None where one is not known.

        A turn that began before that one and has not ended is None too: it is not heard yet.
        """
        turns = self.utterances["turn"].to_numpy()
        return [_sequence(turns[heard], self.labels[heard]) for heard in self.heard]

    def steps(self) -> np.ndarray:
        """Count the turns from the last one heard to the event, at least 1, (n,); where none was heard, from the start.

        At the time of the forecast nobody knows this number: a forecaster may use its distribution in the training.
        """
        turns = self.utterances["turn"].to_numpy()
        last = np.array([turns[heard].max(initial=-1) for heard in self.heard], dtype=int)
        return np.maximum(turns[self.event] - last, 1)

    def shares(self) -> np.ndarray:
        """Give each class's share of the events, (c,): the prior, where these are the training events."""
        counts = np.array([(self.emotion == name).sum() for name in self.classes], dtype=float)
        return counts / counts.sum()

    def _usable(self, which: str, labelled: bool) -> np.ndarray:
        """Say of each utterance whether its label lets it count, (m,)."""
        if which == "in play":
            return pd.Series(self.labels).isin(self.classes).to_numpy()
        return pd.notna(self.labels) if labelled else np.ones(len(self.labels), dtype=bool)


def gather(
    windows: pd.DataFrame,
    utterances: pd.DataFrame,
    *,
    classes: Sequence[str],
    sound: np.ndarray | None = None,
) -> Past:
    """Find what was heard before each window's end.

    Args:
        windows: a window table, of one shift or of several.
        utterances: the utterance table of the same corpus, *all* utterances, labelled or not: `utterance`, `dialogue`,
            `speaker`, `start_s` and `end_s` on the clock of the windows (an end that is missing is never reached), and
            `emotion`.
        classes: the emotions in play.
        sound: an embedding of each utterance, (m, d), row for row those of `utterances`.

    Returns:
        The past of each window.

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
    return Past(windows, table, labels, _heard(windows, table), place, ordered, None if sound is None else sound[order])


def _heard(windows: pd.DataFrame, table: pd.DataFrame) -> list[np.ndarray]:
    """List for each window the utterances that ended at or before its end, by their end."""
    ends = table["end_s"].to_numpy(dtype=float)
    of_dialogue = {}
    for dialogue, places in table.groupby("dialogue", sort=False).indices.items():
        ended = places[~np.isnan(ends[places])]
        of_dialogue[dialogue] = ended[np.argsort(ends[ended], kind="stable")]
    sorted_ends = {dialogue: ends[places] for dialogue, places in of_dialogue.items()}
    heard = []
    for dialogue, end in windows[["dialogue", "end_s"]].itertuples(index=False):
        count = np.searchsorted(sorted_ends[dialogue], end + _ROUNDING_S, side="right")
        heard.append(of_dialogue[dialogue][:count])
    return heard


def _sequence(turns: np.ndarray, labels: np.ndarray) -> tuple[str | None, ...]:
    """Put labels at their turns, with None between."""
    line: list[str | None] = [None] * (int(turns.max(initial=-1)) + 1)
    for turn, label in zip(turns, labels, strict=True):
        line[turn] = label
    return tuple(line)
