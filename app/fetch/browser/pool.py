"""The browser as the fetcher knows it: URL in, Page as its scripts draw it or FetchError out, so many at a time."""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.breaker import Breaker
from app.fetch.browser.connection import (
    BrowserDown,
    CommandFailed,
    Connection,
    Params,
    check_url,
)
from app.fetch.browser.process import Process, check_command
from app.fetch.browser.proxy import FilteringProxy, parse_address
from app.fetch.browser.tab import Tab
from app.fetch.browser.way_out import WayOut
from app.fetch.errors import BrowserUnavailable, ConnectionFailed, FetchTimeout
from app.fetch.guard import Guard
from app.fetch.proxies import Proxies
from pruning.document import Page
from pruning.errors import InvalidInput, reason


@dataclass(frozen=True, slots=True)
class BrowserOptions:
    """How the browser is reached and what one page may cost.

    Attributes:
        url: DevTools URL of a browser that runs elsewhere.
        command: starts one of our own instead.
        pages: drawn at once, at most; others wait.
        recycle: pages after which a browser of our own is replaced by a new one.
        seconds: for one page, with all waiting.
        characters: of one page as it is drawn.
        wire_bytes: that one page and all it loads may send and receive.
        proxy_listen: address and port that our proxy for the browser listens on.
        proxy_url: by which the browser reaches that proxy, where it isn't the same.
    """

    url: str | None = None
    command: str | None = None
    pages: int = 2
    recycle: int = 100
    seconds: float = 10.0
    characters: int = 10_000_000
    wire_bytes: int = 30_000_000
    proxy_listen: str = "127.0.0.1:0"
    proxy_url: str | None = None


