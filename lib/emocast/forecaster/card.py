"""The model card of a forecaster: what `data/LICENCES.md` says that a model card must say, from the record's own figures."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .. import corpora, licences
from ..corpora import table as tables
from ..profile import Profile
from .model import Forecaster

_USE = """## Intended use

Research on methods: to reproduce the preprint's forecasts on a recording of one's own, to see how sure they are, and to teach.
For recordings whose speakers agreed to it.

**Not for decisions about people.** Not to judge, rank, hire, monitor or discipline anybody, not in policing or courts, not for
diagnosis or care, not on children, not on people who do not know it. Inferring emotions of people at work or in education is
forbidden in the European Union (Regulation (EU) 2024/1689, Article 5(1)(f)); the model has not been assessed as a high-risk
system. data/LICENCES.md says more."""

_LIMITS = """## Limits

- A label says what raters heard, or what an actor was asked for; not what a person felt.
- The classes were made equally frequent before training, as published. Probabilities speak of such a mix, not of how often an
  emotion occurs in a recording, and no other emotion can be named.
- Each score is of single networks on sessions that they have not heard. A new recording gets the mean of all networks, which
  cannot be scored on this corpus: each session was heard by all networks but one.
- Temperatures and limits were fitted on dialogues that the network did not learn from, but whose speakers it had heard. On
  other voices, rooms and languages calibration is worse than the card says.
- "I do not know" is said of windows unlike the training and of unsure forecasts. What is like the training in sound and
  different in kind (music, sung or acted speech, another language) may pass.
- The encoder may itself have heard the corpus (see notebook 03): such scores are too good."""


def data(profile: Profile, utterances: pd.DataFrame, predictions: pd.DataFrame) -> dict[str, Any]:
    """What a card tells of the data.

    Args:
        profile: the run's settings.
        utterances: the corpus's utterance table.
        predictions: from `training.train`: whose events they are.

    Returns:
        JSON values: corpus, synthetic, licence, events, dialogues, sessions, speakers, sexes, languages.
    """
    used = utterances[utterances["dialogue"].isin(predictions["dialogue"])]
    people = used.drop_duplicates("speaker")
    synthetic = tables.is_synthetic(profile.corpus_root())
    corpus = corpora.get(profile.corpus)
    return {
        "corpus": corpus.NAME,
        "synthetic": synthetic,
        "licence": licences.of("espeak-ng").line if synthetic else corpus.LICENCE,
        "events": int(predictions["utterance"].nunique()),
        "dialogues": int(predictions["dialogue"].nunique()),
        "sessions": int(used["session"].nunique()),
        "speakers": int(used["speaker"].nunique()),
        "sexes": {str(name): int(count) for name, count in people["sex"].fillna("unknown").value_counts().items()},
        "languages": sorted(used["language"].dropna().astype(str).unique()),
    }


def text(forecaster: Forecaster) -> str:
    """The card as Markdown.

    Args:
        forecaster: with `scores` and `data` among its facts.
    """
    facts = forecaster.facts
    shifts = ", ".join(f"{shift:g}" for shift in forecaster.shifts_s)
    lines = [
        f"# Emotion forecaster of the profile `{facts['profile']}`",
        "",
        f"{len(forecaster.members) * len(forecaster.shifts_s)} networks (the preprint's FC-DNN): from "
        f"{forecaster.length_s:g} s of conversation, the probabilities of {', '.join(forecaster.classes)} "
        f"{shifts} s later; one network a shift and fold. Made by Emocast's notebook 08.",
        "",
        *_data_lines(facts["data"]),
        *_protocol_lines(forecaster),
        *_score_lines(facts["scores"], facts["intervals"]),
        _USE,
        "",
        _LIMITS,
        "",
        *_origin_lines(forecaster),
    ]
    return "\n".join(lines) + "\n"


def _data_lines(facts: dict[str, Any]) -> list[str]:
    speakers = ", ".join(f"{count} {name}" for name, count in facts["sexes"].items())
    kind = " (a synthetic twin: nobody's voice, nobody's emotion)" if facts["synthetic"] else ""
    return [
        "## Data",
        "",
        f"- Corpus: {facts['corpus']}{kind}",
        f"- Licence: {facts['licence']}",
        f"- {facts['events']:,} events in {facts['dialogues']:,} dialogues of {facts['sessions']} sessions",
        f"- Speakers: {facts['speakers']} ({speakers}), language {', '.join(facts['languages']) or 'not stated'}; age and "
        "accents: see data/LICENCES.md",
        "",
    ]


def _protocol_lines(forecaster: Forecaster) -> list[str]:
    facts, settings = forecaster.facts, forecaster.facts["settings"]
    held_out = "; ".join(", ".join(member.held_out) for member in forecaster.members)
    held_out = held_out if len(held_out) < 200 else f"{len(forecaster.members)} groups of sessions"
    return [
        "## Protocol",
        "",
        f"`{settings['protocol']}`: no session, and so no speaker of it, stands on both sides. Held out in turn: {held_out}. "
        f"Inside each training part {100 * settings['validation_fraction']:g} % of the events, in whole dialogues, are set "
        "aside: on them alone are fitted the temperature, the entropy from which a network does not answer (an answer must be "
        f"right {settings['least_gain']:g} times as often as by chance) and the distance from which a window is unlike the "
        f"training ({100 * settings['known_share']:g} % of these windows are nearer).",
        "",
    ] + ([] if settings["protocol"] == "session" else [f"Folds: {facts['folds']}.", ""])


def _score_lines(scores: list[dict[str, Any]], intervals: dict[str, Any]) -> list[str]:
    level = f"{100 * intervals['level']:g} %"
    head = [
        "shift",
        "events",
        "accuracy",
        "UAR",
        "calibration error",
        "answered",
        "accuracy when answered",
        "persistence",
        "chance",
    ]
    rows = [
        [
            f"+{row['shift_s']:g} s", f"{row['n']:g}",
            *(_percent(row, name) for name in ("accuracy", "uar", "ece")),
            _one(row["answered"]), _percent(row, "answered_accuracy", "answered"),
            _one(row["persistence"]), _one(row["chance"]),
        ]
        for row in scores
    ]  # fmt: skip
    return [
        "## Scores on sessions not heard",
        "",
        f'In percent, with {level} intervals by dialogue. Persistence is "the emotion labelled last goes on"; it reads true '
        "labels, which a forecaster has not.",
        "",
        *("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)),
        "",
    ]


def _origin_lines(forecaster: Forecaster) -> list[str]:
    facts, encoder = forecaster.facts, forecaster.encoder
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return [
        "## Origin",
        "",
        f"- Encoder: `{encoder['name']}`, {encoder['precision']}, SHA-256 `{encoder['digest']}`",
        f"- Network: {', '.join(f'{name} {value}' for name, value in facts['network'].items())}",
        f"- Seed {facts['seed']}; {versions}",
        "- Whom to write to: the authors in CITATION.cff",
    ]


def _percent(row: dict[str, Any], name: str, ends: str | None = None) -> str:
    """A score with its interval."""
    low, high = row[f"{ends or name}_low"], row[f"{ends or name}_high"]
    return _one(row[name]) + ("" if low is None else f" ({_one(low)} to {_one(high)})")


def _one(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f}"
