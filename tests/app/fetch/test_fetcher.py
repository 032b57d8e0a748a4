"""The fetcher against real servers: what a good page gives, and what each kind of bad one costs."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest

from app.fetch import (
    BadStatus,
    ConnectionFailed,
    Fetcher,
    FetchLimits,
    FetchTimeout,
    FirstByteTimeout,
    Guard,
    HostUnknown,
    RateLimited,
    RedirectLoop,
    TooManyRedirects,
    TooSlow,
    UnreadableBody,
)
from pruning.document import Page
from tests.app.fetch.conftest import PAGE, QUIET, Site, all_of, answer, endless, failure_of

pytestmark = pytest.mark.anyio

LONG_AGO = -1.0


async def test_a_page_arrives_with_its_bytes_url_and_encoding(fetcher: Fetcher, site: Site) -> None:
    """The bytes are untouched and the encoding is the header's; decoding them is the core's work."""
    body = "<p>Bäume".encode("iso-8859-1")
    site.answers["/"] = answer(body, 'text/html; charset="ISO-8859-1"')
    page = await fetcher.fetch(f"{site.url}/")
    assert Page(html=body, url=f"{site.url}/", encoding="iso-8859-1") == page


async def test_plain_text_arrives_as_html(fetcher: Fetcher, site: Site) -> None:
    """What is no HTML but can be read becomes a page."""
    site.answers["/"] = answer(b"Pears & plums", "text/plain")
    assert b"<!doctype html>\n<p>Pears &amp; plums</p>\n" == (await fetcher.fetch(f"{site.url}/")).html


async def test_we_say_who_we_are_and_what_we_can_read(fetcher: Fetcher, site: Site) -> None:
    """The User-Agent names this project, not a browser; only encodings with a bound are asked for."""
    site.answers["/"] = answer(PAGE)
    await fetcher.fetch(f"{site.url}/")
    headers = site.requests[0][1]
    assert headers["user-agent"].startswith("secateurs/")
    assert "gzip, deflate, br, zstd" == headers["accept-encoding"]


async def test_a_redirect_is_followed_and_the_last_url_counts(fetcher: Fetcher, site: Site) -> None:
    """Relative locations are resolved, and a cookie set on the way is sent on within this fetch alone."""
    site.answers["/a"] = answer(b"", "text/html", "location: /b", "set-cookie: seen=1", status="302 Found")
    site.answers["/b"] = answer(PAGE)
    assert f"{site.url}/b" == (await fetcher.fetch(f"{site.url}/a")).url
    await fetcher.fetch(f"{site.url}/b")
    assert ["seen=1", None] == [headers.get("cookie") for path, headers in site.requests if path == "/b"]


async def test_connections_are_used_again(fetcher: Fetcher, site: Site) -> None:
    """Three pages of one server, one after the other, take one connection."""
    site.answers["/"] = answer(PAGE)
    for _ in range(3):
        await fetcher.fetch(f"{site.url}/")
    assert 1 == site.connections


async def test_a_redirect_loop_ends(fetcher: Fetcher, site: Site) -> None:
    """The second time at the same URL, with no other cookie, is enough."""
    site.answers["/"] = answer(b"", "text/html", "location: /again", status="301 Moved Permanently")
    site.answers["/again"] = answer(b"", "text/html", "location: /", status="302 Found")
    error = await failure_of(fetcher, f"{site.url}/")
    assert (RedirectLoop, "a redirect leads back to an earlier one") == (type(error), error.problem)
    assert 2 == len(site.requests)


async def test_redirects_that_never_come_back_end_as_well(fetcher: Fetcher, site: Site) -> None:
    """After as many hops as the limits allow the fetch is given up."""
    for hop in range(9):
        site.answers[f"/{hop}"] = answer(b"", "text/html", f"location: /{hop + 1}", status="307 Temporary Redirect")
    error = await failure_of(fetcher, f"{site.url}/0")
    assert TooManyRedirects is type(error)
    assert "more than 3 redirects; SECATEURS_FETCH_REDIRECTS sets how many are followed" == error.problem
    assert 4 == len(site.requests)


async def test_a_site_may_set_a_cookie_and_send_us_back(fetcher: Fetcher, site: Site) -> None:
    """The same URL with another cookie is no loop."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen = "cookie" in site.requests[-1][1]
        to_itself = answer(b"", "text/html", "location: /", "set-cookie: seen=1", status="302 Found")
        writer.write(answer(PAGE) if seen else to_itself)

    site.answers["/"] = once
    assert PAGE == (await fetcher.fetch(f"{site.url}/")).html
    assert 1 == site.connections


