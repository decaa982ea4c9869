"""Where utterances come from: one module a corpus, all with the same face.

A corpus module's docstring is its data card. It holds `CITATION`, `LICENCE`, `URL`, `LABELS` (its codes -> ours), `GROUP`
(the column that no split may cross), `COUNTS` (the numbers of a complete copy), and two functions: `load(root)` gives the
utterance table of what can be used, `validate(root)` lists what is missing, unreadable or odd.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

#: The corpora that can be loaded, by the name of their module.
NAMES: tuple[str, ...] = ("iemocap", "cremad", "emodb", "shemo", "meld")


def get(name: str) -> ModuleType:
    """The module of a corpus.

    Args:
        name: one of `NAMES`.

    Returns:
        The module, with the face that this package's docstring describes.

    Raises:
        ValueError: there is no such corpus; the message lists those there are.
    """
    if name not in NAMES:
        raise ValueError(f"no corpus {name!r}; there are {', '.join(NAMES)}")
    return import_module(f"{__name__}.{name}")
