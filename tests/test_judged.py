"""A verdict may move where its interval ends near the limit, and nowhere else; the words beside it follow."""

import pandas as pd
import pytest

from emocast import judged
from emocast.forecasting import claim_words, verdicts

WITHIN = claim_words.CLAIMS["calibrated"].measure
GAIN = claim_words.CLAIMS["persistence"].measure


def claim(low, high, *, measure="accuracy", limit=0.0, p_holm=None, claim="It forecasts", **other):
    """A row as `claims.table` writes it; a verdict and words of its own unless others are given."""
    value = (low + high) / 2
    rule = {"limit": limit} if measure == WITHIN else {"limit": limit, "p_value": p_holm}
    verdict = other.pop("verdict", (verdicts.within if measure == WITHIN else verdicts.above)(low, high, **rule))
    said = verdicts.said(value, low, high, p_value=p_holm, unit="points")
    words = {
        "evidence": said + (f"; limit {limit:.1f}" if limit else ""),
        "verdict": verdict,
        "meaning": f"Hence {verdict}.",
    }
    numbers = {"value": value, "low": low, "high": high, "limit": limit, "p_holm": p_holm}
    return {"claim": claim, **words, "protocol": "dialogue", "shift_s": 0, "measure": measure, **numbers, **other}


def ahead(value, *, verdict):
    """A row of how far ahead the claim "It forecasts" holds."""
    said = "at no shift" if value is None else f"up to {value} s"
    nothing = {"low": None, "high": None, "evidence": f"{said}; asked at 0, 5 s"}
    return (
        claim(0, 0, claim="How far ahead it forecasts", measure="the longest shift", verdict=verdict)
        | nothing
        | {"value": value}
    )


@pytest.fixture
def compared(tmp_path):
    """Compare rows, and say which columns are not as they may be."""

    def compare(then, now, *, name="07_is_it_forecasting/claims", exact=False):
        files = [tmp_path / side / f"{name}.csv" for side in ("reference", "run")]
        for file, rows in zip(files, (then, now), strict=True):
            file.parent.mkdir(parents=True, exist_ok=True)
            pd.DataFrame(rows).to_csv(file, index=False, float_format="%.6g")
        return [finding.column for finding in judged.table(files[1], files[0], exact=exact) if finding.fails]

    return compare


@pytest.mark.parametrize(
    ("then", "now", "found"),
    [
        (claim(1, 9), claim(-1, 7), []),
        (claim(5, 13), claim(-1, 7), ["verdict"]),
        (claim(-3, 5), claim(1, 9), []),
        (claim(-5, 3), claim(1, 9), ["verdict"]),
        (claim(-9, 3), claim(-13, -1), []),
        (claim(-5, 5), claim(-11, -1), ["verdict"]),
        (claim(1, 2), claim(-2, -1), []),
        (claim(1, 9), claim(-9, -1), ["verdict"]),
        (claim(35, 43, limit=33.3333), claim(33, 41, limit=33.3333), []),
        (claim(38, 46, limit=33.3333), claim(33, 41, limit=33.3333), ["verdict"]),
        (claim(0, 5.1, measure=WITHIN, limit=5), claim(0, 4.9, measure=WITHIN, limit=5), []),
        (claim(0, 10.1, measure=WITHIN, limit=5), claim(0, 4.9, measure=WITHIN, limit=5), ["verdict"]),
        (claim(6, 14, p_holm=0.02), claim(5, 13, p_holm=0.2), []),
        (claim(6, 14, p_holm=0.002), claim(5, 13, p_holm=0.2), ["verdict"]),
        (claim(-6, 2, p_holm=0.02), claim(1, 9, p_holm=0.002), ["verdict"]),
    ],
)
def test_a_verdict_may_move_where_the_end_that_decides_is_near_the_limit(compared, then, now, found):
    assert compared([then], [now]) == found
    assert compared([then], [then]) == []


@pytest.mark.parametrize("verdict", ["supported", "contradicted", "proved"])
def test_a_verdict_is_what_its_own_numbers_give_however_near_they_are(compared, verdict):
    assert compared([claim(-1, 9)], [claim(-1, 9, verdict=verdict)]) == ["verdict"]
    assert compared([claim(-1, 9, p_holm=0.2)], [claim(1, 9, p_holm=0.2, verdict=verdict)]) == ["verdict"]


