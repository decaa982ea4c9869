"""Windows: for each event, the seconds of conversation before it; and classes evened out before anything is split.

An event is an utterance whose emotion is forecast; its onset is t. Its window at shift d is the audio [t - L - d, t - d]
(preprint, "Shifting the Forecasting Windows", with L = 10 s). With a guard g the window ends g seconds earlier still, for
labels whose onset is not exact. A window is always whole: an event that has less than that before it is dropped, never
padded. Of a window one voice may be kept (`of_voice`), or nothing but who spoke when (`turn_taking`).

The preprint evens out IEMOCAP's unequal emotions by undersampling ("Datasets"). Its test sets of 391, 587 and 782 events
(Tables 1 to 3) are 20 % of two, three and four times 977, the number of excitement events that have a window: so every class
in play is cut to the size of the smallest, before the split. The thesis tests each recogniser on equally many utterances of
four classes (5.1): 1,087 a class of CREMA-D as the actors were asked, 353 as listeners rated, 62 of EmoDB, 201 of ShEMO: the
same cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from .audio import Voice
from .corpora.table import OPTIONAL

#: What a window table tells of its event, taken over from the utterance table.
EVENT_COLUMNS = ("utterance", "dialogue", "session", "scenario", "speaker", "emotion", "audio")


def before(
    events: pd.DataFrame,
    *,
    shift_s: float = 0.0,
    length_s: float,
    guard_s: float = 0.0,
    eligible_at_s: float | None = None,
) -> pd.DataFrame:
    """Cut the window before each event.

    Args:
        events: rows of an utterance table; the onset t of each is its `start_s`, its utterance lasts until `end_s`.
        shift_s: d, how far back the window's end lies from the event, in seconds.
        length_s: L, the window's length in seconds.
        guard_s: further seconds between the window's end and t - d.
        eligible_at_s: keep only events that have a full window at this shift too; by default all that have one at `shift_s`.

    Returns:
        One row an event that has a full window: `EVENT_COLUMNS`, what the events have of `corpora.table.OPTIONAL` (but their
        words, which nobody has heard yet), onset_s and utterance_end_s (where the event's own utterance lies), shift_s,
        start_s, end_s (the window's bounds), all in seconds within `audio`.

    Raises:
        ValueError: a negative shift or guard, a length that is not positive, an `eligible_at_s` below `shift_s`.
    """
    eligible_at_s = shift_s if eligible_at_s is None else eligible_at_s
    if shift_s < 0 or guard_s < 0 or length_s <= 0 or eligible_at_s < shift_s:
        raise ValueError(
            f"no window of {length_s} s at shift {shift_s} s with a guard of {guard_s} s, eligible at {eligible_at_s} s: "
            "the length must be positive, shift and guard not negative, eligible_at_s not below shift_s"
        )
    onset = events["start_s"]
    full = onset >= length_s + guard_s + eligible_at_s
    end = onset[full] - shift_s - guard_s
    carried = [*EVENT_COLUMNS, *(column for column in OPTIONAL if column in events.columns and column != "text")]
    windows = events.loc[full, carried].assign(
        onset_s=onset[full],
        utterance_end_s=events.loc[full, "end_s"],
        shift_s=float(shift_s),
        start_s=(end - length_s).clip(lower=0.0),
        end_s=end,
    )
    return windows.reset_index(drop=True)


def sweep(events: pd.DataFrame, shifts_s: Sequence[float], *, length_s: float, guard_s: float = 0.0) -> pd.DataFrame:
    """Cut the windows of all shifts d (seconds), each with all the events that it can have; the rest as for `before`.

    Returns:
        The window tables of the shifts one under the other. An event appears at each shift at which it has a full window;
        those that appear at every shift are the fixed event set. ValueError where no event has one at a shift.
    """
    if events.empty:
        raise ValueError("there is no event: no utterance of the corpus has one of the classes that the tasks name")
    tables = [before(events, shift_s=shift, length_s=length_s, guard_s=guard_s) for shift in shifts_s]
    for shift, table in zip(shifts_s, tables, strict=True):
        if table.empty:
            raise ValueError(
                f"no event has a full window at the shift {shift:g} s: it needs {length_s + guard_s + shift:g} s before it, "
                f"and the latest begins at {events['start_s'].max():.1f} s; take the shift out of windows.shifts_s"
            )
    return pd.concat(tables, ignore_index=True)


def by_turns(
    events: pd.DataFrame, utterances: pd.DataFrame, turns: Sequence[int], *, length_s: float, guard_s: float = 0.0
) -> pd.DataFrame:
    """Cut windows that lie turns ahead, not seconds: h turns ahead, a window ends when the turn h before its event has ended.

    Shahriar and Kim (2019, FG) forecast one, two or three turns of one speaker ahead; here every turn of the dialogue counts,
    labelled or not, in order of start. Turns overlap. One that lasts on after the event's onset is heard up to the onset. And
    where a turn between the two has ended earlier (a "yes" amid a long turn), the window ends with it, so that a window
    farther ahead never hears more. The onsets of turns that begin before the window's end are within it.

    Args:
        events, length_s, guard_s: as for `before`.
        utterances: all utterances of the corpus, on the clock of the events; after one whose end is missing nothing is cut.
        turns: the numbers h, from 1.

    Returns:
        The window tables of all h one under the other, as `sweep` gives them, with h as `shift_s`, and `ahead_s`, the seconds
        that lie between the window's end and the onset. An event with fewer turns before it, or no full window, is left out.
    """
    if min(turns) < 1:
        raise ValueError(f"a window lies at least one turn ahead of its event; asked for {list(turns)}")
    table = utterances.sort_values(["dialogue", "start_s", "end_s"], kind="stable").set_index("utterance")
    end, ends, tables = table["start_s"], table.groupby("dialogue", sort=False)["end_s"], []
    windows = before(events, length_s=length_s, guard_s=guard_s)
    for ahead in range(1, max(turns) + 1):
        end = np.minimum(end, ends.shift(ahead))  # missing where there is no such turn
        own = windows["utterance"].map(end) - guard_s
        bounds = {"start_s": own - length_s, "end_s": own, "ahead_s": windows["onset_s"] - own}
        tables += [windows.assign(shift_s=float(ahead), **bounds)[own >= length_s]] if ahead in turns else []
    return pd.concat(tables, ignore_index=True)


def of_voice(
    windows: pd.DataFrame, utterances: pd.DataFrame, *, whose: str, microphone: Callable[[str], int] | None = None
) -> pd.DataFrame:
    """Mark windows so that `store.embed` and `audio.read` keep one voice: the event's "own" speaker's, or the "partner"'s.

    Args:
        windows: a window table.
        utterances: all turns of the corpus, labelled or not; one of unknown end is left out.
        whose: "own", or "partner": everybody else of the dialogue.
        microphone: speaker -> channel, as `Corpus.microphone`; None where voices have none of their own.

    Returns:
        The table with the column `voice`, an `audio.Voice`. It holds all turns of the dialogue, but what is kept of a window
        does not depend on those that begin after it, nor on when a turn ends that goes on.
    """
    if whose not in ("own", "partner"):
        raise ValueError(f"unknown voice {whose!r}; there is 'own' and 'partner'")
    known = utterances.dropna(subset=["end_s"]).groupby("dialogue")
    talks, voices = {name: turns[["speaker", "start_s", "end_s"]] for name, turns in known}, {}
    pairs = list(zip(windows["dialogue"], windows["speaker"], strict=True))
    for dialogue, speaker in set(pairs):
        turns = talks[dialogue][talks[dialogue]["speaker"].eq(speaker) == (whose == "own")]
        channels = {microphone(name) for name in turns["speaker"]} if microphone else set()
        bounds = tuple(zip(turns["start_s"].tolist(), turns["end_s"].tolist(), strict=True))
        voices[dialogue, speaker] = Voice(bounds, channels.pop() if len(channels) == 1 else None)
    return windows.assign(voice=[voices[pair] for pair in pairs])


def turn_taking(windows: pd.DataFrame, utterances: pd.DataFrame) -> pd.DataFrame:
    """Say who spoke when in each window, without labels and sound: what turn-taking alone tells.

    Takes a window table and all turns of the corpus. Turns that begin at a window's end or later are not seen; one that goes on
    lasts until there. Of speech long ago no more is known than that it was before the window.

    Returns one row a window: the shares with speech of the event's `own` speaker, of a `partner`, of both (`overlap`) and of
    none (`silence`); how many `own_turns` and `partner_turns`; in seconds `mean_pause` and `last_pause` (0 without one), the
    `last_turn` (the latest to begin), and `own_since` and `partner_since` each spoke; `own_last`, 1 if that turn is own.
    """
    talks = {name: turns.sort_values("start_s", kind="stable") for name, turns in utterances.groupby("dialogue")}
    talks = {name: [turns[c].to_numpy() for c in ("speaker", "start_s", "end_s")] for name, turns in talks.items()}
    asked = windows[["dialogue", "speaker", "start_s", "end_s"]].itertuples(index=False)
    rows = [_taken(*talks[dialogue], speaker, begin, end) for dialogue, speaker, begin, end in asked]
    return pd.DataFrame(rows, index=windows.index)


def _taken(
    who: np.ndarray, starts: np.ndarray, ends: np.ndarray, speaker: str, begin: float, end: float
) -> dict[str, float]:
    """One row of `turn_taking`, of the turns of a dialogue by their start and a window from `begin` to `end` seconds."""
    seen = starts < end - 1e-6
    own, starts, ends = who[seen] == speaker, starts[seen], np.fmin(ends[seen], end)
    edges = np.unique(np.clip([begin, end, *starts, *ends], begin, end))
    middle, length = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    speaking = (starts <= middle[:, np.newaxis]) & (middle[:, np.newaxis] < ends)
    by = {"own": speaking[:, own].any(axis=1), "partner": speaking[:, ~own].any(axis=1)}
    silent = ~(by["own"] | by["partner"])
    changes = np.flatnonzero(np.diff(silent, prepend=False, append=False)).reshape(-1, 2)
    pauses = [length[first:last].sum() for first, last in changes]
    shares = {**by, "overlap": by["own"] & by["partner"], "silence": silent}
    row = {name: length[where].sum() / (end - begin) for name, where in shares.items()}
    for name, mine in {"own": own, "partner": ~own}.items():
        within = mine & (ends > begin)
        row[f"{name}_turns"] = within.sum()
        row[f"{name}_since"] = end - ends[within].max(initial=begin)
    row |= {"mean_pause": np.mean(pauses or [0.0]), "last_pause": pauses[-1] if pauses else 0.0}
    return row | {"last_turn": (ends - starts)[-1] if seen.any() else 0.0, "own_last": float(own[-1:].any())}


def undersample(
    table: pd.DataFrame, *, classes: Sequence[str], random_state: int | np.random.Generator
) -> pd.DataFrame:
    """The rows of a table of events or utterances that `undersampled_positions` keeps, with their order and index."""
    return table.iloc[undersampled_positions(table["emotion"], classes=classes, random_state=random_state)]


def undersampled_positions(
    labels: pd.Series, *, classes: Sequence[str], random_state: int | np.random.Generator
) -> np.ndarray:
    """Cut every class in play at random to the size of the smallest one; rows of other classes, or of none, are dropped.

    Args:
        labels: the class of each row, (n,).
        classes: the classes in play, in any order; ValueError where one has no row, or is named twice.
        random_state: seed or generator of the draw.

    Returns:
        The positions within `labels` that are kept, ascending: (classes x smallest size).
    """
    classes = list(classes)
    if not classes or len(set(classes)) < len(classes):
        raise ValueError(f"the classes in play are {classes}: name at least one, and each once")
    positions = {name: np.flatnonzero(labels.eq(name).fillna(False).to_numpy(dtype=bool)) for name in classes}
    counts = {name: len(found) for name, found in positions.items()}
    for name, count in counts.items():
        if count == 0:
            raise ValueError(f"no row of the class {name!r}, so nothing can be balanced; found {counts}")
    generator = np.random.default_rng(random_state)
    smallest = min(counts.values())
    chosen = [generator.choice(positions[name], size=smallest, replace=False) for name in sorted(classes)]
    return np.sort(np.concatenate(chosen))
