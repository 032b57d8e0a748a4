"""How we behave towards the sites that we fetch from, and the transport that paces requests for each host."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import anyio
import httpx

from app.release import release

# What robots.txt files may call us.
PRODUCT = "secateurs"
# Extensions of a request: the seconds that its site's robots.txt asks to leave between two, and whether it is one that
# nobody paces (that for robots.txt itself).
CRAWL_DELAY = "secateurs_crawl_delay"
UNPACED = "secateurs_unpaced"
# Hosts remembered for their pace; those that wait for nothing are forgotten first.
MOST_HOSTS = 1000


def user_agent(contact: str | None = None) -> str:
    """Honest: who asks and where to learn more or complain, and no browser's name.

    >>> user_agent("https://example.org/bot").partition(" ")[2]
    '(+https://example.org/bot)'
    """
    return f"{PRODUCT}/{release()}" + (f" (+{contact})" if contact else "")


@dataclass(frozen=True, slots=True)
class Manners:
    """How we behave.

    Attributes:
        user_agent: the header by that name.
        robots: whether robots.txt files are obeyed.
        per_host: requests under way at one host.
        connections: requests under way in all.
        host_delay: seconds between the starts of two requests to one host.
        crawl_delay: the most seconds that a robots.txt may ask for instead, if it asks for more.
    """

    user_agent: str = field(default_factory=user_agent)
    robots: bool = True
    per_host: int = 4
    connections: int = 100
    host_delay: float = 0.0
    crawl_delay: float = 2.0


@dataclass(slots=True, eq=False)
class _Host:
    """The requests to one host: those under way, and when the next may start."""

    slots: anyio.Semaphore
    turn: anyio.Lock = field(default_factory=anyio.Lock)
    users: int = 0
    next_start: float = 0.0


class PacedTransport(httpx.AsyncBaseTransport):
    """Lets each host have its few requests at a time and its pause between two, and all together theirs.

    A slow host holds up those who want its own pages and nobody else; who waits does so on its own time.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, manners: Manners) -> None:
        self._inner = inner
        self._manners = manners
        self._hosts: dict[str, _Host] = {}
        self._all = anyio.Semaphore(manners.connections)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request when its turn comes; the turn ends when the answer is closed. Raises what `inner` raises."""
        leave = await self._enter(request)
        try:
            response = await self._inner.handle_async_request(request)
        except BaseException:
            leave()
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Leaving(response.stream, leave)
        return response

    async def aclose(self) -> None:
        """Close what is beneath."""
        await self._inner.aclose()

    async def _enter(self, request: httpx.Request) -> Callable[[], None]:
        """Wait for the host's turn and a place among all; the function that ends both."""
        host = self._host(request.url.host)
        host.users += 1
        try:
            await host.slots.acquire()
            try:
                await self._pause(host, request)
                await self._all.acquire()
            except BaseException:
                host.slots.release()
                raise
        except BaseException:
            host.users -= 1
            raise

        def leave() -> None:
            self._all.release()
            host.slots.release()
            host.users -= 1

        return leave

    async def _pause(self, host: _Host, request: httpx.Request) -> None:
        asked = min(request.extensions.get(CRAWL_DELAY, 0.0), self._manners.crawl_delay)
        if request.extensions.get(UNPACED):
            return
        async with host.turn:
            await anyio.sleep_until(host.next_start)
            host.next_start = anyio.current_time() + max(asked, self._manners.host_delay)

    def _host(self, name: str) -> _Host:
        if len(self._hosts) >= MOST_HOSTS and name not in self._hosts:
            now = anyio.current_time()
            self._hosts = {name: host for name, host in self._hosts.items() if host.users or host.next_start > now}
        return self._hosts.setdefault(name, _Host(anyio.Semaphore(self._manners.per_host)))


class _Leaving(httpx.AsyncByteStream):
    """A body whose closing ends its request's turn."""

    def __init__(self, stream: httpx.AsyncByteStream, leave: Callable[[], None]) -> None:
        self._stream = stream
        self._leave: Callable[[], None] | None = leave

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    async def aclose(self) -> None:
        """Close the body, and let the next one in."""
        try:
            await self._stream.aclose()
        finally:
            if self._leave is not None:
                self._leave()
                self._leave = None
