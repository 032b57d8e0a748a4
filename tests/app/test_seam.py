"""The seam between the event loop and the threads."""

import asyncio
import threading
from contextvars import ContextVar

import pytest

from app.seam import in_thread

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
