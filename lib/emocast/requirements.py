"""What a run needs that nobody can make for it: recorded corpora and published checkpoints.

Before anything runs, `make` asks here and prints one list of what is missing, with what to do about each. A notebook that lacks
what it cannot do without is skipped, and the report says why; the others run. What a profile makes itself (synthetic
corpora, models that its notebooks train) is not asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import corpora, paths
from . import profile as profiles
from .corpora import doctor
from .corpora.synthetic import orders
from .corpora.table import CorpusError, CorpusWarning
from .profile import Profile

#: Below a profile's outputs: why notebooks did not run, a file each.
SKIPPED = ".skipped"

#: The one corpus on which notebook 06 trains, as the thesis does.
_THESIS_CORPUS = "iemocap"

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


@dataclass(frozen=True)
class Need:
    """One thing that a profile names and does not make.

    Attributes:
        role: "corpus", "encoder", "source" or "contrastive" where notebooks cannot do without it, else what it is for.
        name: the corpus's or the checkpoint's.
        problem: why it cannot be used and what to do; empty when it is there.
    """

    role: str
    name: str
    problem: str


def look(profile: Profile, *, roles: Collection[str] | None = None) -> list[Need]:
    """Look for what a profile names and does not make.

    Args:
        profile: the run's settings.
        roles: only these; None for everything.

    Returns:
        The corpora, then the checkpoints, each once a role.
    """
    named = [*_corpora(profile), *_checkpoints(profile)]
    return [Need(role, name, problem()) for role, name, problem in named if roles is None or role in roles]


def reasons(profile: Profile, notebook: str, *, parameters: Collection[str] = ()) -> list[str]:
    """Say why a notebook cannot run.

    Args:
        profile: the run's settings.
        notebook: its name; one that `NEEDS` does not know needs nothing.
        parameters: those that it is given: with an `encoder` it does not need the profile's.

    Returns:
        One sentence for each thing that it cannot do without; none when it can run.
    """
    roles = _roles(notebook) - ({"contrastive"} if "encoder" in parameters else set())
    lacking = [f"{need.name}: {need.problem}" for need in look(profile, roles=roles) if need.problem]
    return [*lacking, *_other_corpus(profile, notebook)]


def _other_corpus(profile: Profile, notebook: str) -> list[str]:
    """Why a notebook that belongs to one corpus does not run on the profile's, in one sentence; else nothing."""
    if notebook != "06_cross_lingual_ser" or profile.corpus == _THESIS_CORPUS:
        return []
    why = f"it trains on IEMOCAP as the thesis does, and the main corpus is {profile.corpus!r}"
    return [f"{why}: with `corpus: iemocap` it tests on the others that the profile names"]


def note_skipped(home: Path, notebook: str, why: list[str]) -> None:
    """Keep for the report that a notebook was skipped, or (for no reason) that it was not.

    Args:
        home: the folder of the profile's outputs.
        notebook: its name.
        why: the reasons.
    """
    note = home / SKIPPED / f"{notebook}.json"
    if why:
        with paths.replacing(note) as partial:
            partial.write_text(json.dumps({"notebook": notebook, "reasons": why}, indent=1), encoding="utf-8")
    else:
        note.unlink(missing_ok=True)


def skipped(home: Path) -> list[dict]:
    """The notebooks that were skipped, in order: mappings with `notebook` and `reasons`."""
    return [json.loads(note.read_text(encoding="utf-8")) for note in sorted((home / SKIPPED).glob("*.json"))]


def _roles(notebook: str) -> set[str]:
    roles: set[str] = set()
    for need in NEEDS.get(notebook, ()):
        roles |= _roles(need) if need in NEEDS else {need}
    return roles


#: A role, a name, and what looks whether it is there.
_Named = tuple[str, str, Callable[[], str]]


def _corpora(profile: Profile) -> Iterator[_Named]:
    made = {order.corpus for order in orders.of(profile)}
    for name in profile.corpora:
        if name not in made and (name in corpora.NAMES or name in profile.loaders):
            role = "corpus" if name == profile.corpus else "another corpus"
            yield role, name, partial(_no_corpus, name, profile.corpus_root(name))


