"""A profile's static site, written into its outputs from what its notebooks left; none is run for it.

The pages link each other and the notebooks' files, open from disk without a server, have no script, and ask nothing of the
network. What the first page says, the notebooks' manifests say: `answer`, `headline`, captions and notes.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import math
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import mistune
import nbformat
import pandas as pd
from huggingface_hub import ModelCard
from mistune.toc import add_toc_hook
from PIL import Image
from tqdm import tqdm

from emocast import __version__, compute, corpora, paths, published
from emocast import settings as profiles
from emocast.encoders import hub
from emocast.notebook import SHOWN, on_screen

from . import runner
from .verify import MANIFEST

# --- a run beside the papers, the reference and the README

README = paths.ROOT / "README.md"
BEGIN, END = "<!-- front page: table -->\n", "<!-- end -->"
#: A tracked table in the README: `<!-- table: profile/notebook/table ? query | heading = template | ... -->` (no query: all).
TABLE = re.compile(r"(<!-- table: (\S+)(?: \? (.+?))? \| (.+) -->\n)[^<]*(?=<!-- end -->)")
KEY = ["experiment", "dataset", "class", "metric"]
SYNTHETIC = "synthetic: cannot confirm or refute"
COMPATIBLE = "compatible: the interval holds the published value"
LOWER, HIGHER = "differs: the run is lower", "differs: the run is higher"
UNDECIDED = "no interval: only the difference"
NOT_ASKED = "not asked here"
_LINE = [*KEY, "reproduced", "low", "high", "interval_by", "note", "notebook", "from_table"]
_NUMBERS = ("reproduced", "low", "high", "chance")
_NONE = (math.nan, math.nan)


class Finished:
    """What one finished notebook left in its folder; the tracked reference has its tables, figures and manifest, too."""

    def __init__(self, manifest: Path) -> None:
        """Read a manifest (`emocast.notebook.Run`)."""
        self.folder, self.name = manifest.parent, manifest.parent.name
        self.told: dict = json.loads(manifest.read_text("utf-8"))

    def table(self, name: str) -> pd.DataFrame:
        """One of its tables as text, what is missing as an empty one."""
        return pd.read_csv(self.folder / f"{name}.csv", dtype=str, keep_default_na=False)

    def headlines(self, kind: str) -> list[tuple[str, dict]]:
        """The headlines that have `kind` ("value" or "columns"), each with the name of its table."""
        pairs = [(table["name"], rule) for table in self.told["tables"] for rule in table.get("headline", ())]
        return [(name, rule) for name, rule in pairs if kind in rule]

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        """The numbers that its tables' headlines name, with what these say of them and what is `printed`; shares in percent."""
        return [line for name, rule in self.headlines("value") for line in self._lines(name, rule)]

    def _lines(self, name: str, rule: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        rows, chance = _rows(self.table(name), rule.get("where", {})), rule.get("chance", math.nan)
        columns = [rule["value"]] if isinstance(rule["value"], str) else rule["value"]
        for row, column in ((row, column) for row in rows for column in columns if row[column]):
            said = {key: text.format_map(row) for key, text in rule.items() if isinstance(text, str)}
            low, high, by = _interval(rule.get("interval"), row, column, self.told.get("level", 0.95))
            numbers = dict(zip(_NUMBERS, (float(row[column]), low, high, float(row.get(chance, chance))), strict=True))
            scale = 100 if said.get("unit", "fraction") == "fraction" else 1
            key = {part: {"metric": column, **said}.get(part, "") for part in KEY}
            about = {"text": "", "note": "", "interval_by": said.get("by", by), **said}
            about |= {"notebook": self.name, "from_table": name}
            printed = _published().set_index(KEY)["percent"].get(tuple(key.values()), math.nan)
            yield {**about, **key, **{part: scale * number for part, number in numbers.items()}, "printed": printed}


def read(home: Path, kind: type[Finished] = Finished) -> list[Any]:
    """The finished notebooks below a profile's outputs, or in its reference, in their order."""
    return [kind(file) for file in sorted(home.glob(f"[0-9]*/{MANIFEST}"))]


def _rows(table: pd.DataFrame, where: Mapping[str, Any]) -> list[dict[str, str]]:
    """The rows of a table that a headline means: of a list, the first that is there counts."""
    for column, told in where.items():
        every = told if isinstance(told, list) else [told]
        asked = [text if isinstance(text, str) else f"{text:g}" for text in every]
        table = next((rows for text in asked if len(rows := table[table[column] == text])), table.iloc[:0])
    return table.to_dict("records")


def _interval(kind: Any, row: Mapping[str, str], column: str, level: float) -> tuple[float, float, str]:
    """The ends of a number's interval, from the table or from what it keeps, and what it rests on: see `Run.table`."""
    if not kind:
        return *_NONE, ""
    if isinstance(kind, list):
        return *(float(row[end.replace("{}", column)] or "nan") for end in kind), ""
    from scipy import stats  # here: it takes longer to import than all else of this module

    value, share, by = float(row[column]), (1 + level) / 2, "utterance, as if independent"
    if "folds" in kind:  # Student's, of a mean over folds whose deviation has the divisor n
        n, by = kind["n"], f"the {kind['n']} folds"
        half = stats.t.ppf(share, n - 1) * float(row[kind["folds"]]) / math.sqrt(n - 1)
    elif "mean" in kind:
        half = stats.norm.ppf(share) * float(row[kind["mean"]]) / math.sqrt(int(row["n"]))
    elif "correlation" in kind:  # Fisher's
        half = stats.norm.ppf(share) / math.sqrt(int(row["n"]) - 3)
        return math.tanh(math.atanh(value) - half), math.tanh(math.atanh(value) + half), by
    else:  # a class: Wilson's, of the shares that precision and recall are; F1 is 2 s / (1 + s) of such a share
        right = round(float(row["recall"] or 0) * int(row["support"]))  # none where the test part lacks the class
        named = round(right / float(row["precision"])) if right else 0
        n = {"precision": named, "recall": int(row["support"])}.get(column, named + int(row["support"]) - right)
        ends = stats.binomtest(right, n).proportion_ci(level, "wilson") if n else _NONE
        return *(2 * end / (1 + end) if column == "f1" else end for end in ends), "event, as if independent"
    return value - half, value + half, by


@cache
def _published() -> pd.DataFrame:
    """`published.csv`, of all classes an empty one, with the value in `percent`, and `scale`, from there to the row's unit."""
    rows = published.load().drop(columns="support").fillna({"class": "", "unit": ""})
    scale = rows["unit"].map({"fraction": 0.01}).fillna(1.0)
    return rows.assign(scale=scale, percent=rows["value"] / scale)


def beside_published(runs: list[Finished], profile: profiles.Profile, skipped: Mapping[str, list[str]]) -> pd.DataFrame:
    """Every published number in its order and unit, with what finished notebooks found; `skipped` ones say why not.

    Columns are those of `published.csv` (its value as `published`) and reproduced (missing where the run does not speak to it,
    and the note says why), low, high, difference (reproduced - published), interval_by, verdict, note, notebook, from_table.
    """
    lines = pd.DataFrame([line for run in runs for line in run.lines], columns=_LINE).drop_duplicates(KEY)
    rows = _published().drop(columns="percent").rename(columns={"value": "published"}).merge(lines, on=KEY, how="left")
    numbers = ["reproduced", "low", "high"]
    rows[numbers] = rows[numbers].astype(float).mul(rows.pop("scale"), axis=0)
    left = [f"{name} was skipped: {', '.join(why)}" for name, why in skipped.items()]
    why = f"not in this run, on {corpora.get(profile.corpus).title}, divided by {profile.split.protocol}"
    rows["note"] = rows["note"].where(rows["reproduced"].notna(), "; ".join([why, *left]))
    # "CREMA-D (rated)" and "Emo-DB" by our names
    tested = rows["dataset"].str.replace(r" \(.*|\W", "", regex=True).str.lower()
    nobody = tested.isin(synthetic(runs)) | bool({profile.corpus, "iemocap"} & synthetic(runs))
    verdicts = [SYNTHETIC if made else _verdict(row) for row, made in zip(rows.itertuples(), nobody, strict=True)]
    verdicts = pd.Series(verdicts).where(rows["reproduced"].notna(), NOT_ASKED)
    return rows.assign(difference=rows["reproduced"] - rows["published"], verdict=verdicts).fillna({"interval_by": ""})


def _verdict(row: Any) -> str:
    """What a row's interval says of its published value."""
    if math.isnan(row.low) or math.isnan(row.high):
        return UNDECIDED
    return LOWER if row.high < row.published else HIGHER if row.low > row.published else COMPATIBLE


def synthetic(runs: Iterable[Finished]) -> set[str]:
    """The corpora in which nobody spoke when the notebooks ran."""
    return {name for run in runs for name in run.told.get("synthetic", ())}


def front_page(reference: Path) -> str:
    """The README's table in Markdown, accuracy in percent: each line with words of a tracked run's headlines."""
    lines = [line for run in read(reference) for line in run.lines if line["text"]]
    if not lines:
        raise ValueError(f"no table in {paths.relative(reference)} has a headline: `make reference` writes them")
    head = "accuracy in % | the papers, on recordings of people | the demo, on synthetic voices | chance"
    written = [head, "---|---|---|---"]
    for line in lines:
        printed = "not asked" if math.isnan(line["printed"]) else f"{line['printed']:.1f}"
        ours = "{reproduced:.1f} ({low:.1f} to {high:.1f}) | {chance:.1f}".format_map(line)
        written.append(f"{line['text']} | {printed} | {ours}")
    return "".join(f"| {line} |\n" for line in written)


def tracked(table: str, query: str, cells: str) -> str:
    """A tracked table in Markdown, a line a row: `cells` are headings and templates of its columns, as in `TABLE`."""
    rows = pd.read_csv(paths.REFERENCE / f"{table}.csv")
    pairs = dict(cell.split(" = ", 1) for cell in cells.split(" | "))
    found = (rows.query(query) if query else rows).to_dict("records")
    if not found:
        raise ValueError(f"no row of the tracked table {table} fulfils {query!r}")
    lines = [" | ".join(pairs), "|".join(["---"] * len(pairs))]
    lines += [" | ".join(template.format_map(row) for template in pairs.values()) for row in found]
    return "".join(f"| {line} |\n" for line in lines)


def write_readme(readme: Path = README, reference: Path | None = None) -> Path:
    """Put the tables where the README has the old ones; no number of them is typed."""
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{paths.relative(readme)} has no lines {BEGIN.strip()} and {END} for the table between them")
    table = front_page(reference or paths.REFERENCE / "demo")
    text = TABLE.sub(lambda found: found[1] + tracked(*found.group(2, 3, 4)), f"{before}{begin}{table}{end}{after}")
    with paths.replacing(readme) as partial:
        partial.write_text(text, encoding="utf-8")
    return readme


def write_reference(profile: profiles.Profile) -> Path:
    """Renew a profile's reference: of each notebook the tables, small figures, and what the manifest says of them."""
    runs, target = read(paths.outputs() / profile.name), paths.REFERENCE / profile.name
    if not runs:
        raise ValueError(f"nothing to keep: no notebook has run; `make reproduce PROFILE={profile.name}` does it")
    for run in (run for run in runs if "private" in run.told):
        why = f"{run.name} shows {run.told['private']['why']}, which does not belong into a repository"
        raise ValueError(f"{why}: move it elsewhere and run `make reproduce` again")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=target.parent) as scratch:
        for run in runs:
            _keep(run, Path(scratch) / "new" / run.name)
        if target.exists():
            target.rename(Path(scratch) / "old")
        (Path(scratch) / "new").rename(target)
    return target


