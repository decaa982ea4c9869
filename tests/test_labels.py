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
    assert set(corpora.get(name).LABELS.values()) - {None} <= set(labels.EMOTIONS)
