"""The same pieces wherever they are computed, and one clear error where they cannot be. A real cluster: see test_dask."""

import os
import socket
import threading

import pytest
from distributed import LocalCluster

from emocast import executor, labels


def squared(number):
    return number * number, threading.current_thread() is threading.main_thread()


def computed(arguments=((2,), (3,), (4,)), function=squared, **options):
    with executor.pieces(function, arguments, **{"jobs": 1, "threaded": True, **options}) as results:
        return list(results)


@pytest.mark.parametrize("name", [None, "", "local"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_threads_of_this_machine_compute_every_piece(monkeypatch, name, jobs):
    monkeypatch.delenv(executor.EXECUTOR, raising=False)
    if name is not None:
        monkeypatch.setenv(executor.EXECUTOR, name)
    results = computed(jobs=jobs)
    assert sorted(result for result, _ in results) == [4, 9, 16]
    assert {alone for _, alone in results} == {jobs == 1}


def test_processes_do_where_threads_do_not():
    """The function is the project's own, since worker processes cannot import a test."""
    arguments = [(["sadness", "anger"],)] * 3
    assert computed(arguments, labels.ordered, jobs=2, threaded=False) == [labels.ordered(*arguments[0])] * 3
    assert os.getpid() not in computed([()] * 2, os.getpid, jobs=2, threaded=False)


def test_results_come_as_they_are_ready():
    """A bar moves, and what is done is kept, before the last piece is."""
    begun = []
    with executor.pieces(lambda number: begun.append(number) or number, [(1,), (2,)], jobs=1, threaded=True) as results:
        assert next(results) == 1
        assert begun == [1]


def test_an_error_of_a_piece_reaches_the_caller():
    with pytest.raises(TypeError):
        computed([(2,), ("two",)], jobs=2)


def test_an_unknown_executor_is_refused_with_those_there_are(monkeypatch):
    monkeypatch.setenv(executor.EXECUTOR, "slurm")
    with pytest.raises(executor.ExecutorError, match="no executor 'slurm': EXECUTOR is one of local, dask"):
        computed()


@pytest.mark.parametrize("address", ["", "tcp://127.0.0.1", "127.0.0.1:port"])
def test_a_cluster_needs_an_address(monkeypatch, address):
    monkeypatch.setenv(executor.EXECUTOR, "dask")
    monkeypatch.setenv(executor.SCHEDULER, address)
    with pytest.raises(executor.ExecutorError, match="EXECUTOR=dask needs SCHEDULER=tcp://host:port"):
        computed()


def closed_port():
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{place.getsockname()[1]}"


@pytest.mark.parametrize("address", ["closed", "nonsense://127.0.0.1:1"])
def test_an_address_at_which_nobody_listens_is_named(monkeypatch, address):
    address = closed_port() if address == "closed" else address
    monkeypatch.setattr(executor, "_PATIENCE_S", 1.0)
    monkeypatch.setenv(executor.EXECUTOR, "dask")
    monkeypatch.setenv(executor.SCHEDULER, address)
    with pytest.raises(executor.ExecutorError, match=f"no Dask scheduler answers at {address}: start `dask scheduler`"):
        computed()


def test_a_scheduler_without_workers_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(executor, "_PATIENCE_S", 1.0)
    monkeypatch.setenv(executor.EXECUTOR, "dask")
    with LocalCluster(n_workers=0, dashboard_address=None, local_directory=str(tmp_path), silence_logs=60) as cluster:
        address = cluster.scheduler_address
        monkeypatch.setenv(executor.SCHEDULER, address)
        with pytest.raises(executor.ExecutorError, match=f"{address} has no workers: start `dask worker {address}`"):
            computed()
