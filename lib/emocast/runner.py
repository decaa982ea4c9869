"""Run one notebook whole: papermill in a folder of its own, which takes its final name only when all went well.

A failed or killed run leaves the last good output as it was. `python -m emocast.runner NOTEBOOK --profile PROFILE` is what
the Makefile calls. With `--parameter NAME VALUE` another parameter of the notebook is set; such a run keeps its things in a
folder of its own, for the notebook's own output is that of its own parameters.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from . import executor, locks, paths, requirements
from . import profile as profiles

_ATTEMPTS = 5
_EXECUTION = "emocast.execution"  # by its name: papermill is of use only to the process that it is run in
_INTERRUPTED = 130  # the status that shells give to what an interrupt ended
_PATIENCE_S = 20.0  # for papermill to end its kernel after an interrupt


class ParameterError(ValueError):
    """A notebook has no such parameter."""


class _Terminated(KeyboardInterrupt):
    """Somebody ends this process alone, as `timeout` and the cancel button of a CI job do, and not the whole group."""


class SkippedError(Exception):
    """A notebook lacks a corpus or a checkpoint without which it cannot run."""


def run(notebook: Path, *, profile: str, parameters: Mapping[str, str] | None = None) -> Path:
    """Execute a notebook with papermill and keep its output.

    Args:
        notebook: the source notebook.
        profile: the profile's name or file, given to the notebook's `profile` parameter.
        parameters: further parameters that the notebook has, and what they are to be.

    Returns:
        The output folder: the executed notebook, figures, tables and a manifest; `report` makes pages of them. With
        `parameters` it is not the one that other notebooks and the report read, but `variants/<what is set>/<notebook>`
        beside it.

    Raises:
        ParameterError: the notebook has no such parameter; the message lists those that it has.
        SkippedError: it lacks something that people have to bring (`requirements`); the report says so too.
        ExecutorError: the environment asks for an executor that cannot be.
        RuntimeError: the notebook failed or was killed; the message says where the failed copy is.
    """
    executor.asked()
    name, parameters = notebook.stem, {key: value for key, value in (parameters or {}).items() if value}
    _check(parameters, notebook)
    settings = profiles.load(profile, corpus=parameters.get("corpus"))
    profile = str(Path(profile).resolve()) if Path(profile).suffix else profile  # the kernel runs in another folder
    home = paths.outputs() / settings.name / paths.variant(parameters)
    lacking = requirements.reasons(settings, name, parameters=parameters)
    requirements.note_skipped(home, name, lacking)
    if lacking:
        raise SkippedError(f"{name} is skipped: {'; '.join(lacking)}")
    with _alone(home, name):
        return _run(notebook, home, {"profile": profile, **parameters})


def _run(notebook: Path, home: Path, parameters: Mapping[str, str]) -> Path:
    """Execute a notebook below a profile's outputs, all of which was looked at before."""
    name = notebook.stem
    home.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(home, name)
    partial = home / f".{name}.partial-{os.getpid()}"
    partial.mkdir()
    try:
        status = _papermill(notebook, partial / f"{name}.ipynb", parameters=parameters)
    except KeyboardInterrupt:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if status != 0:
        reason = _reason(partial / f"{name}.ipynb") or f"papermill's status {status}"
        failed = home / ".failed" / name
        _swap(partial, failed)
        raise RuntimeError(
            f"{name} did not end well: {reason}\n  the notebook as far as it came: "
            f"{paths.relative(failed / f'{name}.ipynb')}; finished outputs are as they were"
        )
    shutil.rmtree(home / ".failed" / name, ignore_errors=True)
    with contextlib.suppress(OSError):  # other notebooks' failures keep it
        (home / ".failed").rmdir()
    return _swap(partial, home / name)


@contextlib.contextmanager
def _alone(home: Path, name: str) -> Iterator[None]:
    """Keep two runs of one notebook apart: the second waits, and then finds in the caches what the first computed."""
    folder = paths.outputs() / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{'.'.join(home.relative_to(paths.outputs()).parts)}.{name}.lock"
    with locks.alone(file, busy=f"{name} is being run"):
        yield


