import numpy as np
import pandas as pd
import pytest

from emocast.contrastive import prompts

WORDS = {"anger": ["angry", "cross"], "sadness": ["sad", "blue", "low"]}
TEMPLATES = ["{emotion}", "somebody {emotion} speaks"]


def test_every_word_stands_in_every_template():
    table = prompts.compose(["sadness", "anger"], TEMPLATES, WORDS)
    assert table.columns.tolist() == ["emotion", "template", "word", "text"]
    assert len(table) == 10
    assert table["emotion"].unique().tolist() == ["sadness", "anger"]
    assert table.iloc[4].tolist() == ["sadness", TEMPLATES[1], "blue", "somebody blue speaks"]


@pytest.mark.parametrize(
    ("templates", "words", "message"),
    [
        (["a voice"], WORDS, r"the template 'a voice' has no \"\{emotion\}\""),
        (TEMPLATES, {**WORDS, "anger": []}, "no word for anger"),
        ([], WORDS, "no template"),
    ],
)
def test_prompts_that_cannot_be_are_refused(templates, words, message):
    with pytest.raises(ValueError, match=message):
        prompts.compose(["sadness", "anger"], templates, words)


def test_an_ensemble_is_the_mean_of_directions_whatever_their_lengths():
    table = pd.DataFrame({"emotion": ["sadness", "sadness", "anger"]})
    made = prompts.ensemble(table, np.array([[1.0, 0.0], [0.0, 100.0], [-3.0, 0.0]]))
    np.testing.assert_allclose(made.to_numpy(), [[np.sqrt(0.5), np.sqrt(0.5)], [-1, 0]])
    assert made.index.tolist() == ["sadness", "anger"]


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_what_points_nowhere_is_refused(bad):
    with pytest.raises(ValueError, match="points nowhere"):
        prompts.unit(np.array([[1.0, 2.0], [bad, bad]]))


def test_choices_are_all_pairs_of_words_in_one_template():
    table = prompts.compose(["sadness", "anger"], TEMPLATES, WORDS)
    found = prompts.choices(table, most=100, random_state=0)
    assert len(found) == 12 == len(set(found))
    for template, places in found:
        chosen = table.iloc[list(places)]
        assert chosen["emotion"].tolist() == ["sadness", "anger"]
        assert set(chosen["template"]) == {template}


def test_of_too_many_choices_a_part_is_drawn():
    table = prompts.compose(["sadness", "anger"], TEMPLATES, WORDS)
    found = prompts.choices(table, most=4, random_state=0)
    assert len(found) == 8 == len(set(found))
    assert found == prompts.choices(table, most=4, random_state=0)
    assert found != prompts.choices(table, most=4, random_state=1)
