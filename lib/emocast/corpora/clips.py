"""Corpora of clips: one file an utterance, labelled by its name. What their loaders share is how a clip is held to be sound.

`recordings` finds the files, `duration` gives the length of one that can be used and notes what is wrong with another, so
that a damaged file is named in the same words whatever the corpus.
"""

from __future__ import annotations

from pathlib import Path

from .. import audio
from .table import Problem


def recordings(folder: Path) -> list[Path]:
    """The WAV files of a folder, sorted; the `._*` files that macOS leaves are passed over."""
    return sorted(path for path in folder.glob("*.wav") if not path.name.startswith("."))


def duration(path: Path, where: str, found: list[Problem], *, advice: str) -> float | None:
    """The length of a recording that is whole, by its header.

    Args:
        path: the file.
        where: how to name it, relative to the corpus root.
        found: the list of problems; what is wrong with the file is added to it.
        advice: what to do about a damaged file.

    Returns:
        Its length in seconds; None when it is unreadable (a git-LFS pointer is), empty or cut short.
    """
    try:
        info = audio.inspect(path)
    except audio.AudioError as error:
        found.append(Problem(where, "unreadable audio", str(error).removeprefix(f"{path}: "), advice))
        return None
    if info.frames == 0 or info.missing_s > 0:
        kind = "empty audio" if info.frames == 0 else "truncated audio"
        found.append(Problem(where, kind, f"holds {info.duration_s:.2f} s, lacks {info.missing_s:.2f} s", advice))
        return None
    return info.duration_s
