"""The fetcher: URL in, Page or FetchError out, within limits on time, bytes and redirects."""

import math
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Self

import anyio
import httpx

from app.fetch.body import ACCEPT_ENCODING, read_body
from app.fetch.content import check_type, html_page, is_html, text_page
from app.fetch.errors import BadStatus, ConnectionFailed, FetchError, FetchTimeout, Refused, TooManyRedirects
from app.fetch.guard import Guard, GuardedTransport
from app.seam import in_thread
from pruning.document import Page

ACCEPT = "text/html,application/xhtml+xml;q=0.9,text/plain;q=0.5"


def _user_agent() -> str:
    try:
        return f"secateurs/{version('secateurs')}"
    except PackageNotFoundError:  # run from the source, not installed
        return "secateurs/0"


# Honest: who asks, and no browser's name.
USER_AGENT = _user_agent()


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one page may cost; `seconds` holds for the whole page with all its redirects."""

    bytes: int = 20_000_000
    redirects: int = 10
    seconds: float = 20.0
    connect_seconds: float = 5.0
    silence_seconds: float = 10.0


class Fetcher:
    """Fetches pages over connections that it keeps; one per process, closed by `aclose` or `async with`.

    Safe by default: see `Guard`. Environment variables for proxies are not read, because behind a proxy the
    guard could not check addresses. Cookies live as long as one fetch: some sites set one and redirect to
    themselves.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        limits: FetchLimits | None = None,
        *,
        user_agent: str = USER_AGENT,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self.limits = limits or FetchLimits()
        self._transport = GuardedTransport(guard or Guard(), verify=verify)
        self._headers = {"user-agent": user_agent, "accept": ACCEPT, "accept-encoding": ACCEPT_ENCODING}
        self._timeout = httpx.Timeout(self.limits.silence_seconds, connect=self.limits.connect_seconds, pool=None)

    async def fetch(self, url: str, *, deadline: float | None = None) -> Page:
        """The page at `url`: its bytes, the URL that answered, the encoding that the header names.

        `deadline` is a moment on the clock of `anyio.current_time()`. Raises FetchError. When it returns,
        raises or is cancelled, nothing of it is left running.
        """
        moment = min(anyio.current_time() + self.limits.seconds, math.inf if deadline is None else deadline)
        with _errors_named(url), anyio.CancelScope(deadline=moment) as scope:
            return await self._follow(url)
        assert scope.cancelled_caught
        raise FetchTimeout(url, "the page did not arrive in time")

    async def fetch_all(self, urls: Sequence[str], *, deadline: float | None = None) -> list[Page | FetchError]:
        """Page or error for each of `urls`, in their order, fetched side by side.

        A URL given twice is fetched once. One page's failure costs no other page anything. What has not
        arrived at the deadline is cancelled and gives a FetchTimeout.
        """
        results: dict[str, Page | FetchError] = {}

        async def fill(url: str) -> None:
            try:
                results[url] = await self.fetch(url, deadline=deadline)
            except FetchError as error:
                results[url] = error

        async with anyio.create_task_group() as tasks:
            for url in dict.fromkeys(urls):
                tasks.start_soon(fill, url)
        return [results[url] for url in urls]

    async def _follow(self, url: str) -> Page:
        # A client of its own, for its cookies; the connections are the transport's. Closing the client would
        # close the transport, so it isn't.
        client = httpx.AsyncClient(
            transport=self._transport, headers=self._headers, timeout=self._timeout, trust_env=False
        )
        request: httpx.Request | None = client.build_request("GET", url)
        for _ in range(self.limits.redirects + 1):
            assert request is not None
            response = await client.send(request, stream=True)
            try:
                request = response.next_request
                if request is None:
                    return await self._page(response)
            finally:
                # The body of a redirect is not read at all: it may be endless too.
                await response.aclose()
        raise TooManyRedirects(url, f"more than {self.limits.redirects} redirects")

    async def _page(self, response: httpx.Response) -> Page:
        if not response.is_success:
            reason = f" {response.reason_phrase}" if response.reason_phrase else ""
            problem = f"the server answers {response.status_code}{reason}"
            raise BadStatus(str(response.url), problem, response.status_code)
        check_type(response)
        body = await read_body(response, self.limits.bytes)
        if is_html(response, body):
            return html_page(response, body)
        return await in_thread(text_page, response, body)

    async def aclose(self) -> None:
        """Close the connections that are kept."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


@contextmanager
def _errors_named(url: str) -> Iterator[None]:
    """The boundary: every foreign error becomes one of ours here, and names the URL that was asked for."""
    try:
        yield
    except FetchError as error:
        if not _is_same(error.url, url):
            error.reached_from(url)
        raise
    except httpx.TimeoutException as error:
        raise FetchTimeout(url, f"the server is silent: {error or type(error).__name__}") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Refused(url, f"this is no URL of a web page: {error}") from error
    except (httpx.HTTPError, OSError) as error:
        raise ConnectionFailed(url, f"the connection failed: {str(error) or type(error).__name__}") from error


def _is_same(one: str, other: str) -> bool:
    return one == other or httpx.URL(one) == httpx.URL(other)
