"""Run one notebook whole: papermill in a folder of its own, which takes its final name only when all went well.

A failed or killed run leaves the last good output as it was. Beside it: what a profile needs and may lack, and the stamps by
which make sees that a notebook's code computes something else, not that a sentence changed.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import emocast_twins
from emocast import compute, corpora, encoders, paths, ser
from emocast import settings as profiles
from emocast.corpora import validate
from emocast.corpora.table import CorpusError, CorpusWarning
from emocast.settings import Profile


class SkippedError(Exception):
    """A notebook lacks a corpus or a checkpoint without which it cannot run."""


def run(notebook: Path, *, profile: str, parameters: Mapping[str, str] | None = None) -> Path:
    """Execute a notebook with a profile (name or file) and further parameters of its own, and give its output folder.

    With `parameters` that is not the one that others and the site read, but `variants/<what is set>/<notebook>` beside it.

    Raises:
        ValueError: the notebook has no such parameter, or the environment asks for an executor that cannot be.
        SkippedError: it lacks something that people have to bring (`requirements`); the site says so too.
        RuntimeError: the notebook failed or was killed; the message says where the failed copy is.
    """
    compute.executor()
    name, parameters = notebook.stem, {key: value for key, value in (parameters or {}).items() if value}
    _check(parameters, notebook)
    settings = profiles.load(profile, corpus=parameters.get("corpus"))
    profile = str(Path(profile).resolve()) if Path(profile).suffix else profile  # the kernel runs in another folder
    home = paths.outputs() / settings.name / paths.variant(parameters)
    lacking = reasons(settings, name, parameters=parameters)
    note_skipped(home, name, lacking)
    if lacking:
        raise SkippedError(f"{name} is skipped: {'; '.join(lacking)}")
    with alone(home, name):
        return _run(notebook, home, {"profile": profile, **parameters})


def alone(home: Path, name: str) -> contextlib.AbstractContextManager[None]:
    """Keep two runs of one notebook apart: the second waits, and then finds in the caches what the first computed."""
    folder = paths.outputs() / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    place = ".".join([*home.relative_to(paths.outputs()).parts, name, "lock"])
    return paths.alone(folder / place, busy=f"{name} is being run")


def _run(notebook: Path, home: Path, parameters: Mapping[str, str]) -> Path:
    """Execute a notebook below a profile's outputs, all of which was looked at before."""
    name, failed = notebook.stem, home / ".failed"
    for left in home.glob(f".{name}.partial-*"):  # of runs that are no more: this one has the lock
        shutil.rmtree(left, ignore_errors=True)
    partial = home / f".{name}.partial-{os.getpid()}"
    partial.mkdir(parents=True)
    try:
        reason = _execute(notebook, partial / f"{name}.ipynb", parameters)
    except KeyboardInterrupt:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if reason:
        copy = _swap(partial, failed / name) / f"{name}.ipynb"
        where = f"the notebook as far as it came: {paths.relative(copy)}; finished outputs are as they were"
        raise RuntimeError(f"{name} did not end well: {reason}\n  {where}")
    shutil.rmtree(failed / name, ignore_errors=True)
    with contextlib.suppress(OSError):  # other notebooks' failures keep it
        failed.rmdir()
    return _swap(partial, home / name)


def _swap(partial: Path, target: Path) -> Path:
    """Give a finished folder its final name; what stood there before is deleted."""
    old = partial.with_name(f".{target.name}.partial-old")
    target.parent.mkdir(exist_ok=True)
    if target.exists():
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    return target


