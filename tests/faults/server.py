"""One server with every fault that there is a name for: asyncio sockets, one small function a fault.

It listens on several addresses of the loopback, so that faults of a host stay with that host, and keeps account of what
it was asked and what it sent. It is a search engine, too, that speaks SearXNG's wire format and finds the faults.
"""

import asyncio
import gzip
import json
import socket
import ssl
import threading
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import brotli

from app.fetch.codings import zstd

ENGINE, FAULTY, GOOD = "127.0.0.1", "127.0.0.2", "127.0.0.3"
ROBOTS_FAIL, ROBOTS_HANG, ROBOTS_FORBID = "127.0.0.4", "127.0.0.5", "127.0.0.6"
HOSTS = (ENGINE, FAULTY, GOOD, ROBOTS_FAIL, ROBOTS_HANG, ROBOTS_FORBID)

PEARS = "Pears are cut in late winter, before the buds swell"
PAGE = f"<!doctype html><title>Pears</title><h1>Pears</h1><p>{PEARS}.".encode()

GERMAN = "Über die Größe der Äpfel und Birnen läßt sich streiten; schöne Früchte gibt es überall. Viele Grüße!"


def page_of(path: str) -> bytes:
    """A good page that no other path has."""
    return PAGE + f"<p>So says the page {path}.".encode()


@dataclass(slots=True)
class Client:
    """One request and the way to answer it."""

    path: str
    headers: dict[str, str]
    seen: int
    writer: asyncio.StreamWriter
    sent: Counter[str]

    async def send(self, *parts: bytes | str) -> None:
        """Send bytes as they are."""
        for part in parts:
            data = part.encode() if isinstance(part, str) else part
            self.writer.write(data)
            await self.writer.drain()
            self.sent[self.path] += len(data)

    async def head(self, *headers: str, status: str = "200 OK") -> None:
        """Send the head of an answer."""
        await self.send("\r\n".join((f"HTTP/1.1 {status}", "connection: close", *headers)), "\r\n\r\n")

    async def page(self, body: bytes | None = None, *headers: str, status: str = "200 OK") -> None:
        """Send an answer as it should be."""
        body = page_of(self.path) if body is None else body
        kinds = () if any(header.startswith("content-type") for header in headers) else ("content-type: text/html",)
        await self.head(*kinds, *headers, f"content-length: {len(body)}", status=status)
        await self.send(body)


Fault = Callable[[Client], Awaitable[None]]
FAULTS: dict[str, Fault] = {}


def fault(function: Fault) -> Fault:
    """Offer a fault under the function's name, with hyphens."""
    FAULTS[function.__name__.replace("_", "-")] = function  # type: ignore[attr-defined]
    return function


async def forever() -> None:
    """Until the client goes."""
    await asyncio.sleep(3600)


# Time.


@fault
async def silent(client: Client) -> None:
    """Takes the request and says nothing."""
    await forever()


@fault
async def slow_head(client: Client) -> None:
    """A header now and then, and never the last."""
    await client.send("HTTP/1.1 200 OK\r\n")
    while True:
        await client.send("x-wait: a little\r\n")
        await asyncio.sleep(0.1)


@fault
async def tarpit(client: Client) -> None:
    """A byte now and then."""
    await client.head("content-type: text/html")
    while True:
        await client.send("x")
        await asyncio.sleep(0.1)


@fault
async def stalls(client: Client) -> None:
    """Half a page, then nothing."""
    await client.head("content-type: text/html", "content-length: 100000")
    await client.send(PAGE)
    await forever()


# Size.


@fault
async def endless(client: Client) -> None:
    """A page that never ends."""
    await client.head("content-type: text/html")
    while True:
        await client.send(b"<p>Pears, pears, pears" * 400)


@fault
async def endless_chunks(client: Client) -> None:
    """The same, in small chunks."""
    await client.head("content-type: text/html", "transfer-encoding: chunked")
    while True:
        await client.send(b"400\r\n" + b"<p>Pear!" * 128 + b"\r\n")


@fault
async def announces_too_much(client: Client) -> None:
    """A length over the limit."""
    await client.head("content-type: text/html", "content-length: 50000000000")
    await forever()


@fault
async def endless_head(client: Client) -> None:
    """One header without end."""
    await client.send("HTTP/1.1 200 OK\r\nx-long: ")
    while True:
        await client.send(b"x" * 10_000)


@fault
async def too_many_headers(client: Client) -> None:
    """More headers than anybody needs."""
    await client.page(PAGE, *(f"x-{number}: 1" for number in range(1_000)))


ZEROS = bytes(50_000_000)


def bomb(coding: str, packed: bytes) -> None:
    """A small body that unpacks to 50 MB or more."""

    async def send(client: Client) -> None:
        await client.page(packed, f"content-encoding: {coding}")

    FAULTS[f"bomb-{coding.replace(', ', '-')}"] = send


