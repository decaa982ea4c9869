"""The files of a synthetic corpus, whatever its layout: a folder made whole or not at all, text, sound, what it says of itself.

A corpus is built in a hidden folder beside the target and renamed at the end, so a killed run leaves nothing half-made under
the target's name, and the next run removes what it left. So that nobody takes them for the real corpus, a README beside them
and the metadata of every audio file say what they are.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import filelock
import numpy as np
import pandas as pd
import soundfile

from . import room

#: The file that says that a corpus folder is synthetic, and may be replaced.
MARKER = "synthetic.json"

#: What the metadata of every audio file say, with the name of the corpus whose layout is used.
TITLE = "SYNTHETIC speech, not {corpus}"
COMMENT = "SYNTHETIC: made by Emocast with eSpeak NG; not {corpus}, no person's voice. See README.txt."

_README = """SYNTHETIC CORPUS - THIS IS NOT {name}

These files have the layout and the formats of {layout}, and nothing else of it. They were made by Emocast:
- The voices are eSpeak NG's (formant synthesis). No person's voice is in them{made}

Results on this corpus say whether a method works as it should. They say nothing about {whom}.
{truth}

seed: {seed}
settings: {settings}

{source}
"""


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


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8 with Unix line ends, the same on every system; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def write_audio(path: Path, samples: np.ndarray, *, corpus: str) -> None:
    """Write an audio file of 16 bits and 16 kHz whose metadata say that it is synthetic.

    Args:
        path: the file, `.wav` or `.flac`; its folder is made.
        samples: shape (n,) or (n, channels), int16.
        corpus: the name of the corpus whose layout is used.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(path, "w", room.SAMPLE_RATE, channels, subtype="PCM_16") as file:
        file.title = TITLE.format(corpus=corpus)
        file.comment = COMMENT.format(corpus=corpus)
        file.write(samples)


def write_about(
    folder: Path,
    truth: pd.DataFrame,
    *,
    seed: int,
    settings: Mapping[str, object],
    counts: Mapping[str, object],
    readme: Mapping[str, str],
    process: str | None = None,
) -> None:
    """Write what a corpus says about itself: `README.txt`, `synthetic.json` and `truth.csv`.

    Args:
        folder: the corpus folder.
        truth: what no real corpus has, one row an utterance.
        seed: the corpus's seed.
        settings: its size by name, as JSON takes it.
        counts: what a whole copy holds, in the form of the loader's COUNTS, so that a damaged copy is noticed as one of the
            real corpus is.
        readme: the fields of `_README` beside seed and settings.
        process: the name of the process behind the emotions, where there is one.
    """
    about = {"synthetic": True, "made_by": "Emocast with eSpeak NG", **({"process": process} if process else {})}
    about |= {"seed": seed, "settings": dict(settings), "counts": counts}
    write_text(folder / MARKER, json.dumps(about, indent=2) + "\n")
    write_text(folder / "truth.csv", truth.to_csv(index=False, lineterminator="\n"))
    write_text(folder / "README.txt", _README.format(seed=seed, settings=json.dumps(dict(settings)), **readme))
