"""Corpora of clips: one file an utterance, labelled by its name. What their loaders share is how a clip is held to be sound.

`recordings` finds the files, `scan` goes through them, `duration` gives the length of one that can be used, `compare` holds
their numbers against a complete copy's. Each notes what is wrong in the same words whatever the corpus.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .. import audio
from .table import Problem

_DAMAGE = {
    "git-LFS pointer": "git-LFS pointer",
    "file is empty": "empty audio",
    "cut short": "truncated audio",
    "no such file": "missing audio",
}


def recordings(folder: Path) -> list[Path]:
    """The WAV files of a folder (.wav or .WAV), sorted; the `._*` files that macOS leaves are passed over."""
    return sorted(path for path in folder.glob("*.[wW][aA][vV]") if not path.name.startswith("."))


def damage(message: str) -> str:
    """The kind of problem that a message of `audio.AudioError` or `meld_clips.ClipError` tells of.

    Args:
        message: what was found about a file that cannot be used.

    Returns:
        "git-LFS pointer", "empty audio", "truncated audio", "missing audio", or "unreadable audio" for all else.
    """
    return next((kind for words, kind in _DAMAGE.items() if words in message), "unreadable audio")


def duration(path: Path, where: str, found: list[Problem], *, advice: str) -> float | None:
    """The length of a recording that is whole, by its header.

    Args:
        path: the file.
        where: how to name it, relative to the corpus root.
        found: the list of problems; what is wrong with the file is added to it.
        advice: what to do about a damaged file.

    Returns:
        Its length in seconds; None when it is a git-LFS pointer, unreadable, empty or cut short.
    """
    try:
        info = audio.inspect(path)
    except audio.AudioError as error:
        message = str(error).removeprefix(f"{path}: ")
        found.append(Problem(where, damage(message), message, advice))
        return None
    if info.frames == 0 or info.missing_s > 0:
        kind = "empty audio" if info.frames == 0 else "truncated audio"
        found.append(Problem(where, kind, f"holds {info.duration_s:.2f} s, lacks {info.missing_s:.2f} s", advice))
        return None
    return info.duration_s


def scan(
    files: Sequence[Path],
    root: Path,
    found: list[Problem],
    *,
    parse: Callable[[Path], re.Match],
    row: Callable[[re.Match, str, float], dict],
    advice: str,
) -> tuple[list[dict], Counter]:
    """Read the name and the header of every recording once.

    Args:
        files: the recordings.
        root: the corpus folder above them.
        found: the list of problems; recordings that cannot be used are added to it.
        parse: takes a path and gives the parts of its name, with the group `code`; raises ValueError, which says what is
            odd about another name.
        row: takes the parts of the name, the path relative to `root` and the length in seconds, and gives a row of the
            utterance table.
        advice: what to do about a damaged file.

    Returns:
        The rows of what can be used, and how many recordings have each code in their name, damaged ones too.
    """
    rows: list[dict] = []
    codes: Counter = Counter()
    seen: set[str] = set()
    for path in files:
        where = path.relative_to(root).as_posix()
        try:
            name = parse(path)
            if path.stem in seen:
                raise ValueError("another file has the same name but for its ending's letters")
            seen.add(path.stem)
        except ValueError as error:
            found.append(Problem(where, "odd name", str(error), "rename or remove it"))
            continue
        codes[name["code"]] += 1
        length = duration(path, where, found, advice=advice)
        rows += [] if length is None else [row(name, where, length)]
    return rows, codes


def compare(
    numbers: Mapping[str, int], expected: Mapping[str, int], found: list[Problem], *, file: str, what: str, advice: str
) -> None:
    """Hold the numbers of a copy against those of a complete one.

    Args:
        numbers: how many there are of each code; none of a code that is not in it.
        expected: how many there should be of each.
        found: the list of problems; each number that differs is added to it.
        file: where they are, `{code}` standing for the code.
        what: what is counted, `{code}` standing for the code.
        advice: what to do.
    """
    for code, wanted in expected.items():
        number = numbers.get(code, 0)
        if number != wanted:
            detail = f"{number:,} {what.format(code=code)} read, a complete copy has {wanted:,}"
            found.append(Problem(file.format(code=code), "wrong count", detail, advice))