def _execute(notebook: Path, target: Path, parameters: Mapping[str, str]) -> str:
    """Run a notebook, with a bar of its cells: nothing, or the error at which it stopped, in one line.

    What is no refusal of the library (`notebook.is_told`) has many frames, and they are printed: a log may be all there is.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # jsonschema would have it build a grammar of addresses, for seconds
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    # the kernel of this environment, not one of the same name in the user's home; no look-ups of models on the network
    environment = {"JUPYTER_PREFER_ENV_PATH": "1", "HF_HUB_OFFLINE": "1", paths.RUN_FOLDER: str(target.parent)}
    # Said where a library asks for bars of widgets; it would stand in the page, with a path of this machine.
    environment = {"PYTHONWARNINGS": "ignore:IProgress not found", **os.environ, **environment}
    # What the kernel's machinery logs of its connections, and of the stop in its middle, is no news; two may run at a time.
    options = {"extra_arguments": ["--log-level=CRITICAL"], "progress_bar": {"desc": notebook.stem}}
    with mock.patch.dict(os.environ, environment):
        try:
            papermill.execute_notebook(
                notebook, target, parameters, kernel_name="python3", cwd=notebook.parent, **options
            )
        except PapermillExecutionError as error:
            if len(error.traceback) > 1:
                print("\n".join(error.traceback), file=sys.stderr)
            return f"{error.ename}: {error.evalue}"
        except DeadKernelError:
            return "its kernel ended: it was stopped, or the machine had too little memory"
    return ""


def _check(parameters: Mapping[str, str], notebook: Path) -> None:
    """Refuse what papermill would take with a warning: a parameter that the notebook's parameters cell does not set."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    body = ast.parse("\n".join("".join(cell["source"]) for cell in tagged)).body
    known = [node.targets[0].id for node in body if isinstance(node, ast.Assign)]
    for name in parameters:
        if name == "profile":
            raise ValueError("the parameter 'profile' is set by --profile, which outputs are named after")
        if name not in known:
            raise ValueError(f"{notebook.stem} has no parameter {name!r}; its parameters are {', '.join(known)}")


# --- what a run needs and may lack

SKIPPED = ".skipped"  # below a profile's outputs: why notebooks did not run, a file each
#: What each notebook cannot do without; of the others some parts are left out. A notebook stands for all that it needs.
NEEDS: dict[str, tuple[str, ...]] = {
    "01_dataset_audit": (),
    "02_clap_zero_shot": ("corpus", "contrastive"),
    "03_embedding_extraction": ("corpus", "encoder"),
    "04_forecasting_fcdnn": ("03_embedding_extraction",),
    "05_time_shift_sweep": ("03_embedding_extraction",),
    "06_cross_lingual_ser": ("corpus", "source"),  # or what `_no_part` asks
    "07_is_it_forecasting": ("03_embedding_extraction", "05_time_shift_sweep"),
    "08_forecast_a_recording": ("03_embedding_extraction",),
    "09_across_corpora": (),
}
_THESIS, _ACROSS, _FEATURES = "06_cross_lingual_ser", "09_across_corpora", "features:"
#: The notebooks that have something to say of labels and features a turn, without any sound.
SILENT = tuple(name for name in NEEDS if name[:2] in {"01", "03", "04", "05", "07"})


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
    lacking = [
        *_other_corpus(profile, notebook),
        *_without_sound(profile, notebook),
        *_too_few_corpora(profile, notebook),
    ]
    lacking = lacking or [f"{need.name}: {need.problem}" for need in look(profile, roles=roles) if need.problem]
    if lacking and notebook == _THESIS and not profile.encoder.startswith(_FEATURES):
        also = _no_part(profile)
        lacking = [*lacking, f"its part on the published checkpoint needs none of this, but {also}"] if also else []
    return lacking


def _without_sound(profile: Profile, notebook: str) -> list[str]:
    """Why a notebook that needs sound does not run on features a turn or annotation alone, in one sentence; else nothing."""
    if profile.encoder.startswith(_FEATURES):
        return [] if notebook in SILENT else ["it needs sound, and the profile's encoder is features a turn"]
    try:
        silent = "corpus" in _roles(notebook) and _annotation_only(profile)
    except CorpusError:  # it is not there at all, which is told
        return []
    why = f"it needs sound, and {profile.corpus!r} is annotation only: give its recordings, or features"
    return [why] if silent else []


def _annotation_only(profile: Profile) -> bool:
    made = profile.corpus in profile.sizes or profile.corpus in profile.loaders
    return not made and validate.annotation_only(profile.corpus, profile.corpus_root())


def _other_corpus(profile: Profile, notebook: str) -> list[str]:
    """Why a notebook that belongs to one corpus does not run on the profile's, in one sentence; else nothing."""
    why = ser.other_corpus(profile) if notebook == _THESIS else ""
    return [why] if why else []


def _no_part(profile: Profile) -> str:
    """Why the part of 06 that needs a test set and the published checkpoint alone cannot run, or nothing."""
    if lacks := _no_checkpoint(f"wav2vec2:{profile.ser.checkpoint}", texts=False):
        return f"{profile.ser.checkpoint} is missing: `make checkpoints` downloads it, or {lacks}"
    tested = {corpus for corpus, _ in corpora.test_sets().values()} | set(profile.loaders)
    there = (name for _, name, problem in _corpora(profile) if name in tested and not problem())
    return "" if tested & set(profile.sizes) or any(there) else f"no test set is there ({', '.join(sorted(tested))})"