bomb("gzip", gzip.compress(ZEROS))
bomb("deflate", zlib.compress(ZEROS))
bomb("br", brotli.compress(ZEROS, quality=1))
bomb("zstd", zstd.compress(ZEROS))
bomb("gzip, gzip", gzip.compress(gzip.compress(ZEROS)))


# Redirects.


@fault
async def redirect_loop(client: Client) -> None:
    """To itself, by way of another."""
    await client.head("location: /redirect-loop?" + ("b" if client.path.endswith("a") else "a"), status="302 Found")


@fault
async def endless_redirects(client: Client) -> None:
    """Each time to another address."""
    await client.head(f"location: /endless-redirects?{client.seen}", status="302 Found")


@fault
async def redirect_without_end(client: Client) -> None:
    """To a good page, with an endless body of its own."""
    await client.head(f"location: http://{GOOD}:{_port(client)}/redirected", status="302 Found")
    while True:
        await client.send(b"x" * 10_000)


def redirect(name: str, location: str) -> None:
    """A redirect to where nobody may be sent."""

    async def send(client: Client) -> None:
        await client.head(f"location: {location.format(port=_port(client))}", status="302 Found")

    FAULTS[name] = send


redirect("redirect-into-private", "http://10.0.0.1/")
redirect("redirect-to-metadata", "http://169.254.169.254/latest/meta-data/")
redirect("redirect-to-ourselves", "http://127.0.0.1:{port}/secret")
redirect("redirect-in-disguise", "http://2130706433:{port}/secret")
redirect("redirect-to-mapped-address", "http://[::ffff:127.0.0.1]:{port}/secret")
redirect("redirect-to-a-file", "file:///etc/passwd")


# Connections that break, and what is no HTTP.


@fault
async def reset_in_the_middle(client: Client) -> None:
    """Half a page, then a reset."""
    await client.head("content-type: text/html", "content-length: 100000")
    await client.send(PAGE)
    _reset(client)


@fault
async def reset_at_once(client: Client) -> None:
    """A reset instead of an answer."""
    _reset(client)


@fault
async def hangs_up(client: Client) -> None:
    """The end instead of an answer."""


@fault
async def shorter_than_announced(client: Client) -> None:
    """Ends before the length that it named."""
    await client.head("content-type: text/html", f"content-length: {len(PAGE) + 100}")
    await client.send(PAGE)


@fault
async def longer_than_announced(client: Client) -> None:
    """Goes on after the length that it named."""
    await client.page()
    await client.send("<p>more than was said" * 10)


@fault
async def broken_chunk(client: Client) -> None:
    """A chunk whose length is no number."""
    await client.head("content-type: text/html", "transfer-encoding: chunked")
    await client.send("zz\r\n", PAGE)


@fault
async def no_http(client: Client) -> None:
    """A mail server's greeting."""
    await client.send("220 mail.example ESMTP ready\r\n\r\n")


# Encodings and types.


@fault
async def wrong_charset(client: Client) -> None:
    """Says UTF-8, sends Latin-1."""
    await client.page(f"<p>{GERMAN} {PEARS}".encode("latin-1"), "content-type: text/html; charset=utf-8")


@fault
async def unknown_charset(client: Client) -> None:
    """A charset that nobody knows."""
    await client.page(f"<p>{GERMAN} {PEARS}!".encode(), "content-type: text/html; charset=x-klingon")


@fault
async def falsely_compressed(client: Client) -> None:
    """Says gzip, sends text."""
    await client.page(PAGE, "content-encoding: gzip")


