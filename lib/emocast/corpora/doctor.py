"""The corpus doctor: is this copy of a corpus whole, and if not, what can be done with it?

A module's `validate` reads labels and headers. The doctor goes on to every sample of every file, brings the problems under
the names of `doctor_kinds`, and ends in a verdict by stated rules:

- complete: the copy is as the release is. What is bad in the release itself (`KNOWN_BAD`) is listed and does not count
  against it; what macOS leaves beside files (`._*`) is counted and no problem, for nothing reads it.
- usable: something else is wrong, and what is left is enough.
- unusable: no utterance is left; or fewer than a quarter of the release's; or none of one of the classes that every
  experiment here needs (`labels.FOUR`); or of one group alone (a session, a speaker), so that none can be held out.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from emocast import corpora, labels

from . import clips, doctor_kinds, doctor_material, doctor_sounds, table
from .doctor_kinds import KINDS, NOTHING
from .doctor_material import Material
from .own import OwnCorpus
from .table import Problem

#: Of a release's utterances, the share below which a copy is of no use.
LEAST_SHARE = 0.25

_WHOLE_FOLDERS = {"missing session", "missing recordings", "missing labels", "bad label file"}
_COUNTED = re.compile(r"([\d,]+) (\w+).* read, a complete copy has ([\d,]+)")


@dataclass(frozen=True, eq=False)
class Examination:
    """What the doctor found.

    Attributes:
        problems: a table with the columns file, problem, detail, advice; `problem` is a name out of `doctor_kinds.KINDS`.
        state: "complete", "usable" or "unusable".
        verdict: the state and its reason in one sentence.
        numbers: what was counted: `utterances` (of a complete copy), `usable`, `lacking` (their difference), `files` (that
            were heard), `hours` (of sound in them), `problems`, `leftovers` (of macOS).
    """

    problems: pd.DataFrame
    state: str
    verdict: str
    numbers: dict[str, int | float]


def examine(name: str, root: Path | str, *, progress: bool = True) -> Examination:
    """Look at and listen to everything in a copy of a corpus. Nothing is written.

    Args:
        name: a corpus out of `corpora.NAMES`.
        root: its folder, as for the module's `load`.
        progress: whether a bar over the sound files is shown.

    Returns:
        The problems and the verdict; a bad file is a problem and never an error.

    Raises:
        CorpusError: there is no such corpus under `root` at all, or none of its label files can be read.
        ValueError: there is no corpus of this name.
    """
    root, corpus = Path(root), corpora.get(name)
    if isinstance(corpus, OwnCorpus):
        return _of_own(corpus, root)
    seen = [Problem(**row) for row in corpus.validate(root).to_dict("records")]
    material = doctor_material.of(name, root)
    # a recording that is shorter than its labels is heard all the same: it may be another one's
    damaged = {problem.file for problem in seen if problem.problem != "label past the sound"}
    files = sorted(set(material.utterances["file"]) - damaged)
    heard = doctor_sounds.listen(material, files, progress=progress)
    found, lost = doctor_sounds.problems(material, heard)
    every = _explained([*map(_named, seen), *found])
    every += list(_known(material, every))
    usable = _usable(material, every, lost)
    numbers = _numbers(material, usable, every) | {
        "files": len(heard),
        "hours": round(sum(sound.seconds for sound in heard.values()) / 3600, 3),
        "leftovers": sum(1 for _ in material.folder.rglob("._*")),
    }
    excused = [_excused(problem, material) for problem in every]
    state, verdict = _verdict(name, material, usable, excused, numbers)
    return Examination(table.problems(excused), state, verdict, numbers)


def first_look(name: str, root: Path | str) -> str:
    """Whether a copy is of any use by its labels and its files' headers alone: seconds, where `examine` reads every sample.

    Args:
        name: a corpus (`corpora.get`).
        root: its folder, as for the module's `load`.

    Returns:
        Why `examine` is going to call it unusable; empty when it need not. One of one's own has no release to fall short of.

    Raises:
        CorpusError: there is no such corpus under `root`, or nothing in it that can be used.
    """
    root, corpus = Path(root), corpora.get(name)
    if isinstance(corpus, OwnCorpus):
        corpus.load(root)
        return ""
    material = doctor_material.of(name, root)
    if material.utterances.empty and name != "meld":  # of which the labels can be read without a clip
        corpus.load(root)
    total = _total(material)
    reason = _too_little(name, material.utterances, total, _gone(name, material, material.utterances))
    return f"unusable: {reason}; `make validate ARGS={name}` says what is wrong with the copy" if reason else ""


def _of_own(corpus: OwnCorpus, root: Path) -> Examination:
    """A corpus of one's own has no release to be held against: what its loader can use, and what is wrong with the rest."""
    found = corpus.validate(root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", table.CorpusWarning)  # the table of problems says the same
        usable = corpus.load(root)
    state = "usable" if len(found) else "complete"
    numbers = usable[["dialogue", "session", "speaker"]].nunique()
    groups = ", ".join(f"{number:,} {column}s" for column, number in numbers.items() if number)
    classes = ", ".join(f"{count:,} {emotion}" for emotion, count in usable["emotion"].value_counts().items())
    verdict = f"{state}: {len(usable):,} utterances ({classes or 'none with an emotion'}) of {groups}"
    return Examination(found, state, verdict, {"usable": len(usable), "problems": len(found)})


def _named(problem: Problem) -> Problem:
    """A problem of MELD's clips, which its module calls by one name, under the name of its kind."""
    if problem.problem != "unreadable audio":
        return problem
    return Problem(problem.file, clips.damage(problem.detail), problem.detail, problem.advice)


def _explained(found: list[Problem]) -> list[Problem]:
    """Leave out counts that differ where the other problems say which files and lines are lacking."""
    kinds = Counter(problem.problem for problem in found if KINDS[problem.problem].costs)
    counts = [_COUNTED.fullmatch(problem.detail) for problem in found if problem.problem == "wrong count"]
    apart: Counter = Counter()
    for read, what, wanted in (count.groups() for count in counts if count):
        apart[what] += abs(int(wanted.replace(",", "")) - int(read.replace(",", "")))
    told = sum(number for kind, number in kinds.items() if kind != "wrong count")
    if told < max(apart.values(), default=0) and not _WHOLE_FOLDERS & kinds.keys():
        return found
    return [problem for problem in found if problem.problem != "wrong count"]


def _known(material: Material, found: list[Problem]) -> Iterator[Problem]:
    """The clips that are bad in the release and have no other problem here."""
    told = {problem.file for problem in found}
    rows = material.utterances
    for row in rows[rows["utterance"].isin(material.known_bad.keys()) & ~rows["file"].isin(told)].itertuples():
        yield Problem(row.file, "known bad clip", material.known_bad[row.utterance], f"{NOTHING}, or leave it out")


def _excused(problem: Problem, material: Material) -> Problem:
    """A problem of a clip that is bad in the release: there is nothing to do about it."""
    rows = material.utterances
    names = {Path(problem.file).stem, *rows.loc[rows["file"] == problem.file, "utterance"]}
    reason = next((material.known_bad[name] for name in names if name in material.known_bad), None)
    if reason is None or problem.advice.startswith(NOTHING):
        return problem
    return Problem(problem.file, problem.problem, problem.detail, f"{NOTHING}: {reason}")


def _usable(material: Material, found: list[Problem], lost: set[str]) -> pd.DataFrame:
    """The utterances that are left: `load` reads them, and their sound is there."""
    rows = material.utterances
    broken = {problem.file for problem in found if KINDS[problem.problem].costs}
    whole = rows["end_s"].isna()  # others were held against the sound that is there when they were loaded
    return rows[~rows["utterance"].isin(lost) & ~(whole & rows["file"].isin(broken))]


def _numbers(material: Material, usable: pd.DataFrame, found: list[Problem]) -> dict[str, int | float]:
    total = _total(material)
    return {
        "utterances": total,
        "usable": len(usable),
        "lacking": max(0, total - len(usable)),
        "problems": len(found),
    }


def _total(material: Material) -> int:
    """The utterances of a complete copy."""
    wanted = material.expected["utterances"]
    return sum(wanted.values()) if isinstance(wanted, dict) else wanted


def _verdict(
    name: str, material: Material, usable: pd.DataFrame, found: list[Problem], numbers: dict[str, int | float]
) -> tuple[str, str]:
    """The state of a copy, and the sentence that says why."""
    total, lacking = numbers["utterances"], numbers["lacking"]
    gone = _gone(name, material, usable)
    if reason := _too_little(name, usable, total, gone):
        return "unusable", f"unusable: {reason}"
    bad = [problem for problem in found if doctor_kinds.spoils(problem.problem, problem.advice)]
    if not bad:
        own = f"; {lacking:,} of them can be used in no copy" if lacking else ""
        return "complete", f"complete: all {total:,} utterances are as in the release{own}"
    rare = f"; none of {', '.join(gone)}" if gone else ""
    if lacking:
        return "usable", f"usable with {lacking:,} of {total:,} utterances missing or unusable{rare}"
    kinds = ", ".join(sorted({problem.problem for problem in bad}))
    return "usable", f"usable: all {total:,} utterances are there, but not as in the release ({kinds})"


def _too_little(name: str, usable: pd.DataFrame, total: int, gone: list[str]) -> str | None:
    """Why what is left of a copy is not enough; None when it is."""
    if usable.empty:
        return f"none of {total:,} utterances can be used"
    if len(usable) < LEAST_SHARE * total:
        return f"{len(usable):,} of {total:,} utterances can be used, fewer than {LEAST_SHARE:.0%}"
    needed = [emotion for emotion in gone if emotion in labels.FOUR]
    if needed:
        return f"no utterance of {', '.join(needed)} can be used"
    if usable["group"].nunique() < 2:
        return f"all usable utterances are of one {corpora.get(name).GROUP}: none can be held out"
    return None


def _gone(name: str, material: Material, usable: pd.DataFrame) -> list[str]:
    """The classes that a complete copy has and of which no utterance is left; excitement counts as happiness."""
    codes = [code for code, number in material.expected["codes"].items() if number]
    wanted = {corpora.get(name).LABELS[code] for code in codes} - {None}
    merged = {"excitement": "happiness"}
    left = {merged.get(emotion, emotion) for emotion in usable["emotion"].dropna()}
    return labels.ordered({merged.get(emotion, emotion) for emotion in wanted} - left)