def _no_corpus(name: str, root: Path) -> str:
    """Why a corpus cannot be used: the loader's error, which says where it belongs, or how little of it is there."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CorpusWarning)  # the notebooks list what is damaged
            return doctor.first_look(name, root)
    except CorpusError as error:
        return str(error)


def _checkpoints(profile: Profile) -> Iterator[_Named]:
    contrastive = profile.contrastive.models
    named = [
        ("encoder", profile.encoder),
        *(("compared in 03", name) for name in profile.embeddings.compared if name != profile.encoder),
        ("source", f"transformers:{profile.ser.source}"),
        ("contrastive", contrastive[profile.contrastive.model]),
        *(("for 02 on demand", name) for key, name in contrastive.items() if key != profile.contrastive.model),
    ]
    own = f"{profile.name}/models/"  # its notebooks train these
    for role, name in named:
        source = name.partition(":")[2].partition("@")[0]
        if source and not source.startswith(own):
            yield role, source, partial(_no_checkpoint, name, texts=name in contrastive.values())
    for source in profile.ser.candidates:
        if not source.startswith(own):
            yield "screened in 06", source, partial(_no_checkpoint, source)


def _no_checkpoint(name: str, *, texts: bool = False) -> str:
    """Which files of a checkpoint to put where: of an encoder's, or of a classifier's, which has no kind before its name."""
    from .encoders import presence  # here: it imports torch, which a profile that trains its own models does not need

    return presence.missing(name, texts=texts) if ":" in name else presence.missing_classifier(name)


def _asked_for(profile: Profile) -> list[str]:
    """The notebooks of a run: on another corpus than the profile's own only those that forecast."""
    forecasting = "03_embedding_extraction"
    elsewhere = profile.corpus in profile.for_corpus
    return [name for name, needs in NEEDS.items() if not elsewhere or forecasting in (name, *needs)]


def told(needs: list[Need], profile: Profile) -> str:
    """The list for a reader: what is missing with what to do, then which notebooks are skipped for it.

    Args:
        needs: from `look`.
        profile: the run's settings.
    """
    problems: dict[str, str] = {}
    roles: dict[str, list[str]] = {}
    for need in needs:
        problems[need.name] = problems.get(need.name) or need.problem
        roles.setdefault(need.name, []).append(need.role)
    lacking = {name: problem for name, problem in problems.items() if problem}
    elsewhere = [f"  skipped: {name}: {why}" for name in _asked_for(profile) for why in _other_corpus(profile, name)]
    if not lacking:
        there = f"all {len(problems)} corpora and checkpoints that it names are there"
        return "\n".join([f"{profile.name}: {there}; `make validate` looks into them", *elsewhere])
    lines = [f"{profile.name}: {len(lacking)} of the {len(problems)} corpora and checkpoints that it names are missing"]
    for name, problem in lacking.items():
        lines.append(f"  {name} ({', '.join(dict.fromkeys(roles[name]))})\n      {problem}")
    missing = {role for name in lacking for role in roles[name]}
    waiting = [name for name in _asked_for(profile) if _roles(name) & missing]
    if {need.role for need in needs if need.problem} & {"corpus", "another corpus"}:
        lines.append("  corpora: `make data` says which can be fetched and how")
    lines.append("  checkpoints: with a network, `make checkpoints` downloads those of the model hub")
    lines.append(f"  skipped for want of these: {', '.join(waiting) or 'no notebook; parts of some are left out'}")
    return "\n".join([*lines, *elsewhere])


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m emocast.requirements", description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="paper", help="a profile's name or .yaml file (default: paper)")
    parser.add_argument("--corpus", help="the main corpus, where it is not the profile's own")
    parser.add_argument(
        "--fetch",
        action="store_true",
        help="download the checkpoints that are missing from the model hub, where there is one",
    )
    options = parser.parse_args(arguments)
    os.environ["HF_HUB_OFFLINE"] = "0" if options.fetch else "1"  # read when the hub's package is imported
    try:
        profile = profiles.load(options.profile, corpus=options.corpus)
        print(told(look(profile), profile))
    except profiles.ProfileError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
