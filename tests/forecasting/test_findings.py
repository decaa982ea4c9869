import numpy as np
import pandas as pd
import pytest

from emocast import metrics
from emocast.forecasting import findings, rungs

TRUE = np.array(["neutral", "sadness"] * 20)
WRONG = np.array(["sadness", "neutral"] * 20)


def _table(*, shifts=(0.0, 2.0), references=findings.REFERENCES):
    """40 events in 10 dialogues: the model is right at random, wrong by dialogue, and as its reference by session."""
    half = np.where(np.arange(40) % 4 < 2, TRUE, WRONG)
    said = {"random": TRUE, "dialogue": WRONG, "session": half}
    rows = []
    for protocol, of_model in said.items():
        for shift in shifts:
            for model, predicted in {rungs.MODEL: of_model, **dict.fromkeys(references, half)}.items():
                event = {"utterance": [f"u{n}" for n in range(40)], "dialogue": np.repeat(list("abcdefghij"), 4)}
                marks = {"protocol": protocol, "model": model, "shift_s": shift}
                rows.append(pd.DataFrame({**event, "emotion": TRUE, "predicted": predicted, **marks}))
    return pd.concat(rows, ignore_index=True)


def test_a_model_is_held_against_both_over_all_shifts():
    table = findings.against(_table(), draws=2000, random_state=0)
    assert table["baseline"].tolist() == ["persistence"] * 3 + ["audio persistence"] * 3
    assert table["protocol"].tolist() == ["random", "dialogue", "session"] * 2
    assert set(table["n"]) == {80}
    assert table["difference"].tolist()[:3] == pytest.approx([50, -50, 0])
    assert table["verdict"].tolist()[:3] == ["above", "below", "open"]
    assert (table["low"] <= table["difference"]).all() and (table["difference"] <= table["high"]).all()


def test_the_sentence_says_what_the_table_does():
    table = findings.against(_table(references=["persistence"]), draws=2000, random_state=0)
    assert findings.finding(table, level=0.9) == (
        "On 40 events, each at 2 shifts, by 90 % intervals and tests that draw whole dialogues (tests after Holm's "
        "correction), "
        "the FC-DNN is better than persistence under random, "
        "worse than persistence under dialogue, not shown to differ from persistence under session."
    )
    table = findings.against(_table(), draws=2000, random_state=0)
    assert "under session; it is better than audio persistence under random" in findings.finding(table, level=0.95)


def test_a_protocol_that_tests_fewer_events_is_named():
    table = _table(references=["persistence"])
    fewer = table[(table["protocol"] != "dialogue") | table["dialogue"].isin(list("abcd"))]
    said = findings.finding(findings.against(fewer, draws=200, random_state=0), level=0.95)
    assert said.startswith("On 40 events (16 under dialogue), each at 2 shifts, by 95 %")


def test_one_dialogue_leaves_it_open():
    one = _table(shifts=[0.0]).assign(dialogue="a")
    with pytest.warns(UserWarning, match="no interval"):
        table = findings.against(one, draws=20, random_state=0)
    assert set(table["verdict"]) == {"open"}
    assert findings.finding(table, level=0.95).startswith("On 40 events, by 95 %")


def test_an_interval_beside_zero_is_not_enough_where_the_adjusted_test_does_not_reject(monkeypatch):
    compare = metrics.compare_forecasts
    monkeypatch.setattr(
        metrics, "compare_forecasts", lambda *args, **kwargs: compare(*args, **kwargs).assign(p_holm=0.06)
    )
    table = findings.against(_table(), draws=2000, random_state=0)
    assert (table["low"].abs() > 0).any() and set(table["verdict"]) == {"open"}
