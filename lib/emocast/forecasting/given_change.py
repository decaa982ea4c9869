"""Who is told that the emotion changes, and nothing else of what comes: what a forecast of changes has to beat.

On events that change the emotion the last one heard is a wrong answer by definition. So who always names another one is right
there once in k - 1, not once in k, and has forecast nothing. Two such references: a uniform guess among the others, and a
Markov chain whose last emotion is struck out, which knows what usually follows. Both know more than a forecaster can, that
there is a change; and both are wrong on every event that changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from .. import metrics
from . import baselines, changes
from .changes import LAST
from .history import Past
from .markov import Markov

#: The names of the two in tables and figures.
CHAIN, GUESS = "Markov chain, given a change", "uniform guess, given a change"


class MarkovGivenChange(Markov):
    """A Markov chain that is told that the last emotion does not stay: its row without that emotion, brought back to one.

    It is fitted as the chain is; an event with no emotion before it, or with one that is not in play, has the chain's own row.
    """

    def predict_proba(self, past: Past) -> np.ndarray:
        """As `Forecaster.predict_proba`; the last emotion has the probability 0."""
        last = past.latest_emotion().astype(str)
        shares = super().predict_proba(past) * (last[:, np.newaxis] != self.classes_)
        return shares / shares.sum(axis=1, keepdims=True)


def sweep(
    windows: pd.DataFrame,
    utterances: pd.DataFrame,
    *,
    classes: Sequence[str],
    protocol: str,
    n_splits: int = 5,
    random_state: int,
) -> pd.DataFrame:
    """Cross-validate the chain on one rung, on the fixed events and the folds of `company.climb` with the same arguments.

    Args:
        windows: the window tables of some shifts in one, as for `company.climb`.
        utterances: all utterances of the corpus, labelled or not, on the clock of the windows.
        classes: the emotions in play.
        protocol: the rung.
        n_splits: number of folds.
        random_state: seed of samples and folds.

    Returns:
        One row a shift and event, as `changes.with_last` gives them, with `protocol` and `model`.

    Raises:
        ValueError: as `baselines.sweep`.
    """
    found = baselines.sweep(
        windows, utterances, models={CHAIN: MarkovGivenChange()}, classes=classes, protocol=protocol, n_splits=n_splits,
        event_sets=["fixed"], random_state=random_state,
    )  # fmt: skip
    return changes.with_last(found.assign(protocol=protocol), windows, utterances, classes=classes)


def guess_hits(last_emotion: pd.Series, emotion: pd.Series, *, classes: Sequence[str]) -> pd.Series:
    """Say how often the uniform guess is right: exactly, so that no draw has to stand for it.

    Args:
        last_emotion: the emotion heard last before each event, (n,); missing where none was.
        emotion: the emotion of each event, (n,).
        classes: the k emotions in play.

    Returns:
        The probability of a hit, (n,): 0 where the last emotion stays, 1 / (k - 1) where another of the classes follows it,
        1 / k where the last emotion is none of the classes, or missing.
    """
    others = len(classes) - last_emotion.isin(classes).astype(int)
    return (1 / others).where(last_emotion.ne(emotion), 0.0)


def hits(events: pd.DataFrame, *, models: Sequence[str], classes: Sequence[str]) -> pd.DataFrame:
    """Say of each event who is right on it: models by 0 or 1, the uniform guess by how often.

    Args:
        events: predictions of one rung and shift, with model, utterance and `LAST`.
        models: whose; those that the table lacks are left out.
        classes: the emotions in play.

    Returns:
        One row an event that all of them have, named by its utterance: `dialogue`, a column a model, and `GUESS`.
    """
    asked = events[events["model"].isin(models)]
    right = asked.assign(right=asked["emotion"].eq(asked["predicted"]).astype(float))
    table = right.pivot(index="utterance", columns="model", values="right").dropna()
    facts = asked.drop_duplicates("utterance").set_index("utterance").loc[table.index]
    guessed = guess_hits(facts[LAST], facts["emotion"], classes=classes)
    return table.assign(**{GUESS: guessed, "dialogue": facts["dialogue"]}).rename_axis(columns=None)


def scores(
    predictions: pd.DataFrame, *, models: Sequence[str], classes: Sequence[str], **options: float | str
) -> pd.DataFrame:
    """Score changes and the rest apart, the uniform guess among the others.

    Args:
        predictions: of one rung, as `changes.with_last` gives them.
        models: which, in the order of the rows, `GUESS` where it shall stand; those that the table lacks are left out.
        classes: the emotions in play.
        options: level, draws, method and random_state of the intervals.

    Returns:
        The table of `changes.scores` by `shift_s` and `model`. Of the guess it has the expected accuracy alone; its interval
        says how much hangs on the events.
    """
    table = changes.scores(predictions, models=models, by=["shift_s", "model"], **options)
    asked = predictions.drop_duplicates(["shift_s", "utterance"])
    rows = [row for shift, events in asked.groupby("shift_s") for row in _of_guess(shift, events, classes, options)]
    rank = {name: place for place, name in enumerate(models)}
    both = pd.concat([table, pd.DataFrame(rows)], ignore_index=True)
    order = np.lexsort([both["model"].map(rank), both["shift_s"]])  # stable: the kinds of events keep their order
    return both.iloc[order].reset_index(drop=True)


def _of_guess(
    shift: float, events: pd.DataFrame, classes: Sequence[str], options: dict[str, float | str]
) -> Iterator[dict[str, object]]:
    """The guess's rows at one shift, a kind of event each."""
    right = guess_hits(events[LAST], events["emotion"], classes=classes)
    changed = metrics.shift_events(events[LAST], events["emotion"])
    kinds = {"all": np.ones(len(events), bool), "shift": changed, "stay": ~changed & events[LAST].notna().to_numpy()}
    for kind, chosen in ((kind, chosen) for kind, chosen in kinds.items() if chosen.any()):
        dialogues = events.loc[chosen, "dialogue"]
        low, high = metrics.loss_interval(right[chosen], dialogues, **options)
        counts = {"n": int(chosen.sum()), "groups": dialogues.nunique()}
        ends = {"accuracy": right[chosen].mean(), "accuracy_low": low, "accuracy_high": high}
        yield {"shift_s": shift, "model": GUESS, "events": kind, **counts, **ends}
