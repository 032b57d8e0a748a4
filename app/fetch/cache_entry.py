"""What the HTTP cache keeps of one URL, as hishel's storage: one answer, the last that could be kept."""

import json
import time
import uuid
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any

import hishel

from app.cache import Cache
from app.seam import in_thread

# Answers that stay true for a while; what a server says in trouble does not.
PAGES = frozenset({200, 203})
OTHERS = frozenset({301, 302, 303, 307, 308, 404, 405, 410, 414})
# Where a server is down, its answer may still be given for so long after it has gone stale.
STALE_SECONDS = 86_400.0
# Directives by which a server forbids that.
_STRICT = frozenset({"no-cache", "must-revalidate", "proxy-revalidate", "s-maxage"})
_OF_THE_BODY = frozenset({"content-length", "content-encoding", "content-range"})


class CacheEntry(hishel.AsyncBaseStorage):
    """The answer to one URL, for one request.

    What hishel stores is only collected; `keep` puts it into the cache.
    """

    def __init__(self, cache: Cache, key: str, *, fresh: bool) -> None:
        """Name the entry.

        Args:
            cache: where it is.
            key: of the URL.
            fresh: whether what is known shall not be used.
        """
        super().__init__()
        self._cache = cache
        self._key = key
        self._fresh = fresh
        self._known: tuple[hishel.Entry, bytes] | None = None
        self._new: tuple[hishel.Request, hishel.Response, bytes] | None = None

    async def get_entries(self, key: str) -> list[hishel.Entry]:
        """What is known, at most one answer."""
        if self._fresh:
            return []
        found = (await self._cache.get([self._key])).get(self._key)
        self._known = None if found is None else await in_thread(_unpacked, found)
        return [] if self._known is None else [_readable(*self._known)]

    async def create_entry(
        self,
        request: hishel.Request,
        response: hishel.Response,
        key: str,
        *,
        ttl: float | None = None,
        tti: float | None = None,
    ) -> hishel.Entry:
        """Collect the answer while it is read; one that may not be kept makes what is known go."""
        entry = hishel.Entry(uuid.uuid4(), request, response)
        if "set-cookie" in response.headers or response.status_code not in PAGES | OTHERS:
            if response.status_code in PAGES:
                await self.forget()
            return entry
        if response.status_code in OTHERS:  # their bodies are not read
            headers = {name: response.headers.get_list(name) or [] for name in response.headers}
            bare = hishel.Headers({name: values for name, values in headers.items() if name not in _OF_THE_BODY})
            self._new = request, replace(response, headers=bare), b""
            return entry
        return replace(entry, response=replace(response, stream=self._collected(request, response)))

    async def _collected(self, request: hishel.Request, response: hishel.Response) -> AsyncIterator[bytes]:
        """The body, which is remembered once it has been read to its end, unless it is too large."""
        body = bytearray()
        assert isinstance(response.stream, AsyncIterator)
        async for chunk in response.stream:
            if len(body) <= self._cache.entry_bytes:
                body += chunk
            yield chunk
        if len(body) <= self._cache.entry_bytes:
            self._new = request, response, bytes(body)

    async def update_headers(self, id: uuid.UUID, headers: hishel.Headers) -> None:  # noqa: A002 - hishel's name
        """Take over what a server said when it confirmed the answer."""
        if self._known is not None and self._known[0].id == id:
            entry, body = self._known
            self._new = entry.request, replace(entry.response, headers=headers), body

    async def remove_entry(self, id: uuid.UUID) -> None:  # noqa: A002 - hishel's name
        """Forget the answer, if it is still this one."""
        if self._known is not None and self._known[0].id == id:
            await self.forget()

    async def keep(self) -> None:
        """Put in what was collected."""
        if self._new is not None:
            await self._cache.set({self._key: await in_thread(_packed, *self._new)})

    async def forget(self) -> None:
        """What is known is true no longer."""
        if self._known is not None:
            self._known = None
            await self._cache.delete(self._key)

    def stale(self) -> hishel.Response | None:
        """What may be given where the server fails, if anything is known: not for longer than it allows."""
        if self._known is None:
            return None
        response = self._known[0].response
        said = directives(response.headers.get("cache-control", ""))
        if response.status_code not in PAGES or not _STRICT.isdisjoint(said):
            return None
        good_for = _seconds(said.get("max-age"), 0.0) + _seconds(said.get("stale-if-error"), STALE_SECONDS)
        date = moment(response.headers.get("date", ""))
        if date is None or time.time() > date + good_for:
            return None
        return _readable(*self._known).response


def directives(value: str) -> dict[str, str]:
    """The directives of a Cache-Control header.

    >>> directives('Max-Age=60, no-cache="x"')
    {'max-age': '60', 'no-cache': 'x'}
    """
    pairs = (part.strip().partition("=") for part in value.lower().split(","))
    return {name.strip(): argument.strip(' "') for name, _, argument in pairs if name.strip()}


def moment(date: str) -> float | None:
    """The seconds of an HTTP date since 1970; None where it is none."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _seconds(value: str | None, default: float) -> float:
    return float(value[:9]) if value is not None and value.isascii() and value.isdecimal() else default


def _readable(entry: hishel.Entry, body: bytes) -> hishel.Entry:
    return replace(entry, response=replace(entry.response, stream=_chunks([body])))


async def _chunks(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def _packed(request: hishel.Request, response: hishel.Response, body: bytes) -> bytes:
    """One line of JSON, and the body."""
    about = {
        "url": request.url,
        "request": {name: request.headers.get_list(name) for name in request.headers},
        "status": response.status_code,
        "headers": {name: response.headers.get_list(name) for name in response.headers},
    }
    return json.dumps(about).encode() + b"\n" + body


def _unpacked(data: bytes) -> tuple[hishel.Entry, bytes] | None:
    """The answer and its body; None where it is of another layout."""
    line, _, body = data.partition(b"\n")
    try:
        about: Any = json.loads(line)
        request = hishel.Request("GET", about["url"], hishel.Headers(about["request"]))
        response = hishel.Response(int(about["status"]), hishel.Headers(about["headers"]))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
    return hishel.Entry(uuid.uuid4(), request, response), body
