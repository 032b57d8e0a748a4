"""Real servers on the loopback that answer with the bytes a test gives them, good or bad."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import httpx
import pytest

from app.fetch import Fetcher, FetchError, FetchLimits, Guard, Manners
from pruning.document import Page

PAGE = b"<!doctype html><title>Pears</title><p>Cut in late winter."

# Without a request for robots.txt before the first page of a site.
QUIET = Manners(robots=False)
# The usual signers, read once: that takes longer than most tests.
CONTEXT = httpx.create_ssl_context()

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio."""
    return "asyncio"


class Site:
    """A server on a free port. `answers` maps a path to bytes or to a coroutine that writes them."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Handler] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.open_connections = 0
        self.connections = 0
        self.all_closed = asyncio.Event()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        self.all_closed.clear()
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head.decode("latin-1"), reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            writer.close()
            self.open_connections -= 1
            if self.open_connections == 0:
                self.all_closed.set()

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, *headers = head.strip().split("\r\n")
        path = request.split()[1]
        named = (line.partition(": ") for line in headers)
        self.requests.append((path, {name.lower(): value for name, _, value in named}))
        answer = self.answers.get(path, b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        if isinstance(answer, bytes):
            writer.write(answer)
        else:
            await answer(reader, writer)
        await writer.drain()


@pytest.fixture
async def start_site() -> AsyncIterator[Callable[..., Awaitable[Site]]]:
    """Starts as many sites as a test asks for."""
    servers: list[asyncio.Server] = []
    tasks: set[asyncio.Task[None]] = set()

    async def start(tls: ssl.SSLContext | None = None) -> Site:
        site = Site()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            await site.handle(reader, writer)
            tasks.discard(task)

        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
        servers.append(server)
        site.port = server.sockets[0].getsockname()[1]
        return site

    yield start
    for server in servers:
        server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def site(start_site: Callable[..., Awaitable[Site]]) -> Site:
    """The site that `fetcher` may ask."""
    return await start_site()


@pytest.fixture
async def fetcher(site: Site) -> AsyncIterator[Fetcher]:
    """A fetcher as by default, but for its small limits and its leave to ask `site`."""
    limits = FetchLimits(bytes=100_000, redirects=3, seconds=20.0, first_byte_seconds=10.0, retry_seconds=0.0)
    async with Fetcher(Guard(allowed_hosts=frozenset({site.host})), limits, QUIET, verify=CONTEXT) as made:
        yield made


def answer(body: bytes, kind: str = "text/html", *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(body)}", *headers]
    return "\r\n".join(line for line in lines if not line.endswith(": ")).encode() + b"\r\n\r\n" + body


async def all_of(fetcher: Fetcher, urls: Sequence[str], *, deadline: float | None = None) -> list[Page | FetchError]:
    """Page or error for each address, fetched side by side."""

    async def one(url: str) -> Page | FetchError:
        try:
            return await fetcher.fetch(url, deadline=deadline)
        except FetchError as error:
            return error

    return await asyncio.gather(*map(one, urls))


async def failure_of(fetcher: Fetcher, url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await fetcher.fetch(url)
    assert url == caught.value.url
    assert 1 == len(str(caught.value).splitlines())
    return caught.value


def endless(head: bytes, filler: bytes = b"<p>again") -> Handler:
    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(filler * 100)
            await writer.drain()

    return write
