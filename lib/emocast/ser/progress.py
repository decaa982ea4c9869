"""Progress of trainings that run side by side in processes of their own: a bar for each, drawn by the one that waits."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.managers import SyncManager
from queue import Queue
from typing import Any

from tqdm import tqdm

_END = None
_SECONDS = 1.0  # a bar is drawn at most so often


@dataclass
class Reporter:
    """What a training calls after each step; it can be sent to another process.

    Attributes:
        name: the training's name.
        queue: where the bars listen.
    """

    name: str
    queue: Queue

    def __call__(self, done: int, total: int, text: str) -> None:
        """Tell how many steps are done of how many, and what to show beside the bar."""
        self.queue.put((self.name, done, total, text))


@contextmanager
def bars() -> Iterator[Any]:
    """Show bars while the block runs; however it ends, they end with it.

    Yields:
        A function: the name of a training -> its `Reporter`, which tells nobody any more when the block has ended.
    """
    with multiprocessing.get_context("spawn").Manager() as manager:
        yield from _listen(manager)


def _listen(manager: SyncManager) -> Iterator[Any]:
    """Draw in a thread what other processes put into a queue of the manager."""
    queue = manager.Queue()
    listener = threading.Thread(target=_draw, args=(queue,), daemon=True)
    listener.start()
    try:
        yield lambda name: Reporter(name, queue)
    finally:
        queue.put(_END)
        listener.join()


def _draw(queue: Queue) -> None:
    """Move the bars until the end is told."""
    shown: dict[str, tqdm] = {}
    while (message := queue.get()) is not _END:
        name, done, total, text = message
        if name not in shown:
            shown[name] = tqdm(total=total, desc=name, unit="step", position=len(shown), mininterval=_SECONDS)
        shown[name].set_postfix_str(text, refresh=False)
        shown[name].update(done - shown[name].n)
        if done == total:
            shown[name].refresh()
            shown[name].close()
    for bar in shown.values():
        bar.close()  # of a training that failed
