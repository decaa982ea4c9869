"""Balance the classes before anything is split: the undersampling of the preprint, and of the thesis's test sets.

The preprint evens out IEMOCAP's unequal emotions by undersampling ("Datasets"). Its test sets of 391, 587 and 782
events (Tables 1 to 3) are 20 % of two, three and four times 977, the number of excitement events that have ten seconds
of dialogue before them: so every class in play is cut to the size of the smallest, before the split.

The thesis tests each recogniser on equally many utterances of four classes (5.1): 1,087 a class of CREMA-D as the actors
were asked, 353 as listeners rated, 62 of EmoDB, 201 of ShEMO. Each is the smallest class's size: the same cut.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def undersample(
    table: pd.DataFrame,
    *,
    column: str = "emotion",
    classes: Sequence[str],
    random_state: int | np.random.Generator,
) -> pd.DataFrame:
    """Cut every class in play at random to the size of the smallest one.

    Args:
        table: one row an event or utterance.
        column: the column that holds the classes.
        classes: the classes in play; rows of others, or of none, are dropped.
        random_state: seed or generator of the draw.

    Returns:
        The rows kept, in their original order and with their original index: (classes x smallest size) rows.

    Raises:
        ValueError: a class in play has no row, or is named twice.
        KeyError: the table has no such column.
    """
    return table.iloc[undersampled_positions(table[column], classes=classes, random_state=random_state)]


def undersampled_positions(
    labels: pd.Series, *, classes: Sequence[str], random_state: int | np.random.Generator
) -> np.ndarray:
    """Choose the positions that `undersample` keeps, to apply the same choice to an array of embeddings.

    Args:
        labels: the class of each row, (n,).
        classes: the classes in play.
        random_state: seed or generator of the draw.

    Returns:
        Positions within `labels`, ascending.

    Raises:
        ValueError: a class in play has no row, or is named twice.
    """
    classes = list(classes)
    if not classes or len(set(classes)) < len(classes):
        raise ValueError(f"the classes in play are {classes}: name at least one, and each once")
    positions = {name: np.flatnonzero(labels.eq(name).fillna(False).to_numpy(dtype=bool)) for name in classes}
    counts = {name: len(found) for name, found in positions.items()}
    for name, count in counts.items():
        if count == 0:
            raise ValueError(f"no row of the class {name!r}, so nothing can be balanced; found {counts}")
    generator = np.random.default_rng(random_state)
    smallest = min(counts.values())
    chosen = [generator.choice(found, size=smallest, replace=False) for found in positions.values()]
    return np.sort(np.concatenate(chosen))
