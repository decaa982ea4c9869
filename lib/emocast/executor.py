"""Where work is computed that is cut into pieces: in this machine's threads or processes, or on a Dask cluster.

joblib runs the pieces in any case. `EXECUTOR=dask SCHEDULER=tcp://host:8786 make reproduce` sends them to a cluster whose
workers see the same folders under the same paths; its scheduler gives a dead worker's pieces to another one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import joblib

EXECUTORS = ("local", "dask")
#: The environment variables that the Makefile sets.
EXECUTOR, SCHEDULER = "EMOCAST_EXECUTOR", "EMOCAST_SCHEDULER"
_ADDRESS = re.compile(r"\w+://\S+:\d+")
_PATIENCE_S = 10.0  # how long a scheduler, and then its workers, may take to answer


class ExecutorError(ValueError):
    """The executor is unknown, its scheduler does not answer, or has no workers."""


def asked() -> str:
    """Where the environment asks for pieces to be computed: one of `EXECUTORS`. Nobody is called.

    Raises:
        ExecutorError: there is no such executor, or its address is none.
    """
    name, address = os.environ.get(EXECUTOR) or "local", os.environ.get(SCHEDULER, "")
    if name not in EXECUTORS:
        raise ExecutorError(f"no executor {name!r}: EXECUTOR is one of {', '.join(EXECUTORS)}")
    if name == "dask" and not _ADDRESS.fullmatch(address):
        raise ExecutorError(
            f"EXECUTOR=dask needs SCHEDULER=tcp://host:port, the address that `dask scheduler` prints; found {address!r}"
        )
    return name


@contextmanager
def pieces(function: Callable, arguments: Iterable[tuple], *, jobs: int, threaded: bool) -> Iterator[Iterator[Any]]:
    """Compute a function on pieces of work, side by side.

    Args:
        function: a function of a module, so that other processes find it.
        arguments: what it is given for each piece: plain tuples of plain values, which joblib's Dask backend sends along
            with the piece. Large objects it would put on one worker, and lose them with that worker.
        jobs: pieces side by side on this machine; a cluster has its own number.
        threaded: whether threads do on this machine; processes otherwise.

    Yields:
        The results as they come, in no order.

    Raises:
        ExecutorError: see there.
    """
    name = asked()
    tasks = (joblib.delayed(function)(*one) for one in arguments)
    if name == "local":
        backend = "threading" if threaded else "loky"
        yield joblib.Parallel(n_jobs=jobs, backend=backend, return_as="generator_unordered")(tasks)
        return
    options = {"backend": "dask", "wait_for_workers_timeout": _PATIENCE_S}
    with _client() as client, joblib.parallel_config(client=client, **options):
        try:
            results = joblib.Parallel(n_jobs=-1, return_as="generator_unordered")(tasks)
        except TimeoutError as error:
            address = client.scheduler.address
            raise ExecutorError(
                f"the Dask scheduler at {address} has no workers: start `dask worker {address}`"
            ) from error
        yield results


@contextmanager
def _client() -> Iterator[Any]:
    address = os.environ[SCHEDULER]
    from distributed import Client  # here: its import takes a second, and few use it

    try:
        client = Client(address, set_as_default=False, timeout=_PATIENCE_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise ExecutorError(
            f"no Dask scheduler answers at {address}: start `dask scheduler` there ({error})"
        ) from error
    with client:
        yield client
