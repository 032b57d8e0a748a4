"""The seam between the event loop and the threads."""

import asyncio
import os
import threading
from collections.abc import Generator
from contextvars import ContextVar
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from app.api import metrics
from app.seam import drive, in_thread
from app.store import SqliteStore
from pruning.errors import InvalidInput, ModelError

colour: ContextVar[str] = ContextVar("colour", default="none")


def test_runs_elsewhere() -> None:
    """The function runs in another thread than the event loop."""
    assert threading.get_ident() != asyncio.run(in_thread(threading.get_ident))


def test_carries_context() -> None:
    """Context variables of the caller are seen in the thread."""

    async def run() -> str:
        colour.set("green")
        return await in_thread(colour.get)

    assert "green" == asyncio.run(run())


def test_raises_what_the_function_raises() -> None:
    """An exception passes the seam."""
    with pytest.raises(ZeroDivisionError):
        asyncio.run(in_thread(divmod, 1, 0))


def test_cancelling_frees_the_caller() -> None:
    """A caller that is cancelled does not wait for the thread to end."""
    release = threading.Event()

    async def run() -> bool:
        try:
            async with asyncio.timeout(0.05):
                await in_thread(release.wait, 60)
        except TimeoutError:
            return release.is_set()
        finally:
            release.set()
        return True

    assert not asyncio.run(run())


def test_counting_and_metrics_do_not_wait_for_pages(tmp_path: Path) -> None:
    """Pages may hold all of the common threads: those whose rate is used up are told at once, and so is Prometheus."""
    release = threading.Event()
    app = FastAPI()
    app.include_router(metrics.router)

    async def run() -> tuple[int, int]:
        store = SqliteStore(tmp_path / "store.sqlite3", 10_000)
        pages = [asyncio.create_task(in_thread(release.wait, 120)) for _ in range(2 * (os.cpu_count() or 1) + 8)]
        await asyncio.sleep(0)  # so that they are begun first
        try:
            async with asyncio.timeout(60), httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
                counted = await store.add("key")
                scraped = await client.get("http://localhost/metrics")
                assert not any(page.done() for page in pages)
            return counted, scraped.status_code
        finally:
            release.set()
            await asyncio.gather(*pages)
            await store.aclose()

    assert (1, 200) == asyncio.run(run())


def doubled(number: int) -> Generator[int, int, str]:
    """A generator that asks for two doubles, and goes on without those that it can't have."""
    told = []
    for wanted in (number, number + 1):
        try:
            told.append(str((yield wanted)))
        except ModelError as error:
            told.append(str(error))
    return " ".join(told)


async def double(number: int) -> int:
    """What the generator asks for; 13 can't be had."""
    if number == 13:
        raise InvalidInput("not 13")
    return 2 * number


@pytest.mark.parametrize(("number", "expected"), [(1, "2 4"), (12, "24 not 13"), (13, "not 13 28")])
def test_a_generator_is_driven_to_its_end(number: int, expected: str) -> None:
    """It is sent what it asks for; what it can't have is thrown in as a ModelError."""
    assert expected == asyncio.run(drive(doubled(number), double))


def test_a_generator_without_needs() -> None:
    """It may end at once."""

    def steps() -> Generator[int, int, str]:
        return "done"
        yield 0

    assert "done" == asyncio.run(drive(steps(), double))


def test_what_a_generator_raises_is_raised() -> None:
    """An error of its own passes."""

    def steps() -> Generator[int, int, str]:
        yield 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(drive(steps(), double))


def test_a_generator_computes_in_threads() -> None:
    """Every turn of the generator runs off the event loop."""
    seen = []

    def steps() -> Generator[int, int, str]:
        seen.append(threading.get_ident())
        yield 1
        seen.append(threading.get_ident())
        return ""

    asyncio.run(drive(steps(), double))
    assert 2 == len(seen)
    assert threading.get_ident() not in seen
