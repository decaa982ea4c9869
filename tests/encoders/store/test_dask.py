"""A cluster of two worker processes makes the same store, and one of them may die."""

import os
import signal
import time
from collections import Counter
from threading import Thread

import dask
import numpy as np
import pytest
from distributed import Client, LocalCluster

import watched
from emocast.encoders import store

PATIENCE_S = 180.0  # a busy machine starts processes slowly
OPTIONS = {"precision": "fp32", "progress": False}


@pytest.fixture
def cluster(processes, log, folder, tmp_path, monkeypatch):
    """A cluster of two processes of one thread, whose encoders note what they embed; this process is told its address.

    At half the shards they wait for the file `go` in the store.
    """
    quiet = {"distributed.worker.multiprocessing-method": "forkserver", "distributed.logging.distributed": "critical"}
    environment = {watched.LOG: str(log), watched.PAUSE_S: "0.1", watched.STORE: str(folder), watched.MOST: "8"}
    with (
        dask.config.set(quiet),
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(tmp_path),
            preload=[watched.__file__], env=environment, silence_logs=60,
        ) as cluster,
    ):  # fmt: skip
        monkeypatch.setenv("EMOCAST_EXECUTOR", "dask")
        monkeypatch.setenv("EMOCAST_SCHEDULER", cluster.scheduler_address)
        yield cluster


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "the cluster does not come on"
        time.sleep(0.005)


def test_a_worker_that_is_killed_costs_nothing_but_the_piece_in_hand(
    corpus, encoder, folder, tmp_path, contents, log, cluster, monkeypatch
):
    root, windows = corpus
    with monkeypatch.context() as patch:
        patch.delenv("EMOCAST_EXECUTOR")
        expected, _ = store.embed(encoder, windows, root, folder=tmp_path / "local", **OPTIONS)
    log.unlink()
    results = []
    run = Thread(  # a daemon: should it never end, the test does
        target=lambda: results.append(store.embed(encoder, windows, root, folder=folder, **OPTIONS)), daemon=True
    )
    with Client(cluster, set_as_default=False) as client:
        workers = set(client.run(os.getpid).values())
    run.start()
    wait_for(lambda: {process for process, _ in watched.lines(log)} == workers and contents(folder))
    victim = watched.lines(log)[-1][0]  # it has just begun with a piece
    os.kill(victim, signal.SIGKILL)
    assert 0 < len(contents(folder)) < 15, "the kill did not fall into the middle"
    (folder / "go").touch()
    run.join(PATIENCE_S)
    ((found, failed),) = results
    assert failed.empty
    np.testing.assert_array_equal(found, expected)
    assert contents(folder) == contents(tmp_path / "local")
    counts = Counter(name for _, name in watched.lines(log))
    assert len(counts) == len(windows)
    twice = {name for name, count in counts.items() if count > 1}
    assert twice <= {name for process, name in watched.lines(log) if process == victim}
    assert len(twice) <= 4 and max(counts.values()) <= 2
