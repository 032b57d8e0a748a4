"""Servers that mean harm: each costs its own page, by a named error, and leaves nothing behind."""

import asyncio
import gc
import gzip
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import anyio
import brotli
import pytest

from app.fetch import (
    BadStatus,
    BodyTooLarge,
    ConnectionFailed,
    Fetcher,
    FetchError,
    FetchLimits,
    FirstByteTimeout,
    Guard,
    HeadersTooLarge,
    Manners,
    RateLimited,
    RedirectLoop,
    Refused,
    TooManyRedirects,
    TooSlow,
    UnpackedTooLarge,
    UnreadableBody,
)
from app.fetch.codings import zstd
from pruning.document import Page
from tests.app.fetch.conftest import PAGE, Handler, Site, all_of, answer, endless

pytestmark = pytest.mark.anyio

LIMITS = FetchLimits(
    bytes=30_000, redirects=4, seconds=20.0, first_byte_seconds=2.0, pace_seconds=1.0, retry_seconds=0.01
)
HASTY = replace(LIMITS, first_byte_seconds=0.2, pace_seconds=0.2)
# All attacks come from one host here; robots.txt is one of the things that they can attack with.
MANNERS = Manners(per_host=50)

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n"
ZEROS = bytes(30_000_000)


def silent(*first: bytes) -> Handler:
    """Sends something and then nothing more, for ever."""

    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(first))
        await reader.read()

    return write


def dripping(first: bytes, drop: bytes) -> Handler:
    """Sends a little now and then, for ever."""

    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.02)

    return write


def resetting(first: bytes) -> Handler:
    """Sends something and resets the connection."""

    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await writer.drain()
        writer.transport.abort()

    return write


def closing(first: bytes) -> Handler:
    """Sends something and closes the connection."""

    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await writer.drain()
        writer.close()

    return write


def packed(coding: str, body: bytes) -> bytes:
    return answer(body, "text/html", f"content-encoding: {coding}")


def redirect(target: str) -> bytes:
    return answer(b"", "text/html", f"location: {target}", status="302 Found")


