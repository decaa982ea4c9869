"""From a profile's finished notebooks to one page that links everything, and to the tracked reference.

`python -m emocast.report page --profile demo` writes `outputs/demo/index.html`, which opens from disk without a server.
`python -m emocast.report reference --profile demo` renews `outputs/reference/demo`: the run's tables and small figures, so
that a reader of the repository sees the results without running anything, and a later run can be held against them.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

import jinja2
import markupsafe
import mistune
import nbformat
from mistune.toc import add_toc_hook
from PIL import Image

from . import __version__, corpora, paths, requirements
from . import profile as profiles
from .corpora import table
from .notebook import MANIFEST

_LICENCES = "licences.html"
_SMALL_WIDTH = 900  # pixels


def runs(home: Path) -> list[dict]:
    """The manifests of the finished notebooks in a folder in their order, each with the notebook's title."""
    folders = sorted(path.parent for path in home.glob(f"[0-9]*/{MANIFEST}"))
    return [{**json.loads((folder / MANIFEST).read_text("utf-8")), "title": _title(folder)} for folder in folders]


def _title(folder: Path) -> str:
    """The first heading of the executed notebook."""
    notebook = nbformat.read(folder / f"{folder.name}.ipynb", as_version=4)
    first = next(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return first.splitlines()[0].lstrip("# ")


def _is_synthetic(profile: profiles.Profile) -> bool:
    """Whether nobody speaks in the main corpus; one that is not there is none."""
    root = profile.corpus_root()
    return any(table.is_synthetic(folder) for folder in (root, root / "IEMOCAP_full_release"))


def write_page(profile: profiles.Profile, *, variant: Path = Path()) -> Path:
    """Write `index.html` of a profile.

    Args:
        profile: the profile; its finished notebooks are looked up, and those that were skipped with their reasons.
        variant: the folder of its notebooks on another corpus (`paths.variant`), which have a page of their own.

    Returns:
        The page's path.
    """
    home = paths.outputs() / profile.name / variant
    loader = jinja2.FileSystemLoader(paths.TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    finished = runs(home)
    others = sorted(page.parent for page in home.glob("variants/*/index.html"))
    page = environment.get_template("index.html").render(
        profile=profile,
        synthetic=_is_synthetic(profile),
        aside=f", on {corpora.get(profile.corpus).NAME}" if variant.name else "",
        runs=finished,
        skipped=requirements.skipped(home),
        others=[other.relative_to(home).as_posix() for other in others],
        version=__version__,
        seconds=sum(run["seconds"] for run in finished),
    )
    target = home / "index.html"
    with paths.replacing(target) as partial:
        partial.write_text(page, encoding="utf-8")
    _write_licences(environment, home / _LICENCES)
    return target


def _write_licences(environment: jinja2.Environment, target: Path) -> None:
    """Write the page on licences and use beside the results, with the files that it names, so that it goes where they go."""
    text = paths.LICENCES.read_text(encoding="utf-8")
    for name in re.findall(r"\]\(\.\./([\w.]+)\)", text):
        shutil.copyfile(paths.ROOT / name, target.with_name(name))
    text = text.replace("](../", "](")
    markdown = mistune.create_markdown(escape=True, plugins=["table", "url"])
    add_toc_hook(markdown, heading_id=lambda token, _: _anchor(token["text"]))  # for the page's links to its own parts
    body = markupsafe.Markup(markdown(text))  # mistune escapes what is no Markdown
    page = environment.get_template("text.html").render(title=text.splitlines()[0].lstrip("# "), body=body)
    with paths.replacing(target) as partial:
        partial.write_text(page, encoding="utf-8")


def _anchor(heading: str) -> str:
    """A heading's name in links, as GitHub gives it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def write_reference(profile: profiles.Profile) -> Path:
    """Renew the tracked reference of a profile from its finished run.

    Args:
        profile: the profile.

    Returns:
        The reference's folder: for each notebook its tables as they are and its figures at most 900 pixels wide.
    """
    target = paths.REFERENCE / profile.name
    shutil.rmtree(target, ignore_errors=True)
    for run in runs(paths.outputs() / profile.name):
        source, folder = paths.run_folder(profile.name, run["notebook"]), target / run["notebook"]
        folder.mkdir(parents=True)
        for kept in run["tables"]:
            shutil.copyfile(source / f"{kept['name']}.csv", folder / f"{kept['name']}.csv")
        for figure in run["figures"]:
            with Image.open(source / f"{figure['name']}.png") as picture:
                picture.thumbnail((_SMALL_WIDTH, 4 * _SMALL_WIDTH))
                small = picture.convert("RGB").quantize(128, dither=Image.Dither.NONE)
                small.save(folder / f"{figure['name']}.png", optimize=True)
    return target


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m emocast.report", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["page", "reference"])
    parser.add_argument("--profile", default="demo", help="a profile's name or .yaml file (default: demo)")
    parser.add_argument("--corpus", help="the page of the notebooks on another corpus than the profile's")
    options = parser.parse_args(arguments)
    profile = profiles.load(options.profile, corpus=options.corpus)
    if options.what == "reference":
        written = write_reference(profile)
    else:
        written = write_page(profile, variant=paths.variant({"corpus": options.corpus} if options.corpus else {}))
    print(f"  -> {paths.relative(written)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
