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


def waited(*works: Work, enough: float, grace: float = 0.0, seconds: float = math.inf) -> Ended:
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
    assert "all" == waited(works.at_once, works.bad, enough=1, grace=3600)
    assert "all" == waited(enough=1)


@pytest.mark.parametrize("grace", [0.0, 0.01])
def test_enough_have_come(grace: float) -> None:
    """After the grace the rest is cancelled, and has ended when waiting has."""
    works = Works()
    assert "enough" == waited(
        *(works.at_once for _ in range(7)), *(works.never for _ in range(3)), enough=0.7, grace=grace
    )
    assert 3 == works.cancelled


def test_what_failed_is_not_waited_for() -> None:
    """Four good pages of the six that can still be had are two thirds, however many failed."""
    works = Works()
    arrived = [works.at_once] * 4 + [works.bad] * 3 + [works.never] * 2
    assert "late" == waited(*arrived, enough=0.7, seconds=0.05)
    assert "enough" == waited(*arrived, enough=0.66, seconds=3600)


def test_pages_that_failed_are_never_enough() -> None:
    """One good page must arrive."""
    works = Works()
    assert "late" == waited(works.bad, works.never, enough=0.01, seconds=0.01)


@pytest.mark.parametrize(("given", "enough"), [(0, False), (4, False), (6, True)])
def test_pages_that_are_there_count(given: int, enough: bool) -> None:
    """Of ten pages seven are enough; one must arrive all the same."""
    patience = Patience(0, 0.7, 0, given=given)
    assert enough == patience.has_enough(1, 0, 10 - given)
    assert not patience.has_enough(0, 0, 10 - given)


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
