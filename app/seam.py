"""The one seam between the event loop and the threads: whatever takes the processor for over a millisecond."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Generic, TypeVar, TypeVarTuple

from pruning.errors import ModelError, SecateursError

T = TypeVar("T")
Args = TypeVarTuple("Args")
Need = TypeVar("Need")
Given = TypeVar("Given")
Outcome = TypeVar("Outcome")

# A few more than there are cores: a large page that holds one must not keep the small ones waiting. Not asyncio's own
# pool, since name look-ups run there and would queue behind pages.
_threads = ThreadPoolExecutor(max_workers=(os.cpu_count() or 1) + 2, thread_name_prefix="secateurs")


async def in_thread(fn: Callable[[*Args], T], *args: *Args, threads: ThreadPoolExecutor = _threads) -> T:
    """Run `fn(*args)` in a worker thread and wait for it, with the caller's context variables.

    What is short and must not wait behind pages has `threads` of its own.

    Cancelling the caller frees the caller at once; work that has not begun never begins, and work that has goes on
    to its end unheard. `fn` must not raise StopIteration, which no future can carry.
    """
    context = copy_context()
    return await asyncio.get_running_loop().run_in_executor(threads, lambda: context.run(fn, *args))


async def drive(steps: Generator[Need, Given, Outcome], provide: Callable[[Need], Awaitable[Given]]) -> Outcome:
    """Drive a generator that does no I/O: it computes in threads, and what it yields is awaited from `provide`.

    What it needs and can't have is thrown into it as a ModelError: it may know how to go on without.
    """
    advanced: Need | _Done[Outcome] = await in_thread(_advance, lambda: next(steps))
    while not isinstance(advanced, _Done):
        try:
            given = await provide(advanced)
        except SecateursError as error:
            failure = error if isinstance(error, ModelError) else ModelError(str(error))
            advanced = await in_thread(_advance, lambda: steps.throw(failure))  # noqa: B023 - awaited at once
        else:
            advanced = await in_thread(_advance, lambda: steps.send(given))  # noqa: B023 - awaited at once
    return advanced.outcome


@dataclass(frozen=True, slots=True)
class _Done(Generic[Outcome]):
    outcome: Outcome


def _advance(step: Callable[[], Need]) -> Need | _Done[Outcome]:
    """One step of a generator; its end as a value, for no future can carry a StopIteration."""
    try:
        return step()
    except StopIteration as end:
        return _Done(end.value)
