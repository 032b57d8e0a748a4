"""The HTTP cache over real sockets: what is kept, for how long, and that no rule of fetching is passed by."""

import asyncio
import gzip
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cache import Cache
from app.fetch import BadStatus, BodyTooLarge, ConnectionFailed, Fetcher, FetchError, FetchLimits, Guard, Refused
from app.fetch.cache import KeptPage
from app.fetch.cache_entry import CacheEntry, directives, moment
from app.fetch.errors import ProxyFailed
from app.fetch.manners import Manners
from app.fetch.proxies import Proxies
from app.store import RedisStore, SqliteStore
from pruning.document import Page
from tests.app.cache.stores import DictStore
from tests.app.fetch import conftest
from tests.app.fetch.conftest import PAGE, Handler, Site
from tests.app.redis_process import running_redis

pytestmark = pytest.mark.anyio

OLD = "date: -1000"
LIMITS = FetchLimits(bytes=100_000, seconds=20.0, retry_seconds=0.0)
CHANGED = b"<p>Changed."


def answer(body: bytes, kind: str = "text/html", *headers: str, status: str = "200 OK") -> bytes:
    """An answer whose dates, written as so many seconds from now, are those of this moment, as no test's name is."""
    dated = (re.sub(r"(?<=: )[+-]\d+$", _date, header) for header in headers)
    return conftest.answer(body, kind, *dated, status=status)


def _date(seconds: re.Match[str]) -> str:
    return formatdate(time.time() + int(seconds[0]), usegmt=True)


def fetcher_for(site: Site, cache: Cache | None, *exempt: str) -> Fetcher:
    """A fetcher with a cache that may ask the site."""
    hosts = frozenset(exempt or {site.host})
    return Fetcher(Guard(allowed_hosts=hosts), LIMITS, Manners(robots=False), cache=cache)


@pytest.fixture
def store() -> DictStore:
    """Where the cache keeps pages."""
    return DictStore()


@pytest.fixture
async def cached(site: Site, store: DictStore) -> AsyncIterator[Fetcher]:
    """A fetcher with a cache."""
    async with fetcher_for(site, Cache(store, 50_000, rest_seconds=0.0)) as made:
        yield made


async def twice(fetcher: Fetcher, site: Site, *headers: str, status: str = "200 OK") -> tuple[Page, Page]:
    """What is fetched first, and what is fetched after the page has changed."""
    site.answers["/"] = answer(PAGE, "text/html", *headers, status=status)
    first = await fetcher.fetch(site.url + "/")
    site.answers["/"] = answer(CHANGED)
    return first, await fetcher.fetch(site.url + "/")


@pytest.mark.parametrize(
    "headers",
    [
        ("cache-control: max-age=60",),
        ("cache-control: public, max-age=60",),
        ("cache-control: max-age=0, s-maxage=60",),
        ("expires: +3600",),
        ("last-modified: -1000000",),
        ("cache-control: max-age=60", "vary: accept, user-agent"),
        ("cache-control: max-age=60", "date: some day"),
        ("cache-control: max-age=60", "age: 30"),
        ("cache-control: max-age=60", "age: old"),
    ],
    ids=" ".join,
)
async def test_a_fresh_page_is_not_asked_for_again(cached: Fetcher, site: Site, headers: tuple[str, ...]) -> None:
    """It comes from the cache, with the same bytes, address and encoding, and says so."""
    first, second = await twice(cached, site, *headers)

    assert (Page, KeptPage) == (type(first), type(second))
    assert isinstance(second, KeptPage)
    assert first == second.plain()
    assert not second.stale
    assert 1 == len(site.requests)


