"""A site to look at, without a run: the tracked reference's tables and figures in notebooks that have our own texts."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Collection
from pathlib import Path

import nbformat
import pandas as pd
from nbformat import v4

from emocast import paths, provenance
from emocast.notebook import SHOWN

_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"></svg>'


def finish(home: Path, *, notebooks: Collection[str] = (), pages: bool = True) -> None:
    """Write the outputs of the demo as if its notebooks had run and found what the tracked reference holds.

    Args:
        home: the folder to fill.
        notebooks: only these; none for all.
        pages: whether notebooks have their texts and outputs; without, only tables and figures can be looked at.
    """
    for source in sorted(folder for folder in paths.REFERENCE.joinpath("demo").iterdir() if folder.is_dir()):
        if notebooks and source.name not in notebooks:
            continue
        folder = home / source.name
        shutil.copytree(source, folder)
        written = nbformat.read(paths.NOTEBOOKS / f"{source.name}.ipynb", as_version=4)
        pictures, tables = ({path.stem for path in source.glob(f"*.{kind}")} for kind in ("png", "csv"))
        for name in pictures:
            (folder / f"{name}.svg").write_text(_SVG, encoding="utf-8")
        if pages:
            _attach(written, folder, pictures)
        nbformat.write(written, folder / f"{source.name}.ipynb")
        told = {"notebook": source.name, "profile": "demo", "corpus": "iemocap", "seed": 0, "where": provenance.here()}
        told |= {
            "figures": [_entry(name) for name in sorted(pictures)],
            "tables": [_entry(name) for name in sorted(tables)],
        }
        (folder / "manifest.json").write_text(json.dumps({**told, "notes": ["a note"], "seconds": 70.0}))


def _entry(name: str) -> dict:
    return {"name": name, "caption": f"What {name} shows, <as> it was drawn."}


def _attach(notebook: nbformat.NotebookNode, folder: Path, pictures: set[str]) -> None:
    """Give each code cell what it would show: printed text, the tables that it names, the figures that it draws."""
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


def _draws(source: str, name: str) -> bool:
    """Whether a cell draws a figure: by its name, or by the part of it that the cell does not compute."""
    computed = re.findall(r'run\.figure\(\s*figure,\s*f"([^"]+)"', source)
    patterns = [re.sub(r"\\\{[^}]*\\\}", ".+", re.escape(text)) for text in computed]
    return f'"{name}"' in source or any(re.fullmatch(pattern, name) for pattern in patterns)


def _picture(file: Path) -> nbformat.NotebookNode:
    picture = base64.b64encode(file.read_bytes()).decode()
    told = {"image/png": {"alt": "as in the manifest"}, SHOWN: {"figure": file.stem}}
    return v4.new_output("display_data", {"image/png": picture, "text/plain": "Figure"}, metadata=told)
