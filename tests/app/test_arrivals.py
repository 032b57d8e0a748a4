"""Waiting side by side: until all have come, enough have come, or time is over; and nothing is left running."""

import asyncio
import math

import anyio
import pytest

from app.arrivals import Ended, Patience, Work, arrivals


class Works:
    """Works that end at once or never, and who was cancelled."""

    def __init__(self) -> None:
        self.cancelled = 0

    async def at_once(self) -> bool:
        await asyncio.sleep(0)
        return True

    async def bad(self) -> bool:
        return False

    async def never(self) -> bool:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(0.01)  # cleaning up takes its time
            self.cancelled += 1
            raise
        return True


def waited(*works: Work, enough: int, grace: float = 0.0, seconds: float = math.inf) -> Ended:
    """How waiting ended."""

    async def inside() -> Ended:
        until = asyncio.get_running_loop().time() + min(seconds, 3600)
        ended = await arrivals(works, Patience(until, enough, grace))
        assert {asyncio.current_task()} == asyncio.all_tasks()
        return ended

    return asyncio.run(inside())


def test_all_have_come() -> None:
    """Nobody is cancelled, and nothing is waited for in vain."""
    works = Works()
    assert "all" == waited(works.at_once, works.bad, enough=2, grace=3600)
    assert "all" == waited(enough=1)


@pytest.mark.parametrize("grace", [0.0, 0.01])
def test_enough_have_come(grace: float) -> None:
    """After the grace the rest is cancelled, and has ended when waiting has."""
    works = Works()
    assert "enough" == waited(
        *(works.at_once for _ in range(7)), *(works.never for _ in range(3)), enough=7, grace=grace
    )
    assert 3 == works.cancelled


def test_what_is_no_good_does_not_count() -> None:
    """Two good ones of three are not enough for three."""
    works = Works()
    ended = waited(works.at_once, works.bad, works.at_once, works.never, enough=3, seconds=0.01)
    assert ("late", 1) == (ended, works.cancelled)


def test_a_time_in_the_past() -> None:
    """Too late is too late."""
    works = Works()
    assert "late" == waited(works.never, enough=1, seconds=-1)


def test_a_defect_is_not_swallowed() -> None:
    """What nobody foresaw is raised, and the others are cancelled."""
    works = Works()

    async def broken() -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        waited(works.never, broken, enough=1)
    assert 1 == works.cancelled


def test_cancelling_who_waits_cancels_all() -> None:
    """A caller that goes away leaves nothing running."""
    works = Works()

    async def inside() -> None:
        waiting = asyncio.create_task(arrivals([works.never], Patience(math.inf, 1, 0)))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert {asyncio.current_task()} == asyncio.all_tasks()

    asyncio.run(inside())
    assert 1 == works.cancelled
