"""Bodies: what is decompressed, and what ends at the limit on either side."""

import gzip
import tracemalloc
import zlib

import pytest

from app.fetch import BodyTooLarge, Fetcher, UnreadableBody
from tests.app.fetch.conftest import PAGE, Site, answer, endless, failure_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(PAGE)),
        ("x-gzip", gzip.compress(PAGE[:9]) + gzip.compress(PAGE[9:])),
        ("gzip", gzip.compress(PAGE) + b"\0\0"),
        ("deflate", zlib.compress(PAGE)),
        ("deflate", zlib.compress(PAGE)[2:-4]),
        ("identity", PAGE),
    ],
    ids=["gzip", "members", "padding", "zlib", "raw-deflate", "identity"],
)
async def test_compressed_pages_are_read(encoding: str, packed: bytes, fetcher: Fetcher, site: Site) -> None:
    """gzip and deflate in the forms that servers send them."""
    site.answers["/"] = answer(packed, "text/html", f"content-encoding: {encoding}")
    assert PAGE == (await fetcher.fetch(f"{site.url}/")).html


@pytest.mark.parametrize(
    "body",
    [
        answer(gzip.compress(bytes(50_000_000)), "text/html", "content-encoding: gzip"),
        answer(gzip.compress(b"x" * 100_001), "text/html", "content-encoding: gzip"),
        answer(zlib.compress(bytes(50_000_000)), "text/html", "content-encoding: deflate"),
        answer(b"x" * 100_001),
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 100001\r\n\r\n",
    ],
    ids=["gzip-bomb", "one-byte-over", "deflate-bomb", "plain", "announced"],
)
async def test_a_page_over_the_limit_is_refused(body: bytes, fetcher: Fetcher, site: Site) -> None:
    """The limit holds for the decompressed bytes, and an announced length over it is believed at once."""
    site.answers["/"] = body
    assert BodyTooLarge is type(await failure_of(fetcher, f"{site.url}/"))


async def test_a_bomb_takes_no_more_memory_than_its_limit(fetcher: Fetcher, site: Site) -> None:
    """One chunk on the wire that would grow to 50 MB is not let grow."""
    site.answers["/"] = answer(gzip.compress(bytes(50_000_000)), "text/html", "content-encoding: gzip")
    tracemalloc.start()
    try:
        await failure_of(fetcher, f"{site.url}/")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


async def test_a_page_of_just_the_limit_is_read(fetcher: Fetcher, site: Site) -> None:
    """The limit itself is allowed, packed as well as plain."""
    site.answers["/plain"] = answer(b"x" * 100_000)
    site.answers["/gzip"] = answer(gzip.compress(b"x" * 100_000), "text/html", "content-encoding: gzip")
    for path in ("/plain", "/gzip"):
        assert 100_000 == len((await fetcher.fetch(site.url + path)).html)


@pytest.mark.parametrize("packing", ["", "content-encoding: gzip\r\n"], ids=["plain", "gzip-without-output"])
async def test_an_endless_body_ends_at_the_limit(packing: str, fetcher: Fetcher, site: Site) -> None:
    """What never ends is cut off by its bytes, even when decompressing them gives nothing."""
    filler = gzip.compress(b"") if packing else b"<p>again"
    site.answers["/"] = endless(f"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n{packing}\r\n".encode(), filler)
    assert BodyTooLarge is type(await failure_of(fetcher, f"{site.url}/"))
    await site.all_closed.wait()


@pytest.mark.parametrize(
    ("encoding", "body", "problem"),
    [
        ("br", b"...", "the server sends content-encoding 'br', which was not asked for"),
        ("gzip, gzip", b"...", "the server sends content-encoding 'gzip, gzip', which was not asked for"),
        ("gzip", gzip.compress(PAGE)[:-9], "the compressed page breaks off before its end"),
        ("gzip", b"this is no gzip", "the compressed page is damaged"),
        ("deflate", b"\xff\xff\xff", "the compressed page is damaged"),
    ],
    ids=["unasked", "nested", "cut", "none", "no-deflate"],
)
async def test_a_wrong_compression_is_refused(
    encoding: str, body: bytes, problem: str, fetcher: Fetcher, site: Site
) -> None:
    """Encodings that we can't hold to a limit, and compressed data that is broken."""
    site.answers["/"] = answer(body, "text/html", f"content-encoding: {encoding}")
    error = await failure_of(fetcher, f"{site.url}/")
    assert (UnreadableBody, True) == (type(error), error.problem.startswith(problem))
