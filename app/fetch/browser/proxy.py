"""The forward proxy that is the browser's only way to the web: every address that it asks for passes the guard.

Plain HTTP is forwarded request by request, everything else (HTTPS, WebSockets) goes through a CONNECT tunnel. The proxy
resolves the name, checks all its addresses and connects to a checked one itself, so nothing that the browser looks up
or believes matters. It serves whoever shows a `Pass`, and gives each page one of its own: on a shared network nobody
else can use it, and what a page costs is counted and ends with the page.
"""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

import h11
import httpcore2
import httpx

from app.fetch.browser.way_out import WayOut
from app.fetch.errors import ConnectionFailed, FetchError, Refused
from pruning.errors import InvalidInput, reason

# For a request's headers to arrive: whoever is so slow is no browser.
_HEADERS_SECONDS = 10.0
_CHUNK_BYTES = 65_536
# They speak of one connection, and there are two: RFC 9110, section 7.6.1.
_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding "
    b"upgrade".split()
)

Headers = list[tuple[bytes, bytes]]


class Spent(Exception):
    """A page has used up its bytes."""


@dataclass(slots=True)
class Pass:
    """One page's leave to use the proxy.

    Attributes:
        bytes_left: that may still go through, in both directions together.
        on_spent: called when they are used up.
        failures: why a host could not be reached; the browser knows but that it could not.
    """

    bytes_left: int
    on_spent: Callable[[], None] = lambda: None
    user: str = field(default_factory=lambda: secrets.token_hex(8))
    password: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    failures: dict[str, FetchError] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def credentials(self) -> bytes:
        """What a request must bring along as `Proxy-Authorization`."""
        return b"Basic " + base64.b64encode(f"{self.user}:{self.password}".encode())

    @property
    def is_spent(self) -> bool:
        """Whether it has used more than it had."""
        return self.bytes_left < 0

    def spend(self, size: int) -> None:
        """Count bytes. Raises Spent."""
        self.bytes_left -= size
        if self.bytes_left < 0:
            self.on_spent()
            raise Spent


class FilteringProxy:
    """Listens from `start` to `aclose`. For one event loop.

    Args:
        way_out: to what the browser may reach.
        listen: host and port to listen on; port 0 takes any free one.
        url: by which the browser reaches it, where that isn't the address that it listens on.
    """

    def __init__(self, way_out: WayOut, listen: tuple[str, int] = ("127.0.0.1", 0), url: str | None = None) -> None:
        self._way_out = way_out
        self._listen = listen
        self._url = url
        self._server: asyncio.Server | None = None
        self._passes: dict[bytes, Pass] = {}
        self._visitors: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; at once if it does already. Raises OSError."""
        if self._server is None:
            self._server = await asyncio.start_server(self._visit, *self._listen, limit=_CHUNK_BYTES)

    @property
    def url(self) -> str:
        """What the browser must be told."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return self._url or f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def admit(self, max_bytes: int) -> Pass:
        """A pass for one page."""
        given = Pass(max_bytes)
        self._passes[given.credentials] = given
        return given

    def dismiss(self, given: Pass) -> None:
        """The page is over, and with it every connection that it still has."""
        self._passes.pop(given.credentials, None)
        for task in given.tasks:
            task.cancel()

    async def aclose(self) -> None:
        """Stop listening and close all connections."""
        if self._server is None:
            return
        self._server.close()
        for task in self._visitors:
            task.cancel()
        await asyncio.gather(*self._visitors, return_exceptions=True)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visitors.add(task)
        visit = _Visit(reader, writer)
        given: Pass | None = None
        try:
            async with asyncio.timeout(_HEADERS_SECONDS):
                request = await visit.request()
            given = self._passes.get(dict(request.headers).get(b"proxy-authorization", b""))
            if given is None:
                return await visit.ask_who()
            given.tasks.add(task)
            await self._serve(visit, request, given)
        except (OSError, EOFError, h11.ProtocolError):
            pass  # one of the two has hung up, or speaks no HTTP: the other one notices that it is over
        except Spent:
            pass  # whoever drives the browser finds it in the pass
        finally:
            if given is not None:
                given.tasks.discard(task)
            self._visitors.discard(task)
            writer.close()

    async def _serve(self, visit: "_Visit", request: h11.Request, given: Pass) -> None:
        """Answer one request by forwarding it, or hang up: words of ours must not pass for the site's."""
        serve = self._tunnel if request.method == b"CONNECT" else self._forward
        url = httpx.URL()
        try:
            url = _target(request)
            await serve(visit, request, url, given)
        except httpx.InvalidURL as error:
            given.failures[url.host] = Refused(str(url), f"this is no URL of a web page: {reason(error)}")
        except FetchError as error:
            given.failures[url.host] = error
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            given.failures[url.host] = ConnectionFailed(str(url), f"the connection failed: {reason(error)}")

    async def _tunnel(self, visit: "_Visit", request: h11.Request, url: httpx.URL, given: Pass) -> None:
        async with self._way_out.tunnel(url) as stream:
            await visit.join(stream, given)

    async def _forward(self, visit: "_Visit", request: h11.Request, url: httpx.URL, given: Pass) -> None:
        headers, framing = _passed_on(request.headers), _framing(request.headers)
        body = visit.body(given) if framing else None
        asked = httpcore2.Request(request.method, str(url), headers=headers + framing, content=body)
        async with self._way_out.answer(asked, url) as response:
            await visit.answer(response, given)