def _too_few_corpora(profile: Profile, notebook: str) -> list[str]:
    """Why a notebook that holds corpora against each other does not run on fewer than two, in one sentence; else nothing."""
    if notebook != _ACROSS or profile.encoder.startswith(_FEATURES):
        return []
    lacking = {name for _, name, problem in _corpora(profile) if problem()} | set(profile.transfer.leave_out)
    there = [name for name in profile.corpora if name in {*corpora.NAMES, *profile.loaders} - lacking]
    made = {*profile.sizes, *profile.loaders}
    heard = [name for name in there if name in made or not validate.annotation_only(name, profile.corpus_root(name))]
    few = f"it trains on one corpus and tests on others, and of those that the profile names {len(heard)} is there with sound"
    return [] if len(heard) > 1 else [f"{few}: `make data` says how to get more"]


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
        ("encoder", profile.baseline),
        *(("compared in 03", name) for name in profile.embeddings.compared if name != profile.encoder),
        ("source", f"transformers:{profile.ser.source}"),
        ("scored in 06", f"wav2vec2:{profile.ser.checkpoint}"),
        ("contrastive", models[profile.contrastive.model]),
        *(("for 02 on demand", name) for key, name in models.items() if key != profile.contrastive.model),
        *(("screened in 06", f":{source}") for source in profile.ser.candidates),
        *(("asked in 09", name) for name in profile.transfer.encoders),
    ]
    if profile.encoder.startswith(_FEATURES):  # what the others are for is skipped
        named = [(role, name) for role, name in named if name.startswith(_FEATURES)]
    for role, name in named:
        source = name.partition(":")[2].partition("@")[0]
        if source and not source.startswith(f"{profile.name}/models/"):
            yield role, source, partial(_no_checkpoint, name.removeprefix(":"), texts=name in models.values())
    if source := profile.embeddings.sentences:
        yield "words in 04", source, partial(_no_sentences, source)


def _no_sentences(source: str) -> str:
    """Which files of a sentence encoder to put where."""
    from emocast.encoders import hub  # here: it imports huggingface_hub

    try:
        hub.find(source, needed=encoders.SENTENCES)
    except hub.CheckpointError as error:
        return error.advice or str(error)
    return ""


def _no_checkpoint(name: str, *, texts: bool) -> str:
    """Which files of a checkpoint to put where: of an encoder's, or of a classifier's, which has no kind before its name."""
    if ":" in name:
        return encoders.missing(name, texts=texts)
    ways = [encoders.missing(f"{kind}:{name}") for kind in ("wav2vec2", "transformers")]
    return " or, in transformers' format, ".join(ways) if all(ways) else ""


def told(profile: Profile) -> str:
    """The list for a reader: what is missing (`look`) with what to do, then which notebooks are skipped for it."""
    needs = look(profile)
    first = "03_embedding_extraction"  # on another corpus than its own only the forecasting notebooks run
    run = [
        name for name, needed in NEEDS.items() if profile.corpus not in profile.for_corpus or first in (name, *needed)
    ]
    partly = "" if profile.encoder.startswith(_FEATURES) or _no_part(profile) else _THESIS
    pairs = [(name, why) for name in run for why in (*_other_corpus(profile, name), *_without_sound(profile, name))]
    other = [f"  {'in part' if name == partly else 'skipped'}: {name}: {why}" for name, why in pairs]
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
    lines.append("  checkpoints: with a network, `make checkpoints` downloads those that are public")
    without = [name for name in run if _roles(name) & missing and name not in dict(pairs)]
    if partly in without:
        other.append(f"  in part: {partly}: it trains nothing")
    waiting = ", ".join(name for name in without if name != partly) or "no notebook; parts of some are left out"
    return "\n".join([*lines, f"  skipped for want of these: {waiting}", *other])


# --- stamps: what a notebook's code is

LIBRARY = Path(paths.__file__).resolve().parents[1]
_PACKAGES = ("emocast", "emocast_twins")
_DATA = (".csv", ".yaml", ".json", ".txt", ".md")


