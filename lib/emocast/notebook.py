"""What every notebook calls first: its profile, its folder, and how it keeps tables, figures and what it found.

`make` runs a notebook in a folder that takes its final name only when the notebook ended well; the environment names it.
Opened by hand in JupyterLab, a notebook keeps its things in `outputs/<profile>/interactive/`. What is kept is listed in a
manifest beside it, from which the site, `make verify` and the README's table are made: they know no notebook by name.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import re
import subprocess
import sys
import time
import traceback
import warnings
from base64 import b64encode
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython import get_ipython
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

from . import __version__, compute, corpora, figures, paths
from . import settings as profiles
from .corpora import table

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

MANIFEST = "manifest.json"
#: Under this name a shown figure says, in its output's metadata, which of the manifest's it is: the site finds its cell so.
SHOWN = "emocast"
#: The packages whose version can change a number or a figure.
PACKAGES = (
    *("numpy", "scipy", "pandas", "scikit-learn", "numba", "torch", "torchaudio", "transformers", "speechbrain"),
    *("librosa", "soxr", "soundfile", "av", "umap-learn", "matplotlib", "seaborn", "nbconvert"),
)

#: How far the numbers of a column may move on another machine: see `Run.table`.
Tolerance = float | tuple[float, float] | str | None | Mapping[str, Any]

#: What holds for the columns of which a table says nothing, by the names that tables give them. What a network says moves with
#: the machine: no score by more than 5 points, a larger number by 5 %. What is compared (a shift, a chance level, a printed
#: number) does not, nor does what is counted. A p-value of a difference that is not there is any number.
MOVES: dict[str, Tolerance] = {
    **dict.fromkeys(("seconds", "*_seconds", "p", "p_*", "*p_value"), None),
    **dict.fromkeys(("chance", "majority", "limit", "true_*", "*published*", "n", "n_*", "groups", "*_s"), 0),
    "*": (0.05, 0.05),
}

_INTERACTIVE = "interactive"
_SCREEN = 96  # dots an inch of a page, in which it gives its sizes
#: What a cell that begins a part, or the whole notebook, holds.
_BEGINS = re.compile(r"\brun\.part\(|\bnotebook\.start\(")
#: What the file system says of a folder that cannot be written to.
_UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.ENOTDIR, errno.EDQUOT}


class Run:
    """One run of one notebook.

    Attributes:
        name: the notebook's file name without its ending.
        profile: the run's settings.
        folder: where tables and figures go.
        dataset: the main corpus as papers write it, for example "IEMOCAP".
        synthetic: the profile's corpora in which nobody speaks, by their names.
    """

    def __init__(
        self, name: str, profile: profiles.Profile, folder: Path, *, variant: Path = Path(), tolerance: Tolerance = None
    ) -> None:
        """Begin a run in an existing folder; `start` does so for notebooks. Its inputs are of the same variant."""
        self.name = name
        self._variant = variant
        self._moves = MOVES if tolerance is None else {**MOVES, "*": tolerance}
        self.profile = profile
        self.folder = folder
        self._started = time.perf_counter()
        self.dataset: str = corpora.get(profile.corpus).title
        self.synthetic = [corpus for corpus in profile.corpora if table.is_synthetic(profile.corpus_root(corpus))]
        self._manifest: dict = {"notebook": name, "profile": profile.name, "corpus": profile.corpus}
        self._manifest |= {"seed": profile.seed, "level": profile.intervals.level, "where": here()}
        self._manifest |= {"synthetic": self.synthetic, "figures": [], "tables": [], "notes": []}

    def input(self, notebook: str) -> Path:
        """The finished output folder of an earlier notebook of the same profile; FileNotFoundError says how to run it."""
        home = paths.outputs() / self.profile.name
        for folder in (home / self._variant / notebook, home / _INTERACTIVE / self._variant / notebook):
            if (folder / MANIFEST).is_file():
                return folder
        on = f" CORPUS={self.profile.corpus}" if self._variant.name else ""
        raise FileNotFoundError(
            f"{self.name} needs what {notebook} makes, and it has not run with the profile {self.profile.name!r}{on}: "
            f"`make reproduce PROFILE={self.profile.name}{on}` runs both in order, or open and run {notebook}.ipynb first"
        )

    def table(
        self,
        table: pd.DataFrame,
        name: str,
        *,
        caption: str,
        tolerance: Tolerance = None,
        headline: Mapping | Sequence[Mapping] = (),
        source: str = "",
    ) -> pd.DataFrame:
        """Keep a table as CSV (six significant digits) and give it back for display.

        Args:
            table: any table; its index is written when it has a name.
            name: the file's name without its ending.
            caption: one sentence that says what a row and the numbers are.
            tolerance: how far `make verify` lets a number be from the tracked reference. Words, whole numbers, truth values
                and the index are to be the same; what may move are columns of fractions, by `MOVES`, unless this says more:

                - a number: how far those columns may move, in their unit; 0: nothing moves, for no network is asked;
                - a mapping: column, or a pattern of columns as in file names -> how far, the first that fits counts:
                  a number; a pair, absolute or, if that is more, as a share of the number; `None`, not compared; "words", a
                  text whose numbers may move while the row's verdict stays; or again a mapping, of the rows that have a text
                  like the key, for example `{"*": {"majority": 0, "ceiling*": 0, "*": 5}}`. "*": the columns of fractions;
                - "verdict" -> "above" or "below": the verdict follows from the row's interval (`low`, `high`), which lies
                  above (below) its `limit` (0 where there is none), and its adjusted p-value (`p_holm`). It may be
                  another than in the reference where that interval ends near the limit. "as TEXT": it goes with the row
                  that has such a text and otherwise resembles this one the most; it is shown where there is a `value`.
            headline: the rows that the site's first page, its comparison with the papers, and the README show. Mappings:

                - value: the column of the number, or several, each a line of its own;
                - unit: "fraction" (as in most tables), "percent", or "same", that of the papers;
                - where: column -> what a row has there, or a list, of which the first that is there counts; none: all rows;
                - interval: the two columns of its ends, `{}` standing for the value's column; or how to compute it (see
                  `emocast_run.site`): {"folds": column of their deviation}, {"class": column of the task's name},
                  {"mean": column of the errors' deviation}, {"correlation": column of n};
                - by: what is drawn for the interval, for example "dialogue";
                - text: the line in words, for the first page and the README; without, only the comparison has the row;
                - chance: a column or a number;
                - experiment, dataset, class: which row of `published.csv` it stands beside, `metric` being the value's
                  column unless it is given; note: what a reader has to know of that comparison.

                Texts may hold columns in braces, filled in from the row: "{task}". A mapping with `columns` alone shows
                those columns of every row on the first page.
            source: what of the papers stands here again, for example "thesis, table 5.5".
        """
        with paths.replacing(self.folder / f"{name}.csv") as partial:
            table.to_csv(partial, index=any(table.index.names), float_format="%.6g")
        further: dict[str, Any] = {"tolerance": moving(table, tolerance, self._moves)}
        further["headline"] = [dict(line) for line in ([headline] if isinstance(headline, Mapping) else headline)]
        further["source"] = source
        self._note("tables", name, caption, **{key: value for key, value in further.items() if value})
        return table

    def figure(
        self, figure: Figure, name: str, *, caption: str, table: str = "", synthetic: bool | None = None
    ) -> None:
        """Keep a figure as PNG and SVG, `name` without ending, and show it.

        `caption` says what is seen, in one or two sentences, also for those who cannot see it; `table` is the table of this run
        that holds the figure's numbers, where it has another name than the figure. Below the picture stands that its voices are
        `synthetic` (None: where the main corpus is), and the corpus where that is not the profile's own.
        """
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once; each of what follows would do it anew
        made = self.profile.corpus in self.synthetic if synthetic is None else synthetic
        mark = ", ".join([self.dataset] * bool(self._variant.name) + ["synthetic voices"] * made)
        down = figure.get_tightbbox().y0 / figure.get_figheight()
        figure.text(1, down, mark, ha="right", va="top", color="0.4", fontsize="small")
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

    def answer(self, *sentences: str, figure: str = "") -> None:
        """Answer the notebook's question on the site's first page, the shortest sentence first, with a figure of this run."""
        self._manifest["answer"] = {"sentences": list(sentences), "figure": figure}
        self._write()

    def note(self, text: str) -> None:
        """Keep a sentence for the site, for example what was left out and why; once, however often its cell is run."""
        if text not in self._manifest["notes"]:
            self._manifest["notes"].append(text)
        self._write()

    def part(self, name: str, *, lacks: str = "") -> None:
        """Begin a part of the notebook. Where it `lacks` something (a sentence), say so; its cells then do nothing.

        That holds by hand and by make alike, up to the cell that begins the next part.
        """
        _Passing.on = bool(lacks)
        if lacks:
            said = f"Left out ({name}): {lacks}"
            self.note(said)
            print(said)

    def private(self, why: str, *names: str) -> None:
        """Mark tables and figures as somebody's own (`why`: "a recording of your own"): no reference has them, nor is asked."""
        self._manifest["private"] = {"why": why, "names": list(names)}
        self._write()

    def _note(self, kind: str, name: str, caption: str, **further: Any) -> None:
        listed = [entry for entry in self._manifest[kind] if entry["name"] != name]
        self._manifest[kind] = [*listed, {"name": name, "caption": caption, **further}]
        self._write()

    def _write(self) -> None:
        self._manifest["seconds"] = round(time.perf_counter() - self._started, 1)
        with paths.replacing(self.folder / MANIFEST) as partial:
            text = json.dumps(self._manifest, indent=1, ensure_ascii=False, default=float)  # numpy's numbers
            partial.write_text(text, encoding="utf-8")


class _Passing:
    """How IPython reads cells while a part of the notebook is left out: as ones that do nothing, but for what begins a part."""

    on = False

    def __call__(self, lines: list[str]) -> list[str]:
        """Take and give the lines of a cell."""
        return ["pass\n"] if self.on and not _BEGINS.search("".join(lines)) else lines


_PASSING = _Passing()


def moving(table: pd.DataFrame, tolerance: Tolerance, moves: Mapping[str, Tolerance] = MOVES) -> dict[str, Tolerance]:
    """Which columns of a table may move and how far: column -> tolerance, of those that need not be the same to the digit.

    Table and tolerance are as `Run.table` takes them; `moves` holds where the tolerance says nothing, by patterns, the last of
    which is "*". A pattern of `tolerance` that fits no column, a slip of the pen, is a ValueError.
    """
    if tolerance == 0 or (tolerance is None and moves["*"] == 0):
        return {}
    own = dict(tolerance) if isinstance(tolerance, Mapping) else {} if tolerance is None else {"*": tolerance}
    keys = [name for name in table.index.names if name is not None]
    fractions = {column: pd.api.types.is_float_dtype(kind) for column, kind in table.dtypes.items()}
    columns = {**dict.fromkeys(keys, False), **fractions}
    lost = [key for key in own if key != "*" and not any(fnmatchcase(str(column), key) for column in columns)]
    if lost:
        raise ValueError(f"tolerance of {', '.join(lost)}: the table has the columns {', '.join(map(str, columns))}")
    rest = own.pop("*", moves["*"])
    rules = {**own, **{key: value for key, value in moves.items() if key != "*" and key not in own}}
    found = {}
    for column, fractional in columns.items():
        fits = (rules[key] for key in rules if fnmatchcase(str(column), key))
        allowed = next(fits, rest if fractional else 0)
        if allowed != 0:
            found[str(column)] = allowed
    return found


def on_screen(picture: Path) -> tuple[int, int]:
    """Width and height of a PNG as it was drawn, in dots of a page, of which an inch has 96."""
    with Image.open(picture) as image:
        scale = _SCREEN / image.info.get("dpi", (_SCREEN,))[0]
        width, height = (round(pixels * scale) for pixels in image.size)
    return width, height


def start(name: str, *, profile: str, corpus: str = "", tolerance: Tolerance = None) -> Run:
    """Begin a notebook's run.

    Args:
        name: the notebook's file name without its ending.
        profile: a profile's name or file (`settings.load`).
        corpus: another main corpus than the profile's; empty for that.
        tolerance: how far fractions in its tables may move, in place of `MOVES`; 0 where no network is asked.

    Returns:
        The run. As a side effect matplotlib has the project's style, and pandas shows four significant digits. In a kernel
        the library's errors are told in one line, and by hand the profile's synthetic corpora are made if they are not there.

    Raises:
        profiles.ProfileError: there is no such profile or corpus, or its settings cannot be.
        RuntimeError: the synthetic corpora could not be made.
    """
    shell = get_ipython()
    _Passing.on = False
    if shell is not None:
        shell.set_custom_exc((Exception,), _show)
        if _PASSING not in shell.input_transformers_post:
            shell.input_transformers_post.append(_PASSING)
    settings = profiles.load(profile, corpus=corpus or None)
    made = settings.synthetic or settings.synthetic_meld or settings.twins
    if made and shell is not None and not os.environ.get(paths.RUN_FOLDER):
        make_corpora(profile)
    variant = paths.variant({"corpus": corpus} if corpus else {})
    folder = Path(os.environ.get(paths.RUN_FOLDER) or paths.outputs() / settings.name / _INTERACTIVE / variant / name)
    folder.mkdir(parents=True, exist_ok=True)
    figures.style()
    pd.set_option("display.float_format", "{:.4g}".format, "display.max_colwidth", None)
    warnings.filterwarnings("ignore", message="IProgress not found")  # progress bars are text here, and meant to be
    return Run(name, settings, folder, variant=variant, tolerance=tolerance)


def make_corpora(profile: str) -> None:
    """Make the synthetic corpora of a profile that are not there, in a process of its own whose words are printed.

    RuntimeError, with the message of the process, where they could not be made.
    """
    command = [sys.executable, "-m", "emocast_twins", "--profile", profile, "--if-missing"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    line = ""
    for line in process.stdout:  # the last one is the error
        print(line, end="")
    if process.wait():
        raise RuntimeError(line.strip().removeprefix("error: ") or f"no synthetic corpora of {profile}")


def is_told(error: BaseException) -> bool:
    """Whether an error's message is written for the reader of a notebook, so that it needs no traceback.

    So are the kinds of errors that the library defines, a ValueError, OSError or RuntimeError that its own code raised, and a
    folder that cannot be written to; not what other packages or a cell itself raised.
    """
    if type(error).__module__.startswith(f"{__package__}."):
        return True
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        return True
    frames = traceback.extract_tb(error.__traceback__)
    ours = bool(frames) and Path(__file__).resolve().parent in Path(frames[-1].filename).parents
    return isinstance(error, ValueError | OSError | RuntimeError) and ours


def _show(shell: InteractiveShell, kind: type, error: Any, frames: TracebackType, tb_offset: int | None = None) -> None:
    """What IPython calls for an error in a cell: one that is told prints one line; `%tb` still shows every frame."""
    told = is_told(error)
    if told:
        line = f"{kind.__name__}: {error}"
        error._render_traceback_ = lambda: [line]  # IPython's way for an error to say how it is shown
    shell.showtraceback((kind, error, frames), tb_offset=tb_offset)
    if told:
        del error._render_traceback_  # for %tb


def here() -> dict:
    """On what a run is made, without which a number that moved cannot be explained; not the machine's name, nor the user's."""
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "emocast": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "instructions": compute.arithmetic()[0],
        "cores": len(affinity(0)) if affinity else os.cpu_count() or 1,
        "packages": {name: version(name) for name in PACKAGES},
    }


def _processor() -> str:
    """The processor's model as Linux tells it, or what Python knows."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text("utf-8").splitlines() if told.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return (names or [platform.processor() or "unknown"])[0]


def umap() -> ModuleType:
    """The package `umap`, of which Numba keeps on the disk what it compiles, so that the next process finds it.

    Its first import on a machine compiles for half a minute, so that it is imported where it is needed; `make env` does so.
    """
    import umap as package
    import umap.layouts
    import umap.umap_
    from numba.core.registry import CPUDispatcher

    for module in (package.umap_, package.layouts):
        for function in vars(module).values():
            if isinstance(function, CPUDispatcher):
                with contextlib.suppress(RuntimeError):  # no place to write to: all stays as it is
                    function.enable_caching()
    return package
