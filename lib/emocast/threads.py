"""How many threads compute: a sum that more threads share differs in its last digits, and processes side by side need few."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def of_torch(number: int | None) -> Iterator[None]:
    """Hold torch to so many threads inside the block, and give them back: a worker may serve others afterwards.

    Args:
        number: of threads; None leaves them as they are.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one() -> Iterator[None]:
    """Hold torch and the linear algebra below NumPy to one thread inside the block."""
    # threadpoolctl reaches OpenMP and BLAS libraries; the MKL linked into torch only hears of torch's own call.
    with of_torch(None), threadpool_limits(limits=1):  # torch's own number is noted before the limit hides it
        torch.set_num_threads(1)
        yield
