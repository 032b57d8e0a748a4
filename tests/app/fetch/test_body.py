"""Bodies: what is decompressed, and what ends at the limit on either side."""

import gzip
import tracemalloc
import zlib

import brotli
import pytest

from app.fetch import BodyTooLarge, Fetcher, UnpackedTooLarge, UnreadableBody
from app.fetch.codings import zstd
from tests.app.fetch.conftest import PAGE, Site, answer, endless, failure_of

pytestmark = pytest.mark.anyio

# 50 MB in 50 kB, of which a second coding makes some hundred bytes.
BOMB = gzip.compress(bytes(50_000_000))
LARGE_WINDOW = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(PAGE)),
        ("x-gzip", gzip.compress(PAGE[:9]) + gzip.compress(PAGE[9:])),
        ("gzip", gzip.compress(PAGE) + b"\0\0"),
        ("deflate", zlib.compress(PAGE)),
        ("deflate", zlib.compress(PAGE)[2:-4]),
        ("identity", PAGE),
        ("br", brotli.compress(PAGE)),
        ("zstd", zstd.compress(PAGE)),
        ("zstd", zstd.compress(PAGE[:9]) + zstd.compress(PAGE[9:])),
        ("gzip, br", brotli.compress(gzip.compress(PAGE))),
        ("deflate, zstd, gzip", gzip.compress(zstd.compress(zlib.compress(PAGE)))),
    ],
    ids="gzip members padding zlib raw-deflate identity br zstd frames two three".split(),
)
async def test_compressed_pages_are_read(encoding: str, packed: bytes, fetcher: Fetcher, site: Site) -> None:
    """Each coding in the forms that servers send it, and several one upon the other."""
    site.answers["/"] = answer(packed, "text/html", f"content-encoding: {encoding}")
    assert PAGE == (await fetcher.fetch(f"{site.url}/")).html


@pytest.mark.parametrize(
    "body",
    [
        answer(gzip.compress(bytes(50_000_000)), "text/html", "content-encoding: gzip"),
        answer(gzip.compress(b"x" * 100_001), "text/html", "content-encoding: gzip"),
        answer(zlib.compress(bytes(50_000_000)), "text/html", "content-encoding: deflate"),
        answer(brotli.compress(bytes(50_000_000), quality=1), "text/html", "content-encoding: br"),
        answer(zstd.compress(bytes(50_000_000)), "text/html", "content-encoding: zstd"),
        answer(gzip.compress(BOMB), "text/html", "content-encoding: gzip, gzip"),
        answer(zstd.compress(BOMB), "text/html", "content-encoding: gzip, zstd"),
        answer(gzip.compress(bytes(90_000)) * 2, "text/html", "content-encoding: gzip"),
    ],
    ids="gzip one-byte-over deflate br zstd stacked-gzip stacked-zstd members".split(),
)
async def test_a_bomb_ends_at_the_limit(body: bytes, fetcher: Fetcher, site: Site) -> None:
    """The limit holds for the decompressed bytes, whatever the coding and however many of them."""
    site.answers["/"] = body
    error = await failure_of(fetcher, f"{site.url}/")
    assert (UnpackedTooLarge, "the page unpacks to more than 100,000 bytes") == (type(error), error.problem)


@pytest.mark.parametrize(
    "body",
    [
        answer(b"x" * 100_001),
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 100001\r\n\r\n",
    ],
    ids=["plain", "announced"],
)
async def test_a_page_over_the_limit_is_refused(body: bytes, fetcher: Fetcher, site: Site) -> None:
    """The limit holds for the bytes on the wire, and an announced length over it is believed at once."""
    site.answers["/"] = body
    assert BodyTooLarge is type(await failure_of(fetcher, f"{site.url}/"))


@pytest.mark.parametrize(
    ("coding", "packed"),
    [("gzip", BOMB), ("br", brotli.compress(bytes(50_000_000), quality=1)), ("zstd", zstd.compress(bytes(50_000_000)))],
    ids=["gzip", "br", "zstd"],
)
async def test_a_bomb_takes_no_more_memory_than_its_limit(
    coding: str, packed: bytes, fetcher: Fetcher, site: Site
) -> None:
    """One chunk on the wire that would grow to 50 MB is not let grow."""
    site.answers["/"] = answer(packed, "text/html", f"content-encoding: {coding}")
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
        ("compress", b"...", "the server sends content-encoding 'compress', which was not asked for"),
        ("gzip, br, gzip, br", b"...", "the server sends content-encoding 'gzip, br, gzip, br', which was not asked"),
        ("gzip", gzip.compress(PAGE)[:-9], "the compressed page breaks off before its end"),
        ("gzip", b"this is no gzip", "the compressed page is damaged"),
        ("deflate", b"\xff\xff\xff", "the compressed page is damaged"),
        ("br", brotli.compress(PAGE)[:-3], "the compressed page breaks off before its end"),
        ("br", b"\xff" * 20, "the compressed page is damaged"),
        ("zstd", zstd.compress(PAGE)[:-3], "the compressed page breaks off before its end"),
        ("zstd", b"\xff" * 20, "the compressed page is damaged"),
        ("zstd", zstd.compress(bytes(20_000_000), options=LARGE_WINDOW), "the compressed page is damaged"),
    ],
    ids="unasked stacked-high cut no-gzip no-deflate cut-br no-br cut-zstd no-zstd zstd-window".split(),
)
async def test_a_wrong_compression_is_refused(
    encoding: str, body: bytes, problem: str, fetcher: Fetcher, site: Site
) -> None:
    """Encodings that we can't hold to a limit, and compressed data that is broken."""
    site.answers["/"] = answer(body, "text/html", f"content-encoding: {encoding}")
    error = await failure_of(fetcher, f"{site.url}/")
    assert (UnreadableBody, True) == (type(error), error.problem.startswith(problem))
