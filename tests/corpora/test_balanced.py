"""The thesis's balanced test sets: its sizes (section 5.1) test that the labels are read as it read them."""

import numpy as np
import pandas as pd
import pytest

from emocast import labels, sample
from emocast.corpora import cremad, emodb, shemo


def balanced(emotion, *, seed=0):
    table = pd.DataFrame({"emotion": labels.four_classes(emotion)})
    return sample.undersample(table, classes=labels.FOUR, random_state=seed)


def each(size):
    return dict.fromkeys(labels.FOUR, size)


@pytest.mark.parametrize(("column", "size", "total"), [("self_reported", 1087, 4348), ("rated", 353, 1412)])
def test_cremad(real, column, size, total):
    chosen = balanced(cremad.votes(real("cremad"))[column])
    assert chosen["emotion"].value_counts().to_dict() == each(size)
    assert len(chosen) == total


def test_emodb(real):
    chosen = balanced(emodb.load(real("emodb"))["emotion"])
    assert chosen["emotion"].value_counts().to_dict() == each(62)
    assert len(chosen) == 248


def test_shemo_by_its_published_counts():
    codes = shemo.COUNTS["codes"]
    emotion = pd.Series(np.repeat([shemo.LABELS[code] for code in codes], list(codes.values())))
    chosen = balanced(emotion)
    assert chosen["emotion"].value_counts().to_dict() == each(201)
    assert len(chosen) == 804


def test_the_seed_fixes_the_draw(real):
    rated = cremad.votes(real("cremad"))["rated"]
    first, again, other = (balanced(rated, seed=seed).index for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)
