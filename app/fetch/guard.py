"""The guard against server-side request forgery: a policy, and a transport that holds every request to it.

A redirect passes the transport again, so every hop is checked. A host is resolved once per connection, all
its addresses are checked, and the connection goes to a checked address itself: no second lookup could
answer differently. TLS still verifies the certificate against the host's name.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import anyio
import httpcore
import httpx

from app.fetch.addresses import refusal
from app.fetch.errors import Refused

DEFAULT_PORTS = {"http": 80, "https": 443}
OPEN_PORTS = frozenset({80, 443, 8080, 8443})
MOST_ADDRESSES_TRIED = 4
KEEPALIVE_SECONDS = 15.0

# A lookup can't be cancelled, and one for a dead domain takes its seconds: in a small pool, asyncio's own
# has six threads on two cores, a few of them would hold up the lookups of all other pages.
_lookups = ThreadPoolExecutor(max_workers=64, thread_name_prefix="lookup")

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
SocketOptions = Iterable[tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]]


async def resolve(host: str, port: int) -> Sequence[str]:
    """The IP addresses of `host` as the system's resolver has them. Raises OSError or UnicodeError."""
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_lookups, ask)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@dataclass(frozen=True, slots=True)
class Guard:
    """What may be fetched.

    `allowed_hosts` are exempt from the rules on addresses and ports, for intranets and tests: "wiki.corp"
    for all ports of that host, "127.0.0.1:8000" for one. An exempt host still must be asked by HTTP or
    HTTPS.
    """

    allowed_hosts: frozenset[str] = frozenset()
    ports: frozenset[int] = OPEN_PORTS
    resolver: Resolver = resolve

    def check_url(self, url: httpx.URL) -> None:
        """Raise Refused unless scheme, spelling of the host and port may be asked; resolves nothing."""
        if url.scheme not in DEFAULT_PORTS:
            raise Refused(str(url), f"only http and https are fetched, not {url.scheme or 'a URL without scheme'}")
        if not url.host:
            raise Refused(str(url), "the URL names no host")
        if url.userinfo:
            raise Refused(str(url.copy_with(userinfo=None)), "a URL with a user name or password is not fetched")
        host, port = _host(url), DEFAULT_PORTS[url.scheme] if url.port is None else url.port
        if _is_odd_number(host):
            raise Refused(str(url), "an IPv4 address must be written as four decimal numbers")
        if port not in self.ports and not self.is_allowed(host, port):
            raise Refused(str(url), f"port {port} is not among the ports that are fetched from")

    def is_allowed(self, host: str, port: int) -> bool:
        """Whether this host, all of it or this port, is exempt."""
        name = host.rstrip(".").lower()
        return not self.allowed_hosts.isdisjoint({name, f"{name}:{port}", f"[{name}]:{port}"})

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of `host`, each of them checked. Raises Refused if any of them may not be asked.

        One address of several inside our own network is a trick or a mistake; neither is a page of the open
        web.
        """
        try:
            found = await self.resolver(host, port)
        except UnicodeError as error:
            raise Refused(host, f"this is no host name: {error}") from error
        if not self.is_allowed(host, port):
            # The address itself stays out of the message: it would tell a stranger how our network looks.
            for reason in filter(None, map(refusal, found)):
                raise Refused(host, f"the address of this host is not on the open web: {reason}")
        return list(found)


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport, with every URL checked and every connection made by `CheckedBackend`."""

    def __init__(self, guard: Guard, *, verify: ssl.SSLContext | bool = True, connections: int = 100) -> None:
        context = verify if isinstance(verify, ssl.SSLContext) else httpx.create_ssl_context(verify)
        super().__init__(verify=context)
        # httpx has no parameter for the network backend. If it ever renames this attribute, we must not go on
        # with a pool that checks nothing.
        if not isinstance(getattr(self, "_pool", None), httpcore.AsyncConnectionPool):
            raise TypeError("this release of httpx keeps its connection pool elsewhere: the guard can't be installed")
        self._guard = guard
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=connections,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=CheckedBackend(guard),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, one hop of perhaps several. Raises Refused, httpx.TransportError."""
        self._guard.check_url(request.url)
        try:
            return await super().handle_async_request(request)
        except Refused as error:
            raise Refused(str(request.url), error.problem) from error


class CheckedBackend(httpcore.AnyIOBackend):
    """Opens TCP connections to checked addresses only, and no Unix sockets."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of `host` that answers; `timeout` seconds cover the lookup and all
        of them.
        """
        try:
            with anyio.fail_after(timeout):
                addresses = (await self._guard.addresses(host, port))[:MOST_ADDRESSES_TRIED]
                return await self._first(addresses, port, timeout, socket_options)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"no connection within {timeout:g} s") from error
        except OSError as error:
            raise httpcore.ConnectError(f"the host is not known: {error.strerror or error}") from error

    async def _first(
        self, addresses: list[str], port: int, seconds: float | None, options: SocketOptions | None
    ) -> httpcore.AsyncNetworkStream:
        share = None if seconds is None or not addresses else seconds / len(addresses)
        problem: Exception = httpcore.ConnectError("the host has no address")
        for address in addresses:
            try:
                return await super().connect_tcp(address, port, timeout=share, socket_options=options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: SocketOptions | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refused: no page of the web is behind a Unix socket."""
        raise httpcore.ConnectError("Unix sockets are not fetched from")


def _host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii").rstrip(".").lower()


def _is_odd_number(host: str) -> bool:
    """Whether `host` is an IPv4 address in a spelling that only some programs read as one: octal, hex, 127.1.

    By the WHATWG's rule a host whose last label is a number is an IPv4 address.
    """
    last = host.rpartition(".")[2]
    if ":" in host or not (last.isdigit() or last.startswith("0x")):
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False
