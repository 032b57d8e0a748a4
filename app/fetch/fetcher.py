"""The fetcher: URL in, Page or FetchError out, within limits on time, bytes and redirects."""

import math
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import anyio
import httpx

from app.cache import Cache
from app.fetch.body import drain, read_body
from app.fetch.cache import CacheTransport, keep, marked
from app.fetch.codings import ACCEPT_ENCODING
from app.fetch.content import ACCEPT, check_type, page_of
from app.fetch.errors import BadStatus, ConnectionFailed, FetchError, FetchTimeout, RateLimited, Refused
from app.fetch.guard import Guard
from app.fetch.limits import FetchLimits
from app.fetch.manners import Manners, PacedTransport
from app.fetch.proxies import Proxies
from app.fetch.redirects import follow
from app.fetch.retry import RetryingTransport, asked_to_wait
from app.fetch.robots import RobotsTransport
from app.fetch.transport import GuardedTransport
from pruning.document import Page
from pruning.errors import reason
from pruning.observe import Observer, stage, unobserved


class Fetcher:
    """Fetches pages over connections that it keeps; one per process, closed by `aclose` or `async with`.

    What it holds itself to is a stack of transports that every hop of every redirect passes: the cache, where there
    is one (its owner closes it), the site's robots.txt, one retry, the pace of each host, and at the bottom the guard,
    which connects to checked addresses only. Cookies live as long as one fetch: some sites set one and redirect to
    themselves.

    Attributes:
        observer: is told of each page that is converted.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        limits: FetchLimits | None = None,
        manners: Manners | None = None,
        proxies: Proxies | None = None,
        *,
        cache: Cache | None = None,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self.limits = limits or FetchLimits()
        self.observer: Observer = unobserved
        manners = manners or Manners()
        self._headers = {"user-agent": manners.user_agent, "accept": ACCEPT, "accept-encoding": ACCEPT_ENCODING}
        guard = guard or Guard()
        direct = GuardedTransport(guard, self.limits, proxies, verify=verify)
        paced = RetryingTransport(PacedTransport(direct, manners), self.limits)
        self._transport: httpx.AsyncBaseTransport = paced
        if manners.robots:
            self._transport = RobotsTransport(paced, self.limits, self._headers)
        if cache is not None:
            self._transport = CacheTransport(self._transport, cache, guard, proxies)

    async def fetch(self, url: str, *, deadline: float | None = None, fresh: bool = False) -> Page:
        """The page at `url`: its bytes, the URL that answered, the encoding that the header names.

        One from the cache is a `KeptPage`; there is none where it shall be `fresh`.
        `deadline` is a moment on the clock of `anyio.current_time()`. Raises FetchError. When it returns,
        raises or is cancelled, nothing of it is left running.
        """
        moment = min(anyio.current_time() + self.limits.seconds, math.inf if deadline is None else deadline)
        with _errors_named(url), anyio.CancelScope(deadline=moment) as scope:
            return await self._follow(url, fresh)
        assert scope.cancelled_caught
        raise FetchTimeout(url, "the page did not arrive in time")

    async def _follow(self, url: str, fresh: bool) -> Page:
        # A client of its own, for its cookies; the connections are the transport's. Closing the client would
        # close the transport, so it isn't.
        client = httpx.AsyncClient(transport=self._transport, headers=self._headers, timeout=None, trust_env=False)
        headers = {"cache-control": "no-cache"} if fresh else None
        response = await follow(client, client.build_request("GET", url, headers=headers), self.limits.redirects)
        try:
            body = await self._body(response)
        finally:
            # Before it is converted, which may take its time: the next page of the site can have the connection.
            await response.aclose()
        with stage(self.observer, "convert"):
            page = await page_of(response, body)
        await keep(response)
        return marked(page, response)

    async def _body(self, response: httpx.Response) -> bytes:
        if not response.is_success:
            await drain(response)
            raise _bad_status(response)
        check_type(response)
        return await read_body(response, self.limits)

    async def aclose(self) -> None:
        """Close the connections that are kept."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _bad_status(response: httpx.Response) -> BadStatus:
    url, status = str(response.url), response.status_code
    problem = f"the server answers {status} {response.reason_phrase}".rstrip()
    wait = asked_to_wait(response)
    if wait is not None:
        return RateLimited(url, f"{problem} and asks to wait {wait:,.0f} s", status, wait)
    return (RateLimited if status == httpx.codes.TOO_MANY_REQUESTS else BadStatus)(url, problem, status)


@contextmanager
def _errors_named(url: str) -> Iterator[None]:
    """The boundary: every foreign error becomes one of ours here, and names the URL that was asked for."""
    try:
        yield
    except FetchError as error:
        if not _is_same(error.url, url):
            error.reached_from(url)
        raise
    except httpx.InvalidURL as error:
        raise Refused(url, f"this is no URL of a web page: {error}") from error
    except (httpx.HTTPError, OSError) as error:
        raise ConnectionFailed(url, f"the connection failed: {reason(error)}") from error


def _is_same(one: str, other: str) -> bool:
    return one == other or httpx.URL(one) == httpx.URL(other)
