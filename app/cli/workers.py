"""Several worker processes behind one listening socket: started, replaced where they die, stopped within a bound.

Uvicorn has a supervisor, too. Its workers outlive it when it is killed; nobody kills one that does not stop; it keeps
the listening socket open until they have stopped, so that whoever connects meanwhile waits for an answer in vain.
"""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory

from app import logs, metrics
from app.cli.server import END_SECONDS, Server
from app.settings import Settings

log = logging.getLogger("secateurs")

_LOOK_SECONDS = 0.2
# Between the ends of workers that never became ready, so that what can't start takes no processor.
_FIRST_PAUSE = 0.5
_MOST_PAUSE = 30.0
_READY = b"ready"

_processes = multiprocessing.get_context("spawn")


@dataclass(slots=True)
class _Worker:
    """A process and the pipe to it: it says there that it is ready, and sees there that we are gone."""

    process: SpawnProcess
    pipe: Connection
    ready: bool = False

    def hear(self) -> None:
        """Take note of what it has said."""
        with suppress(EOFError, OSError):
            while self.pipe.poll():
                self.ready = self.pipe.recv_bytes() == _READY or self.ready


class Supervisor:
    """Keeps so many workers alive as the settings name, until SIGTERM or SIGINT."""

    def __init__(self, settings: Settings, listening: socket, ready: Callable[[], None]) -> None:
        """Name what is served where.

        Args:
            settings: of the service.
            listening: the socket; it is closed at the end.
            ready: called once all workers are ready for the first time.
        """
        self._settings = settings
        self._listening = listening
        self._announce: Callable[[], None] | None = ready
        self._workers: list[_Worker] = []
        self._signals = 0
        self._pause = _FIRST_PAUSE
        self._start_at = 0.0

    def run(self) -> None:
        """Serve; ends the process with status 1 where a worker had to be killed."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            while not self._signals:
                self._fill_up()
                wait([worker.process.sentinel for worker in self._workers], _LOOK_SECONDS)
                self._look()
        finally:
            all_ended = self._end()
        if not all_ended:
            sys.exit(1)

    def _stop(self, *_: object) -> None:
        self._signals += 1

    def _fill_up(self) -> None:
        """Start what is missing, unless workers that don't become ready have died just now."""
        missing = self._settings.workers - len(self._workers)
        if missing and time.monotonic() >= self._start_at:
            self._workers += [self._started() for _ in range(missing)]

    def _started(self) -> _Worker:
        ours, theirs = _processes.Pipe()
        process = _processes.Process(target=work, args=(self._settings, self._listening, theirs), name="worker")
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _look(self) -> None:
        """See who is ready and who has died."""
        for worker in self._workers:
            worker.hear()
        for worker in [worker for worker in self._workers if worker.process.exitcode is not None]:
            self._workers.remove(worker)
            worker.pipe.close()
            if worker.process.pid is not None:
                metrics.forget(worker.process.pid, Path(os.environ[metrics.FOLDER]))
            self._pause = _FIRST_PAUSE if worker.ready else min(2 * self._pause, _MOST_PAUSE)
            self._start_at = time.monotonic() + (0 if worker.ready else self._pause)
            log.error("worker %s ended with %s, another one is started", worker.process.pid, worker.process.exitcode)
        if self._announce and sum(worker.ready for worker in self._workers) == self._settings.workers:
            self._announce()
            self._announce = None

    def _end(self) -> bool:
        """End all workers, at once after a second signal; whether all have ended by themselves."""
        self._listening.close()  # the workers have it still, as long as they take requests
        bound = self._settings.drain_seconds + self._settings.shutdown_seconds + 2 * END_SECONDS
        until = time.monotonic() + bound
        for worker in self._workers:
            worker.process.terminate()
        while self._alive() and self._signals < 2 and time.monotonic() < until:
            wait([worker.process.sentinel for worker in self._alive()], _LOOK_SECONDS)
        left = self._alive()
        for worker in left:
            log.error("worker %s did not stop, it is killed", worker.process.pid)
            worker.process.kill()
            worker.process.join()
        # One that was still starting is ended by the signal itself.
        return not left and all(worker.process.exitcode in (0, -signal.SIGTERM) for worker in self._workers)

    def _alive(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.process.exitcode is None]


@contextmanager
def shared_metrics() -> Iterator[None]:
    """A folder in which workers share their metrics, unless the environment names one; it is for one run."""
    if metrics.FOLDER in os.environ:
        yield
        return
    with TemporaryDirectory(prefix="secateurs-metrics-") as folder:
        os.environ[metrics.FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[metrics.FOLDER]


def work(settings: Settings, listening: socket, pipe: Connection) -> None:
    """A worker's whole life."""
    os.setpgrp()  # Ctrl-C is for the supervisor
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    logs.configure(settings.log_level, settings.log_format)
    threading.Thread(target=_end_with, args=(pipe,), daemon=True).start()
    Server(settings, lambda: pipe.send_bytes(_READY)).run(sockets=[listening])


def _end_with(pipe: Connection) -> None:
    """Stop when the supervisor is gone, however it went."""
    with suppress(EOFError, OSError):
        pipe.recv_bytes()
    os.kill(os.getpid(), signal.SIGTERM)