def _reason(notebook: Path) -> str:
    """The error at which a notebook stopped, in one line; empty when no cell has one.

    What is no refusal of the library (`errors`) has many frames, and they are printed: a log may be all that there is.
    """
    if not notebook.is_file():
        return ""
    import nbformat  # here: it takes longer to import than all else of this module

    cells = (cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code")
    outputs = (output for cell in cells for output in cell.outputs if output.output_type == "error")
    error = next(outputs, None)
    if error is None:
        return ""
    if len(error.traceback) > 1:
        print("\n".join(error.traceback), file=sys.stderr)
    return f"{error.ename}: {error.evalue}"


def parameters_of(notebook: Path) -> list[str]:
    """The names that a notebook's parameters cell sets."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    source = "\n".join("".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", []))
    return [node.targets[0].id for node in ast.parse(source).body if isinstance(node, ast.Assign)]


def _check(parameters: Mapping[str, str], notebook: Path) -> None:
    """Refuse what papermill would take with a warning: a parameter that the notebook does not have."""
    known = parameters_of(notebook)
    for name in parameters:
        if name == "profile":
            raise ParameterError("the parameter 'profile' is set by --profile, which outputs are named after")
        if name not in known:
            raise ParameterError(f"{notebook.stem} has no parameter {name!r}; its parameters are {', '.join(known)}")


def _papermill(notebook: Path, target: Path, *, parameters: Mapping[str, str]) -> int:
    given = [word for name, value in parameters.items() for word in ("--parameter", name, value)]
    command = [sys.executable, "-m", _EXECUTION, str(notebook), str(target), *given]
    # the kernel of this environment, not one of the same name in the user's home; no look-ups of models on the network
    environment = {
        **os.environ,
        "JUPYTER_PREFER_ENV_PATH": "1",
        "HF_HUB_OFFLINE": "1",
        paths.RUN_FOLDER: str(target.parent),
    }
    # Said where a library asks for bars of widgets; it would stand in the page, with a path of this machine.
    environment.setdefault("PYTHONWARNINGS", "ignore:IProgress not found")
    process = subprocess.Popen(command, env=environment)
    try:
        return process.wait()
    except KeyboardInterrupt as reason:  # from a terminal papermill had it too, and ends its kernel
        if isinstance(reason, _Terminated):
            process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(_PATIENCE_S)
        process.kill()
        raise


def _remove_leftovers(home: Path, name: str) -> None:
    """Delete the partial folders of runs that are no more."""
    for folder in home.glob(f".{name}.partial-*"):
        if not _alive(int(folder.name.rpartition("-")[2])):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _swap(partial: Path, target: Path) -> Path:
    """Give a finished folder its final name; what stood there before is deleted."""
    target.parent.mkdir(parents=True, exist_ok=True)
    old = partial.with_name(f".{target.name}.partial-old-{os.getpid()}")
    for attempt in range(_ATTEMPTS):
        try:
            if target.exists():
                target.rename(old)
            partial.rename(target)
            break
        except OSError:  # a run beside this one put its folder there in between: make room again
            shutil.rmtree(old, ignore_errors=True)
            if attempt == _ATTEMPTS - 1:
                raise
    shutil.rmtree(old, ignore_errors=True)
    return target


def _terminated(*_: object) -> None:
    raise _Terminated


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m emocast.runner", description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path, help="the notebook's file")
    parser.add_argument("--profile", default="demo", help="a profile's name or .yaml file (default: demo)")
    parser.add_argument(
        "--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"),
        help="set another parameter of the notebook, for example: --parameter encoder laion (may be repeated)",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    os.environ["HF_HUB_OFFLINE"] = "1"  # before the hub's package is imported: a run looks nothing up on the network
    try:
        folder = run(options.notebook, profile=options.profile, parameters=dict(options.parameter))
        print(f"  -> {paths.relative(folder)}")
    except SkippedError as reason:
        print(f"  {reason}")
    except (RuntimeError, ValueError, OSError) as error:  # those of profile, parameters and executor are ValueErrors
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"\n{options.notebook.stem} was stopped; what it computed is kept, the same command goes on",
            file=sys.stderr,
        )
        return _INTERRUPTED
    return 0


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _terminated)
    sys.exit(main())
