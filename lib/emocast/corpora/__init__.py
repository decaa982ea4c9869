"""Where utterances come from: one module a corpus, all with the same face.

A corpus module's docstring is its data card. It holds `CITATION`, `LICENCE`, `URL`, `LABELS` (its codes -> ours), `GROUP`
(the column that no split may cross), `COUNTS` (the numbers of a complete copy), and two functions: `load(root)` gives the
utterance table of what can be used, `validate(root)` lists what is missing, unreadable or odd.

A corpus of one's own needs no module here: a profile names a Python file with a `load`, and `register` makes it known (`own`).
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .own import OwnCorpus

#: The corpora that can be loaded, by the name of their module.
NAMES: tuple[str, ...] = ("iemocap", "cremad", "emodb", "shemo", "meld")

_OWN: dict[str, Path] = {}


def register(name: str, file: Path | str) -> None:
    """Make a corpus of one's own known in this process; `profile.load` does so for those that a profile names.

    Args:
        name: what it is to be called, none of `NAMES`. A name that is registered again means the later file.
        file: the Python file with its `load`, which is not run before the corpus is asked for.

    Raises:
        ValueError: the name is one of ours.
    """
    if name in NAMES:
        raise ValueError(f"the corpus {name!r} has a loader of Emocast's: give your own another name")
    _OWN[name] = Path(file)


def get(name: str) -> ModuleType | OwnCorpus:
    """The module of a corpus, or what has the same face for a corpus of one's own.

    Args:
        name: one of `NAMES`, or one that was registered.

    Returns:
        What this package's docstring describes.

    Raises:
        ValueError: there is no such corpus; the message lists those there are.
        CorpusError: the file of a corpus of one's own cannot be run, or has no `load` (a ValueError too).
    """
    if name in _OWN:
        from . import own  # here: it imports what reads sound

        return own.read(name, _OWN[name])
    if name not in NAMES:
        raise ValueError(f"no corpus {name!r}; there are {', '.join([*NAMES, *_OWN])}")
    return import_module(f"{__name__}.{name}")
