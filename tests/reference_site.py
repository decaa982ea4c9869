"""A site to look at, without a run: the tracked reference's tables and figures in notebooks that have our own texts."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Collection
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import soundfile
from nbformat import v4

from emocast import paths
from emocast.forecaster import recordings
from emocast.notebook import MANIFEST, SHOWN, here

_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"></svg>'


def finish(home: Path, *, notebooks: Collection[str] = (), pages: bool = True, elsewhere: Collection[str] = ()) -> None:
    """Write the outputs of the demo as if its notebooks had run and found what the tracked reference holds.

    Args:
        home: the folder to fill.
        notebooks: only these; none for all.
        pages: whether notebooks have their texts and outputs; without, only tables and figures can be looked at.
        elsewhere: those that ran on another machine.
    """
    for source in sorted(folder for folder in paths.REFERENCE.joinpath("demo").iterdir() if folder.is_dir()):
        if notebooks and source.name not in notebooks:
            continue
        folder, manifest = home / source.name, source / MANIFEST
        shutil.copytree(source, folder)
        kept = json.loads(manifest.read_text("utf-8")) if manifest.is_file() else {}
        written = nbformat.read(paths.NOTEBOOKS / f"{source.name}.ipynb", as_version=4)
        pictures, tables = ({path.stem for path in source.glob(f"*.{kind}")} for kind in ("png", "csv"))
        for name in pictures:
            (folder / f"{name}.svg").write_text(_SVG, encoding="utf-8")
        if pages:
            _attach(written, folder, pictures)
        nbformat.write(written, folder / f"{source.name}.ipynb")
        where = here() | ({"processor": "another one"} if source.name in elsewhere else {})
        told = {
            "notebook": source.name,
            "profile": "demo",
            "corpus": "iemocap",
            "seed": 0,
            "level": 0.95,
            "where": where,
        }
        told |= {"synthetic": ["iemocap", "cremad", "emodb", "shemo", "meld"], "notes": ["a note"], "seconds": 70.0}
        told["figures"] = [{"name": name, "caption": _caption(name)} for name in sorted(pictures)]
        rules = {table["name"]: table for table in kept.get("tables", ())}
        told["tables"] = [{**rules.get(name, {}), "name": name, "caption": _caption(name)} for name in sorted(tables)]
        if pictures:
            told["answer"] = {"sentences": [f"What {source.name} found <so far>."], "figure": min(pictures)}
        (folder / MANIFEST).write_text(json.dumps(told))


def _caption(name: str) -> str:
    return f"What {name} shows, <as> it was drawn."


def _attach(notebook: nbformat.NotebookNode, folder: Path, pictures: set[str]) -> None:
    """Give each code cell what it would show: printed text, the tables it names, the figures it draws, its player."""
    left = set(pictures)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = [v4.new_output("stream", name="stderr", text="10%|#\r"), v4.new_output("stream", text="a < b\n")]
        for file in sorted(folder.glob("*.csv")):
            if f'"{file.stem}"' in cell.source and "run.table" in cell.source:
                html = pd.read_csv(file).head(5).to_html()
                cell.outputs.append(v4.new_output("execute_result", {"text/html": html, "text/plain": "a table"}))
        if "run.figure" in cell.source:
            drawn = {name for name in left if _draws(cell.source, name)}
            cell.outputs += [_picture(folder / f"{name}.png") for name in sorted(drawn)]
            left -= drawn
        if "recordings.player" in cell.source:
            cell.outputs += _players(folder)


def _draws(source: str, name: str) -> bool:
    """Whether a cell draws a figure: by its name, or by the part of it that the cell does not compute."""
    computed = re.findall(r'run\.figure\(\s*figure,\s*f"([^"]+)"', source)
    patterns = [re.sub(r"\\\{[^}]*\\\}", ".+", re.escape(text)) for text in computed]
    return f'"{name}"' in source or any(re.fullmatch(pattern, name) for pattern in patterns)


def _picture(file: Path) -> nbformat.NotebookNode:
    picture = base64.b64encode(file.read_bytes()).decode()
    told = {"image/png": {"alt": "as in the manifest"}, SHOWN: {"figure": file.stem}}
    return v4.new_output("display_data", {"image/png": picture, "text/plain": "Figure"}, metadata=told)


def _players(folder: Path) -> list[nbformat.NotebookNode]:
    """A tone's player as that of a short recording, which is in the page, and as that of a long one, which is beside it."""
    tone, copy = folder / "tone.wav", folder / "recording.mp3"
    soundfile.write(tone, 0.1 * np.sin(np.arange(16_000) / 6), 16_000)
    recordings.compact(tone, copy)
    tone.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(paths.RUN_FOLDER, str(folder))  # as the runner does: by hand the sound is linked from elsewhere
        players = [recordings.player(copy, seconds) for seconds in (1.0, 2 * recordings.EMBEDDED_S)]
    return [
        v4.new_output("execute_result", {"text/html": one._repr_html_(), "text/plain": "a player"}) for one in players
    ]
