"""Our proxy's own way to the web: to addresses that the guard has checked, or through the settings' forward proxy."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property

import httpcore2
import httpx

from app.fetch.guard import DEFAULT_PORTS, Guard
from app.fetch.network import CheckedBackend
from app.fetch.proxies import Proxies
from app.fetch.transport import raw_proxy, translated

_CONNECT_SECONDS = 5.0


class WayOut:
    """Connects on behalf of the browser. Where a forward proxy is gone through, that one decides on addresses."""

    def __init__(self, guard: Guard, proxies: Proxies | None = None) -> None:
        self._guard = guard
        self._proxies = proxies or Proxies()
        self._backend = CheckedBackend(guard)

    @asynccontextmanager
    async def tunnel(self, url: httpx.URL) -> AsyncIterator[httpcore2.AsyncNetworkStream]:
        """A connection to the host and port of the URL. Raises FetchError."""
        proxy = self._checked(url)
        with translated(str(url), proxied=proxy is not None):
            port = url.port or DEFAULT_PORTS[url.scheme]
            if proxy is None:
                stream = await self._backend.connect_tcp(url.host, port, timeout=_CONNECT_SECONDS)
            else:
                stream = await _connect(proxy, f"[{url.host}]:{port}" if ":" in url.host else f"{url.host}:{port}")
        try:
            yield stream
        finally:
            await stream.aclose()

    @asynccontextmanager
    async def answer(self, request: httpcore2.Request, url: httpx.URL) -> AsyncIterator[httpcore2.Response]:
        """The answer to a request of plain HTTP. Raises FetchError; reading the body raises httpcore2's own errors."""
        proxy = self._checked(url)
        request.extensions["timeout"] = {"connect": _CONNECT_SECONDS}
        backend = self._backend if proxy is None else None
        async with httpcore2.AsyncConnectionPool(proxy=proxy, network_backend=backend) as pool:
            with translated(str(url), proxied=proxy is not None):
                response = await pool.handle_async_request(request)
            try:
                yield response
            finally:
                await response.aclose()

    def _checked(self, url: httpx.URL) -> httpcore2.Proxy | None:
        """The forward proxy for a URL of the guard's liking. Raises Refused."""
        self._guard.check_url(url)
        proxy = self._proxies.proxy_for(url)
        return None if proxy is None else raw_proxy(proxy, self._context)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()


async def _connect(proxy: httpcore2.Proxy, target: str) -> httpcore2.AsyncNetworkStream:
    """A tunnel through the proxy. Raises httpcore2's errors."""
    at = proxy.url
    connection = httpcore2.AsyncHTTPConnection(at.origin, ssl_context=proxy.ssl_context)
    request = httpcore2.Request(
        "CONNECT",
        httpcore2.URL(scheme=at.scheme, host=at.host, port=at.port, target=target),
        headers=[(b"host", target.encode()), *proxy.headers],
        extensions={"timeout": {"connect": _CONNECT_SECONDS}},
    )
    response = await connection.handle_async_request(request)
    if not 200 <= response.status < 300:
        await connection.aclose()
        raise httpcore2.ProxyError(str(response.status))
    return response.extensions["network_stream"]
