"""One corpus folder, made whole or not at all.

Everything is built in a hidden folder beside the target and renamed at the end, so a killed run leaves nothing
half-made under the target's name; the next run removes what the killed one left. A lock file keeps two runs apart.
Each corpus folder is made and replaced on its own; what lies beside it is never touched.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

#: The file that says that a corpus folder is synthetic, and may be replaced.
MARKER = "synthetic.json"


@contextmanager
def building(target: Path) -> Iterator[Path]:
    """Build a corpus folder that takes the target's place when the block ends well.

    Args:
        target: the corpus folder, as `data/demo/CREMA-D`. An older synthetic corpus there is replaced.

    Yields:
        The hidden path to build at; the block makes it and writes `MARKER` into it.

    Raises:
        FileExistsError: `target` is something that is not a synthetic corpus, and is left alone.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(target.parent / f".{target.name}.lock"):
        prefix = f".{target.name}.making-"
        for leftover in target.parent.glob(f"{prefix}*"):
            shutil.rmtree(leftover)
        _check_replaceable(target)
        workshop = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
        try:
            yield workshop / "new"
            if target.exists():
                target.rename(workshop / "old")
            (workshop / "new").rename(target)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)


def _check_replaceable(target: Path) -> None:
    """Refuse to replace a folder of somebody's own, above all a copy of the real corpus."""
    if not target.exists():
        return
    if not target.is_dir():
        raise FileExistsError(f"{target} is a file; the corpus needs a folder of that name: move the file away")
    others = sorted(path.name for path in target.iterdir() if not path.name.startswith("."))
    if others and not (target / MARKER).exists():
        found = ", ".join(others[:3])
        raise FileExistsError(
            f"{target} holds {found} but no {MARKER}: it is no synthetic corpus and is not replaced; move it away"
        )