@fault
async def compressed_in_part(client: Client) -> None:
    """Half of a compressed page."""
    packed = gzip.compress(PAGE * 100)
    await client.page(packed[: len(packed) // 2], "content-encoding: gzip")


@fault
async def unknown_compression(client: Client) -> None:
    """A compression that was not asked for."""
    await client.page(PAGE, "content-encoding: x-rot13")


@fault
async def image_as_html(client: Client) -> None:
    """An image that calls itself HTML."""
    await client.page(b"\x89PNG\r\n\x1a\n" + bytes(1_000), "content-type: text/html")


@fault
async def archive_as_text(client: Client) -> None:
    """An archive that calls itself text."""
    await client.page(b"PK\x03\x04" + bytes(1_000), "content-type: text/plain")


@fault
async def video(client: Client) -> None:
    """A film without end."""
    await client.head("content-type: video/mp4")
    while True:
        await client.send(bytes(10_000))


@fault
async def no_type(client: Client) -> None:
    """HTML that nobody calls so."""
    await client.head()
    await client.send(page_of(client.path))


@fault
async def empty(client: Client) -> None:
    """Nothing, with a good status."""
    await client.page(b"")


# Statuses.


@fault
async def gone(client: Client) -> None:
    """A nice page that says that there is none."""
    await client.page(PAGE, status="410 Gone")


@fault
async def busy_for_long(client: Client) -> None:
    """429, come back in an hour."""
    await client.page(b"", "retry-after: 3600", status="429 Too Many Requests")


@fault
async def busy_for_a_moment(client: Client) -> None:
    """429, and the page when asked again."""
    if client.seen == 1:
        await client.page(b"", "retry-after: 0", status="429 Too Many Requests")
    else:
        await client.page()


@fault
async def fails(client: Client) -> None:
    """500 each time."""
    await client.page(PAGE, status="500 Internal Server Error")


@fault
async def fails_once(client: Client) -> None:
    """503, and the page when asked again."""
    if client.seen == 1:
        await client.page(b"", status="503 Service Unavailable")
    else:
        await client.page()


@fault
async def forbids(client: Client) -> None:
    """403, as SearXNG says it where its settings allow no JSON."""
    await client.page(b"", status="403 Forbidden")


@fault
async def html(client: Client) -> None:
    """A page, whatever was asked for."""
    await client.page()


# Pages that arrive and are hard to read.


@fault
async def too_many_elements(client: Client) -> None:
    """More elements than the limit, within the bytes."""
    await client.page(b"<p>x" * 60_000)


@fault
async def too_deep(client: Client) -> None:
    """Ten thousand levels."""
    await client.page(b"<div>" * 10_000 + PAGE)


def _port(client: Client) -> int:
    port: int = client.writer.get_extra_info("sockname")[1]
    return port


def _reset(client: Client) -> None:
    """Close so that the other side sees a reset."""
    connection = client.writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.writer.transport.abort()


@dataclass(slots=True)
class FaultyServer:
    """The server, in a thread of its own.

    Attributes:
        port: on all of `HOSTS`.
        tls: name of a certificate -> port on FAULTY where it is shown; "hangs" is one that never shakes hands.
        finds: what the search engine finds: (url, snippet).
        pages: by path, what good pages hold; any other path has a page of its own.
        asked: requests by path, without the query.
        sent: bytes sent by path.
        open: connections.
    """

    port: int = 0
    tls: dict[str, int] = field(default_factory=dict)
    finds: list[tuple[str, str | None]] = field(default_factory=list)
    pages: dict[str, bytes] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one answer, and the end."""
        self.open.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
                await self._respond((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"), reader, writer)
        finally:
            self.open.discard(writer)
            writer.close()

    async def _respond(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.strip().split("\r\n")
        target = urlsplit(first.split()[1])
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        name = target.path.strip("/")
        self.asked[name] += 1
        client = Client(f"{name}?{target.query}".strip("?"), headers, self.asked[name], writer, self.sent)
        act = asyncio.ensure_future(self._act(name, target.query, client))
        # Whoever hangs up ends the fault, so that none outlives its test.
        gone = asyncio.ensure_future(reader.read())
        await asyncio.wait((act, gone), return_when=asyncio.FIRST_COMPLETED)
        act.cancel()
        gone.cancel()
        await asyncio.gather(act, gone, return_exceptions=True)

    async def _act(self, name: str, query: str, client: Client) -> None:
        host = client.writer.get_extra_info("sockname")[0]
        if name == "robots.txt":
            await self._robots(host, client)
        elif name == "search":
            await self._search(query, client)
        elif name in self.pages:
            await client.page(self.pages[name])
        else:  # an engine that fails does so at an address of its own
            await FAULTS.get(name.removesuffix("/search"), Client.page)(client)

    async def _robots(self, host: str, client: Client) -> None:
        if host == ROBOTS_HANG:
            await forever()
        status = {ROBOTS_FORBID: "200 OK", ROBOTS_FAIL: "500 Oh"}.get(host, "404 Not Found")
        await client.page(b"User-agent: *\nDisallow: /", "content-type: text/plain", status=status)

    async def _search(self, query: str, client: Client) -> None:
        """What stands at the addresses that the query names, or all that there is."""
        wanted = set(parse_qs(query)["q"][0].split())
        found = [row for row in self.finds if row[0] in wanted] or self.finds
        rows = [{"url": url, "title": f"About {url}", "content": snippet} for url, snippet in found]
        await client.page(json.dumps({"results": rows}).encode(), "content-type: application/json")


async def _hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the connection, and never shakes hands."""
    await reader.read(1)
    await reader.read()
    writer.close()


@contextmanager
def faulty_server(certificates: dict[str, ssl.SSLContext] | None = None) -> Iterator[FaultyServer]:
    """The server on free ports; on leaving, all that it does is ended."""
    server = FaultyServer()
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        first = await asyncio.start_server(server.answer, HOSTS[0], 0)
        server.port = first.sockets[0].getsockname()[1]
        servers = [first, *[await asyncio.start_server(server.answer, host, server.port) for host in HOSTS[1:]]]
        for name, context in (certificates or {}).items():
            servers.append(await asyncio.start_server(server.answer, FAULTY, 0, ssl=context))
            server.tls[name] = servers[-1].sockets[0].getsockname()[1]
        servers.append(await asyncio.start_server(_hang, FAULTY, 0))
        server.tls["hangs"] = servers[-1].sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        for one in servers:
            one.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        ready.wait(30)
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()
