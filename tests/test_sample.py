import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from emocast.sample import undersample, undersampled_positions

# Excitement events of IEMOCAP with an onset of 10 s or later; 977 is what the preprint's test sizes imply. The other
# classes only have to be larger: here their counts in the whole corpus (Busso et al. 2008, by majority vote).
COUNTS = {"excitement": 977, "sadness": 1084, "neutral": 1708, "anger": 1103, "frustration": 1849}


@pytest.fixture
def events():
    emotions = np.repeat(list(COUNTS), list(COUNTS.values()))
    return pd.DataFrame({"emotion": np.random.default_rng(0).permutation(emotions)})


@pytest.mark.parametrize(
    ("classes", "n_test"),
    [
        (["excitement", "sadness"], 391),
        (["excitement", "sadness", "neutral"], 587),
        (["excitement", "sadness", "neutral", "anger"], 782),
    ],
)
def test_published_test_sizes(events, classes, n_test):
    """Tables 1 to 3 of the preprint have supports of 391, 587 and 782 events."""
    sample = undersample(events, classes=classes, random_state=0)
    assert sample["emotion"].value_counts().to_dict() == dict.fromkeys(classes, 977)
    assert len(train_test_split(sample, test_size=0.2, random_state=0)[1]) == n_test


def test_order_and_index_are_kept(events):
    sample = undersample(events, classes=["anger", "sadness"], random_state=0)
    assert sample.index.is_monotonic_increasing and sample.index.is_unique
    assert sample["emotion"].equals(events.loc[sample.index, "emotion"])
    positions = undersampled_positions(events["emotion"], classes=["anger", "sadness"], random_state=0)
    assert np.array_equal(positions, sample.index)


def test_seed_fixes_the_draw(events):
    first, again, other = (
        undersample(events, classes=["anger", "sadness"], random_state=seed).index for seed in (1, 1, 2)
    )
    assert first.equals(again)
    assert not first.equals(other)


def test_draw_is_even_over_the_table():
    """Every row of the larger class has the same chance: a cut at the front would be a cut of sessions."""
    table = pd.DataFrame({"emotion": ["anger"] * 20 + ["sadness"] * 10})
    drawn = np.zeros(20)
    for seed in range(400):
        sample = undersample(table, classes=["anger", "sadness"], random_state=seed)
        drawn[sample.index[sample["emotion"] == "anger"]] += 1
    assert np.abs(drawn / 400 - 0.5).max() < 0.12


def test_rows_without_a_class_are_dropped():
    table = pd.DataFrame({"emotion": pd.array(["anger", None, "sadness", "fear"], dtype="string")})
    assert undersample(table, classes=["anger", "sadness"], random_state=0).index.tolist() == [0, 2]


def test_missing_class_is_named(events):
    with pytest.raises(ValueError, match=r"no row of the class 'fear'.*'excitement': 977"):
        undersample(events, classes=["excitement", "fear"], random_state=0)


@pytest.mark.parametrize("classes", [[], ["anger", "anger"]])
def test_faulty_classes_are_named(events, classes):
    with pytest.raises(ValueError, match="classes in play"):
        undersample(events, classes=classes, random_state=0)
