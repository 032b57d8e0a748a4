"""The transport at the bottom, against a real HTTP/2 server: connections kept and given up, headers bounded."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.fetch import Fetcher, FetchLimits, FetchTimeout, Guard, HeadersTooLarge, TlsFailed
from app.fetch.guard import Resolver
from tests.app.fetch.conftest import PAGE, QUIET, Handler, Site, all_of, answer, failure_of
from tests.app.fetch.http2 import HTML, Http2Site, http2_site

pytestmark = pytest.mark.anyio


async def to_loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture
async def modern() -> AsyncIterator[tuple[Http2Site, Fetcher, str]]:
    """A site that speaks HTTP/2 alone, a fetcher that may ask it, its URL."""
    async with http2_site("modern.test") as (site, trusting):
        limits = FetchLimits(bytes=100_000, first_byte_seconds=5.0)
        async with Fetcher(guard_for("modern.test"), limits, QUIET, verify=trusting) as fetcher:
            yield site, fetcher, f"https://modern.test:{site.port}"


Modern = tuple[Http2Site, Fetcher, str]


def guard_for(host: str, resolver: Resolver = to_loopback) -> Guard:
    return Guard(allowed_hosts=frozenset({host}), resolver=resolver)


async def test_pages_come_over_http2_and_share_a_connection(modern: Modern) -> None:
    """The name goes into SNI and :authority, though the connection goes to an address; the next page reuses it."""
    site, fetcher, url = modern
    site.answers = {"/a": (HTML, PAGE), "/b": (HTML, PAGE)}
    pages = [await fetcher.fetch(url + path) for path in ("/a", "/b", "/a")]
    assert [PAGE] * 3 == [page.html for page in pages]
    assert (1, ["modern.test"]) == (site.connections, site.server_names)
    assert {f"modern.test:{site.port}"} == {request[":authority"] for request in site.requests}


async def test_a_page_that_is_given_up_takes_its_connection_along_and_no_other_page(modern: Modern) -> None:
    """An endless page and one that never comes are cancelled at the deadline; the good one beside them arrives."""
    site, fetcher, url = modern
    site.answers = {"/good": (HTML, PAGE), "/endless": (HTML, None)}
    soon = asyncio.get_running_loop().time() + 0.3
    late = asyncio.create_task(all_of(fetcher, [f"{url}/endless", f"{url}/never"], deadline=soon))
    assert PAGE == (await fetcher.fetch(f"{url}/good")).html
    assert [FetchTimeout] * 2 == [type(result) for result in await late]
    opened = site.connections
    assert PAGE == (await fetcher.fetch(f"{url}/good")).html
    assert opened == site.connections
    while len(site.writers) > 1:
        await asyncio.sleep(0.001)


async def test_a_body_that_is_not_wanted_closes_its_connection(modern: Modern) -> None:
    """A type that can't be read is refused by its header, and nothing of it goes on flowing."""
    site, fetcher, url = modern
    site.answers["/"] = ([("content-type", "video/mp4")], None)
    assert "this is a video (video/mp4), not a page" == (await failure_of(fetcher, f"{url}/")).problem
    await site.all_closed()


@pytest.mark.parametrize("goodbye", [True, False])
async def test_an_idle_connection_that_was_dropped_costs_one_more_try(goodbye: bool, modern: Modern) -> None:
    """A server may close what it has kept open long enough; the page is asked for on a new connection."""
    site, fetcher, url = modern
    site.answers["/"] = (HTML, PAGE)
    await fetcher.fetch(f"{url}/")
    await site.drop_all(goodbye=goodbye)
    assert PAGE == (await fetcher.fetch(f"{url}/")).html
    assert 2 == site.connections


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ([(f"x-{number}", "y") for number in range(300)], "there are more than 200 headers"),
        ([("x", "y" * 64_000), ("z", "y" * 1_000)], "the headers have more than 60,000 bytes"),
    ],
    ids=["count", "size"],
)
async def test_headers_are_limited(headers: list[tuple[str, str]], problem: str, site: Site) -> None:
    """In number and in bytes, over HTTP/2 and HTTP/1.1; nothing is left open."""
    site.answers["/"] = answer(PAGE, "text/html", *(f"{name}: {value}" for name, value in headers))
    limits = FetchLimits(header_bytes=60_000)
    guard = Guard(allowed_hosts=frozenset({"modern.test", site.host}), resolver=to_loopback)
    async with (
        http2_site("modern.test") as (other, trusting),
        Fetcher(guard, limits, QUIET, verify=trusting) as fetcher,
    ):
        other.answers["/"] = ([*HTML, *headers], PAGE)
        for target in (f"https://modern.test:{other.port}/", f"{site.url}/"):
            error = await failure_of(fetcher, target)
            assert (HeadersTooLarge, problem) == (type(error), error.problem)
        await other.all_closed()
    await site.all_closed.wait()


async def endless_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x-more: and more\r\n" * 500)
        await writer.drain()


async def endless_hints(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 10)
        await writer.drain()
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("handler", "kind"),
    [(endless_headers, HeadersTooLarge), (endless_hints, FetchTimeout)],
    ids=["headers", "early-hints"],
)
async def test_headers_that_never_end_are_given_up(handler: Handler, kind: type[Exception], site: Site) -> None:
    """By their size while they come, or, where each answer before the answer is small, by their time."""
    site.answers["/"] = handler
    guard = Guard(allowed_hosts=frozenset({site.host}))
    async with Fetcher(guard, FetchLimits(first_byte_seconds=0.3), QUIET) as fetcher:
        assert isinstance(await failure_of(fetcher, f"{site.url}/"), kind)
        await site.all_closed.wait()


async def test_a_tls_handshake_that_never_ends_is_given_up(site: Site) -> None:
    """A plain server that is asked for TLS waits for more; the connection is closed at the time limit."""

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.set()
        await reader.read()
        await reader.read()
        writer.close()
        closed.set()

    opened, closed = asyncio.Event(), asyncio.Event()
    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Fetcher(guard_for("127.0.0.1"), FetchLimits(connect_seconds=0.2), QUIET) as fetcher:
        assert isinstance(await failure_of(fetcher, f"https://127.0.0.1:{port}/"), FetchTimeout)
        await asyncio.wait_for(closed.wait(), 10)
        opened.clear()
        closed.clear()
        task = asyncio.create_task(fetcher.fetch(f"https://127.0.0.1:{port}/"))
        await opened.wait()
        task.cancel()
        await asyncio.wait_for(closed.wait(), 10)


async def test_tls_that_fails_is_told_as_such() -> None:
    """A server without TLS where TLS was asked for is no dead server."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Fetcher(guard_for("127.0.0.1"), manners=QUIET) as fetcher:
        error = await failure_of(fetcher, f"https://127.0.0.1:{port}/")
    assert (TlsFailed, True) == (type(error), error.problem.startswith("TLS failed: "))


async def test_a_kept_connection_stays_with_its_address(site: Site) -> None:
    """A name whose address changes meanwhile is asked where it was checked, or looked up and checked anew."""
    site.answers["/"] = answer(PAGE)
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    lookups: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        lookups.append(host)
        return next(answers)

    async with Fetcher(guard_for("rebind.test", rebinding), manners=QUIET) as fetcher:
        for _ in range(3):
            await fetcher.fetch(f"http://rebind.test:{site.port}/")
    assert (["rebind.test"], 1) == (lookups, site.connections)
