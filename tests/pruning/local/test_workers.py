"""The threads that a model of this process computes in."""

import os
import signal
import threading
import warnings
from collections.abc import Iterator

import pytest
import torch

from pruning.errors import ModelError
from pruning.local.workers import Workers


@pytest.fixture(scope="module")
def workers() -> Workers:
    return Workers("cpu")


def _of_a_new_thread() -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def test_each_computes_on_one_core_and_nobody_else_is_held_to_that() -> None:
    """The number of torch's threads is one in the workers, and what it was in the caller's and in new threads."""
    before = torch.get_num_threads()

    workers = Workers("cpu")
    inside = set(workers.map(lambda _: torch.get_num_threads(), range(20)))

    assert (before, {1}, before, before) == (workers.number, inside, torch.get_num_threads(), _of_a_new_thread())


def test_another_device_has_one_worker_that_leaves_its_threads_alone() -> None:
    """A graphics processor shares out the work of one batch itself."""
    workers = Workers("cuda")

    assert (1, [torch.get_num_threads()]) == (workers.number, list(workers.map(lambda _: torch.get_num_threads(), "x")))


def test_results_come_in_the_order_of_the_items(workers: Workers) -> None:
    """Though a later item may be done before an earlier one."""
    done = threading.Event()

    def work(item: int) -> int:
        if item == 0 and workers.number > 1:
            assert done.wait(30)
        done.set()
        return item * item

    assert [item * item for item in range(9)] == list(workers.map(work, range(9)))


def test_few_items_are_begun_ahead(workers: Workers) -> None:
    """One for each worker and one more: the next caller's first item need not wait for all of these."""
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(50):
            taken.append(item)
            yield item

    first = next(workers.map(int, items()))

    assert (0, list(range(workers.number + 1))) == (first, taken)


def test_an_error_ends_it(workers: Workers) -> None:
    """What the work raises, or the items do, is raised for the caller, and no further item is taken."""
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in (1, 0, *range(1, 50)):
            taken.append(item)
            yield item

    with pytest.raises(ZeroDivisionError):
        list(workers.map(lambda item: 1 // item, items()))
    assert len(taken) <= workers.number + 2

    with pytest.raises(ZeroDivisionError):
        list(workers.map(int, (1 // item for item in (1, 0, 1))))
    assert [3] == list(workers.map(int, [3]))


def test_a_fork_has_threads_of_its_own(workers: Workers) -> None:
    """Those of its parent are gone there, though the pool takes them for idle: work would wait for ever."""
    assert [3] == list(workers.map(int, [3]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forks beside threads
        child = os.fork()
    if not child:
        try:
            signal.alarm(60)
            os._exit(0 if list(range(9)) == list(workers.map(int, range(9))) else 1)
        finally:
            os._exit(2)

    assert 0 == os.waitpid(child, 0)[1]
    assert [3] == list(workers.map(int, [3]))


def test_a_thread_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were started don't wait for it: they end."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    start = threading.Thread.start
    begun: list[threading.Thread] = []

    def scarce(thread: threading.Thread) -> None:
        if len(begun) == 2:
            raise RuntimeError("can't start new thread")
        begun.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    try:
        with pytest.raises(RuntimeError, match="can't start new thread"):
            Workers("cpu")
        assert 3 == torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
    for thread in begun:
        thread.join(30)
    assert [False, False] == [thread.is_alive() for thread in begun]


def test_a_fork_without_threads_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a model that fails, without which there is an answer."""
    workers = Workers("cpu")
    monkeypatch.setattr(os, "getpid", lambda: -1)  # as in a fork, which knows none of its parent's threads

    def scarce(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", scarce)
    with pytest.raises(ModelError, match="no threads could be started to embed in: can't start new thread"):
        list(workers.map(int, [3]))
