"""A hidden semi-Markov model of label sequences: moods that last for a number of turns and colour what is said in them.

A hidden state stays for a number of turns of its own distribution, then another one follows (no state follows on itself);
each turn's label depends on the state. Fitted by EM (the explicit-duration model of Yu 2010,
https://doi.org/10.1016/j.artint.2009.11.011, in the form with the remaining time as part of the state). The last segment
of a sequence is cut off by its end and counted as such: the forward pass leaves open how long it would have lasted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

#: A label that is not known.
UNKNOWN = -1

# Pseudo-counts of EM, in turns and segments: a fold has a few dozen segments, and a zero there would be a zero for ever.
# Durations have more cells than a fold has segments to fill, so theirs weigh more.
_SMOOTHING = 0.1
_DURATION_SMOOTHING = 0.5

# The mean of the first guess of the durations, in turns; EM moves from there.
_FIRST_DURATION = 5.0


class Segments(NamedTuple):
    """The model's numbers, for k states, durations of 1 to d turns and v labels.

    `start` (k,), `jump` (k, k) with a zero diagonal, `duration` (k, d), `emission` (k, v): each row sums to one.
    """

    start: np.ndarray
    jump: np.ndarray
    duration: np.ndarray
    emission: np.ndarray

    def first(self) -> np.ndarray:
        """Give P(state, turns that remain after this one) of the first turn, (k, d)."""
        return self.start[:, np.newaxis] * self.duration

    def step(self, states: np.ndarray) -> np.ndarray:
        """Move distributions over (state, remaining) on by a turn, (..., k, d)."""
        entered = (states[..., 0] @ self.jump)[..., np.newaxis] * self.duration
        entered[..., :-1] += states[..., 1:]
        return entered

    def likelihood(self, symbols: np.ndarray) -> np.ndarray:
        """Give P(label | state), (..., k): ones where the label is `UNKNOWN`."""
        known = (symbols != UNKNOWN)[..., np.newaxis]
        return np.where(known, self.emission.T[symbols], 1.0)

    def ahead(self, states: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Forecast labels at a turn that is not known for sure.

        Args:
            states: distributions over (state, remaining) of the next turn, (n, k, d).
            weights: P(the label is wanted of the next turn, the one after it, ...), summing to one.

        Returns:
            P(label), (n, v).
        """
        shares = np.zeros((len(states), self.emission.shape[1]))
        for weight in weights:
            shares += weight * (states.sum(axis=2) @ self.emission)
            states = self.step(states)
        return shares


