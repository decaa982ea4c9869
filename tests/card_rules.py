"""What `data/LICENCES.md` says that a model card must say, item by item, and how a test finds it on a card."""

import re

from emocast import paths

#: What an item of the page's list begins with -> what every card says of it.
RULES = {
    "Corpora, their versions and licences": ["- Corpus: ", "digest of this copy", "- Licence: ", "- Left out: "],
    "Whose labels": ["## Labels\n\n", r"Asked for: |raters|annotat|listeners|Its loader does not say"],
    "Speakers: how many": ["- Speakers: .*language", "- Not known here: age", r"- Speakers: \d+ \(\d+ \w+"],
    "The protocol": [r"## Protocol\n\n.*[Oo]n both sides", "dialogues: ", "speakers: ", "sessions: "],
    "UAR with its interval": [
        "## Scores\n\n", "other languages", "UAR", r"\d+\.\d \(\d+\.\d to \d+\.\d\)", r"(?i)recall", r"(?i)calibrat",
        "Groups of speakers",
    ],
    "The baseline": ["## Baselines\n\n", r"(?i)chance", "same emotion as"],
    "What it must not be used for": ["Not for decisions about people", r"Article 5\(1\)\(f\)", "high-risk system"],
    "The base model": [r"- Base model: .*(licen[cs]e|GPL|Apache|MIT|terms|without weights)", "CITATION.cff"],
}  # fmt: skip


def unsaid(card: str) -> list[str]:
    """The items of the page's list of which a card says nothing."""
    chapter = paths.LICENCES.read_text("utf-8").partition("### What a model card must say")[2].partition("```")[0]
    items = re.findall(r"^\d\. (.+)$", chapter, re.MULTILINE)
    assert list(RULES) == [next((rule for rule in RULES if item.startswith(rule)), item) for item in items]
    wanted = [(rule, said) for rule, patterns in RULES.items() for said in patterns]
    return [f"{rule}: {said}" for rule, said in wanted if not re.search(said.replace(" ", r"\s"), card)]
