"""What is left of a forecast where it is news: the events whose emotion is not the one heard last.

`metrics.shifts` says why. Here the last emotion is looked up for each prediction of a table: by anyone, at or before the
window's end (`history`), so that it is another one at each shift.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from .. import metrics
from .history import gather

_KEYS = ["shift_s", "utterance"]

#: The column that `with_last` adds.
LAST = "last_emotion"


def with_last(
    predictions: pd.DataFrame, windows: pd.DataFrame, utterances: pd.DataFrame, *, classes: Sequence[str]
) -> pd.DataFrame:
    """Say beside each prediction which emotion was heard last before its window ended.

    Args:
        predictions: one row a model, shift and event, with `shift_s` and `utterance`.
        windows: the window tables of all its shifts in one.
        utterances: all utterances of the corpus, labelled or not, on the clock of the windows.
        classes: the emotions in play.

    Returns:
        The table with `LAST`; missing where no labelled utterance was heard.

    Raises:
        ValueError: a prediction's event has no window, or as `history.gather`.
    """
    asked = predictions[_KEYS].drop_duplicates()
    of_events = windows.merge(asked, on=_KEYS)
    if len(of_events) < len(asked):
        raise ValueError(f"{len(asked) - len(of_events)} of {len(asked)} events have no window at their shift")
    past = gather(of_events, utterances, classes=classes)
    last = of_events[_KEYS].assign(**{LAST: past.latest_emotion()})
    return predictions.merge(last, on=_KEYS, how="left", validate="many_to_one")


def only(predictions: pd.DataFrame) -> pd.DataFrame:
    """Keep the predictions of events that change the emotion heard last.

    Args:
        predictions: from `with_last`.
    """
    return predictions[metrics.shift_events(predictions[LAST], predictions["emotion"])]


def scores(
    predictions: pd.DataFrame, *, models: Sequence[str], by: Sequence[str], **options: float | str
) -> pd.DataFrame:
    """Score changes and the rest apart.

    Args:
        predictions: from `with_last`.
        models: which of its models, in the order of the rows; those that it lacks are left out.
        by: the columns that tell the points apart, `model` among them.
        options: those of `metrics.evaluate_forecast`.

    Returns:
        The columns of `by`, `events` ("all", "shift", "stay") and the columns of `metrics.evaluate_forecast`.
    """
    tables, rank = [], {name: place for place, name in enumerate(models)}
    asked = predictions[predictions["model"].isin(models)]
    asked = asked.assign(rank=asked["model"].map(rank)).sort_values("rank", kind="stable").drop(columns="rank")
    for point, rows in asked.groupby(list(by), sort=False):
        table = metrics.evaluate_changes(rows, rows[LAST], **options)
        for place, (name, value) in enumerate(zip(by, point, strict=True)):
            table.insert(place, name, value)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
