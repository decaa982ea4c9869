"""The known process of the synthetic conversations, filtered quickly for thousands of events.

`corpora.synthetic.forecast` says what is computed: the exact distribution over the chain's states, label by label. Here the
same is kept for each sequence that was met, since the pasts of a dialogue's events begin alike, and the step to labels some
turns ahead is one small matrix a scenario. A test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ..corpora.synthetic import forecast, raters
from ..corpora.synthetic.process import LONGEST, MOODS, PROCESS, STATES, Process
from ..corpora.synthetic.script import Scenario


class Filter:
    """Filters of one scenario."""

    def __init__(self, scenario: Scenario, *, process: Process = PROCESS) -> None:
        """Set the filter up.

        Args:
            scenario: what is played.
            process: where the emotions come from.
        """
        self.scenario = scenario
        self.process = process
        self._after: dict[tuple[str | None, ...], np.ndarray] = {(): process.start(scenario).ravel()}
        emotions = np.tile(raters.channel(), (len(MOODS) * LONGEST, 1))
        self._ahead = [emotions]
        self._after_state: dict[tuple[int, int, int], np.ndarray] = {}

    def after(self, labels: tuple[str | None, ...]) -> np.ndarray:
        """Find P(state of the next turn | labels of all turns before it), (384,); None is a label that is not known."""
        if labels not in self._after:
            seen = self.after(labels[:-1]) * forecast.observation(labels[-1])
            self._after[labels] = seen / seen.sum() @ self._transition
        return self._after[labels]

    def after_states(self, moods: Sequence[str], emotions: Sequence[str]) -> np.ndarray:
        """Find P(state of the next turn) from the true moods and acted emotions of all turns before it, (384,).

        A mood never follows on itself, so the moods tell how many turns the present one has lasted. How many it has
        left nobody knows: its durations say how likely each number still is.
        """
        if not moods:
            return self._after[()]
        lasted = next((back for back, mood in enumerate(reversed(moods)) if mood != moods[-1]), len(moods))
        now = MOODS.index(moods[-1]), lasted, STATES.index(emotions[-1])
        if now not in self._after_state:
            self._after_state[now] = self._from(*now) @ self._transition
        return self._after_state[now]

    def ahead(self, states: np.ndarray, steps: int) -> np.ndarray:
        """Forecast the gold label.

        Args:
            states: P(state of the next turn), (384,).
            steps: 1 for the next turn, 2 for the one after it, and so on.

        Returns:
            P(gold label), (11,), columns as `raters.GOLD`.
        """
        while len(self._ahead) < steps:
            self._ahead.append(self._transition @ self._ahead[-1])
        return states @ self._ahead[steps - 1]

    def mixed(self, states: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Forecast the gold label of a turn that is the k-th from here with probability `weights[k - 1]`, (11,)."""
        return sum(weight * self.ahead(states, step) for step, weight in enumerate(weights, start=1) if weight > 0)

    def _from(self, mood: int, lasted: int, emotion: int) -> np.ndarray:
        """P(state of a turn) whose mood and emotion are known, and that its mood has lasted so many turns, (384,)."""
        left = self.process.durations[mood, lasted - 1 :]
        state = np.zeros((len(MOODS), LONGEST, len(STATES)))
        state[mood, : len(left), emotion] = left / left.sum()
        return state.ravel()

    @cached_property
    def _transition(self) -> np.ndarray:
        return self.process.transition(self.scenario)
