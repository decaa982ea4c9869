"""The sentences and counts that stand beside a picture."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import small_forecaster
from emocast.forecaster import held_out
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


@pytest.fixture(scope="module")
def of_dialogues():
    """A forecaster that holds out dialogues of a corpus without sessions, as the README's own corpus has it."""
    windows, profile = small_forecaster.table().assign(session=None), small_forecaster.settings()
    profile = replace(profile, forecaster=replace(profile.forecaster, protocol="dialogue"))
    return small_forecaster.trained(windows, small_forecaster.embed(windows), profile)[0]


def knowing(forecaster, **encoder):
    """The forecaster with another encoder's knowledge."""
    return replace(forecaster, facts=forecaster.facts | {"data": forecaster.facts["data"] | {"encoder": encoder}})


def texts(forecaster):
    """What stands over the picture, and what the command says of the model."""
    heard = SimpleNamespace(path=SimpleNamespace(name="talk.wav"))
    return words.title(heard, forecaster), words.model(forecaster)


def test_what_was_not_heard_is_what_the_protocol_holds_out(of_dialogues, forecaster):
    for said in texts(of_dialogues):
        assert "dialogues not heard" in said and "session" not in said
    assert all("sessions not heard" in said for said in texts(forecaster))


def test_what_the_encoder_heard_is_said_where_it_heard_something(forecaster):
    for said in texts(knowing(forecaster, knows=held_out.LABELS, heard=35, events=240)):
        assert said.endswith("; but the encoder was trained on 35 of the 240 events with their labels")
    for said in texts(knowing(forecaster, knows=held_out.NOTHING, heard=0, events=240)):
        assert "encoder" not in said
    for said in texts(knowing(forecaster, knows=held_out.UNKNOWN)):
        assert said.endswith("; but whether the encoder has heard these recordings is not known")
