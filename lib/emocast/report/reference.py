"""The tracked reference: a finished run's tables as they are, and its figures small enough for a repository."""

from __future__ import annotations

import shutil
from pathlib import Path

from PIL import Image

from .. import paths
from .. import profile as profiles
from . import finished

_SMALL_WIDTH = 900  # pixels


def write_reference(profile: profiles.Profile) -> Path:
    """Renew the tracked reference of a profile from its finished run.

    Args:
        profile: the profile.

    Returns:
        The reference's folder: for each notebook its tables as they are and its figures at most 900 pixels wide.
    """
    target = paths.REFERENCE / profile.name
    shutil.rmtree(target, ignore_errors=True)
    for run in finished.read(paths.outputs() / profile.name):
        folder = target / run.name
        folder.mkdir(parents=True)
        for table in run.tables:
            shutil.copyfile(run.folder / f"{table['name']}.csv", folder / f"{table['name']}.csv")
        for figure in run.figures:
            _write_small(run.folder / f"{figure['name']}.png", folder / f"{figure['name']}.png")
    return target


def _write_small(source: Path, target: Path) -> None:
    with Image.open(source) as picture:
        picture.thumbnail((_SMALL_WIDTH, 4 * _SMALL_WIDTH))
        small = picture.convert("RGB").quantize(128, dither=Image.Dither.NONE)
        small.save(target, optimize=True)
