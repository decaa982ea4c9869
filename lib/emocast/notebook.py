"""What every notebook calls first: its profile, its folder, and how it keeps tables and figures.

`make` runs a notebook in a folder that takes its final name only when the notebook ended well (see `runner`, which names it
in the environment). Opened by hand in JupyterLab, a notebook keeps its things in `outputs/<profile>/interactive/`.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from base64 import b64encode
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

from . import by_hand, corpora, figures, paths, provenance
from . import profile as profiles
from .corpora import table

MANIFEST = "manifest.json"
#: Under this name a shown figure says, in its output's metadata, which of the manifest's it is: the report finds its cell so.
SHOWN = "emocast"
_INTERACTIVE = "interactive"
_SCREEN = 96  # dots an inch of a page, in which it gives its sizes


class Run:
    """One run of one notebook.

    Attributes:
        name: the notebook's file name without its ending.
        profile: the run's settings.
        folder: where tables and figures go.
        dataset: the main corpus as papers write it, for example "IEMOCAP".
        aside: what titles add: which corpus it is where that is not the profile's own, and whether nobody speaks in it; for
            example " on MELD", " (synthetic)", " on MELD (synthetic)" or nothing.
    """

    def __init__(self, name: str, profile: profiles.Profile, folder: Path, *, variant: Path = Path()) -> None:
        """Begin a run in an existing folder; `start` does so for notebooks. Its inputs are of the same variant."""
        self.name = name
        self._variant = variant
        self.profile = profile
        self.folder = folder
        self._started = time.perf_counter()
        self.dataset: str = corpora.get(profile.corpus).NAME
        self.aside = (f" on {self.dataset}" if variant.name else "") + _voices(profile)
        self._manifest: dict = {
            "notebook": name,
            "profile": profile.name,
            "corpus": profile.corpus,
            "seed": profile.seed,
        }
        self._manifest |= {"where": provenance.here(), "figures": [], "tables": [], "notes": []}

    def input(self, notebook: str) -> Path:
        """The finished output folder of an earlier notebook of the same profile.

        Raises:
            FileNotFoundError: that notebook has not run; the message says how to run it.
        """
        home = paths.outputs() / self.profile.name
        for folder in (home / self._variant / notebook, home / _INTERACTIVE / self._variant / notebook):
            if (folder / MANIFEST).is_file():
                return folder
        on = f" CORPUS={self.profile.corpus}" if self._variant.name else ""
        raise FileNotFoundError(
            f"{self.name} needs what {notebook} makes, and it has not run with the profile {self.profile.name!r}{on}: "
            f"`make reproduce PROFILE={self.profile.name}{on}` runs both in order, or open and run {notebook}.ipynb first"
        )

    def table(self, table: pd.DataFrame, name: str, *, caption: str) -> pd.DataFrame:
        """Keep a table as CSV (six significant digits) and give it back for display.

        Args:
            table: any table; its index is written when it has a name.
            name: the file's name without its ending.
            caption: one sentence that says what a row and the numbers are.
        """
        with paths.replacing(self.folder / f"{name}.csv") as partial:
            table.to_csv(partial, index=any(table.index.names), float_format="%.6g")
        self._note("tables", name, caption)
        return table

    def figure(self, figure: Figure, name: str, *, caption: str, table: str = "") -> None:
        """Keep a figure as PNG and SVG, and show it.

        Args:
            figure: the figure.
            name: the files' name without its ending.
            caption: what is seen, in one or two sentences; it is also the figure's text for those who cannot see it.
            table: the table of this run that holds the figure's numbers, where it has another name than the figure.
        """
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once; each of what follows would do it anew
        for suffix in ("png", "svg"):
            with paths.replacing(self.folder / f"{name}.{suffix}") as partial:
                figure.savefig(partial, metadata={"Date": None} if suffix == "svg" else None)
        self._note("figures", name, caption, **({"table": table} if table else {}))
        # The file itself, at the figure's size on a screen: to draw it once more would take as long as all before.
        picture = self.folder / f"{name}.png"
        width, height = on_screen(picture)
        about = {"alt": caption, "width": width, "height": height}
        shown = {"image/png": b64encode(picture.read_bytes()).decode(), "text/plain": repr(figure)}
        display(shown, raw=True, metadata={"image/png": about, SHOWN: {"figure": name}})
        plt.close(figure)  # or the kernel would show it once more after the cell

    def note(self, text: str) -> None:
        """Keep a sentence for the report's page, for example what was left out and why."""
        self._manifest["notes"].append(text)
        self._write()

    def private(self, why: str, *names: str) -> None:
        """Mark tables and figures as somebody's own: they are no part of a reference, and are not held against one.

        Args:
            why: what they are of, for example "a recording of your own".
            names: of the tables and figures.
        """
        self._manifest["private"] = {"why": why, "names": list(names)}
        self._write()

    def _note(self, kind: str, name: str, caption: str, **further: str) -> None:
        listed = [entry for entry in self._manifest[kind] if entry["name"] != name]
        self._manifest[kind] = [*listed, {"name": name, "caption": caption, **further}]
        self._write()

    def _write(self) -> None:
        self._manifest["seconds"] = round(time.perf_counter() - self._started, 1)
        with paths.replacing(self.folder / MANIFEST) as partial:
            partial.write_text(json.dumps(self._manifest, indent=1, ensure_ascii=False), encoding="utf-8")


def on_screen(picture: Path) -> tuple[int, int]:
    """Width and height of a PNG as it was drawn, in dots of a page, of which an inch has 96."""
    with Image.open(picture) as image:
        scale = _SCREEN / image.info.get("dpi", (_SCREEN,))[0]
        width, height = (round(pixels * scale) for pixels in image.size)
    return width, height


def start(name: str, *, profile: str, corpus: str = "") -> Run:
    """Begin a notebook's run.

    Args:
        name: the notebook's file name without its ending.
        profile: a profile's name or file (`profile.load`).
        corpus: another main corpus than the profile's; empty for that.

    Returns:
        The run. As a side effect matplotlib has the project's style, and pandas shows four significant digits. In a kernel
        the library's errors are told in one line, and by hand the profile's synthetic corpora are made if they are not there.

    Raises:
        profiles.ProfileError: there is no such profile or corpus, or its settings cannot be.
    """
    by_hand.plain_errors()
    settings = profiles.load(profile, corpus=corpus or None)
    if not os.environ.get(paths.RUN_FOLDER):
        by_hand.make_corpora(settings)
    variant = paths.variant({"corpus": corpus} if corpus else {})
    folder = Path(os.environ.get(paths.RUN_FOLDER) or paths.outputs() / settings.name / _INTERACTIVE / variant / name)
    folder.mkdir(parents=True, exist_ok=True)
    figures.style()
    pd.set_option("display.float_format", "{:.4g}".format, "display.max_colwidth", None)
    warnings.filterwarnings("ignore", message="IProgress not found")  # progress bars are text here, and meant to be
    return Run(name, settings, folder, variant=variant)


def _voices(profile: profiles.Profile) -> str:
    """What a title adds when nobody speaks in the corpus."""
    return " (synthetic)" if table.is_synthetic(profile.corpus_root()) else ""
