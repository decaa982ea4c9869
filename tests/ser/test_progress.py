"""Bars hear of trainings in other processes, and end with the block however it ends."""

import threading

import joblib
import pytest

from emocast.ser import progress


def test_two_processes_move_two_bars(capsys):
    with progress.bars() as reporter:
        jobs = [
            joblib.delayed(reporter(name))(done, 3, f"loss {done}") for name in ("one", "two") for done in (1, 2, 3)
        ]
        joblib.Parallel(n_jobs=2)(jobs)
    said = capsys.readouterr().err
    for name in ("one", "two"):
        assert f"{name}: 100%" in said
    assert "3/3" in said and "loss 3" in said


def test_an_error_in_the_block_ends_the_listener():
    before = threading.active_count()
    with pytest.raises(RuntimeError, match="oops"), progress.bars() as reporter:
        reporter("one")(1, 2, "")
        raise RuntimeError("oops")
    assert threading.active_count() <= before
