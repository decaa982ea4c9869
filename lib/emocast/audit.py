"""The dialogue corpora that are at hand, for the audit of notebook 01: found, checked, loaded, and marked when synthetic.

The audit first says by rule which corpora are fit (`corpora.catalogue`), then looks at those in depth. A reader has one of
them, or both, or none: the profile's own folder counts first, the demo's synthetic twin stands in for it, and what is not there
is said in one sentence.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pandas as pd

from . import corpora, published, windows
from . import profile as profiles
from .corpora.table import CorpusError, CorpusWarning
from .profile import Profile

_STAND_IN = "demo"  # the profile whose twins stand in for what another profile lacks


@dataclass(frozen=True, eq=False)
class Held:
    """One corpus that is at hand.

    Attributes:
        name: as in `corpora.NAMES`.
        corpus: its module.
        root: the folder it was read from.
        synthetic: whether it is a twin and no recording of people.
        settings: the profile's settings for it.
        problems: what `validate` found in this copy.
        utterances: the utterance table.
    """

    name: str
    corpus: ModuleType
    root: Path
    synthetic: bool
    settings: Profile
    problems: pd.DataFrame
    utterances: pd.DataFrame

    @property
    def title(self) -> str:
        """What every title says: a twin is marked as one."""
        return f"{self.corpus.NAME} (synthetic)" if self.synthetic else self.corpus.NAME

    @property
    def events(self) -> pd.DataFrame:
        """The labelled turns of the classes that the settings' tasks name."""
        classes = {emotion for task in self.settings.tasks.values() for emotion in task}
        return self.utterances[self.utterances["emotion"].isin(classes)]

    def cut(self, *, shift_s: float = 0.0) -> pd.DataFrame:
        """The windows of the events that have one at a shift, as the settings cut them."""
        lies = self.settings.windows
        return windows.before(self.events, shift_s=shift_s, length_s=lies.length_s, guard_s=lies.guard_s).windows


def at_hand(profile: str, fitting: Collection[str]) -> tuple[list[Held], list[str]]:
    """Load the corpora that the audit kept, as far as they are there.

    Args:
        profile: the profile's name or file.
        fitting: the kept corpora by the names of the catalogue, for example "IEMOCAP".

    Returns:
        Those that are at hand, in the order of `corpora.NAMES`; and a sentence for each of the others.
    """
    held, missing = [], []
    for name in corpora.NAMES:
        if corpora.get(name).NAME in fitting:
            found = _load(name, profile)
            (missing if isinstance(found, str) else held).append(found)
    return held, missing


def overview(held: Sequence[Held]) -> pd.DataFrame:
    """The corpora in numbers, beside what their modules say of a complete release.

    Args:
        held: from `at_hand`.

    Returns:
        One row a number, by `what`; a column a corpus, and for each "... complete" with the release's number where it is known.
    """
    columns = {}
    for one in held:
        columns[one.title] = _numbers(one.utterances)
        columns[f"{one.corpus.NAME} complete"] = _complete(one.corpus.COUNTS)
    return pd.DataFrame(columns, dtype=object).rename_axis("what")


def balance(one: Held) -> pd.DataFrame:
    """How many events each class has before and after the undersampling of each task.

    The events are those with a full window at shift 0; each class of a task is cut to the size of its smallest.

    Args:
        one: a corpus at hand.

    Returns:
        Columns task, emotion, before, after; in the order of the tasks and their classes.
    """
    counts = one.cut()["emotion"].value_counts()
    rows = []
    for task, classes in one.settings.tasks.items():
        found = counts.reindex(classes, fill_value=0)
        rows += [(task, emotion, int(found[emotion]), int(found.min())) for emotion in classes]
    return pd.DataFrame(rows, columns=["task", "emotion", "before", "after"])