def filtered(model: Segments, sequences: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Find where the process stands after each sequence.

    Args:
        model: the numbers.
        sequences: labels by number, `UNKNOWN` where one is not known; a sequence may be empty.

    Returns:
        P(state, remaining) of the turn after each sequence, (n, k, d).
    """
    symbols, lengths = _padded(sequences)
    states = np.tile(model.first(), (len(sequences), 1, 1))
    for turn in range(symbols.shape[1]):
        seen = states * model.likelihood(symbols[:, turn])[:, :, np.newaxis]
        moved = model.step(seen / seen.sum(axis=(1, 2), keepdims=True))
        states = np.where((turn < lengths)[:, np.newaxis, np.newaxis], moved, states)
    return states


@lru_cache(maxsize=128)
def fit(
    sequences: tuple[tuple[int, ...], ...], symbols: int, *, states: int = 4, longest: int = 16, iterations: int = 30
) -> Segments:
    """Fit the model by EM. The folds are the same at all shifts of a sweep, so fits are kept for the next shift.

    Args:
        sequences: the labels of each training dialogue by number, from 0; `UNKNOWN` where one is not known.
        symbols: how many labels there are.
        states: number of hidden states. The first guess lets each lean to one of the commonest labels, so that no chance
            is needed to tell them apart.
        longest: the longest duration of a state, in turns.
        iterations: how often EM goes round.

    Returns:
        The model.

    Raises:
        ValueError: no sequence has a label, or fewer than 2 states or turns are asked for.
    """
    if states < 2 or longest < 2:
        raise ValueError(f"states={states}, longest={longest}: a semi-Markov model needs at least 2 of both")
    known = np.array([symbol for sequence in sequences for symbol in sequence if symbol != UNKNOWN], dtype=int)
    if not len(known):
        raise ValueError("no training dialogue has a label, so nothing can be fitted")
    model = _first_guess(np.bincount(known, minlength=symbols), states, longest)
    line, lengths = _padded(sorted(sequences, key=len, reverse=True))
    for _ in range(iterations):
        model = _improved(model, line, lengths)
    return model


def _first_guess(counts: np.ndarray, states: int, longest: int) -> Segments:
    """Let each state lean to one of the commonest labels, and last for a handful of turns."""
    shares = (counts + 1.0) / (counts + 1.0).sum()
    emission = np.tile(0.5 * shares, (states, 1))
    emission[np.arange(states), np.argsort(-counts, kind="stable")[np.arange(states) % len(counts)]] += 0.5
    weights = (1 - 1 / _FIRST_DURATION) ** np.arange(longest)
    jump = (1 - np.eye(states)) / (states - 1)
    duration = np.tile(weights / weights.sum(), (states, 1))
    return Segments(np.full(states, 1 / states), jump, duration, emission)


def _improved(model: Segments, symbols: np.ndarray, lengths: np.ndarray) -> Segments:
    """Go once round: the better model. The longest sequences come first."""
    forward, scales = _forward(model, symbols, lengths)
    start, jump = np.zeros_like(model.start), np.zeros_like(model.jump)
    duration, emission = np.zeros_like(model.duration), np.zeros_like(model.emission)
    after = np.ones((0, *model.duration.shape))
    for turn in range(symbols.shape[1] - 1, -1, -1):
        # Sequences that end with this turn join: nothing is known of what would have followed.
        after = np.concatenate([after, np.ones((len(forward[turn]) - len(after), *model.duration.shape))])
        seen = symbols[: len(after), turn]
        known = seen != UNKNOWN
        np.add.at(emission.T, seen[known], (forward[turn] * after).sum(axis=2)[known])
        weighed = (model.likelihood(seen) / scales[turn][:, np.newaxis])[:, :, np.newaxis] * after
        entering = weighed * model.duration
        if turn == 0:
            begun = (entering * model.start[:, np.newaxis]).sum(axis=0)
            start, duration = begun.sum(axis=1), duration + begun
            break
        leaving, of_state = forward[turn - 1][: len(after), :, 0], entering.sum(axis=2)
        jump += leaving.T @ of_state * model.jump
        duration += np.einsum("nk,nkd->kd", leaving @ model.jump, entering)
        after = np.concatenate([(of_state @ model.jump.T)[:, :, np.newaxis], weighed[:, :, :-1]], axis=2)
    jump += _SMOOTHING * (1 - np.eye(len(jump)))
    counts = (start + _SMOOTHING, jump, duration + _DURATION_SMOOTHING, emission + _SMOOTHING)
    return Segments(*map(_normed, counts))


def _forward(model: Segments, symbols: np.ndarray, lengths: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Filter all sequences, a turn at a time, as many as have that turn.

    P(state, remaining | labels so far) (n, k, d) and P(label | labels before) (n,), a list each.
    """
    states = np.tile(model.first(), (len(symbols), 1, 1))
    found, scales = [], []
    for turn in range(symbols.shape[1]):
        active = int((lengths > turn).sum())
        states = states[:active] * model.likelihood(symbols[:active, turn])[:, :, np.newaxis]
        scales.append(states.sum(axis=(1, 2)))
        states = states / scales[-1][:, np.newaxis, np.newaxis]
        found.append(states)
        states = model.step(states)
    return found, scales


def _padded(sequences: Sequence[tuple[int, ...]]) -> tuple[np.ndarray, np.ndarray]:
    """Bring sequences to one length, unknown labels at their ends: (n, t), and their own lengths (n,)."""
    lengths = np.array([len(sequence) for sequence in sequences])
    line = np.full((len(sequences), int(lengths.max(initial=0))), UNKNOWN)
    for row, sequence in enumerate(sequences):
        line[row, : len(sequence)] = sequence
    return line, lengths


def _normed(counts: np.ndarray) -> np.ndarray:
    """Bring the last axis to a sum of one."""
    return counts / counts.sum(axis=-1, keepdims=True)
