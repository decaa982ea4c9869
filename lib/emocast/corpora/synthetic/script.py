"""What is played and what is said: twelve scenarios, the same in every session, and sentences that give nothing away.

As in IEMOCAP there are improvised scenarios (only the situation is given, every pair finds its own words) and scripted
ones (the words are the same in every session). A scenario sets where the mood starts and where it drifts; over the
twelve, each mood is the likeliest start three times and the drift three times, so all four moods are covered.

The sentences are emotionally neutral carriers, as in the acted corpora EmoDB and CREMA-D: any of them can be said in
any emotion, so that the words do not tell the label and only the voice does. All of them are our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scenario:
    """A situation that two speakers play.

    Attributes:
        name: IEMOCAP's kind of name, `impro01` or `script01_1`.
        description: the situation, in our own words.
        begins: the mood in which most dialogues of the scenario start.
        drift: the mood that attracts the later segments.
    """

    name: str
    description: str
    begins: str
    drift: str

    @property
    def scripted(self) -> bool:
        """Whether the words are fixed."""
        return self.name.startswith("script")

    @property
    def start(self) -> dict[str, float]:
        """P(mood of the first turn): 0.7 for `begins`, 0.1 for each other."""
        return {mood: 0.7 if mood == self.begins else 0.1 for mood in ("calm", "cheerful", "down", "tense")}


#: All scenarios, in the order in which a smaller corpus takes them: both kinds and all moods from the beginning.
SCENARIOS: tuple[Scenario, ...] = (
    Scenario("impro01", "A suitcase did not arrive and the counter wants another form.", "calm", "tense"),
    Scenario("script01_1", "Two friends plan a farewell dinner for one who moves abroad.", "cheerful", "down"),
    Scenario("impro02", "One says goodbye before a long stay on a research ship.", "down", "calm"),
    Scenario("script01_2", "A landlord and a tenant settle what was broken, then find a key.", "tense", "cheerful"),
    Scenario("impro03", "A letter says that the place at the school was granted.", "calm", "cheerful"),
    Scenario("script02_1", "Siblings sort the things in the house of their late aunt.", "down", "tense"),
    Scenario("impro04", "Someone has looked for work for a year; a friend listens.", "down", "calm"),
    Scenario("script02_2", "Two neighbours argue about a fence until one mentions an illness.", "tense", "down"),
    Scenario("impro05", "A caller has been passed on four times about one wrong bill.", "tense", "calm"),
    Scenario("script03_1", "Old friends meet by chance on a train and tell their news.", "calm", "cheerful"),
    Scenario("impro06", "One tells that a beloved dog died; they had laughed a minute ago.", "cheerful", "down"),
    Scenario("impro07", "The good news of a big order, until they talk about the shares.", "cheerful", "tense"),
)

#: What is said; 5 to 12 words each, nothing that belongs to one emotion.
SENTENCES: tuple[str, ...] = (
    "The train to the coast leaves from the second platform.",
    "I put the papers on the table in the hall.",
    "They are going to paint the kitchen on Thursday.",
    "The bus stops right in front of the old library.",
    "She said that the meeting was moved to the afternoon.",
    "There are seven chairs in the room next door.",
    "We walked along the river as far as the bridge.",
    "He told me about it yesterday after work.",
    "The shop around the corner opens at nine.",
    "You left your jacket on the back of the chair.",
    "My brother has lived in that street for six years.",
    "The keys are in the drawer under the telephone.",
    "I read the letter twice and put it away.",
    "They will call us again at the end of the week.",
    "The water in the kettle is already hot.",
    "We could take the road that goes past the mill.",
    "The man at the desk asked for my name.",
    "She has been talking about this since Monday.",
    "I have to go to the post office before noon.",
    "The window of the office looks out on the yard.",
    "It is the third time this month that they came.",
    "The bread is in the basket beside the stove.",
    "He wants to know what we think of it.",
    "You can see the tower from the top of the hill.",
    "They brought the boxes up to the second floor.",
    "I did not know that you were coming today.",
    "The lamp in the corner has been on all night.",
    "We are supposed to be there in half an hour.",
    "The boy next door is learning to play the piano.",
    "That is what it says on the last page.",
    "I wrote the number on the back of the envelope.",
    "She will be back from the market around four.",
    "The car is parked on the other side of the square.",
    "Everybody in the house has heard about it by now.",
    "He took the early boat across the lake.",
    "There was a woman with a green bag in the queue.",
    "The clock on the wall is ten minutes fast.",
    "I thought we had agreed to wait until spring.",
    "You have to turn the handle to the left.",
    "They are building a new school behind the station.",
    "The tickets are in the pocket of my coat.",
    "We had soup and bread at the small table.",
    "So that is what you wanted to tell me.",
    "The plane from the north lands at twenty past six.",
    "I asked them about the room with the balcony.",
    "She keeps the photographs in a wooden box.",
    "The garden gate was open when I came home.",
    "He said it would take about two weeks.",
    "You know how it is with these things.",
    "The teacher wrote both words on the board.",
    "We have talked about the colour of the carpet before.",
    "It was half past eleven when the doorbell rang.",
    "The cups go on the shelf above the sink.",
    "I saw your sister at the bus stop this morning.",
    "They changed the sign at the entrance of the park.",
    "The coat on the hook belongs to my uncle.",
    "Tell me again what he said on the phone.",
    "We should put the bicycle into the shed tonight.",
    "The answer came in the mail a day later.",
    "I will be in the office until the evening.",
    "The road to the village goes through the forest.",
    "She has the same watch as the man in the shop.",
    "You could hear the radio through the wall.",
    "The list of names is pinned to the door.",
)

# With 64 sentences, an odd step comes back to the first one only after all 64.
_STEP_OF_SCENARIO = 11
_STEP_OF_TURN = 5


def first(count: int) -> tuple[Scenario, ...]:
    """Give the scenarios of a corpus that plays so many.

    Args:
        count: number of scenarios, 1 to 12.

    Returns:
        The first `count` of `SCENARIOS`.

    Raises:
        ValueError: there are not so many.
    """
    if not 1 <= count <= len(SCENARIOS):
        raise ValueError(f"scenarios={count}: the script has 1 to {len(SCENARIOS)}")
    return SCENARIOS[:count]


def scenario(name: str) -> Scenario:
    """Find a scenario by its name.

    Args:
        name: as `impro01`.

    Returns:
        The scenario.

    Raises:
        ValueError: there is none of this name.
    """
    for candidate in SCENARIOS:
        if candidate.name == name:
            return candidate
    raise ValueError(f"no scenario {name!r}; there are {', '.join(known.name for known in SCENARIOS)}")


def sentence(played: Scenario, turn: int, rng: np.random.Generator) -> str:
    """Give the words of a turn.

    Args:
        played: the scenario.
        turn: number of the turn in the dialogue, from 0.
        rng: chooses the words of an improvised scenario; a scripted one asks it for nothing.

    Returns:
        A sentence; in a scripted scenario always the same for the same turn.
    """
    if not played.scripted:
        return SENTENCES[rng.integers(len(SENTENCES))]
    place = SCENARIOS.index(played) * _STEP_OF_SCENARIO + turn * _STEP_OF_TURN
    return SENTENCES[place % len(SENTENCES)]
