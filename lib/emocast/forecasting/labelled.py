"""Conversations of which only labels and times are at hand: what do labels alone forecast?

MELD's label files are public, its clips are gigabytes. Persistence and Markov chains need no sound, so the bar that a
forecaster on MELD must take can be read off the label files alone, on the very events and folds that it would have.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from .. import windows
from ..corpora import meld_timeline
from . import baselines, company, evaluate, rungs

#: MELD's task: its joy is the project's happiness.
MELD_CLASSES: tuple[str, ...] = ("neutral", "happiness", "sadness")

#: What can be asked without a scenario: no dialogue of MELD is played twice.
MODELS: tuple[str, ...] = tuple(name for name in baselines.of_labels() if name != "scenario prior")


def utterances_of_meld(annotations: pd.DataFrame) -> pd.DataFrame:
    """Put MELD's labels on the clocks of their dialogues, as its recordings have them.

    Utterances of no known moment (labels of over a minute) are left out. One whose label has no length is an event, but
    when it ends is not known without its clip, so it is never heard as a past.

    Args:
        annotations: from `corpora.meld.annotations`.

    Returns:
        One row an utterance: `utterance`, `dialogue`, `session` ("S08E21"), `scenario` (missing), `speaker`, `emotion`,
        `audio` (the dialogue's name), `start_s` and `end_s` in seconds from the dialogue's beginning, `session_offset_s`.
    """
    placed = meld_timeline.place(annotations)
    season, episode = (placed[column].astype(int).astype(str).str.zfill(2) for column in ("season", "episode"))
    return pd.DataFrame(
        {
            **{column: placed[column] for column in ("utterance", "dialogue", "speaker", "emotion")},
            "session": "S" + season + "E" + episode,
            "scenario": pd.NA,
            "audio": placed["dialogue"],
            "start_s": placed["from_s"],
            "end_s": placed["to_s"],
            "session_offset_s": placed["offset_s"],
        }
    ).reset_index(drop=True)


def cut(
    utterances: pd.DataFrame, shifts_s: Sequence[float], *, length_s: float = 10.0, guard_s: float = 0.0
) -> pd.DataFrame:
    """Cut the windows that a forecaster with sound would have.

    Args:
        utterances: all utterances, labelled or not, on the clocks of their dialogues.
        shifts_s: the shifts d in seconds.
        length_s: the windows' length in seconds. No sound is read, but an event without a full window is left out, so that
            the events are those that a forecaster has.
        guard_s: further seconds between a window's end and t - d.

    Returns:
        The window tables of all shifts in one, as `windows.sweep`.

    Raises:
        ValueError: no event has a full window at a shift.
    """
    return windows.sweep(utterances[utterances["emotion"].notna()], shifts_s, length_s=length_s, guard_s=guard_s)


def sweep(
    utterances: pd.DataFrame,
    *,
    shifts_s: Sequence[float],
    classes: Sequence[str] = MELD_CLASSES,
    models: Sequence[str] = MODELS,
    protocol: str = "dialogue",
    n_splits: int = 5,
    length_s: float = 10.0,
    guard_s: float = 0.0,
    event_sets: Sequence[str] = evaluate.EVENT_SETS,
    random_state: int,
) -> pd.DataFrame:
    """Forecast from labels alone, at each shift, the classes balanced.

    Args:
        utterances: all utterances, labelled or not, on the clocks of their dialogues.
        shifts_s: the shifts d in seconds.
        classes: the emotions in play.
        models: names out of `baselines.of_labels()`.
        protocol: how folds are made; a name in `protocols.PROTOCOLS`.
        n_splits: number of folds.
        length_s: the windows' length in seconds, as for `cut`.
        guard_s: further seconds between a window's end and t - d.
        event_sets: which of `evaluate.EVENT_SETS`.
        random_state: seed of samples and folds.

    Returns:
        The predictions, as `baselines.sweep`.
    """
    known = baselines.of_labels()
    return baselines.sweep(
        cut(utterances, shifts_s, length_s=length_s, guard_s=guard_s), utterances,
        models={name: known[name] for name in models}, classes=classes, protocol=protocol,
        n_splits=n_splits, event_sets=event_sets, random_state=random_state,
    )  # fmt: skip


def climb(
    windows: pd.DataFrame,
    utterances: pd.DataFrame,
    protocols: Sequence[str],
    *,
    classes: Sequence[str] = MELD_CLASSES,
    n_splits: int = 5,
    random_state: int,
    progress: bool = True,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Forecast from labels alone on each rung, on the events that have a window at all shifts.

    Args:
        windows: of `cut`.
        utterances: all utterances, labelled or not, on the clocks of their dialogues.
        protocols: the rungs, from the published to the hardest.
        classes: the emotions in play.
        n_splits: number of folds.
        random_state: seed of samples and folds.
        progress: show a bar over the rungs.

    Returns:
        The predictions, as `company.climb` gives them; and of each rung that these labels cannot be asked why not.

    Raises:
        ValueError: no rung can be asked, or a class has no event.
    """
    plan = {"classes": classes, "n_splits": n_splits, "random_state": random_state}
    asked, left_out = rungs.possible(windows, protocols, **plan)
    return company.climb(windows, utterances, asked=asked, progress=progress, **plan), left_out


def table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Boil predictions of several models down to accuracies.

    Args:
        predictions: from `sweep` or `baselines.sweep`.

    Returns:
        One row an event set and model, in their order: `event_set`, `model`, then one column a shift (seconds), in percent.
        A last row of each set, "events", counts the events.
    """
    hit = predictions.assign(accuracy=100.0 * (predictions["emotion"] == predictions["predicted"]))
    points = hit.groupby(["event_set", "model", "shift_s"], sort=False)["accuracy"]
    counts = points.size().groupby(["event_set", "shift_s"], sort=False).first().reset_index(name="accuracy")
    long = pd.concat([points.mean().reset_index(), counts.assign(model="events")], ignore_index=True)
    order = {name: place for place, name in enumerate([*predictions["model"].unique(), "events"])}
    wide = long.pivot_table(
        index=["event_set", "model"], columns="shift_s", values="accuracy", sort=False
    ).reset_index()
    wide = wide.sort_values(["event_set", "model"], key=lambda names: names.map(order).fillna(0), kind="stable")
    return wide.sort_values("event_set", kind="stable").rename_axis(columns=None).reset_index(drop=True)
