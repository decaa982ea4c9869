"""The claims of the closing table in words, and what each verdict on them means for a reader."""

from __future__ import annotations

from dataclasses import dataclass

from .verdicts import CONTRADICTED, NOT_SHOWN, SUPPORTED


@dataclass(frozen=True)
class Claim:
    """A claim about a forecaster.

    Attributes:
        text: the claim; `{apart}` stands for what the division holds apart.
        measure: which number speaks for it.
        supported: what it means where the evidence supports it.
        not_shown: what it means where the evidence decides nothing.
        contradicted: what it means where the evidence speaks against it.
    """

    text: str
    measure: str
    supported: str
    not_shown: str
    contradicted: str

    def meaning(self, verdict: str) -> str:
        """The sentence for a verdict, one of `verdicts.VERDICTS`."""
        return {SUPPORTED: self.supported, NOT_SHOWN: self.not_shown, CONTRADICTED: self.contradicted}[verdict]


_RECOGNISED = "a recogniser that hears the same sound and carries the last emotion forward"

#: What can be claimed, by a short name, in the order of the table.
CLAIMS: dict[str, Claim] = {
    "chance": Claim(
        "It scores above chance; held apart: {apart}",
        "accuracy; its limit is the commonest emotion's share of the tested events",
        "Something in the window goes with the emotion to come: the dialogue, or a forecast? The rows below say.",
        "That anything was learnt is not shown.",
        "Worse than guessing: look for a fault before anything else.",
    ),
    "dialogue mode": Claim(
        "It beats knowing which dialogue it is; held apart: {apart}",
        "accuracy minus that of the dialogue mode",
        "Recognising the dialogue does not explain the whole score.",
        "That it knows more than which dialogue it is, is not shown.",
        "Who only recognises the dialogue, without any sound, scores more: as evidence of forecasting it does not count.",
    ),
    "persistence": Claim(
        "It beats repeating the last true emotion; held apart: {apart}",
        "accuracy minus that of the better persistence: of the last emotion, or of the last one that is in play",
        "It knows more of what comes than the true label of the last utterance tells.",
        "No gain over repeating the last true emotion is shown.",
        "Repeating the last true emotion does better. Persistence reads that label; the model has to hear it.",
    ),
    "audio persistence": Claim(
        "It beats recognising the last utterance; held apart: {apart}",
        "accuracy minus that of audio persistence",
        f"It does more than {_RECOGNISED}.",
        f"It is not shown to differ from {_RECOGNISED}: it may recognise, and not forecast.",
        f"It does worse than {_RECOGNISED}.",
    ),
    "changes": Claim(
        "It forecasts changes, more than who is only told that one comes; held apart: {apart}",
        "accuracy where the emotion is not the last one heard; its limit is the better of two that are told so: a uniform "
        "guess among the other emotions, and a Markov chain without the last one",
        "Where the emotion changes it is right more often than who is told of the change and goes by what else is likely.",
        "That it foresees any change is not shown: who names anything but the last emotion may do as well.",
        "Where the emotion changes, who names anything but the last one is right more often: its score lives on what lasts.",
    ),
    "changes, statistics": Claim(
        "It forecasts changes better than label statistics, also those that are told of the change; held apart: {apart}",
        "the same accuracy minus that of the best of four: the commonest emotion, a Markov chain, and the two told of it",
        "The sound tells of changes what neither the commonest emotion nor the last one's usual followers do.",
        "That the sound tells more of changes than which emotion is common, or usually follows, is not shown.",
        "Knowing that the last emotion does not stay, and which one is common or usually follows, forecasts changes better.",
    ),
    "ahead of chance": Claim(
        "How far ahead it scores above chance; held apart: {apart}",
        "the longest shift up to which every accuracy is above the commonest emotion's share",
        "So far ahead something of the emotion to come can be known.",
        "At no distance is it shown to know anything.",
        "At the shortest distance already it is worse than a guess.",
    ),
    "ahead of persistence": Claim(
        "How far ahead it beats repeating the last true emotion; held apart: {apart}",
        "the longest shift up to which every gain on the better persistence is above zero",
        "So far ahead it adds to the last true label.",
        "At the shortest distance already no gain on the last true label is shown.",
        "At the shortest distance already the last true label does better.",
    ),
    "ahead of audio persistence": Claim(
        "How far ahead it beats recognising the last utterance; held apart: {apart}",
        "the longest shift up to which every gain on audio persistence is above zero",
        "So far ahead it adds to a recogniser with the same sound.",
        "At the shortest distance already no gain on a recogniser with the same sound is shown.",
        "At the shortest distance already a recogniser with the same sound does better.",
    ),
    "calibrated": Claim(
        "It is as often right as it is sure, {scaled}; held apart: {apart}",
        "expected calibration error",
        "Its probabilities can be taken at their word, within what is tolerated.",
        "Whether its probabilities can be taken at their word, these events do not tell.",
        "Its probabilities cannot be taken at their word.",
    ),
    "encoder": Claim(
        "Its score does not come from an encoder that knew the answers; held apart: {apart}",
        "accuracy with the encoder as published minus that with one re-tuned without the test session",
        "Having heard the test session with its labels is worth no more than what is tolerated.",
        "That the encoder's memory of the test utterances helps is neither shown nor ruled out.",
        "A part of the score is the encoder's memory of the test utterances.",
    ),
    "new encoder": Claim(
        "It scores above chance with an encoder that never heard the test session; held apart: {apart}",
        "accuracy with that encoder; its limit is the commonest emotion's share of the tested events",
        "Something remains for people whom neither network nor encoder has heard.",
        "That anything remains for people whom neither network nor encoder has heard is not shown.",
        "For people whom neither network nor encoder has heard it is worse than a guess.",
    ),
    "networks": Claim(
        "A larger network forecasts better; held apart: {apart}",
        "held-out accuracy of the best larger network minus that of the best not larger one of the same search",
        "The preprint's remark that more layers and neurons bring no gain does not hold here.",
        "That more layers and neurons bring a gain is not shown; the preprint remarks that they bring none.",
        "The best of the larger networks does worse than the best of the others on events that took no part in the search.",
    ),
}  # fmt: skip
