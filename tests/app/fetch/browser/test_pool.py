"""The browser as a whole: so many pages at a time, nothing left behind, and back after every kind of failure."""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from app.fetch import FetchError, FetchTimeout
from app.fetch.browser import Browser, BrowserOptions
from app.fetch.errors import BrowserUnavailable
from app.fetch.guard import Guard
from pruning.errors import InvalidInput
from tests.app.fetch.browser.conftest import AGENT, Start
from tests.app.fetch.browser.test_tab import empty
from tests.app.fetch.conftest import Site, answer

pytestmark = pytest.mark.anyio

Contexts = Callable[[], Awaitable[list[str]]]


async def failure(browser: Browser, url: str, deadline: float | None = None) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await browser.render(url, deadline=deadline)
    return caught.value


class Gate:
    """An answer that comes when it is let through, and how many wait for it."""

    def __init__(self) -> None:
        self.waiting = 0
        self.most = 0
        self.open = asyncio.Event()
        self.changed = asyncio.Condition()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._count(1)
        await self.open.wait()
        await self._count(-1)
        writer.write(answer(b"<p>Pears"))

    async def _count(self, change: int) -> None:
        async with self.changed:
            self.waiting += change
            self.most = max(self.most, self.waiting)
            self.changed.notify_all()

    async def until_waiting(self, number: int) -> None:
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(lambda: self.waiting >= number)


async def test_so_many_pages_are_drawn_at_once(start: Start, site: Site, contexts: Contexts) -> None:
    """The others wait, no longer than they may, and nothing is left of any of them."""
    gate = site.answers["/"] = Gate()
    browser = start(pages=2)
    pages = [asyncio.create_task(browser.render(site.url)) for _ in range(3)]
    await gate.until_waiting(2)
    waiting = await failure(browser, site.url, asyncio.get_running_loop().time() + 0.1)
    gate.open.set()

    assert isinstance(waiting, FetchTimeout)
    assert "was busy with other pages" in waiting.problem
    assert all("<p>Pears" in str(page.html) for page in await asyncio.gather(*pages))
    assert 2 == gate.most
    await empty(contexts)


async def test_who_gives_up_leaves_nothing_behind(start: Start, site: Site, contexts: Contexts) -> None:
    """At whatever moment: the context goes, its connections too, and its place is free."""
    gate = site.answers["/"] = Gate()
    browser = start(pages=1)
    for moment in range(6):
        page = asyncio.create_task(browser.render(site.url))
        await asyncio.sleep(moment / 20)
        page.cancel()
        await asyncio.gather(page, return_exceptions=True)
    one_more = gate.waiting + 1  # beside those who asked and were given up before they were answered
    page = asyncio.create_task(browser.render(site.url))
    await gate.until_waiting(one_more)
    page.cancel()
    assert [True] == [isinstance(e, asyncio.CancelledError) for e in await asyncio.gather(page, return_exceptions=True)]

    await empty(contexts)
    gate.open.set()
    assert "<p>Pears" in str((await browser.render(site.url)).html)
    await browser.aclose()
    await asyncio.wait_for(site.all_closed.wait(), 30)


async def test_a_browser_of_our_own_is_replaced_when_it_dies_or_is_worn(
    start: Start, site: Site, chromium: Path
) -> None:
    """The page that it was drawing fails and says so; the next one is drawn by a new browser."""
    gate = site.answers["/wait"] = Gate()
    site.answers["/"] = answer(b"<p>Pears")
    browser = start(command=f"{chromium} --no-sandbox", recycle=2)
    dying = asyncio.create_task(browser.render(f"{site.url}/wait"))
    await gate.until_waiting(1)
    groups = running(chromium)
    os.killpg(groups[0], signal.SIGKILL)
    with pytest.raises(BrowserUnavailable, match=r"the browser hung up|connection to the browser broke"):
        await dying

    served = []
    for _ in range(3):
        assert "<p>Pears" in str((await browser.render(site.url)).html)
        served += running(chromium)
    assert 1 == len(groups)
    assert groups[0] not in served
    assert served[0] == served[1] != served[2]
    await browser.aclose()
    assert [] == running(chromium)


async def test_a_browser_that_hangs_is_replaced(
    start: Start, site: Site, chromium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if it hangs for longer than the page has time."""
    site.answers["/"] = answer(b"<p>Pears")
    browser = start(command=f"{chromium} --no-sandbox")
    await browser.render(site.url)
    (group,) = running(chromium)
    os.killpg(group, signal.SIGSTOP)
    with monkeypatch.context() as patch:
        patch.setattr("app.fetch.browser.connection.COMMAND_SECONDS", 0.4)
        error = await failure(browser, site.url, asyncio.get_running_loop().time() + 0.2)
        await asyncio.gather(*browser._endings)

    assert isinstance(error, FetchTimeout)
    assert [] == running(chromium)
    assert "<p>Pears" in str((await browser.render(site.url)).html)


def running(chromium: Path) -> list[int]:
    """The process groups of browsers that the service has started for this test process."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"secateurs-browser-" in status.read_bytes() and b"sh\0-c" not in status.read_bytes():
                found.add(os.getpgid(int(status.parent.name)))
        except OSError:
            continue
    return sorted(group for group in found if parent_of(group) == os.getpid())


def parent_of(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except FileNotFoundError:
        return None


async def test_a_browser_that_is_down_is_left_alone_for_a_while(start: Start, site: Site) -> None:
    """Each page says what failed; after three, nobody asks for some seconds."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    browser = start(url=url)
    failures = [await failure(browser, site.url) for _ in range(4)]

    assert all(isinstance(error, BrowserUnavailable) for error in failures)
    assert all("the browser can't be reached: " in error.problem for error in failures)
    assert "it is asked again in 10 s" in failures[3].problem
    assert "it is asked again" not in failures[2].problem


async def test_a_lost_connection_leaves_nothing_behind(start: Start, site: Site, contexts: Contexts) -> None:
    """It costs the pages that were being drawn, as when the service dies; the next one connects anew."""
    gate = site.answers["/wait"] = Gate()
    site.answers["/"] = answer(b"<p>Pears")
    browser = start()
    drawing = asyncio.create_task(browser.render(f"{site.url}/wait"))
    await gate.until_waiting(1)
    assert browser._live is not None
    browser._live.connection._socket.transport.abort()
    with pytest.raises(BrowserUnavailable):
        await drawing
    await empty(contexts)

    assert "<p>Pears" in str((await browser.render(site.url)).html)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "a browser needs a URL or a command"),
        ({"url": "http://127.0.0.1:1", "command": "chromium"}, "a browser has a URL or a command, not both"),
        ({"url": "chromium:9222"}, "'chromium:9222' is no DevTools URL, such as http://"),
        ({"command": "chromium '"}, "the browser's command can't be read: No closing quotation"),
        ({"command": " "}, "the browser's command is empty"),
        ({"command": "chromium", "proxy_listen": "3128"}, "'3128' is no address to listen on: HOST:PORT is"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, str], problem: str) -> None:
    """At the start, not at the first page."""
    with pytest.raises(InvalidInput) as caught:
        Browser(Guard(), BrowserOptions(**options), user_agent=AGENT)  # type: ignore[arg-type]
    assert str(caught.value).startswith(problem)