class _Visit:
    """One connection of the browser, of one request: a tunnel, or an answer after which it is closed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def request(self) -> h11.Request:
        """The request's line and headers. Raises EOFError, h11.ProtocolError."""
        event = await self._next()
        if not isinstance(event, h11.Request):
            raise EOFError
        return event

    async def body(self, given: Pass) -> AsyncIterator[bytes]:
        """The request's body."""
        while isinstance(event := await self._next(), h11.Data):
            given.spend(len(event.data))
            yield bytes(event.data)

    async def ask_who(self) -> None:
        """Answer that a pass is needed."""
        headers = [("proxy-authenticate", 'Basic realm="secateurs"'), ("content-length", "0"), ("connection", "close")]
        await self._send(h11.Response(status_code=407, headers=headers))
        await self._send(h11.EndOfMessage())

    async def answer(self, response: httpcore2.Response, given: Pass) -> None:
        """Pass on the server's answer as it comes."""
        headers = [*_passed_on(response.headers), (b"connection", b"close")]
        await self._send(h11.Response(status_code=response.status, headers=headers))
        async with aclosing(response.aiter_stream()) as chunks:
            async for chunk in chunks:
                given.spend(len(chunk))
                await self._send(h11.Data(data=chunk))
        await self._send(h11.EndOfMessage())

    async def join(self, stream: httpcore2.AsyncNetworkStream, given: Pass) -> None:
        """Open the tunnel, until either end closes it."""
        await self._send(h11.Response(status_code=200, headers=[]))
        if early := self._http.trailing_data[0]:
            given.spend(len(early))
            await stream.write(early)
        there = _pump(lambda: self._reader.read(_CHUNK_BYTES), stream.write, given)
        back = _pump(lambda: stream.read(_CHUNK_BYTES), self._write, given)
        both = [asyncio.create_task(there), asyncio.create_task(back)]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(_CHUNK_BYTES))
        return event

    async def _send(self, event: h11.Event) -> None:
        await self._write(self._http.send(event) or b"")

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


async def _pump(read: Callable[[], Awaitable[bytes]], write: Callable[[bytes], Awaitable[None]], given: Pass) -> None:
    with suppress(httpcore2.NetworkError, OSError):
        while data := await read():
            given.spend(len(data))
            await write(data)


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of an address to listen on. Raises InvalidInput.

    >>> parse_address("127.0.0.1:0"), parse_address("[::]:3128")
    (('127.0.0.1', 0), ('::', 3128))
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise InvalidInput(f"{text!r} is no address to listen on: HOST:PORT is, such as 0.0.0.0:3128")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _target(request: h11.Request) -> httpx.URL:
    """What is asked for; a tunnel's end as the address of a site. Raises httpx.InvalidURL."""
    target = request.target.decode("ascii", "replace")
    return httpx.URL(f"https://{target}" if request.method == b"CONNECT" else target)


def _framing(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The header that tells where the body ends; none where there is no body."""
    return [(name, value) for name, value in headers if name in {b"content-length", b"transfer-encoding"}]


def _passed_on(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """What is said to the other end."""
    return [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