@pytest.mark.parametrize(
    "headers",
    [
        ("cache-control: no-store",),
        ("cache-control: no-store, max-age=60",),
        ("cache-control: private, max-age=60",),
        ("cache-control: no-cache",),
        ("cache-control: max-age=60", "set-cookie: a=b"),
        ("cache-control: max-age=60", "vary: *"),
        ("cache-control: max-age=0",),
        ("cache-control: max-age=60", OLD),
        ("cache-control: max-age=60", "age: 100"),
        ("cache-control: max-age=600, s-maxage=0",),
        ("cache-control: max-age=banana",),
        ("expires: 0",),
        (),
    ],
    ids=" ".join,
)
async def test_what_is_not_fresh_or_not_for_all_is_asked_for_again(
    cached: Fetcher, site: Site, headers: tuple[str, ...]
) -> None:
    """The page is what it is now."""
    _, second = await twice(cached, site, *headers)
    assert (CHANGED, Page) == (second.html, type(second))


@pytest.mark.parametrize("headers", [("cache-control: private",), ("cache-control: no-store",), ("set-cookie: a=b",)])
async def test_what_is_not_for_all_is_not_even_put_there(
    cached: Fetcher, site: Site, store: DictStore, headers: tuple[str, ...]
) -> None:
    """Not for the time when the server fails either; and what was there before goes."""
    site.answers["/"] = answer(PAGE, "text/html", "cache-control: max-age=60", OLD)
    await cached.fetch(site.url + "/")
    assert 1 == len(store.values)
    site.answers["/"] = answer(CHANGED, "text/html", *headers)
    await cached.fetch(site.url + "/")
    assert {} == store.values


@pytest.mark.parametrize(
    ("validator", "condition"),
    [('etag: "v1"', "if-none-match"), (f"last-modified: {formatdate(1_000, usegmt=True)}", "if-modified-since")],
)
async def test_a_page_that_has_not_changed_is_confirmed(
    cached: Fetcher, site: Site, validator: str, condition: str
) -> None:
    """The server is asked whether it has; if not, the body that is known serves, and is fresh for a while again."""
    site.answers["/"] = answer(PAGE, "text/html", "cache-control: max-age=60", OLD, validator)
    first = await cached.fetch(site.url + "/")
    new = "HTTP/1.1 304 Not Modified\r\ncache-control: max-age=60\r\n" + validator + "\r\n\r\n"
    site.answers["/"] = new.encode()

    second, third = [await cached.fetch(site.url + "/") for _ in range(2)]

    assert [first, first] == [page.plain() for page in (second, third) if isinstance(page, KeptPage)]
    assert [False, True] == [condition in headers for _, headers in site.requests]


async def test_a_page_that_has_changed_takes_the_place_of_the_old(cached: Fetcher, site: Site) -> None:
    """Asked whether it has changed, the server sends it."""
    site.answers["/"] = answer(PAGE, "text/html", "cache-control: max-age=60", OLD, 'etag: "v1"')
    await cached.fetch(site.url + "/")
    site.answers["/"] = answer(CHANGED, "text/html", "cache-control: max-age=60", 'etag: "v2"')
    assert [CHANGED, CHANGED] == [(await cached.fetch(site.url + "/")).html for _ in range(2)]
    assert 2 == len(site.requests)


async def test_fresh_asks_again_and_keeps_the_answer(cached: Fetcher, site: Site) -> None:
    """Without a condition, and caches on the way are told so too; afterwards the new page is what is known."""
    site.answers["/"] = answer(PAGE, "text/html", "cache-control: max-age=60", 'etag: "v1"')
    await cached.fetch(site.url + "/")
    site.answers["/"] = answer(CHANGED, "text/html", "cache-control: max-age=60", 'etag: "v2"')

    fresh = await cached.fetch(site.url + "/", fresh=True)
    after = await cached.fetch(site.url + "/")

    assert (CHANGED, Page, CHANGED, KeptPage) == (fresh.html, type(fresh), after.html, type(after))
    assert [None, "no-cache"] == [headers.get("cache-control") for _, headers in site.requests]
    assert "if-none-match" not in site.requests[1][1]


async def test_fresh_is_never_stale(cached: Fetcher, site: Site) -> None:
    """Who asks for a page as it is now is told that it can't be had."""
    site.answers["/"] = answer(PAGE)
    await cached.fetch(site.url + "/")
    site.answers["/"] = answer(b"", status="503 Unavailable")
    with pytest.raises(BadStatus):
        await cached.fetch(site.url + "/", fresh=True)


