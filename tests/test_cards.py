"""The writer of model cards: no section is forgotten, and what is said of corpora and base models is what the page says."""

import pytest

from emocast import cards, corpora

SECTIONS = dict.fromkeys(cards.SECTIONS, "said")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"Limits": None}, "Limits"), ({"Labels": []}, "Labels"), ({"Lables": "x"}, "Lables")],
)
def test_a_card_without_a_section_is_not_written(wrong, named):
    with pytest.raises(ValueError, match=f"A model: section '{named}' is missing, empty or unknown"):
        cards.text("A model", "It is one.", SECTIONS | wrong)


def test_a_card_has_its_sections_in_order_and_what_is_the_same_for_all():
    text = cards.text("A model", "It is one.", SECTIONS | {"Data": ["one", "two"]})
    headings = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert [name for name in headings if name != "Intended use"] == list(cards.SECTIONS)
    assert text.startswith("# A model\n\nIt is one.\n\n## Data\n\n- one\n- two\n\n## Labels\n\nsaid\n")
    assert "Article 5(1)(f)" in text and text.endswith("- Whom to write to: the authors in CITATION.cff\n")


def test_a_card_that_says_the_same_stays_as_it_is(tmp_path):
    path = cards.write(tmp_path, "one")
    before = path.stat().st_mtime_ns
    assert cards.write(tmp_path, "one").stat().st_mtime_ns == before
    assert cards.write(tmp_path, "two").read_text() == "two" and [file.name for file in tmp_path.iterdir()] == [
        cards.CARD
    ]


@pytest.mark.parametrize("name", corpora.NAMES)
def test_every_corpus_says_whose_labels_it_has_and_no_more(name):
    said = cards.how_labelled(corpora.get(name))
    assert said[0].isupper() and said.endswith(".") and "Licence" not in said


def test_a_corpus_of_ones_own_says_nothing_of_its_labels():
    assert cards.how_labelled(object()) == "Its loader does not say."


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
