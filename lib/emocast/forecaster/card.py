"""The model card of a forecaster: what `data/LICENCES.md` says that a model card must say, from the record's own figures."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .. import cards
from ..forecasting import protocols
from . import held_out
from .model import Forecaster

_LONGEST = 200  # characters; more names than that are counted instead


def text(forecaster: Forecaster) -> str:
    """The card as Markdown.

    Args:
        forecaster: with `scores`, `shared` and `data` among its facts.
    """
    facts = forecaster.facts
    told, shifts = facts["data"], ", ".join(f"{shift:g}" for shift in forecaster.shifts_s)
    counted = f"{told['events']:,} events in {told['dialogues']:,} dialogues of {told['sessions']} sessions"
    return cards.text(
        f"Emotion forecaster of the profile `{facts['profile']}`",
        f"{len(forecaster.members) * len(forecaster.shifts_s)} networks (the preprint's FC-DNN): from "
        f"{forecaster.length_s:g} s of conversation, the probabilities of {', '.join(forecaster.classes)} "
        f"{shifts} s later; one network a shift and fold. Made by Emocast's notebook 08.",
        {
            "Data": cards.data(told, f"{counted}, of {told['utterances']:,} utterances", told["left_out"]),
            "Labels": cards.labels(told),
            "Speakers": cards.speakers(told),
            "Protocol": _protocol(forecaster),
            "Scores": _scores(forecaster),
            "Baselines": _baselines(forecaster),
            "Limits": _limits(forecaster),
            "Origin": _origin(forecaster),
        },
    )


def _protocol(forecaster: Forecaster) -> str:
    facts, settings = forecaster.facts, forecaster.facts["settings"]
    counts = (f"{what}: {'not stated by the corpus' if n is None else n}" for what, n in facts["shared"].items())
    return (
        f"`{settings['protocol']}`: what may not stand on both sides of the split: "
        f"{protocols.PROTOCOLS[settings['protocol']]}. Counted, what does stand on both sides of some fold: "
        f"{', '.join(counts)}. {_folds(forecaster)} Inside each training part {100 * settings['validation_fraction']:g} % of "
        "the events, in whole dialogues, are set aside: on them alone are fitted the temperature, the entropy from which a "
        f"network does not answer (an answer must be right {settings['least_gain']:g} times as often as by chance) and "
        f"the distance from which a window is unlike the training ({100 * settings['known_share']:g} % of these are nearer)."
    )


def _folds(forecaster: Forecaster) -> str:
    """What is held out in turn, by name where names are few."""
    named = "; ".join(", ".join(member.held_out) for member in forecaster.members if member.held_out)
    if named and len(named) < _LONGEST:
        return f"Held out in turn: {named}."
    return f"Folds: {len(forecaster.members)}."


def _scores(forecaster: Forecaster) -> str:
    facts = forecaster.facts
    rows = [
        {
            "shift": f"+{row['shift_s']:g} s",
            "events": f"{row['n']:g}",
            **{name: _score(row, column) for name, column in _COLUMNS.items()},
            "answered": cards.percent(row["answered"]),
            "accuracy when answered": _score(row, "answered_accuracy", "answered"),
        }
        for row in facts["scores"]
    ]
    recalls = pd.DataFrame(facts["data"]["recalls"]).set_index("shift_s")
    each = recalls[[name for name in forecaster.classes if name in recalls]].map(cards.percent)
    each.insert(0, "recall at", [f"+{shift:g} s" for shift in each.index])
    known = held_out.encoder_words(facts)
    return "\n\n".join(
        [
            f"Of {held_out.words(facts['settings']['protocol'])}, in percent, with {100 * facts['intervals']['level']:g} % "
            f"intervals by dialogue.{f' New to the networks, but {known}.' if known else ''}",
            cards.grid(pd.DataFrame(rows)),
            "Each emotion's recall, in percent:",
            cards.grid(each),
            "Groups of speakers and other languages are not scored.",
        ]
    )


_COLUMNS = {"accuracy": "accuracy", "UAR": "uar", "calibration error": "ece"}


def _baselines(forecaster: Forecaster) -> str:
    rows = [
        {
            "shift": f"+{row['shift_s']:g} s",
            "persistence": cards.percent(row["persistence"]),
            "chance": cards.percent(row["chance"]),
        }
        for row in forecaster.facts["scores"]
    ]
    said = (
        'Persistence is "the same emotion as the one labelled last"; it reads true labels, which a forecaster has not.'
    )
    return f"Accuracy in percent. {said}\n\n{cards.grid(pd.DataFrame(rows))}"


def _limits(forecaster: Forecaster) -> list[str]:
    known = held_out.encoder_words(forecaster.facts)
    return [
        "A label says what raters heard, or what an actor was asked for; not what a person felt.",
        "The classes were made equally frequent before training, as published. Probabilities speak of such a mix, not of how "
        "often an emotion occurs in a recording, and no other emotion can be named.",
        "Each score is of single networks, on what each was held out from. A new recording gets the mean of all networks, "
        "which is not scored: what one network was held out from, others have heard.",
        "Temperatures and limits were fitted on dialogues that the network did not learn from, but whose speakers it may have "
        "heard. On other voices, rooms and languages calibration is worse than the card says.",
        '"I do not know" is said of windows unlike the training and of unsure forecasts. What is like the training in sound '
        "and different in kind (music, sung or acted speech, another language) may pass.",
        *(
            [f"{known[0].upper()}{known[1:]}; for people whom it has not heard, forecasts may be worse."]
            if known
            else []
        ),
    ]


def _origin(forecaster: Forecaster) -> list[str]:
    facts, encoder = forecaster.facts, forecaster.encoder
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return [
        f"Base model: {cards.base(encoder['name'])}; {encoder['precision']}, SHA-256 `{encoder['digest']}`",
        f"Network: {', '.join(f'{name} {value}' for name, value in facts['network'].items())}",
        f"Seed {facts['seed']}; {versions}",
        "Files: safetensors and JSON; reading them runs no code",
    ]


def _score(row: dict[str, Any], name: str, ends: str | None = None) -> str:
    """A score with its interval."""
    return cards.percent(row[name], row[f"{ends or name}_low"], row[f"{ends or name}_high"])
