"""The transport at the bottom: sends one request, one hop of perhaps several, under the guard and the limits.

A redirect passes it again, so every hop is checked. It is the boundary to httpcore as well: whatever fails comes out as
one of our own errors.
"""

import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import anyio
import h2.exceptions
import h11
import httpcore2
import httpx

from app.fetch import errors
from app.fetch.guard import Guard
from app.fetch.limits import FetchLimits
from app.fetch.network import CheckedBackend, Pool
from app.fetch.proxies import Proxies
from pruning.errors import reason

KEEPALIVE_SECONDS = 15.0

T = TypeVar("T", bound=BaseException)


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends requests of the guard's liking, over HTTP/2 where the server speaks it, and keeps connections.

    It goes to the checked address itself, or through the forward proxy that `proxies` name for the URL.
    """

    def __init__(
        self,
        guard: Guard,
        limits: FetchLimits | None = None,
        proxies: Proxies | None = None,
        *,
        verify: ssl.SSLContext | bool = True,
        idle_connections: int = 100,
    ) -> None:
        self._guard = guard
        self._limits = limits or FetchLimits()
        self._proxies = proxies or Proxies()
        self._context = verify if isinstance(verify, ssl.SSLContext) else httpx.create_ssl_context(verify)
        self._idle_connections = idle_connections
        # By the URL of the proxy; None is the way without one.
        self._pools: dict[str | None, Pool] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Raises FetchError."""
        self._guard.check_url(request.url)
        url, proxy = str(request.url), self._proxies.proxy_for(request.url)
        with translated(url, proxied=proxy is not None), anyio.move_on_after(self._limits.first_byte_seconds):
            response = await self._send(request, self._pool(proxy))
            try:
                self._check(response, url, proxied=proxy is not None)
            except errors.FetchError:
                await response.aclose()
                raise
            return httpx.Response(
                response.status,
                headers=response.headers,
                stream=_Body(response, url),
                extensions=response.extensions,
            )
        raise errors.FirstByteTimeout(url, f"the server did not answer within {self._limits.first_byte_seconds:g} s")

    async def aclose(self) -> None:
        """Close the connections that are kept."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()

    async def _send(self, request: httpx.Request, pool: Pool) -> httpcore2.Response:
        """Once more where a connection that was kept had been closed at the other end meanwhile."""
        opened: list[str] = []

        async def trace(event: str, info: object) -> None:
            if event == "connection.connect_tcp.started":
                opened.append(event)

        target = httpcore2.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        extensions = {"timeout": {"connect": self._limits.connect_seconds}, "trace": trace}
        raw = httpcore2.Request(request.method, target, headers=request.headers.raw, extensions=extensions)
        try:
            return await pool.handle_async_request(raw)
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            if opened or _cause(error, h11.ProtocolError) or _cause(error, h2.exceptions.H2Error):
                raise
        return await pool.handle_async_request(raw)

    def _pool(self, proxy: httpx.Proxy | None) -> Pool:
        key = None if proxy is None else str(proxy.url)
        if key not in self._pools:
            self._pools[key] = self._new_pool(proxy)
        return self._pools[key]

    def _new_pool(self, proxy: httpx.Proxy | None) -> Pool:
        """How many connections there may be is decided above, per host and in all: nobody waits in here."""
        make = partial(
            Pool,
            self._context,
            max_connections=None,
            max_keepalive_connections=self._idle_connections,
            keepalive_expiry=KEEPALIVE_SECONDS,
            http2=True,
        )
        if proxy is None:
            return make(network_backend=CheckedBackend(self._guard))
        return make(proxy=raw_proxy(proxy, self._context))

    def _check(self, response: httpcore2.Response, url: str, *, proxied: bool) -> None:
        if proxied and response.status == 407:
            raise errors.ProxyFailed(url, "the proxy wants a user name and password that it accepts")
        size = sum(len(name) + len(value) for name, value in response.headers)
        if size > self._limits.header_bytes:
            raise errors.HeadersTooLarge(url, f"the headers have more than {self._limits.header_bytes:,} bytes")
        if len(response.headers) > self._limits.headers:
            raise errors.HeadersTooLarge(url, f"there are more than {self._limits.headers:,} headers")


class _Body(httpx.AsyncByteStream):
    """The bytes on the wire, with our errors. No generator: nobody has to remember to close it beside the body."""

    def __init__(self, response: httpcore2.Response, url: str) -> None:
        self._response = response
        self._chunks = response.aiter_stream()
        self._url = url

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        with translated(self._url):
            return await anext(self._chunks)

    async def aclose(self) -> None:
        """Give the connection back if the body was read to its end, close it otherwise."""
        await self._chunks.aclose()
        await self._response.aclose()


def raw_proxy(proxy: httpx.Proxy, context: ssl.SSLContext) -> httpcore2.Proxy:
    """The proxy as httpcore wants it; `context` is for the TLS to the proxy itself."""
    return httpcore2.Proxy(
        str(proxy.url),
        auth=proxy.raw_auth,
        headers=proxy.headers.raw,
        ssl_context=context if proxy.url.scheme == "https" else None,
    )


@contextmanager
def translated(url: str, *, proxied: bool = False) -> Iterator[None]:
    """httpcore's errors, and those that it lets through, as ours."""
    try:
        yield
    except errors.Refused as error:
        # The guard's word on an address knows the host alone.
        raise errors.Refused(url, error.problem) from error
    except httpcore2.ProxyError as error:
        raise errors.ProxyFailed(url, f"the proxy does not connect: it answers {error}") from error
    except httpcore2.TimeoutException as error:
        kind = errors.ProxyFailed if proxied else errors.ConnectTimeout
        raise kind(url, "no connection in time") from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError, h2.exceptions.H2Error, OSError) as error:
        raise _failure(error, url, proxied=proxied) from error


def _failure(error: Exception, url: str, *, proxied: bool) -> errors.FetchError:
    """Which of our errors it is, by what lies beneath."""
    if tls := _cause(error, ssl.SSLError):
        return errors.TlsFailed(url, f"TLS failed: {reason(tls)}")
    if _cause(error, socket.gaierror):
        return errors.HostUnknown(url, reason(error))
    if proxied and isinstance(error, httpcore2.ConnectError):
        return errors.ProxyFailed(url, f"the proxy can't be reached: {reason(error)}")
    framing = _cause(error, h11.RemoteProtocolError)
    if _cause(error, h2.exceptions.DenialOfServiceError) or (framing and framing.error_status_hint == 431):
        return errors.HeadersTooLarge(url, "the headers are too large to be read")
    return errors.ConnectionFailed(url, f"the connection failed: {reason(error)}")


def _cause(error: BaseException | None, kind: type[T]) -> T | None:
    """The error of that kind that led to `error`, or is it."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error
