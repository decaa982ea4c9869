"""Whole synthetic copies of every corpus for the doctor's tests, and the damage that is done to them."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from emocast import corpora
from emocast_twins import conversations, sentences
from emocast_twins import meld as meld_twin

ACTED = {
    "cremad": sentences.TwinSettings(2, 13),
    "emodb": sentences.TwinSettings(2, 15),
    "shemo": sentences.TwinSettings(2, 19),
}
#: Where the labelled sound of each corpus lies, below the folder of the copy.
SOUNDS = {
    "iemocap": "Session*/dialog/wav/*.wav",
    "cremad": "AudioWAV/*.wav",
    "emodb": "wav/*.wav",
    "shemo": "*/*.wav",
    "meld": "*/dia*_utt*.mp4",
}
WAVS = tuple(name for name in corpora.NAMES if name != "meld")
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:c6f94b25\nsize 72862\n"


@dataclass(frozen=True)
class Copy:
    """A copy of a corpus that a test may damage."""

    name: str
    root: Path

    def sounds(self) -> list[Path]:
        """Its labelled sound files, sorted."""
        return sorted(path for path in self.root.glob(SOUNDS[self.name]) if not path.name.startswith("."))

    def where(self, path: Path) -> str:
        """A file as the list of problems names it."""
        return path.relative_to(self.root).as_posix()


def make(folder: Path, name: str) -> Path:
    """Make a small whole twin; gives the folder of the copy."""
    if name == "iemocap":
        # so many, and this seed, that any one dialogue may go and each of the four emotions is left
        settings = conversations.Settings(sessions=2, scenarios=3, turns=(10, 12))
        return conversations.make(folder, settings, seed=1, processes=1, progress=False) / "IEMOCAP_full_release"
    if name == "meld":
        return meld_twin.make(folder, meld_twin.Settings(7, (4, 4)), seed=3, processes=1, progress=False)
    return sentences.make(folder, name, ACTED[name], seed=5, processes=1, progress=False)


def duplicate(source: Path, target: Path) -> Path:
    """Copy a twin without its bytes: by links, which `put` breaks."""
    shutil.copytree(source, target, copy_function=os.link)
    return target


def put(path: Path, content: bytes) -> None:
    """Write a file of a copy anew; the twin that it was linked from keeps its own."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def samples(path: Path) -> tuple[np.ndarray, int]:
    """A WAV file's samples, shape (n, channels), and its rate."""
    return soundfile.read(path, dtype="int16", always_2d=True)


def write(path: Path, sound: np.ndarray, rate: int) -> None:
    """Write a sound file of a copy anew, in the format of its suffix; an mp4 clip takes the first channel alone."""
    path.unlink(missing_ok=True)
    if path.suffix == ".wav":
        soundfile.write(path, sound, rate, subtype="PCM_16")
    else:
        both = np.repeat(sound[:, :1].T, 2, axis=0)
        meld_twin.write_clip(path, both, layout="stereo", corpus="MELD")
