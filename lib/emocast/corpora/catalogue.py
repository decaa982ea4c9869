"""The 32 corpora of the preprint's audit, and by which rule a corpus is fit for forecasting.

The preprint looked at the 32 corpora that EmoBox lists (arXiv:2406.07162) and kept IEMOCAP and MELD, because corpora "are very
rarely in dialogue settings where subjects are responding to each other's utterances". It prints no table. Here is one:
`catalogue.yaml` holds the facts with their sources, this module the rules. A fact that was not found is "not stated", and
what is not stated is not met.

Three criteria follow from what the preprint says (its "Datasets" and "Preprocessing SER Datasets for Forecasting"): dialogue,
sound of the whole conversation, labels with times. Size and access are demanded by every experiment. These five leave
*three* corpora: M3ED, in Mandarin, meets them too. The preprint does not say why it was left out; that its encoder was trained
on English speech is our reading, and so a sixth criterion that is marked as ours.
"""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import yaml

#: Criterion -> what it asks, in the order of the tables.
CRITERIA: dict[str, str] = {
    "dialogue": "Do turns answer each other?",
    "audio": "Is there the sound of the whole conversation, or can it be rebuilt?",
    "times": "Has each utterance an emotion and its times in the conversation?",
    "size": "Are there utterances enough?",
    "access": "Can it be had?",
    "language": "Is it in the language of the preprint's encoder, English?",
}
#: Who asks it: the preprint in its own words, any experiment, or this audit alone (see above).
ASKED_BY: dict[str, str] = {
    "dialogue": "the preprint",
    "audio": "the preprint",
    "times": "the preprint",
    "size": "any experiment",
    "access": "any experiment",
    "language": "this audit",
}
#: The answers that meet a criterion which the catalogue answers itself.
MEETING: dict[str, tuple[str, ...]] = {
    "dialogue": ("yes",),
    "audio": ("yes", "rebuilt"),
    "times": ("yes",),
    "access": ("open", "on application"),
}
#: All other answers that it may give.
FAILING: dict[str, tuple[str, ...]] = {
    "dialogue": ("no", "not stated"),
    "audio": ("no", "not stated"),
    "times": ("no", "not stated"),
    "access": ("not obtainable", "not stated"),
}
MET, NOT_MET, NOT_STATED = "met", "not met", "not stated"
#: What the preprint kept.
PUBLISHED = ("IEMOCAP", "MELD")

_FILE = Path(__file__).with_suffix(".yaml")
_FACTS = ("name", "language", "kind", "emotions", "speakers", "utterances", "hours", "url", "source")


class CatalogueError(ValueError):
    """An entry of the catalogue lacks a fact or gives an answer that does not exist."""


def load(path: Path = _FILE) -> pd.DataFrame:
    """Read the catalogue.

    Args:
        path: the YAML file.

    Returns:
        One row a corpus, by `name`: language, kind, emotions (classes), speakers (missing where nobody counted),
        utterances, hours, url, source; and of each criterion in `MEETING` the answer and its reason (`dialogue`,
        `dialogue_reason`, ...).

    Raises:
        CatalogueError: a fact is missing, a corpus is listed twice, or an answer is none of `MEETING` and `FAILING`.
    """
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))["corpora"]
    table = pd.DataFrame([_row(entry) for entry in entries]).set_index("name")
    if table.index.has_duplicates:
        raise CatalogueError(f"{path.name} lists {table.index[table.index.duplicated()][0]} twice")
    return table.astype({"speakers": "Int64"})


def events_needed(*, accuracy: float = 0.75, margin: float = 0.04, test_fraction: float = 0.2) -> int:
    """How many events an experiment of the preprint's design needs to say anything.

    A fifth of the events is tested on (its "Experiments and Results"), and an accuracy near its 0.73 for four classes is to be
    known within four points at 95 % (normal approximation: p +- 1.96 sqrt(p (1 - p) / n)): two models whose true accuracies are
    closer could not be told apart. Dependence within dialogues asks for more, so this is the least.

    Args:
        accuracy: the accuracy p about which is asked, between 0 and 1.
        margin: half the interval.
        test_fraction: share of the events that is held out.

    Returns:
        The number of events, test and training together.
    """
    return math.ceil(math.ceil(1.96**2 * accuracy * (1 - accuracy) / margin**2) / test_fraction)


