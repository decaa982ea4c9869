"""All pages of a profile's site, written into its outputs: they link each other and the files that notebooks left."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jinja2
import pandas as pd
from tqdm import tqdm

from .. import __version__, corpora, paths, requirements
from .. import profile as profiles
from . import abroad, answer, cells, compared, finished, markup, origins

#: The site's own pages in the order of its navigation: file -> name.
PAGES = {
    "index.html": "The answer",
    "figures.html": "Figures and tables",
    "published.html": "Published beside reproduced",
    "run.html": "What ran",
    "licences.html": "Licences and use",
}
#: The columns' names of scores, in words.
WORDS = {
    "cv_mean": "cross-validated accuracy",
    "cv_std": "its deviation over the folds",
    "f1": "F1",
    "f1_macro": "macro F1",
    "mse": "mean squared error",
    "max_error": "largest error",
    "error_mean": "mean error",
    "error_std": "deviation of the error",
}
COMPARED = "published_beside_reproduced.csv"


@dataclass(frozen=True)
class Site:
    """What all pages know.

    Attributes:
        profile: the run's settings.
        home: the folder of the site.
        variant: whether the notebooks ran on another corpus, or with other parameters, than the profile's own.
    """

    profile: profiles.Profile
    home: Path
    variant: bool

    @cached_property
    def runs(self) -> list[finished.Finished]:
        """The finished notebooks."""
        return finished.read(self.home)

    @cached_property
    def skipped(self) -> list[dict]:
        """Notebooks that were skipped: `notebook` and `reasons`."""
        return requirements.skipped(self.home)

    @property
    def aside(self) -> str:
        """What titles add where the corpus is not the profile's own."""
        return f", on {corpora.get(self.profile.corpus).NAME}" if self.variant else ""

    @property
    def synthetic(self) -> bool:
        """Whether nobody speaks in the main corpus."""
        return compared.is_synthetic(self.profile, self.profile.corpus)

    @property
    def seconds(self) -> float:
        """How long all finished notebooks took."""
        return sum(run.told["seconds"] for run in self.runs)

    @property
    def others(self) -> list[str]:
        """Folders below this one with sites of the same profile's notebooks on other corpora."""
        return sorted(page.parent.relative_to(self.home).as_posix() for page in self.home.glob("variants/*/index.html"))


def write_page(profile: profiles.Profile, *, variant: Path = Path()) -> Path:
    """Write a profile's site; notebooks are not run for it.

    Args:
        profile: the profile; its finished notebooks are looked up, and those that were skipped with their reasons.
        variant: the folder of its notebooks on another corpus (`paths.variant`), which have a site of their own.

    Returns:
        The first page, `index.html`; beside it are the other `PAGES` and `COMPARED`, and each notebook's page is in the
        notebook's own folder.
    """
    site = Site(profile, paths.outputs() / profile.name / variant, bool(variant.name))
    environment = _environment(site)
    for run in tqdm(site.runs, desc="pages of notebooks", leave=False):
        body = cells.to_html(run)
        options = {"run": run, "body": body, "parts": markup.parts(body), "up": "../", "here": run.page}
        _write(environment, "notebook.html", run.folder / f"{run.name}.html", **options)
    reproduced = _comparison(site)
    with paths.replacing(site.home / COMPARED) as partial:
        reproduced.to_csv(partial, index=False, float_format="%.6g")
    contents = {
        "index.html": {
            "answer": answer.find(site.runs, profile),
            "claims": answer.claims(site.runs),
            "abroad": abroad.find(site.runs),
        },
        "figures.html": {},
        "published.html": {
            "groups": _groups(reproduced),
            "verdicts": reproduced["verdict"].value_counts(),
            "undecidable": compared.SYNTHETIC,
            "csv": COMPARED,
        },
        "run.html": {
            "places": _places(site.runs),
            "corpora": origins.of_corpora(profile),
            "encoders": origins.of_encoders(profile),
            "cards": _write_cards(environment, site.home),
        },
    }
    for name, content in contents.items():
        _write(environment, name, site.home / name, here=name, **content)
    _write_licences(environment, site.home / "licences.html")
    return site.home / "index.html"


def _environment(site: Site) -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(paths.TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.globals |= {"site": site, "pages": PAGES, "version": __version__, "up": ""}
    environment.filters |= {"figure": _figure, "minutes": _minutes, "words": _words}
    return environment


def _write(environment: jinja2.Environment, template: str, target: Path, **content: object) -> None:
    text = environment.get_template(template).render(**content)
    with paths.replacing(target) as partial:
        partial.write_text(text, encoding="utf-8")


def _figure(value: float | None) -> str:
    """A number in four significant digits; nothing where there is none."""
    return "" if pd.isna(value) else f"{value:.4g}"


def _words(score: str) -> str:
    """A score's name as people say it."""
    return WORDS.get(score, score.replace("_", " "))


def _minutes(seconds: float) -> str:
    """A duration as people say it."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _comparison(site: Site) -> pd.DataFrame:
    skipped = {note["notebook"]: "; ".join(note["reasons"]) for note in site.skipped}
    return compared.Comparison(site.profile, site.runs, skipped).table()


def _groups(rows: pd.DataFrame) -> list[dict]:
    """The rows by the table of the paper that prints them."""
    groups = rows.groupby(["source", "table", "experiment"], sort=False)
    return [
        {
            "name": f"{source.capitalize()}, {_place(number)}: {experiment.replace('-', ' ')}",
            "rows": group.to_dict("records"),
        }
        for (source, number, experiment), group in groups
    ]


def _place(number: str) -> str:
    """Where a paper prints a number: "text", "figure 6", "table 5.1"."""
    return number if number == "text" or number.startswith("figure") else f"table {number}"


def _places(runs: list[finished.Finished]) -> list[dict]:
    """Where notebooks ran: `where` (see `provenance`) and the `notebooks` that ran there."""
    places: list[dict] = []
    for run in runs:
        where = run.told.get("where", {})
        same = next((place for place in places if place["where"] == where), None)
        if same is None:
            places.append(same := {"where": where, "notebooks": []})
        same["notebooks"].append(run.label)
    return places


def _write_cards(environment: jinja2.Environment, home: Path) -> list[dict]:
    """Write a page for the card of each saved model: its `name` and its `page`."""
    cards = []
    for card in origins.model_cards(home):
        page = f"model_{card.parent.name}.html"
        text = (home / card).read_text("utf-8")
        _write(environment, "text.html", home / page, here=page, title=_title(text), body=markup.from_markdown(text))
        cards.append({"name": card.parent.name, "page": page})
    return cards


def _title(text: str) -> str:
    return text.lstrip().splitlines()[0].lstrip("# ")


def _write_licences(environment: jinja2.Environment, target: Path) -> None:
    """Write the page on licences and use beside the results, with the files that it names, so that it goes where they go."""
    text = paths.LICENCES.read_text(encoding="utf-8")
    for name in re.findall(r"\]\(\.\./([\w.]+)\)", text):
        shutil.copyfile(paths.ROOT / name, target.with_name(name))
    text = text.replace("](../", "](")
    body = markup.from_markdown(text)
    _write(environment, "text.html", target, here=target.name, title=_title(text), body=body)
