"""Model cards: one writer for all models of a run, so that each says what `data/LICENCES.md` says that a card must say.

A card is Markdown beside the model. Whoever trained it brings the sections; what is the same for every model (what it must not
be used for, whom to write to) stands here, and a card without one of `SECTIONS` is not written.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from . import corpora, licences, paths
from .corpora import table as tables
from .profile import Profile

CARD = "MODEL_CARD.md"
#: What a card's author writes, in the order of the page.
SECTIONS: tuple[str, ...] = ("Data", "Labels", "Speakers", "Protocol", "Scores", "Baselines", "Limits", "Origin")

_USE = """Research on methods: to reproduce two papers, to see how sure a model is, and to teach. For recordings whose speakers
agreed to it.

**Not for decisions about people.** Not to judge, rank, hire, monitor or discipline anybody, not in policing or courts, not for
diagnosis or care, not on children, not on people who do not know it. Inferring emotions of people at work or in education is
forbidden in the European Union (Regulation (EU) 2024/1689, Article 5(1)(f)); the model has not been assessed as a high-risk
system. data/LICENCES.md says more."""

_LABELLED = re.compile(r"^How labelled: (.*?)(?=\n\n|\n[A-Z][\w ]*: |\Z)", re.MULTILINE | re.DOTALL)


def text(title: str, about: str, sections: Mapping[str, str | Sequence[str]]) -> str:
    """Put a card together.

    Args:
        title: the page's heading.
        about: what the model is, in a sentence or two.
        sections: for each of `SECTIONS` its Markdown, as one text or as the items of a list.

    Returns:
        The card as Markdown.

    Raises:
        ValueError: a section is missing, empty or unknown.
    """
    wrong = [name for name in SECTIONS if not sections.get(name)] + [name for name in sections if name not in SECTIONS]
    if wrong:
        raise ValueError(
            f"{title}: section {wrong[0]!r} is missing, empty or unknown; a card has {', '.join(SECTIONS)}"
        )
    bodies = {name: _body(sections[name]) for name in SECTIONS}
    bodies["Baselines"] += f"\n\n## Intended use\n\n{_USE}"
    bodies["Origin"] += "\n- Whom to write to: the authors in CITATION.cff"
    return "\n\n".join([f"# {title}", about, *(f"## {name}\n\n{body}" for name, body in bodies.items())]) + "\n"


def write(folder: Path, card: str) -> Path:
    """Put a card beside a model, whole or not at all; one that says the same already stays as it is."""
    path = folder / CARD
    if not path.is_file() or path.read_text(encoding="utf-8") != card:
        with paths.replacing(path) as partial:
            partial.write_text(card, encoding="utf-8")
    return path


def grid(rows: pd.DataFrame) -> str:
    """A table of text in Markdown: the columns' names, then the rows."""
    lines = [list(rows.columns), ["---"] * len(rows.columns), *rows.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def percent(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """A fraction in percent, with its interval where it has one; "none" where there is no value."""
    if pd.isna(value):
        return "none"
    return f"{100 * value:.1f}" + ("" if pd.isna(low) else f" ({100 * low:.1f} to {100 * high:.1f})")


def corpus(profile: Profile, used: pd.DataFrame, *, name: str = "") -> dict[str, Any]:
    """What a card tells of the recordings that a model was made of.

    Args:
        profile: the run's settings.
        used: the utterances, or files, that count: rows of the corpus's utterance table.
        name: the corpus; empty: the profile's main one.

    Returns:
        JSON values: corpus, synthetic, licence, labelled (whose labels), sessions, speakers, sexes, languages.
    """
    name = name or profile.corpus
    module, synthetic = corpora.get(name), tables.is_synthetic(profile.corpus_root(name))
    people = used.drop_duplicates("speaker")
    return {
        "corpus": module.NAME,
        "synthetic": synthetic,
        "licence": licences.of("espeak-ng").line if synthetic else module.LICENCE,
        "labelled": how_labelled(module),
        "sessions": int(used["session"].nunique()),
        "speakers": int(used["speaker"].nunique()),
        "sexes": {str(sex): int(count) for sex, count in people["sex"].fillna("unknown").value_counts().items()},
        "languages": sorted(used["language"].dropna().astype(str).unique()),
    }


def how_labelled(module: ModuleType | object) -> str:
    """Whose labels a corpus has, as its data card (the module's docstring) says it."""
    found = _LABELLED.search(inspect.getdoc(module) or "") if inspect.ismodule(module) else None
    words = " ".join(found.group(1).split()) if found else "its loader does not say."
    return words[0].upper() + words[1:]


def data(facts: Mapping[str, Any], counted: str, left_out: Mapping[str, int]) -> list[str]:
    """The items of the section "Data".

    Args:
        facts: from `corpus`.
        counted: what the model was made of, in numbers.
        left_out: why utterances were left out -> how many.
    """
    kind = " (a synthetic twin: nobody's voice, nobody's emotion)" if facts["synthetic"] else ""
    why = "; ".join(f"{count:,} {reason}" for reason, count in left_out.items()) or "none"
    return [
        f"Corpus: {facts['corpus']}{kind}; the digest of this copy stands on the run's page, run.html",
        f"Licence: {facts['licence']}",
        counted,
        f"Left out: {why}. Files that could not be read at all are listed by notebook 01",
    ]


def sound(name: str, root: Path, counted: str) -> list[str]:
    """The items of the section "Data" of a corpus of which only the sound is read.

    Args:
        name: the corpus as `data/LICENCES.md` names it, or one that the page does not list.
        root: its folder.
        counted: what the model was made of, in numbers.
    """
    synthetic = tables.is_synthetic(root)
    known = {entry.name: entry for entry in licences.entries().itertuples()}
    facts = {"corpus": known[name].title if name in known else name, "synthetic": synthetic}
    licence = licences.of("espeak-ng").line if synthetic else licences.of(name).line if name in known else "not listed"
    return data({**facts, "licence": licence}, counted, {})


def labels(facts: Mapping[str, Any]) -> str:
    """The section "Labels" of facts from `corpus`."""
    if facts["synthetic"]:
        return (
            "Asked for: a synthesiser spoke each utterance in the emotion that a script gave it, and the label files are "
            f"written from that script; nobody felt or rated anything. In the real corpus: {facts['labelled']}"
        )
    return f"{facts['labelled']} How far raters agree, as far as it was published: data/LICENCES.md."


def speakers(facts: Mapping[str, Any]) -> list[str]:
    """The items of the section "Speakers" of facts from `corpus`."""
    sexes = ", ".join(f"{count} {sex}" for sex, count in facts["sexes"].items())
    return [
        f"Speakers: {facts['speakers']} ({sexes}), language {', '.join(facts['languages']) or 'not stated'}",
        "Not known here: age, accents, second languages, illness; what was published of them: data/LICENCES.md, "
        '"Who is missing"',
    ]


def base(name: str) -> str:
    """A base model and its licence in one line; a checkpoint that the page does not list may be one of a run's own."""
    if ":" not in name and "/" not in name:
        return f"`{name}`: computed, without weights of anybody"
    try:
        return f"`{name}`: {licences.of(name).line}"
    except KeyError:
        if "/models/" in name:
            return f"`{name}`: trained by a run of Emocast, under the terms of the recordings that it heard; see its own card"
        return f"`{name}`: not listed in data/LICENCES.md; its licence is not known here"


def _body(section: str | Sequence[str]) -> str:
    return section if isinstance(section, str) else "\n".join(f"- {item}" for item in section)