def criteria(catalogue: pd.DataFrame) -> pd.DataFrame:
    """Hold each corpus against each criterion.

    Each utterance counts as an event here, though those of a dialogue's first ten seconds are none: a corpus that is too
    small by this count is too small by any.

    Args:
        catalogue: from `load`.

    Returns:
        Index as the catalogue, columns `CRITERIA`; "met", "not met" or "not stated".
    """
    scored = {
        criterion: catalogue[criterion].map(lambda answer, of=criterion: _score(answer, of)) for criterion in MEETING
    }
    scored["size"] = _met(catalogue["utterances"] >= events_needed())
    # "several" languages are not named in the source
    scored["language"] = _met(catalogue["language"].str.contains("English")).mask(
        catalogue["language"] == "several", NOT_STATED
    )
    return pd.DataFrame(scored)[list(CRITERIA)]


def verdicts(catalogue: pd.DataFrame) -> pd.DataFrame:
    """Which corpora fit, and of the others each reason why not.

    Args:
        catalogue: from `load`.

    Returns:
        Index as the catalogue. `fits`: all criteria are met; `criteria_met`: how many; `fails`: the others by name;
        `why`: their reasons; `excluded_by`: the first of `ASKED_BY` one of whose criteria fails, so "this audit" where the
        preprint names no reason, empty where all are met; `preprint`: "kept" or "left out".
    """
    scored = criteria(catalogue)
    failing = scored != MET
    table = pd.DataFrame(index=catalogue.index)
    table["fits"] = ~failing.any(axis=1)
    table["criteria_met"] = (~failing).sum(axis=1)
    table["fails"] = failing.apply(lambda row: ", ".join(row.index[row]), axis=1)
    table["why"] = [_why(catalogue.loc[name], failing.loc[name]) for name in catalogue.index]
    table["excluded_by"] = failing.apply(_excluded_by, axis=1)
    table["preprint"] = ["kept" if name in PUBLISHED else "left out" for name in catalogue.index]
    return table


def _row(entry: dict) -> dict:
    """One entry with its answers and reasons in columns of their own, checked."""
    name = entry.get("name", "an entry without a name")
    missing = [key for key in (*_FACTS, *MEETING) if key not in entry]
    if missing:
        raise CatalogueError(f"{name}: {missing[0]!r} is missing in {_FILE.name}")
    row = {key: entry[key] for key in _FACTS}
    for criterion in MEETING:
        answer, reason = entry[criterion]
        if answer not in (*MEETING[criterion], *FAILING[criterion]):
            known = ", ".join((*MEETING[criterion], *FAILING[criterion]))
            raise CatalogueError(f"{name}: {criterion} is {answer!r} in {_FILE.name}; it may be {known}")
        row |= {criterion: answer, f"{criterion}_reason": reason}
    return row


def _score(answer: str, criterion: str) -> str:
    if answer in MEETING[criterion]:
        return MET
    return NOT_STATED if answer == "not stated" else NOT_MET


def _met(holds: pd.Series) -> pd.Series:
    return holds.map({True: MET, False: NOT_MET})


def _why(corpus: pd.Series, failing: pd.Series) -> str:
    """The reasons of the criteria that fail, each once."""
    computed = {
        "size": f"{corpus['utterances']:,} utterances, {events_needed():,} are needed",
        "language": "its languages are not stated" if corpus["language"] == "several" else f"in {corpus['language']}",
    }
    return "; ".join(computed.get(name) or corpus[f"{name}_reason"] for name in failing.index[failing])


def _excluded_by(failing: pd.Series) -> str:
    return next((ASKED_BY[name] for name in failing.index[failing]), "")
