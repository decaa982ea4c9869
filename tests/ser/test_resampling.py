import numpy as np
import pandas as pd
import pytest

from emocast import metrics
from emocast.ser import resampling

OPTIONS = {"level": 0.9, "draws": 200, "random_state": 3}


@pytest.mark.parametrize(
    ("speakers", "dialogues", "expected"),
    [
        ("AABBCCDDEE", "1234512345", "speaker"),
        ("AAAABBBBCC", "1122334455", "dialogue"),  # three speakers are too few
        ("AAAABBBBCC", "1111111111", "utterance"),
        ("AABBCCDDE?", "1122334455", "dialogue"),  # one row has no speaker
        ("AAAAAAAAAA", "??????????", "utterance"),
    ],
)
def test_the_coarsest_unit_that_can_be_drawn(speakers, dialogues, expected):
    names = {"speaker": list(speakers), "dialogue": list(dialogues), "utterance": range(10)}
    rows = pd.DataFrame(names).replace("?", pd.NA)
    assert resampling.unit(rows) == expected


def test_too_few_rows_give_no_interval():
    rows = pd.DataFrame({"speaker": list("ABCD"), "dialogue": pd.NA, "utterance": range(4)})
    found = resampling.interval(rows, [1, 2, 3, 4], [1, 2, 3, 5], metric=metrics.ccc, **OPTIONS)
    assert np.isnan([found["low"], found["high"]]).all()
    assert found["interval_by"] is None


def test_whole_speakers_are_drawn():
    """Three speakers of six are always right and three always wrong: the accuracy of a draw is a number of sixths."""
    rows = pd.DataFrame({"speaker": np.repeat(list("ABCDEF"), 50), "dialogue": pd.NA, "utterance": range(300)})
    true, predicted = np.zeros(300, dtype=int), np.repeat([0, 1], 150)
    found = resampling.interval(rows, true, predicted, metric="accuracy", **OPTIONS)
    single = resampling.interval(rows, true, predicted, metric="accuracy", units=["utterance"], **OPTIONS)
    assert found["interval_by"] == "speaker"
    assert (found["low"], found["high"]) == pytest.approx((1 / 6, 5 / 6))
    assert 0.43 < single["low"] < single["high"] < 0.57
