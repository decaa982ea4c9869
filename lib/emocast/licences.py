"""What each corpus and checkpoint lets one do, as the page `data/LICENCES.md` says it: one truth for people and for code.

People need prose, conditions and doubts; the report, `make data` and model cards need one line a corpus or checkpoint. So
the page is written for people and read here. Under each of its headings in `KINDS`, a section (`### Title`) is one entry:

    - **Name**: `meld`                         (in backticks; more than one where the hub has two names)
    - **Licence**: GPL-3.0 for ...
    - **Source**: <https://github.com/...>     (where the licence can be read)

and one fenced block of BibTeX. Other lines are for people only. `python -m emocast.licences` prints all lines and citations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields

import pandas as pd

from . import paths

PAGE = paths.LICENCES

#: The page's headings that hold entries -> what an entry below them is.
KINDS: dict[str, str] = {"Corpora": "corpus", "Checkpoints": "checkpoint", "Synthetic speech": "synthesiser"}

_FENCE = re.compile(r"^```bibtex\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FIRST = {"Name": re.compile(r"`[^`]+`"), "Licence": re.compile(r"\S.*"), "Source": re.compile(r"<https?://[^>\s]+>")}


@dataclass(frozen=True)
class Entry:
    """What the page says of one corpus, checkpoint or synthesiser.

    Attributes:
        name: a corpus's module, a checkpoint's hub id.
        other_names: further names of the same.
        title: as people call it.
        kind: a value of `KINDS`.
        licence: in one line.
        source: the address where the licence can be read.
        bibtex: how to cite it.
    """

    name: str
    other_names: tuple[str, ...]
    title: str
    kind: str
    licence: str
    source: str
    bibtex: str

    @property
    def line(self) -> str:
        """The entry in one line, for a report or a model card."""
        return f"{self.title} ({self.name}): {self.licence}; see {self.source}"


def entries() -> pd.DataFrame:
    """All entries in the page's order: one row each, the columns of `Entry`.

    Raises:
        ValueError: a section of the page lacks something; the message names it.
    """
    return pd.DataFrame([asdict(entry) for entry in _read()], columns=[field.name for field in fields(Entry)])


def of(name: str) -> Entry:
    """The entry of one corpus or checkpoint.

    Args:
        name: a corpus ("meld"), a hub id ("gpt2"), or an encoder as profiles name it, with its kind, file and layer
            ("transformers:microsoft/wavlm-base-plus@6", "msclap:microsoft/msclap/CLAP_weights_2023.pth").

    Raises:
        KeyError: the page does not list it, for example a checkpoint of one's own.
        ValueError: a section of the page lacks something.
    """
    found = {known: entry for entry in _read() for known in (entry.name, *entry.other_names)}
    plain = _plain(name)
    if plain not in found:
        raise KeyError(
            f"no licence of {name!r} in {paths.relative(PAGE)}, which lists {', '.join(found)}; "
            "find out under which licence it is before you use it, and add a section"
        )
    return found[plain]


def trained_on(name: str) -> str:
    """On what a checkpoint was trained, in the words of the page's table; empty where the page does not list it.

    Args:
        name: as for `of`.
    """
    row = re.search(rf"^\| `{re.escape(_plain(name))}` \|.*\| ([^|]+) \|$", _chapter("Checkpoints"), re.MULTILINE)
    return row.group(1) if row else ""


def bibtex() -> str:
    """All BibTeX blocks of the page, those of its references too, one empty line between them."""
    return "\n\n".join(block.strip() for block in _FENCE.findall(_page())) + "\n"


def _plain(name: str) -> str:
    """An encoder's name without its kind, its layer and the file within the hub's repository."""
    source = name.rpartition(":")[2].partition("@")[0]
    return "/".join(source.split("/")[:2])


def _page() -> str:
    return PAGE.read_text("utf-8")


def _chapter(heading: str) -> str:
    return _page().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def _read() -> list[Entry]:
    return [_entry(kind, title, text) for kind, title, text in _sections(_page())]


def _sections(page: str) -> Iterator[tuple[str, str, str]]:
    """The kind, title and text of each section below a heading of `KINDS`."""
    for chapter in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        heading, _, body = chapter.partition("\n")
        if heading in KINDS:
            for section in re.split(r"^### ", body, flags=re.MULTILINE)[1:]:
                title, _, text = section.partition("\n")
                yield KINDS[heading], title, text


def _entry(kind: str, title: str, text: str) -> Entry:
    name, *others = (found.strip("`") for found in _values(title, text, "Name"))
    licence = _values(title, text, "Licence")[0]
    source = _values(title, text, "Source")[0].strip("<>")
    blocks = _FENCE.findall(text)
    if len(blocks) != 1:
        raise ValueError(f"{_where(title)} has {len(blocks)} fenced blocks of BibTeX: it needs one")
    return Entry(name, tuple(others), title, kind, licence, source, blocks[0].strip())


def _values(title: str, text: str, key: str) -> list[str]:
    """What the section's line `- **key**: ...` holds; for people, further lines may follow it."""
    line = re.search(rf"^- \*\*{key}\*\*: (.*)$", text, re.MULTILINE)
    values = _FIRST[key].findall(line.group(1)) if line else []
    if not values:
        form = {"Name": "`name`", "Licence": "...", "Source": "<https://...>"}[key]
        raise ValueError(f"{_where(title)} has no line '- **{key}**: {form}': add it")
    return values


def _where(title: str) -> str:
    return f"{paths.relative(PAGE)}, section {title!r},"


if __name__ == "__main__":
    print(*(entry.line for entry in _read()), sep="\n")
    print(f"\n{bibtex()}", end="")
