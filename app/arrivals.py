"""Waiting for pages that arrive side by side, for as long as it is worth it."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import anyio

Ended = Literal["all", "enough", "late"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long pages are waited for. Moments are those of the event loop's clock.

    Attributes:
        until: the moment at which waiting ends in any case.
        enough: the share of pages whose arrival lets it end earlier, of those that can still be had: one that failed
            is not waited for. At least one must arrive.
        grace: seconds that the others are still given once enough have arrived.
        given: pages that are there already.
    """

    until: float
    enough: float
    grace: float
    given: int = 0

    def has_enough(self, good: int, bad: int, awaited: int) -> bool:
        """Whether so many good ones, of those awaited, will do, when so many have failed."""
        possible = self.given + awaited - bad
        return good >= max(1, math.ceil(self.enough * possible) - self.given)


Work = Callable[[], Awaitable[bool]]


async def arrivals(works: Sequence[Work], patience: Patience) -> Ended:
    """Run side by side what brings the pages; each work says at its end whether its page is a good one.

    What has not ended when patience does is cancelled: on return nothing of it is left running. It is cancelled by a
    scope and not task by task, so that what it shields gets done: connections are closed behind shields.

    Returns:
        Why waiting ended: `all` have ended, `enough` have arrived and the grace is over, or it was too `late`.
    """
    ended: asyncio.Queue[bool | Exception] = asyncio.Queue()

    async def run(work: Work) -> None:
        try:
            ended.put_nowait(await work())
        except Exception as defect:  # noqa: BLE001 - raised below, where no group wraps it
            ended.put_nowait(defect)

    async with anyio.create_task_group() as group:
        for work in works:
            group.start_soon(run, work)
        try:
            outcome = await _watch(ended, len(works), patience)
        finally:
            group.cancel_scope.cancel()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def _watch(ended: "asyncio.Queue[bool | Exception]", number: int, patience: Patience) -> Ended | Exception:
    """How waiting for so many ended, or what nobody foresaw."""
    good = bad = 0
    until = patience.until
    for _ in range(number):
        try:
            async with asyncio.timeout_at(until):
                outcome = await ended.get()
        except TimeoutError:
            return "enough" if until < patience.until else "late"
        if isinstance(outcome, Exception):
            return outcome
        good, bad = good + outcome, bad + (not outcome)
        if patience.has_enough(good, bad, number) and until == patience.until:
            until = min(until, asyncio.get_running_loop().time() + patience.grace)
    return "all"
