"""What the recognisers are tested on: the thesis's five test sets in three languages (5.1), as far as they are here.

Beside them stand the corpora of one's own that the profile names, each as one more test set.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .. import corpora, labels
from ..corpora.table import CorpusError
from ..profile import Profile

#: Test set (the names of `published.csv`) -> corpus and what its `load` is told.
SETS: dict[str, tuple[str, dict[str, str]]] = {
    "IEMOCAP (full)": ("iemocap", {}),
    "CREMA-D (self-reported)": ("cremad", {"rating": "self-reported"}),
    "CREMA-D (rated)": ("cremad", {"rating": "rated"}),
    "Emo-DB": ("emodb", {}),
    "ShEMO": ("shemo", {}),
}

#: The test sets on which candidates are screened (thesis 4.2); which of CREMA-D's label sets it used, the thesis does not say.
SCREENED = ("Emo-DB", "CREMA-D (self-reported)")


@dataclass(frozen=True, eq=False)
class TestSet:
    """One test set, before it is balanced.

    Attributes:
        corpus: the name of its corpus's module.
        table: its utterances, `emotion` brought to the four classes or missing.
        root: the corpus root.
    """

    __test__ = False  # pytest would take the name for a test's

    corpus: str
    table: pd.DataFrame
    root: Path

    @property
    def language(self) -> str:
        """The commonest language of its utterances, for example "de"; "not stated" where a corpus does not say."""
        return next(iter(self.table["language"].mode()), "not stated")

    @property
    def smallest_class(self) -> int:
        """How many utterances of each class a balanced draw has; 0 when a class has none."""
        return int(self.table["emotion"].value_counts().reindex(labels.FOUR, fill_value=0).min())


def load(profile: Profile) -> tuple[dict[str, TestSet], pd.DataFrame]:
    """Read the test sets whose corpora are there.

    Args:
        profile: the run's settings.

    Returns:
        The test sets by their names in the thesis's order, then those of one's own, and a table of those that were left out:
        test_set, reason.
    """
    found, left_out = {}, []
    own = {name: (name, {}) for name in profile.loaders}
    for name, (corpus, options) in {**SETS, **own}.items():
        if corpus not in profile.corpora:
            left_out.append({"test_set": name, "reason": f"the profile {profile.name!r} names no folder for {corpus}"})
            continue
        root = profile.corpus_root(corpus)
        try:
            table = corpora.get(corpus).load(root, **options)
        except CorpusError as error:
            left_out.append({"test_set": name, "reason": str(error)})
            continue
        found[name] = TestSet(corpus, table.assign(emotion=labels.four_classes(table["emotion"])), root)
    return found, pd.DataFrame(left_out, columns=["test_set", "reason"])
