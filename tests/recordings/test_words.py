"""The sentences and counts that stand beside a picture."""

import numpy as np
import pandas as pd
import pytest

from emocast.recordings import words


@pytest.fixture
def table():
    """Ten seconds at shift 0: neutral up to 14, then sadness; 18 and 19 are not answered, nothing was heard at 12."""
    second = np.arange(10.0, 20.0)
    frame = pd.DataFrame({"second": second, "shift_s": 0.0, "about_s": second, "agreement": 0.75})
    frame["forecast"] = np.where(second < 15, "neutral", "sadness")
    for name in ("neutral", "excitement", "sadness"):
        frame[f"p_{name}"] = 0.2 + 0.4 * (frame["forecast"] == name)
    frame["why"] = np.where(second >= 18, "unsure", "")
    frame.loc[2, ["forecast", "why"]] = ["", "silent"]
    return frame.assign(abstains=frame["why"] != "")


def test_answers_are_counted(table):
    row = words.answers(table).iloc[0]
    assert (row["windows"], row["answered"], row["unsure"], row["silent"], row["unlike"]) == (10, 0.7, 0.2, 0.1, 0)
    assert row["forecast_neutral"] == pytest.approx(4 / 7) and row["forecast_sadness"] == pytest.approx(3 / 7)
    assert row["forecast_excitement"] == 0


def test_turns_are_held_against_what_was_said_before_they_began(table, forecaster):
    turns = pd.DataFrame(
        {
            "start_s": [5.0, 11.4, 12.5, 16.0, 18.5, 19.2],
            "emotion": ["neutral", "neutral", "neutral", "anger", "sadness", "neutral"],
        }
    )
    row = words.against(table, turns, forecaster).iloc[0]
    # 5.0: before the first forecast; 12.5: nothing was heard at 12; 16.0: anger has no name
    assert tuple(row[["turns", "answered", "hit", "answered_hit"]]) == (3, 1, 2, 1)
    assert words.against(table, None, forecaster).empty


def test_times_are_told_as_clocks():
    assert [words.clock(seconds) for seconds in (0, 65, 3599.6, 10_803)] == ["0:00", "1:05", "1:00:00", "3:00:03"]


def test_three_shifts_are_shown():
    assert words.shown_shifts([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]) == [0, 10, 20]
    assert words.shown_shifts([5]) == [5]


def test_nothing_answered_is_said(table):
    silent = words.answers(table.assign(abstains=True, why="unsure")).iloc[0]
    assert words._told(silent, ["neutral"]) == '"I do not know" 100 % of the time (too unsure 100 %)'
