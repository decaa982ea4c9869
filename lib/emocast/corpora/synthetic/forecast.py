"""The best possible forecast of a gold label from the gold labels before it: forward filtering of the known process.

This is the ceiling for any method that sees labels only. It knows the scenario, all numbers of the process and of the
raters, and leaves no probability to guesswork: the filter keeps the exact distribution over the chain's 384 states
(Rabiner 1989, https://doi.org/10.1109/5.18626, the forward variable of a hidden Markov model).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emocast.corpora.synthetic import raters
from emocast.corpora.synthetic.process import LONGEST, MOODS, PROCESS, STATES, Process
from emocast.corpora.synthetic.script import Scenario


def observation(label: str | None) -> np.ndarray:
    """Give P(gold label | state) for the states of the expanded chain.

    Args:
        label: one of `raters.GOLD` (`xxx` is an observation too), or None for a turn of which nothing is known.

    Returns:
        Shape (384,), in the order of `Process.start(scenario).ravel()`.

    Raises:
        ValueError: the label is not one of `raters.GOLD`.
    """
    if label is None:
        return np.ones(len(MOODS) * LONGEST * len(STATES))
    if label not in raters.GOLD:
        raise ValueError(f"unknown gold label {label!r}; the raters give {', '.join(raters.GOLD)}, or None if unseen")
    return np.tile(raters.channel()[:, raters.GOLD.index(label)], len(MOODS) * LONGEST)


def predictions(labels: Sequence[str | None], scenario: Scenario, *, process: Process = PROCESS) -> np.ndarray:
    """Filter the states of a dialogue one turn ahead.

    Args:
        labels: the gold labels of the dialogue's first turns.
        scenario: what is played.
        process: where the emotions come from.

    Returns:
        Shape (len(labels) + 1, 384): row i is P(state of turn i | labels before turn i).

    Raises:
        ValueError: a label is unknown, or cannot occur.
    """
    transition = process.transition(scenario)
    rows = [process.start(scenario).ravel()]
    for label in labels:
        seen = rows[-1] * observation(label)
        if seen.sum() == 0:
            raise ValueError(f"the raters never give the label {label!r}: this is no dialogue of the process")
        rows.append(seen / seen.sum() @ transition)
    return np.stack(rows)


def _labels(states: np.ndarray) -> np.ndarray:
    """Turn distributions over states, shape (n, 384), into distributions over gold labels, shape (n, 11)."""
    return states.reshape(len(states), -1, len(STATES)).sum(axis=1) @ raters.channel()


def forecast(
    history: Sequence[str | None], scenario: Scenario, steps_ahead: int = 1, *, process: Process = PROCESS
) -> np.ndarray:
    """Forecast one gold label.

    Args:
        history: the gold labels of turns 0 to n-1, possibly none; None where a label is not known.
        scenario: what is played.
        steps_ahead: which turn is forecast, counted from the last one of the history: turn n - 1 + steps_ahead.
        process: where the emotions come from.

    Returns:
        P(gold label), shape (11,), columns as `raters.GOLD`, summing to one.

    Raises:
        ValueError: `steps_ahead` is below 1, or a label is unknown.
    """
    if steps_ahead < 1:
        raise ValueError(f"steps_ahead={steps_ahead}: only a later turn can be forecast, so at least 1")
    ahead = np.linalg.matrix_power(process.transition(scenario), steps_ahead - 1)
    return _labels(predictions(history, scenario, process=process)[-1:] @ ahead)[0]


def forecasts(
    labels: Sequence[str | None], scenario: Scenario, *, steps_ahead: int = 1, process: Process = PROCESS
) -> np.ndarray:
    """Forecast every turn of a dialogue from the labels that are at least `steps_ahead` turns older.

    Args:
        labels: the gold labels of all n turns.
        scenario: what is played.
        steps_ahead: distance in turns between the last label seen and the one forecast.
        process: where the emotions come from.

    Returns:
        Shape (n, 11): row i is `forecast(labels[: i + 1 - steps_ahead], ...)` of turn i; the first rows see no label.

    Raises:
        ValueError: as `forecast`.
    """
    if steps_ahead < 1:
        raise ValueError(f"steps_ahead={steps_ahead}: only a later turn can be forecast, so at least 1")
    transition = process.transition(scenario)
    rows = [process.start(scenario).ravel()]
    while len(rows) < steps_ahead:
        rows.append(rows[-1] @ transition)
    seen = predictions(labels, scenario, process=process) @ np.linalg.matrix_power(transition, steps_ahead - 1)
    return _labels(np.stack([*rows[:-1], *seen])[: len(labels)])
