"""Connections of the direct kind: to checked addresses only, one request at a time, closed when one is given up."""

import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from typing import Any

import anyio
import httpcore2

from app.fetch.guard import Guard

MOST_ADDRESSES_TRIED = 4

SocketOptions = Iterable[tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]]


class CheckedBackend(httpcore2.AnyIOBackend):
    """Opens TCP connections to addresses that the guard has checked, and no Unix sockets.

    A host is resolved once for each connection, all its addresses are checked, and the connection goes to a checked
    address itself: no second lookup could answer differently. TLS still verifies the certificate against the name.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of `host` that answers; `timeout` seconds cover the lookup and all of them.

        Raises Refused, httpcore2.ConnectTimeout, httpcore2.ConnectError; of a failed lookup, the cause is its OSError.
        """
        try:
            with anyio.fail_after(timeout):
                addresses = (await self._guard.addresses(host, port))[:MOST_ADDRESSES_TRIED]
                return await self._first(addresses, port, timeout, socket_options)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"no connection within {timeout:g} s") from error
        except OSError as error:
            raise httpcore2.ConnectError(f"the host is not known: {error.strerror or error}") from error

    async def _first(
        self, addresses: list[str], port: int, seconds: float | None, options: SocketOptions | None
    ) -> httpcore2.AsyncNetworkStream:
        share = None if seconds is None or not addresses else seconds / len(addresses)
        problem: Exception = httpcore2.ConnectError("the host has no address")
        for address in addresses:
            try:
                stream = await super().connect_tcp(address, port, timeout=share, socket_options=options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                problem = error
            else:
                return HandshakingStream(stream)
        raise problem

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: SocketOptions | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refused: no page of the web is behind a Unix socket."""
        raise httpcore2.ConnectError("Unix sockets are not fetched from")


class HandshakingStream(httpcore2.AsyncNetworkStream):
    """A TCP stream that a TLS handshake cut short closes; httpcore leaves it open when the handshake is cancelled."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> httpcore2.AsyncNetworkStream:
        """The same connection with TLS."""
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._stream.aclose()
            raise

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        """See httpcore2."""
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's signature
        """See httpcore2."""
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """See httpcore2."""
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        """See httpcore2."""
        return self._stream.get_extra_info(info)


class Pool(httpcore2.AsyncConnectionPool):
    """A pool whose connections, HTTP/2 as well, carry one request at a time.

    httpcore would share an HTTP/2 connection among requests, and leaves a stream that nobody reads any more open: what
    still comes for it fills the window that all others on that connection need, and a request that is cancelled while
    it writes breaks all of them. Pages that are given up are common here, so each has a connection for itself and
    takes it along when it goes. A page that was read to its end leaves its connection to the next one.
    """

    def create_connection(self, origin: httpcore2.Origin) -> httpcore2.AsyncConnectionInterface:
        """A connection to that origin, not yet open."""
        return OneAtATime(super().create_connection(origin))


class OneAtATime(httpcore2.AsyncConnectionInterface):
    """A connection that takes the next request when the answer to the last one was read to its end."""

    def __init__(self, connection: httpcore2.AsyncConnectionInterface) -> None:
        self._connection = connection

    async def handle_async_request(self, request: httpcore2.Request) -> httpcore2.Response:
        """Send a request; whatever fails before the answer is read costs the connection."""
        try:
            response = await self._connection.handle_async_request(request)
        except BaseException:
            await self.aclose()
            raise
        assert isinstance(response.stream, AsyncIterable)
        body = WholeBody(response.stream, self)
        return httpcore2.Response(
            response.status, headers=response.headers, content=body, extensions=response.extensions
        )

    async def aclose(self) -> None:
        """Close the connection, even when the caller is cancelled."""
        with anyio.CancelScope(shield=True):
            await self._connection.aclose()

    def is_available(self) -> bool:
        """Nothing is under way on it."""
        return self._connection.is_available() and self._connection.is_idle()

    def can_handle_request(self, origin: httpcore2.Origin) -> bool:
        """See httpcore2."""
        return self._connection.can_handle_request(origin)

    def is_connected(self) -> bool:
        """See httpcore2."""
        return self._connection.is_connected()

    def has_expired(self) -> bool:
        """See httpcore2."""
        return self._connection.has_expired()

    def is_idle(self) -> bool:
        """See httpcore2."""
        return self._connection.is_idle()

    def is_closed(self) -> bool:
        """See httpcore2."""
        return self._connection.is_closed()

    def info(self) -> str:
        """See httpcore2."""
        return self._connection.info()


class WholeBody:
    """A body that closes its connection unless it was read to its end."""

    def __init__(self, stream: AsyncIterable[bytes], connection: OneAtATime) -> None:
        self._stream = stream
        self._connection = connection
        self._is_whole = False

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        async with aclosing(aiter(self._stream)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                yield chunk
        self._is_whole = True

    async def aclose(self) -> None:
        """See the class."""
        if close := getattr(self._stream, "aclose", None):
            await close()
        if not self._is_whole:
            await self._connection.aclose()
