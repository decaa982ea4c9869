"""The pages for people: what they link is there, what they tell one to type works, what they print is what the code says."""

import importlib.util
import re
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest

from emocast import labels, paths, published
from emocast import settings as profiles
from emocast_run import site

PAGES = sorted([*paths.ROOT.glob("*.md"), *(paths.ROOT / "data").glob("*.md")])
MAKEFILE = (paths.ROOT / "Makefile").read_text(encoding="utf-8")
README = (paths.ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = paths.ROOT / "tests" / "examples"
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPANS = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def name(path):
    return path.relative_to(paths.ROOT).as_posix()


def anchor_of(heading):
    """A heading's name in links, as GitHub gives it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def prose(path):
    """A page without its fenced blocks, in which # begins a comment and no heading."""
    return _FENCED.sub("", path.read_text(encoding="utf-8"))


def commands(path):
    """What a page tells one to type: the lines of its fenced blocks without a language, and what stands in backticks."""
    text = path.read_text(encoding="utf-8")
    lines = [line for language, block in _FENCED.findall(text) if not language for line in block.splitlines()]
    return [line.partition("  #")[0].strip() for line in [*lines, *_SPANS.findall(prose(path))]]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_within_the_project_resolves(page):
    links = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    for target, _, anchor in (unquote(link).partition("#") for link in links if not re.match(r"\w+:", link)):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{name(page)} links {target}, which is not there"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", prose(file), re.MULTILINE)
            assert anchor in {anchor_of(heading) for heading in headings}, f"{name(page)} links {target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_target_and_variable_that_a_page_names_is_there(page):
    targets = set(re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)[1].split())
    variables = set(re.findall(r"^([A-Z]+) *\?=", MAKEFILE, re.MULTILINE)) | {"PYTHON"}
    for command in commands(page):
        words = re.sub(r'"[^"]*"', "", command).split()
        if words[:1] == ["make"] and len(words) > 1:
            named = [word for word in words[1:] if "=" not in word]
            assert set(named) <= targets | {"..."}, f"{name(page)}: {command}"
            assert {word.partition("=")[0] for word in words if "=" in word} <= variables, f"{name(page)}: {command}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_python_command_and_command_of_emocast_that_a_page_names_is_there(page, capsys):
    from emocast_run.__main__ import main

    for command in commands(page):
        module, named = re.search(r"python -m ([\w.]+)", command), re.search(r"\.venv/bin/emocast (\w+)", command)
        if module and module[1] != "pip":
            assert importlib.util.find_spec(module[1]), f"{name(page)}: {command}"
        if named:
            with pytest.raises(SystemExit) as ended:
                main([named[1], "--help"])
            assert ended.value.code == 0 and capsys.readouterr().out.startswith("usage: ")


def test_the_readme_prints_the_example_as_it_is_tested():
    blocks = dict(_FENCED.findall(README))
    assert blocks["python"] == (EXAMPLES / "my_corpus.py").read_text(encoding="utf-8")
    assert blocks["yaml"] == (EXAMPLES / "mine.yaml").read_text(encoding="utf-8")
    assert f"{', '.join(labels.EMOTIONS[:-1])} and {labels.EMOTIONS[-1]}" in README


def test_the_readme_prints_what_papers_and_reference_say(tmp_path):
    copy, number = tmp_path / "README.md", f"{100 * published.on('IEMOCAP', 'forecast-2-class', 'test_accuracy'):.1f}"
    for text in (README, README.replace(f"| {number} |", "| 99.9 |")):  # as it is, and changed by hand
        copy.write_text(text, encoding="utf-8")
        site.write_readme(copy)
        assert copy.read_text(encoding="utf-8") == README, "`make reference` writes the table anew"
    assert README.count(f"| {number} |") == 1


def test_what_the_demos_encoder_is_worth_on_people_is_said_as_it_was_computed():
    rows = pd.read_csv(paths.REFERENCE / "open" / "09_across_corpora" / "summary.csv").set_index(
        ["tested_on", "encoder"]
    )
    asked = ("wav2vec2:demo/models/classification", "handcrafted", "transformers:openai/whisper-base@3")
    found = [f"{rows.loc[('ravdess', name), 'own_speakers']:.0%}" for name in asked]
    said = re.search(
        r"on RAVDESS, speakers apart, (\d+%), where\s+hand-crafted features have (\d+%) and a layer of whisper-base (\d+%)",
        README,
    )
    assert said and list(said.groups()) == found


def test_the_readme_lists_every_notebook_with_its_question():
    listed = dict(re.findall(r"^\| \[(\w+)\]\(notebooks/\1\.ipynb\) \| (.+) \|$", README, re.MULTILINE))
    assert set(listed) == {path.stem for path in paths.NOTEBOOKS.glob("*.ipynb")}


def test_the_settings_that_the_readme_names_are_those_of_profiles(tmp_path):
    named = [span for span in _SPANS.findall(prose(Path(site.README))) if re.match(r"\w+: \S", span)]
    assert len(named) > 3
    for number, setting in enumerate(named):
        own = tmp_path / f"own{number}.yaml"
        own.write_text(f"extends: paper\n{setting}\n")
        if "mine" not in setting:  # the example's, which its own test loads
            profiles.load(str(own))
