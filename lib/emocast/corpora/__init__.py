"""Where utterances come from: one module a corpus, each with a `CORPUS` (`table.Corpus`) that says all there is to know of it.

A module's docstring is its data card; licence, sources and numbers are in `releases.yaml`. To add a corpus: its module, its
part of that file, its name below, its folder in `profiles/open.yaml`. A corpus of one's own needs no module: a profile names a
Python file with a `load`, and `register` makes it known (`table.own`).
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .table import Corpus

#: The corpora that can be loaded, by the name of their module.
NAMES: tuple[str, ...] = ("iemocap", "cremad", "emodb", "shemo", "ravdess", "nemo", "urdu", "emovo", "meld")

_OWN: dict[str, Path] = {}


def register(name: str, file: Path | str) -> None:
    """Make a corpus of one's own known by the Python file with its `load`; ValueError for one of `NAMES`."""
    if name in NAMES:
        raise ValueError(f"the corpus {name!r} has a loader of Emocast's: give your own another name")
    _OWN[name] = Path(file)


def get(name: str) -> Corpus:
    """A corpus, one of `NAMES` or one that was registered: ValueError for others, CorpusError if its file cannot be run."""
    if name in _OWN:
        return import_module(f"{__name__}.table").own(name, _OWN[name])  # here: it imports what reads sound
    if name not in NAMES:
        raise ValueError(f"no corpus {name!r}; there are {', '.join([*NAMES, *_OWN])}")
    return import_module(f"{__name__}.{name}").CORPUS


def test_sets() -> dict[str, tuple[str, dict[str, str]]]:
    """The thesis's test sets (its section 5.1) by their names in `published.csv`: corpus, and the options of its `load`."""
    return {title: (name, options) for name in NAMES for title, options in get(name).test_sets.items()}
