"""The known process behind the emotions of the synthetic dialogues and the raters who name them: what no real talk has.

Each speaker comes to a dialogue with a *role*, the emotion that the scenario gives to him or her, and has a *mood* that lasts.
When a speaker takes a turn, the mood stays as it was with probability `stay`. Otherwise it becomes the role's emotion (`role`),
or the partner's mood (`partner`), or any that the scenario knows. The turn is acted in the mood. So the roles and moods of two
speakers are a Markov chain that only depends on who speaks; `emocast.forecasting.ceiling` filters it exactly.

The numbers are fitted by `benchmarks/fit_conversations.py` to how emotions run in IEMOCAP's real labels, which `people.csv` of
`emocast` holds; notebook 01 shows how near the twin comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emocast import labels

#: The name that `synthetic.json` gives to the process, to be changed with its numbers.
NAME = "two speakers' roles and moods, version 3"

#: The acted emotions, in the order of every axis here (names of `emocast.labels`): a role or a mood is one of them.
STATES: tuple[str, ...] = ("neutral", "excitement", "happiness", "sadness", "anger", "frustration")

#: The axes of a distribution over the chain's states: the roles and the moods of the first and of the second speaker.
SHAPE = (len(STATES),) * 4


#: What every emotion has of a scenario at least.
RARE = 0.001


@dataclass(frozen=True)
class Scenario:
    """A situation that two speakers play."""

    name: str  # IEMOCAP's kind of name, `impro01` or `script01_1`
    description: str  # the situation, in our own words
    emotions: tuple[float, ...]  # share of each of `STATES` in the real scenario of this name, percent

    @property
    def scripted(self) -> bool:
        """Whether the words are fixed, the same in every session; else every pair finds its own."""
        return self.name.startswith("script")

    @property
    def shares(self) -> np.ndarray:
        """P(emotion) in this scenario, (6,): the real share, and a little of everything."""
        return self.with_rare(RARE)

    def with_rare(self, rare: float) -> np.ndarray:
        """P(emotion) where each has so much at least, (6,)."""
        shares = np.array(self.emotions) / 100 + rare
        return shares / shares.sum()


#: All scenarios, in the order in which a smaller corpus takes them: a small one has every emotion, and in the real dialogues of
#: the first eight, which the demo plays, emotions run as in all (42 of 42 rows of notebook 01's table). The shares are those of
#: IEMOCAP's labels, by `benchmarks/fit_conversations.py`; parts "a" and "b" of a scenario are one.
SCENARIOS: tuple[Scenario, ...] = (
    #                                                                       neu exc hap sad ang fru
    Scenario("script02_1", "Siblings find old letters in the house of their aunt.", (20, 42, 2, 2, 8, 28)),
    Scenario("impro02", "One says goodbye before a long stay on a research ship.", (4, 1, 0, 57, 4, 34)),
    Scenario("script03_2", "Two who were close shout about what was broken.", (17, 1, 1, 0, 67, 14)),
    Scenario("impro03", "A letter says that the place at the school was granted.", (12, 51, 36, 0, 0, 0)),
    Scenario("impro04", "Someone has looked for work for a year; a friend listens.", (48, 0, 0, 4, 5, 41)),
    Scenario("script01_3", "The evening before one of two friends moves abroad.", (13, 5, 29, 52, 0, 1)),
    Scenario("impro07", "The good news of a big order, told to a friend.", (16, 70, 14, 0, 0, 0)),
    Scenario("script01_2", "A landlord and a tenant settle who pays for the roof.", (17, 0, 0, 4, 36, 43)),
    Scenario("impro08", "A caller is put through to one office after another.", (59, 1, 4, 0, 7, 29)),
    Scenario("impro06", "One tells of a death in the family.", (19, 0, 0, 80, 0, 0)),
    Scenario("impro01", "The counter wants another form, again.", (14, 0, 0, 0, 18, 68)),
    Scenario("script01_1", "A child wants to know why nobody speaks of the brother.", (21, 0, 0, 12, 25, 42)),
    Scenario("impro05", "A suitcase did not arrive, and nobody can say where it is.", (42, 0, 0, 0, 23, 34)),
    Scenario("script03_1", "Old friends meet by chance on a train and tell their news.", (20, 48, 29, 3, 1, 0)),
    Scenario("script02_2", "Two wait a night long for a call, and talk of other years.", (16, 2, 12, 21, 12, 37)),
)


def first(count: int) -> tuple[Scenario, ...]:
    """The scenarios of a corpus that plays so many; a ValueError where there are not so many."""
    if not 1 <= count <= len(SCENARIOS):
        raise ValueError(f"scenarios={count}: the script has 1 to {len(SCENARIOS)}")
    return SCENARIOS[:count]


def scenario(name: str) -> Scenario:
    """Find a scenario by its name, as `impro01`; a ValueError where there is none."""
    for candidate in SCENARIOS:
        if candidate.name == name:
            return candidate
    raise ValueError(f"no scenario {name!r}; there are {', '.join(known.name for known in SCENARIOS)}")


def _draw(weights: np.ndarray, rng: np.random.Generator) -> int:
    """Draw an index by its probability."""
    return min(int(np.searchsorted(np.cumsum(weights), rng.random(), side="right")), len(weights) - 1)


@dataclass(frozen=True)
class Process:
    """The process and its numbers, all of them probabilities but `sharpness`.

    A distribution over its states has the shape `SHAPE`.
    """

    stay: float = 0.78  # that a mood is at a speaker's turn what it was at the last one
    role: float = 0.20  # that a mood which does not stay becomes the role's emotion
    partner: float = 0.24  # that it becomes the partner's mood; else it is any, by the scenario's shares
    shared: float = 0.50  # that a speaker has the first one's role; else one by the scenario
    sharpness: float = 3.2  # roles are drawn by the scenario's shares to this power: the common ones are commoner still
    change: float = 0.83  # that a turn is not of the speaker of the turn before

    def roles(self, shares: np.ndarray) -> np.ndarray:
        """P(role) of a speaker where emotions have such shares, (k,)."""
        weights = shares**self.sharpness
        return weights / weights.sum()

    def start(self, scenario: Scenario) -> np.ndarray:
        """P(roles and moods) of two speakers before the first turn."""
        roles, states = self.roles(scenario.shares), np.eye(len(STATES))
        both = self.shared * np.diag(roles) + (1 - self.shared) * np.outer(roles, roles)
        moods = self.role * states + (1 - self.role) * scenario.shares  # of one speaker, a row a role
        return np.einsum("ab,ac,bd->abcd", both, moods, moods)

    def moved(self, scenario: Scenario, speaker: int) -> np.ndarray:
        """P(new mood of `speaker`, 0 or 1, that does not stay | roles, the partner's mood), of axes as `SHAPE`."""
        own, partner = 2 + speaker, 3 - speaker
        rest = (1 - self.role - self.partner) * _along(scenario.shares, own)
        return self.role * _alike(speaker, own) + self.partner * _alike(partner, own) + rest

    def turn(self, states: np.ndarray, scenario: Scenario, speaker: int) -> np.ndarray:
        """P(roles and moods) at a turn of `speaker`, 0 or 1, from those at the turn before."""
        before = states.sum(axis=2 + speaker, keepdims=True)
        return self.stay * states + (1 - self.stay) * before * self.moved(scenario, speaker)

    def expected(self, values: np.ndarray, scenario: Scenario, speaker: int) -> np.ndarray:
        """What `values`, (*SHAPE, k), of the states at a turn of `speaker` are worth at the turn before, the same shape."""
        moved = self.moved(scenario, speaker)[..., np.newaxis]
        return self.stay * values + (1 - self.stay) * (values * moved).sum(axis=2 + speaker, keepdims=True)

    def seen(self, states: np.ndarray, speaker: int, mood: np.ndarray, role: np.ndarray | None = None) -> np.ndarray:
        """What is left of `states` when the mood of `speaker`, and perhaps the role, were seen through such weights, (6,).

        It sums to one again.
        """
        found = states * _along(mood, 2 + speaker)
        found = found if role is None else found * _along(role, speaker)
        return found / found.sum()

    def moods(self, states: np.ndarray, speaker: int) -> np.ndarray:
        """P(mood) of `speaker`, (6,)."""
        return states.sum(axis=tuple(axis for axis in range(4) if axis != 2 + speaker))

    def speakers(self, turns: int, rng: np.random.Generator, *, of: int = 2) -> list[int]:
        """Draw who takes each turn, of so many speakers numbered from 0."""
        found = [int(rng.integers(of))]
        for _ in range(turns - 1):
            changes, other = rng.random() < self.change and of > 1, int(rng.integers(1, max(of, 2)))
            found.append((found[-1] + other) % of if changes else found[-1])
        return found

    def sample(self, scenario: Scenario, speakers: Sequence[int], rng: np.random.Generator) -> pd.DataFrame:
        """Draw one dialogue (`draw`): a row a turn, the `role` of its speaker and the acted `emotion`, names of `STATES`."""
        names = [(STATES[role], STATES[emotion]) for role, emotion in self.draw(scenario.shares, speakers, rng)]
        return pd.DataFrame(names, columns=["role", "emotion"])

    def draw(
        self, shares: np.ndarray, speakers: Sequence[int], rng: np.random.Generator, *, of: int = 2
    ) -> list[tuple[int, int]]:
        """Draw role and emotion of each turn of one dialogue.

        Args:
            shares: of the emotions that there are, (k,).
            speakers: who takes each turn, numbered from 0. With more than two, the partner is who spoke last.
            rng: the source of all chance.
            of: how many speakers there are.
        """
        roles = [_draw(self.roles(shares), rng)]
        for _ in range(1, of):
            shared, own = rng.random() < self.shared, _draw(self.roles(shares), rng)
            roles.append(roles[0] if shared else own)
        moods = [role if rng.random() < self.role else _draw(shares, rng) for role in roles]
        acted, partners = [], [1 if of > 1 else 0] + [0] * (of - 1)
        for speaker in speakers:
            stays, kind, other = rng.random() < self.stay, rng.random(), _draw(shares, rng)
            near = moods[partners[speaker]] if kind < self.role + self.partner else other
            if not stays:
                moods[speaker] = roles[speaker] if kind < self.role else near
            acted.append((roles[speaker], moods[speaker]))
            partners = [partner if who == speaker else speaker for who, partner in enumerate(partners)]
        return acted


def _along(values: np.ndarray, axis: int) -> np.ndarray:
    """Values, (6,), along one axis of `SHAPE`."""
    return values.reshape([-1 if at == axis else 1 for at in range(len(SHAPE))])


def _alike(axis: int, other: int) -> np.ndarray:
    """One where the states on two axes of `SHAPE` are the same, else zero."""
    return np.eye(len(STATES)).reshape([len(STATES) if at in (axis, other) else 1 for at in range(len(SHAPE))])


#: The process that the corpus is made from.
PROCESS = Process()

#: What a rater may say, in the order of `emocast.labels`; IEMOCAP knows no boredom.
CATEGORIES: tuple[str, ...] = tuple(name for name in labels.EMOTIONS if name != "boredom")

#: The gold label of a turn on which no two raters agree.
UNDECIDED = "xxx"

#: Every gold label, in the order of the channel's columns.
GOLD: tuple[str, ...] = (*CATEGORIES, UNDECIDED)

# Where raters go who do not name the acted emotion, in percent.
_OTHERS = np.array(
    [
        # neu exc hap sad ang fru fea sur dis oth
        (0, 8, 12, 23, 4, 41, 0, 4, 0, 8),  # neutral
        (14, 0, 61, 0, 4, 4, 0, 14, 0, 3),  # excitement
        (23, 61, 0, 3, 0, 3, 0, 7, 0, 3),  # happiness
        (38, 0, 4, 0, 4, 35, 11, 0, 0, 8),  # sadness
        (4, 7, 0, 4, 0, 66, 4, 4, 7, 4),  # anger
        (28, 3, 0, 16, 44, 0, 0, 3, 3, 3),  # frustration
    ]
)


def said(own: float, rest: float) -> np.ndarray:
    """P(what one rater says | acted emotion), (6, 10): rows as `STATES`, columns as `CATEGORIES`.

    `own` is the share that names the acted emotion, `rest` the share of `_OTHERS`; what is left says anything.
    """
    return own * np.eye(*_OTHERS.shape) + rest * _OTHERS / 100 + (1 - own - rest) / len(CATEGORIES)


#: One rater of a turn that is acted clearly, and of one that is not. The gold label is the majority's, or `UNDECIDED`, as in
#: IEMOCAP (Busso et al. 2008, https://doi.org/10.1007/s10579-008-9076-6, section 5); raters disagree there on a quarter of the
#: turns.
CLEAR, UNCLEAR = said(0.96, 0.036), said(0.36, 0.27)
UNCLEAR_SHARE = 0.50  # of the turns

#: Mean valence, activation and dominance of a rater for an emotion acted with intensity 1, on the scale 1 to 5. Where the
#: emotions lie follows the plane of Russell (1980, https://doi.org/10.1037/h0077714) and the clusters of Busso et al.; the
#: numbers are ours.
MEANS: dict[str, tuple[float, float, float]] = {
    "neutral": (2.9, 2.5, 2.8),
    "excitement": (4.1, 3.8, 3.4),
    "happiness": (4.0, 3.1, 3.0),
    "sadness": (2.1, 2.0, 2.4),
    "anger": (1.7, 3.8, 4.0),
    "frustration": (2.1, 3.1, 3.3),
}

#: Standard deviation of one rater's score around the mean, before it is rounded.
SCORE_NOISE = 0.55


@dataclass(frozen=True, eq=False)
class Rating:
    """What the raters say of one turn."""

    categories: tuple[str, ...]  # the three raters' categories
    gold: str  # the majority's category, or `UNDECIDED`
    scores: np.ndarray  # two more raters' whole scores of valence, activation and dominance, shape (2, 3)

    @property
    def attributes(self) -> np.ndarray:
        """The mean of the scores, shape (3,), 1 to 5 in steps of 0.5."""
        return self.scores.mean(axis=0)


def majority(categories: Sequence[str]) -> str:
    """The category that at least two of three raters named, or `UNDECIDED`."""
    return next((category for category in categories if categories.count(category) >= 2), UNDECIDED)


def rate(emotion: str, intensity: float, rng: np.random.Generator, *, unclear: bool) -> Rating:
    """Let the five raters judge one turn, each independently of the others and of everything else.

    Args:
        emotion: the acted emotion, one of `STATES`.
        intensity: how strongly it is acted, 1 on average. It moves the scores away from the neutral ones; the
            categories depend on `unclear` alone, which keeps the channel exact.
        rng: the source of all chance.
        unclear: whether the turn is acted unclearly, as `UNCLEAR_SHARE` of them are.
    """
    named = UNCLEAR if unclear else CLEAR
    drawn = rng.choice(len(CATEGORIES), size=3, p=named[STATES.index(emotion)])
    categories = tuple(CATEGORIES[index] for index in drawn)
    neutral = np.array(MEANS["neutral"])
    mean = neutral + intensity * (np.array(MEANS[emotion]) - neutral)
    scores = np.clip(np.rint(rng.normal(mean, SCORE_NOISE, size=(2, len(neutral)))), 1, 5)
    return Rating(categories=categories, gold=majority(categories), scores=scores.astype(int))


def channel(clear: np.ndarray = CLEAR, unclear: np.ndarray = UNCLEAR, share: float = UNCLEAR_SHARE) -> np.ndarray:
    """P(gold label | acted emotion), shape (6, 11): rows as `STATES` and summing to one, columns as `GOLD`.

    Two or three of three raters, independent of each other for a turn that is clear or is not, name a category of probability p
    with 3 p^2 (1 - p) + p^3; no two categories can both have a majority, so what is left is `UNDECIDED`.
    """
    agreed = sum(weight * (3 * p**2 * (1 - p) + p**3) for weight, p in ((1 - share, clear), (share, unclear)))
    return np.column_stack([agreed, 1 - agreed.sum(axis=1)])