async def test_the_body_of_a_redirect_is_not_read(fetcher: Fetcher, site: Site) -> None:
    """A redirect with an endless body leads on at once."""
    site.answers["/"] = endless(b"HTTP/1.1 302 Found\r\nlocation: /there\r\n\r\n")
    site.answers["/there"] = answer(PAGE)
    assert PAGE == (await fetcher.fetch(f"{site.url}/")).html


async def test_a_tarpit_costs_the_time_of_one_page(site: Site) -> None:
    """A server that sends a byte now and then is never silent, and still runs out of its page's time."""
    site.answers["/"] = drip
    guard = Guard(allowed_hosts=frozenset({site.host}))
    async with Fetcher(guard, FetchLimits(seconds=0.3), QUIET) as fetcher:
        error = await failure_of(fetcher, f"{site.url}/")
        assert (FetchTimeout, "the page did not arrive in time") == (type(error), error.problem)
        await site.all_closed.wait()


async def test_a_server_that_does_not_answer_is_given_up(site: Site) -> None:
    """No first byte within its seconds, and the connection is closed."""
    site.answers["/"] = never
    guard = Guard(allowed_hosts=frozenset({site.host}))
    async with Fetcher(guard, FetchLimits(first_byte_seconds=0.1), QUIET) as fetcher:
        error = await failure_of(fetcher, f"{site.url}/")
        assert (FirstByteTimeout, "the server did not answer within 0.1 s") == (type(error), error.problem)
        await site.all_closed.wait()


async def test_a_page_that_drips_is_given_up(site: Site) -> None:
    """A byte now and then is less than the minimum speed."""
    site.answers["/"] = drip
    guard = Guard(allowed_hosts=frozenset({site.host}))
    async with Fetcher(guard, FetchLimits(pace_seconds=0.2), QUIET) as fetcher:
        error = await failure_of(fetcher, f"{site.url}/")
        assert (TooSlow, "fewer than 500 bytes came in 0.2 s") == (type(error), error.problem)
        await site.all_closed.wait()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5000\r\n\r\n<p>half")
    await writer.drain()
    writer.transport.abort()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def test_a_connection_that_breaks_is_an_error_and_no_short_page(fetcher: Fetcher, site: Site) -> None:
    """A reset, a hang-up, a body shorter than announced, a broken chunk and nonsense: never half a page."""
    site.answers = {
        "/reset": reset,
        "/hang-up": hang_up,
        "/nonsense": b"220 mail.test ESMTP\r\n\r\n",
        "/chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n<p>",
    }
    failures = [await failure_of(fetcher, site.url + path) for path in site.answers]
    assert [ConnectionFailed] * 4 == [type(error) for error in failures]


async def test_nobody_there_is_a_failed_connection(fetcher: Fetcher, site: Site) -> None:
    """A port without a server and a host without an address."""
    guard = Guard(allowed_hosts=frozenset({"127.0.0.99", "nobody.invalid"}))
    async with Fetcher(guard, manners=QUIET) as allowed:
        failures = [await failure_of(allowed, f"http://{host}:{site.port}/") for host in sorted(guard.allowed_hosts)]
    assert [ConnectionFailed, HostUnknown] == [type(error) for error in failures]