async def broken_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes the connection without an answer."""
    writer.close()


@pytest.mark.parametrize(
    "trouble",
    [
        answer(b"busy", status="503 Unavailable"),
        answer(b"", status="429 Too Many"),
        answer(b"", status="500 X"),
        broken_off,
    ],
    ids=["503", "429", "500", "broken off"],
)
async def test_a_server_in_trouble(cached: Fetcher, site: Site, trouble: bytes | Handler) -> None:
    """What is known of the page stands in and says that it is stale; once the server is well, it is asked again."""
    site.answers["/"] = answer(PAGE)
    first = await cached.fetch(site.url + "/")
    site.answers["/"] = trouble
    kept = await cached.fetch(site.url + "/")
    site.answers["/"] = answer(CHANGED)

    assert isinstance(kept, KeptPage)
    assert (True, first) == (kept.stale, kept.plain())
    assert CHANGED == (await cached.fetch(site.url + "/")).html


@pytest.mark.parametrize(
    "headers",
    [
        ("cache-control: max-age=60, must-revalidate", OLD),
        ("cache-control: no-cache",),
        ("cache-control: s-maxage=0",),
        ("cache-control: max-age=60, stale-if-error=60", OLD),
        ("date: -100000",),
    ],
    ids=" ".join,
)
async def test_a_page_that_may_not_stand_in(cached: Fetcher, site: Site, headers: tuple[str, ...]) -> None:
    """A server can forbid it, and none wants it after a day: then its trouble is the answer."""
    site.answers["/"] = answer(PAGE, "text/html", *headers)
    await cached.fetch(site.url + "/")
    site.answers["/"] = broken_off
    with pytest.raises(ConnectionFailed):
        await cached.fetch(site.url + "/")


async def test_a_page_that_is_gone_is_gone(cached: Fetcher, site: Site) -> None:
    """That a page is not there any more is no trouble of the server."""
    site.answers["/"] = answer(PAGE)
    await cached.fetch(site.url + "/")
    site.answers["/"] = answer(b"gone", status="404 Not Found")
    with pytest.raises(BadStatus, match="404"):
        await cached.fetch(site.url + "/")


async def test_redirects_are_kept_and_followed(cached: Fetcher, site: Site) -> None:
    """Every hop that may be kept is; the page's address is the one that answered."""
    to_page = ("location: /page", "cache-control: max-age=60")
    site.answers["/"] = answer(b"moved", "text/html", *to_page, status="301 Moved")
    site.answers["/page"] = answer(PAGE, "text/html", "cache-control: max-age=60")
    pages = [await cached.fetch(site.url + "/#part") for _ in range(2)]
    assert [site.url + "/page#part"] * 2 == [page.url for page in pages]
    assert 2 == len(site.requests)


async def test_a_kept_redirect_into_a_private_address_is_refused(
    site: Site, start_site: Callable[[], Awaitable[Site]]
) -> None:
    """Where it leads is checked at every time that it is followed, be the redirect from the cache or not."""
    inside = await start_site()
    inside.answers["/secret"] = answer(b"<p>secret", "text/html", "cache-control: max-age=60")
    to_inside = (f"location: {inside.url}/secret", "cache-control: max-age=60")
    site.answers["/"] = answer(b"", "text/html", *to_inside, status="301 Moved")
    cache = Cache(DictStore(), 50_000)
    # One service may go there, and so it is in the cache that both share.
    async with fetcher_for(site, cache, site.host, inside.host) as allowed:
        assert b"<p>secret" == (await allowed.fetch(site.url + "/")).html
    async with fetcher_for(site, cache) as other:
        for url in (site.url + "/", inside.url + "/secret"):
            with pytest.raises(Refused):
                await other.fetch(url)
    assert (1, 1) == (len(site.requests), len(inside.requests))


