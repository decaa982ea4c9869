"""Cards, and the page on licences: what both say of corpora and base models is the same, complete and true."""

import re
from dataclasses import replace

import pytest

from emocast import cards, corpora, paths, settings
from emocast.corpora import emodb as emodb_module

REQUIRED = {  # of each kind of BibTeX record
    "article": {"author", "title", "journal", "volume", "pages", "year", "doi"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "techreport": {"author", "title", "institution", "year"},
    "misc": {"author", "title", "year"},
}
SECTION = "## Corpora\n\n### Mine\n\n- **Name**: `mine`, `my own`\n- **Licence**: CC0\n- **Source**: <https://a.org>\n"
BIBTEX = "\n```bibtex\n@misc{mine,\n  title = {Mine}\n}\n```\n"


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Another page in the place of ours: call it with its text."""
    monkeypatch.setattr(cards, "PAGE", tmp_path / "LICENCES.md")
    return lambda text: cards.PAGE.write_text(text, "utf-8")


def in_one_line():
    return " ".join(cards.PAGE.read_text("utf-8").split())


def named_by_paper():
    paper = settings.load("paper")
    encoders = [paper.encoder, paper.baseline, *paper.embeddings.compared, *paper.contrastive.models.values()]
    return [name for name in encoders if ":" in name] + [paper.ser.source, *paper.ser.candidates]


def records(text):
    """The (kind, key, fields) of each BibTeX record, of two spaces before each field; all of the text must be records."""
    form = re.compile(r"@(\w+)\{([\w-]+),\n((?:  \w+\s*=\s*\{.*?\},?\n)+?)\}", re.DOTALL)
    assert not form.sub("", text).strip(), form.sub("", text)
    return [
        (kind, key, dict(re.findall(r"^  (\w+)\s*=\s*\{(.*?)\},?$", body, re.MULTILINE | re.DOTALL)))
        for kind, key, body in form.findall(text)
    ]


def test_a_card_that_says_the_same_stays_as_it_is(tmp_path):
    path = cards.write(tmp_path, "one")
    before = path.stat().st_mtime_ns
    assert cards.write(tmp_path, "one").stat().st_mtime_ns == before
    assert cards.write(tmp_path, "two").read_text() == "two"
    assert [file.name for file in tmp_path.iterdir()] == [cards.CARD]


@pytest.mark.parametrize("name", corpora.NAMES)
def test_every_corpus_says_whose_labels_it_has_and_no_more(name):
    said = cards.how_labelled(corpora.get(name))
    assert said[0].isupper() and said.endswith(".") and "Licence" not in said
    assert cards.how_labelled(replace(corpora.get(name), card="")) == "Its loader does not say."


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("handcrafted", "without weights"),
        ("transformers:facebook/wav2vec2-base@6", "Apache-2.0"),
        ("wav2vec2:demo/models/classification", "trained by a run of Emocast"),
        ("transformers:somebody/elses", "its licence is not known here"),
    ],
)
def test_a_base_model_is_named_with_its_licence(name, said):
    assert cards.base(name).startswith(f"`{name}`: ") and said in cards.base(name)


@pytest.mark.parametrize("name", corpora.NAMES)
def test_every_corpus_has_an_entry_and_is_cited_as_its_module_cites_it(name):
    entry = cards.licence_of(name)
    assert entry.names[0] == name and len(entry.licence) > 5 and entry.source.startswith("http")
    cited = re.search(r"(https://\S+?)\.?$", corpora.get(name).citation)[1].removeprefix("https://doi.org/")
    assert cited in {held.get("doi", held.get("url")) for _, _, held in records(cards.bibtex())}


@pytest.mark.parametrize(
    "name",
    [*named_by_paper(), "roberta-base", "gpt2", "openai/clip-vit-base-patch32", "emotion2vec:emotion2vec/emotion2vec_base"]
)  # fmt: skip
def test_every_checkpoint_that_is_used_has_an_entry(name):
    entry = cards.licence_of(name)
    assert entry.names[0] in name and entry.licence and entry.source.startswith("https://")


def test_entries_are_unique_and_listed_in_the_tables_at_a_glance():
    text, listed = cards.PAGE.read_text("utf-8"), []
    for heading in cards.HEADINGS:
        chapter = re.search(rf"^## {heading}\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]
        listed += re.findall(r"^\| `(.+?)` \|", chapter, re.MULTILINE)
    assert listed == [entry.names[0] for entry in cards.licences()] and len(set(listed)) == len(listed)


def test_a_line_says_what_which_licence_and_where(page):
    page(SECTION + BIBTEX)
    assert cards.licence_of("mine").line == "Mine (mine): CC0; see https://a.org"
    assert cards.licence_of("my own") == cards.licence_of("mine")


def test_bibtex_parses_with_unique_keys_and_what_each_kind_needs():
    found = records(cards.bibtex())
    keys = [key for _, key, _ in found]
    assert len(keys) == len(set(keys)) > len(cards.licences())
    for kind, key, held in found:
        assert REQUIRED[kind] <= set(held), key
        assert re.fullmatch(r"(19|20)\d\d", held["year"]), key
        assert {"doi", "eprint", "howpublished", "institution", "url"} & set(held), f"{key} cannot be found"


def test_an_unlisted_name_says_what_to_do():
    with pytest.raises(KeyError, match=r"no licence of 'data/checkpoints/mine' in data/LICENCES\.md.*add a section"):
        cards.licence_of("data/checkpoints/mine")


def test_a_section_that_lacks_something_is_named(page):
    for key in ("Name", "Licence", "Source"):
        page(re.sub(rf"- \*\*{key}.*\n", "", SECTION) + BIBTEX)
        with pytest.raises(ValueError, match="section 'Mine': it needs lines"):
            cards.licences()
    for blocks in (0, 2):
        page(SECTION + BIBTEX * blocks)
        with pytest.raises(ValueError, match=r"section 'Mine': it needs lines .* one BibTeX block"):
            cards.licence_of("mine")


def test_the_page_says_what_the_law_forbids():
    text = in_one_line()
    for said in (
        "Article 5(1)(f) forbids placing on the market, putting into service for this specific purpose, or using",
        "infer the emotions of a natural person in the areas of workplace and education institutions",
        "Annex III, point 1(c)",
        "Regulation (EU) 2024/1689, <https://eur-lex.europa.eu/eli/reg/2024/1689/oj>",
    ):
        assert said in text, said


def test_the_page_tells_the_numbers_of_the_modules():
    text, speakers = in_one_line(), emodb_module.SPEAKERS
    iemocap, cremad, emodb, shemo = (corpora.get(name) for name in ("iemocap", "cremad", "emodb", "shemo"))
    codes, votes, sexes = iemocap.counts["codes"], cremad.counts["votes"], shemo.counts["speakers"]
    men, women = (list(speakers.values()).count(sex) for sex in ("male", "female"))
    for said in (
        f"{codes['xxx']:,} of {sum(codes.values()):,} turns",
        f"{cremad.counts['utterances']:,} clips (42 %); {votes['tie']} are ties, and {votes['N']:,} sound neutral",
        f"| EmoDB | {men + women} actors: {women} women, {men} men | German |",
        f"{emodb.counts['utterances']} recordings",
        f"{sum(sexes.values())} speakers: {sexes['female']} women, {sexes['male']} men | Persian",
        f"{shemo.counts['codes']['F']} of {shemo.counts['utterances']:,} utterances are fear",
    ):
        assert said in text, said


def test_links_within_the_checkout_lead_somewhere():
    text = cards.PAGE.read_text("utf-8")
    headings = {re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in re.findall(r"^#+ (.*)$", text, re.M)}
    links = re.findall(r"\]\((?!http)(.+?)\)", text)
    assert links
    for link in links:
        assert link[1:] in headings if link.startswith("#") else (cards.PAGE.parent / link).is_file(), link


def test_the_reference_run_holds_figures_tables_and_manifests_only():
    assert {path.suffix for path in paths.REFERENCE.rglob("*") if path.is_file()} == {".csv", ".json", ".png"}
