"""What a labelled conversation looks like to a forecaster: which emotion follows which, and what lies before an event.

All functions take an utterance table with dialogues and look at nothing else. "The turn before" is the labelled turn before
in the same dialogue: one on which the raters did not agree says nothing of its emotion and is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .. import labels, metrics

#: Whose turn was before: the name of the rows of `repeats`.
ANY, SAME_SPEAKER, OTHER_SPEAKER = "any turn before", "the same speaker's", "another speaker's"
#: Parts of a window, as `speech` names them.
PARTS = ("speaker to come", "others", "both at once", "silence")


def pairs(utterances: pd.DataFrame) -> pd.DataFrame:
    """Labelled turns with the labelled turn before them.

    Args:
        utterances: an utterance table, sorted by dialogue and start as loaders sort it.

    Returns:
        One row a labelled turn that is not its dialogue's first: dialogue, emotion, previous (the emotion of the turn before),
        same_speaker.
    """
    labelled = utterances.dropna(subset=["emotion", "dialogue"])
    before = labelled.groupby("dialogue")[["emotion", "speaker"]].shift()
    followed = before["emotion"].notna()
    return pd.DataFrame(
        {
            "dialogue": labelled["dialogue"],
            "emotion": labelled["emotion"],
            "previous": before["emotion"],
            "same_speaker": (labelled["speaker"] == before["speaker"]).fillna(False),
        }
    )[followed]


def transitions(utterances: pd.DataFrame) -> pd.DataFrame:
    """How often each emotion follows each.

    Args:
        utterances: as for `pairs`.

    Returns:
        Counts: index `previous`, columns the emotion that follows, both all emotions of the table in the project's order.
    """
    found = pairs(utterances)
    order = labels.ordered(utterances["emotion"].dropna())
    counts = pd.crosstab(found["previous"], found["emotion"])
    return counts.reindex(index=order, columns=order, fill_value=0).rename_axis(index="previous", columns="emotion")


def repeats(utterances: pd.DataFrame, *, level: float, draws: int, random_state: int) -> pd.DataFrame:
    """How often a turn has the emotion of the turn before, beside what chance alone would give.

    Args:
        utterances: as for `pairs`.
        level: of the interval, between 0 and 1.
        draws: of whole dialogues, for the interval.
        random_state: seed of the draws.

    Returns:
        One row a kind of turn before (`ANY`, `SAME_SPEAKER`, `OTHER_SPEAKER`; those that occur), by `turn_before`:

        - pairs; p_same with low and high, its interval by dialogues
        - independent: what p_same would be if the two turns' emotions had nothing to do with one another
        - shuffled: what it would be if each dialogue kept its emotions but not their order; above `independent` by the mood
          of dialogues, and p_same above it by what passes from turn to turn
    """
    found = pairs(utterances)
    kinds = {
        ANY: found,
        SAME_SPEAKER: found[found["same_speaker"]],
        OTHER_SPEAKER: found[~found["same_speaker"]],
    }
    within = _alike_within(utterances)
    options = {"level": level, "draws": draws, "random_state": random_state}
    rows = {kind: _repeat(chosen, within, options) for kind, chosen in kinds.items() if len(chosen)}
    columns = ["pairs", "p_same", "low", "high", "independent", "shuffled"]
    return (
        pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("turn_before").astype({"pairs": int})
    )


def history(utterances: pd.DataFrame, *, seconds: Sequence[float] = (10, 20, 30)) -> pd.DataFrame:
    """How many labelled turns have so many seconds of their dialogue's recording before them.

    Args:
        utterances: as for `pairs`.
        seconds: the lengths.

    Returns:
        Columns seconds, emotion, events (labelled turns), enough (those with so much before them), share.
    """
    labelled = utterances.dropna(subset=["emotion", "dialogue"])
    tables = [
        labelled.assign(seconds=float(length), enough=labelled["start_s"] >= length)
        .groupby(["seconds", "emotion"], as_index=False)
        .agg(events=("enough", "size"), enough=("enough", "sum"), share=("enough", "mean"))
        for length in seconds
    ]
    return pd.concat(tables, ignore_index=True)


def speech(windows: pd.DataFrame, utterances: pd.DataFrame) -> pd.DataFrame:
    """Whose speech a window holds, by the labels' times: a pause within a turn counts as speech.

    Args:
        windows: a window table (`windows.before`) with dialogue, speaker (of the event), start_s, end_s.
        utterances: the utterance table of the events, with the turns that have no label.

    Returns:
        Shares of each window, columns `PARTS`, which add up to 1; index as `windows`.
    """
    shares = pd.DataFrame(np.nan, index=windows.index, columns=list(PARTS))
    turns = {dialogue: rows for dialogue, rows in utterances.groupby("dialogue")}
    for dialogue, chosen in windows.groupby("dialogue"):
        spoken = turns[dialogue]
        starts, ends = spoken["start_s"].to_numpy(), spoken["end_s"].to_numpy()
        speakers = spoken["speaker"].to_numpy()
        for row in chosen.itertuples():
            own = speakers == row.speaker
            shares.loc[row.Index] = _parts(starts, ends, own, (row.start_s, row.end_s))
    return shares


def _alike_within(utterances: pd.DataFrame) -> pd.Series:
    """Dialogue -> the chance that two of its labelled turns, drawn without putting back, have the same emotion."""
    labelled = utterances.dropna(subset=["emotion", "dialogue"])
    counts = labelled.groupby(["dialogue", "emotion"]).size()
    alike = (counts * (counts - 1)).groupby("dialogue").sum()
    sizes = counts.groupby("dialogue").sum()
    return (alike / (sizes * (sizes - 1)).where(sizes > 1)).dropna()


def _repeat(found: pd.DataFrame, within: pd.Series, options: dict) -> list:
    """One row of `repeats`."""
    emotion, previous = found["emotion"].to_numpy(dtype=object), found["previous"].to_numpy(dtype=object)
    dialogue = found["dialogue"].to_numpy(dtype=object)
    low, high = (float("nan"),) * 2
    if len(set(dialogue)) > 1:
        low, high = metrics.bootstrap_interval(emotion, previous, dialogue, metric="accuracy", **options)
    shares = [found[column].value_counts(normalize=True) for column in ("emotion", "previous")]
    independent = shares[0].mul(shares[1], fill_value=0.0).sum()
    return [
        len(found),
        float((emotion == previous).mean()),
        low,
        high,
        independent,
        found["dialogue"].map(within).mean(),
    ]


def _parts(starts: np.ndarray, ends: np.ndarray, own: np.ndarray, window: tuple[float, float]) -> list[float]:
    """The four shares of one window."""
    length = window[1] - window[0]
    of_own, of_others, of_any = (
        _covered(starts[chosen], ends[chosen], window) / length for chosen in (own, ~own, np.ones_like(own))
    )
    both = of_own + of_others - of_any
    return [of_own - both, of_others - both, both, 1 - of_any]


def _covered(starts: np.ndarray, ends: np.ndarray, window: tuple[float, float]) -> float:
    """Seconds of a window that at least one span covers."""
    starts, ends = np.clip(starts, *window), np.clip(ends, *window)
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], ends[order]
    reach = np.maximum.accumulate(np.concatenate([[window[0]], ends]))[:-1]  # how far the spans before each have come
    return float(np.clip(ends - np.maximum(starts, reach), 0, None).sum())
