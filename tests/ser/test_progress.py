"""Bars hear of trainings in other processes, and end with the block however it ends."""

import multiprocessing
import os
import threading

import joblib
import pytest

from emocast.ser import progress


def test_two_processes_move_two_bars(capsys):
    def training(report, together):
        together.wait(60)  # neither goes on before both run
        for done in (1, 2, 3):
            report(done, 3, f"by {os.getpid()}")
        return os.getpid()

    with multiprocessing.get_context("spawn").Manager() as manager, progress.bars() as reporter:
        together = manager.Barrier(2)
        jobs = [joblib.delayed(training)(reporter(name), together) for name in ("one", "two")]
        processes = joblib.Parallel(n_jobs=2)(jobs)
    assert len({os.getpid(), *processes}) == 3
    last = capsys.readouterr().err.replace("\r", "\n").splitlines()
    for name, process in zip(("one", "two"), processes, strict=True):
        (bar,) = {
            line.split("[")[0].strip() for line in last if name in line and f"by {process}" in line and "3/3" in line
        }
        assert bar.split("|")[0] == f"{name}: 100%"


def test_an_error_in_the_block_ends_the_listener(capsys):
    """In a thread of its own, so that a listener that never ends fails this test and does not stop it."""
    listeners = []

    def block():
        before = set(threading.enumerate())
        with pytest.raises(RuntimeError, match="oops"), progress.bars() as reporter:
            listeners.extend(set(threading.enumerate()) - before)
            reporter("one")(1, 2, "")
            raise RuntimeError("oops")

    waits = threading.Thread(target=block, daemon=True)
    waits.start()
    waits.join(60)
    assert not waits.is_alive(), "the block hangs"
    assert len(listeners) >= 1 and not any(thread.is_alive() for thread in listeners)
    assert "one:  50%" in capsys.readouterr().err