def totals(one: Held, balanced: pd.DataFrame) -> pd.DataFrame:
    """What undersampling leaves of each task, beside the test set that the preprint prints.

    Args:
        one: a corpus at hand.
        balanced: its `balance`.

    Returns:
        One row a task, by `task`: classes, smallest (class), left (events after undersampling), test (the settings' share of
        them), published_test (events of the preprint's test set on the real corpus; missing where it prints none).
    """
    printed = published.load()
    printed = printed[printed["dataset"].eq(one.corpus.NAME) & printed["metric"].eq("test_accuracy")]
    supports = printed.set_index("experiment")["support"]
    tasks = balanced.groupby("task", sort=False)
    table = tasks.agg(classes=("emotion", "size"), smallest=("after", "min"), left=("after", "sum"))
    table["test"] = (one.settings.split.test_fraction * table["left"]).round().astype(int)
    experiments = [f"forecast-{classes}-class" for classes in table["classes"]]
    table["published_test"] = supports.reindex(experiments).astype("Int64").to_numpy()
    return table


def filters(one: Held) -> pd.DataFrame:
    """Rows left after each filter on the way from utterances to events that every shift can forecast.

    Args:
        one: a corpus at hand.

    Returns:
        One row a filter, by `filter`, with `rows`.
    """
    farthest = max(one.settings.windows.shifts_s)
    rows = {
        "utterances": len(one.utterances),
        "labelled": int(one.utterances["emotion"].notna().sum()),
        "of a class that a task names": len(one.events),
        "with a full window at shift 0 s": len(one.cut()),
        f"with a full window at all shifts to {farthest:g} s": len(one.cut(shift_s=farthest)),
    }
    return pd.Series(rows, name="rows").rename_axis("filter").to_frame()


def stacked(held: Sequence[Held], tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of several corpora one under the other, with the corpus in front; empty where there is none.

    Args:
        held: the corpora.
        tables: one for each.
    """
    marked = [table.reset_index(drop=not any(table.index.names)) for table in tables]
    for one, table in zip(held, marked, strict=True):
        table.insert(0, "corpus", one.title)
    return pd.concat(marked, ignore_index=True) if marked else pd.DataFrame({"corpus": []})


def _load(name: str, profile: str) -> Held | str:
    """The corpus, or why it is not there."""
    corpus = corpora.get(name)
    root, settings = _place(name, profile)
    if root is None:
        return (
            f"{corpus.NAME} is not there: neither in the profile's folder nor as the demo's synthetic twin; see "
            f"data/README.md#{name}."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CorpusWarning)  # the table of problems lists what is left out
            utterances = corpus.load(root)
        problems = corpus.validate(root)
    except CorpusError as error:
        return f"{corpus.NAME} cannot be used: {error}."
    return Held(name, corpus, root, corpus.is_synthetic(root), settings, problems, utterances)


def _place(name: str, profile: str) -> tuple[Path | None, Profile]:
    """The folder of a corpus and the settings for it: of the profile if it is there, else the demo's twin."""
    own = profiles.load(profile)
    for settings in (own, profiles.load(_STAND_IN)):
        if name in settings.corpora and settings.corpus_root(name).is_dir():
            other = name in settings.for_corpus and name != settings.corpus
            return settings.corpus_root(name), profiles.load(profile, corpus=name) if other else own
    return None, own


def _numbers(utterances: pd.DataFrame) -> pd.Series:
    hours = (utterances["end_s"] - utterances["start_s"]).sum() / 3600
    different = utterances[["dialogue", "scenario", "session", "speaker"]].nunique()
    return pd.Series(
        {
            "utterances": len(utterances),
            "with an emotion": int(utterances["emotion"].notna().sum()),
            **{f"{column}s": int(number) for column, number in different.items()},
            "hours of speech": round(hours, 2),
        },
        dtype=object,  # counts stay whole beside a fraction
    )


def _complete(counts: dict) -> pd.Series:
    """Utterances, labels and dialogues of the release, as far as its module counts them."""
    dialogues = counts["dialogues"]
    total = sum(counts["utterances"].values())
    return pd.Series(
        {
            "utterances": total,
            "with an emotion": total - counts["codes"].get("xxx", 0),
            "dialogues": sum(dialogues.values()) if isinstance(dialogues, dict) else dialogues,
        },
        dtype=object,
    )
