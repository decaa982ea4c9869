"""The tracked reference: a finished run's tables as they are, and its figures small enough for a repository."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from PIL import Image

from .. import paths
from .. import profile as profiles
from . import finished

_SMALL_WIDTH = 900  # pixels


class ReferenceError(ValueError):
    """A run cannot be a reference. The message says why, and what to do."""


def write_reference(profile: profiles.Profile) -> Path:
    """Renew the tracked reference of a profile from its finished run.

    Args:
        profile: the profile.

    Returns:
        The reference's folder: for each notebook its tables as they are and its figures at most 900 pixels wide.

    Raises:
        ReferenceError: nothing has run, or a notebook shows something of somebody's own (`notebook.Run.private`).
    """
    runs = finished.read(paths.outputs() / profile.name)
    if not runs:
        raise ReferenceError(f"nothing to keep: no notebook has run; `make reproduce PROFILE={profile.name}` does it")
    for run in runs:
        if "private" in run.told:
            raise ReferenceError(
                f"{run.name} shows {run.told['private']['why']}, which does not belong into a repository: "
                "move it elsewhere and run `make reproduce` again"
            )
    target = paths.REFERENCE / profile.name
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=target.parent) as scratch:
        for run in runs:
            _write(run, Path(scratch) / "new" / run.name)
        if target.exists():
            target.rename(Path(scratch) / "old")
        (Path(scratch) / "new").rename(target)
    return target


def _write(run: finished.Finished, folder: Path) -> None:
    folder.mkdir(parents=True)
    for table in run.tables:
        shutil.copyfile(run.folder / f"{table['name']}.csv", folder / f"{table['name']}.csv")
    for figure in run.figures:
        _write_small(run.folder / f"{figure['name']}.png", folder / f"{figure['name']}.png")


def _write_small(source: Path, target: Path) -> None:
    with Image.open(source) as picture:
        picture.thumbnail((_SMALL_WIDTH, 4 * _SMALL_WIDTH))
        small = picture.convert("RGB").quantize(128, dither=Image.Dither.NONE)
        small.save(target, optimize=True)
