"""How work is computed: once (results are kept by their inputs), by how many threads, on which device, on which machines."""

from __future__ import annotations

import ast
import functools
import hashlib
import os
import pickle
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import joblib
from threadpoolctl import threadpool_limits

from . import paths

#: Number formats that a profile or a caller may ask for; "auto" is answered by `precision`.
PRECISIONS = ("auto", "fp32", "bf16")

EXECUTORS = ("local", "dask")
#: The environment variables that the Makefile sets.
EXECUTOR, SCHEDULER = "EMOCAST_EXECUTOR", "EMOCAST_SCHEDULER"
#: What the Makefile sets besides for the embedded profiles, so that other machines take the same sums.
_LIMITS = ("ONEDNN_MAX_CPU_ISA", "MKL_CBWR", "OPENBLAS_CORETYPE")
_PATIENCE_S = 10.0  # how long a scheduler, and then its workers, may take to answer


@dataclass(frozen=True)
class Cache:
    """A folder of kept results; processes beside each other may share it, and a killed run goes on where it was.

    The key is joblib's hash of the arguments and of the process's `arithmetic`; what a result depends on besides (code, library
    versions) the caller puts among them. In `joblib.Memory` two processes that notice changed code at the same time trip over
    each other's files.
    """

    folder: Path

    def cache(self, function: Callable, *, ignore: Sequence[str] = ()) -> Callable:
        """The twin of a module's function that computes each result once, and takes positional arguments.

        `ignore` names arguments on which the result does not depend.
        """
        return functools.partial(_kept, self.folder, function, tuple(ignore))


def _kept(folder: Path, function: Callable, ignore: tuple[str, ...], *arguments: Any) -> Any:
    named = signature(function).bind(*arguments).arguments
    key = joblib.hash(({name: value for name, value in named.items() if name not in ignore}, arithmetic()))
    file = folder / function.__module__ / function.__name__ / f"{key}.pkl"
    try:
        return joblib.load(file)
    except FileNotFoundError:
        pass
    except (OSError, EOFError, ValueError, KeyError, IndexError, pickle.UnpicklingError):
        file.unlink(missing_ok=True)  # damaged on the disk: computed anew
    result = function(*arguments)
    with paths.replacing(file) as partial_file:
        joblib.dump(result, partial_file)
    return result


def memory(profile: str) -> Cache:
    """The cache of a profile, under `outputs/<profile>/.cache`; safe to delete at any time."""
    return Cache(paths.cache_folder(profile))


def file_digest(path: Path | str) -> str:
    """SHA-256 of a file's bytes, as hexadecimal."""
    digest = hashlib.sha256()  # `hashlib.file_digest` is of Python 3.11, and 3.10 is supported
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def code_digest(*modules: str) -> str:
    """SHA-256 of what modules or packages of this project compute, so that changed code finds no old results.

    They are given as paths below `lib/emocast`: "audio.py", "forecasting". Taken of the syntax trees without docstrings:
    mending a comment, a docstring or the layout of a line changes nothing.
    """
    digest = hashlib.sha256()
    for module in modules:
        path = Path(__file__).parent / module
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(_tree(file, file.stat().st_mtime_ns).encode())
    return digest.hexdigest()


@functools.lru_cache(maxsize=256)
def _tree(file: Path, changed: int) -> str:
    """A module's syntax tree as text; `changed`, the file's date, is part of the key under which it stays in memory."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return ast.dump(tree)


@contextmanager
def torch_threads(number: int | None) -> Iterator[None]:
    """Hold torch to so many threads (None: as they are) inside the block, and give them back.

    A sum that more threads share differs in its last digits, and processes side by side need few.
    """
    import torch  # here, as below: its import takes seconds, and who keeps results or hands out pieces needs none of it

    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch and the linear algebra below NumPy to one thread inside the block."""
    import torch

    # threadpoolctl reaches OpenMP and BLAS libraries; the MKL linked into torch only follows torch's own call.
    with torch_threads(None), threadpool_limits(limits=1):  # torch's own number is noted before the limit hides it
        torch.set_num_threads(1)
        yield


def arithmetic() -> tuple[str, ...]:
    """By which instructions of the processor this process takes its sums, "AVX2" first of all, and what limits the libraries.

    With others the last digits differ, and a network that is trained on them becomes another one.
    """
    import torch

    return torch.backends.cpu.get_cpu_capability(), *(os.environ.get(name, "") for name in _LIMITS)


def best_device() -> str:
    """The device to compute on, in PyTorch's names: "cuda" where there is one, otherwise "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def precision(wanted: str = "auto") -> str:
    """The format wanted, one of `PRECISIONS`; for "auto" bf16 where the processor or GPU computes in it, otherwise fp32."""
    if wanted not in PRECISIONS:
        raise ValueError(f"no precision {wanted!r}; there is {', '.join(PRECISIONS)}")
    if wanted != "auto":
        return wanted
    import torch

    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    # torch has no public question for this; elsewhere than on x86 oneDNN would emulate
    return "bf16" if torch.backends.mkldnn.is_available() and torch.cpu._is_avx512_bf16_supported() else "fp32"


class ExecutorError(ValueError):
    """The executor is unknown, its scheduler does not answer, or has no workers."""


def executor() -> str:
    """Where the environment asks for pieces to be computed: one of `EXECUTORS`. ExecutorError where it says another."""
    name, address = os.environ.get(EXECUTOR) or "local", os.environ.get(SCHEDULER, "")
    if name not in EXECUTORS:
        raise ExecutorError(f"no executor {name!r}: EXECUTOR is one of {', '.join(EXECUTORS)}")
    if name == "dask" and not re.fullmatch(r"\w+://\S+:\d+", address):
        raise ExecutorError(
            f"EXECUTOR=dask needs SCHEDULER=tcp://host:port, the address that `dask scheduler` prints; found {address!r}"
        )
    return name


@contextmanager
def pieces(function: Callable, arguments: Iterable[tuple], *, jobs: int, threaded: bool) -> Iterator[Iterator[Any]]:
    """Compute a function on pieces of work, side by side: joblib runs them on this machine or on a Dask cluster.

    `EXECUTOR=dask SCHEDULER=tcp://host:8786 make reproduce` sends them to a cluster whose workers see the same folders under
    the same paths; its scheduler gives a dead worker's pieces to another one.

    Args:
        function: a function of a module, so that other processes find it.
        arguments: what it is given for each piece: plain tuples of plain values. Large objects joblib's Dask backend would
            put on one worker, and lose them with that worker.
        jobs: pieces side by side on this machine; a cluster has its own number.
        threaded: whether threads do on this machine; processes otherwise.

    Yields:
        The results as they come, in no order.
    """
    tasks = (joblib.delayed(function)(*one) for one in arguments)
    if executor() == "local":
        backend = "threading" if threaded else "loky"
        yield joblib.Parallel(n_jobs=jobs, backend=backend, return_as="generator_unordered")(tasks)
        return
    from distributed import Client  # here: its import takes a second, and few use it

    address = os.environ[SCHEDULER]
    try:
        client = Client(address, set_as_default=False, timeout=_PATIENCE_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise ExecutorError(
            f"no Dask scheduler answers at {address}: start `dask scheduler` there ({error})"
        ) from error
    with client, joblib.parallel_config("dask", client=client, wait_for_workers_timeout=_PATIENCE_S):
        try:
            results = joblib.Parallel(n_jobs=-1, return_as="generator_unordered")(tasks)
        except TimeoutError as error:
            raise ExecutorError(
                f"the Dask scheduler at {address} has no workers: start `dask worker {address}`"
            ) from error
        yield results