class Browser:
    """Draws pages in a Chromium. Starts or connects when the first page is asked for; closed by `aclose`.

    For one event loop. Raises InvalidInput when made.
    """

    def __init__(
        self, guard: Guard, options: BrowserOptions, proxies: Proxies | None = None, *, user_agent: str
    ) -> None:
        if options.url and options.command:
            raise InvalidInput("a browser has a URL or a command, not both")
        if options.url:
            check_url(options.url)
        elif options.command:
            check_command(options.command)
        else:
            raise InvalidInput("a browser needs a URL or a command")
        self._options = options
        self._user_agent = user_agent
        way_out = WayOut(guard, proxies)
        self._proxy = FilteringProxy(way_out, parse_address(options.proxy_listen), options.proxy_url)
        self._breaker = Breaker(BrowserDown)
        self._slots = asyncio.Semaphore(options.pages)
        self._opening: asyncio.Task[None] | None = None
        self._live: _Live | None = None
        self._endings: set[asyncio.Task[None]] = set()

    async def render(self, url: str, *, deadline: float | None = None) -> Page:
        """The page at `url` as its scripts draw it, before that moment of the loop's clock.

        Raises FetchError: BrowserUnavailable where the browser and not the page is to blame.
        """
        until = min(
            asyncio.get_running_loop().time() + self._options.seconds, math.inf if deadline is None else deadline
        )
        with _errors_named(url, "the browser was busy with other pages"):
            async with asyncio.timeout_at(until):
                await self._slots.acquire()
        with _errors_named(url, "the browser had not drawn the page in time"):
            async with asyncio.timeout_at(until):
                return await self._in_slot(url, until)

    async def check(self) -> None:
        """Start or reach the browser, as for a page. Raises BrowserDown."""
        live = await self._take()
        await live.dispose(None)
        if live.retired:
            raise BrowserDown("the browser does not answer")

    async def _in_slot(self, url: str, until: float) -> Page:
        """Draw the page in a context of its own, which frees the slot when it is gone; nobody waits for that."""
        live, context, tab = None, None, None
        given = self._proxy.admit(self._options.wire_bytes)
        try:
            with self._breaker.attempt():
                live = await self._take()
                context = await live.new_context(self._proxy.url)
                tab = await Tab.open(live.connection, context, given)
                await tab.prepare(live.user_agent(self._user_agent))
                drawn = await tab.draw(url, until, self._options.characters)
                return Page(html=drawn.html, url=drawn.url)
        except BrowserDown:
            if live is not None:
                live.retired = True
            raise
        finally:
            self._proxy.dismiss(given)
            ending = asyncio.create_task(self._end(live, context, tab))
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)

    async def _take(self) -> "_Live":
        """The browser, started or connected anew where there is none or its time is over. Raises BrowserDown."""
        while True:
            live = self._live
            if live is not None and live.is_usable(self._options.recycle):
                live.active += 1
                live.served += 1
                return live
            if self._opening is None:
                self._opening = asyncio.create_task(self._open())
                self._opening.add_done_callback(_retrieved)
            # A request whose time is over must not take along the start that the next one needs.
            await asyncio.shield(self._opening)

    async def _open(self) -> None:
        try:
            old, self._live = self._live, None
            if old is not None:
                old.retired = True
                await old.close_if_unused()
            await self._proxy.start()
            self._live = await _Live.open(self._options)
        except OSError as error:
            raise BrowserDown(f"the proxy for the browser can't listen: {reason(error)}") from error
        finally:
            self._opening = None

    async def _end(self, live: "_Live | None", context: str | None, tab: Tab | None) -> None:
        try:
            if live is not None:
                await live.dispose(context)
            if tab is not None:
                await tab.aclose()
        finally:
            self._slots.release()

    async def aclose(self) -> None:
        """Close everything; pages that are being drawn fail."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._live is not None:
            self._live.retired = True
            await self._live.aclose()
        await asyncio.sleep(0)  # for the pages that were being drawn to notice
        await asyncio.gather(*self._endings, return_exceptions=True)
        await self._proxy.aclose()


class _Live:
    """A browser that runs, and how much it has been used."""

    def __init__(self, connection: Connection, process: Process | None) -> None:
        self.connection = connection
        self._process = process
        self._browsers_agent = ""
        # Each context of ours, and its only tab once there is one.
        self._tabs: dict[str, str | None] = {}
        self.active = 0
        self.served = 0
        self.retired = False

    @classmethod
    async def open(cls, options: BrowserOptions) -> "_Live":
        """Start or reach the browser. Raises BrowserDown."""
        process = await Process.start(options.command) if options.command else None
        live = None
        try:
            url = process.url if process else options.url
            assert url is not None
            live = cls(await Connection.open(url), process)
            await live._greet()
        except BaseException as error:
            if live is not None:
                await live.aclose()
            elif process is not None:
                await process.aclose()
            if isinstance(error, CommandFailed):
                raise BrowserDown(f"this is no Chromium of today: {reason(error)}") from error
            raise
        return live

    async def _greet(self) -> None:
        self._browsers_agent = (await self.connection.command("Browser.getVersion"))["userAgent"]
        self.connection.on("Target.targetCreated", self._on_target)
        await self.connection.command("Target.setDiscoverTargets", discover=True, filter=[{"type": "page"}])

    def user_agent(self, ours: str) -> str:
        """Honest in both ways: sites that serve each browser its own scripts know it, and who asks stands in it."""
        plain = self._browsers_agent.replace("HeadlessChrome", "Chrome")
        return plain.replace("like Gecko)", f"like Gecko; compatible; {ours})")

    def is_usable(self, recycle: int) -> bool:
        """Whether it may draw one page more."""
        worn = self._process is not None and self.served >= recycle
        return not (self.retired or worn or self.connection.is_lost)

    async def new_context(self, proxy: str) -> str:
        """A context without a past, all of whose connections go to the proxy, those to the loopback as well."""
        asked = asyncio.create_task(self._create_context(proxy))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            asked.add_done_callback(self._dispose_unused)
            raise

    async def _create_context(self, proxy: str) -> str:
        answer = await self.connection.command(
            "Target.createBrowserContext", disposeOnDetach=True, proxyServer=proxy, proxyBypassList="<-loopback>"
        )
        context = str(answer["browserContextId"])
        self._tabs[context] = None
        # For all pages of the context, before there is one.
        await self.connection.command("Browser.setDownloadBehavior", behavior="deny", browserContextId=context)
        await self.connection.command("Browser.grantPermissions", permissions=[], browserContextId=context)
        return context

    def _dispose_unused(self, asked: asyncio.Task[str]) -> None:
        if not asked.cancelled() and asked.exception() is None:
            self._tabs.pop(asked.result(), None)
            self.connection.post("Target.disposeBrowserContext", browserContextId=asked.result())

    async def dispose(self, context: str | None) -> None:
        """A page is over: its context goes, and the browser too if it was the last one that it was kept for."""
        try:
            if self.connection.is_lost:
                return
            if context is not None:
                await self.connection.command("Target.disposeBrowserContext", browserContextId=context)
            else:  # the page's time was over before there was one: is the browser alive?
                await self.connection.command("Browser.getVersion")
        except CommandFailed:
            pass  # gone already
        except BrowserDown:
            self.retired = True
        finally:
            self._tabs.pop(context or "", None)
            self.active -= 1
            await self.close_if_unused()

    async def close_if_unused(self) -> None:
        """Close it when it is retired and no page is left in it."""
        if self.retired and not self.active:
            await self.aclose()

    async def aclose(self) -> None:
        """Hang up, and end the process if it is ours."""
        await self.connection.aclose()
        if self._process is not None:
            await self._process.aclose()

    def _on_target(self, event: Params) -> None:
        """Close every window that a page opens beside its own."""
        target, context = event["targetInfo"]["targetId"], event["targetInfo"].get("browserContextId", "")
        if context not in self._tabs:
            return
        if self._tabs[context] is None:
            self._tabs[context] = target
        elif self._tabs[context] != target:
            self.connection.post("Target.closeTarget", targetId=target)


@contextmanager
def _errors_named(url: str, late: str) -> Iterator[None]:
    """The boundary: whatever the browser does becomes an error of the page that was asked for."""
    try:
        yield
    except BrowserDown as error:
        raise BrowserUnavailable(url, str(error)) from error
    except CommandFailed as error:
        raise ConnectionFailed(url, f"the browser gave up on the page: {reason(error)}") from error
    except TimeoutError as error:
        raise FetchTimeout(url, late) from error


def _retrieved(task: asyncio.Task[None]) -> None:
    """Whoever waits for the task hears of its failure; nobody may be left who does."""
    if not task.cancelled():
        task.exception()
