"""Where a model's files come from: a folder on this machine, or the model hub, of which only named data files are taken."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

import huggingface_hub

from .. import paths

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+|roberta-base|gpt2")  # these two, the hub's oldest, have no owner's name

#: What a profile's own models are called; they are trained, and nobody can put them anywhere.
_TRAINED = re.compile(r"(?P<profile>[^/]+)/models/[^/]+")


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged or of another kind. The message names the file and says what to do.

    Attributes:
        advice: which files to put where, where they are missing; else empty.
    """

    def __init__(self, message: str, *, advice: str = "") -> None:
        """Say what is wrong."""
        super().__init__(message)
        self.advice = advice


def find(source: Path | str, *, needed: Sequence[str], optional: Sequence[str] = ()) -> Path:
    """Find a checkpoint's folder, downloading it from the model hub where that is needed and allowed.

    Args:
        source: a folder: absolute, or relative to the working folder, `data/checkpoints/` or `outputs/`. Or a hub id
            ("owner/name"), whose files go into the hub's own cache; `HF_HUB_OFFLINE=1` (set in notebooks by `make`)
            and `HF_ENDPOINT` have their usual sense.
        needed: names of the files that a checkpoint must have.
        optional: names of files that are taken where they are. No other file is downloaded.

    Returns:
        A folder that holds all needed files.

    Raises:
        CheckpointError: there is none; the message says which files to put where.
    """
    here = local(source)
    if here is not None and here.is_dir():
        return _complete(here, needed)
    if not _HUB_ID.fullmatch(str(source)):
        raise _nowhere(source, needed, "there is no such folder")
    folder = _download(str(source), tuple(needed), tuple(optional))
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise _nowhere(source, needed, f"what the hub or its cache has of it holds no {missing[0]}")
    return folder


def local(source: Path | str) -> Path | None:
    """The whole path of a checkpoint on this machine, or None. For where it is looked for see `find`."""
    for place in (Path(), paths.data() / "checkpoints", paths.outputs()):
        if (place / source).exists():
            return (place / source).resolve()
    return None


def find_file(source: Path | str) -> Path:
    """Find a checkpoint that is one file, downloading it from the model hub where that is needed and allowed.

    Args:
        source: a file: absolute, or relative to the working folder, `data/checkpoints/` or `outputs/`. Or a hub id and a
            file of it ("owner/name/file.pt").

    Returns:
        The file.

    Raises:
        CheckpointError: there is none; the message says which file to put where.
    """
    here = local(source)
    if here is not None and here.is_file():
        return here
    repository, _, name = str(source).rpartition("/")
    if not _HUB_ID.fullmatch(repository):
        raise _nowhere(Path(source).parent, [Path(source).name], "there is no such file")
    folder = find(repository, needed=[name])
    return folder / name


def _complete(folder: Path, needed: Sequence[str]) -> Path:
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(
            f"no {missing[0]} in {paths.relative(folder)}: the copy is incomplete, a checkpoint has {', '.join(needed)}; "
            f"get what is missing from where the others come from",
            advice=f"put {', '.join(missing)} beside the others into {paths.relative(folder)}/",
        )
    return folder


@functools.lru_cache(maxsize=8)  # the hub is asked once a process, not once a sound file
def _download(repository: str, needed: tuple[str, ...], optional: tuple[str, ...]) -> Path:
    try:
        return Path(huggingface_hub.snapshot_download(repository, allow_patterns=[*needed, *optional]))
    except Exception as error:  # what is raised for a network that is not there has no common class
        reason = f"there is no such folder, and the model hub gave none ({type(error).__name__})"
        raise _nowhere(repository, needed, reason) from error


def _nowhere(source: Path | str, needed: Sequence[str], reason: str) -> CheckpointError:
    own = _TRAINED.fullmatch(str(source))
    if own:
        return CheckpointError(
            f"no model {source}: notebook 06_cross_lingual_ser trains the models that the profile {own['profile']!r} asks for "
            "(02_clap_zero_shot the contrastive one), and this one is not there: "
            f"`make reproduce PROFILE={own['profile']}` runs it, or open and run it first"
        )
    place = Path(source) if Path(source).is_absolute() else paths.data() / "checkpoints" / source
    advice = f"put {', '.join(needed) or 'its files'} into {paths.relative(place)}/"
    return CheckpointError(
        f"no checkpoint {source}: {reason}. P{advice[1:]}; where there is a network, "
        f"a hub id is downloaded by itself unless HF_HUB_OFFLINE is set",
        advice=advice,
    )
