import re

import pytest

from emocast import corpora, licences, paths, profile

CORPORA = sorted({*corpora.NAMES, "meld"})
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
    monkeypatch.setattr(licences, "PAGE", tmp_path / "LICENCES.md")
    return lambda text: licences.PAGE.write_text(text, "utf-8")


def in_one_line():
    return " ".join(licences.PAGE.read_text("utf-8").split())


def named_by_paper():
    paper = profile.load("paper")
    encoders = [paper.encoder, paper.baseline, *paper.embeddings.compared, *paper.contrastive.models.values()]
    return [name for name in encoders if ":" in name] + [paper.ser.source, *paper.ser.candidates]


def records(text):
    """The (kind, key, fields) of each BibTeX record; what does not parse is an AssertionError."""
    found, rest = [], text.strip()
    while rest:
        start = re.match(r"@(\w+)\{([\w-]+),", rest)
        assert start, f"no record begins here: {rest[:60]!r}"
        end = closing(rest, rest.index("{"))
        found.append((start[1], start[2], fields(rest[start.end() : end])))
        rest = rest[end + 1 :].strip()
    return found


def fields(body):
    found, rest = {}, body.strip()
    while rest:
        start = re.match(r"(\w+)\s*=\s*\{", rest)
        assert start and start[1] not in found, f"no new field begins here: {rest[:60]!r}"
        end = closing(rest, start.end() - 1)
        found[start[1]] = rest[start.end() : end]
        rest = rest[end + 1 :]
        assert rest.startswith(",") or not rest.strip(), f"no comma before: {rest[:60]!r}"
        rest = rest[1:].strip()
    return found


def closing(text, opening):
    """Where the brace at `opening` is closed."""
    depth = 0
    for at in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    raise AssertionError(f"a brace is never closed: {text[:60]!r}")


@pytest.mark.parametrize("name", CORPORA)
def test_every_corpus_has_an_entry(name):
    entry = licences.of(name)
    assert (entry.name, entry.kind) == (name, "corpus")
    assert len(entry.licence) > 5 and entry.source.startswith("http")


@pytest.mark.parametrize("name", corpora.NAMES)
def test_a_corpus_is_cited_as_its_module_cites_it(name):
    doi = re.search(r"doi\.org/(\S+?)\.?$", corpora.get(name).CITATION)[1]
    ((_, _, found),) = records(licences.of(name).bibtex)
    assert found["doi"] == doi


@pytest.mark.parametrize("name", named_by_paper())
def test_every_checkpoint_that_paper_names_has_an_entry(name):
    entry = licences.of(name)
    assert entry.kind == "checkpoint" and entry.name in name
    assert entry.licence and entry.source.startswith("https://") and entry.bibtex


def test_what_is_used_beside_them_has_an_entry_too():
    for name in (
        "roberta-base",
        "gpt2",
        "emotion2vec/emotion2vec_plus_large",
        "emotion2vec:emotion2vec/emotion2vec_base",
    ):
        assert licences.of(name).kind == "checkpoint"
    assert licences.of("espeak-ng").licence == "GPL-3.0-or-later"


def test_the_table_has_one_row_an_entry():
    table = licences.entries()
    assert {"name", "kind", "licence", "source", "bibtex"} <= set(table.columns)
    assert set(table["kind"]) == {"corpus", "checkpoint", "synthesiser"}
    assert table["name"].is_unique and (table[["licence", "source", "bibtex"]] != "").all(axis=None)


def test_a_line_says_what_which_licence_and_where(page):
    page(SECTION + BIBTEX)
    assert licences.of("mine").line == "Mine (mine): CC0; see https://a.org"
    assert licences.of("my own") == licences.of("mine")


def test_the_tables_at_a_glance_list_the_entries():
    text = licences.PAGE.read_text("utf-8")
    for heading, kind in licences.KINDS.items():
        chapter = re.search(rf"^## {heading}\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]
        listed = re.findall(r"^\| `(.+?)` \|", chapter, re.MULTILINE)
        table = licences.entries()
        assert listed == table.loc[table["kind"] == kind, "name"].to_list()


def test_bibtex_parses_with_unique_keys_and_what_each_kind_needs():
    found = records(licences.bibtex())
    keys = [key for _, key, _ in found]
    assert len(keys) == len(set(keys)) > len(licences.entries())
    for kind, key, held in found:
        assert REQUIRED[kind] <= set(held), key
        assert re.fullmatch(r"(19|20)\d\d", held["year"]), key
        assert {"doi", "eprint", "howpublished", "institution"} & set(held), f"{key} cannot be found"


def test_an_unlisted_name_says_what_to_do():
    with pytest.raises(KeyError, match=r"no licence of 'data/checkpoints/mine' in data/LICENCES\.md.*add a section"):
        licences.of("data/checkpoints/mine")


def test_a_section_that_lacks_something_is_named(page):
    for key in ("Name", "Licence", "Source"):
        page(re.sub(rf"- \*\*{key}.*\n", "", SECTION) + BIBTEX)
        with pytest.raises(ValueError, match=rf"section 'Mine', has no line '- \*\*{key}\*\*"):
            licences.entries()
    for blocks in (0, 2):
        page(SECTION + BIBTEX * blocks)
        with pytest.raises(ValueError, match=f"section 'Mine', has {blocks} fenced blocks"):
            licences.of("mine")


def test_the_page_says_what_the_law_forbids():
    text = in_one_line()
    for said in (
        "Article 5(1)(f) forbids placing on the market, putting into service for this specific purpose, or using",
        "infer the emotions of a natural person in the areas of workplace and education institutions",
        "intended for medical or safety reasons. It has applied since 2 February 2025",
        "Annex III, point 1(c)",
        "Article 50(3)",
        "Regulation (EU) 2024/1689, <https://eur-lex.europa.eu/eli/reg/2024/1689/oj>",
        "Regulation (EU) 2016/679",
        "10.1177/1529100619832930",
    ):
        assert said in text, said


def test_the_page_tells_the_numbers_of_the_modules():
    text = in_one_line()
    iemocap, cremad, emodb, shemo = (corpora.get(name) for name in ("iemocap", "cremad", "emodb", "shemo"))
    codes, votes, sexes = iemocap.COUNTS["codes"], cremad.COUNTS["votes"], shemo.COUNTS["speakers"]
    men, women = (list(emodb.SPEAKERS.values()).count(sex) for sex in ("male", "female"))
    for said in (
        f"{codes['xxx']:,} of {sum(codes.values()):,} turns",
        f"{cremad.COUNTS['utterances']:,} clips (42 %); {votes['tie']} are ties, and {votes['N']:,} sound neutral",
        f"| EmoDB | {men + women} actors: {women} women, {men} men | German |",
        f"{emodb.COUNTS['utterances']} recordings",
        f"{sum(sexes.values())} speakers: {sexes['female']} women, {sexes['male']} men | Persian",
        f"{shemo.COUNTS['codes']['F']} of {shemo.COUNTS['utterances']:,} utterances are fear",
    ):
        assert said in text, said


def test_links_within_the_checkout_lead_somewhere():
    text = licences.PAGE.read_text("utf-8")
    headings = {re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in re.findall(r"^#+ (.*)$", text, re.M)}
    links = re.findall(r"\]\((?!http)(.+?)\)", text)
    assert links
    for link in links:
        assert link[1:] in headings if link.startswith("#") else (licences.PAGE.parent / link).is_file(), link


def test_the_reference_run_holds_figures_and_tables_only():
    assert {path.suffix for path in paths.REFERENCE.rglob("*") if path.is_file()} == {".csv", ".png"}
