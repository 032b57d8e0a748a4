"""Large pages are read in a process of their own: it can be killed at its time limit, and holds nobody else's lock.

The child is a plain Python that speaks pickles over its pipes: it needs no guard in the caller's main module, as
`multiprocessing` would, and it is kept for the next page. It looks for modules where its parent does.
"""

import atexit
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any, NoReturn

from pruning.document import Limits, Page
from pruning.errors import PageError, PageTimeout
from pruning.nodes import NodeTable
from pruning.parse import node_table

_START_SECONDS = 10.0  # a child's start costs 0.3 s; on a machine under load more
# The parser looks at the clock by itself; the child is killed where it does not come to it, this long after the limit.
_GRACE_SECONDS = 1.0
_MOST_IDLE = os.cpu_count() or 1  # a child takes some 60 MB

# `-P`: nothing of the folder that the caller happens to stand in is imported, unless the caller imports from it too.
_COMMAND = (
    *("-P", "-c"),
    "import sys; sys.path[:] = sys.argv[1:]; from pruning.isolate import serve; serve()",
)
_PACKAGE_ROOT = str(Path(__file__).resolve().parents[1])


def read_page(page: Page, limits: Limits | None = None, *, links: bool = False) -> NodeTable:
    """Parse and clean a page, in another process if it is large. May be called from many threads.

    Args:
        page: the page as it arrived.
        limits: what it may cost; above `isolate_over` bytes it is read in a process of its own.
        links: keep links.

    Raises:
        PageError: the page exceeds a limit.
        InvalidInput: `html` is neither text nor bytes.
    """
    limits = limits or Limits()
    if not limits.isolate_over < _bytes(page) <= limits.bytes:
        return node_table(page, limits, links=links)
    if isinstance(page.html, memoryview):
        page = replace(page, html=bytes(page.html))  # the others can be pickled
    return _POOL.run(page, limits, links)


def _bytes(page: Page) -> int:
    """The page's size; 0 for what is no page."""
    if isinstance(page.html, str) and not page.html.isascii():
        return len(page.html.encode("utf-8", "surrogatepass"))
    return len(page.html) if isinstance(page.html, str | bytes | bytearray | memoryview) else 0


class _Pool:
    """Idle children, each used by one thread at a time. As many live as pages are read at once."""

    def __init__(self) -> None:
        self._idle: SimpleQueue[_Child] = SimpleQueue()

    def run(self, page: Page, limits: Limits, links: bool) -> NodeTable:
        child = self._take()
        try:
            answer = child.ask((page, limits, links))
        except BaseException:
            child.kill()
            raise
        if self._idle.qsize() < _MOST_IDLE:
            self._idle.put(child)
        else:
            child.kill()
        if isinstance(answer, Exception):
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
        with suppress(Empty):
            while True:
                self._idle.get_nowait().kill()

    def forget(self) -> None:
        """Leave the idle children to the process that this one was forked from."""
        self._idle = SimpleQueue()


class _Child:
    """One process that reads pages."""

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(
                [sys.executable, *_COMMAND, *sys.path, _PACKAGE_ROOT],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                process_group=0,  # Ctrl-C is for the parent
            )
        except OSError as error:
            raise PageError(f"no process could be started to parse the page in: {error}") from error

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: tuple[Page, Limits, bool]) -> Any:
        """The child's answer: a table, or the error that it met.

        Raises:
            PageTimeout: no answer in time; the child is dead then.
            PageError: the child died by itself.
        """
        assert self._process.stdin
        assert self._process.stdout
        seconds = request[1].seconds
        killed_at = time.monotonic() + seconds + _GRACE_SECONDS + _START_SECONDS
        timer = threading.Timer(killed_at - time.monotonic(), self._process.kill)
        try:
            timer.start()
        except RuntimeError as error:
            raise PageError(f"no thread could be started to end the parsing of the page in time: {error}") from error
        try:
            _send(self._process.stdin, request)
            return pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            if time.monotonic() >= killed_at or self._process.wait() == -signal.SIGALRM:
                raise PageTimeout(f"the page could not be parsed within {seconds:g} s") from error
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


def serve() -> NoReturn:
    """The child's whole life: read pages until nobody asks any more.

    It ends without a word, since its parent sees it end: no traceback stands between the caller's lines.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # a parent that ignores it would have its children do so too
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints is no answer
    with suppress(EOFError, pickle.UnpicklingError, OSError, MemoryError):
        while True:
            _send(answers, _answer(*pickle.load(sys.stdin.buffer)))
    os._exit(0)


def _answer(page: Page, limits: Limits, links: bool) -> object:
    # The alarm ends the process wherever it is, even in the middle of the parser and even when its parent is gone.
    signal.setitimer(signal.ITIMER_REAL, limits.seconds + _GRACE_SECONDS)
    try:
        return node_table(page, limits, links=links)
    except MemoryError:
        return PageError("the page needs more memory than there is")
    except Exception as error:  # noqa: BLE001 - the caller meets it, as if the page had been read there
        return error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


_POOL = _Pool()
atexit.register(_POOL.close)
os.register_at_fork(after_in_child=_POOL.forget)
