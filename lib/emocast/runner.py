"""Run one notebook whole: papermill in a folder of its own, which takes its final name only when all went well.

A failed or killed run leaves the last good output as it was. `python -m emocast.runner NOTEBOOK --profile PROFILE` is what
the Makefile calls.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter

from . import paths
from . import profile as profiles
from .notebook import RUN_FOLDER

_ATTEMPTS = 5


def run(notebook: Path, *, profile: str) -> Path:
    """Execute a notebook with papermill and keep its output.

    Args:
        notebook: the source notebook.
        profile: the profile's name or file, given to the notebook's `profile` parameter.

    Returns:
        The output folder: the executed notebook as .ipynb and .html, figures, tables and a manifest.

    Raises:
        RuntimeError: the notebook failed or was killed; the message says where the failed copy is.
    """
    name, settings = notebook.stem, profiles.load(profile)
    profile = str(Path(profile).resolve()) if Path(profile).suffix else profile  # the kernel runs in another folder
    home = paths.outputs() / settings.name
    home.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(home, name)
    partial = home / f".{name}.partial-{os.getpid()}"
    partial.mkdir()
    status = _papermill(notebook, partial / f"{name}.ipynb", profile=profile)
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
    return _swap(partial, paths.run_folder(settings.name, name))


def _papermill(notebook: Path, target: Path, *, profile: str) -> int:
    command = [
        *(sys.executable, "-m", "papermill", str(notebook), str(target)),
        *("--kernel", "python3", "--cwd", str(notebook.parent)),
        *("-p", "profile", profile, "--log-level", "WARNING"),
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
    options = parser.parse_args(arguments)
    try:
        print(f"  -> {paths.relative(run(options.notebook, profile=options.profile))}")
    except (RuntimeError, profiles.ProfileError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