async def test_what_a_service_that_may_has_fetched_is_not_there_for_others(site: Site) -> None:
    """Even by an address whose port and spelling are in order."""
    site.answers["/"] = answer(PAGE, "text/html", "cache-control: max-age=60")
    cache = Cache(DictStore(), 50_000)
    async with fetcher_for(site, cache) as allowed:
        await allowed.fetch(site.url + "/")
    guard = Guard(ports=frozenset({site.port}))
    async with Fetcher(guard, LIMITS, Manners(robots=False), cache=cache) as other:
        with pytest.raises(Refused):
            await other.fetch(site.url + "/")


async def test_what_came_another_way_is_not_there(site: Site, store: DictStore) -> None:
    """A service that asks through a proxy does not find what was fetched directly, nor the other way round."""
    site.answers["/"] = answer(PAGE, "text/html", "cache-control: max-age=60")
    async with fetcher_for(site, Cache(store, 50_000)) as direct:
        await direct.fetch(site.url + "/")
    guard, proxies = Guard(allowed_hosts=frozenset({site.host})), Proxies.configured("http://127.0.0.1:1")
    async with Fetcher(guard, LIMITS, Manners(robots=False), proxies, cache=Cache(store, 50_000)) as other:
        with pytest.raises(ProxyFailed):
            await other.fetch(site.url + "/")


async def test_a_request_with_a_cookie_passes_by(cached: Fetcher, site: Site) -> None:
    """A page that was asked for with a cookie is this visitor's: neither looked up nor kept."""
    asked: list[str] = []

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(site.requests[-1][1].get("cookie", ""))
        if asked[-1]:
            writer.write(answer(PAGE, "text/html", "cache-control: max-age=60"))
        else:
            writer.write(answer(b"", "text/html", "location: /", "set-cookie: a=b", status="302 Found"))

    site.answers["/"] = page
    pages = [await cached.fetch(site.url + "/") for _ in range(2)]
    assert ["", "a=b"] * 2 == asked
    assert [Page, Page] == [type(page) for page in pages]


async def test_compressed_pages(cached: Fetcher, site: Site, store: DictStore) -> None:
    """A body is kept as it came, and unpacked within its limits each time."""
    body = gzip.compress(b"<p>" + b"long " * 10_000)
    site.answers["/"] = answer(body, "text/html", "content-encoding: gzip", "cache-control: max-age=60")
    first, second = [await cached.fetch(site.url + "/") for _ in range(2)]
    assert (first.html, KeptPage) == (second.html, type(second))
    assert len(next(iter(store.values.values()))) < len(body) + 1_000


@pytest.mark.parametrize(
    "bad",
    [
        answer(gzip.compress(b"a" * 200_000), "text/html", "content-encoding: gzip", "cache-control: max-age=60"),
        answer(gzip.compress(b"a" * 20_000)[:-4], "text/html", "content-encoding: gzip", "cache-control: max-age=60"),
        answer(b"a" * 60_000, "text/html", "cache-control: max-age=60"),
        answer(b"%PDF-1.4 \0", "text/html", "cache-control: max-age=60"),
        answer(PAGE, "image/png", "cache-control: max-age=60"),
    ],
    ids=["unpacks to more than the limit", "broken off", "larger than an entry", "no page", "another type"],
)
async def test_what_is_no_page_is_not_kept(cached: Fetcher, site: Site, store: DictStore, bad: bytes) -> None:
    """Nor what no entry may be as large as."""
    site.answers["/"] = bad
    with suppress(FetchError):
        await cached.fetch(site.url + "/")
    assert {} == store.values


async def test_a_kept_page_is_held_to_the_limits_of_now(site: Site, store: DictStore) -> None:
    """A limit that was lowered since counts."""
    site.answers["/"] = answer(b"a" * 5_000, "text/html", "cache-control: max-age=60")
    async with fetcher_for(site, Cache(store, 50_000)) as made:
        await made.fetch(site.url + "/")
    limits = FetchLimits(bytes=1_000)
    guard = Guard(allowed_hosts=frozenset({site.host}))
    async with Fetcher(guard, limits, Manners(robots=False), cache=Cache(store, 50_000)) as small:
        with pytest.raises(BodyTooLarge):
            await small.fetch(site.url + "/")
    assert 1 == len(site.requests)


