"""Waiting for pages that arrive side by side, for as long as it is worth it."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Literal

Ended = Literal["all", "enough", "late"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long pages are waited for. Moments are those of the event loop's clock.

    Attributes:
        until: the moment at which waiting ends in any case.
        enough: so many good pages let it end earlier.
        grace: seconds that the others are still given once enough have arrived.
    """

    until: float
    enough: int
    grace: float


async def arrivals(works: Iterable[Coroutine[Any, Any, bool]], patience: Patience) -> Ended:
    """Run side by side what brings the pages; each work says at its end whether its page is a good one.

    What has not ended when patience does is cancelled: on return nothing of it is left running.

    Returns:
        Why waiting ended: `all` have ended, `enough` have arrived and the grace is over, or it was too `late`.
    """
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await _watch(tasks, patience)
    finally:
        await _end(tasks)


async def _end(tasks: Collection[asyncio.Task[bool]]) -> None:
    """Cancel each task once and wait for its end; a second time would cut short what it cleans up."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # what a task that nobody watched any more ended with is no news


async def _watch(tasks: Iterable[asyncio.Task[bool]], patience: Patience) -> Ended:
    now = asyncio.get_running_loop().time
    pending = set(tasks)
    good = 0
    until = patience.until
    while pending:
        done, pending = await asyncio.wait(
            pending, timeout=max(0.0, until - now()), return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            return "enough" if until < patience.until else "late"
        good += sum(task.result() for task in done)
        if good >= patience.enough and until == patience.until:
            until = min(until, now() + patience.grace)
    return "all"