def test_an_end_that_stands_on_the_limit_may_be_read_both_ways(compared):
    row = claim(33.3333, 43, limit=33.3333)
    others = [{**row, "verdict": verdict, "meaning": verdict} for verdict in (verdicts.SUPPORTED, verdicts.NOT_SHOWN)]
    assert [compared(others, others), compared(others, others[::-1])] == [[], []]
    row = claim(0, 5, measure=WITHIN, limit=5)
    assert compared([row], [{**row, "verdict": verdicts.NOT_SHOWN, "meaning": "another"}]) == []


def test_how_far_ahead_may_move_where_the_same_claim_at_the_shortest_shift_may(compared):
    now = [claim(-1, 7), ahead(None, verdict="not shown")]
    assert compared([claim(1, 9), ahead(5, verdict="supported")], now) == []
    assert compared([claim(5, 13), ahead(5, verdict="supported")], now) == ["verdict", "verdict"]
    assert compared([claim(5, 13), ahead(5, verdict="supported")], [claim(5, 13), ahead(0, verdict="supported")]) == []
    assert compared([ahead(5, verdict="supported")], [ahead(None, verdict="supported")]) == ["verdict"]


def test_the_meaning_goes_with_the_verdict(compared):
    then, now = claim(1, 9), claim(-1, 7)
    assert compared([then], [{**then, "meaning": "More."}]) == ["meaning"]
    assert compared([then], [{**now, "meaning": then["meaning"]}]) == ["meaning"]


@pytest.mark.parametrize(
    "said",
    [
        "+5.0 points (1.0 to 9.5), p = 0.020",
        "+5.0 points (1.0 to 9.0), p < 0.001",
        "+5.0 points (1.0 to 9.0)",
        "+5.0 points (1.0 to 9.0), p = 0.020; against nobody",
        "much better",
    ],
)
def test_the_evidence_is_the_sentence_with_the_rows_own_numbers(compared, said):
    then = claim(1, 9, p_holm=0.02)
    assert compared([then], [claim(1.2, 9.4, p_holm=0.0004)]) == []
    assert compared([then], [{**then, "evidence": said}]) == ["evidence"]


def test_how_far_ahead_says_its_value_and_where_it_was_asked(compared):
    then = ahead(5, verdict="supported")
    for said in ("up to 10 s; asked at 0, 5 s", "up to 5 s; asked at 0, 10 s", "at no shift; asked at 0, 5 s"):
        assert compared([then], [{**then, "evidence": said}]) == ["evidence"]


def test_the_rungs_verdicts_follow_the_same_rule(compared):
    then, near, far = ({"protocol": "random", "low": low, "high": 9, "p_holm": 0.001} for low in (2, -0.1, 5))
    now = near | {"verdict": "open"}
    name = "05_time_shift_sweep/ladder_differences"
    assert compared([then | {"verdict": "above"}], [now], name=name) == []
    assert compared([far | {"verdict": "above"}], [now], name=name) == ["verdict"]
    assert compared([far | {"verdict": "above"}], [far | {"verdict": "below"}], name=name) == ["verdict"]


def test_exactly_no_word_may_move(compared):
    assert compared([claim(1, 9)], [claim(-1, 7)], exact=True) == ["verdict", "meaning", "evidence"]
    assert compared([claim(1, 9)], [claim(1, 9)], exact=True) == []


def test_other_rows_and_other_tables_are_left_to_those_who_compare_them(compared):
    assert compared([claim(5, 13)], [claim(5, 13)] * 2) == []
    assert compared([claim(5, 13)], [claim(-5, 3)], name="07_is_it_forecasting/scores") == []


def test_the_rules_know_the_claims_that_are_made():
    claims = {key: {"claim": claim.text, "measure": claim.measure} for key, claim in claim_words.CLAIMS.items()}
    assert [key for key, row in claims.items() if judged._is_within(row)] == ["calibrated", "encoder"]
    rows = [row | {"protocol": "dialogue"} for row in claims.values()]
    decided = {row["claim"]: judged._deciding(row, rows)["claim"] for row in rows if judged._asks_how_far(row)}
    assert len(decided) == 3 and not set(decided) & set(decided.values())
