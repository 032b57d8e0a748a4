"""Threads that compute side by side, each on one core.

torch by itself shares each operation between all cores. A small model has hundreds of them in a pass, and at the end of
each the cores wait for the slowest, spinning. Whole batches on a core each wait once. With all-MiniLM-L6-v2 on 2 cores
that takes three quarters of the time, and where other programs want the cores too a third of it (benchmarks/LOG.md).
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")


class Workers:
    """Threads for the batches of all callers.

    Attributes:
        number: how many there are.
    """

    def __init__(self, device: str) -> None:
        """Start them: as many as torch computes with on a processor, one for a device that shares work out itself."""
        import torch

        self.number = torch.get_num_threads() if device == "cpu" else 1
        everyone = threading.Barrier(self.number)

        def begin() -> None:
            if self.number > 1:
                torch.get_num_threads()  # a thread's first call takes the common number, whatever was set before
                torch.set_num_threads(1)
            everyone.wait()

        self._pool = ThreadPoolExecutor(self.number, "embedding", begin)
        for started in [self._pool.submit(int) for _ in range(self.number)]:
            started.result()
        if self.number > 1:
            torch.set_num_threads(self.number)  # for threads that others begin: the last call counts for them

    def map(self, work: Callable[[Item], Done], items: Iterable[Item]) -> Iterator[Done]:
        """What `work` makes of each item, in order.

        Items are taken as they are begun, and few at a time: so a long call doesn't shut out a short one, and where
        taking an item raises an error no further one is begun.
        """
        begun: deque[Future[Done]] = deque()
        try:
            for item in items:
                begun.append(self._pool.submit(work, item))
                if len(begun) > self.number:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()
