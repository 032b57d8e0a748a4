"""robots.txt, by RFC 9309: the transport that asks a site's rules before each of its pages."""

import codecs
from collections import OrderedDict
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace

import anyio
import httpx
from protego import Protego

from app.fetch.body import drain, unpacked
from app.fetch.errors import (
    BodyTooLarge,
    ConnectionFailed,
    DisallowedByRobots,
    FetchError,
    FetchTimeout,
    Refused,
    TooManyRedirects,
)
from app.fetch.limits import FetchLimits
from app.fetch.manners import CRAWL_DELAY, PRODUCT, UNPACED
from app.fetch.redirects import follow
from app.seam import in_thread

# RFC 9309: what a crawler must read at least, hops that it must follow, and how long it may keep the rules.
READ_BYTES = 512_000
REDIRECTS = 5
KEEP_SECONDS = 3600.0
# How long a robots.txt that can't be had forbids everything.
KEEP_FAILURE_SECONDS = 30.0
# Rules are kept for as many sites, and from as many bytes in all; those asked for least recently go.
MOST_SITES = 1000
MOST_BYTES = 2_000_000
# Rules that a URL is compared with in a tenth of a millisecond.
QUICK_BYTES = 20_000


@dataclass(slots=True)
class Rules:
    """What a site allows, until `expires`; `failure`, where its robots.txt can't be had, forbids all of it."""

    expires: float
    parsed: Protego | None = None
    size: int = 0
    failure: FetchError | None = None

    def check(self, url: str) -> float:
        """Seconds to leave between two requests. Raises FetchError where the page may not be fetched."""
        if self.failure is not None:
            raise type(self.failure)(url, self.failure.problem)
        if self.parsed is None:
            return 0.0
        if not self.parsed.can_fetch(url, PRODUCT):
            raise DisallowedByRobots(
                url, f"the site's robots.txt forbids this page to {PRODUCT}; SECATEURS_FETCH_ROBOTS=false ignores it"
            )
        return self.parsed.crawl_delay(PRODUCT) or 0.0


class RobotsTransport(httpx.AsyncBaseTransport):
    """Sends what the site's robots.txt allows; `inner` fetches that file too, once for all of the site's pages."""

    def __init__(self, inner: httpx.AsyncBaseTransport, limits: FetchLimits, headers: dict[str, str]) -> None:
        self._inner = inner
        self._limits = replace(limits, bytes=max(limits.bytes, 2 * READ_BYTES))
        self._headers = headers
        self._sites: OrderedDict[str, Rules] = OrderedDict()
        self._asking: dict[str, anyio.Lock] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request if the site's rules allow it. Raises DisallowedByRobots, and what `inner` raises."""
        rules = await self._rules(request.url)
        url = str(request.url)
        delay = await in_thread(rules.check, url) if rules.size > QUICK_BYTES else rules.check(url)
        request.extensions = {**request.extensions, CRAWL_DELAY: delay}
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close what is beneath."""
        await self._inner.aclose()

    async def _rules(self, url: httpx.URL) -> Rules:
        site = f"{url.scheme}://{url.netloc.decode('ascii')}"
        lock = self._asking.setdefault(site, anyio.Lock())
        try:
            # Whoever is first asks; who is cancelled while asking leaves it to the next.
            async with lock:
                rules = self._sites.get(site)
                if rules is None or rules.expires <= anyio.current_time():
                    rules = await self._ask(url.copy_with(raw_path=b"/robots.txt", fragment=None))
                    self._keep(site, rules)
                self._sites.move_to_end(site)
                return rules
        finally:
            if not lock.locked():
                self._asking.pop(site, None)

    def _keep(self, site: str, rules: Rules) -> None:
        self._sites[site] = rules
        self._sites.move_to_end(site)
        kept = sum(rules.size for rules in self._sites.values())
        while len(self._sites) > 1 and (len(self._sites) > MOST_SITES or kept > MOST_BYTES):
            kept -= self._sites.popitem(last=False)[1].size

    async def _ask(self, url: httpx.URL) -> Rules:
        try:
            text = await self._read(url)
        except FetchError as error:
            return Rules(anyio.current_time() + KEEP_FAILURE_SECONDS, failure=_for_pages(error, str(url)))
        return Rules(anyio.current_time() + KEEP_SECONDS, await in_thread(Protego.parse, text), len(text))

    async def _read(self, url: httpx.URL) -> str:
        """The file, as much of it as counts; nothing where the site has none. Raises FetchError."""
        client = httpx.AsyncClient(transport=self._inner, headers=self._headers, timeout=None, trust_env=False)
        try:
            response = await follow(client, client.build_request("GET", url, extensions={UNPACED: True}), REDIRECTS)
        except (TooManyRedirects, httpx.HTTPError, httpx.InvalidURL):
            return ""
        try:
            if response.is_server_error:
                raise DisallowedByRobots(str(url), f"the server answers {response.status_code}")
            if not response.is_success:
                await drain(response)
                return ""
            return await self._text(response)
        finally:
            await response.aclose()

    async def _text(self, response: httpx.Response) -> str:
        body = bytearray()
        with suppress(BodyTooLarge):
            async with aclosing(unpacked(response, self._limits)) as parts:
                async for part in parts:
                    body += part
                    if len(body) >= READ_BYTES:
                        break
        return bytes(body[:READ_BYTES]).removeprefix(codecs.BOM_UTF8).decode(errors="replace")


def _for_pages(error: FetchError, url: str) -> FetchError:
    """What the pages of a site are told whose robots.txt, at `url`, can't be had.

    A refusal by our own rules is the page's as well, and so is a connection that fails.
    """
    if isinstance(error, Refused) and error.url == url:
        return error
    kind = type(error) if isinstance(error, Refused | ConnectionFailed | FetchTimeout) else DisallowedByRobots
    hint = "; SECATEURS_FETCH_ROBOTS=false ignores it" if kind is DisallowedByRobots else ""
    return kind(url, f"the site's robots.txt can't be had: {error.problem}{hint}")
