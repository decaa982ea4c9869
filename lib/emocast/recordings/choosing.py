"""Which recording a notebook takes: the one it is given, else the newest of use in data/recordings/, else a synthetic one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from .. import paths
from ..corpora.synthetic import conversation
from . import usable
from .reading import Recording, RecordingError


class Chosen(NamedTuple):
    """A recording and why it was taken.

    Attributes:
        path: the recording.
        why: a clause.
        turns: of a synthetic one its true turns: speaker, start_s, end_s, emotion; None of any other.
        unusable: why newer files were passed over, a sentence each.
    """

    path: Path
    why: str
    turns: pd.DataFrame | None = None
    unusable: tuple[str, ...] = ()


def folder() -> Path:
    """Where people drop recordings."""
    return paths.data() / "recordings"


def choose(recording: str, *, length_s: float, seed: int, scratch: Path) -> Chosen:
    """Choose a recording.

    Args:
        recording: a path, whole or relative to the working folder, to the checkout or to `folder()`; empty for none.
        length_s: seconds that a forecast hears; a shorter file in `folder()` is passed over.
        seed: of the synthetic conversation, where it is needed.
        scratch: a folder for it.

    Raises:
        RecordingError: the recording that was named is not there.
    """
    if recording:
        return Chosen(_named(recording), "the parameter `recording` names it")
    dropped = [path for path in folder().glob("*") if path.is_file() and not path.name.startswith(".")]
    unusable = []
    for path in sorted(dropped, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True):
        try:
            usable.check(Recording(path), length_s)
        except RecordingError as error:
            unusable.append(str(error))
            continue
        of_use = " that can be used" if unusable else ""
        return Chosen(path, f"it is the newest of {len(dropped)} in data/recordings/{of_use}", None, tuple(unusable))
    path, truth = spoken(scratch, seed=seed)
    why = "none of the files in data/recordings/ can be used" if dropped else "data/recordings/ is empty"
    return Chosen(path, f"{why}, so a synthetic conversation was spoken anew", truth, tuple(unusable))


def spoken(scratch: Path, *, seed: int, turns: int = conversation.LENGTH) -> tuple[Path, pd.DataFrame]:
    """Have a conversation spoken, in a process of its own (`synthetic.engine` forks, which a process with threads must not).

    Args:
        scratch: the folder for its files.
        seed: of everything; it is the same conversation each time.
        turns: how many it has.

    Returns:
        Its recording and its turns.

    Raises:
        RuntimeError: it could not be spoken.
    """
    command = [sys.executable, "-m", conversation.__name__, str(scratch), "--seed", str(seed), "--turns", str(turns)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the synthetic conversation was not spoken: {done.stderr.strip()[-500:]}")
    return scratch / conversation.SOUND, pd.read_csv(scratch / conversation.TURNS)


def _named(recording: str) -> Path:
    given = Path(recording).expanduser()
    for path in (given, paths.ROOT / given, folder() / given):
        if path.exists():
            return path.resolve()
    raise RecordingError(f"{recording}: no such file, neither here nor in {paths.relative(folder())}")