def write_stamps(profile: str, folder: Path, *, twins: Path | None = None) -> list[str]:
    """Write the stamps (notebooks, "models", and beside the synthetic corpora `twins`) that are not what they were."""
    own, settings = Path(profile), profiles.load(profile)
    folders = {file.parent for file in settings.loaders.values()} | ({own.resolve().parent} if own.suffix else set())
    loaders = sorted(file for place in folders for file in place.glob("*.py"))
    written = {name: corpora.get(name).written for name in (*corpora.NAMES, *settings.loaders)}
    recorded = [
        _contents(settings.corpus_root(name), written=written.get(name, ""))
        for name in settings.corpora
        if name not in settings.sizes
    ]
    for source in (name.removeprefix(_FEATURES) for name in (settings.encoder, settings.baseline) if _FEATURES in name):
        file = paths.data() / source
        recorded.append(compute.file_digest(file) if file.is_file() else "none")
    common = repr(settings) + "".join([*map(compute.file_digest, loaders), *recorded])
    stamps = {folder / path.stem: f"{common} {stamp_text(path)}" for path in sorted(paths.NOTEBOOKS.glob("*.ipynb"))}
    stamps[folder / "models"] = f"{common} {_digest(imported([LIBRARY / 'emocast' / 'ser' / 'models.py']))}"
    if twins:
        makers = _digest(Path(emocast_twins.__file__).parent.glob("*.py"))
        stamps[twins] = f"{emocast_twins.orders(settings)!r} {settings.seed} {makers}"
    digests = {stamp: hashlib.sha256(text.encode()).hexdigest() for stamp, text in stamps.items()}
    changed = {stamp: now for stamp, now in digests.items() if not stamp.is_file() or stamp.read_text("utf-8") != now}
    for stamp, digest in changed.items():
        with paths.replacing(stamp) as partial:
            partial.write_text(digest, encoding="utf-8")
    return [stamp.name for stamp in changed]


def _contents(root: Path, *, written: str) -> str:
    """Which files a corpus holds, of which size and time: nothing hidden, nor in the folder that its loader has written."""
    found = {file.relative_to(root): file for file in sorted(root.rglob("*")) if file.is_file()}
    hidden = {path for path in found if any(part.startswith(".") for part in path.parts)}
    read = {path: file.stat() for path, file in found.items() if path not in hidden}
    facts = [(path.as_posix(), at.st_size, at.st_mtime_ns) for path, at in read.items() if path.parts[0] != written]
    return repr(facts)


def stamp_text(path: Path) -> str:
    """What a notebook is made of: its cells and the digest of what they import."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(path.read_text("utf-8"))["cells"]]
    code = "\n".join(source for kind, source in cells if kind == "code")
    return f"{cells} {_digest(imported(_files(ast.parse(code), [])))}"


def imported(modules: Iterable[Path]) -> set[Path]:
    """Modules of ours, with all that they import, directly or through others."""
    found, new = set(), set(modules)
    while new:
        found |= new
        new = {further for module in new for further in _further(module)} - found
    return found


@cache
def _further(module: Path) -> frozenset[Path]:
    """What one module imports; where it looks modules up by their names, all that lie beside it."""
    source = module.read_text("utf-8")
    beside = module.parent.glob("[!_]*.py") if "import_module(f" in source else ()  # a command is imported by nobody
    return frozenset([*_files(ast.parse(source), [*module.relative_to(LIBRARY).parent.parts]), *beside])


def _files(tree: ast.Module, package: list[str]) -> Iterator[Path]:
    """The files of our modules that a module of a package imports, and of the packages around them."""
    tests = (node for node in ast.walk(tree) if isinstance(node, ast.If))
    unused = {part for test in tests if getattr(test.test, "id", "") == "TYPE_CHECKING" for part in ast.walk(test)}
    for node in (node for node in ast.walk(tree) if node not in unused):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            around = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*around, *filter(None, [node.module])])
            names = [f"{base}.{name}" for name in names]
        for parts in (name.split(".") for name in names if name.split(".")[0] in _PACKAGES):
            for depth in range(1, len(parts) + 1):
                place = LIBRARY.joinpath(*parts[:depth])
                yield from (file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file())


def _digest(modules: Iterable[Path]) -> str:
    """Of what modules compute, and of the data that lie beside them, or in a folder beside them that they name."""
    modules, here = sorted(modules), Path(compute.__file__).resolve().parent
    folders = {folder for module in modules for folder in (module.parent, *_named(module))}
    data = {file for folder in folders for file in folder.glob("*") if file.suffix in _DATA}
    code = compute.code_digest(*(os.path.relpath(module, here) for module in modules))
    return code + "".join(compute.file_digest(file) for file in sorted(data))


def _named(module: Path) -> list[Path]:
    """The folders of data beside a module that its code names; profiles are asked as settings, not as files."""
    source = module.read_text("utf-8")
    beside = (place for place in module.parent.iterdir() if place.is_dir() and place.name != paths.PROFILES.name)
    return [place for place in beside if f'"{place.name}"' in source and not any(place.glob("*.py"))]
