"""Whole synthetic copies of every corpus for the doctor's tests, and the damage that is done to them."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from emocast import corpora
from emocast.corpora import emovo, nemo
from emocast_twins import conversations, sentences
from emocast_twins import meld as meld_twin

ACTED = {
    "cremad": sentences.TwinSettings(2, 13),
    "emodb": sentences.TwinSettings(2, 15),
    "shemo": sentences.TwinSettings(2, 19),
}
#: The corpora that have no twin of eSpeak NG's: their files by class, of two speakers, and these hold noise.
NAMED = {
    "ravdess": [f"Actor_0{who}/03-01-0{code}-01-01-01-0{who}.wav" for who in (1, 2) for code in range(1, 9)],
    "nemo": [f"samples/{who}_{code}_1.wav" for who in ("EB0", "WR0") for code in nemo.LABELS],
    "urdu": [
        f"{folder}/S{who}_F1_{folder[0]}1.wav"
        for who in ("M1", "F2")
        for folder in ("Angry", "Happy", "Neutral", "Sad")
    ],
    "emovo": [f"{who}/{code}-{who}-b1.wav" for who in ("f1", "m3") for code in emovo.LABELS],
}
#: Where the labelled sound of each corpus lies, below the folder of the copy.
SOUNDS = {
    "iemocap": "Session*/dialog/wav/*.wav",
    "cremad": "AudioWAV/*.wav",
    "emodb": "wav/*.wav",
    "shemo": "*/*.wav",
    **dict.fromkeys(NAMED, "*/*.wav"),
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
    return _noise(folder / name, name) if name in NAMED else _spoken(folder, name)


def _spoken(folder: Path, name: str) -> Path:
    return sentences.make(folder, name, ACTED[name], seed=5, processes=1, progress=False)


def _noise(root: Path, name: str) -> Path:
    """Recordings of noise, each another and longer than the one before, that call themselves a whole twin."""
    corpus, rng = corpora.get(name), np.random.default_rng(6)
    for number, file in enumerate(NAMED[name]):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        sound = rng.normal(0, 0.1, (16_000 * 3 + 800 * number, 1)).astype(np.float32)
        soundfile.write(root / file, sound, 16_000, subtype="PCM_16")
    if name == "nemo":
        lines = [f"{Path(file).name}\tanger\tLubię.\tlubię\t{Path(file).name[:3]}\tmale\t23" for file in NAMED[name]]
        head = "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage"
        (root / "data.tsv").write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    counts = {"utterances": len(NAMED[name]), "codes": dict.fromkeys(corpus.labels, 2)}
    (root / "synthetic.json").write_text(json.dumps({"counts": counts}), encoding="utf-8")
    return root


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