async def test_a_damaged_or_broken_store_costs_a_request_to_the_server(
    cached: Fetcher, site: Site, store: DictStore
) -> None:
    """And no error."""
    first, _ = await twice(cached, site, "cache-control: max-age=60")
    store.values = {key: value[:-1] + b"?" for key, value in store.values.items()}
    assert CHANGED == (await cached.fetch(site.url + "/")).html
    store.broken = True
    assert CHANGED == (await cached.fetch(site.url + "/")).html
    assert PAGE == first.html


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
async def test_real_stores(site: Site, kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A page is kept over a restart, in a file and in Redis."""
    site.answers["/"] = answer(PAGE, "text/html", "cache-control: max-age=60")

    async def fetch_twice(open_store: Callable[[], SqliteStore | RedisStore]) -> list[type[Page]]:
        kinds = []
        for _ in range(2):
            cache = Cache(open_store(), 50_000)
            async with fetcher_for(site, cache) as made:
                kinds.append(type(await made.fetch(site.url + "/")))
            await cache.store.aclose()
        return kinds

    if kind == "sqlite":
        kinds = await fetch_twice(lambda: SqliteStore(tmp_path / "store.sqlite3", 1_000_000))
    else:
        with running_redis(request.getfixturevalue("redis_server")) as process:
            kinds = await fetch_twice(lambda: RedisStore(process.url, 1_000_000))
    assert [Page, KeptPage] == kinds


VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30) | st.sampled_from(
    [
        "max-age=60",
        "max-age=-1",
        'no-cache="',
        "max-age=99999999999999999999",
        "private=",
        "Sun, 31 Feb 99999 00:00:00 GMT",
    ]
)
NAMES = st.sampled_from(
    ["cache-control", "expires", "date", "age", "etag", "last-modified", "vary", "set-cookie", "pragma"]
)


def test_servers_may_send_anything() -> None:
    """Whatever the headers that a cache reads say, the page comes: as it was, or as it is."""

    async def run(headers: list[tuple[str, str]], status: int) -> None:
        reason = {200: "OK", 304: "Not Modified"}[status]
        lines = [f"{name}: {value.strip()}" for name, value in headers if value.strip()]

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            known = b"if-none-match" in head or b"if-modified-since" in head
            if known and status == 304:
                writer.write(
                    f"HTTP/1.1 304 {reason}\r\n".encode() + "".join(f"{x}\r\n" for x in lines).encode() + b"\r\n"
                )
            else:
                writer.write(answer(PAGE, "text/html", "connection: close", *lines))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        guard = Guard(allowed_hosts=frozenset({host}))
        async with Fetcher(guard, LIMITS, Manners(robots=False), cache=Cache(DictStore(), 50_000)) as made:
            assert [PAGE] * 3 == [(await made.fetch(f"http://{host}/")).html for _ in range(3)]
        server.close()

    @given(headers=st.lists(st.tuples(NAMES, VALUES), max_size=5), status=st.sampled_from([200, 304]))
    def any_headers(headers: list[tuple[str, str]], status: int) -> None:
        asyncio.run(run(headers, status))

    any_headers()


@given(value=st.text())
def test_headers_that_say_nothing(value: str) -> None:
    """Reading a date or directives never fails."""
    assert all(directives(value))
    assert moment(value) is None or isinstance(moment(value), float)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]\nx", b'{"url": 1}\n', b"\xff\n", b'{"url":"","request":1,"status":2,"headers":3}\n']
)
async def test_an_entry_of_another_layout_is_none(data: bytes) -> None:
    """It counts as not there."""
    cache = Cache(DictStore(), 50_000)
    await cache.set({"key": data})
    assert [] == await CacheEntry(cache, "key", fresh=False).get_entries("")
