"""What a run needs that nobody can make for it: recorded corpora and published checkpoints.

Before anything runs, `make` prints one list of what is missing, with what to do about each. A notebook that lacks what it
cannot do without is skipped, and the site says why; the others run. What a profile makes itself is not asked for.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from emocast import corpora, encoders
from emocast.corpora import validate
from emocast.corpora.table import CorpusError, CorpusWarning
from emocast.settings import Profile

SKIPPED = ".skipped"  # below a profile's outputs: why notebooks did not run, a file each
#: What each notebook cannot do without; of the others some parts are left out. A notebook stands for all that it needs.
NEEDS: dict[str, tuple[str, ...]] = {
    "01_dataset_audit": (),
    "02_clap_zero_shot": ("corpus", "contrastive"),
    "03_embedding_extraction": ("corpus", "encoder"),
    "04_forecasting_fcdnn": ("03_embedding_extraction",),
    "05_time_shift_sweep": ("03_embedding_extraction",),
    "06_cross_lingual_ser": ("corpus", "source"),
    "07_is_it_forecasting": ("03_embedding_extraction", "05_time_shift_sweep"),
    "08_forecast_a_recording": ("03_embedding_extraction",),
}


class Need(NamedTuple):
    """One thing that a profile names and does not make: what for, its name, and why it cannot be used, with what to do."""

    role: str
    name: str
    problem: str


def look(profile: Profile, *, roles: Collection[str] | None = None) -> list[Need]:
    """Look for what a profile names and does not make: the corpora, then the checkpoints, each once a role (None: all)."""
    named = [*_corpora(profile), *_checkpoints(profile)]
    return [Need(role, name, problem()) for role, name, problem in named if roles is None or role in roles]


def reasons(profile: Profile, notebook: str, *, parameters: Collection[str] = ()) -> list[str]:
    """Say why a notebook cannot run, a sentence a reason; one that is given an `encoder` does not need the profile's."""
    roles = _roles(notebook) - ({"contrastive"} if "encoder" in parameters else set())
    lacking = [f"{need.name}: {need.problem}" for need in look(profile, roles=roles) if need.problem]
    return [*lacking, *_other_corpus(profile, notebook)]


def _other_corpus(profile: Profile, notebook: str) -> list[str]:
    """Why a notebook that belongs to one corpus does not run on the profile's, in one sentence; else nothing."""
    if notebook != "06_cross_lingual_ser" or profile.corpus == "iemocap":
        return []
    why = f"it trains on IEMOCAP as the thesis does, and the main corpus is {profile.corpus!r}"
    return [f"{why}: with `corpus: iemocap` it tests on the others that the profile names"]


def note_skipped(home: Path, notebook: str, why: list[str]) -> None:
    """Keep for the site, in a profile's outputs, why a notebook was skipped, or (for no reason) that it was not."""
    note = home / SKIPPED / f"{notebook}.json"
    note.unlink(missing_ok=True)
    if why:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(why, indent=1), encoding="utf-8")


def skipped(home: Path) -> dict[str, list[str]]:
    """The notebooks that were skipped, in order, and why."""
    return {note.stem: json.loads(note.read_text("utf-8")) for note in sorted((home / SKIPPED).glob("*.json"))}


def _roles(notebook: str) -> set[str]:
    return {role for need in NEEDS.get(notebook, ()) for role in (_roles(need) if need in NEEDS else {need})}


def _corpora(profile: Profile) -> Iterator[tuple[str, str, Callable[[], str]]]:
    """The corpora that a profile reads and does not make: the role, the name, and what looks whether it is there."""
    made = set(profile.sizes)
    for name in profile.corpora:
        if name not in made and (name in corpora.NAMES or name in profile.loaders):
            role = "corpus" if name == profile.corpus else "another corpus"
            yield role, name, partial(_no_corpus, name, profile.corpus_root(name))


def _no_corpus(name: str, root: Path) -> str:
    """Why a corpus cannot be used: the loader's error, which says where it belongs, or how little of it is there."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CorpusWarning)  # the notebooks list what is damaged
            return validate.first_look(name, root)
    except CorpusError as error:
        return str(error)


def _checkpoints(profile: Profile) -> Iterator[tuple[str, str, Callable[[], str]]]:
    """The checkpoints that a profile names and its notebooks do not train, as `_corpora` gives corpora."""
    models = profile.contrastive.models
    named = [
        ("encoder", profile.encoder),
        *(("compared in 03", name) for name in profile.embeddings.compared if name != profile.encoder),
        ("source", f"transformers:{profile.ser.source}"),
        ("contrastive", models[profile.contrastive.model]),
        *(("for 02 on demand", name) for key, name in models.items() if key != profile.contrastive.model),
        *(("screened in 06", f":{source}") for source in profile.ser.candidates),
    ]
    for role, name in named:
        source = name.partition(":")[2].partition("@")[0]
        if source and not source.startswith(f"{profile.name}/models/"):
            yield role, source, partial(_no_checkpoint, name.removeprefix(":"), texts=name in models.values())


def _no_checkpoint(name: str, *, texts: bool) -> str:
    """Which files of a checkpoint to put where: of an encoder's, or of a classifier's, which has no kind before its name."""
    if ":" in name:
        return encoders.missing(name, texts=texts)
    return encoders.missing(f"wav2vec2:{name}") and encoders.missing(f"transformers:{name}")


def told(profile: Profile) -> str:
    """The list for a reader: what is missing (`look`) with what to do, then which notebooks are skipped for it."""
    needs = look(profile)
    first = "03_embedding_extraction"  # on another corpus than its own only the forecasting notebooks run
    run = [
        name for name, needed in NEEDS.items() if profile.corpus not in profile.for_corpus or first in (name, *needed)
    ]
    other = [f"  skipped: {name}: {why}" for name in run for why in _other_corpus(profile, name)]
    named = dict.fromkeys(need.name for need in needs if need.problem)
    lacking = {name: next(need.problem for need in needs if need.name == name) for name in named}
    count = f"{len({need.name for need in needs})} corpora and checkpoints that it names"
    if not lacking:
        return "\n".join([f"{profile.name}: all {count} are there; `make validate` looks into them", *other])
    lines = [f"{profile.name}: {len(lacking)} of the {count} are missing"]
    for name, problem in lacking.items():
        roles = dict.fromkeys(need.role for need in needs if need.name == name)
        lines.append(f"  {name} ({', '.join(roles)})\n      {problem}")
    missing = {need.role for need in needs if need.name in lacking}
    if missing & {"corpus", "another corpus"}:
        lines.append("  corpora: `make data` says which can be fetched and how")
    lines.append("  checkpoints: with a network, `make checkpoints` downloads those of the model hub")
    waiting = ", ".join(name for name in run if _roles(name) & missing) or "no notebook; parts of some are left out"
    return "\n".join([*lines, f"  skipped for want of these: {waiting}", *other])
