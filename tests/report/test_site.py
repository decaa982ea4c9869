"""The page of a profile: what ran, what did not and why, and what may be done with it."""

import json
import re

import nbformat
import pytest

from emocast import paths, profile, report, requirements


@pytest.fixture
def home(monkeypatch, tmp_path):
    """The outputs of the smoke profile with one finished notebook."""
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path))
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    _finished(tmp_path / "smoke" / "01_x")
    return tmp_path / "smoke"


def _finished(folder):
    folder.mkdir(parents=True)
    cells = [nbformat.v4.new_markdown_cell(f"# Is {folder.name} <b>asked</b>?")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{folder.name}.ipynb")
    told = {"notebook": folder.name, "figures": [], "tables": [], "notes": ["x < y"], "seconds": 1.0}
    (folder / "manifest.json").write_text(json.dumps(told))


def written(**options):
    return report.write_page(profile.load("smoke"), **options).read_text(encoding="utf-8")


def test_words_of_notebooks_are_shown_and_never_run(home):
    page = written()
    assert "Is 01_x &lt;b&gt;asked&lt;/b&gt;?" in page and "x &lt; y" in page


def test_a_skipped_notebook_stands_there_with_its_reasons_until_it_ran(home):
    requirements.note_skipped(home, "03_y", ["iemocap: no IEMOCAP under <there>"])
    page = written()
    assert "Not run" in page and "<strong>03_y</strong>" in page and "under &lt;there&gt;" in page
    requirements.note_skipped(home, "03_y", [])
    assert "Not run" not in written()


def test_another_corpus_has_a_page_of_its_own_that_the_first_links(home):
    variant = paths.variant({"corpus": "meld"})
    _finished(home / variant / "03_y")
    page = written(variant=variant)
    assert "Is 03_y" in page and "01_x" not in page
    assert f'href="{variant.as_posix()}/index.html"' in written()


def test_the_page_on_licences_has_every_link_that_it_shows(home):
    written()
    page = (home / "licences.html").read_text(encoding="utf-8")
    links = re.findall(r'href="([^"]+)"', page)
    anchors, files = ({link for link in links if re.match(kind, link)} for kind in ("#", r"(?!#|https?:)"))
    assert len(anchors) >= 5 and {anchor[1:] for anchor in anchors} <= set(re.findall(r'id="([^"]+)"', page))
    assert {"index.html", "LICENSE", "CITATION.cff"} <= files and all((home / file).is_file() for file in files)
    assert "<h2" in page and "<table>" in page and "](" not in re.sub(r"(?s)<pre>.*?</pre>", "", page)


def test_every_model_with_a_card_has_a_page_that_the_run_links(home):
    for name in ("start", "regression-without-Ses05"):
        (home / "models" / name).mkdir(parents=True)
        (home / "models" / name / "MODEL_CARD.md").write_text(
            f"# Model {name}\n\n| a | b |\n| --- | --- |\n| <x> | 1 |\n"
        )
        (home / "models" / name / "training.json").write_text("{}")
    written()
    links = re.findall(r'href="(model_[^"]+)">([^<]+)<', (home / "run.html").read_text(encoding="utf-8"))
    assert links == [(f"model_{name}.html", name) for name in ("regression-without-Ses05", "start")]
    page = (home / "model_start.html").read_text(encoding="utf-8")
    assert "Model start</h1>" in page and "<table>" in page and "&lt;x&gt;" in page
