"""Threads that compute side by side, each on one core.

torch by itself shares each operation between all cores. A small model has hundreds of them in a pass, and at the end of
each the cores wait for the slowest, spinning. Whole batches on a core each wait once. With all-MiniLM-L6-v2 on 2 cores
that takes three quarters of the time, and where other programs want the cores too a third of it (benchmarks/LOG.md).
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from pruning.errors import ModelError, reason

Item = TypeVar("Item")
Done = TypeVar("Done")


class Workers:
    """Threads for the batches of all callers.

    Attributes:
        number: how many there are.
    """

    def __init__(self, device: str) -> None:
        """Start them: as many as torch computes with on a processor, one for a device that shares work out itself.

        Raises RuntimeError where the system gives no more threads.
        """
        import torch

        self.number = torch.get_num_threads() if device == "cpu" else 1
        self._of_process = os.getpid(), _start(self.number)

    def map(self, work: Callable[[Item], Done], items: Iterable[Item]) -> Iterator[Done]:
        """What `work` makes of each item, in order.

        Items are taken as they are begun, and few at a time: so a long call doesn't shut out a short one, and where
        taking an item raises an error no further one is begun.

        Raises ModelError where a fork can't start threads of its own.
        """
        begun: deque[Future[Done]] = deque()
        pool = self._pool()
        try:
            for item in items:
                begun.append(pool.submit(work, item))
                if len(begun) > self.number:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()

    def _pool(self) -> ThreadPoolExecutor:
        """Those of this process: a fork has the pool's memory, but none of its threads. Raises ModelError."""
        process, pool = self._of_process
        if process != os.getpid():
            try:
                pool = _start(self.number)
            except RuntimeError as error:
                raise ModelError(f"no threads could be started to embed in: {reason(error)}") from error
            self._of_process = os.getpid(), pool
        return pool


def _start(number: int) -> ThreadPoolExecutor:
    """So many threads, all of them begun. Raises RuntimeError."""
    import torch

    everyone = threading.Barrier(number)

    def begin() -> None:
        if number > 1:
            torch.get_num_threads()  # a thread's first call takes the common number, whatever was set before
            torch.set_num_threads(1)
        with suppress(threading.BrokenBarrierError):  # who starts them is told, and they end
            everyone.wait()

    pool = ThreadPoolExecutor(number, "embedding", begin)
    try:
        for started in [pool.submit(int) for _ in range(number)]:
            started.result()
    except RuntimeError:
        everyone.abort()
        pool.shutdown(cancel_futures=True)
        raise
    finally:
        if number > 1:
            torch.set_num_threads(number)  # for threads that others begin: the last call counts for them
    return pool
