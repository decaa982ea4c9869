"""Work is computed once and found again by what it depends on; the same pieces come back wherever they are computed."""

import os

import joblib
import numpy as np
import pytest
import torch
from distributed import LocalCluster

from emocast import compute, labels


def double(values, note):
    """A function of a module, so that other processes find it; it leaves a trace of each call."""
    with note.open("a") as file:
        file.write("called\n")
    return 2 * values


@pytest.fixture
def note(tmp_path):
    path = tmp_path / "calls"
    path.touch()
    return path


def calls(note):
    return len(note.read_text().splitlines())


def test_a_result_is_computed_once(tmp_path, note):
    twin = compute.Cache(tmp_path / "kept").cache(double)
    for _ in range(2):
        np.testing.assert_array_equal(twin(np.arange(3), note), [0, 2, 4])
    assert calls(note) == 1
    twin(np.arange(4), note)
    assert calls(note) == 2
    twin = compute.Cache(tmp_path / "kept").cache(double, ignore=["note"])
    assert twin(1, note) == twin(1, tmp_path / "another") == 2
    assert calls(note) == 3
    with pytest.raises(TypeError):
        twin(None, note)
    assert len(list((tmp_path / "kept").rglob("*.pkl"))) == 3, "an error is not kept"


def test_what_other_instructions_computed_is_not_found(tmp_path, note, monkeypatch):
    """A kernel without the Makefile's limits trains other networks: a run with them must not take these for its own."""
    twin = compute.Cache(tmp_path / "kept").cache(double)
    for limit in ("", "AVX2", ""):
        monkeypatch.setenv("MKL_CBWR", limit)
        twin(1, note)
    assert calls(note) == 2
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "another")
    twin(1, note)
    assert calls(note) == 3


@pytest.mark.parametrize("damage", [b"", b"words", None])
def test_a_damaged_result_is_computed_anew(tmp_path, note, damage):
    twin = compute.Cache(tmp_path / "kept").cache(double)
    twin(np.arange(3), note)
    (file,) = (tmp_path / "kept").rglob("*.pkl")
    file.write_bytes(file.read_bytes()[:-20] if damage is None else damage)
    np.testing.assert_array_equal(twin(np.arange(3), note), [0, 2, 4])
    assert calls(note) == 2
    np.testing.assert_array_equal(joblib.load(file), [0, 2, 4])


def test_processes_side_by_side_may_share_it(tmp_path):
    """The function is the project's own, since worker processes cannot import a test."""
    twin = compute.Cache(tmp_path / "kept").cache(labels.ordered)
    values = [[emotion, "neutral"] for emotion in labels.EMOTIONS[1:6]] * 12
    results = joblib.Parallel(n_jobs=4)(joblib.delayed(twin)(value) for value in values)
    assert results == [labels.ordered(value) for value in values]
    assert len(list((tmp_path / "kept").rglob("*.pkl"))) == 5
    assert not list((tmp_path / "kept").rglob(".writing-*"))


MODULE = '''"""A module."""
import math
class Sum:
    """A sum."""
    def add(self, a, b=1):
        """Add."""
        return a + b
'''
SAME = {
    "a mended docstring": MODULE.replace("A sum.", "A sum of two numbers: see `add`."),
    "no docstring": MODULE.replace('    """A sum."""\n', ""),
    "a comment and another layout": MODULE.replace("return a + b", "return (\n            a + b)  # the sum"),
}
OTHER = {
    "another number": MODULE.replace("b=1", "b=2"),
    "another name": MODULE.replace("def add", "def plus"),
    "a text that is no docstring": MODULE + '\nWORDS = "A sum."\n',
}


@pytest.mark.parametrize("text", [*SAME.values(), *OTHER.values()], ids=[*SAME, *OTHER])
def test_a_code_digest_is_of_what_is_computed_and_not_of_what_is_said(tmp_path, monkeypatch, text):
    monkeypatch.setattr(compute, "__file__", str(tmp_path / "compute.py"))
    (tmp_path / "some.py").write_text(MODULE)
    before = compute.code_digest("some.py")
    (tmp_path / "some.py").write_text(text)
    os.utime(tmp_path / "some.py", ns=(1, 1))
    assert (compute.code_digest("some.py") == before) == (text in SAME.values())


