"""What the doctor listens to: every utterance of a copy whose file is there, and how its file is heard.

For most corpora that is the utterance table and its WAV files. MELD's table names recordings that are rendered from its
clips; the doctor renders nothing and hears the clips themselves.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import soundfile

from emocast import corpora

from . import meld_clips, meld_labels, table
from .table import CorpusError, CorpusWarning

#: The columns of the utterances: `file` is relative to the folder of the copy, times are seconds within it (`end_s` is
#: missing where the utterance is the whole file), `label_s` is its length by the label where that is another source than the
#: file, `moment` is the same for two utterances that have one sound by their labels.
COLUMNS = ("utterance", "group", "emotion", "file", "start_s", "end_s", "label_s", "moment")

_BLOCK = 1 << 20  # frames read at a time: minutes of sound in a few megabytes
_TAIL = 4096  # samples
_TWIN_RATE = 16_000  # Emocast's synthetic recordings, whatever the rate of the release
_EXACT = {"PCM_16", "PCM_S8", "PCM_U8"}  # formats of which 16 bits hold every sample


@dataclass(frozen=True)
class Heard:
    """What there is to a sound file, or why it cannot be heard.

    Attributes:
        seconds: how long it is.
        ends_s: the moment after which every sample is zero; 0 in a silent file.
        digest: the same for two files of the same rate, channels and samples.
        sample_rate: of the file, in Hz; None where the release has no one rate.
        channels: of the file; None where the release has no one number.
        damage: why it cannot be used, in words; None when it can.
    """

    seconds: float = 0.0
    ends_s: float = 0.0
    digest: str = ""
    sample_rate: int | None = None
    channels: int | None = None
    damage: str | None = None


@dataclass(frozen=True)
class Material:
    """The utterances of a copy, and what the release says of their sound.

    Attributes:
        folder: the folder that `file` is relative to.
        utterances: a table with `COLUMNS`.
        hear: gives what there is to a file; raises nothing for a bad one.
        expected: the counts of a complete copy, in the form of the module's `COUNTS`.
        sample_rate: of every file, in Hz; None where they differ.
        channels: of every file; None where they differ.
        lengths_s: the shortest and the longest that a file may be; None where it is not bounded.
        known_bad: utterance -> what is wrong with it in the release.
    """

    folder: Path
    utterances: pd.DataFrame
    hear: Callable[[Path], Heard]
    expected: dict
    sample_rate: int | None
    channels: int | None
    lengths_s: tuple[float, float] | None
    known_bad: Mapping[str, str]


def of(name: str, root: Path) -> Material:
    """Collect what the doctor is to listen to.

    Args:
        name: a corpus out of `corpora.NAMES`.
        root: its folder, as for the module's `load`.

    Raises:
        CorpusError: there is no such corpus under `root` at all.
    """
    module = corpora.get(name)
    clipped = name == "meld"
    folder = _folder(name, root)
    rate = getattr(module, "SAMPLE_RATE", None)
    return Material(
        folder=folder,
        utterances=_meld(module, folder) if clipped else _loaded(module, root, folder),
        hear=hear_clip if clipped else hear,
        expected=table.expected_counts(folder, module.COUNTS),
        sample_rate=_TWIN_RATE if rate and table.is_synthetic(folder) else rate,
        channels=getattr(module, "CHANNELS", None),
        lengths_s=getattr(module, "LENGTHS_S", None),
        known_bad=getattr(module, "KNOWN_BAD", {}),
    )


def _folder(name: str, root: Path) -> Path:
    """The folder that the files of `validate` are relative to: the root, or the release's own folder in it."""
    if name == "iemocap":
        return corpora.get(name).release(root)
    if name == "meld":
        inner = root / "MELD.Raw"
        return root if any(meld_labels.label_file(root, split) for split in meld_labels.FILES) else inner
    return root


def hear(path: Path) -> Heard:
    """Read a WAV file from its first sample to its last.

    Args:
        path: the file.
    """
    try:
        with soundfile.SoundFile(str(path)) as file:
            return _heard(file)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        return Heard(damage=f"not readable as sound ({error})")


def hear_clip(path: Path) -> Heard:
    """Decode the sound of an mp4 clip of MELD. Clips have several rates and channel layouts, so none is right or wrong.

    Args:
        path: the file.
    """
    try:
        samples = meld_clips.decode(path).samples
    except (meld_clips.ClipError, OSError, ValueError) as error:
        return Heard(damage=str(error))
    rate = meld_clips.SAMPLE_RATE
    return Heard(samples.size / rate, _sounding(samples) / rate, hashlib.sha256(samples.tobytes()).hexdigest())


def _heard(file: soundfile.SoundFile) -> Heard:
    """Everything about an open file that takes its samples to know."""
    digest = hashlib.sha256(f"{file.samplerate} {file.channels} ".encode())
    there = ends = 0
    while (block := file.read(_BLOCK, dtype="int16" if file.subtype in _EXACT else "float32", always_2d=True)).size:
        if block.dtype == np.float32 and not np.isfinite(block).all():
            return Heard(damage="holds a sample that is no finite number")
        digest.update(block)
        sounding = -(-_sounding(block.ravel()) // file.channels)
        ends = there + sounding if sounding else ends
        there += len(block)
    promised = file.frames / file.samplerate
    damage = f"cut short: {there / file.samplerate:.2f} s of {promised:.2f} s" if there < file.frames else None
    rate = file.samplerate
    return Heard(there / rate, ends / rate, digest.hexdigest(), rate, file.channels, damage)


def _sounding(samples: np.ndarray) -> int:
    """How many samples there are up to the last that is not zero; the end is looked at first, for it is seldom silent."""
    for part in (samples[-_TAIL:], samples):
        if part.any():
            return samples.size - part.size + int(np.flatnonzero(part)[-1]) + 1
    return 0


def _loaded(module: ModuleType, root: Path, folder: Path) -> pd.DataFrame:
    """The utterances that the module's `load` can use; none where it can use none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CorpusWarning)  # `validate` lists them
            read = module.load(root)
    except CorpusError:
        return pd.DataFrame(columns=list(COLUMNS))
    files = [(root / file).relative_to(folder).as_posix() for file in read["audio"]]
    return read.assign(group=read[module.GROUP], file=files, label_s=np.nan, moment=None)[list(COLUMNS)]


def _meld(module: ModuleType, folder: Path) -> pd.DataFrame:
    """The labelled utterances of MELD of which there is a clip."""
    read = module.annotations(folder)
    paths = {name: path for split in meld_labels.FILES for name, path in meld_clips.find(folder, split).items()}
    lost = read["odd"].map(lambda kinds: "over a minute" in kinds).astype(bool)
    read = read[read["utterance"].isin(paths.keys()) & ~lost]
    length = read["end_s"] - read["start_s"]
    return read.assign(
        group=read["season"].astype(str) + "." + read["episode"].astype(str),
        file=[paths[name].relative_to(folder).as_posix() for name in read["utterance"]],
        label_s=length.where(length > 0),
        moment=read["dialogue"] + read["start_s"].map(" {:.3f} ".format) + read["end_s"].map("{:.3f}".format),
        start_s=0.0,
        end_s=np.nan,
    )[list(COLUMNS)]
