"""Run one notebook whole: papermill in a folder of its own, which takes its final name only when all went well.

A failed or killed run leaves the last good output as it was.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

from emocast import compute, paths
from emocast import settings as profiles

from . import requirements


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
    lacking = requirements.reasons(settings, name, parameters=parameters)
    requirements.note_skipped(home, name, lacking)
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
