"""Large pages are read in a process of their own: it can be killed at its time limit, and holds nobody else's lock.

The child is a plain `python -m pruning.isolate` that speaks pickles over its pipes: it needs no guard in the caller's
main module, as `multiprocessing` would, and it is kept for the next page.
"""

import atexit
import pickle
import subprocess
import sys
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import IO, Any

from pruning.document import Limits, Page
from pruning.errors import PageError, PageTimeout, SecateursError
from pruning.nodes import NodeTable
from pruning.parse import node_table

_START_SECONDS = 10.0  # a child's start costs 0.3 s; on a machine under load more


def read_page(page: Page, limits: Limits | None = None, *, links: bool = False) -> NodeTable:
    """Parse and clean a page, in another process if it is large. May be called from many threads.

    Args:
        page: the page as it arrived.
        limits: what it may cost; from `isolate_over` bytes it is read in a process of its own.
        links: keep links.

    Raises:
        PageError: the page exceeds a limit.
    """
    limits = limits or Limits()
    if len(page.html) <= limits.isolate_over:
        return node_table(page, limits, links=links)
    return _POOL.run(page, limits, links)


class _Pool:
    """Idle children, each used by one thread at a time. As many live as pages are read at once."""

    def __init__(self) -> None:
        self._idle: SimpleQueue[_Child] = SimpleQueue()

    def run(self, page: Page, limits: Limits, links: bool) -> NodeTable:
        child = self._take()
        try:
            answer = child.ask((page, limits, links), limits.seconds + _START_SECONDS)
        except BaseException:
            child.kill()
            raise
        self._idle.put(child)
        if isinstance(answer, SecateursError):
            raise answer
        return answer

    def _take(self) -> "_Child":
        while True:
            try:
                child = self._idle.get_nowait()
            except Empty:
                return _Child()
            if child.is_alive():
                return child
            child.kill()

    def close(self) -> None:
        """End all idle children."""
        while True:
            try:
                self._idle.get_nowait().kill()
            except Empty:
                return


class _Child:
    """One process that reads pages."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pruning.isolate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: tuple[Page, Limits, bool], seconds: float) -> Any:
        """The child's answer: a table, or the error that it met.

        Raises:
            PageTimeout: no answer in time; the child is dead then.
            PageError: the child died by itself.
        """
        assert self._process.stdin
        assert self._process.stdout
        timer = threading.Timer(seconds, self._process.kill)
        timer.start()
        try:
            _send(self._process.stdin, request)
            return pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            if not timer.is_alive():
                raise PageTimeout(f"the page could not be parsed within {request[1].seconds:g} s") from error
            raise PageError(
                "the process that parsed the page died; the page may need more memory than there is"
            ) from error
        finally:
            timer.cancel()

    def kill(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):  # what was still to be sent has nobody to read it
                    pipe.close()
        self._process.wait()


def _send(pipe: IO[bytes], message: object) -> None:
    pickle.dump(message, pipe, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def _serve() -> None:
    """Read pages until nobody asks any more."""
    while True:
        try:
            page, limits, links = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer: object = node_table(page, limits, links=links)
        except SecateursError as error:
            answer = error
        except MemoryError:
            answer = PageError("the page needs more memory than there is")
        _send(sys.stdout.buffer, answer)


_POOL = _Pool()
atexit.register(_POOL.close)

if __name__ == "__main__":
    _serve()
