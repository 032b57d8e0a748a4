"""The HTTP cache: a transport above all others, by the rules of RFC 9111 as hishel knows them.

It is a shared cache, since whoever asks the service may be given what another was: answers that are private or set a
cookie, and those to requests with a cookie or a password, are never kept. Every hop of a redirect passes it, its URL
held to the guard's rules first; what is not in the cache, or no longer good, goes on through the guard to the web.
Pages of hosts that a setting exempts from the guard, or that came through a proxy, have keys of their own, so that no
service which could not have fetched them finds them in a Redis that both use.

What is kept is the body as it came, and only once the fetcher has made a page of it within its limits (`keep`).
"""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import formatdate

import anyio
import hishel
import httpx
from hishel.httpx import AsyncCacheTransport

from app.cache import Cache
from app.cache.entries import key_of
from app.fetch.body import drain
from app.fetch.cache_entry import PAGES, CacheEntry, directives, moment
from app.fetch.errors import ConnectionFailed, FetchTimeout, RateLimited
from app.fetch.guard import DEFAULT_PORTS, Guard
from app.fetch.proxies import Proxies
from app.fetch.retry import FAILING
from pruning.document import Page

KIND = "http"
_TROUBLE = FAILING | {429}
_RULES = hishel.CacheOptions(shared=True, supported_methods=["GET"], allow_stale=False)
_ENTRY, _STALE = "cache_entry", "cache_stale"


@dataclass(frozen=True, slots=True)
class KeptPage(Page):
    """A page from the cache. `stale`: out of date, but its server can't be asked."""

    stale: bool = False

    def plain(self) -> Page:
        """The page as any other."""
        return Page(self.html, self.url, self.title, self.encoding)


class CacheTransport(httpx.AsyncBaseTransport):
    """Answers from the cache what HTTP allows to, and asks `inner` for the rest.

    A request with `Cache-Control: no-cache` is not answered from it, but its answer is kept.
    """

    def __init__(
        self, inner: httpx.AsyncBaseTransport, cache: Cache, guard: Guard, proxies: Proxies | None = None
    ) -> None:
        self._inner = inner
        self._proxies = proxies or Proxies()
        self._cache = cache
        self._guard = guard

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer. Raises Refused, and what `inner` raises where no answer is known that may stand in."""
        self._guard.check_url(request.url)
        if request.method != "GET" or not {"authorization", "cookie", "range"}.isdisjoint(request.headers):
            return await self._inner.handle_async_request(request)
        # As the server sees it: without the fragment, which does not tell one answer from another.
        url = request.url.copy_with(fragment=None)
        asked = httpx.Request("GET", url, headers=request.headers, extensions=request.extensions)
        entry = CacheEntry(self._cache, self._key(url), fresh="no-cache" in directives(_cache_control(request)))
        dated = _Dated(self._inner)
        try:
            return await self._through(asked, entry, dated)
        except BaseException:
            await dated.give_up()
            raise

    async def _through(self, asked: httpx.Request, entry: CacheEntry, dated: "_Dated") -> httpx.Response:
        try:
            response = await AsyncCacheTransport(dated, entry, _RULES).handle_async_request(asked)
        except (ConnectionFailed, FetchTimeout, RateLimited):
            known = entry.stale()
            if known is None:
                raise
            return _stale(known)
        response.request = asked
        if response.status_code in _TROUBLE and (known := entry.stale()) is not None:
            await _finish(response)
            return _stale(known)
        await _follow_up(response, entry)
        return response

    async def aclose(self) -> None:
        """Close what is beneath; the cache is its owner's."""
        await self._inner.aclose()

    def _key(self, url: httpx.URL) -> str:
        exempt = self._guard.is_allowed(url.host, url.port or DEFAULT_PORTS[url.scheme])
        proxy = self._proxies.proxy_for(url)
        return key_of(KIND, "exempt" if exempt else "open", "" if proxy is None else str(proxy.url), str(url))


async def keep(response: httpx.Response) -> None:
    """Put an answer into the cache, if it came through it and may be kept. To be called when all of it was read."""
    entry = response.extensions.get(_ENTRY)
    if isinstance(entry, CacheEntry):
        await entry.keep()


def marked(page: Page, response: httpx.Response) -> Page:
    """The page, as a `KeptPage` where its answer is from the cache."""
    if not response.extensions.get("caching", {}).get("from_cache"):
        return page
    return KeptPage(page.html, page.url, page.title, page.encoding, stale=_STALE in response.extensions)


class _Dated(httpx.AsyncBaseTransport):
    """Gives each answer the date from which its age counts, as a cache must where the server doesn't.

    A date in the future is now; and an answer that other caches have had for a while is as old as they say.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self._response: httpx.Response | None = None

    async def give_up(self) -> None:
        """Close the answer of a request that was cut short while the cache was read or written: nobody else can."""
        if self._response is not None:
            with anyio.CancelScope(shield=True):
                await self._response.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._response = response = await self._inner.handle_async_request(request)
        now = time.time()
        date, age = moment(response.headers.get("date", "")), response.headers.get("age", "")
        elsewhere = now - int(age) if age.isascii() and age.isdecimal() and len(age) < 10 else now
        response.headers["date"] = formatdate(min(now if date is None else date, elsewhere), usegmt=True)
        return response


async def _follow_up(response: httpx.Response, entry: CacheEntry) -> None:
    """What is left to do once hishel has decided: some of it now, some when the body was read."""
    response.extensions[_ENTRY] = entry
    status = response.extensions["caching"]
    if response.status_code not in PAGES or status["from_cache"]:
        await entry.keep()  # a redirect's body is not read, and a confirmed answer's was read before
    elif not status["stored"]:
        await entry.forget()


def _stale(known: hishel.Response) -> httpx.Response:
    headers = [(name, value) for name in known.headers for value in known.headers.get_list(name) or []]
    extensions = {"caching": {"from_cache": True, "revalidated": False, "stored": False}, _STALE: True}
    return httpx.Response(known.status_code, headers=_encoded(headers), stream=_Known(known), extensions=extensions)


def _encoded(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    # As bytes, because httpx takes text for ASCII.
    return [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in headers]


class _Known(httpx.AsyncByteStream):
    """A known body, as httpx wants it."""

    def __init__(self, known: hishel.Response) -> None:
        self._known = known

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._known.stream, AsyncIterator)
        async for chunk in self._known.stream:
            yield chunk


async def _finish(response: httpx.Response) -> None:
    try:
        await drain(response)
    finally:
        await response.aclose()


def _cache_control(request: httpx.Request) -> str:
    return request.headers.get("cache-control", "")
