"""Run one notebook whole: papermill in a folder of its own, which takes its final name only when all went well.

A failed or killed run leaves the last good output as it was. `python -m emocast.runner NOTEBOOK --profile PROFILE` is what
the Makefile calls. With `--parameter NAME VALUE` another parameter of the notebook is set; such a run keeps its things in a
folder of its own, for the notebook's own output is that of its own parameters.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter

from . import executor, paths, requirements
from . import profile as profiles
from .notebook import RUN_FOLDER

_ATTEMPTS = 5


class ParameterError(ValueError):
    """A notebook has no such parameter."""


class SkippedError(Exception):
    """A notebook lacks a corpus or a checkpoint without which it cannot run."""


def run(notebook: Path, *, profile: str, parameters: Mapping[str, str] | None = None) -> Path:
    """Execute a notebook with papermill and keep its output.

    Args:
        notebook: the source notebook.
        profile: the profile's name or file, given to the notebook's `profile` parameter.
        parameters: further parameters that the notebook has, and what they are to be.

    Returns:
        The output folder: the executed notebook as .ipynb and .html, figures, tables and a manifest. With `parameters` it is
        not the one that other notebooks and the report read, but `variants/<what is set>/<notebook>` beside it.

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
    home.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(home, name)
    partial = home / f".{name}.partial-{os.getpid()}"
    partial.mkdir()
    status = _papermill(notebook, partial / f"{name}.ipynb", parameters={"profile": profile, **parameters})
    if status != 0:
        failed = home / ".failed" / name
        _swap(partial, failed)
        raise RuntimeError(
            f"{name} did not end well (papermill's status {status}). The notebook as far as it came, with its error: "
            f"{paths.relative(failed / f'{name}.ipynb')}. Finished outputs are as they were"
        )
    _to_html(partial / f"{name}.ipynb")
    shutil.rmtree(home / ".failed" / name, ignore_errors=True)
    with contextlib.suppress(OSError):  # other notebooks' failures keep it
        (home / ".failed").rmdir()
    return _swap(partial, home / name)


def parameters_of(notebook: Path) -> list[str]:
    """The names that a notebook's parameters cell sets."""
    cells = nbformat.read(notebook, as_version=4).cells
    source = "\n".join(cell.source for cell in cells if "parameters" in cell.metadata.get("tags", []))
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
    given = [word for name, value in parameters.items() for word in ("-r", name, value)]
    command = [
        *(sys.executable, "-m", "papermill", str(notebook), str(target)),
        *("--kernel", "python3", "--cwd", str(notebook.parent)),
        *(*given, "--log-level", "WARNING"),
    ]
    # the kernel of this environment, not one of the same name in the user's home; no look-ups of models on the network
    environment = {**os.environ, "JUPYTER_PREFER_ENV_PATH": "1", "HF_HUB_OFFLINE": "1", RUN_FOLDER: str(target.parent)}
    return subprocess.run(command, env=environment, check=False).returncode


def _to_html(notebook: Path) -> None:
    """Write the executed notebook as a page beside it, without the progress bars, which are for those who wait."""
    executed = nbformat.read(notebook, as_version=4)
    for cell in executed.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_progress(output)]
    body, _ = HTMLExporter(embed_images=True).from_notebook_node(executed, {"metadata": {"name": notebook.stem}})
    notebook.with_suffix(".html").write_text(body, encoding="utf-8")


def _is_progress(output: nbformat.NotebookNode) -> bool:
    text = output.get("text", "")
    return output.get("name") == "stderr" and ("\r" in text or "%|" in text or not text.strip())


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
    except (RuntimeError, ParameterError, executor.ExecutorError, profiles.ProfileError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
