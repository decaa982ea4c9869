"""A corpus of one's own: a Python file with a function `load(root)` gets the face of our corpus modules.

A profile names the file and the folder (`corpora: {mine: {module: my_corpus.py, root: mine}}`), `profile.load` registers it,
and `corpora.get("mine")` gives it from then on. The file needs `load` alone, which gives rows of the utterance table; it may
hold the constants of our modules too. What it gives is held against the table's rules and against the sound that is there,
so that a mistake in it is one sentence that names the file, and one damaged recording does not stop the others.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import pandas as pd

from .. import paths
from . import clips, table
from .table import CorpusError, Problem

#: Columns that `load` has to give; the others of `table.COLUMNS` may be left out. Forecasting needs `dialogue` too; protocols
#: ask for what they are called after.
NEEDED: tuple[str, ...] = ("utterance", "speaker", "audio", "start_s", "end_s", "emotion")
_PAST_S = 0.05  # how far a label may reach beyond the sound: times in label files are rounded
_CONSTANTS = {
    "CITATION": "",
    "LICENCE": "not stated by its loader",
    "URL": "",
    "LABELS": {},
    "GROUP": "dialogue",
    "COUNTS": {},
}


class OwnCorpus:
    """A corpus that is read by a file of one's own.

    Attributes:
        name: as the profile calls it.
        file: the Python file.
        NAME: as titles write it, the file's own `NAME` or else `name`; likewise CITATION, LICENCE, URL, LABELS, GROUP and
            COUNTS, with plain defaults where the file does not say.
    """

    def __init__(self, name: str, file: Path) -> None:
        """Run the file.

        Raises:
            CorpusError: it cannot be run, or has no `load`.
        """
        self.name, self.file = name, file
        module = self._run()
        if not callable(getattr(module, "load", None)):
            raise self._wrong(
                f"has no function load(root); it needs one that gives {', '.join(NEEDED)} of each utterance"
            )
        self._load = module.load
        self.NAME: str = getattr(module, "NAME", name)
        for constant, default in _CONSTANTS.items():
            setattr(self, constant, getattr(module, constant, default))

    def load(self, root: Path | str) -> pd.DataFrame:
        """Read the utterance table; what cannot be used is left out with one warning.

        Args:
            root: the corpus's folder.

        Returns:
            The utterance table (`table.COLUMNS`).

        Raises:
            CorpusError: there is no such folder, the file's `load` fails or gives no utterance table, or no sound of it can
                be used.
        """
        rows, found = self._usable(Path(root))
        return table.loaded(rows, found, corpus=self.name, root=root)

    def validate(self, root: Path | str) -> pd.DataFrame:
        """List the recordings that are missing or damaged, and the labels that reach beyond them.

        Args:
            root: as for `load`.

        Returns:
            A table with the columns file, problem, detail, advice; no row when all is well.

        Raises:
            CorpusError: as `load`, but for sound.
        """
        return table.problems(self._usable(Path(root))[1])

    def _usable(self, root: Path) -> tuple[list[dict], list[Problem]]:
        """The rows whose sound is there, and what is wrong with the others."""
        rows, found = self._rows(root), []
        lengths = {
            where: clips.duration(root / where, where, found, advice="get it again, or leave it out of load()")
            for where in rows["audio"].unique()
        }
        length = rows["audio"].map(lengths).astype("float64")
        past = rows["end_s"] > length + _PAST_S
        for row in rows[past].itertuples():
            detail = f"{row.utterance} ends at {row.end_s:.2f} s, the sound at {lengths[row.audio]:.2f} s"
            found.append(Problem(row.audio, "label past the sound", detail, "correct its times: they are in seconds"))
        return rows[length.notna() & ~past].to_dict("records"), found

    def _rows(self, root: Path) -> pd.DataFrame:
        """What the file's `load` gives, as an utterance table."""
        if not root.is_dir():
            raise CorpusError(
                f"no folder {root} for the corpus {self.name!r}: put its recordings there, or change corpora.{self.name}.root "
                "in the profile"
            )
        try:
            given = self._load(root)
        except Exception as error:  # whatever somebody's file raises: the reader is told which file, and goes there
            raise self._wrong(f"load({str(root)!r}) failed with {type(error).__name__}: {error}") from error
        if not isinstance(given, pd.DataFrame | list) or not len(given):
            raise self._wrong(f"load gave {_described(given)}; it has to give a table or a list of mappings")
        lacking = [column for column in NEEDED if column not in pd.DataFrame(given).columns]
        if lacking:
            raise self._wrong(f"load gave a table without {', '.join(lacking)}; it needs {', '.join(NEEDED)}")
        try:
            return table.build(given, corpus=self.name)
        except (ValueError, TypeError) as error:
            raise self._wrong(f"load gave no utterance table: {error}") from error

    def _run(self) -> ModuleType:
        """The file as a module."""
        spec = importlib.util.spec_from_file_location(f"emocast_corpus_{self.name}", self.file)
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:  # as in `_rows`
            raise self._wrong(f"cannot be run: {type(error).__name__}: {error}") from error
        return module

    def _wrong(self, what: str) -> CorpusError:
        return CorpusError(f"the corpus {self.name!r}: {paths.relative(self.file)} {what}")


@lru_cache
def read(name: str, file: Path) -> OwnCorpus:
    """The corpus of a file, which is run once.

    Args:
        name: as the profile calls it.
        file: the Python file.

    Raises:
        CorpusError: the file cannot be run, or has no `load`.
    """
    return OwnCorpus(name, file)


def _described(given: object) -> str:
    if given is None:
        return "nothing"
    return "no row" if isinstance(given, pd.DataFrame | list) else f"a {type(given).__name__}"
