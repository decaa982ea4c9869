import math

import pytest

from emocast.forecasting import claim_words, verdicts
from emocast.forecasting.verdicts import CONTRADICTED, NOT_SHOWN, SUPPORTED


@pytest.mark.parametrize(
    ("low", "high", "p_value", "verdict"),
    [
        (0.1, 3, None, SUPPORTED), (-1, 3, None, NOT_SHOWN), (-3, -0.1, None, CONTRADICTED),
        (0.1, 3, 0.05, SUPPORTED), (0.1, 3, 0.06, NOT_SHOWN), (-3, -0.1, 0.06, NOT_SHOWN), (-3, -0.1, 0.01, CONTRADICTED),
        (0, 3, None, NOT_SHOWN), (math.nan, math.nan, None, NOT_SHOWN),
    ],
)  # fmt: skip
def test_above_needs_the_whole_interval_and_the_test(low, high, p_value, verdict):
    assert verdicts.above(low, high, p_value=p_value) == verdict
    assert verdicts.above(low + 50, high + 50, limit=50, p_value=p_value) == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0, 5, SUPPORTED), (0, 6, NOT_SHOWN), (5.1, 9, CONTRADICTED), (math.nan, math.nan, NOT_SHOWN)],
)
def test_within_needs_the_whole_interval_below_the_limit(low, high, verdict):
    assert verdicts.within(low, high, limit=5) == verdict


def test_evidence_in_words():
    assert verdicts.said(3.14, -1, 7.2, p_value=0.21, unit="points") == "+3.1 points (-1.0 to 7.2), p = 0.210"
    assert verdicts.said(45.678, 40, 50) == "45.7 % (40.0 to 50.0)"
    assert verdicts.said(1, math.nan, math.nan, p_value=0.0002) == "1.0 % (no interval), p < 0.001"


def test_every_claim_has_a_sentence_for_every_verdict():
    for claim in claim_words.CLAIMS.values():
        assert len({claim.meaning(verdict) for verdict in verdicts.VERDICTS}) == 3
        assert "{apart}" in claim.text
