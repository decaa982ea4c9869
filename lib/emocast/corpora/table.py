"""The utterance table: one row an utterance, the same columns for every corpus, and the list of what is wrong with a copy.

Every loader ends in `build`, which gives the columns their types, sorts the rows and refuses what cannot be. Every
validator ends in `problems`, so that a reader sees one kind of list whatever the corpus.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from .. import labels

#: Column -> pandas type. Missing is `pd.NA` (text) or NaN (numbers), never a magic value. Units: see `build`.
COLUMNS: dict[str, str] = {
    "corpus": "string",
    "utterance": "string",
    "dialogue": "string",
    "session": "string",
    "scenario": "string",
    "speaker": "string",
    "sex": "string",
    "language": "string",
    "audio": "string",
    "start_s": "float64",
    "end_s": "float64",
    "emotion": "string",
    "valence": "float64",
    "arousal": "float64",
    "dominance": "float64",
    "rating": "string",
}
#: Columns that a table has only where its corpus knows them. `session_offset_s`: what to add to a second of `audio` to be on
#: the clock of the whole session. Files that were cut out of one recording may overlap there, and none of them shows it.
#: `voices`: all who speak in the dialogue, whatever their emotion (`build` reads it off the rows); a window hears them all.
OPTIONAL: dict[str, str] = {"session_offset_s": "float64", "voices": "string"}
#: Stands between the names in `voices`.
BETWEEN_VOICES = "|"
_ALWAYS = ("corpus", "utterance", "speaker", "audio", "start_s", "end_s")
_SEXES = {"female", "male"}
_SYNTHETIC = "synthetic.json"
_RATINGS = {"rated", "self-reported"}


class CorpusError(ValueError):
    """A corpus is not there, or nothing of it can be used. The message says where it was looked for and what to do."""


class CorpusWarning(UserWarning):
    """Parts of a corpus were left out; `validate` of its module lists them."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a copy of a corpus.

    Attributes:
        file: the file or folder, relative to the corpus root.
        problem: its kind in a few words, the same words for the same kind.
        detail: what was found, with numbers or the line.
        advice: what to do.
    """

    file: str
    problem: str
    detail: str
    advice: str


def build(rows: Sequence[dict], *, corpus: str) -> pd.DataFrame:
    """Make the utterance table out of a loader's rows.

    Args:
        rows: one mapping an utterance; a column that a corpus does not know may be left out, and columns of `OPTIONAL` may
            be there. `start_s` and `end_s` are
            seconds within `audio`, a path relative to the corpus root; `emotion` is a name of `labels.EMOTIONS` or None;
            valence, arousal and dominance are on the corpus's own scale; `rating` is "rated" or "self-reported".
        corpus: the corpus's name, the same in each row.

    Returns:
        The table with `COLUMNS` and what it has of `OPTIONAL`, sorted by dialogue, then start, then utterance, with a
        fresh index.

    Raises:
        ValueError: an unknown column or emotion, a repeated utterance, an end before its start, a missing must.
    """
    table = pd.DataFrame(rows).assign(corpus=corpus)
    types = {**COLUMNS, **{column: kind for column, kind in OPTIONAL.items() if column in table.columns}}
    unknown = set(table.columns) - set(types)
    if unknown:
        raise ValueError(f"{corpus}: {min(unknown)!r} is no column of the utterance table")
    table = table.reindex(columns=list(types)).astype(types)
    check(table)
    table = table.sort_values(["dialogue", "start_s", "utterance"], kind="stable").reset_index(drop=True)
    return table.assign(voices=_voices(table))


def _voices(table: pd.DataFrame) -> pd.Series:
    """All speakers of each row's dialogue, in one string; missing without a dialogue."""
    together = table.groupby("dialogue")["speaker"].unique().map(lambda names: BETWEEN_VOICES.join(sorted(names)))
    return table["dialogue"].map(together).astype("string")


def check(table: pd.DataFrame) -> None:
    """Hold an utterance table against its rules.

    Args:
        table: any table with `COLUMNS`; those of `OPTIONAL` may stand behind them.

    Raises:
        ValueError: the first rule that is broken, with the utterance that breaks it.
    """
    known = [*COLUMNS, *(column for column in OPTIONAL if column in table.columns)]
    if list(table.columns) != known:
        raise ValueError(f"an utterance table has the columns {', '.join(COLUMNS)}; found {', '.join(table.columns)}")
    strange = ~table["emotion"].isin(labels.EMOTIONS) & table["emotion"].notna()
    word = next(iter(table.loc[strange, "emotion"]), None)
    broken = {
        **{f"{column} is missing": table[column].isna() for column in _ALWAYS},
        "is listed twice": table["utterance"].duplicated(),
        "does not end after its start": table["end_s"] <= table["start_s"],
        "starts before 0 s": table["start_s"] < 0,
        f"has an unknown emotion {word!r}; known are {', '.join(labels.EMOTIONS)}": strange,
        "has an unknown sex": ~table["sex"].isin(_SEXES) & table["sex"].notna(),
        "has an unknown kind of rating": ~table["rating"].isin(_RATINGS) & table["rating"].notna(),
    }
    for rule, rows in broken.items():
        if rows.any():
            raise ValueError(f"utterance {table.loc[rows, 'utterance'].iloc[0]} {rule}")


def problems(found: Sequence[Problem]) -> pd.DataFrame:
    """The list of problems as a table with the columns file, problem, detail, advice; empty when all is well."""
    return pd.DataFrame([asdict(one) for one in found], columns=["file", "problem", "detail", "advice"], dtype="string")


def is_synthetic(folder: Path | str) -> bool:
    """Whether a corpus folder is one of Emocast's synthetic twins and no recording of people (`synthetic.json` says so)."""
    return (Path(folder) / _SYNTHETIC).is_file()


def expected_counts(folder: Path | str, counts: dict) -> dict:
    """What a whole copy holds: a synthetic twin says so itself, any other has the release's numbers.

    Args:
        folder: the corpus folder.
        counts: the release's `COUNTS`.

    Returns:
        Counts in the form of `COUNTS`.
    """
    if not is_synthetic(folder):
        return counts
    return json.loads((Path(folder) / _SYNTHETIC).read_text(encoding="utf-8"))["counts"]


def loaded(rows: Sequence[dict], found: Sequence[Problem], *, corpus: str, root: Path | str) -> pd.DataFrame:
    """End a corpus's `load`: the table of what can be used, and one warning when parts were left out.

    Args:
        rows: the usable utterances, as for `build`.
        found: the problems.
        corpus: the corpus's name as its module is called.
        root: where the corpus was looked for.

    Returns:
        The utterance table.

    Raises:
        CorpusError: there is no usable utterance.
    """
    first = found[0] if found else None
    if not rows:
        reason = f"; the first problem: {first.file}: {first.detail}" if first else ""
        raise CorpusError(f"{corpus} under {root} has no usable utterance{reason}")
    if first:
        message = (
            f"{corpus}: {len(found)} problem(s), the first: {first.file}: {first.detail}. "
            f"What they touch is left out; emocast.corpora.get({corpus!r}).validate(root) lists all"
        )
        warnings.warn(message, CorpusWarning, stacklevel=3)
    return build(rows, corpus=corpus)
