"""Is this copy of a corpus whole, and if not, what can be done with it?

A corpus's own `validate` reads labels and headers. `examine` goes on to every sample of every file, and ends in a verdict:

- complete: the copy is as the release is. What is bad in the release itself (`Corpus.known_bad`) is listed and does not count.
- annotation only: there is no recording at all, and labels and times are read alone (`audio.NO_SOUND`).
- usable: something else is wrong, and what is left is enough.
- unusable: no utterance is left; or fewer than a quarter of the release's (of single clips: and than `DRAWN`); or none of one
  of the classes that every experiment here needs (`labels.FOUR`); or of one group alone (a session, a speaker), so that none
  can be held out.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import soundfile
from tqdm import tqdm

from emocast import audio, corpora, labels

from . import table
from .table import Corpus, Problem

LEAST_SHARE = 0.25  # of a release's utterances, below which a copy is of no use
DRAWN = 400  # single clips that are of use by themselves, however many more the release has
SHORT_S = 0.5  # of a clip, below which there is less to hear than a word
NOTHING = "nothing"  # how the advice begins where the release itself is so and no copy is better
#: The kinds of problems for which no utterance is lost; for all others some are.
HARMLESS = {
    *("missing vote", "missing actor", "odd length", "wrong sample rate", "wrong channels"),
    *("duplicate audio", "known bad clip", "mixed sample rates", "mixed channels", "short clips", "annotation only"),
}
_WHOLE_FOLDERS = {"missing session", "missing recordings", "missing labels", "bad label file"}
_COUNTED = re.compile(r"([\d,]+) (\w+).* read, a complete copy has ([\d,]+)")
_GET_AGAIN = "get the file again from the release"
_FACTOR, _SLACK_S = 3.0, 2.0  # how far a clip's length may be from its label's before it is odd
_EXACT = {"PCM_16", "PCM_S8", "PCM_U8"}  # formats of which 16 bits hold every sample


@dataclass(frozen=True, eq=False)
class Examination:
    """What `examine` found."""

    problems: pd.DataFrame  # columns file, problem (its kind), detail, advice
    state: str  # "complete", "annotation only", "usable" or "unusable"
    verdict: str  # the state and its reason in one sentence
    usable: int  # utterances
    total: int  # utterances of a complete copy


class Sound(NamedTuple):
    """What there is to a sound file."""

    seconds: float = 0.0
    ends_s: float = 0.0  # the moment after which every sample is zero; 0 in a silent file
    digest: str = ""  # the same for two files of the same rate, channels and samples
    sample_rate: int | None = None  # in Hz; None where a release has no one rate
    channels: int | None = None  # None where a release has no one number
    damage: str | None = None  # why it cannot be used; None when it can


class _Copy:
    """A copy, its utterances whose file is there, and what a complete one holds.

    `rows`: utterance, group, emotion, file (relative to `folder`), start_s and end_s within it (missing where the utterance is
    the whole file), label_s (its length by the label), moment (the same for two utterances that by their labels share a sound).
    """

    def __init__(self, corpus: Corpus, root: Path) -> None:
        self.corpus, self.folder = corpus, corpus.base(root)
        self.expected = table.expected_counts(self.folder, corpus.counts)
        wanted = self.expected["utterances"]
        self.total: int = sum(wanted.values()) if isinstance(wanted, dict) else wanted
        twin = corpus.sample_rate and table.is_synthetic(self.folder)
        self.sample_rate = 16_000 if twin else corpus.sample_rate  # whatever the rate of the twin's release
        usable, self.problems, self.miscounts = (corpus.look or corpus.read)(root)
        rows = pd.DataFrame(usable, columns=[*table.COLUMNS])
        self.sound = bool(corpus.sounds and not usable) or audio.is_there(rows["audio"])
        if corpus.sounds and self.sound:
            rows = corpus.sounds(self.folder)
        else:
            where = root if self.sound else self.folder
            files = [(where / file).relative_to(self.folder).as_posix() for file in rows["audio"]]
            rows = rows.assign(group=rows[corpus.group], file=files, label_s=np.nan, moment=None)
        self.rows = rows[["utterance", "group", "emotion", "file", "start_s", "end_s", "label_s", "moment"]]

    def gone(self, usable: pd.DataFrame) -> list[str]:
        """The classes that a complete copy has and of which no utterance is left; excitement counts as happiness."""
        wanted = pd.Series([self.corpus.labels[code] for code, number in self.expected["codes"].items() if number])
        wanted, left = (
            set(emotions.dropna().replace("excitement", "happiness")) for emotions in (wanted, usable["emotion"])
        )
        return labels.ordered(wanted - left)

    def too_little(self, usable: pd.DataFrame) -> str | None:
        """Why what is left of a copy is not enough; None when it is."""
        if usable.empty:
            return f"none of {self.total:,} utterances can be used"
        drawn = self.corpus.group == "speaker" and len(usable) >= DRAWN
        if len(usable) < LEAST_SHARE * self.total and not drawn:
            return f"{len(usable):,} of {self.total:,} utterances can be used, fewer than {LEAST_SHARE:.0%}"
        if needed := [emotion for emotion in self.gone(usable) if emotion in labels.FOUR]:
            return f"no utterance of {', '.join(needed)} can be used"
        if usable["group"].nunique() < 2:
            return f"all usable utterances are of one {self.corpus.group}: none can be held out"
        return None


def examine(name: str, root: Path | str, *, progress: bool = True) -> Examination:
    """Look at everything in a copy of a corpus, to the last sample. A bad file is a problem and never an error.

    CorpusError where there is no such corpus under `root` at all, or none of its label files can be read.
    """
    root, corpus = Path(root), corpora.get(name)
    if corpus.is_own:
        return _of_own(corpus, root)
    copy = _Copy(corpus, root)
    # a recording that is shorter than its labels is read all the same: it may be another one's
    damaged = {problem.file for problem in copy.problems if problem.problem != "label past the sound"}
    files = sorted(set(copy.rows["file"]) - damaged) if copy.sound else []
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # reading, decoding and digests all leave Python's lock
        read = pool.map(lambda file: listen(copy.folder / file), files)
        sounds = dict(zip(files, tqdm(read, "listening", len(files), disable=not progress), strict=True))
    found, lost = _of_sound(copy, sounds)
    every = _explained([*copy.problems, *copy.miscounts, *found])
    rows = copy.rows  # those that remain: `load` reads them, and their sound is there
    broken = {problem.file for problem in every if problem.problem not in HARMLESS}
    whole = rows["end_s"].isna()  # others were held against the sound that is there when they were loaded
    usable = rows[~rows["utterance"].isin(lost) & ~(whole & rows["file"].isin(broken))]
    every = list(_as_known(copy, every))
    state, reason = _verdict(copy, usable, every)
    return Examination(table.problems(every), state, f"{state}{reason}", len(usable), copy.total)


def first_look(name: str, root: Path | str) -> str:
    """Why `examine` is going to call a copy unusable, by labels and headers alone, in seconds; empty when it need not.

    CorpusError where there is no such corpus under `root`, or nothing in it that can be used.
    """
    root, corpus = Path(root), corpora.get(name)
    copy = None if corpus.is_own else _Copy(corpus, root)
    if copy is None or (copy.rows.empty and not corpus.sounds):
        corpus.load(root)  # its error says more
        return ""
    reason = copy.too_little(copy.rows)
    return f"unusable: {reason}; `make validate ARGS={name}` says what is wrong with the copy" if reason else ""


def annotation_only(name: str, root: Path | str) -> bool:
    """Whether a copy has labels and times and not one recording; nothing is written. CorpusError as for `first_look`."""
    corpus = corpora.get(name)
    rows, _, _ = (corpus.look or corpus.read)(Path(root))
    return bool(rows) and not audio.is_there(row["audio"] for row in rows)


def unlike(root: Path, utterances: pd.DataFrame) -> list[Problem]:
    """What is unlike the rest of a copy and read all the same, by headers: rates, channels, very short clips; a line each."""
    headers = {file: audio.inspect(root / file) for file in utterances["audio"].unique()}
    alone = utterances[utterances["dialogue"].isna()]
    return [*_mixed(headers), *_short(dict(zip(alone["audio"], alone["end_s"] - alone["start_s"], strict=True)))]


def listen(path: Path) -> Sound:
    """Read a sound file, or decode one of MELD's mp4 clips, from its first sample to its last; a bad one raises nothing."""
    try:
        if path.suffix == ".mp4":
            from . import meld_sound  # here: only MELD needs what decodes

            samples, rate = meld_sound.decode(path), meld_sound.SAMPLE_RATE
            digest = hashlib.sha256(samples.tobytes()).hexdigest()  # rates and layouts differ in the release itself
            return Sound(samples.size / rate, _sounding(samples) / rate, digest)
        with soundfile.SoundFile(str(path)) as file:
            rate, channels, frames = file.samplerate, file.channels, file.frames
            samples = file.read(dtype="int16" if file.subtype in _EXACT else "float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        return Sound(damage=str(error) if path.suffix == ".mp4" else f"not readable as sound ({error})")
    there, ends = len(samples), -(-_sounding(samples.ravel()) // channels)
    if samples.dtype == np.float32 and not np.isfinite(samples).all():
        return Sound(damage="holds a sample that is no finite number")
    damage = f"cut short: {there / rate:.2f} s of {frames / rate:.2f} s" if there < frames else None
    digest = hashlib.sha256(f"{rate} {channels} ".encode() + samples.tobytes()).hexdigest()
    return Sound(there / rate, ends / rate, digest, rate, channels, damage)


def _sounding(samples: np.ndarray) -> int:
    """How many samples there are up to the last that is not zero; the end is looked at first, for it is seldom silent."""
    for part in (samples[-4096:], samples):
        if part.any():
            return samples.size - part.size + int(np.flatnonzero(part)[-1]) + 1
    return 0


def _of_own(corpus: Corpus, root: Path) -> Examination:
    """A corpus of one's own has no release to be held against: what its loader can use, and what is wrong with the rest."""
    found = corpus.validate(root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", table.CorpusWarning)  # the table of problems says the same
        usable = corpus.load(root)
    state = "usable" if len(found) else "complete"
    found = pd.concat([found, table.problems(unlike(root, usable))], ignore_index=True)
    numbers = usable[["dialogue", "session", "speaker"]].nunique()
    groups = ", ".join(f"{number:,} {column}s" for column, number in numbers.items() if number)
    classes = ", ".join(f"{count:,} {emotion}" for emotion, count in usable["emotion"].value_counts().items())
    verdict = f"{state}: {len(usable):,} utterances ({classes or 'none with an emotion'}) of {groups}"
    return Examination(found, state, verdict, len(usable), len(usable))


def _of_sound(copy: _Copy, sounds: dict[str, Sound]) -> tuple[list[Problem], set[str]]:
    """What only the samples tell, and the utterances lost for it. A damaged file has one problem, the gravest."""
    rows: dict[str, list[tuple]] = {file: [] for file in sounds}
    for row in copy.rows.itertuples():
        rows.get(row.file, []).append(row)
    found: list[Problem] = []
    odd: dict[tuple[str, str], list[str]] = {}  # kind and detail -> the files that are so
    lost: set[str] = set()
    firsts: dict[str, tuple] = {}
    for file, its in rows.items():
        sound, row = sounds[file], its[0]
        kind, detail, gone = _gravest(sound, its)
        if kind:
            found.append(Problem(file, kind, detail, _GET_AGAIN))
            lost.update(row.utterance for row in gone)
        else:
            for what in _oddities(sound, row, copy):
                odd.setdefault(what, []).append(file)
        first = firsts.setdefault(sound.digest, row) if sound.ends_s > 0 and not sound.damage else row
        if first is not row and (row.moment is None or row.moment != first.moment):
            detail = f"the same sound as {first.file}, sample for sample"
            found.append(Problem(file, "duplicate audio", detail, f"{_GET_AGAIN}, and the other"))
    for (kind, detail), files in odd.items():
        many = f": {len(files):,} files, this one first" if len(files) > 1 else ""
        found.append(Problem(files[0], kind, f"{detail}{many}", _GET_AGAIN))
    sound = {file: sound for file, sound in sounds.items() if sound.sample_rate and not sound.damage}
    rate, channels = copy.sample_rate, copy.corpus.channels  # a release that has one of them is held to it
    found += [problem for problem in _mixed(sound) if not (rate if "rates" in problem.problem else channels)]
    clips = {file: sound.seconds for file, sound in sound.items()} if copy.corpus.group == "speaker" else {}
    return [*found, *_short({file: seconds for file, seconds in clips.items() if seconds})], lost


def _mixed(sounds: Mapping[str, Sound | audio.Info]) -> Iterator[Problem]:
    """A line where some files have another rate, or other channels, than most: which is the first, and how many."""
    for kind, unit, values in (
        ("mixed sample rates", "Hz", {file: sound.sample_rate for file, sound in sounds.items()}),
        ("mixed channels", "channel(s)", {file: sound.channels for file, sound in sounds.items()}),
    ):
        (most, _), *others = Counter(values.values()).most_common() or [(None, 0)]
        if others:
            told = ", ".join(f"{number:,} of {len(values):,} have {value:,} {unit}" for value, number in others)
            first = next(file for file, value in values.items() if value != most)
            yield Problem(
                first,
                kind,
                f"{told}, most {most:,}; this one first",
                f"{NOTHING}: each is read as mono and at the rate that is asked for",
            )


def _short(lengths_s: Mapping[str, float]) -> Iterator[Problem]:
    """A line where clips are so short that a label says little: which is the first, and how many."""
    if short := {name: seconds for name, seconds in lengths_s.items() if seconds < SHORT_S}:
        detail = f"{len(short):,} of {len(lengths_s):,} last less than {SHORT_S:g} s, the shortest {min(short.values()):.2f} s"
        advice = f"{NOTHING}: they are read as they are, but little is heard in them"
        yield Problem(next(iter(short)), "short clips", f"{detail}; this one first", advice)


def _gravest(sound: Sound, its: list[tuple]) -> tuple[str | None, str, list[tuple]]:
    """The damage that a file has, in words, and the utterances that are lost with it."""
    if sound.damage:
        return table.damage(sound.damage), sound.damage, its
    if sound.seconds == 0:
        return "empty audio", "holds no sample", its
    if sound.ends_s == 0:
        return "silent audio", f"all its {sound.seconds:.2f} s are zero", its
    gone = [row for row in its if row.start_s + (sound.seconds if pd.isna(row.end_s) else row.end_s) > 2 * sound.ends_s]
    since = f"from {sound.ends_s:.2f} s of {sound.seconds:.2f} s on all is zero"
    return ("sound stops" if gone else None), f"{since}: {len(gone)} of {len(its)} utterances lost", gone


def _oddities(sound: Sound, row: tuple, copy: _Copy) -> Iterator[tuple[str, str]]:
    """What is unlike the release in a file that is read all the same: kind and detail."""
    rate, channels = copy.sample_rate, copy.corpus.channels
    if rate and sound.sample_rate != rate:
        yield "wrong sample rate", f"{sound.sample_rate:,} Hz, the release has {rate:,} Hz"
    if channels and sound.channels != channels:
        yield "wrong channels", f"{sound.channels} channel(s), the release has {channels}"
    (low, high), label_s, lasts = copy.corpus.lengths_s, row.label_s, f"lasts {sound.seconds:.2f} s"
    if not low <= sound.seconds <= high:
        yield "odd length", f"{lasts}, others {low:.1f} to {high:.1f} s"
    if not (pd.isna(label_s) or label_s / _FACTOR - _SLACK_S < sound.seconds < label_s * _FACTOR + _SLACK_S):
        yield "odd length", f"{lasts}, its label {label_s:.2f} s"


def _explained(found: list[Problem]) -> list[Problem]:
    """Leave out counts that differ where the other problems say which files and lines are lacking."""
    others = [problem for problem in found if problem.problem != "wrong count"]
    apart: Counter = Counter()
    for count in (_COUNTED.fullmatch(problem.detail) for problem in found if problem.problem == "wrong count"):
        apart[count[2]] += abs(int(count[3].replace(",", "")) - int(count[1].replace(",", "")))
    costly = [problem.problem for problem in others if problem.problem not in HARMLESS]
    unexplained = len(costly) < max(apart.values(), default=0) and not _WHOLE_FOLDERS & {*costly}
    return found if unexplained else others


def _as_known(copy: _Copy, found: list[Problem]) -> Iterator[Problem]:
    """Excuse the problems of clips that are bad in the release, and add those that have no other problem here."""
    bad, rows = copy.corpus.known_bad, copy.rows
    for problem in found:
        names = {Path(problem.file).stem, *rows.loc[rows["file"] == problem.file, "utterance"]}
        reasons = [bad[name] for name in names if name in bad and not problem.advice.startswith(NOTHING)]
        yield replace(problem, advice=f"{NOTHING}: {reasons[0]}") if reasons else problem
    told = {problem.file for problem in found}
    for row in rows[rows["utterance"].isin(bad.keys()) & ~rows["file"].isin(told)].itertuples():
        yield Problem(row.file, "known bad clip", bad[row.utterance], f"{NOTHING}, or leave it out")


def _verdict(copy: _Copy, usable: pd.DataFrame, found: list[Problem]) -> tuple[str, str]:
    """The state of a copy, and what follows it in the sentence that says why."""
    lacking = max(0, copy.total - len(usable))
    if reason := copy.too_little(usable):
        return "unusable", f": {reason}"
    if not copy.sound:
        those = f"{len(usable):,} of {copy.total:,} utterances"
        return "annotation only", f": {those} have their labels and times, and none has sound"
    spoilt = {one.problem for one in found if not one.advice.startswith(NOTHING)}
    if not spoilt:
        own = f"; {lacking:,} of them can be used in no copy" if lacking else ""
        return "complete", f": all {copy.total:,} utterances are as in the release{own}"
    if lacking:
        gone = copy.gone(usable)
        rare = f"; none of {', '.join(gone)}" if gone else ""
        return "usable", f" with {lacking:,} of {copy.total:,} utterances missing or unusable{rare}"
    return (
        "usable",
        f": all {copy.total:,} utterances are there, but not as in the release ({', '.join(sorted(spoilt))})",
    )
