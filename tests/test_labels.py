import pandas as pd
import pytest

from emocast import corpora, labels


def test_every_emotion_has_a_colour_of_its_own():
    assert set(labels.COLOURS) == set(labels.EMOTIONS)
    assert len(set(labels.COLOURS.values())) == len(labels.EMOTIONS)


def test_ordered_keeps_the_projects_order_and_drops_repeats():
    assert labels.ordered(["anger", "neutral", "anger", "sadness"]) == ["neutral", "sadness", "anger"]


def test_ordered_names_what_it_does_not_know():
    with pytest.raises(ValueError, match="'joy'"):
        labels.ordered(["joy"])


@pytest.mark.parametrize("name", corpora.NAMES)
def test_corpora_map_to_the_vocabulary(name):
    assert set(corpora.get(name).labels.values()) - {None} <= set(labels.EMOTIONS)


def test_four_classes_count_excitement_as_happiness_and_drop_the_rest():
    emotion = pd.Series(
        ["neutral", "excitement", "happiness", "sadness", "anger", "frustration", None], index=range(3, 10)
    )
    four = labels.four_classes(emotion)
    assert four.dropna().tolist() == ["neutral", "happiness", "happiness", "sadness", "anger"]
    assert four.index.equals(emotion.index)
    assert four.dtype == "string"
    assert set(labels.FOUR) == set(four.dropna())
    assert labels.ordered(labels.FOUR) == list(labels.FOUR)
