"""A profile's static site, written into its outputs from what its notebooks left; none is run for it.

The pages link each other and the notebooks' files, open from disk without a server, have no script, and ask nothing of the
network. What the first page says, the notebooks' manifests say: `answer`, `headline`, captions and notes.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import re
import shutil
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import mistune
import nbformat
import pandas as pd
from huggingface_hub import ModelCard
from mistune.toc import add_toc_hook
from tqdm import tqdm

from emocast import __version__, compute, corpora, paths
from emocast import settings as profiles
from emocast.encoders import hub
from emocast.notebook import SHOWN, on_screen

from . import compared, requirements

#: The site's own pages in the order of its navigation: file -> name.
PAGES = {
    "index.html": "The answers",
    "figures.html": "Figures and tables",
    "published.html": "Published beside reproduced",
    "run.html": "What ran",
    "licences.html": "Licences and use",
}
COMPARED = "published_beside_reproduced.csv"
_TEMPLATES = Path(__file__).resolve().parent / "templates"
_WEIGHTS = (".safetensors", ".ckpt", ".bin", ".pt", ".pth")
_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
_PILCROW = re.compile(r'<a class="anchor-link"[^>]*>.*?</a>')  # headings keep their ids, for the page's list of parts
_PART = re.compile(r'<h2 id="([^"]+)">(.*?)</h2>', re.DOTALL)
_FILTERS = {
    "figure": lambda number: "" if pd.isna(number) else f"{number:.4g}",
    "minutes": lambda seconds: f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min",
}


class Page(compared.Finished):
    """A finished notebook with its page: `label` in lists, `title` (its question), `page`, seen from the first one."""

    def __init__(self, manifest: Path) -> None:
        """Read a manifest and the executed notebook beside it."""
        super().__init__(manifest)
        self.notebook = nbformat.read(self.folder / f"{self.name}.ipynb", as_version=4)
        first = next(cell.source for cell in self.notebook.cells if cell.cell_type == "markdown")
        self.title, self.label = first.splitlines()[0].lstrip("# "), self.name.replace("_", " ")
        self.page = f"{self.name}/{self.name}.html"

    @cached_property
    def figures(self) -> dict[str, dict]:
        """Name -> `name`, `caption`, `table` (the CSV with its numbers, or ""), `width` and `height` as it was drawn, `id`
        of the place on its page, `link` from the first page to the cell that drew it.
        """
        known = {table["name"] for table in self.told["tables"]}
        outputs = [output for cell in self.notebook.cells for output in cell.get("outputs", ())]
        shown = {output.metadata[SHOWN]["figure"] for output in outputs if SHOWN in output.get("metadata", ())}
        found = {}
        for figure in self.told["figures"]:
            name, table = figure["name"], figure.get("table", figure["name"])
            width, height = on_screen(self.folder / f"{name}.png")
            link = f"{self.page}#figure-{name}" if name in shown else self.page
            about = {"table": table if table in known else "", "id": f"figure-{name}", "link": link}
            found[name] = {**figure, **about, "width": width, "height": height}
        return found

    def cells(self) -> markupsafe.Markup:
        """Its cells as HTML. Figures are the files beside its page; bars, which are for those who wait, are left out."""
        from nbconvert import HTMLExporter  # here: slow to import

        notebook = copy.deepcopy(self.notebook)
        for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
            cell.outputs = [output for output in cell.outputs if not _is_progress(output)]
        template = (_TEMPLATES / "cells.html").read_text("utf-8")
        exporter = HTMLExporter(template_name="basic", raw_template=template, mathjax_url="", require_js_url="")
        exporter.environment.autoescape = True
        body, _ = exporter.from_notebook_node(notebook, {"figures": self.figures, "metadata": {"name": self.name}})
        return _scrolling(_PILCROW.sub("", body))


def write(profile: profiles.Profile, home: Path) -> Path:
    """Write the site of a profile's outputs, or of the folder in them of notebooks on another corpus; gives the first page."""
    runs, skipped = compared.read(home, Page), requirements.skipped(home)
    made, reproduced = compared.synthetic(runs), compared.beside_published(runs, profile, skipped)
    with paths.replacing(home / COMPARED) as partial:
        reproduced.to_csv(partial, index=False, float_format="%.6g")
    loader = jinja2.FileSystemLoader(_TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters |= _FILTERS
    others = sorted(page.parent.relative_to(home).as_posix() for page in home.glob("variants/*/index.html"))
    aside = f", on {corpora.get(profile.corpus).title}" if home.parent.name == "variants" else ""
    environment.globals |= {"profile": profile, "runs": runs, "skipped": skipped, "pages": PAGES, "up": ""}
    environment.globals |= {
        "others": others,
        "aside": aside,
        "synthetic": profile.corpus in made,
        "version": __version__,
    }

    def page(template: str, target: Path, **content: Any) -> None:
        text = environment.get_template(template).render(here=target.relative_to(home).as_posix(), **content)
        with paths.replacing(target) as partial:
            partial.write_text(text, encoding="utf-8")

    for run in tqdm(runs, desc="pages of notebooks", leave=False):
        body = run.cells()
        parts = [(found[1], markupsafe.Markup(found[2])) for found in _PART.finditer(body)]
        page("notebook.html", run.folder / f"{run.name}.html", run=run, body=body, parts=parts, up="../")
    written = sorted(home.glob("models/*/*.md"))
    texts = {home / f"model_{card.parent.name}.html": ModelCard(card.read_text("utf-8")).text for card in written}
    for target, text in {**texts, home / "licences.html": _licences(home)}.items():
        page("text.html", target, **_text(text))
    for name in ("index.html", "figures.html"):
        page(name, home / name)
    by_table = reproduced.groupby(["source", "table", "experiment"], sort=False)
    groups = [(*key, rows.to_dict("records")) for key, rows in by_table]
    told = {"verdicts": reproduced["verdict"].value_counts(), "undecidable": compared.SYNTHETIC, "csv": COMPARED}
    page("published.html", home / "published.html", groups=groups, **told)
    wheres = [run.told.get("where", {}) for run in runs]
    places = [where for place, where in enumerate(wheres) if where not in wheres[:place]]
    told = {"places": places, "cards": [target.name for target in texts], "files": list(_files(profile, made))}
    page("run.html", home / "run.html", **told)
    return home / "index.html"


def _is_progress(output: nbformat.NotebookNode) -> bool:
    text = output.get("text", "")
    return output.get("name") == "stderr" and ("\r" in text or "%|" in text or not text.strip())


def _scrolling(html: str) -> markupsafe.Markup:
    """Put each table of safe HTML into a box that scrolls, with a mouse or with the keyboard, where a screen is narrow."""
    number = itertools.count(1)
    box = '<div class="scroll" tabindex="0" role="group" aria-label="Table {}, scrolls sideways">{}</div>'
    return markupsafe.Markup(_TABLE.sub(lambda match: box.format(next(number), match[0]), html))


def _text(text: str) -> dict[str, Any]:
    """A Markdown page as `title` and `body`; its headings have the ids that GitHub gives them, for links to its own parts."""
    markdown = mistune.create_markdown(escape=True, plugins=["table", "url"])
    add_toc_hook(markdown, heading_id=lambda token, _: re.sub(r"[^\w -]", "", token["text"].lower()).replace(" ", "-"))
    return {"title": text.lstrip().splitlines()[0].lstrip("# "), "body": _scrolling(markdown(text))}


def _licences(home: Path) -> str:
    """The page on licences and use; the files that it names are copied beside it, so that it goes where they go."""
    text = paths.LICENCES.read_text(encoding="utf-8")
    for name in re.findall(r"\]\(\.\./([\w.]+)\)", text):
        shutil.copyfile(paths.ROOT / name, home / name)
    return text.replace("](../", "](")


def _files(profile: profiles.Profile, made: set[str]) -> Iterator[tuple[str, str, str]]:
    """On what a run rests: corpora and checkpoints, what is there of them, and SHA-256 (of a corpus: of names and sizes)."""
    for name in profile.corpora:
        root = profile.corpus_root(name)
        found = sorted(file for file in root.rglob("*") if file.is_file())
        files = [(file.relative_to(root).as_posix(), file.stat().st_size) for file in found]
        kind = "not there" if not files else "synthetic: nobody speaks" if name in made else "recorded"
        yield name, f"{kind}, {len(files):,} files", hashlib.sha256(repr(files).encode()).hexdigest() if files else ""
    named = [profile.encoder, profile.baseline, *profile.embeddings.compared, f"transformers:{profile.ser.source}"]
    for name in dict.fromkeys([*named, *profile.contrastive.models.values()]):
        source = name.partition(":")[2].partition("@")[0]
        place = hub.local(source) if source else None
        files = [] if place is None else [place] if place.is_file() else sorted(place.iterdir())
        found = [(name, file.name, compute.file_digest(file)) for file in files if file.suffix in _WEIGHTS]
        yield from found or [(name, "not among the files here" if source else "computed, without weights", "")]
