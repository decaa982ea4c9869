"""The pages of a profile: what ran, what was found, what did not run and why; nothing in them is from elsewhere or can run."""

import json
import re

import nbformat
import pandas as pd
import pytest

import reference_site
from emocast import paths, settings
from emocast_run import __main__ as command
from emocast_run import runner, site


@pytest.fixture
def home(monkeypatch, tmp_path):
    """The outputs of the smoke profile with one finished notebook."""
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path))
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    _finished(tmp_path / "smoke" / "01_x")
    return tmp_path / "smoke"


def _finished(folder, **further):
    folder.mkdir(parents=True)
    cells = [nbformat.v4.new_markdown_cell(f"# Is {folder.name} <b>asked</b>?")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{folder.name}.ipynb")
    told = {"notebook": folder.name, "figures": [], "tables": [], "notes": ["x < y"], "seconds": 1.0, **further}
    (folder / "manifest.json").write_text(json.dumps(told))


def written(home, **options):
    return site.write(settings.load("smoke", **options), home).read_text(encoding="utf-8")


def test_words_of_notebooks_are_shown_and_never_run(home):
    page = written(home)
    assert "Is 01_x &lt;b&gt;asked&lt;/b&gt;?" in page and "x &lt; y" in page


def test_the_first_page_says_what_manifests_answer_and_shows_the_rows_that_they_name(home):
    rules = [
        {"value": "accuracy", "interval": ["low", "high"], "chance": 0.25, "text": "Right with {model}"},
        {"value": "accuracy", "experiment": "ser-classification", "dataset": "Emo-DB"},
    ]
    claims = {"name": "claims", "caption": "x", "headline": [{"columns": ["claim", "verdict"]}]}
    tables = [{"name": "scores", "caption": "x", "headline": rules}, claims]
    _finished(home / "05_x", tables=tables, answer={"sentences": ["It is <so>.", "And more."], "figure": ""})
    row = {"model": "a network", "accuracy": 0.5, "low": 0.4, "high": 0.6}
    pd.DataFrame([row]).to_csv(home / "05_x" / "scores.csv", index=False)
    row = {"claim": "It works", "evidence": "some", "verdict": "not shown"}
    pd.DataFrame([row]).to_csv(home / "05_x" / "claims.csv", index=False)
    page = written(home)
    assert page.count('<section aria-labelledby="answer-') == 1 and '<p class="lead">It is &lt;so&gt;.</p>' in page
    assert "Right with a network" in page and "50 [40, 60]" in page and ">25<" in page
    assert 'class="verdict not-shown">not shown<' in page and "some" not in page
    beside = (home / "published.html").read_text(encoding="utf-8")
    assert ">0.5<" in beside and 'href="05_x/scores.csv"' in beside


def test_a_skipped_notebook_stands_there_with_its_reasons_until_it_ran(home):
    runner.note_skipped(home, "03_y", ["iemocap: no IEMOCAP under <there>"])
    page = written(home)
    assert "Not run" in page and "<strong>03_y</strong>" in page and "under &lt;there&gt;" in page
    runner.note_skipped(home, "03_y", [])
    assert "Not run" not in written(home)


def test_another_corpus_has_a_page_of_its_own_that_the_first_links(home):
    variant = home / paths.variant({"corpus": "meld"})
    _finished(variant / "03_y")
    assert command.main(["site", "--profile", "smoke", "--corpus", "meld"]) == 0
    page = (variant / "index.html").read_text(encoding="utf-8")
    assert "Is 03_y" in page and "01_x" not in page and ", on MELD" in page
    assert 'href="variants/corpus=meld/index.html"' in written(home)


def test_the_page_on_licences_has_every_link_that_it_shows(home):
    written(home)
    page = (home / "licences.html").read_text(encoding="utf-8")
    links = re.findall(r'href="([^"]+)"', page)
    anchors, files = ({link for link in links if re.match(kind, link)} for kind in ("#", r"(?!#|https?:)"))
    assert len(anchors) >= 5 and {anchor[1:] for anchor in anchors} <= set(re.findall(r'id="([^"]+)"', page))
    assert {"index.html", "LICENSE", "CITATION.cff"} <= files and all((home / file).is_file() for file in files)
    assert "<h2" in page and "<table>" in page and "](" not in re.sub(r"(?s)<pre>.*?</pre>", "", page)


def test_every_model_with_a_card_has_a_page_that_the_run_links(home):
    for name in ("start", "regression-without-Ses05"):
        (home / "models" / name).mkdir(parents=True)
        card = f"# Model {name}\n\n| a | b |\n| --- | --- |\n| <x> | 1 |\n"
        (home / "models" / name / "MODEL_CARD.md").write_text(card)
        (home / "models" / name / "training.json").write_text("{}")
    written(home)
    links = re.findall(r'href="(model_[^"]+)">([^<]+)<', (home / "run.html").read_text(encoding="utf-8"))
    assert links == [(f"model_{name}.html", name) for name in ("regression-without-Ses05", "start")]
    page = (home / "model_start.html").read_text(encoding="utf-8")
    assert "Model start</h1>" in page and "<table>" in page and "&lt;x&gt;" in page


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    home = tmp_path_factory.mktemp("outputs")
    reference_site.finish(home, notebooks=["05_time_shift_sweep"])
    (run,) = site.read(home, site.Page)
    return run, run.cells()


def test_every_figure_is_a_file_with_its_caption_and_an_id(page):
    run, html = page
    assert len(run.figures) >= 3 and "data:image" not in html
    for name, figure in run.figures.items():
        assert f'<figure id="{figure["id"]}"' in html and figure["link"].endswith(f"#{figure['id']}")
        (image,) = re.findall(rf'<img [^>]*src="{name}.png"[^>]*>', html)
        assert f'alt="What {name} shows, &lt;as&gt; it was drawn."' in image
    assert 'href="sweep.csv"' in html and run.figures["sweep"]["table"] == "sweep"


def test_no_script_no_host_and_no_progress_bar(page):
    _, html = page
    assert "<script" not in html and "10%|" not in html and "a &lt; b" in html
    assert not re.search(r'(src|href)="(https?:)?//(?!doi\.org|arxiv\.org)', html)


def test_tables_scroll_in_a_box_that_the_keyboard_reaches(page):
    _, html = page
    boxes = re.findall(r'<div class="scroll" tabindex="0" role="group" aria-label="([^"]+)"><table', html)
    assert len(boxes) == html.count("<table") > 0 and len(set(boxes)) == len(boxes)


def test_the_pages_parts_are_its_second_headings(page):
    _, html = page
    parts = re.findall(r'<h2 id="([^"]+)"', html)
    assert len(parts) >= 2 and len(set(parts)) == len(parts) and "\u00b6" not in html


def test_no_notebook_writes_formulas_which_would_need_scripts_from_elsewhere():
    for source in paths.NOTEBOOKS.glob("*.ipynb"):
        cells = nbformat.read(source, as_version=4).cells
        assert not [cell.source for cell in cells if cell.cell_type == "markdown" and "$" in cell.source], source.name
