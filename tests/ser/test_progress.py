"""Bars hear of trainings in other processes, and end with the block however it ends."""

import os
import re
import threading
import time

import joblib
import pytest
from tqdm import tqdm

from emocast.ser import progress


def listeners():
    """The threads that draw bars."""
    return [thread for thread in threading.enumerate() if "_draw" in thread.name]


def test_two_processes_move_two_bars(capsys):
    def tell(report):
        for done in (1, 2, 3):
            report(done, 3, f"process {os.getpid()}")

    with progress.bars() as reporter:
        joblib.Parallel(n_jobs=2)(joblib.delayed(tell)(reporter(name)) for name in ("one", "two"))
    said = capsys.readouterr().err
    for name in ("one", "two"):
        (process,) = set(re.findall(rf"{name}: 100%[^\r\n]* 3/3 [^\r\n]*process (\d+)", said))
        assert int(process) != os.getpid()
    assert not open_bars(), "no bar is left open"


def test_a_bar_shows_where_a_training_goes_on_and_where_it_stopped(capsys):
    """The first thing that is told of a resumed training is not step 1, and nothing says that the last one comes."""
    with progress.bars() as reporter:
        reporter("resumed")(7, 10, "loss 0.7")
        reporter("resumed")(8, 10, "loss 0.6")
    last = capsys.readouterr().err.strip().split("\r")[-1]
    assert "resumed:  80%" in last and "8/10" in last and "loss 0.6" in last
    assert not open_bars()


def test_a_bar_ends_with_its_training_while_others_go_on():
    with progress.bars() as reporter:
        reporter("short")(1, 2, "")
        reporter("long")(1, 3, "")
        assert soon(lambda: open_bars() == {"short", "long"})
        reporter("short")(2, 2, "")
        assert soon(lambda: open_bars() == {"long"})
    assert not open_bars()


def open_bars():
    """The names of the bars that are drawn at this moment."""
    with tqdm.get_lock():  # the listener adds and removes bars
        return {bar.desc for bar in tqdm._instances}


def soon(holds):
    """Whether something comes true within five seconds: what is told takes a moment to be drawn."""
    end = time.monotonic() + 5
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    return holds()


def test_an_error_in_the_block_ends_listener_and_bars(capsys):
    with pytest.raises(RuntimeError, match="oops"), progress.bars() as reporter:
        reporter("one")(1, 2, "")
        assert len(listeners()) == 1
        raise RuntimeError("oops")
    assert not listeners() and not open_bars()
    assert "one:  50%" in capsys.readouterr().err, "what was told before is shown"


def test_an_error_in_another_process_ends_the_block():
    def fail(report):
        report(1, 2, "")
        raise ValueError("no sound")

    with pytest.raises(ValueError, match="no sound"), progress.bars() as reporter:
        joblib.Parallel(n_jobs=2)(joblib.delayed(fail)(reporter(name)) for name in ("one", "two"))
    assert not listeners() and not open_bars()
