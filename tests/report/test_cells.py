"""A notebook's page: its figures have names and texts, and nothing in it is from elsewhere or can run."""

import re

import nbformat
import pytest

import reference_site
from emocast import paths
from emocast.report import cells, finished, markup


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    home = tmp_path_factory.mktemp("outputs")
    reference_site.finish(home, notebooks=["05_time_shift_sweep"])
    run = finished.read(home)[0]
    return run, cells.to_html(run)


def test_every_figure_is_a_file_with_its_caption_and_an_id(page):
    run, html = page
    assert len(run.figures) >= 3
    for figure in run.figures:
        assert f'<figure id="{finished.anchor(figure["name"])}"' in html
        (image,) = re.findall(rf'<img [^>]*src="{figure["name"]}.png"[^>]*>', html)
        assert f'alt="What {figure["name"]} shows, &lt;as&gt; it was drawn."' in image
        assert figure["link"].endswith(f"#{finished.anchor(figure['name'])}")
    assert "data:image" not in html


def test_a_figure_with_a_table_of_its_name_offers_it(page):
    run, html = page
    assert 'href="sweep.csv"' in html
    assert {figure["name"]: figure["table"] for figure in run.figures}["sweep"] == "sweep"


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
    parts = dict((str(text), id) for id, text in markup.parts(html))
    assert len(parts) >= 2 and all(f'id="{id}"' in html for id in parts.values()) and "\u00b6" not in html


def test_no_notebook_writes_formulas_which_would_need_scripts_from_elsewhere():
    for source in paths.NOTEBOOKS.glob("*.ipynb"):
        cells_ = nbformat.read(source, as_version=4).cells
        assert not [cell.source for cell in cells_ if cell.cell_type == "markdown" and "$" in cell.source], source.name