ATTACKS: dict[str, tuple[bytes | Handler, type[FetchError]]] = {
    "no answer": (silent(), FirstByteTimeout),
    "half an answer's head": (silent(HEAD), FirstByteTimeout),
    "a head that drips": (dripping(HEAD, b"x-a: b\r\n"), FirstByteTimeout),
    "a head that never ends": (endless(HEAD, b"x-a: b\r\n"), HeadersTooLarge),
    "one header that never ends": (endless(HEAD + b"x-a: ", b"bbbbbbbb"), HeadersTooLarge),
    "too many headers": (HEAD + b"x: y\r\n" * 500 + b"content-length: 0\r\n\r\n", HeadersTooLarge),
    "hints that never end": (dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), FirstByteTimeout),
    "no body": (silent(HEAD + b"\r\n"), TooSlow),
    "half a body": (silent(HEAD + b"content-length: 900\r\n\r\n" + b"<p>" * 200), TooSlow),
    "a body that drips": (dripping(HEAD + b"\r\n", b"x"), TooSlow),
    "chunks that drip": (dripping(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), TooSlow),
    "a body that never ends": (endless(HEAD + b"\r\n"), BodyTooLarge),
    "chunks that never end": (
        endless(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"c8\r\n%b\r\n" % (b"x" * 200)),
        BodyTooLarge,
    ),
    "a body in crumbs": (endless(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), UnreadableBody),
    "an enormous length": (HEAD + b"content-length: 99999999999999\r\n\r\n", BodyTooLarge),
    "a length that is no number": (HEAD + b"content-length: " + b"9" * 5000 + b"\r\n\r\n", ConnectionFailed),
    "two lengths": (HEAD + b"content-length: 3\r\ncontent-length: 4\r\n\r\n<p>x", ConnectionFailed),
    "too short for its length": (closing(HEAD + b"content-length: 900\r\n\r\n<p>"), ConnectionFailed),
    "a chunk size out of this world": (
        HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"f" * 99 + b"\r\n",
        ConnectionFailed,
    ),
    "a reset at once": (resetting(b""), ConnectionFailed),
    "a reset in the middle": (resetting(HEAD + b"content-length: 900\r\n\r\n<p>"), ConnectionFailed),
    "another protocol": (closing(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n"), ConnectionFailed),
    "a gzip bomb": (packed("gzip", gzip.compress(ZEROS)), UnpackedTooLarge),
    "a brotli bomb": (packed("br", brotli.compress(ZEROS, quality=1)), UnpackedTooLarge),
    "a zstd bomb": (packed("zstd", zstd.compress(ZEROS)), UnpackedTooLarge),
    "a bomb in a bomb": (packed("gzip, br", brotli.compress(gzip.compress(ZEROS))), UnpackedTooLarge),
    "a bomb in pieces": (packed("gzip", gzip.compress(ZEROS[:10_000]) * 9), UnpackedTooLarge),
    "gzip without output": (endless(HEAD + b"content-encoding: gzip\r\n\r\n", gzip.compress(b"")), BodyTooLarge),
    "gzip that breaks off": (packed("gzip", gzip.compress(PAGE)[:-9]), UnreadableBody),
    "gzip that is none": (packed("gzip", PAGE), UnreadableBody),
    "unknown coding": (packed("lzma", PAGE), UnreadableBody),
    "a redirect to itself": (redirect("?"), RedirectLoop),
    "a redirect to a file": (redirect("file:///etc/passwd"), Refused),
    "a redirect inside": (redirect("http://localhost/admin"), Refused),
    "a redirect to metadata": (redirect("http://169.254.169.254/latest/meta-data/"), Refused),
    "a redirect to another port": (redirect("//page.example:6379/"), Refused),
    "a redirect to nothing": (redirect("http://"), Refused),
    "a redirect to nonsense": (redirect("http://[::"), ConnectionFailed),
    "a redirect with an endless body": (endless(b"HTTP/1.1 302 X\r\nlocation: file:///\r\n\r\n"), Refused),
    "limited": (answer(b"", "text/html", "retry-after: 99999", status="429 X"), RateLimited),
    "failing": (answer(b"", "text/html", status="500 X"), BadStatus),
}


async def redirects_without_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(redirect(f"/on-and-on?{random.random()}"))


def armed(site: Site) -> list[str]:
    """The site with all attacks; their URLs."""
    site.answers = {f"/{name.replace(' ', '-')}": attack for name, (attack, _) in ATTACKS.items()}
    return [site.url + path for path in site.answers]


def guarded(site: Site) -> Guard:
    return Guard(allowed_hosts=frozenset({site.host}))


async def test_every_attack_is_a_named_error_and_costs_no_other_page(site: Site) -> None:
    """All of them at once, with good pages among them."""
    urls = armed(site)
    site.answers["/good"] = answer(PAGE)
    good = [f"{site.url}/good?{number}" for number in range(5)]
    site.answers |= {f"/good?{number}": answer(PAGE) for number in range(5)}
    async with Fetcher(guarded(site), LIMITS, MANNERS) as fetcher:
        results = await all_of(fetcher, [*good, *urls])
    assert [Page] * 5 == [type(result) for result in results[:5]]
    named = dict(zip(ATTACKS, results[5:], strict=True))
    expected = {name: kind for name, (_, kind) in ATTACKS.items()}
    assert expected == {name: type(result) for name, result in named.items()}
    for error in named.values():
        assert isinstance(error, FetchError)
        assert 1 == len(str(error).splitlines())
        assert len(str(error)) < 500


async def test_redirects_that_lead_on_for_ever(site: Site) -> None:
    """Each to a new URL."""

    class Everywhere(dict):  # type: ignore[type-arg]
        def get(self, path: str, default: object = None) -> Handler:
            return redirects_without_end

    site.answers = Everywhere()
    async with Fetcher(guarded(site), LIMITS, Manners(robots=False)) as fetcher:
        with pytest.raises(TooManyRedirects):
            await fetcher.fetch(f"{site.url}/")
    assert 5 == len(site.requests)


async def test_robots_txt_can_attack_too(start_site: Callable[..., Awaitable[Site]]) -> None:
    """Whatever the file does, the page is fetched or not within its limits, and other sites' pages are."""
    sites = [await start_site() for _ in ATTACKS]
    for one, (attack, _) in zip(sites, ATTACKS.values(), strict=True):
        one.answers = {"/robots.txt": attack, "/": answer(PAGE)}
    guard = Guard(allowed_hosts=frozenset({"127.0.0.1"}))
    async with Fetcher(guard, LIMITS, MANNERS) as fetcher:
        results = await all_of(fetcher, [f"{one.url}/" for one in sites])
    assert {Page} < {type(result) for result in results}
    for one, result in zip(sites, results, strict=True):
        assert isinstance(result, Page | FetchError)
        await one.all_closed.wait()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_nothing_is_left_behind(site: Site) -> None:
    """A hundred pages, some good, most of them attacks, and a third of them cancelled: no task, connection or file."""
    urls = armed(site)
    site.answers["/good"] = answer(PAGE)
    site.answers["/robots.txt"] = answer(b"", "text/plain")
    tasks_before = asyncio.all_tasks()
    files_before = open_files()
    pick = random.Random(4)
    async with Fetcher(guarded(site), HASTY, MANNERS) as fetcher:
        for _ in range(3):
            chosen = pick.choices([*urls, f"{site.url}/good"], k=20)
            running = [asyncio.create_task(fetcher.fetch(url)) for url in chosen]
            for task in running[::3]:
                asyncio.get_running_loop().call_later(pick.random() * 0.1, task.cancel)
            done = await asyncio.gather(*running, return_exceptions=True)
            assert set() == {
                type(one) for one in done if not isinstance(one, Page | FetchError | asyncio.CancelledError)
            }
        results = await all_of(fetcher, urls, deadline=anyio.current_time() + 0.05)
        assert all(isinstance(result, FetchError) for result in results)
    await site.all_closed.wait()
    gc.collect()
    await asyncio.sleep(0.05)
    # The tasks of the site's own connections end with them.
    assert tasks_before == asyncio.all_tasks()
    assert files_before >= open_files()
