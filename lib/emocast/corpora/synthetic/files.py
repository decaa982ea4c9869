"""The files of a synthetic corpus, whatever its layout: text, sound, and what the corpus says about itself.

So that nobody takes them for the real corpus, a README beside them and the metadata of every audio file say what they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from emocast.corpora.synthetic import room
from emocast.corpora.synthetic.folder import MARKER

#: What the metadata of every audio file say, with the name of the corpus whose layout is used.
TITLE = "SYNTHETIC speech, not {corpus}"
COMMENT = "SYNTHETIC: made by Emocast with eSpeak NG; not {corpus}, no person's voice. See README.txt."


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


def write_about(folder: Path, truth: pd.DataFrame, *, readme: str, about: Mapping[str, object]) -> None:
    """Write what a corpus says about itself: `README.txt`, `synthetic.json` and `truth.csv`.

    Args:
        folder: the corpus folder.
        truth: what no real corpus has, one row an utterance.
        readme: the text of `README.txt`.
        about: what `synthetic.json` says besides that the corpus is synthetic: seed, settings, and `counts` in the form
            of the loader's COUNTS, so that a damaged copy is noticed as one of the real corpus is.
    """
    said = {"synthetic": True, "made_by": "Emocast with eSpeak NG", **about}
    write_text(folder / MARKER, json.dumps(said, indent=2) + "\n")
    write_text(folder / "truth.csv", truth.to_csv(index=False, lineterminator="\n"))
    write_text(folder / "README.txt", readme)