#: Figures with a marker for each window or utterance: of recorded people no reference keeps them, which holds aggregates alone.
POINTS = ("pca", "umap", "plane", "clusters", "timeline")


def _keep(run: Finished, folder: Path) -> None:
    folder.mkdir(parents=True)
    made = bool(run.told.get("synthetic"))
    figures = [one for one in run.told["figures"] if made or not one["name"].endswith(POINTS)]
    for table in run.told["tables"]:
        shutil.copyfile(run.folder / f"{table['name']}.csv", folder / f"{table['name']}.csv")
    for figure in figures:
        with Image.open(run.folder / f"{figure['name']}.png") as picture:
            picture.thumbnail((900, 3600))
            # of other methods rare colours, an emotion's in a legend say, become their neighbours
            coverage = {"method": Image.Quantize.MAXCOVERAGE, "dither": Image.Dither.NONE}
            small = picture.convert("RGB").quantize(128, **coverage)
            small.save(folder / f"{figure['name']}.png", optimize=True)
    keys = ("notebook", "profile", "corpus", "level", "tables", "figures")
    kept = {key: run.told[key] for key in keys if key in run.told} | {"figures": figures}
    (folder / MANIFEST).write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


# --- pages

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


class Page(Finished):
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
    runs, skipped = read(home, Page), runner.skipped(home)
    made, reproduced = synthetic(runs), beside_published(runs, profile, skipped)
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
    told = {"verdicts": reproduced["verdict"].value_counts(), "undecidable": SYNTHETIC, "csv": COMPARED}
    told |= {"sources": published.SOURCES, "notes": published.NOTES}
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
    named.append(f"wav2vec2:{profile.ser.checkpoint}")
    for name in dict.fromkeys([*named, *profile.contrastive.models.values()]):
        source = name.partition(":")[2].partition("@")[0]
        place = hub.local(paths.data() / source if name.startswith("features:") else source) if source else None
        files = [] if place is None else [place] if place.is_file() else sorted(place.iterdir())
        found = [
            (name, file.name, compute.file_digest(file)) for file in files if file.suffix in _WEIGHTS or file == place
        ]
        yield from found or [(name, "not among the files here" if source else "computed, without weights", "")]