def test_a_code_digest_tells_modules_apart_and_refuses_what_is_not_there():
    one = compute.code_digest("audio.py")
    assert one == compute.code_digest("audio.py") != compute.code_digest("audio.py", "forecasting")
    with pytest.raises(FileNotFoundError):
        compute.code_digest("no_such_module.py")


@pytest.mark.parametrize(
    ("hold", "inside"),
    [(compute.one_thread, 1), (lambda: compute.torch_threads(1), 1), (lambda: compute.torch_threads(None), 2)],
)
def test_threads_are_held_and_given_back(hold, inside):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with hold():
            assert torch.get_num_threads() == inside
        assert torch.get_num_threads() == 2
        with pytest.raises(RuntimeError, match="oops"), hold():
            raise RuntimeError("oops")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_auto_precision_is_one_that_this_machine_computes_in():
    assert compute.precision("fp32") == "fp32" and compute.precision("bf16") == "bf16"
    assert compute.precision("auto") in {"fp32", "bf16"}
    with pytest.raises(ValueError, match="no precision 'half'; there is auto, fp32, bf16"):
        compute.precision("half")


def squared(number):
    return number * number


def computed(arguments=((2,), (3,), (4,)), function=squared, **options):
    with compute.pieces(function, arguments, **{"jobs": 1, "threaded": True, **options}) as results:
        return list(results)


def test_threads_or_processes_compute_every_piece():
    """The function is the project's own, since worker processes cannot import a test."""
    for jobs in (1, 2):
        assert sorted(computed(jobs=jobs)) == [4, 9, 16]
    arguments = [(["sadness", "anger"],)] * 3
    assert computed(arguments, labels.ordered, jobs=2, threaded=False) == [labels.ordered(*arguments[0])] * 3
    assert os.getpid() not in computed([()] * 2, os.getpid, jobs=2, threaded=False)


def test_results_come_as_they_are_ready():
    """A bar moves, and what is done is kept, before the last piece is."""
    begun = []
    with compute.pieces(lambda number: begun.append(number) or number, [(1,), (2,)], jobs=1, threaded=True) as results:
        assert next(results) == 1
        assert begun == [1]
    with pytest.raises(TypeError):
        computed([(2,), ("two",)], jobs=2)


@pytest.fixture
def dask(monkeypatch):
    monkeypatch.setattr(compute, "_PATIENCE_S", 1.0)
    monkeypatch.setenv(compute.EXECUTOR, "dask")


def test_an_executor_that_cannot_be_is_refused(dask, monkeypatch):
    for address in ("", "tcp://127.0.0.1", "127.0.0.1:port"):
        monkeypatch.setenv(compute.SCHEDULER, address)
        with pytest.raises(compute.ExecutorError, match="EXECUTOR=dask needs SCHEDULER=tcp://host:port"):
            computed()
    monkeypatch.setenv(compute.EXECUTOR, "slurm")
    with pytest.raises(compute.ExecutorError, match="no executor 'slurm': EXECUTOR is one of local, dask"):
        computed()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://127.0.0.1:1"])
def test_an_address_at_which_nobody_listens_is_named(dask, monkeypatch, address):
    monkeypatch.setenv(compute.SCHEDULER, address)
    with pytest.raises(compute.ExecutorError, match=f"no Dask scheduler answers at {address}: start `dask scheduler`"):
        computed()


def test_a_scheduler_without_workers_is_named(dask, monkeypatch, tmp_path):
    with LocalCluster(n_workers=0, dashboard_address=None, local_directory=str(tmp_path), silence_logs=60) as cluster:
        address = cluster.scheduler_address
        monkeypatch.setenv(compute.SCHEDULER, address)
        with pytest.raises(compute.ExecutorError, match=f"{address} has no workers: start `dask worker {address}`"):
            computed()