@pytest.mark.parametrize("status", ["404 Not Found", "429 Too Many Requests", "503 Service Unavailable", "304 "])
async def test_a_bad_status_is_an_error_with_its_number(status: str, fetcher: Fetcher, site: Site) -> None:
    """An error page is no page, however nice its HTML."""
    site.answers["/"] = answer(b"" if status == "304 " else PAGE, status=status)
    error = await failure_of(fetcher, f"{site.url}/")
    assert (RateLimited if status.startswith("429") else BadStatus) is type(error)
    assert (int(status[:3]), f"the server answers {status.strip()}") == (error.status, error.problem)


@pytest.mark.parametrize(
    ("kind", "body", "problem"),
    [
        ("image/png", b"<p>no image", "this is an image (image/png), not a page"),
        (
            "application/x-odd",
            b"<p>",
            "this is no format that can be read (application/x-odd), not a page",
        ),
        ("text/html", b"\x89PNG\r\n\x1a\n", "this is a PNG image, not a page"),
        ("text/html", b"%PDF-1.7 ...", "this PDF is damaged"),
        ("text/plain", b"PK\x03\x04...", "this is a ZIP archive, not a page"),
        ("text/plain", b"ELF\0\1\2", "this is binary data, not a page"),
        ("", b"ELF\0\1\2", "this is binary data, not a page"),
        ("text/html", b" \n", "there is nothing in it: the page is empty"),
    ],
)
async def test_what_is_no_page_is_refused_by_name(
    kind: str, body: bytes, problem: str, fetcher: Fetcher, site: Site
) -> None:
    """The type that the server names is believed where it says no, and checked where it says yes."""
    site.answers["/"] = answer(body, kind)
    error = await failure_of(fetcher, f"{site.url}/")
    assert (UnreadableBody, problem) == (type(error), error.problem)


async def test_the_body_of_a_wrong_type_is_not_read(fetcher: Fetcher, site: Site) -> None:
    """An endless video is refused by its header."""
    site.answers["/"] = endless(b"HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\n\r\n")
    error = await failure_of(fetcher, f"{site.url}/")
    assert "this is a video (video/mp4), not a page" == error.problem


async def test_one_page_costs_no_other_page_anything(fetcher: Fetcher, site: Site) -> None:
    """Errors stand beside pages."""
    site.answers = {"/good": answer(PAGE), "/reset": reset}
    paths = ["/reset", "/good", "/gone"]
    results = await all_of(fetcher, [site.url + path for path in paths])
    assert [ConnectionFailed, Page, BadStatus] == [type(result) for result in results]
    assert 3 == len(site.requests)


async def test_what_is_late_is_cancelled_and_the_rest_comes_back(
    fetcher: Fetcher, site: Site, start_site: Callable[..., Awaitable[Site]]
) -> None:
    """At the deadline slow pages are timeouts, good ones pages, and no connection to a slow one is open."""
    site.answers = {"/good": answer(PAGE), "/never": never, "/drip": drip}
    results = await all_of(
        fetcher, [site.url + path for path in ("/never", "/good", "/drip")], deadline=anyio.current_time() + 0.5
    )
    assert [FetchTimeout, Page, FetchTimeout] == [type(result) for result in results]
    await fetcher.aclose()
    await site.all_closed.wait()


async def test_a_deadline_in_the_past_asks_nobody(fetcher: Fetcher, site: Site) -> None:
    """Too late is too late."""
    [result] = await all_of(fetcher, [f"{site.url}/"], deadline=anyio.current_time() + LONG_AGO)
    assert (FetchTimeout, 0) == (type(result), site.connections)


async def test_cancelling_the_caller_closes_the_connection(fetcher: Fetcher, site: Site) -> None:
    """Who no longer waits for a page leaves nothing behind."""
    site.answers["/"] = never
    task = asyncio.create_task(fetcher.fetch(f"{site.url}/"))
    while not site.requests:
        await asyncio.sleep(0)
    task.cancel()
    await site.all_closed.wait()
    assert task.cancelled()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
