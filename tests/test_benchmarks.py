"""The benchmarks run, on small sizes, and say what they measured; how fast anything is they tell a person, not a test."""

import time

import numpy as np
import pandas as pd
import pytest
from benchmarks import examining, measure, reading


def test_ways_are_timed_in_turn():
    order = []
    ways = {"slow": lambda: (order.append("slow"), time.sleep(0.2)), "quick": lambda: order.append("quick")}
    seconds = measure.rounds(ways, number=3, warm=False)
    assert order == ["slow", "quick"] * 3
    assert (seconds["slow"] >= 0.2).all() and (seconds["quick"] < 0.2).all()


def test_a_process_of_its_own_tells_its_peak():
    code = "block = bytearray(int(arguments[0]) * 10**6)\nresult = {'length': len(block)}"
    small, large = (measure.apart(code, size) for size in (1, 200))
    assert large["length"] == 200 * 10**6
    assert 150 < large["peak_mb"] - small["peak_mb"] < 250


def test_a_line_is_straight_and_a_bend_is_seen():
    sizes = np.array([1, 2, 4])
    assert measure.straight(sizes, 3.0 * sizes + 1) == pytest.approx((3.0, 0.0))
    assert measure.straight(sizes, sizes**2.0)[1] > 0.05


def test_a_section_shows_every_figure():
    table = pd.DataFrame([{"way": "ours", "windows": 32241, "seconds": 1.23456}])
    text = measure.Result("A title", table, ["What was done."]).markdown()
    assert text.splitlines()[-3:] == ["| way | windows | seconds |", "| --- | --- | --- |", "| ours | 32,241 | 1.235 |"]
    assert "## A title" in text and "What was done." in text


def test_a_warm_store_is_read_and_checked(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "EVENTS", 30)
    monkeypatch.setattr(reading, "ROUNDS", 1)
    row = reading.warm(tmp_path).table.iloc[0]
    assert (row["embeddings"], row["files"]) == (151 * 3, 151)


def test_a_copy_is_examined_as_often_as_it_says(tmp_path, monkeypatch):
    monkeypatch.setattr(examining, "FILES", 40)
    monkeypatch.setattr(examining, "ROUNDS", 1)
    found = examining.examining(tmp_path)
    assert found.table["files"].eq(40).all() and len(found.table) == 3
    assert len(list((tmp_path / "clips" / "wav").iterdir())) == len(examining._plain(tmp_path / "clips")) == 40
