"""What finished notebooks left: their manifests, titles, tables and figures, and the cells that drew these."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat

from ..notebook import MANIFEST, SHOWN, on_screen


@dataclass(frozen=True)
class Finished:
    """One finished notebook.

    Attributes:
        folder: its output folder, named as the notebook is.
        told: its manifest (`notebook.Run`).
        notebook: as it was executed.
    """

    folder: Path
    told: dict
    notebook: nbformat.NotebookNode

    @property
    def name(self) -> str:
        """The notebook's file name without its ending."""
        return self.folder.name

    @property
    def label(self) -> str:
        """The name for people who look for it in a list: "04 forecasting fcdnn"."""
        return self.name.replace("_", " ")

    @property
    def title(self) -> str:
        """The notebook's first heading: its question."""
        first = next(cell.source for cell in self.notebook.cells if cell.cell_type == "markdown")
        return first.splitlines()[0].lstrip("# ")

    @property
    def page(self) -> str:
        """Where its page is, seen from the site's first page."""
        return f"{self.name}/{self.name}.html"

    @property
    def tables(self) -> list[dict]:
        """Its tables in order: `name` and `caption`."""
        return self.told["tables"]

    @cached_property
    def figures(self) -> list[dict]:
        """Its figures in order: `name`, `caption`, `table` (the CSV with its numbers, or ""), `width` and `height` (as
        it was drawn, in dots of a page), `link`.

        `link` leads from the site's first page to the cell that drew the figure; a notebook that was run before figures
        said their names in it has no such place, and is linked whole.
        """
        known, shown = {table["name"] for table in self.tables}, figures_shown(self.notebook)
        return [self._figure(figure, known, shown) for figure in self.told["figures"]]

    def _figure(self, figure: dict, known: set[str], shown: set[str]) -> dict:
        name = figure["name"]
        table = figure.get("table", name)
        width, height = on_screen(self.folder / f"{name}.png")
        found = {"table": table if table in known else "", "width": width, "height": height}
        return {**figure, **found, "link": f"{self.page}#{anchor(name)}" if name in shown else self.page}


def read(home: Path) -> list[Finished]:
    """The finished notebooks below a profile's outputs, in their order."""
    folders = sorted(path.parent for path in home.glob(f"[0-9]*/{MANIFEST}"))
    return [_read(folder) for folder in folders]


def _read(folder: Path) -> Finished:
    told = json.loads((folder / MANIFEST).read_text("utf-8"))
    return Finished(folder, told, nbformat.read(folder / f"{folder.name}.ipynb", as_version=4))


def anchor(figure: str) -> str:
    """The id of a figure on its notebook's page."""
    return f"figure-{figure}"


def figures_shown(notebook: nbformat.NotebookNode) -> set[str]:
    """The names of the figures among a notebook's outputs."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return {output.metadata[SHOWN]["figure"] for output in outputs if SHOWN in output.get("metadata", ())}
